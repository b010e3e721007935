"""What only the frontier in a file does. The rest is in tests/contracts/test_frontier.py."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.model import State
from crawler.frontier import Found, What
from crawler.frontier_sqlite import SqliteFrontier
from tests.contracts.test_frontier import NOW, START, image, lease, page, read, urls


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[SqliteFrontier]:
    with SqliteFrontier(tmp_path / "frontier.sqlite3") as frontier:
        yield frontier


@pytest.fixture
def worker(frontier: SqliteFrontier) -> Iterator[str]:
    with frontier.worker() as name:
        yield name


def test_nothing_of_a_finished_pass_is_kept_but_its_counts(frontier: SqliteFrontier, tmp_path: Path) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", page("a"), image("b.jpg"))
    frontier.close(current.id, NOW)

    frontier.begin("site", START, NOW)

    with sqlite3.connect(tmp_path / "frontier.sqlite3") as db:
        assert db.execute("SELECT count(*), count(DISTINCT pass) FROM urls").fetchone() == (1, 1)
        assert db.execute("SELECT count(*) FROM mentions").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM passes").fetchone() == (2,)
    db.close()


def test_nothing_of_an_erased_site_is_left_in_the_file_but_counts(tmp_path: Path) -> None:
    path = tmp_path / "frontier.sqlite3"
    with SqliteFrontier(path) as frontier:
        current = frontier.begin("site", START, NOW)
        read(frontier, current, "https://site.example/", *(page(f"{n}x") for n in range(99)), image("b.jpg"))
        frontier.pause("site", "site.example", 9.0)
        frontier.keep_robots("site", "https://site.example", "one")
        frontier.erase("site")

    assert b"site.example" not in path.read_bytes()
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        assert {name for name in tables if db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]} == {"passes"}  # noqa: S608  # our own tables
    db.close()


def test_an_erasure_that_was_broken_off_is_taken_up(frontier: SqliteFrontier, tmp_path: Path) -> None:
    frontier.begin("site", START, NOW)
    with sqlite3.connect(tmp_path / "frontier.sqlite3") as db:
        db.execute("UPDATE passes SET counts = '[]'")  # as if it had been killed before the first URL was deleted
    db.close()

    assert frontier.sites() == ["site"]
    assert frontier.erase("site") == 1
    assert frontier.sites() == []


def test_a_file_of_the_version_before_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "frontier.sqlite3"
    with SqliteFrontier(path) as frontier:
        before = frontier.begin("site", START, NOW)
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE passes DROP COLUMN begun")
        db.execute("ALTER TABLE passes DROP COLUMN counts")
        db.execute("ALTER TABLE passes DROP COLUMN settled")
        db.execute("ALTER TABLE urls DROP COLUMN repeats")
        db.execute("DROP TABLE settled")
        db.execute("PRAGMA user_version = 1")
    db.close()

    with SqliteFrontier(path) as frontier, frontier.worker() as worker:
        assert frontier.erase("site", begun_before=NOW) == 0
        again = frontier.begin("site", START, NOW)
        assert again.id == before.id
        assert urls(lease(frontier, again, worker)) == [""]


HOLD_A_LEASE = """
import sys, time
from pathlib import Path
from crawler.frontier import What
from crawler.frontier import Found, What
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


def test_a_frontier_of_another_version_is_refused_with_the_cure(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "f") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(StoreUnavailable, match="move the file away"):
        SqliteFrontier(tmp_path / "f")


def test_only_its_owner_may_read_the_frontier(frontier: SqliteFrontier, tmp_path: Path) -> None:
    assert (tmp_path / "frontier.sqlite3").stat().st_mode & 0o077 == 0


def test_the_number_of_a_known_picture_is_another_one_in_each_pass(tmp_path: Path) -> None:
    """Else somebody could look for two URLs with one number, and hide a picture behind another."""
    known = [Found(What.IMAGE, "https://site.example/1.jpg", State.CLEAR, known=True)]
    with SqliteFrontier(tmp_path / "frontier.sqlite3") as frontier:
        for site in ("one", "two"):
            frontier.push(frontier.begin(site, START, NOW).id, known)
        numbers = sqlite3.connect(tmp_path / "frontier.sqlite3").execute("SELECT url FROM settled").fetchall()

    assert len(set(numbers)) == 2


def test_what_is_erased_is_gone_from_the_log_beside_the_file_while_others_have_it_open(tmp_path: Path) -> None:
    path = tmp_path / "frontier.sqlite3"
    with SqliteFrontier(path) as another:
        another.begin("attic", START, NOW)
        with SqliteFrontier(path) as frontier:
            frontier.begin("site", [page(f"secret/{number}") for number in range(300)], NOW)
            frontier.erase("site")

        files = [each for each in tmp_path.iterdir() if each.is_file()]
        assert len(files) == 3
        assert not any(b"secret" in each.read_bytes() for each in files)
