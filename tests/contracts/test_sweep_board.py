"""Sweeps, their tasks and what they found: in memory, in SQLite, in Postgres."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

import stores.sql
from core.model import (
    Enrolment,
    FindState,
    ImageSighting,
    PersonId,
    SeenSegment,
    Standing,
    Sweep,
    SweepFind,
    SweepTask,
    hit_id,
)
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, picture
from tests.contracts.waiting import until

LONG_S = 3600.0
OVER_S = 0.0  # a lease that has ended when it begins: its holder was killed


def sweep(name: str = "sweep-1", *, person: PersonId | None = ADA, refs: tuple[str, ...] = ()) -> Sweep:
    return Sweep(id=name, created=NOW, person=person, refs=refs)


def segment(
    name: str, *, site: str = "gallery", fingerprints: int = 10, oldest: datetime = NOW - 60 * MINUTE
) -> SeenSegment:
    return SeenSegment(name=name, site=site, fingerprints=fingerprints, oldest=oldest, newest=oldest + MINUTE)


def find(
    number: int = 1,
    *,
    person: PersonId = ADA,
    site: str = "gallery",
    url: str | None = None,
    of: str = "sweep-1",
    seen: datetime = NOW - 60 * MINUTE,
) -> SweepFind:
    url = url or f"https://cdn.{site}.example/{number}.jpg"
    sha256 = f"{number:064x}"
    sighting = ImageSighting(site=site, page_url=f"https://{site}.example/", image_url=url, seen_at=seen)
    return SweepFind(id=hit_id(person, url, sha256), sweep=of, person=person, sighting=sighting, sha256=sha256)


@pytest.fixture
def protected(kept: Stores) -> Stores:
    kept.people.enrol(ADA, RECIPE, [picture("one"), picture("two")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("three")], NOW)
    return kept


def posted(kept: Stores, one: Sweep, *segments: SeenSegment) -> None:
    kept.sweep_board.post(one)
    kept.sweep_board.extend(one.id, segments, NOW)


def claimed(kept: Stores, lease_s: float = LONG_S, of: str | None = None) -> SweepTask:
    task = kept.sweep_board.claim(lease_s, of)
    assert task is not None
    return task


def stored(kept: Stores, *finds: SweepFind) -> None:
    """By a sweep of one segment."""
    posted(kept, sweep(), segment("a"))
    assert kept.sweep_board.done(claimed(kept), 10, finds, NOW)


def ids(finds: Sequence[SweepFind]) -> list[str]:
    return sorted(each.id for each in finds)


# ----------------------------------------------------------------------------------------------------------------- tasks


def test_each_segment_is_one_task_and_is_handed_out_once(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"), segment("b"))
    posted(protected, sweep(), segment("a"), segment("b"))

    before = protected.sweep_board.waiting()
    handed_out = [claimed(protected).segment, claimed(protected).segment]

    assert (before, protected.sweep_board.waiting()) == (2, 0)
    assert protected.sweep_board.progress("sweep-1").under_way == 2
    assert sorted(handed_out) == ["a", "b"]
    assert protected.sweep_board.claim(LONG_S) is None


def test_a_killed_workers_segment_is_handed_out_again_and_the_dead_one_cannot_end_it(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"))
    dead = claimed(protected, OVER_S)

    alive = claimed(protected)

    assert alive.segment == dead.segment
    assert not protected.sweep_board.renew(dead, LONG_S)
    assert not protected.sweep_board.done(dead, 10, [find()], NOW)
    assert protected.sweep_finds.waiting() == (0, 0)
    assert protected.sweep_board.renew(alive, LONG_S)
    assert protected.sweep_board.done(alive, 10, [find()], NOW)
    assert protected.sweep_finds.waiting() == (1, 1)


def test_of_many_workers_at_once_each_segment_goes_to_one(protected: Stores) -> None:
    posted(protected, sweep(), *(segment(f"{number:02}") for number in range(24)))

    def work(_: int) -> list[str]:
        with stores.sql.released():
            mine = []
            while (task := protected.sweep_board.claim(LONG_S)) is not None:
                assert protected.sweep_board.done(task, 10, [find(int(task.segment))], NOW)
                mine.append(task.segment)
            return mine

    with ThreadPoolExecutor(4) as threads:
        done = [each for mine in threads.map(work, range(4)) for each in mine]

    assert sorted(done) == [f"{number:02}" for number in range(24)]
    assert protected.sweep_finds.waiting() == (24, 24)


def test_of_many_workers_at_once_each_find_is_looked_at_by_one(protected: Stores) -> None:
    stored(protected, *(find(number) for number in range(24)))

    def look(_: int) -> list[str]:
        with stores.sql.released():
            return [each.id for _ in range(6) for each in protected.sweep_finds.claim(LONG_S, 3)]

    with ThreadPoolExecutor(4) as threads:
        looked = [each for mine in threads.map(look, range(4)) for each in mine]

    assert len(looked) == len(set(looked)) == 24


def test_a_withdrawal_in_the_midst_of_workers_leaves_nothing_behind(protected: Stores) -> None:
    posted(protected, sweep(person=None), *(segment(f"{number:02}") for number in range(24)))
    begun = threading.Barrier(3)

    def work(_: int) -> None:
        with stores.sql.released():
            begun.wait()
            while (task := protected.sweep_board.claim(LONG_S)) is not None:
                protected.sweep_board.done(
                    task, 10, [find(int(task.segment)), find(int(task.segment), person=EVE)], NOW
                )
                protected.sweep_finds.claim(LONG_S, 2)

    with ThreadPoolExecutor(2) as threads:
        workers = [threads.submit(work, number) for number in range(2)]
        begun.wait()
        protected.people.withdraw(ADA, NOW)
        for worker in workers:
            worker.result()

    assert protected.sweep_finds.waiting()[0] == 24
    assert dict(protected.sweep_board.progress("sweep-1").finds) == {FindState.WAITING: 24}


def test_a_task_is_done_once(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"))
    task = claimed(protected)

    assert protected.sweep_board.done(task, 10, [], NOW)
    assert not protected.sweep_board.done(task, 10, [find()], NOW)
    assert protected.sweep_board.claim(LONG_S) is None


def test_a_worker_may_ask_for_one_sweep_only(protected: Stores) -> None:
    posted(protected, sweep("one"), segment("a"))
    posted(protected, sweep("other"), segment("a"))

    assert claimed(protected, of="other").sweep == "other"
    assert protected.sweep_board.claim(LONG_S, "other") is None
    assert claimed(protected).sweep == "one"


def test_a_segment_that_could_not_be_compared_waits_and_counts_as_left(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"))
    protected.sweep_board.later(claimed(protected), LONG_S)

    progress = protected.sweep_board.progress("sweep-1")
    assert protected.sweep_board.claim(LONG_S) is None
    assert (progress.left, progress.under_way, progress.untried) == (1, 0, 0)


def test_a_segment_is_handed_out_again_when_its_wait_is_over(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"))
    protected.sweep_board.later(claimed(protected), 0.05)

    again: list[SweepTask] = []

    def comes_back() -> bool:
        again.extend(filter(None, [protected.sweep_board.claim(LONG_S)]))
        return bool(again)

    until(comes_back)
    assert again[0].attempts == 1


def test_progress_counts_what_was_compared_and_what_was_found(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"), segment("b"))
    protected.sweep_board.done(claimed(protected), 17, [find(1), find(2)], NOW)

    progress = protected.sweep_board.progress("sweep-1")

    assert (progress.segments, progress.left, progress.under_way, progress.fingerprints) == (1, 1, 0, 17)
    assert dict(progress.finds) == {FindState.WAITING: 2}


def test_what_was_seen_well_after_the_enrolment_is_not_swept(protected: Stores) -> None:
    posted(protected, sweep(), segment("before"), segment("after", oldest=NOW + 10 * MINUTE))

    assert claimed(protected).segment == "before"
    assert protected.sweep_board.claim(LONG_S) is None


def test_only_what_was_seen_since_a_date_is_swept(protected: Stores) -> None:
    since = Sweep(id="sweep-1", created=NOW, since=NOW - 90 * MINUTE)
    posted(protected, since, segment("old", oldest=NOW - 120 * MINUTE), segment("new"))

    task = claimed(protected)
    assert (task.segment, task.since) == ("new", since.since)
    assert protected.sweep_board.claim(LONG_S) is None


def test_a_segment_that_grew_while_it_was_compared_is_compared_once_more(protected: Stores) -> None:
    posted(protected, sweep(), segment("a", fingerprints=10))
    protected.sweep_board.done(claimed(protected), 10, [], NOW)
    later = NOW + 5 * MINUTE

    protected.sweep_board.extend("sweep-1", [segment("a", fingerprints=11)], NOW + timedelta(seconds=1))
    too_early = protected.sweep_board.claim(LONG_S)
    protected.sweep_board.extend("sweep-1", [segment("a", fingerprints=11)], later)
    again = claimed(protected)
    protected.sweep_board.done(again, 11, [], later)
    protected.sweep_board.extend("sweep-1", [segment("a", fingerprints=12)], later + MINUTE)

    assert too_early is None
    assert again.segment == "a"
    assert protected.sweep_board.claim(LONG_S) is None


def test_a_segment_that_did_not_grow_is_not_compared_again(protected: Stores) -> None:
    posted(protected, sweep(), segment("a", fingerprints=10))
    protected.sweep_board.done(claimed(protected), 10, [], NOW)

    protected.sweep_board.extend("sweep-1", [segment("a", fingerprints=10)], NOW + 5 * MINUTE)

    assert protected.sweep_board.claim(LONG_S) is None


def test_a_segment_that_appears_later_joins_the_sweep(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"))
    protected.sweep_board.done(claimed(protected), 10, [], NOW)

    protected.sweep_board.extend("sweep-1", [segment("a"), segment("sealed elsewhere")], NOW + 60 * MINUTE)

    assert claimed(protected).segment == "sealed elsewhere"


def test_open_are_young_sweeps_and_those_with_something_left(protected: Stores) -> None:
    posted(protected, sweep("unfinished"), segment("a"))
    protected.sweep_board.post(sweep("young"))

    assert [each.id for each in protected.sweep_board.open(NOW)] == ["unfinished", "young"]
    assert [each.id for each in protected.sweep_board.open(NOW + MINUTE)] == ["unfinished"]


def test_a_sweep_is_read_as_it_was_posted(protected: Stores) -> None:
    one = Sweep(id="sweep-1", created=NOW, since=NOW - MINUTE, person=ADA, refs=("one",))
    protected.sweep_board.post(one)

    assert protected.sweep_board.open(NOW) == [one]


def test_old_sweeps_and_finds_that_are_looked_at_are_forgotten(protected: Stores) -> None:
    posted(protected, sweep("finished"), segment("a"))
    waits, ended = find(1, of="finished"), find(2, of="finished")
    protected.sweep_board.done(claimed(protected), 10, [waits, ended], NOW)
    protected.sweep_finds.ended([ended.id], FindState.GONE, NOW)
    posted(protected, sweep("unfinished"), segment("a"))

    protected.sweep_board.forget(NOW + MINUTE)

    assert [each.id for each in protected.sweep_board.open(NOW)] == ["unfinished"]
    assert dict(protected.sweep_board.progress("finished").finds) == {FindState.WAITING: 1}


# -------------------------------------------------------------------------------------------------------- what is asked


def asked_refs(enrolments: Sequence[Enrolment]) -> set[tuple[str, str]]:
    return {(str(each.person), each.ref) for each in enrolments}


def test_a_sweep_asks_for_the_named_pictures_of_its_person(protected: Stores) -> None:
    protected.sweep_board.post(sweep(refs=("two",)))

    asked = protected.sweep_board.asked("sweep-1")

    assert asked_refs(asked) == {(ADA, "two")}
    assert len(asked) == 8


def test_a_sweep_without_pictures_asks_for_all_of_its_person(protected: Stores) -> None:
    protected.sweep_board.post(sweep())

    assert asked_refs(protected.sweep_board.asked("sweep-1")) == {(ADA, "one"), (ADA, "two")}


def test_a_sweep_without_a_person_asks_for_everybody(protected: Stores) -> None:
    protected.sweep_board.post(sweep(person=None))

    assert asked_refs(protected.sweep_board.asked("sweep-1")) == {(ADA, "one"), (ADA, "two"), (EVE, "three")}


def test_a_sweep_of_everybody_does_not_ask_for_who_withdrew(protected: Stores) -> None:
    protected.sweep_board.post(sweep(person=None))
    protected.people.withdraw(ADA, NOW)

    assert asked_refs(protected.sweep_board.asked("sweep-1")) == {(EVE, "three")}


# ----------------------------------------------------------------------------------------------------------------- finds


def test_a_find_is_read_as_it_was_stored(protected: Stores) -> None:
    stored(protected, find(1))

    assert list(protected.sweep_finds.claim(LONG_S, 10)) == [find(1)]


def test_sweeping_twice_finds_once_and_keeps_the_earliest_sighting(protected: Stores) -> None:
    stored(protected, find(1))
    posted(protected, sweep("sweep-2"), segment("a"), segment("b"))
    for seen in (NOW - 90 * MINUTE, NOW - 30 * MINUTE):
        protected.sweep_board.done(claimed(protected, of="sweep-2"), 10, [find(1, seen=seen)], NOW)

    (only,) = protected.sweep_finds.claim(LONG_S, 10)

    assert only.sighting.seen_at == NOW - 90 * MINUTE
    assert only.sweep == "sweep-2"


def test_all_finds_of_a_url_come_together_and_urls_of_one_site(protected: Stores) -> None:
    url = "https://cdn.gallery.example/shared.jpg"
    shared = [find(1, url=url), find(2, url=url), find(1, url=url, person=EVE)]
    stored(protected, *shared, find(3, url="https://cdn.gallery.example/z.jpg"), find(4, site="other"))

    first = protected.sweep_finds.claim(LONG_S, 1)
    second = protected.sweep_finds.claim(LONG_S, 10)
    third = protected.sweep_finds.claim(LONG_S, 10)

    assert ids(first) == ids(shared)
    assert [each.sighting.image_url for each in second] == ["https://cdn.gallery.example/z.jpg"]
    assert [each.sighting.site for each in third] == ["other"]


def test_a_find_is_looked_at_by_one_worker(protected: Stores) -> None:
    stored(protected, find(1))

    assert len(protected.sweep_finds.claim(LONG_S, 10)) == 1
    protected.sweep_finds.hasten()
    assert list(protected.sweep_finds.claim(LONG_S, 10)) == []
    assert protected.sweep_finds.waiting() == (1, 0)
    assert protected.sweep_board.progress("sweep-1").looking == 1


def test_a_killed_workers_find_is_looked_at_by_another(protected: Stores) -> None:
    stored(protected, find(1))
    protected.sweep_finds.claim(0.05, 10)

    until(lambda: len(protected.sweep_finds.claim(LONG_S, 10)) == 1)


def test_a_find_that_is_being_looked_at_is_kept_from_others_while_its_lease_is_renewed(protected: Stores) -> None:
    stored(protected, find(1))
    (mine,) = protected.sweep_finds.claim(0.3, 10)

    protected.sweep_finds.renew([mine.id], 60.0)
    time.sleep(0.4)

    assert len(protected.sweep_finds.claim(60.0, 10)) == 0


def test_a_find_ends_with_what_it_was_found_in(protected: Stores) -> None:
    stored(protected, find(1))
    (there,) = protected.sweep_finds.claim(0.0, 10)

    protected.sweep_finds.forget(there.sighting.seen_at)
    assert protected.sweep_finds.waiting()[0] == 1

    protected.sweep_finds.forget(there.sighting.seen_at + timedelta(seconds=1))
    assert protected.sweep_finds.waiting()[0] == 0


def test_a_find_nobody_could_look_at_waits_and_may_be_hastened(protected: Stores) -> None:
    stored(protected, find(1))
    protected.sweep_finds.claim(LONG_S, 10)

    protected.sweep_finds.later([find(1).id], LONG_S, "timeout")

    assert protected.sweep_finds.waiting() == (1, 0)
    assert list(protected.sweep_finds.claim(LONG_S, 10)) == []
    protected.sweep_finds.hasten()
    (early,) = protected.sweep_finds.claim(LONG_S, 10)
    assert (early.state, early.attempts, early.reason) == (FindState.WAITING, 1, "timeout")


def test_a_look_that_was_not_tried_is_not_counted(protected: Stores) -> None:
    stored(protected, find(1))

    protected.sweep_finds.later([find(1).id], 0.0, "paused", counted=False)

    (again,) = protected.sweep_finds.claim(LONG_S, 10)
    assert again.attempts == 0


def test_only_urls_of_one_sweep_may_be_asked_for(protected: Stores) -> None:
    stored(protected, find(1))
    posted(protected, sweep("sweep-2"), segment("a"))
    protected.sweep_board.done(claimed(protected, of="sweep-2"), 10, [find(2)], NOW)

    assert ids(protected.sweep_finds.claim(LONG_S, 10, sweep="sweep-2")) == [find(2).id]


@pytest.mark.parametrize("state", [FindState.HIT, FindState.GONE, FindState.CHANGED])
def test_a_find_that_was_looked_at_is_not_looked_at_again(protected: Stores, state: FindState) -> None:
    stored(protected, find(1))

    protected.sweep_finds.ended([find(1).id], state, NOW)

    protected.sweep_finds.hasten()
    assert list(protected.sweep_finds.claim(LONG_S, 10)) == []
    assert dict(protected.sweep_board.progress("sweep-1").finds) == {state: 1}


@pytest.mark.parametrize(
    ("state", "waits"), [(FindState.GONE, True), (FindState.CHANGED, True), (FindState.HIT, False)]
)
def test_a_later_sweep_has_what_was_not_there_looked_at_again(protected: Stores, state: FindState, waits: bool) -> None:
    stored(protected, find(1))
    protected.sweep_finds.ended([find(1).id], state, NOW)
    later = Sweep(id="sweep-2", created=NOW + MINUTE)
    posted(protected, later, segment("a"))

    protected.sweep_board.done(claimed(protected), 10, [find(1)], NOW + MINUTE)

    assert len(protected.sweep_finds.claim(LONG_S, 10)) == waits


def test_the_same_sweep_does_not_have_it_looked_at_again(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"), segment("b"))
    protected.sweep_board.done(claimed(protected), 10, [find(1)], NOW)
    protected.sweep_finds.ended([find(1).id], FindState.GONE, NOW + MINUTE)

    protected.sweep_board.done(claimed(protected), 10, [find(1)], NOW + MINUTE)

    assert list(protected.sweep_finds.claim(LONG_S, 10)) == []


# ---------------------------------------------------------------------------------------------- withdrawal, revocation


def test_a_withdrawal_takes_the_persons_sweeps_and_finds_with_it(protected: Stores) -> None:
    posted(protected, sweep("ada"), segment("a"))
    posted(protected, sweep("everybody", person=None), segment("b"))
    protected.sweep_board.done(claimed(protected, of="everybody"), 10, [find(1), find(2, person=EVE)], NOW)

    protected.people.withdraw(ADA, NOW)

    assert [each.id for each in protected.sweep_board.open(NOW)] == ["everybody"]
    assert protected.sweep_board.claim(LONG_S) is None
    assert ids(protected.sweep_finds.claim(LONG_S, 10)) == [find(2, person=EVE).id]


def test_a_sweep_that_was_under_way_brings_nothing_of_who_withdrew(protected: Stores) -> None:
    posted(protected, sweep("everybody", person=None), segment("a"))
    task = claimed(protected)
    protected.people.withdraw(ADA, NOW)

    assert protected.sweep_board.done(task, 10, [find(1), find(2, person=EVE)], NOW)

    assert ids(protected.sweep_finds.claim(LONG_S, 10)) == [find(2, person=EVE).id]


def test_a_task_whose_person_withdrew_cannot_be_ended(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"))
    task = claimed(protected)
    protected.people.withdraw(ADA, NOW)

    assert not protected.sweep_board.renew(task, LONG_S)
    assert not protected.sweep_board.done(task, 10, [find(1)], NOW)
    assert protected.sweep_finds.waiting() == (0, 0)


def test_a_revocation_takes_the_sites_tasks_and_finds_with_it(protected: Stores) -> None:
    posted(protected, sweep(), segment("a"), segment("b"), segment("c", site="other"))
    protected.sweep_board.done(claimed(protected), 10, [find(1), find(2, site="other")], NOW)

    protected.site_book.set_standing("gallery", Standing.REVOKED, "test", NOW)

    assert claimed(protected).segment == "c"
    assert protected.sweep_board.claim(LONG_S) is None
    assert ids(protected.sweep_finds.claim(LONG_S, 10)) == [find(2, site="other").id]


def test_a_sweep_that_was_under_way_brings_nothing_of_a_revoked_site(protected: Stores) -> None:
    posted(protected, sweep(), segment("c", site="other"))
    task = claimed(protected)
    protected.site_book.set_standing("gallery", Standing.REVOKED, "test", NOW)

    assert protected.sweep_board.done(task, 10, [find(1), find(2, site="other")], NOW)

    assert ids(protected.sweep_finds.claim(LONG_S, 10)) == [find(2, site="other").id]


def test_a_paused_site_keeps_its_finds(protected: Stores) -> None:
    stored(protected, find(1))

    protected.site_book.set_standing("gallery", Standing.PAUSED, "test", NOW)

    assert protected.sweep_finds.waiting() == (1, 1)


def test_finds_that_nobody_will_look_at_are_dropped(protected: Stores) -> None:
    stored(protected, find(1), find(2))

    protected.sweep_finds.drop([find(1).id])

    assert ids(protected.sweep_finds.claim(LONG_S, 10)) == [find(2).id]
