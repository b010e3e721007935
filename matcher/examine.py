"""The front door: a picture's bytes in, whose picture it is out."""

import atexit
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Final

from core.model import Enrolment, Examination, Fingerprint, Match, State
from core.ports import EnrolledHashes
from matcher import confirm
from matcher.decode import Decoder, Reading
from matcher.hashers import HASHERS
from matcher.index import HashIndex, words

_ASK_EVERY_S: Final = 0.25  # a withdrawal must be felt everywhere within a second


def fingerprints(image_bytes: bytes) -> Sequence[Fingerprint]:
    """What a crawled picture is compared by: each hasher's hash of each distinct frame, upright. `()` for what cannot be hashed.

    Decoded in a child process that all callers share.
    """
    return _shared_decoder().read(image_bytes).fingerprints


@cache
def _shared_decoder() -> Decoder:
    decoder = Decoder()
    atexit.register(decoder.close)
    return decoder


class MatchingExaminer:
    """Implements core.ports.Examiner. Threads may share it."""

    def __init__(self, hashes: EnrolledHashes, decoder: Decoder, clock: Callable[[], float] = time.monotonic) -> None:
        self._decoder = decoder
        self._enrolled = _Enrolled(hashes, clock)

    def examine(self, image_bytes: bytes) -> Examination:
        """Raises StoreUnavailable when it cannot be known who is enrolled, DecoderUnavailable when nothing can be decoded."""
        started = time.perf_counter()
        sha256 = hashlib.sha256(image_bytes).hexdigest()
        reading = self._decoder.read(image_bytes)
        snapshot = self._enrolled.now()  # after decoding: as fresh as can be
        findings = confirm.findings(snapshot.matches(reading.fingerprints))
        state, reason = _state(reading, hit=bool(findings), anybody=snapshot.anybody)
        return Examination(
            sha256=sha256,
            state=state,
            reason=reason,
            findings=findings,
            fingerprints=tuple(reading.fingerprints),
            ms=round((time.perf_counter() - started) * 1000, 3),
        )


def _state(reading: Reading, *, hit: bool, anybody: bool) -> tuple[State, str]:
    """A hit on a part is a hit. Clear is only what was read whole and compared with somebody."""
    if hit:
        return State.HIT, ""
    if reading.obstacle not in {None, State.PARTIAL}:
        return reading.obstacle, reading.reason
    if not anybody:
        return State.NOT_COMPARED, "nobody is enrolled, so there was nothing to compare with"
    if reading.obstacle is State.PARTIAL:
        return State.PARTIAL, reading.reason
    return State.CLEAR, ""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The enrolments of one hasher; the index's entries are their positions."""

    enrolments: tuple[Enrolment, ...] = field(repr=False)
    index: HashIndex
    radius: int  # the widest threshold among them that still says something


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Everybody protected at one version. Never changed: a newer one takes its place."""

    version: int
    shelves: dict[str, _Shelf]

    @property
    def anybody(self) -> bool:
        return bool(self.shelves)

    def matches(self, seen: Sequence[Fingerprint]) -> Iterator[Match]:
        for hasher, group in groupby(sorted(seen, key=lambda one: one.hasher), key=lambda one: one.hasher):
            shelf = self.shelves.get(hasher)
            if shelf is None:
                continue
            prints = list(group)
            found = shelf.index.search(words([one.bits for one in prints]), threshold=shelf.radius)
            for row, entry, distance in zip(*(column.tolist() for column in found), strict=True):
                enrolment = shelf.enrolments[entry]
                if distance <= enrolment.threshold:
                    yield Match(enrolment=enrolment, seen=prints[row], distance=distance)


def _snapshot(version: int, enrolments: Sequence[Enrolment]) -> _Snapshot:
    shelves = {}
    for name in HASHERS:
        shelf = tuple(one for one in enrolments if one.fingerprint.hasher == name)
        if shelf:
            radius = max(0, min(confirm.farthest(name), max(one.threshold for one in shelf)))
            index = HashIndex.build(words([one.fingerprint.bits for one in shelf]), max_threshold=radius)
            shelves[name] = _Shelf(shelf, index, radius)
    return _Snapshot(version, shelves)


class _Enrolled:
    """The newest snapshot, made again when the version moved."""

    def __init__(self, hashes: EnrolledHashes, clock: Callable[[], float]) -> None:
        self._hashes = hashes
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = -float("inf")
        self._snapshot = _Snapshot(-1, {})

    def now(self) -> _Snapshot:
        """One thread asks, the others wait for its answer: a withdrawn person is not matched from a snapshot known to be old.

        An answer that does not come is raised, and asked for again by the next caller.
        """
        with self._lock:
            if self._clock() - self._asked_at >= _ASK_EVERY_S:
                asked_at = self._clock()
                if self._hashes.version() != self._snapshot.version:
                    self._snapshot = _snapshot(*self._hashes.enrolments())
                self._asked_at = asked_at
            return self._snapshot
