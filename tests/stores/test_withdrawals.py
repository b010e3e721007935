"""The ledger of withdrawals: what it remembers, what a fall leaves of it, and what damage does."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import ConfigError, StoreUnavailable, UnknownId
from core.model import CornerChanges, EnrolledPicture, Enrolment, HashChanges, PersonId, PersonState
from stores.memory import MemoryStore
from stores.rules import version_at
from stores.vault import DigestKey
from stores.withdrawals import (
    Act,
    Entry,
    LedgeredPeople,
    WatchedCorners,
    WatchedHashes,
    WithdrawalLedger,
)
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, picture

ROOT = Path(__file__).parents[2]
GONE = Entry(Act.WITHDRAWN, NOW, NOW)


def ledger(folder: Path) -> WithdrawalLedger:
    """Another process's view of it."""
    return WithdrawalLedger(folder / "withdrawals", DigestKey(folder / "keys"))


def file_of(folder: Path) -> Path:
    return folder / "withdrawals" / "ledger"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A ledger in which Ada withdrew, Eve withdrew and Eve returned."""
    kept = ledger(tmp_path)
    kept.write(ADA, GONE)
    kept.write(EVE, GONE)
    kept.write(EVE, Entry(Act.RETURNED, NOW + MINUTE, NOW + MINUTE))
    return tmp_path


# ------------------------------------------------------------------------------------------------------------ the ledger


def test_the_last_entry_of_each_is_there_for_every_process(written: Path) -> None:
    kept = ledger(written)

    assert kept.last(ADA) == GONE
    assert kept.last(EVE) == Entry(Act.RETURNED, NOW + MINUTE, NOW + MINUTE)
    assert kept.people() == 2


def test_what_another_process_adds_is_seen_at_once(written: Path) -> None:
    mine, other = ledger(written), ledger(written)
    assert mine.last(EVE) != GONE

    other.write(EVE, GONE)

    assert mine.last(EVE) == GONE


def test_it_names_nobody_and_only_its_owner_may_read_it(written: Path) -> None:
    content = file_of(written).read_text()

    assert ADA not in content
    assert EVE not in content
    assert stat.S_IMODE(file_of(written).stat().st_mode) == 0o600
    assert stat.S_IMODE((written / "withdrawals").stat().st_mode) == 0o700


def test_without_the_key_the_digest_of_a_known_id_is_another(written: Path, tmp_path: Path) -> None:
    digest = DigestKey(written / "keys").digest("person", ADA)

    assert digest in file_of(written).read_text()
    assert DigestKey(tmp_path / "others").digest("person", ADA) != digest


def test_nothing_is_made_before_somebody_withdraws(tmp_path: Path) -> None:
    kept = ledger(tmp_path)

    assert kept.last(ADA) is None
    assert kept.ended({ADA: NOW}) == []
    assert kept.mark() == ""
    assert list(tmp_path.iterdir()) == []


def test_only_a_protection_that_began_before_the_withdrawal_is_over(written: Path) -> None:
    tick = timedelta(microseconds=1)

    assert ledger(written).ended({ADA: NOW, EVE: NOW}) == [(ADA, GONE)]
    assert ledger(written).ended({ADA: NOW - MINUTE}) == [(ADA, GONE)]
    assert ledger(written).ended({ADA: NOW + tick}) == []


def test_writers_that_race_lose_no_entry(tmp_path: Path) -> None:
    def write(number: int) -> None:
        ledger(tmp_path).write(PersonId(f"person-{number}"), GONE)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(64)))

    assert ledger(tmp_path).people() == 64


# ---------------------------------------------------------------------------------------------------- falls and damage


def test_a_line_torn_anywhere_is_forgiven_and_the_next_entry_takes_its_place(written: Path) -> None:
    whole = file_of(written).read_bytes()
    starts = [0, *(at + 1 for at, byte in enumerate(whole) if byte == 10)]
    for lines, (start, end) in enumerate(pairwise(starts)):
        for cut in range(start, end):
            file_of(written).write_bytes(whole[:cut])
            kept = ledger(written)

            assert kept.people() == min(max(0, lines - 1), 2)
            kept.write(ADA, GONE)
            assert ledger(written).last(ADA) == GONE


def test_zeros_that_a_fallen_machine_left_at_the_end_are_forgiven(written: Path) -> None:
    with file_of(written).open("ab") as file:
        file.write(bytes(4096))

    ledger(written).write(EVE, GONE)

    assert ledger(written).last(EVE) == GONE
    assert b"\0" not in file_of(written).read_bytes()


def test_a_damaged_byte_is_an_error_that_names_the_line_and_the_cure(written: Path) -> None:
    whole = file_of(written).read_bytes()
    for at in range(len(whole) - 1):
        changed = bytearray(whole)
        changed[at] ^= 1
        file_of(written).write_bytes(changed)

        with pytest.raises((StoreUnavailable, ConfigError), match="withdrew; put the"):
            ledger(written).people()


def test_a_line_taken_out_of_the_middle_is_an_error(written: Path) -> None:
    lines = file_of(written).read_bytes().splitlines(keepends=True)
    file_of(written).write_bytes(b"".join(lines[:1] + lines[2:]))

    with pytest.raises(StoreUnavailable, match="line 2: damaged"):
        ledger(written).last(ADA)


def test_a_key_that_was_lost_is_an_error_and_nobody_counts_as_never_withdrawn(written: Path) -> None:
    (written / "keys" / "digest.key").unlink()

    with pytest.raises(ConfigError, match="put the right key back"):
        ledger(written).last(ADA)


def test_a_ledger_put_back_in_place_is_read_anew(written: Path) -> None:
    kept = ledger(written)
    assert kept.people() == 2
    other = written / "other"
    for number in range(9):
        WithdrawalLedger(other, DigestKey(written / "keys")).write(PersonId(f"person-{number}"), GONE)

    file_of(written).write_bytes((other / "ledger").read_bytes())

    assert kept.people() == 9
    assert kept.last(ADA) is None


@pytest.mark.parametrize("room", [0, 40, 100, 200])
def test_on_a_full_disk_the_entry_is_not_there_and_the_ledger_stays_whole(written: Path, room: int) -> None:
    """The limit is this process's own: in a child, so that nothing else meets it."""
    before = file_of(written).read_bytes()
    program = f"""
import resource, signal, sys
from pathlib import Path
from core.errors import StoreUnavailable
from core.model import PersonId
from tests.stores.test_withdrawals import GONE, ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + room}, {len(before) + room}))
try:
    ledger(Path(sys.argv[1])).write(PersonId("new"), GONE)
except StoreUnavailable as error:
    sys.exit(0 if "make room" in str(error) else 3)
sys.exit(4)
"""
    done = subprocess.run([sys.executable, "-c", program, written], cwd=ROOT, check=False)

    written_whole = room >= 200
    assert done.returncode == (4 if written_whole else 0)
    assert (file_of(written).read_bytes() == before) is not written_whole
    assert ledger(written).people() == (3 if written_whole else 2)


WRITES_FOR_EVER = """
import itertools, sys
from pathlib import Path
from core.model import PersonId
from tests.stores.test_withdrawals import GONE, ledger
kept = ledger(Path(sys.argv[1]))
for number in itertools.count():
    kept.write(PersonId(f"person-{number}"), GONE)
    print(number, flush=True)
"""


def killed_writers(folder: Path) -> Iterator[int]:
    """How many entries each said to have written."""
    for lines in (1, 4, 9):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITES_FOR_EVER, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        said += [line for line in child.stdout if line.endswith("\n")]
        child.stdout.close()
        child.wait()
        yield len(said)


def test_a_kill_loses_no_entry_that_was_acknowledged(tmp_path: Path) -> None:
    most = max(killed_writers(tmp_path))

    kept = ledger(tmp_path)

    assert all(kept.last(PersonId(f"person-{number}")) == GONE for number in range(most))


# ------------------------------------------------------------------------------------------------------ with the people


class Failing(LedgeredPeople):
    """People in a database that goes away when somebody withdraws."""

    def withdraw(self, person: PersonId, now: datetime) -> None:  # noqa: ARG002  # the port's whole signature is taken
        raise StoreUnavailable("the database does not answer")

    def drop_local(self, person: PersonId) -> int:  # noqa: ARG002  # the port's whole signature is taken
        raise StoreUnavailable("the database does not answer")


class Switched:
    """Enrolled hashes of a store that can be changed for another under those who read them."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def version(self) -> int:
        return self.store.enrolled_hashes.version()

    def changes(self, since: int) -> HashChanges:
        return self.store.enrolled_hashes.changes(since)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return self.store.enrolled_hashes.get(entries)

    def count(self) -> int:
        return self.store.enrolled_hashes.count()

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return self.store.enrolled_hashes.enrolments()


class SwitchedCorners:
    """As Switched."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def version(self) -> int:
        return self.store.enrolled_corners.version()

    def corner_changes(self, since: int) -> CornerChanges:
        return self.store.enrolled_corners.corner_changes(since)

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        return self.store.enrolled_corners.corner_owners(entries)


def test_a_withdrawal_is_in_the_ledger_even_if_the_database_fails_then(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(Failing(store.people, ledger(tmp_path / "unused")), ledger(tmp_path))
    people.enrol(ADA, RECIPE, [picture("a")], NOW)

    with pytest.raises(StoreUnavailable):
        people.withdraw(ADA, NOW + MINUTE)

    assert [person for person, _ in ledger(tmp_path).ended(store.people.protected())] == [ADA]


def test_without_a_ledger_to_write_to_nobody_is_told_that_they_have_withdrawn(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    people.enrol(ADA, RECIPE, [picture("a")], NOW)
    (tmp_path / "withdrawals").write_text("in the way")

    with pytest.raises(StoreUnavailable, match="withdrawals/ledger cannot be"):
        people.withdraw(ADA, NOW + MINUTE)


def test_who_comes_back_is_not_withdrawn_again(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    for minute in range(3):
        people.enrol(ADA, RECIPE, [picture("a")], NOW + 2 * minute * MINUTE)
        assert ledger(tmp_path).ended(store.people.protected()) == []
        people.withdraw(ADA, NOW + (2 * minute + 1) * MINUTE)
    people.enrol(ADA, RECIPE, [picture("a")], NOW)  # by a clock that was set back

    assert ledger(tmp_path).ended(store.people.protected()) == []


def test_who_comes_back_through_another_machine_is_not_withdrawn_again(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    people.enrol(ADA, RECIPE, [picture("a")], NOW)
    people.withdraw(ADA, NOW + 10 * MINUTE)

    store.people.enrol(ADA, RECIPE, [picture("a")], NOW)  # its clock is behind, and its ledger another

    assert ledger(tmp_path).ended(store.people.protected()) == []


def test_withdrawing_twice_is_one_entry_and_somebody_unknown_is_none(tmp_path: Path) -> None:
    people = LedgeredPeople(MemoryStore().people, ledger(tmp_path))
    people.enrol(ADA, RECIPE, [picture("a")], NOW)
    people.withdraw(ADA, NOW)
    size = file_of(tmp_path).stat().st_size

    people.withdraw(ADA, NOW + MINUTE)
    with pytest.raises(UnknownId):
        people.withdraw(EVE, NOW)

    assert file_of(tmp_path).stat().st_size == size
    assert people.state(ADA) is PersonState.WITHDRAWN


def test_what_the_ledger_has_nothing_to_do_with_passes_through(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    people.enrol(ADA, "full-1", [picture("a", local=b"corners")], NOW)
    corners = WatchedCorners(store.enrolled_corners, lambda: None)

    assert people.outdated("views-1") == {ADA: 1}
    [row] = corners.corner_changes(0).changed
    assert row.corners == b"corners"
    assert [each.face.person for each in corners.corner_owners([row.entry]).values()] == [ADA]
    assert people.drop_local(ADA) == 1
    assert corners.corner_owners([row.entry]) == {}
    assert corners.version() == store.enrolled_corners.version()


# -------------------------------------------------------------------------------------------------------------- corners


def with_corners(store: MemoryStore, *refs: str) -> None:
    for ref in refs:
        store.people.enrol(ADA, RECIPE, [picture(ref, local=b"corners")], NOW)


def test_corners_that_were_taken_back_are_over_and_those_chosen_anew_are_not(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path), lambda: NOW)
    with_corners(store, "a", "b")
    before = people.corners_kept()

    assert people.drop_local(ADA) == 2

    assert ledger(tmp_path).forgotten(before) == [ADA]
    assert ledger(tmp_path).forgotten(people.corners_kept()) == []
    with_corners(store, "a")
    assert ledger(tmp_path).forgotten(people.corners_kept()) == []
    assert ledger(tmp_path).forgotten({EVE: before[ADA]}) == []


def test_corners_that_are_partly_of_before_are_over(tmp_path: Path) -> None:
    """Somebody chose anew in a database that was set back, before it was compared."""
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    with_corners(store, "a")
    (oldest, _) = people.corners_kept()[ADA]
    people.drop_local(ADA)
    with_corners(store, "b")
    (_, newest) = people.corners_kept()[ADA]

    assert ledger(tmp_path).forgotten({ADA: (oldest, newest)}) == [ADA]


def test_taking_back_corners_says_nothing_of_the_protection(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    with_corners(store, "a")

    people.drop_local(ADA)

    assert ledger(tmp_path).last(ADA) is None
    assert ledger(tmp_path).ended(people.protected()) == []
    assert ledger(tmp_path).people() == 1
    people.withdraw(ADA, NOW + MINUTE)
    people.enrol(ADA, RECIPE, [picture("a")], NOW + 2 * MINUTE)
    assert ledger(tmp_path).ended(people.protected()) == []
    assert ledger(tmp_path).people() == 1
    assert ledger(tmp_path).last_local(ADA) is not None


def test_taking_back_what_is_not_there_is_no_entry(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(store.people, ledger(tmp_path))
    people.enrol(ADA, RECIPE, [picture("a")], NOW)

    assert people.drop_local(ADA) == 0
    with pytest.raises(UnknownId):
        people.drop_local(EVE)

    assert not file_of(tmp_path).exists()


def test_corners_are_in_the_ledger_even_if_the_database_fails_then_and_once(tmp_path: Path) -> None:
    store = MemoryStore()
    people = LedgeredPeople(Failing(store.people, ledger(tmp_path / "unused")), ledger(tmp_path), lambda: NOW)
    with_corners(store, "a")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            people.drop_local(ADA)

    assert ledger(tmp_path).forgotten(store.people.corners_kept()) == [ADA]
    assert len(file_of(tmp_path).read_text().splitlines()) == 2
    assert str(ADA) not in file_of(tmp_path).read_text()


def test_without_a_ledger_to_write_to_nobody_is_told_that_their_corners_are_gone(tmp_path: Path) -> None:
    store = MemoryStore()
    with_corners(store, "a")
    (tmp_path / "withdrawals").write_text("in the way")

    with pytest.raises(StoreUnavailable, match="withdrawals/ledger cannot be"):
        LedgeredPeople(store.people, ledger(tmp_path)).drop_local(ADA)

    assert store.people.corners_kept()


def test_a_version_is_a_moment_to_the_millisecond() -> None:
    assert [version_at(version) < version_at(version + 1) for version in (3, 1_795_000_000_000, 10**13)] == [True] * 3
    assert datetime.fromisoformat(version_at(1_795_000_000_001).isoformat()) == version_at(1_795_000_000_001)


def test_corners_tell_of_a_restored_database_before_their_version_is_believed() -> None:
    old, new = MemoryStore(), MemoryStore()
    old.people.enrol(ADA, RECIPE, [picture("a", local=b"corners")], NOW)
    for ref in "ab":
        new.people.enrol(ADA, RECIPE, [picture(ref, local=b"corners")], NOW)
    shown = SwitchedCorners(new)
    told: list[int] = []
    corners = WatchedCorners(shown, lambda: told.append(corners.version()))
    corners.version()

    shown.store = old

    assert corners.version() == old.enrolled_corners.version()
    assert told == [old.enrolled_corners.version()]


def test_first_enrolments_leave_no_entry(tmp_path: Path) -> None:
    LedgeredPeople(MemoryStore().people, ledger(tmp_path)).enrol(ADA, RECIPE, [picture("a")], NOW)

    assert not file_of(tmp_path).exists()


def test_a_version_that_goes_back_tells_of_a_restored_database_before_it_is_believed() -> None:
    old, new = MemoryStore(), MemoryStore()
    old.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    for ref in "ab":
        new.people.enrol(ADA, RECIPE, [picture(ref)], NOW)
    shown = Switched(new)
    told: list[int] = []
    hashes = WatchedHashes(shown, lambda: told.append(hashes.version()))
    hashes.version()
    new.people.enrol(EVE, RECIPE, [picture("c")], NOW)
    assert (hashes.version(), told) == (new.enrolled_hashes.version(), [])

    shown.store = old

    assert hashes.version() == old.enrolled_hashes.version()
    assert told == [old.enrolled_hashes.version()]


def test_as_long_as_the_restored_database_cannot_be_compared_no_version_is_told() -> None:
    old, new = MemoryStore(), MemoryStore()
    new.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    shown = Switched(new)
    tries: list[bool] = []

    def fail() -> None:
        tries.append(True)
        raise StoreUnavailable("the ledger cannot be read")

    hashes = WatchedHashes(shown, fail)
    hashes.version()
    shown.store = old

    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            hashes.version()
    assert len(tries) == 3
