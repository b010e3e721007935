"""Withdrawals outlive a restored backup.

The database says who is protected, and a backup of it says so of people who have withdrawn since. So each withdrawal is written down
outside of it first, in a ledger that is only added to, and whoever opens the database compares the two. The ledger names nobody: it
holds digests of person ids, made with a key that lies elsewhere.

    stillwatch withdrawals 1 <check of the key>
    withdrawn <time> <digest of the person> <end of the protection> <seal>
    returned <time> <digest of the person> <beginning of the protection> <seal>
    forgot-local <time> <digest of the person> <newest version of the hash set that their corners had, as a moment> <seal>

A seal is a digest of its line and of the seal before, so that a line that was damaged, changed or taken out shows. Only what follows the
last line's end is forgiven: a process or machine died while it wrote, and nobody was told yet that it was done.
"""

import enum
import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from core.errors import ConfigError, StoreUnavailable
from core.model import CornerChanges, EnrolledPicture, Enrolment, HashChanges, HashedPicture, PersonId, PersonState
from core.ports import EnrolledCorners, EnrolledHashes, People
from stores.rules import version_at
from stores.vault import DigestKey

HEADER = "stillwatch withdrawals 1"
SEAL = 16  # hex digits


class Act(enum.StrEnum):
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    FORGOT_LOCAL = "forgot-local"  # took back the choice to have corners kept, and stays protected or not as before


class Entry(NamedTuple):
    """The last that is known of somebody: of their protection, and of their corners.

    edge  WITHDRAWN: every protection that began up to this moment is over. RETURNED: the one that began then is not.
          FORGOT_LOCAL: corners that came at this version of the hash set, as a moment, or before are over
    """

    act: Act
    at: datetime
    edge: datetime


class WithdrawalLedger:
    """One file in `folder`. Threads and processes may share it; nothing is made before the first withdrawal."""

    def __init__(self, folder: Path, key: DigestKey) -> None:
        self._folder = folder
        self._file = folder / "ledger"
        self._key = key
        self._lock = threading.RLock()
        self._last: dict[str, Entry] = {}
        self._local: dict[str, Entry] = {}  # FORGOT_LOCAL
        self._read_to = 0  # so much of the file is in `_last`
        self._lines = 0
        self._seal = ""
        self._inode = -1

    def last(self, person: PersonId) -> Entry | None:
        with self._read():
            return self._last.get(self._digest(person)) if self._last else None

    def ended(self, protected: Mapping[PersonId, datetime]) -> Sequence[tuple[PersonId, Entry]]:
        """Those of the people, each with the beginning of their protection, who have withdrawn since."""
        with self._read():
            if not self._last:
                return []
            found = ((person, self._last.get(self._digest(person)), since) for person, since in protected.items())
            return [
                (person, last)
                for person, last, since in found
                if last is not None and last.act is Act.WITHDRAWN and since <= last.edge
            ]

    def last_local(self, person: PersonId) -> Entry | None:
        with self._read():
            return self._local.get(self._digest(person)) if self._local else None

    def forgotten(self, kept: Mapping[PersonId, tuple[int, int]]) -> Sequence[PersonId]:
        """Those of the people who took back corners which are there, because they are of before: see People.corners_kept."""
        with self._read():
            if not self._local:
                return []
            found = ((person, self._local.get(self._digest(person)), oldest) for person, (oldest, _) in kept.items())
            return [person for person, last, oldest in found if last is not None and version_at(oldest) <= last.edge]

    def write(self, person: PersonId, entry: Entry) -> None:
        """It outlives the machine's fall when this returns. Raises StoreUnavailable when it could not be written; then it is not there."""
        with self._alone(), self._read():
            words = (entry.act.value, _stamp(entry.at), self._digest(person), _stamp(entry.edge))
            content = "" if self._read_to else self._header()
            seal = self._sealed(" ".join(words), self._seal if self._read_to else self._first_seal())
            self._append(f"{content}{' '.join(words)} {seal}\n".encode())

    def people(self) -> int:
        """How many have an entry. Reads the whole ledger, and raises where it is damaged."""
        with self._read():
            return len(self._last.keys() | self._local.keys())

    # ------------------------------------------------------------------------------------------------------- comparing

    def mark(self) -> str:
        """Changes with every entry; empty: nobody ever withdrew here. Reads a few bytes, whatever the size."""
        try:
            with self._file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - SEAL - 1))
                return f"{size}:{file.read().hex()}"
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._not_read(error) from error

    def agreed(self, mark: str, state: str) -> bool:
        """Whether the ledger with this mark was already found to agree with this state of the database."""
        try:
            return (self._folder / "agreed").read_text(encoding="ascii") == f"{mark} {state}\n"
        except (OSError, UnicodeDecodeError):
            return False  # comparing once more does no harm

    def note_agreed(self, mark: str, state: str) -> None:
        """Until one of the two changes nobody needs to compare them again."""
        note = self._folder / f".agreed.{os.getpid()}"
        try:
            note.write_text(f"{mark} {state}\n", encoding="ascii")
            note.replace(self._folder / "agreed")
        except OSError:
            return  # the next one compares again, and whoever withdraws is told that the folder cannot be written

    # --------------------------------------------------------------------------------------------------------- reading

    @contextmanager
    def _read(self) -> Iterator[None]:
        """`_last` is as new as the file, and stays so for this thread."""
        with self._lock:
            try:
                with self._file.open("rb") as file:
                    self._read_on(file)
            except FileNotFoundError:
                self._forget()
            except OSError as error:
                raise self._not_read(error) from error
            yield

    def _read_on(self, file: BinaryIO) -> None:
        found = os.fstat(file.fileno())
        if found.st_ino != self._inode or found.st_size < self._read_to:
            self._forget()
            self._inode = found.st_ino
        begun_at = self._read_to
        try:
            file.seek(begun_at)
            self._take(file.read())
        except StoreUnavailable:
            if begun_at == 0:
                raise
            # What was read before may have been another file's: it was put back from a copy, in place.
            self._forget()
            self._read_on(file)

    def _forget(self) -> None:
        self._last, self._local = {}, {}
        self._read_to, self._lines, self._seal, self._inode = 0, 0, "", -1

    def _take(self, content: bytes) -> None:
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.split(b"\n")[:-1]:
            self._take_line(line.decode("ascii", "replace"))
            self._read_to += len(line) + 1

    def _take_line(self, line: str) -> None:
        if self._lines == 0:
            self._check_header(line)
            self._seal = self._first_seal()
        else:
            text, _, seal = line.rpartition(" ")
            if seal != self._sealed(text, self._seal):
                raise self._damaged()
            act, at, digest, edge = text.split(" ")
            entry = Entry(Act(act), datetime.fromisoformat(at), datetime.fromisoformat(edge))
            (self._local if entry.act is Act.FORGOT_LOCAL else self._last)[digest] = entry
            self._seal = seal
        self._lines += 1

    def _check_header(self, line: str) -> None:
        text, _, check = line.rpartition(" ")
        if text != HEADER:
            raise self._damaged()
        if check != self._key.check:
            raise ConfigError(
                f"{self._key.file} is not the key that {self._file} was written with, so it is not known who withdrew; "
                "put the right key back from a backup, or from the machine that shares the ledger"
            )

    def _not_read(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._file} cannot be read ({error.strerror}), so it is not known who withdrew; check the folder and its owner"
        )

    def _damaged(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._file}, line {self._lines + 1}: damaged or changed, so it is not known who withdrew; put the file back from its newest "
            "copy. Where there is none, move it away: withdrawals up to now are then forgotten when an old database is restored"
        )

    # --------------------------------------------------------------------------------------------------------- writing

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _append(self, content: bytes) -> None:
        """After what was read: a torn end goes. What cannot be written whole is taken back."""
        try:
            new = not self._file.exists()
            file = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(file, self._read_to)
                try:
                    if os.pwrite(file, content, self._read_to) < len(content):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file)
                except OSError:
                    os.ftruncate(file, self._read_to)
                    raise
            finally:
                os.close(file)
            if new:
                _sync_folder(self._folder)
        except OSError as error:
            raise self._not_written(error) from error

    def _not_written(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._file} cannot be written ({error.strerror}), so nothing was noted or deleted; make room or mend the folder, "
            "and repeat the command"
        )

    # ----------------------------------------------------------------------------------------------------------- words

    def _digest(self, person: PersonId) -> str:
        return self._key.digest("person", person)

    def _header(self) -> str:
        return f"{HEADER} {self._key.check}\n"

    def _first_seal(self) -> str:
        return self._key.digest("ledger", HEADER)[:SEAL]

    def _sealed(self, text: str, before: str) -> str:
        return self._key.digest("ledger", before, text)[:SEAL]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class LedgeredPeople:
    """People whose withdrawals, and whose corners that they took back, are in the ledger before they are in the store."""

    def __init__(
        self,
        people: People,
        ledger: WithdrawalLedger,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._people = people
        self._ledger = ledger
        self._now = now

    def enrol(self, person: PersonId, recipe: str, pictures: Sequence[HashedPicture], now: datetime) -> Sequence[str]:
        before = self._ledger.last(person)
        new = self._people.enrol(person, recipe, pictures, now)
        if before is not None and before.act is Act.WITHDRAWN:
            # Afterwards: who is protected since a later moment than they withdrew is left alone even if this line is never written.
            since = self._people.protected([person]).get(person)
            if since is not None:
                self._ledger.write(person, Entry(Act.RETURNED, now, since))
        return new

    def withdraw(self, person: PersonId, now: datetime) -> None:
        if self._people.state(person) is not PersonState.UNKNOWN:
            since = self._people.protected([person]).get(person)  # None: has withdrawn already
            last = self._ledger.last(person)
            if last is None or last.act is not Act.WITHDRAWN or (since is not None and since > last.edge):
                self._ledger.write(person, Entry(Act.WITHDRAWN, now, now if since is None else max(now, since)))
        self._people.withdraw(person, now)

    def drop_local(self, person: PersonId) -> int:
        _, newest = self._people.corners_kept([person]).get(person, (0, 0))
        if newest:
            last = self._ledger.last_local(person)
            if last is None or version_at(newest) > last.edge:
                self._ledger.write(person, Entry(Act.FORGOT_LOCAL, self._now(), version_at(newest)))
        return self._people.drop_local(person)

    def corners_kept(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, tuple[int, int]]:
        return self._people.corners_kept(among)

    def corners_came(self) -> Sequence[datetime]:
        return self._people.corners_came()

    def set_threshold(self, person: PersonId, ref: str | None, hasher: str, threshold: int) -> int:
        return self._people.set_threshold(person, ref, hasher, threshold)

    def state(self, person: PersonId) -> PersonState:
        return self._people.state(person)

    def protected(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, datetime]:
        return self._people.protected(among)

    def outdated(self, recipe: str) -> Mapping[PersonId, int]:
        return self._people.outdated(recipe)


class _Watched:
    """Notices when the database under it was restored: its version goes back. `restored` is called then, first."""

    def __init__(self, version: Callable[[], int], restored: Callable[[], None]) -> None:
        self._version = version
        self._restored = restored
        self._last = self._newest = 0

    def version(self) -> int:
        version = self._version()
        if version != self._last and version < self._newest:  # any later change takes it beyond the newest again
            before, self._last = self._last, version  # `restored` asks for the version, too
            try:
                self._restored()
            except BaseException:
                self._last = before  # the next one who asks tries again
                raise
            version = self._version()
        self._last, self._newest = version, max(version, self._newest)
        return version


class WatchedHashes(_Watched):
    def __init__(self, hashes: EnrolledHashes, restored: Callable[[], None]) -> None:
        super().__init__(hashes.version, restored)
        self._hashes = hashes

    def changes(self, since: int) -> HashChanges:
        return self._hashes.changes(since)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return self._hashes.get(entries)

    def count(self) -> int:
        return self._hashes.count()

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return self._hashes.enrolments()


class WatchedCorners(_Watched):
    def __init__(self, corners: EnrolledCorners, restored: Callable[[], None]) -> None:
        super().__init__(corners.version, restored)
        self._corners = corners

    def corner_changes(self, since: int) -> CornerChanges:
        return self._corners.corner_changes(since)

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        return self._corners.corner_owners(entries)
