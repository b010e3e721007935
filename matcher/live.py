"""The index of everybody protected, as they are now: it follows the store, and the store has the last word on each match.

What was enrolled at some version lies in segments, which files hold and processes share (`index_files`); what came, changed or went since
is a short tail, held in memory and searched beside them. When the tail has grown, or a removed hash lies in a file, a thread makes new
segments while searches go on with what there is.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from core.errors import StoreUnavailable
from core.model import Fingerprint, HashChanges, HashRow, Match
from core.ports import EnrolledHashes
from matcher import confirm
from matcher.geometry import described
from matcher.hashers import COMPARED_WITH, TURNED_COMPARED_WITH
from matcher.index import HashIndex, words
from matcher.index_files import Base, Damaged, IndexFolder
from matcher.segments import Build, Entries, Segment, merged, scanned, shelved

log = logging.getLogger(__name__)

ASK_EVERY_S: Final = 0.25  # a withdrawal must be felt everywhere within a second
TAIL: Final = 2**12  # entries: read from the store at each start, and indexed anew with each change (milliseconds each)
TRY_AGAIN_S: Final = 1.0  # another process is writing: what it writes will do
TRY_LATER_S: Final = 60.0  # the folder could not be written
CHECK_AFTER_S: Final = 2.0  # the bytes of the files, when the first pictures have been looked at
CHECK_PAUSE_S: Final = 0.001  # for every 4 MiB


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everybody protected at one version. Never changed: a newer one takes its place."""

    hashes: EnrolledHashes = field(repr=False)
    version: int
    base: Base
    since: Mapping[int, HashRow | None] = field(repr=False)  # what became of entries after the base; None: gone
    superseded: Entries = field(repr=False)  # the entries of `since`, ascending: what the base says of them is old
    tail: tuple[Segment, ...] = field(repr=False)
    count: int

    @property
    def anybody(self) -> bool:
        return self.count > 0

    def matches(self, seen: Sequence[Fingerprint], turned: Sequence[Fingerprint] = ()) -> Iterator[Match]:
        """Each confirmed by what the store says of it now: nobody who withdrew, no hash but the one that is enrolled.

        turned   the same views in other turns: compared with PDQ alone, of which partners enrol one turn
        Raises StoreUnavailable when there is something to confirm and the store does not answer.
        """
        looked_for = [*seen, *turned]
        near = sorted(self._near(seen, COMPARED_WITH, 0) | self._near(turned, TURNED_COMPARED_WITH, len(seen)))
        if not near:
            return
        enrolled = self.hashes.get(sorted({entry for _, entry in near}))
        for place, entry in near:
            enrolment, one = enrolled.get(entry), looked_for[place]
            if enrolment is None or len(enrolment.fingerprint.bits) != len(one.bits):
                continue
            distance = (int(enrolment.fingerprint.bits, 16) ^ int(one.bits, 16)).bit_count()
            if distance <= min(enrolment.threshold, confirm.farthest(enrolment.fingerprint.hasher)):
                yield described(Match(enrolment=enrolment, seen=one, distance=distance))

    def _near(
        self, seen: Sequence[Fingerprint], compared_with: Mapping[str, Sequence[str]], first: int
    ) -> set[tuple[int, int]]:
        """Places in `seen`, counted from `first`, and the entries that are near them."""
        found: set[tuple[int, int]] = set()
        for hasher in {segment.shelf.hasher for segment in (*self.base.segments, *self.tail)}:
            places = [at for at, one in enumerate(seen) if hasher in compared_with.get(one.hasher, ())]
            if not places:
                continue
            queries = words([seen[at].bits for at in places])
            for segment in (*self.base.segments, *self.tail):
                if segment.shelf.hasher != hasher:
                    continue
                rows, entries = segment.near(queries)
                found.update(
                    (first + places[row], entry) for row, entry in zip(rows.tolist(), entries.tolist(), strict=True)
                )
        return found

    @property
    def holds_removed(self) -> bool:
        """The base still has rows of entries that are gone."""
        gone = np.array(sorted(entry for entry, row in self.since.items() if row is None), np.int64)
        return len(gone) > 0 and any(len(segment.places(gone)) for segment in self.base.segments)


def snapshot_of(hashes: EnrolledHashes, version: int, base: Base, since: Mapping[int, HashRow | None]) -> Snapshot:
    rows = shelved(row for row in since.values() if row is not None)
    build = HashIndex.build if len(since) <= TAIL else scanned
    superseded = np.array(sorted(since), np.int64)
    old = sum(len(segment.places(superseded)) for segment in base.segments)
    tail = tuple(Segment.of(shelf, each, build) for shelf, each in rows.items())
    count = sum(map(len, base.segments)) - old + sum(map(len, tail))
    return Snapshot(hashes, version, base, since, superseded, tail, count)


def told(since: Mapping[int, HashRow | None], changes: HashChanges) -> Mapping[int, HashRow | None]:
    """What became of the entries, with these changes."""
    now: dict[int, HashRow | None] = dict(since)
    now.update((row.entry, row) for row in changes.changed)
    now.update(dict.fromkeys(changes.removed))
    return now


class LiveIndex:
    """Threads may share it, and processes the folder.

    folder   None: everything is read from the store at each start, and held in memory
    build    what makes the index of a segment
    tail     so many changed entries are searched beside the segments before new ones are made
    """

    def __init__(  # noqa: PLR0917 – the last three only tests give
        self,
        hashes: EnrolledHashes,
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        build: Build = HashIndex.build,
        tail: int = TAIL,
        check_after_s: float = CHECK_AFTER_S,
    ) -> None:
        self._hashes = hashes
        self._folder = None if folder is None else IndexFolder(folder)
        self._clock = clock
        self._build = build
        self._tail = tail
        self._check_after_s = check_after_s
        self._lock = threading.Lock()
        self._asked_at = -float("inf")
        self._snapshot: Snapshot | None = None
        self._offered: Base | None = (
            None  # to be searched instead of the present one, once its version has been caught up with
        )
        self._refused: set[str] = set()  # tokens of manifests that are damaged, or of another state of the database
        self._checked: set[str] = set()  # tokens of manifests whose files were read whole
        self._mend = False  # what is in the folder is to be written anew, whatever it says
        self._writer: threading.Thread | None = None
        self._checker: threading.Thread | None = None
        self._rest_until = -float("inf")
        self._closing = threading.Event()

    def search(self, seen: Sequence[Fingerprint]) -> Sequence[Match]:
        return list(self.now().matches(seen))

    def now(self) -> Snapshot:
        """One thread asks whether it is the newest, the others wait for its answer: nobody who is known to have come is overlooked.

        Nobody waits for a segment to be built. An answer that does not come is raised, and asked for again by the next caller.
        """
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None or self._clock() - self._asked_at >= ASK_EVERY_S:
                asked_at = self._clock()
                snapshot = self._newest(snapshot)
                self._asked_at = asked_at
                self._snapshot = snapshot
                self._keep_up(snapshot)
            return snapshot

    def close(self) -> None:
        """Waits for what is being written. It can be searched no less afterwards, but nothing is written any more."""
        with self._lock:
            self._closing.set()
        for thread in (self._writer, self._checker):
            if thread is not None:
                thread.join()

    # ---------------------------------------------------------------------------------------------- following the store

    def _newest(self, known: Snapshot | None) -> Snapshot:
        version = self._hashes.version()
        base = self._opened() if known is None else self._offered
        if base is not None and base.token not in self._refused:
            changes = self._hashes.changes(base.version)
            self._offered = None
            return self._after(base, {}, changes)
        if known is None or known.base.token in self._refused:
            return self._after(Base(), {}, self._hashes.changes(0))
        if version == known.version:
            return known
        return self._after(known.base, known.since, self._hashes.changes(known.version))

    def _after(self, base: Base, since: Mapping[int, HashRow | None], changes: HashChanges) -> Snapshot:
        if not changes.whole:
            return snapshot_of(self._hashes, changes.version, base, told(since, changes))
        if base.version:
            log.warning("index.set_back: the database does not know version %d: all hashes are read anew", base.version)
            if base.token:
                self._refused.add(base.token)
                self._mend = True
        return snapshot_of(self._hashes, changes.version, Base(), told({}, changes))

    def _opened(self) -> Base | None:
        if self._folder is None:
            return None
        try:
            return self._folder.open()
        except Damaged as damage:
            log.error("index.damaged: %s; it is built anew from the database", damage)  # noqa: TRY400 – foreseen
            self._mend = True
            return None

    # ------------------------------------------------------------------------------------------------- making segments

    def _keep_up(self, snapshot: Snapshot) -> None:
        """Under the lock. Starts what is to be done beside the searches."""
        if self._closing.is_set():
            return
        due = self._clock() >= self._rest_until and not (self._writer is not None and self._writer.is_alive())
        if due and self._offered is None and self._outgrown(snapshot):
            self._writer = threading.Thread(target=self._write, args=(snapshot,), name="index-writer", daemon=True)
            self._writer.start()
        elif snapshot.base.token not in self._checked | {""}:
            self._checked.add(snapshot.base.token)
            self._checker = threading.Thread(
                target=self._check, args=(snapshot.base,), name="index-checker", daemon=True
            )
            self._checker.start()

    def _outgrown(self, snapshot: Snapshot) -> bool:
        if len(snapshot.since) > self._tail:
            return True
        return self._folder is not None and (self._mend or snapshot.holds_removed)

    def _write(self, snapshot: Snapshot) -> None:
        rest_s = TRY_LATER_S
        made = None
        try:
            made, rest_s = self._made(snapshot)
        except Exception:  # the top of a thread: searches go on with the tail as it is
            log.exception("index.not_made: new segments could not be made; they are tried again")
        with self._lock:
            self._offered = made
            self._rest_until = self._clock() + rest_s

    def _made(self, snapshot: Snapshot) -> tuple[Base | None, float]:
        """What to search instead, and how long to leave it at that."""
        if self._folder is None:
            return self._in_memory(snapshot), 0.0
        try:
            with self._folder.writing() as mine:
                if not mine:
                    return None, TRY_AGAIN_S
                there = self._opened()
                if there is None or there.token in self._refused:
                    there = Base()
                if there.version > snapshot.base.version:  # somebody else has just written: theirs will do
                    return there, 0.0
                if there.floor > snapshot.version:  # hashes were purged that this snapshot still has
                    return self._in_memory(snapshot), TRY_AGAIN_S
                segments = merged(snapshot.base.segments, snapshot.superseded, snapshot.tail, self._build)
                known = snapshot.base if there.token == snapshot.base.token else None
                base = self._folder.write(snapshot.version, segments, floor=there.floor, known=known)
                self._checked.add(base.token)
                self._mend = False
                return base, 0.0
        except (OSError, Damaged) as error:
            log.warning("index.not_written: %s; every start reads all hashes from the database until it can be", error)
            return self._in_memory(snapshot), TRY_LATER_S

    def _in_memory(self, snapshot: Snapshot) -> Base:
        segments = merged(snapshot.base.segments, snapshot.superseded, snapshot.tail, self._build)
        return Base(version=snapshot.version, segments=tuple(segments))

    def _check(self, base: Base) -> None:
        """Every byte, once a process: damage that does not show in the structure would overlook somebody."""
        if self._folder is None or self._closing.wait(self._check_after_s):
            return
        try:
            self._folder.check(base, go_on=lambda: not self._closing.wait(CHECK_PAUSE_S))
        except Damaged as damage:
            log.error("index.damaged: %s; it is built anew from the database", damage)  # noqa: TRY400 – foreseen
            with self._lock:
                self._refused.add(base.token)
                self._mend = True


def purge(hashes: EnrolledHashes, folder: Path, wait_s: float = 60.0) -> bool:
    """When this returns True, what is gone from the store is gone from the files, and no writer that is behind brings it back.

    False: another process has been writing all the time; what it wrote is written anew when it hears of the change. Processes that
    have an older file mapped keep it until their next search.
    """
    files = IndexFolder(folder)
    try:
        with files.writing(wait_s) as mine:
            if mine:
                _purge(hashes, files)
            return mine
    except OSError as error:
        raise StoreUnavailable(
            f"the index in {folder} cannot be written ({error.strerror}) and may still hold hashes that are gone; remove the folder"
        ) from error


def _purge(hashes: EnrolledHashes, files: IndexFolder) -> None:
    try:
        there = files.open()
    except Damaged:
        there = None
    if there is None or not there.segments:
        files.write(0, (), floor=hashes.version())
        return
    changes = hashes.changes(there.version)
    if changes.whole:  # of another database: whoever needs an index builds it
        files.write(0, (), floor=changes.version)
        return
    snapshot = snapshot_of(hashes, changes.version, there, told({}, changes))
    if not snapshot.holds_removed:
        files.write(there.version, there.segments, floor=changes.version, known=there)
        return
    try:
        segments = merged(there.segments, snapshot.superseded, snapshot.tail, HashIndex.build)
        files.write(changes.version, segments, floor=changes.version, known=there)
    except OSError:  # no room for both: the old one goes first
        files.write(0, (), floor=changes.version)
