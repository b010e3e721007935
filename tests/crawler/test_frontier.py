import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.model import State
from crawler import met
from crawler.frontier import Found, Leased, Pass, What
from crawler.frontier_sqlite import SqliteFrontier

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
START = [Found(What.PAGE, "https://site.example/")]
ALL = {What.PAGE: 1_000, What.IMAGE: 1_000}


def page(path: str, state: State | None = None) -> Found:
    return Found(What.PAGE, f"https://site.example/{path}", state)


def image(path: str, state: State | None = None) -> Found:
    return Found(What.IMAGE, f"https://site.example/{path}", state)


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[SqliteFrontier]:
    with SqliteFrontier(tmp_path / "frontier.sqlite3") as frontier:
        yield frontier


@pytest.fixture
def worker(frontier: SqliteFrontier) -> Iterator[str]:
    with frontier.worker() as name:
        yield name


def lease(
    frontier: SqliteFrontier, current: Pass, worker: str, now: float = 0.0, per_host: int = 1_000
) -> Sequence[Leased]:
    return frontier.lease(current.id, worker, per_host=per_host, under_way={}, at_most=ALL, now=now)


def urls(leased: Sequence[Leased]) -> list[str]:
    return [each.url.removeprefix("https://site.example/") for each in leased]


def read(frontier: SqliteFrontier, current: Pass, url: str, *children: Found) -> None:
    assert not frontier.finish(current.id, url, State.READ, what=What.PAGE, children=children)


# ------------------------------------------------------------------------------------------------------------- passes


def test_a_pass_that_did_not_finish_is_taken_up_where_it_stood(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", page("a"), page("b"), image("c.jpg"))

    again = frontier.begin("site", START, NOW)

    assert again.id == current.id
    assert again.resumed
    assert urls(lease(frontier, again, worker)) == ["c.jpg", "a", "b"]


def test_after_a_finished_pass_a_new_one_starts_and_the_old_urls_are_forgotten(
    frontier: SqliteFrontier, worker: str, tmp_path: Path
) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", page("a"), image("b.jpg"))
    frontier.close(current.id, NOW)

    again = frontier.begin("site", START, NOW)

    assert again.id != current.id
    assert not again.resumed
    assert urls(lease(frontier, again, worker)) == [""]
    with sqlite3.connect(tmp_path / "frontier.sqlite3") as db:
        assert db.execute("SELECT count(*), count(DISTINCT pass) FROM urls").fetchone() == (1, 1)
        assert db.execute("SELECT count(*) FROM mentions").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM passes").fetchone() == (2,)
    db.close()


def test_sites_do_not_see_each_other(frontier: SqliteFrontier, worker: str) -> None:
    one = frontier.begin("one", [page("1")], NOW)
    two = frontier.begin("two", [page("2")], NOW)

    assert urls(lease(frontier, one, worker)) == ["1"]
    assert urls(lease(frontier, two, worker)) == ["2"]


def test_every_url_met_is_in_exactly_one_count(frontier: SqliteFrontier, worker: str) -> None:
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
    frontier: SqliteFrontier, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(met, "MET_AT_MOST", 3)
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", *(page(f"p{n}") for n in range(5)), image("i.jpg"))

    tally = frontier.tally(current.id)

    assert tally.of(What.IMAGE) == {State.PENDING: 1}
    assert tally.of(What.PAGE) == {State.READ: 1, State.PENDING: 1, State.OVER_LIMIT: 4}


# ------------------------------------------------------------------------------------------------------------- leases


def test_a_leased_url_is_leased_to_nobody_else(frontier: SqliteFrontier) -> None:
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


def test_each_host_gets_what_it_has_room_for_and_pictures_go_first(frontier: SqliteFrontier, worker: str) -> None:
    far = [Found(What.IMAGE, f"https://cdn.example/{n}.jpg") for n in range(5)]
    current = frontier.begin("site", [page("a"), page("b"), image("c.jpg"), *far], NOW)

    leased = frontier.lease(current.id, worker, per_host=2, under_way={"cdn.example": 1}, at_most=ALL, now=0.0)

    assert urls(leased) == ["https://cdn.example/0.jpg", "c.jpg", "a"]


def test_no_more_of_a_kind_is_leased_than_may_still_be_asked_for(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", [page("a"), page("b"), image("c.jpg"), image("d.jpg")], NOW)

    leased = frontier.lease(
        current.id, worker, per_host=9, under_way={}, at_most={What.PAGE: 1, What.IMAGE: 0}, now=0.0
    )

    assert urls(leased) == ["a"]


def test_what_was_given_back_is_leased_again_when_it_is_due(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    (leased,) = lease(frontier, current, worker)
    frontier.give_back(current.id, leased.url, due=100.0, counted=True)

    assert not lease(frontier, current, worker, now=99.0)
    assert frontier.next_due(current.id) == 100.0
    (again,) = lease(frontier, current, worker, now=100.0)
    assert again.attempts == 1
    assert frontier.next_due(current.id) is None


def test_a_host_that_wants_a_pause_gets_it_in_the_next_pass_too(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", [page("a"), Found(What.PAGE, "https://other.example/b")], NOW)
    frontier.pause("site", "site.example", 50.0)
    first = lease(frontier, current, worker, now=10.0)
    frontier.close(current.id, NOW)

    again = frontier.begin("site", [page("a")], NOW)

    assert urls(first) == ["https://other.example/b"]
    assert not lease(frontier, again, worker, now=49.0)
    assert frontier.next_due(again.id) == 50.0
    assert urls(lease(frontier, again, worker, now=50.0)) == ["a"]


def test_what_waits_can_end_unasked_and_what_is_leased_goes_on(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", [page("a"), page("b"), image("c.jpg")], NOW)
    (leased,) = frontier.lease(
        current.id, worker, per_host=1, under_way={}, at_most={What.PAGE: 1, What.IMAGE: 0}, now=0.0
    )

    ended = frontier.end_waiting(current.id, State.OVER_LIMIT, what=What.PAGE)

    assert ended == 1
    assert frontier.tally(current.id).of(What.PAGE) == {State.PENDING: 1, State.OVER_LIMIT: 1}
    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}
    assert urls([leased]) == ["a"]


HOLD_A_LEASE = """
import sys, time
from pathlib import Path
from crawler.frontier import What
from crawler.frontier_sqlite import SqliteFrontier

with SqliteFrontier(Path(sys.argv[1])) as frontier, frontier.worker() as worker:
    leased = frontier.lease(sys.argv[2], worker, per_host=9, under_way={}, at_most={What.PAGE: 9, What.IMAGE: 9}, now=0.0)
    print(len(leased), flush=True)
    time.sleep(60)
"""


def test_a_killed_workers_leases_are_free_at_once_and_a_living_ones_are_not(
    frontier: SqliteFrontier, worker: str, tmp_path: Path
) -> None:
    current = frontier.begin("site", [page("a"), page("b")], NOW)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_A_LEASE, str(tmp_path / "frontier.sqlite3"), current.id],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "2\n"
        while_it_lives = [*lease(frontier, current, worker), *lease(frontier, frontier.begin("site", [], NOW), worker)]
        other.send_signal(signal.SIGKILL)

    lease(frontier, current, worker)  # finds that nobody holds them

    assert while_it_lives == []
    assert urls(lease(frontier, current, worker)) == ["a", "b"]


def test_a_forked_child_does_not_keep_its_parents_leases_alive(frontier: SqliteFrontier, tmp_path: Path) -> None:
    """A decoder child may be a fork, and may outlive a killed crawler by a moment."""
    current = frontier.begin("site", [page("a")], NOW)
    fork = "import os\n    child = os.fork()\n    if not child: print(os.getpid(), flush=True)\n    time.sleep(60)"
    forking = HOLD_A_LEASE.replace("time.sleep(60)", fork)
    with subprocess.Popen(
        [sys.executable, "-c", forking, str(tmp_path / "frontier.sqlite3"), current.id],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        child = int(other.stdout.readline())
        other.send_signal(signal.SIGKILL)
        other.wait()
        again = frontier.begin("site", [], NOW)
        with ExitStack() as stack:
            leased = lease(frontier, again, stack.enter_context(frontier.worker()))
        subprocess.run(["kill", "-9", str(child)], check=True)

    assert urls(leased) == ["a"]


def test_a_worker_that_ends_gives_back_what_it_held(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", START, NOW)
    with frontier.worker() as other:
        lease(frontier, current, other)

    assert urls(lease(frontier, current, worker)) == [""]


# ------------------------------------------------------------------------------------------------------ pages and hits


def test_a_picture_on_many_pages_is_one_url_with_all_its_pages(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", [page("1x"), page("2x"), page("3x")], NOW)
    for path in ("1x", "2x", "3x"):
        read(frontier, current, f"https://site.example/{path}", image("p.jpg"))

    assert frontier.tally(current.id).of(What.IMAGE) == {State.PENDING: 1}
    assert [each[-2:] for each in frontier.pages_showing(current.id, "https://site.example/p.jpg")] == [
        "1x",
        "2x",
        "3x",
    ]


def test_a_hit_is_not_settled_before_it_was_told_of_every_page_that_shows_it(
    frontier: SqliteFrontier, worker: str
) -> None:
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
    frontier: SqliteFrontier, worker: str
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


def test_a_link_that_is_shown_as_a_picture_elsewhere_is_asked_for_as_a_picture(
    frontier: SqliteFrontier, worker: str
) -> None:
    current = frontier.begin("site", [page("1x"), page("2x")], NOW)
    read(frontier, current, "https://site.example/1x", page("full"))
    read(frontier, current, "https://site.example/2x", image("full"))

    assert [each.what for each in lease(frontier, current, worker) if each.url.endswith("full")] == [What.IMAGE]


def test_pages_kept_for_one_picture_are_bounded(frontier: SqliteFrontier, worker: str) -> None:
    current = frontier.begin("site", [page(f"{n}x") for n in range(met.MENTIONS + 20)], NOW)
    for n in range(met.MENTIONS + 20):
        read(frontier, current, f"https://site.example/{n}x", image("logo.png"))

    assert len(frontier.pages_showing(current.id, "https://site.example/logo.png")) == met.MENTIONS


def test_a_frontier_of_another_version_is_refused_with_the_cure(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "f") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(StoreUnavailable, match="move the file away"):
        SqliteFrontier(tmp_path / "f")


def test_only_its_owner_may_read_the_frontier(frontier: SqliteFrontier, tmp_path: Path) -> None:
    assert (tmp_path / "frontier.sqlite3").stat().st_mode & 0o077 == 0
