import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import stores.sql
from core.errors import UnknownId
from core.model import (
    Added,
    Decision,
    Enrolment,
    Evidence,
    Finding,
    Fingerprint,
    Hit,
    HitStatus,
    ImageSighting,
    LocationState,
    Match,
    PersonId,
    Tier,
    Topic,
    hit_of,
)
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, again, case, hit, picture


@pytest.fixture(autouse=True)
def _two_people(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1"), picture("ref-2")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("ref-3")], NOW)


def waiting(kept: Stores, topic: Topic) -> list[str]:
    return [task.key for task in kept.outbox.due([topic], NOW, limit=10_000)]


def work_off(kept: Stores) -> None:
    kept.outbox.done([task.id for task in kept.outbox.due(list(Topic), NOW, limit=10_000)])


# --- add


def test_adding_a_hit_twice_keeps_one(kept: Stores) -> None:
    assert kept.hit_log.add(hit()) is Added.NEW
    assert kept.hit_log.add(hit()) is Added.KNOWN

    assert list(kept.hit_log.all()) == [hit()]
    assert list(kept.hit_log.unhandled()) == [hit()]


def test_what_comes_back_is_what_was_put_in(kept: Stores) -> None:
    odd = hit(
        image_url="https://cdn.example/%s/ö/🌊?a='\"&b=\\" + "x" * 20_000, page_url="https://x.example/" + "p" * 9_000
    )

    kept.hit_log.add(odd)

    assert kept.hit_log.get([odd.id]) == [odd]


def test_a_hit_found_earlier_says_since_when_and_a_later_sighting_keeps_it(kept: Stores) -> None:
    earlier = replace(hit(), found_earlier=NOW - 60 * MINUTE)
    kept.hit_log.add(earlier)
    kept.hit_log.add(again(hit()))

    (stored,) = kept.hit_log.get([hit().id])
    assert stored.found_earlier == NOW - 60 * MINUTE
    assert stored.last_seen == NOW + MINUTE


def test_that_a_known_hit_was_there_earlier_is_kept_too(kept: Stores) -> None:
    kept.hit_log.add(hit())
    kept.hit_log.add(replace(hit(), found_earlier=NOW - 60 * MINUTE))
    kept.hit_log.add(replace(hit(), found_earlier=NOW - 30 * MINUTE))

    (stored,) = kept.hit_log.get([hit().id])
    assert (stored.found_earlier, stored.revision) == (NOW - 60 * MINUTE, 2)


def test_what_carried_a_hit_comes_back_as_it_was(kept: Stores) -> None:
    local = replace(
        hit(1),
        evidence=Evidence.LOCAL,
        overlay=((-120, 0), (1130, 5), (1124, 990), (-130, 1004)),
        agreeing=23,
        ranges=((0.0, 3.2), (61.04, 75.0)),
    )
    others = [replace(hit(number), evidence=each) for number, each in enumerate(Evidence, start=2)]
    for each in (local, *others):
        kept.hit_log.add(each)

    assert kept.hit_log.get([each.id for each in (local, *others)]) == [local, *others]


def test_a_known_hit_keeps_what_carried_it(kept: Stores) -> None:
    first = replace(hit(), evidence=Evidence.REGION, overlay=((0, 0), (500, 0), (500, 500), (0, 500)))
    kept.hit_log.add(first)
    kept.hit_log.add(replace(again(hit()), evidence=Evidence.LOCAL, agreeing=9, ranges=((1.0, 2.0),)))

    (stored,) = kept.hit_log.get([hit().id])
    assert (stored.evidence, stored.overlay, stored.agreeing, stored.ranges) == (Evidence.REGION, first.overlay, 0, ())


def test_an_added_hit_waits_for_desk_and_index_once(kept: Stores) -> None:
    kept.hit_log.add(hit())
    kept.hit_log.add(again(hit()))

    assert waiting(kept, Topic.DESK) == [hit().id]
    assert waiting(kept, Topic.INDEX) == [hit().id]


def test_nothing_is_taken_of_a_person_who_was_never_enrolled(kept: Stores) -> None:
    assert kept.hit_log.add(hit(person=PersonId("nobody"))) is Added.REFUSED

    assert list(kept.hit_log.all()) == []
    assert kept.outbox.waiting() == {"dead": 0}


def test_nothing_is_taken_of_a_person_who_withdrew(kept: Stores) -> None:
    kept.hit_log.add(hit(1))
    kept.people.withdraw(ADA, NOW)
    before = kept.hit_log.get([hit(1).id])

    assert kept.hit_log.add(hit(2)) is Added.REFUSED
    assert kept.hit_log.add(again(hit(1))) is Added.REFUSED
    assert kept.hit_log.add(hit(3, person=EVE)) is Added.NEW

    assert kept.hit_log.get([hit(1).id, hit(2).id]) == before


def test_a_person_who_enrols_again_gets_hits_again(kept: Stores) -> None:
    kept.people.withdraw(ADA, NOW)
    kept.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)

    assert kept.hit_log.add(hit()) is Added.NEW


def test_a_known_hit_keeps_first_seen_and_moves_last_seen_forward_only(kept: Stores) -> None:
    kept.hit_log.add(hit())
    kept.hit_log.add(again(hit(), later=3 * MINUTE))
    kept.hit_log.add(again(hit(), later=-5 * MINUTE))

    [stored] = kept.hit_log.get([hit().id])
    assert (stored.first_seen, stored.last_seen) == (NOW, NOW + 3 * MINUTE)


def test_a_further_page_joins_the_hit_once(kept: Stores) -> None:
    kept.hit_log.add(hit())
    for _ in range(2):
        kept.hit_log.add(again(hit(), page_url="https://gallery.example/new?page=2"))

    [stored] = kept.hit_log.get([hit().id])
    assert stored.page_url == hit().page_url
    assert stored.pages == (hit().page_url, "https://gallery.example/new?page=2")


def test_the_pages_of_one_hit_are_bounded(kept: Stores) -> None:
    everywhere = tuple(f"https://gallery.example/{number}" for number in range(999))
    kept.hit_log.add(replace(hit(), pages=(hit().page_url, *everywhere)))
    kept.hit_log.add(again(hit(), page_url="https://gallery.example/one-too-many"))

    [stored] = kept.hit_log.get([hit().id])
    assert stored.pages == (hit().page_url, *everywhere)
    assert stored.last_seen == NOW + MINUTE


def test_the_revision_grows_with_each_change_and_only_then(kept: Stores) -> None:
    seen = []
    for sighting in (hit(), hit(), again(hit()), again(hit()), again(hit(), page_url="https://gallery.example/2")):
        kept.hit_log.add(sighting)
        seen.append(kept.hit_log.get([hit().id])[0].revision)

    assert seen == [1, 1, 2, 2, 3]


def test_a_hit_that_is_seen_again_is_no_work_for_the_desk(kept: Stores) -> None:
    kept.hit_log.add(hit())
    kept.case_book.save(case=case(hit()), now=NOW)
    work_off(kept)

    kept.hit_log.add(again(hit()))

    assert waiting(kept, Topic.DESK) == []
    assert waiting(kept, Topic.INDEX) == [hit().id]


@pytest.mark.parametrize("state", [LocationState.GONE, LocationState.UNKNOWN])
def test_a_hit_that_is_back_is_work_for_the_desk(kept: Stores, state: LocationState) -> None:
    kept.hit_log.add(hit())
    kept.case_book.save(case=case(hit(), state=state), now=NOW)
    work_off(kept)

    assert kept.hit_log.add(again(hit())) is Added.KNOWN

    assert waiting(kept, Topic.DESK) == [hit().id]


def test_a_change_during_the_work_is_not_lost_when_that_work_is_done(kept: Stores) -> None:
    kept.hit_log.add(hit())
    under_way = kept.outbox.due([Topic.INDEX], NOW)

    kept.hit_log.add(again(hit()))
    kept.outbox.done([task.id for task in under_way])

    assert waiting(kept, Topic.INDEX) == [hit().id]


def test_many_threads_that_add_the_same_hit_add_one(kept: Stores) -> None:
    def add(number: int) -> Added:
        with stores.sql.released():
            return kept.hit_log.add(again(hit(), later=number * MINUTE))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(add, range(40)))

    assert sorted(answer.value for answer in answers) == ["known"] * 39 + ["new"]
    assert waiting(kept, Topic.DESK) == [hit().id]


def test_no_hit_is_taken_once_a_withdrawal_has_returned(kept: Stores) -> None:
    started = threading.Barrier(5)

    def add_until_refused(thread: int) -> None:
        started.wait()
        with stores.sql.released():
            numbers = itertools.count(1_000_000 * thread)
            while kept.hit_log.add(hit(next(numbers))) is not Added.REFUSED:
                continue

    with ThreadPoolExecutor(4) as threads:
        adding = [threads.submit(add_until_refused, thread) for thread in range(4)]
        started.wait()
        kept.people.withdraw(ADA, NOW)
        stored = {each.id for each in kept.hit_log.all()}
        for each in adding:
            each.result()

    assert {each.id for each in kept.hit_log.all()} == stored


# --- get, all, unhandled


def test_hits_come_in_the_order_asked_and_missing_ones_are_left_out(kept: Stores) -> None:
    for number in (1, 2, 3):
        kept.hit_log.add(hit(number))

    found = kept.hit_log.get([hit(3).id, "no such id", hit(1).id])

    assert found == [hit(3), hit(1)]


def test_a_hit_names_its_case(kept: Stores) -> None:
    kept.hit_log.add(hit())
    kept.case_book.save(case=case(hit()), now=NOW)

    [stored] = kept.hit_log.get([hit().id])
    assert stored.case == case(hit()).id
    assert stored.revision == 2
    assert [each.case for each in kept.hit_log.all()] == [case(hit()).id]


def test_all_gives_every_hit_by_id(kept: Stores) -> None:
    added = [hit(number) for number in range(7)]
    for each in added:
        kept.hit_log.add(each)

    assert list(kept.hit_log.all()) == sorted(added, key=lambda each: each.id)


def test_unhandled_hits_come_oldest_first_and_no_more_than_asked(kept: Stores) -> None:
    for number in (3, 1, 2):
        kept.hit_log.add(hit(number, seen=NOW + number * MINUTE))

    assert kept.hit_log.unhandled(limit=2) == [hit(1, seen=NOW + MINUTE), hit(2, seen=NOW + 2 * MINUTE)]


def test_a_hit_whose_desk_row_is_done_is_handled(kept: Stores) -> None:
    kept.hit_log.add(hit())
    work_off(kept)

    assert list(kept.hit_log.unhandled()) == []


# --- decide


def test_a_decision_holds_for_the_whole_cluster_and_nothing_else(kept: Stores) -> None:
    copies = [hit(1, tier=Tier.REVIEW), hit(2, tier=Tier.PROBABLE)]
    others = [hit(3, tier=Tier.REVIEW, ref="ref-2"), hit(4, tier=Tier.REVIEW, person=EVE)]
    for each in (*copies, *others):
        kept.hit_log.add(each)
    work_off(kept)

    changed = kept.hit_log.decide(copies[0].id, Decision.CONFIRM, "Grace", NOW)

    assert {each.id for each in changed} == {each.id for each in copies}
    assert {each.status for each in changed} == {HitStatus.CONFIRMED}
    assert {each.revision for each in changed} == {2}
    assert set(waiting(kept, Topic.DESK)) == set(waiting(kept, Topic.INDEX)) == {each.id for each in copies}
    assert kept.hit_log.get([each.id for each in others]) == others


def found(tier: Tier, number: int, sha256: str) -> Hit:
    seen = Fingerprint(hasher="area", view="full", bits="0f" * 32, quality=90)
    enrolment = Enrolment(person=ADA, ref="ref-1", fingerprint=seen, threshold=70)
    where = ImageSighting(
        site="gallery",
        page_url="https://gallery.example/",
        image_url=f"https://gallery.example/{number}.jpg",
        seen_at=NOW,
    )
    return hit_of(Finding(match=Match(enrolment=enrolment, seen=seen, distance=9), tier=tier), where, sha256)


@pytest.mark.parametrize("tier", [Tier.PROBABLE, Tier.REVIEW])
def test_a_doubtful_hit_that_is_rejected_takes_no_true_copy_with_it(kept: Stores, tier: Tier) -> None:
    wrong, same_bytes, other_bytes = found(tier, 1, "aa" * 32), found(tier, 2, "aa" * 32), found(tier, 3, "bb" * 32)
    sure, later = found(Tier.CONFIRMED, 4, "cc" * 32), found(Tier.CONFIRMED, 5, "dd" * 32)
    for each in (wrong, same_bytes, other_bytes, sure):
        kept.hit_log.add(each)

    kept.hit_log.decide(wrong.id, Decision.REJECT, "Grace", NOW)
    kept.hit_log.add(later)

    statuses = {each.id: each.status for each in kept.hit_log.all()}
    assert statuses == {
        wrong.id: HitStatus.REJECTED,
        same_bytes.id: HitStatus.REJECTED,
        other_bytes.id: HitStatus.CANDIDATE,
        sure.id: HitStatus.CONFIRMED,
        later.id: HitStatus.CONFIRMED,
    }


def test_the_same_decision_again_changes_nothing(kept: Stores) -> None:
    kept.hit_log.add(hit(tier=Tier.REVIEW))
    kept.hit_log.decide(hit().id, Decision.REJECT, "Grace", NOW)
    work_off(kept)

    assert list(kept.hit_log.decide(hit().id, Decision.REJECT, "Grace", NOW)) == []
    assert kept.outbox.waiting() == {"dead": 0}


@pytest.mark.parametrize(
    ("decision", "tier", "status"),
    [
        (Decision.REJECT, Tier.CONFIRMED, HitStatus.REJECTED),
        (Decision.CONFIRM, Tier.REVIEW, HitStatus.CONFIRMED),
    ],
)
def test_a_new_copy_arrives_with_its_clusters_decision(
    kept: Stores, decision: Decision, tier: Tier, status: HitStatus
) -> None:
    kept.hit_log.add(hit(1, tier=tier))
    kept.hit_log.decide(hit(1).id, decision, "Grace", NOW)

    kept.hit_log.add(hit(2, tier=tier))

    assert [each.status for each in kept.hit_log.get([hit(2).id])] == [status]


def test_a_known_hit_keeps_its_status_when_it_is_seen_again(kept: Stores) -> None:
    kept.hit_log.add(hit())
    kept.hit_log.decide(hit().id, Decision.REJECT, "Grace", NOW)

    kept.hit_log.add(again(hit()))

    assert [each.status for each in kept.hit_log.get([hit().id])] == [HitStatus.REJECTED]


def test_undo_takes_a_decision_back_from_every_hit_that_carries_it(kept: Stores) -> None:
    kept.hit_log.add(hit(1))
    kept.hit_log.decide(hit(1).id, Decision.REJECT, "Grace", NOW)
    kept.hit_log.add(hit(2))  # arrives rejected

    changed = kept.hit_log.decide(hit(2).id, Decision.UNDO, "Grace", NOW)

    assert {each.id: each.status for each in changed} == {hit(1).id: HitStatus.UNDONE, hit(2).id: HitStatus.UNDONE}


def test_after_an_undo_a_new_copy_arrives_as_it_was_found(kept: Stores) -> None:
    kept.hit_log.add(hit(1))
    kept.hit_log.decide(hit(1).id, Decision.REJECT, "Grace", NOW)
    kept.hit_log.decide(hit(1).id, Decision.UNDO, "Grace", NOW)
    kept.hit_log.add(hit(2))

    assert [each.status for each in kept.hit_log.get([hit(2).id])] == [HitStatus.CONFIRMED]
    assert list(kept.hit_log.decide(hit(1).id, Decision.UNDO, "Grace", NOW)) == []


def test_undo_without_a_decision_changes_nothing(kept: Stores) -> None:
    kept.hit_log.add(hit())

    assert list(kept.hit_log.decide(hit().id, Decision.UNDO, "Grace", NOW)) == []
    assert kept.hit_log.get([hit().id]) == [hit()]


def test_a_confirmation_of_what_was_confirmed_by_itself_can_be_undone(kept: Stores) -> None:
    kept.hit_log.add(hit())

    assert list(kept.hit_log.decide(hit().id, Decision.CONFIRM, "Grace", NOW)) == []
    assert [each.status for each in kept.hit_log.decide(hit().id, Decision.UNDO, "Grace", NOW)] == [HitStatus.UNDONE]


def test_a_decision_about_no_hit_is_refused(kept: Stores) -> None:
    with pytest.raises(UnknownId, match="hit list"):
        kept.hit_log.decide("no such id", Decision.CONFIRM, "Grace", NOW)
