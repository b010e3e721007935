"""Several processes match with one folder of index files: they hear of changes, and are killed while they write."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model import Fingerprint
from matcher.index_files import IndexFolder
from matcher.live import LiveIndex, purge
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, NOW, RECIPE, picture
from tests.contracts.waiting import until
from tests.stores.test_processes import ROOT

Process = subprocess.Popen[str]


def start(act: str, database_url: str, folder: Path) -> Process:
    command = [sys.executable, "-m", "tests.stores.index_programs", act, database_url, str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def line_of(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: Process, bits: str) -> str:
    assert process.stdin is not None
    process.stdin.write(bits + "\n")
    process.stdin.flush()
    return line_of(process)


def contents(path: Path) -> bytes:
    """Nothing of what another process has just cleared away."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return b""


@pytest.fixture
def matching(database_url: str, sql_stores: Stores, tmp_path: Path) -> Iterator[list[Process]]:
    """Three, with enough enrolled that they write files."""
    sql_stores.people.enrol(EVE, RECIPE, [picture(f"e{number}") for number in range(5)], NOW)
    processes = [start("match", database_url, tmp_path / "index") for _ in range(3)]
    try:
        assert [line_of(process) for process in processes] == ["ready"] * 3
        yield processes
    finally:
        for process in processes:
            _, errors = process.communicate(timeout=60)
            assert "Traceback" not in errors, errors


def test_every_process_feels_an_enrolment_a_threshold_and_a_withdrawal(
    matching: list[Process], sql_stores: Stores, tmp_path: Path
) -> None:
    looked_for = picture("a").fingerprints[0].bits
    one_bit_off = f"{int(looked_for, 16) ^ 1:064x}"

    def all_say(answer: str, bits: str = looked_for) -> bool:
        return [ask(process, bits) for process in matching] == [answer] * 3

    assert all_say("")
    sql_stores.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    until(lambda: all_say("a"))
    assert all_say("a", one_bit_off)

    sql_stores.people.set_threshold(ADA, "a", "pdq", 0)
    until(lambda: all_say("", one_bit_off))
    assert all_say("a")

    sql_stores.people.withdraw(ADA, NOW)
    assert purge(sql_stores.enrolled_hashes, tmp_path / "index")

    assert all_say("")  # at once: the store has the last word
    assert all_say("e3", picture("e3").fingerprints[7].bits)
    words = bytes.fromhex(looked_for)
    raw = b"".join(words[at : at + 8][::-1] for at in range(0, 32, 8))
    until((tmp_path / "index" / "manifest").exists)
    assert not any(raw in contents(path) for path in (tmp_path / "index").rglob("*"))


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_while_it_is_written_leaves_an_index_that_is_right(
    database_url: str, sql_stores: Stores, tmp_path: Path, seed: int
) -> None:
    folder = tmp_path / "index"
    for kill in range(3):
        process = start("change", database_url, folder)
        chance = random.Random(f"{seed} {kill}")
        for _ in range(chance.randrange(1, 30)):
            line_of(process)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors

        left = IndexFolder(folder).open()
        if left is not None:
            IndexFolder(folder).check(left)
        _, enrolled = sql_stores.enrolled_hashes.enrolments()
        index = LiveIndex(sql_stores.enrolled_hashes, folder, tail=20)
        seen = [Fingerprint(hasher="pdq", view=each.ref, bits=each.fingerprint.bits, quality=90) for each in enrolled]
        found = {(match.enrolment.ref, match.seen.view) for match in index.search(seen)}
        assert {(each.ref, each.ref) for each in enrolled} == found
        assert index.now().count == len(enrolled)
        index.close()
