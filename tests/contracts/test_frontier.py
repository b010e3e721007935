"""One contract, two frontiers: a file of this machine, and a Redis that many machines share."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from core.model import State
from crawler import met
from crawler.frontier import Found, Frontier, Leased, Pass, What
from crawler.frontier_sqlite import SqliteFrontier
from crawler.traps import BARREN_PAGES, REPEATING_PAGES
from tests.contracts.waiting import until
from tests.crawler.shared_frontier import redis_frontier

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
START = [Found(What.PAGE, "https://site.example/")]
ALL = {What.PAGE: 1_000, What.IMAGE: 1_000}


def page(path: str, state: State | None = None) -> Found:
    return Found(What.PAGE, f"https://site.example/{path}", state)


def image(path: str, state: State | None = None) -> Found:
    return Found(What.IMAGE, f"https://site.example/{path}", state)


@dataclass(frozen=True)
class Opener:
    """How to open one frontier, here and in other processes."""

    here: Callable[[], AbstractContextManager[Frontier]]
    written: str  # the same in Python, with what it imports


@pytest.fixture(params=["sqlite", "redis"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "sqlite":
        path = tmp_path / "frontier.sqlite3"
        written = f"__import__('crawler.frontier_sqlite').frontier_sqlite.SqliteFrontier(Path({str(path)!r}))"
        return Opener(lambda: SqliteFrontier(path), written)
    url = request.getfixturevalue("redis_url")
    written = (
        "__import__('tests.crawler.shared_frontier').crawler.shared_frontier"
        f".redis_frontier({url!r}, ttl_s=1, renewed_every_s=0.1)"
    )
    return Opener(lambda: redis_frontier(url), written)


@pytest.fixture
def frontier(opener: Opener) -> Iterator[Frontier]:
    with opener.here() as frontier:
        yield frontier


@pytest.fixture
def worker(frontier: Frontier) -> Iterator[str]:
    with frontier.worker() as name:
        yield name


def lease(frontier: Frontier, current: Pass, worker: str, now: float = 0.0, per_host: int = 1_000) -> Sequence[Leased]:
    return frontier.lease(current.id, worker, per_host=per_host, under_way={}, at_most=ALL, now=now)


def urls(leased: Sequence[Leased]) -> list[str]:
    return [each.url.removeprefix("https://site.example/") for each in leased]


def leased_soon(frontier: Frontier, current: Pass, worker: str) -> list[str]:
    """Once there is something to lease."""
    leased: list[str] = []

    def some() -> bool:
        leased.extend(urls(lease(frontier, current, worker)))
        return bool(leased)

    until(some)
    return leased


def read(frontier: Frontier, current: Pass, url: str, *children: Found) -> None:
    assert not frontier.finish(current.id, url, State.READ, what=What.PAGE, children=children)


@contextmanager
def another_process(opener: Opener, code: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Runs `code` with a `frontier` and a `worker` of its own. Killed at the end of the block, if it has not ended."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom crawler.frontier import *\nfrom core.model import State\n"
        f"with {opener.written} as frontier, frontier.worker() as worker:\n"
        + "".join(f"    {line}\n" for line in code.strip().splitlines())
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            yield other
        finally:
            other.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# ------------------------------------------------------------------------------------------------------------- passes


def test_a_pass_that_did_not_finish_is_taken_up_where_it_stood(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", page("a"), page("b"), image("c.jpg"))

    again = frontier.begin("site", START, NOW)

    assert again.id == current.id
    assert again.resumed
    assert urls(lease(frontier, again, worker)) == ["c.jpg", "a", "b"]


def test_after_a_finished_pass_a_new_one_starts_and_the_old_urls_are_forgotten(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", page("a"), image("b.jpg"))
    frontier.close(current.id, NOW)

    again = frontier.begin("site", START, NOW)

    assert again.id != current.id
    assert not again.resumed
    assert urls(lease(frontier, again, worker)) == [""]
    assert frontier.tally(again.id).of(What.PAGE) == {State.PENDING: 1}
    assert frontier.tally(again.id).of(What.IMAGE) == {}


def test_sites_do_not_see_each_other(frontier: Frontier, worker: str) -> None:
    one = frontier.begin("one", [page("1")], NOW)
    two = frontier.begin("two", [page("2")], NOW)

    assert urls(lease(frontier, one, worker)) == ["1"]
    assert urls(lease(frontier, two, worker)) == ["2"]


def test_every_url_met_is_in_exactly_one_count(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    read(
        frontier,
        current,
        "https://site.example/",
        page("a"),
        page("a"),
        page("elsewhere", State.OUT_OF_SCOPE),
        image("b.jpg"),
        image("c.jpg"),
        page("c.jpg"),
    )
    frontier.finish(current.id, "https://site.example/b.jpg", State.CLEAR, what=What.IMAGE, byte_count=7)

    tally = frontier.tally(current.id)

    assert tally.of(What.PAGE) == {State.READ: 1, State.PENDING: 1, State.OUT_OF_SCOPE: 1}
    assert tally.of(What.IMAGE) == {State.CLEAR: 1, State.PENDING: 1}
    assert tally.asked == {What.PAGE: 1, What.IMAGE: 1}
    assert tally.byte_count == 7


def test_urls_beyond_what_is_kept_by_name_are_counted_all_the_same(
    frontier: Frontier, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(met, "MET_AT_MOST", 3)
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", *(page(f"p{n}") for n in range(5)), image("i.jpg"))

    tally = frontier.tally(current.id)

    assert tally.of(What.IMAGE) == {State.PENDING: 1}
    assert tally.of(What.PAGE) == {State.READ: 1, State.PENDING: 1, State.OVER_LIMIT: 4}


# ------------------------------------------------------------------------------------------------------------- leases


def test_a_leased_url_is_leased_to_nobody_else(frontier: Frontier) -> None:
    current = frontier.begin("site", [page(f"{n}x") for n in range(300)], NOW)
    got: list[str] = []

    def take() -> None:
        with frontier.worker() as worker:
            while some := lease(frontier, current, worker, per_host=3):
                got.extend(urls(some))
                for each in some:
                    frontier.finish(current.id, each.url, State.GONE, what=What.PAGE)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got) == sorted(f"{n}x" for n in range(300))


def test_each_host_gets_what_it_has_room_for_and_pictures_go_first(frontier: Frontier, worker: str) -> None:
    far = [Found(What.IMAGE, f"https://cdn.example/{n}.jpg") for n in range(5)]
    current = frontier.begin("site", [page("a"), page("b"), image("c.jpg"), *far], NOW)

    leased = frontier.lease(current.id, worker, per_host=2, under_way={"cdn.example": 1}, at_most=ALL, now=0.0)

    assert urls(leased) == ["https://cdn.example/0.jpg", "c.jpg", "a"]


def test_no_more_of_a_kind_is_leased_than_may_still_be_asked_for(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("a"), page("b"), image("c.jpg"), image("d.jpg")], NOW)

    leased = frontier.lease(
        current.id, worker, per_host=9, under_way={}, at_most={What.PAGE: 1, What.IMAGE: 0}, now=0.0
    )

    assert urls(leased) == ["a"]


def test_what_was_given_back_is_leased_again_when_it_is_due(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    (leased,) = lease(frontier, current, worker)
    frontier.give_back(current.id, leased.url, due=100.0, counted=True)

    assert not lease(frontier, current, worker, now=99.0)
    assert frontier.next_due(current.id) == 100.0
    (again,) = lease(frontier, current, worker, now=100.0)
    assert again.attempts == 1
    assert frontier.next_due(current.id) is None


def test_a_host_that_wants_a_pause_gets_it_in_the_next_pass_too(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("a"), Found(What.PAGE, "https://other.example/b")], NOW)
    frontier.pause("site", "site.example", 50.0)
    first = lease(frontier, current, worker, now=10.0)
    frontier.close(current.id, NOW)

    again = frontier.begin("site", [page("a")], NOW)

    assert urls(first) == ["https://other.example/b"]
    assert not lease(frontier, again, worker, now=49.0)
    assert frontier.next_due(again.id) == 50.0
    assert urls(lease(frontier, again, worker, now=50.0)) == ["a"]


def test_what_waits_can_end_unasked_and_what_is_leased_goes_on(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("a"), page("b"), image("c.jpg")], NOW)
    (leased,) = frontier.lease(
        current.id, worker, per_host=1, under_way={}, at_most={What.PAGE: 1, What.IMAGE: 0}, now=0.0
    )

    ended = frontier.end_waiting(current.id, State.OVER_LIMIT, what=What.PAGE)

    assert ended == 1
    assert frontier.tally(current.id).of(What.PAGE) == {State.PENDING: 1, State.OVER_LIMIT: 1}
    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}
    assert urls([leased]) == ["a"]


def test_what_is_under_way_at_a_host_is_counted_over_all_workers(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [image(f"{n}.jpg") for n in range(9)], NOW)
    under_way = {"site.example": 0}

    def one_more(name: str, per_host: int) -> int:
        return len(frontier.lease(current.id, name, per_host=per_host, under_way=under_way, at_most=ALL, now=0.0))

    assert one_more(worker, 3) == 3
    under_way["site.example"] = 3
    assert one_more(worker, 3) == 0
    assert one_more(worker, 4) == 1


def test_no_more_is_leased_than_the_pass_may_ask_for(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page(f"{n}x") for n in range(9)], NOW)

    def some(limit: int) -> Sequence[Leased]:
        return frontier.lease(
            current.id, worker, per_host=99, under_way={}, at_most=ALL, now=0.0, of_pass={What.PAGE: limit}
        )

    first = some(2)
    while_under_way = some(2)
    frontier.finish(current.id, first[0].url, State.GONE, what=What.PAGE)
    after_one = some(2)
    frontier.give_back(current.id, first[1].url, due=0.0, counted=False)

    assert len(first) == 2
    assert not while_under_way
    assert not after_one
    assert urls(some(2)) == urls(first[1:])


def test_turns_at_one_host_are_a_delay_apart_whoever_asks_for_them(frontier: Frontier) -> None:
    with ThreadPoolExecutor(4) as threads:
        waits = sorted(threads.map(lambda _: frontier.turn("site", "site.example", 10.0, 5.0), range(6)))

    apart = [later - sooner for sooner, later in pairwise(waits)]
    assert waits[0] == pytest.approx(10.0, abs=1.0)  # robots.txt has just been asked for
    assert apart == pytest.approx([10.0] * 5, abs=1.0)
    assert frontier.turn("site", "other.example", 10.0, 5.0) == pytest.approx(10.0)
    assert frontier.turn("other site", "site.example", 10.0, 5.0) == pytest.approx(10.0)


LEASE_ALL = """
leased = frontier.lease(sys.argv[1], worker, per_host=9, under_way={}, at_most={What.PAGE: 9, What.IMAGE: 9}, now=0.0)
print(len(leased), flush=True)
sys.stdin.read()
"""


def test_a_killed_workers_leases_are_free_again_and_a_living_ones_are_not(
    opener: Opener, frontier: Frontier, worker: str
) -> None:
    current = frontier.begin("site", [page("a"), page("b")], NOW)
    with another_process(opener, LEASE_ALL, current.id) as other:
        assert said(other) == "2"
        while_it_lives = [*lease(frontier, current, worker), *lease(frontier, frontier.begin("site", [], NOW), worker)]
        other.kill()
    freed = leased_soon(frontier, current, worker)

    assert while_it_lives == []
    assert freed == ["a", "b"]


def test_what_a_killed_worker_had_leased_is_there_for_whoever_takes_up_the_pass(opener: Opener) -> None:
    with opener.here() as frontier:
        current = frontier.begin("site", [page("a"), page("b")], NOW)
    with another_process(opener, LEASE_ALL, current.id) as other:
        assert said(other) == "2"
        other.kill()

    with opener.here() as frontier, frontier.worker() as worker:
        again = frontier.begin("site", [], NOW)
        freed = leased_soon(frontier, again, worker)

    assert again.resumed
    assert freed == ["a", "b"]


def test_a_worker_that_ends_gives_back_what_it_held(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    with frontier.worker() as other:
        lease(frontier, current, other)

    assert urls(lease(frontier, current, worker)) == [""]


# ------------------------------------------------------------------------------------------------------ pages and hits


def test_a_picture_on_many_pages_is_one_url_with_all_its_pages(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("1x"), page("2x"), page("3x")], NOW)
    for path in ("1x", "2x", "3x"):
        read(frontier, current, f"https://site.example/{path}", image("p.jpg"))

    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}
    assert [each[-2:] for each in frontier.pages_showing(current.id, "https://site.example/p.jpg")] == [
        "1x",
        "2x",
        "3x",
    ]


def test_a_hit_is_not_settled_before_it_was_told_of_every_page_that_shows_it(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("1x"), page("2x")], NOW)
    picture = "https://site.example/p.jpg"
    read(frontier, current, "https://site.example/1x", image("p.jpg"))
    told = list(frontier.pages_showing(current.id, picture))
    read(frontier, current, "https://site.example/2x", image("p.jpg"))

    untold = frontier.finish(current.id, picture, State.HIT, what=What.IMAGE, hits=["h"], told=told)

    assert untold == ["https://site.example/2x"]
    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}
    assert not frontier.finish(current.id, picture, State.HIT, what=What.IMAGE, hits=["h"], told=[*told, *untold])
    assert frontier.tally(current.id).of(What.IMAGE) == {State.HIT: 1}


def test_a_page_that_shows_an_older_hit_stores_nothing_until_the_hit_knows_the_page(
    frontier: Frontier, worker: str
) -> None:
    current = frontier.begin("site", [page("1x"), page("2x")], NOW)
    picture = "https://site.example/p.jpg"
    read(frontier, current, "https://site.example/1x", image("p.jpg"))
    frontier.finish(
        current.id,
        picture,
        State.HIT,
        what=What.IMAGE,
        hits=["h1", "h2"],
        told=frontier.pages_showing(current.id, picture),
    )
    children = [image("p.jpg"), page("further")]

    untold = frontier.finish(current.id, "https://site.example/2x", State.READ, what=What.PAGE, children=children)

    assert untold == ["h1", "h2"]
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 1, State.PENDING: 1}
    assert not frontier.finish(
        current.id, "https://site.example/2x", State.READ, what=What.PAGE, children=children, told=untold
    )
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 2, State.PENDING: 1}


def test_what_a_page_named_that_could_not_be_read_is_kept_and_it_counts_as_no_page_without_a_picture(
    frontier: Frontier, worker: str
) -> None:
    current = frontier.begin("gallery", START, NOW)
    lease(frontier, current, worker)
    frontier.finish(current.id, START[0].url, State.READ, what=What.PAGE, children=[page("list/1")])
    for number in range(1, 30):  # a calendar would have ended
        (leased,) = lease(frontier, current, worker)
        assert urls([leased]) == [f"list/{number}"]
        found = [page(f"list/{number + 1}")]
        frontier.finish(current.id, leased.url, State.EXHAUSTED, what=What.PAGE, children=found)

    (last,) = lease(frontier, current, worker)
    frontier.finish(current.id, last.url, State.TIMEOUT, what=What.PAGE, children=[image("a.png")])
    (picture,) = lease(frontier, current, worker)

    assert (picture.what, picture.found_on) == (What.IMAGE, last.url)
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 1, State.EXHAUSTED: 29, State.TIMEOUT: 1}


def test_a_list_that_an_api_gives_is_no_trap_and_what_else_its_pages_name_may_be_one(
    frontier: Frontier, worker: str
) -> None:
    current = frontier.begin("gallery", START, NOW)
    children = [Found(What.PAGE, "https://site.example/list/1", following=True), page("day/1001")]
    read: list[str] = []
    lease(frontier, current, worker)
    frontier.finish(current.id, START[0].url, State.READ, what=What.PAGE, children=children)
    while leased := lease(frontier, current, worker):
        for each in leased:
            kind, number = urls([each])[0].split("/")
            read.append(kind)
            following = Found(What.PAGE, f"https://site.example/{kind}/{int(number) + 1}", following=kind == "list")
            children = [following] if int(number) != 50 else []
            frontier.finish(current.id, each.url, State.READ, what=What.PAGE, children=children)

    assert read.count("list") == 50
    assert read.count("day") == 1 + BARREN_PAGES  # the first was named by the start page


LONGEST_LIST = 3 * REPEATING_PAGES // 2


def pages_read_of_a_list(frontier: Frontier, worker: str, named_by: Callable[[int], Sequence[Found]]) -> int:
    """Of one whose pages say up to the last that it goes on. `named_by`: what else is on the page of that number."""
    current = frontier.begin("site", [Found(What.PAGE, "https://site.example/api")], NOW)
    count = 0
    while leased := lease(frontier, current, worker):
        for each in leased:
            path, _, digits = urls([each])[0].partition("?page=")
            number = int(digits or 1)
            goes_on = Found(What.PAGE, f"https://site.example/api?page={number + 1}", following=True)
            children = [*named_by(number), *([goes_on] if number < LONGEST_LIST else [])]
            if path == "api":
                count += 1
                read(frontier, current, each.url, *children)
            else:
                frontier.finish(current.id, each.url, State.GONE, what=each.what)
    return count


def known(path: str, *hits: str) -> Found:
    return Found(
        What.IMAGE, f"https://site.example/{path}", State.HIT if hits else State.CLEAR, known=True, hits=tuple(hits)
    )


@pytest.mark.parametrize(
    "last_page",
    [
        [image("a.png"), image("b.png")],
        [image("a.png"), page("of/a")],
        [image("a.png", State.OUT_OF_SCOPE)],
        [known("a.png")],
        [known("a.png?1"), page("of/a")],
    ],
    ids=["pictures", "with a page", "out of scope", "known", "known, with a page"],
)
def test_a_list_that_answers_its_last_page_for_every_later_number_ends(
    frontier: Frontier, worker: str, last_page: list[Found]
) -> None:
    count = pages_read_of_a_list(
        frontier, worker, lambda number: last_page if number >= 5 else [image(f"{number}.png")]
    )

    assert count == 5 + REPEATING_PAGES


@pytest.mark.parametrize(
    "named_by",
    [
        lambda _: [],
        lambda number: [image("a.png")] if number % REPEATING_PAGES else [image(f"{number}.png")],
        lambda number: [image("a.png"), page(f"post/{number}")],
        lambda number: [image("a.png"), image(f"{number}.png", State.OUT_OF_SCOPE)],
        lambda number: [known(f"{number}.png")],
        lambda number: [known(f"{number}.png?1")],
    ],
    ids=["words alone", "now and then", "posts with one portrait", "out of scope", "known", "known, by their keys"],
)
def test_a_list_that_brings_something_new_now_and_then_is_read_to_its_end(
    frontier: Frontier, worker: str, named_by: Callable[[int], Sequence[Found]]
) -> None:
    assert pages_read_of_a_list(frontier, worker, named_by) == LONGEST_LIST


def test_of_a_list_that_a_second_pass_knows_every_page_is_read(frontier: Frontier, worker: str) -> None:
    first = pages_read_of_a_list(frontier, worker, lambda number: [image(f"{number}.png")])
    frontier.close(frontier.begin("site", [], NOW).id, NOW)

    second = pages_read_of_a_list(frontier, worker, lambda number: [known(f"{number}.png")])

    assert (first, second) == (LONGEST_LIST, LONGEST_LIST)


def test_where_a_list_goes_on_is_read_although_it_was_a_trap_by_another_name(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("gallery", START, NOW)
    lease(frontier, current, worker)
    frontier.finish(current.id, START[0].url, State.READ, what=What.PAGE, children=[page("list/1"), page("api")])
    children = [page(f"list/{number}") for number in range(2, 60)]
    read: list[str] = []
    while leased := lease(frontier, current, worker):
        read += urls(leased)
        for each in leased:
            if urls([each]) != ["api"]:
                frontier.finish(current.id, each.url, State.READ, what=What.PAGE, children=children)
    following = [Found(What.PAGE, "https://site.example/list/59", following=True)]
    frontier.finish(current.id, "https://site.example/api", State.READ, what=What.PAGE, children=following)

    assert "list/59" not in read
    assert urls(lease(frontier, current, worker)) == ["list/59"]


def test_a_link_that_is_shown_as_a_picture_elsewhere_is_asked_for_as_a_picture(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("1x"), page("2x")], NOW)
    read(frontier, current, "https://site.example/1x", page("full"))
    read(frontier, current, "https://site.example/2x", image("full"))

    assert [each.what for each in lease(frontier, current, worker) if each.url.endswith("full")] == [What.IMAGE]


def test_pages_kept_for_one_picture_are_bounded(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page(f"{n}x") for n in range(met.MENTIONS + 20)], NOW)
    for n in range(met.MENTIONS + 20):
        read(frontier, current, f"https://site.example/{n}x", image("logo.png"))

    assert len(frontier.pages_showing(current.id, "https://site.example/logo.png")) == met.MENTIONS


# ------------------------------------------------------------------------------------------------- many calls at once


def test_calls_made_together_each_stand_or_fall_by_themselves(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [page("1x"), page("2x"), image("p.jpg")], NOW)
    picture = "https://site.example/p.jpg"
    read(frontier, current, "https://site.example/1x", image("p.jpg"))

    with frontier.together():
        untold = frontier.finish(current.id, picture, State.HIT, what=What.IMAGE, hits=["h"], told=[])
        read(frontier, current, "https://site.example/2x", page("3x"))

    assert untold
    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 2, State.PENDING: 1}


# ------------------------------------------------------------------------------------------------------------- erasing

LATER = NOW + timedelta(days=180)


def test_nothing_is_known_of_an_erased_site_and_the_next_pass_begins_anew(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    frontier.begin("other", START, NOW)
    read(frontier, current, "https://site.example/", page("a"), image("b.jpg"))
    frontier.pause("site", "site.example", 50.0)
    frontier.keep_robots("site", "https://site.example", "one")

    gone = frontier.erase("site")

    assert gone == 3
    assert frontier.sites() == ["other"]
    assert frontier.paused_until("site", "site.example") == 0.0
    assert frontier.robots_kept("site") == {}
    again = frontier.begin("site", START, NOW)
    assert again.id != current.id
    assert not again.resumed
    assert urls(lease(frontier, again, worker)) == [""]


def test_whoever_is_at_work_on_an_erased_pass_finds_nothing_left_to_do(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", [*START, page("1x"), image("p.jpg")], NOW)
    picture, *_ = lease(frontier, current, worker)
    counted = frontier.tally(current.id)

    frontier.erase("site")

    read(frontier, current, "https://site.example/", page("a"), image("b.jpg"))
    assert not frontier.finish(
        current.id, picture.url, State.HIT, what=What.IMAGE, hits=["h"], told=["https://site.example/"]
    )
    frontier.push(current.id, [page("c")])
    frontier.give_back(current.id, "https://site.example/1x", due=0.0, counted=True)
    assert frontier.lease(current.id, worker, per_host=9, under_way={}, at_most=ALL, now=0.0, of_pass=ALL) in ([], ())
    assert frontier.next_due(current.id) is None
    assert frontier.end_waiting(current.id, State.OVER_LIMIT) == 0
    assert not frontier.pages_showing(current.id, picture.url)
    assert frontier.tally(current.id) == counted
    assert frontier.close(current.id, NOW) is False
    frontier.release(worker)
    assert frontier.sites() == []


def test_what_is_written_after_an_erasure_is_erased_by_the_next(frontier: Frontier) -> None:
    frontier.begin("site", START, NOW)
    frontier.erase("site")
    frontier.begin("site", START, NOW)
    frontier.keep_robots("another", "https://site.example", "one")
    frontier.pause("third", "site.example", 50.0)

    assert frontier.sites() == ["another", "site", "third"]
    for site in frontier.sites():
        frontier.erase(site, begun_before=LATER)
    assert frontier.sites() == []


def test_a_finished_pass_is_erased_once_it_is_old(frontier: Frontier) -> None:
    current = frontier.begin("site: of old", START, NOW)
    assert frontier.close(current.id, NOW)

    assert frontier.erase("site: of old", begun_before=NOW) == 0
    assert frontier.sites() == ["site: of old"]
    assert frontier.erase("site: of old", begun_before=LATER) == 1
    assert frontier.sites() == []


def test_a_pass_that_was_taken_up_since_or_is_under_way_is_not_old(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    again = frontier.begin("site", START, LATER)
    assert frontier.erase("site", begun_before=LATER) == 0
    lease(frontier, again, worker)
    much_later = LATER + timedelta(days=180)
    assert frontier.erase("site", begun_before=much_later) == 0

    frontier.release(worker)

    assert again.id == current.id
    assert frontier.erase("site", begun_before=much_later) == 1


# -------------------------------------------------------------------------------------------------------------- robots


def test_robots_texts_are_kept_by_site_and_origin(frontier: Frontier) -> None:
    frontier.keep_robots("site", "https://site.example", "one")
    frontier.keep_robots("site", "https://site.example", "two")
    frontier.keep_robots("site", "http://cdn.example:8080", "three")

    assert frontier.robots_kept("site") == {"https://site.example": "two", "http://cdn.example:8080": "three"}
    assert frontier.robots_kept("another") == {}


def test_a_known_picture_counts_once_however_many_pages_name_it_and_is_never_leased(
    frontier: Frontier, worker: str
) -> None:
    current = frontier.begin("site", START, NOW)
    lease(frontier, current, worker)
    read(frontier, current, START[0].url, known("1.jpg"), known("2.jpg"), page("a"), page("b"))
    lease(frontier, current, worker)

    read(frontier, current, "https://site.example/a", known("1.jpg"), image("2.jpg"), page("1.jpg"))
    read(frontier, current, "https://site.example/b", image("1.jpg", State.OUT_OF_SCOPE), known("2.jpg"))

    assert lease(frontier, current, worker) == []
    tally = frontier.tally(current.id)
    assert tally.of(What.IMAGE) == {State.CLEAR: 2}
    assert tally.of(What.PAGE) == {State.READ: 3}
    assert tally.asked[What.IMAGE] == 0


def test_a_picture_that_waits_is_not_ended_by_becoming_known(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    lease(frontier, current, worker)
    read(frontier, current, START[0].url, image("1.jpg"), page("a"))
    assert urls(lease(frontier, current, worker)) == ["1.jpg", "a"]

    read(frontier, current, "https://site.example/a", known("1.jpg"))

    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}


def test_a_picture_that_became_a_hit_in_this_pass_is_told_of_pages_that_know_it_from_before(
    frontier: Frontier, worker: str
) -> None:
    current = frontier.begin("site", START, NOW)
    lease(frontier, current, worker)
    read(frontier, current, START[0].url, image("1.jpg"), page("a"))
    lease(frontier, current, worker)
    picture, told = "https://site.example/1.jpg", [START[0].url]
    assert not frontier.finish(current.id, picture, State.HIT, what=What.IMAGE, hits=["hit-1"], new_hits=1, told=told)

    a, children = "https://site.example/a", [known("1.jpg"), known("2.jpg")]
    untold = frontier.finish(current.id, a, State.READ, what=What.PAGE, children=children)
    last = frontier.finish(current.id, a, State.READ, what=What.PAGE, children=children, told=untold)

    assert (list(untold), list(last)) == (["hit-1"], [])
    assert frontier.tally(current.id).of(What.IMAGE) == {State.HIT: 1, State.CLEAR: 1}


def test_known_pictures_are_counted_once_when_no_more_are_kept_by_name(
    frontier: Frontier, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(met, "MET_AT_MOST", 4)
    current = frontier.begin("site", [*START, page("a")], NOW)
    lease(frontier, current, worker)

    for url in (START[0].url, "https://site.example/a"):
        read(frontier, current, url, known("1.jpg"), known("2.jpg"))

    assert frontier.tally(current.id).of(What.IMAGE) == {State.CLEAR: 2}


def test_a_picture_that_ended_is_not_ended_again_by_a_hit_of_later(frontier: Frontier, worker: str) -> None:
    """It is told of its pages in the next pass."""
    current = frontier.begin("site", START, NOW)
    lease(frontier, current, worker)
    read(frontier, current, START[0].url, known("1.jpg"), page("a"))
    lease(frontier, current, worker)

    read(frontier, current, "https://site.example/a", known("1.jpg", "hit-1"))

    assert frontier.tally(current.id).of(What.IMAGE) == {State.CLEAR: 1}


def test_known_pictures_are_erased_with_their_site(frontier: Frontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    lease(frontier, current, worker)
    read(frontier, current, START[0].url, known("1.jpg"), known("2.jpg?3"))

    assert frontier.erase("site") == 3
    assert frontier.sites() == []
