"""Processes that are killed, and processes that race."""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.model import Topic
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, NOW, RECIPE, picture

ROOT = Path(__file__).parent.parent.parent


def start(act: str, database_url: str, argument: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.stores.programs", act, database_url, argument]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> list[str]:
    """Those that were written whole, once the process has ended."""
    output, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors, errors
    return [line.strip() for line in output.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_loses_no_hit_that_was_acknowledged_and_parts_no_hit_from_its_rows(
    database_url: str, sql_stores: Stores, seed: int
) -> None:
    sql_stores.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    process = start("add", database_url, f"killed-{seed}")
    assert process.stdout is not None
    first = process.stdout.readline().strip()  # it is at work

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(random.Random(seed).uniform(0.02, 0.4))
    process.send_signal(signal.SIGKILL)
    acknowledged = {first, *lines(process)}

    stored = {found.id for found in sql_stores.hit_log.all()}
    tasks = sql_stores.outbox.due([Topic.DESK, Topic.INDEX], NOW, limit=100_000)
    assert acknowledged <= stored
    assert len(stored) <= len(acknowledged) + 1  # the one that was under way
    assert Counter((task.topic, task.key) for task in tasks) == Counter(
        (topic, found) for topic in (Topic.DESK, Topic.INDEX) for found in stored
    )


def test_once_a_withdrawal_has_returned_no_process_adds_a_hit(database_url: str, sql_stores: Stores) -> None:
    sql_stores.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    adding = [start("add", database_url, f"process-{number}") for number in range(2)]
    for process in adding:
        assert process.stdout is not None
        process.stdout.readline()

    withdrawing = start("withdraw", database_url, ADA)

    there_when_it_returned = set(lines(withdrawing))
    assert [lines(process)[-1] for process in adding] == ["refused", "refused"]
    assert there_when_it_returned
    assert {found.id for found in sql_stores.hit_log.all()} == there_when_it_returned


@pytest.fixture(params=["sqlite", "postgres"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/stillwatch.sqlite3"
    url: str = request.getfixturevalue("postgres_url")
    return url


def test_processes_that_start_together_migrate_once(new_database: str) -> None:
    together = [start("migrate", new_database, "-") for _ in range(3)]

    assert [lines(process) for process in together] == [["unknown"]] * 3
