"""Whose corners are in a picture: an index of the descriptors of everybody who chose to have them kept.

First the search: descriptors of the seen picture within a few bits of enrolled ones vote for the pictures they belong to, rare ones more
than common ones, and the commonest not at all. Then the first few pictures are looked at closely (`matcher.agreement`), and where their
corners agree, what is seen there is held against their hashes (`matcher.register.laid`). The corners lie in this process's memory and
nowhere else: never in a file, never in an answer.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.model import CornerChanges, Evidence, Fingerprint, Match
from core.ports import EnrolledCorners
from matcher.agreement import NONE, Agreement, agreement
from matcher.corners import Corners, unpacked
from matcher.hamming import Words
from matcher.hashers.area import AREA
from matcher.index import HashIndex
from matcher.live import ASK_EVERY_S
from matcher.register import Ground, laid
from matcher.views import view

log = logging.getLogger(__name__)

RADIUS: Final = 22  # differing bits: of 98 % of copies two corners lie as near, and hardly a stranger's
# Descriptors of a bucket, or so many times an even share of 65,536. Of those in fuller ones a picture tells too little: among 1.5 million
# they are nine tenths of the work and find one copy of two hundred.
FULLEST: Final = 200
FULLEST_SHARES: Final = 8
LEAST_VOTES: Final = 2
LOOKED_AT: Final = 4  # pictures, closely, of each mirror state
_TURNS: Final = 8  # bins of the difference of two directions
TAIL: Final = 2**16  # descriptors that are indexed anew with each change; when there are more, everything is


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some pictures' descriptors, ready to be searched."""

    entries: NDArray[np.int64]
    pictures: NDArray[np.int64]  # of each row, which of the entries
    angles: NDArray[np.float32]  # of each row
    index: HashIndex = field(repr=False)

    @classmethod
    def of(cls, corners: Mapping[int, Corners]) -> "_Part":
        counts = [len(each) for each in corners.values()]
        empty: Words = np.empty((0, 4), np.uint64)
        return cls(
            np.array(list(corners), np.int64),
            np.repeat(np.arange(len(counts)), counts),
            np.concatenate([np.empty(0, np.float32), *(each.angles for each in corners.values())]),
            HashIndex.build(
                np.concatenate([empty, *(each.descriptors for each in corners.values())]), max_threshold=RADIUS
            ),
        )

    def votes(self, seen: Corners) -> Iterator[tuple[int, float]]:
        """(entry, votes) of the pictures that at least two rare descriptors point at with one turn."""
        if len(self.index) == 0:
            return
        found = self.index.search(
            np.ascontiguousarray(seen.descriptors),
            threshold=RADIUS,
            fullest=max(FULLEST, FULLEST_SHARES * len(self.index) // 2**16),
        )
        pictures = self.pictures[found.entries]
        # The less a descriptor tells, the less it weighs.
        told = np.unique(found.rows * len(self.entries) + pictures) // len(self.entries)
        weights = 1.0 / np.bincount(told, minlength=len(seen))[found.rows]
        turns = (seen.angles[found.rows] - self.angles[found.entries]) % (2 * np.pi) * (_TURNS / (2 * np.pi))
        places, votes = [], []
        for half in (0.0, 0.5):  # a turn between two bins falls into one of the shifted ones
            bins = pictures * _TURNS + (turns + half).astype(np.int64) % _TURNS
            # One vote a descriptor, picture and turn; the votes of one bin lie side by side.
            once = np.unique(bins * len(seen) + found.rows, return_index=True)[1]
            bins = bins[once]
            firsts = np.flatnonzero(np.diff(bins, prepend=-1))
            enough = np.diff(firsts, append=len(bins)) >= LEAST_VOTES
            places.append(bins[firsts[enough]] // _TURNS)
            votes.append(np.add.reduceat(weights[once], firsts)[enough] if len(firsts) else np.empty(0))
        most: dict[int, float] = {}
        for place, vote in zip(np.concatenate(places).tolist(), np.concatenate(votes).tolist(), strict=True):
            most[place] = max(vote, most.get(place, 0.0))
        for place in sorted(most, key=lambda each: (-most[each], each))[:LOOKED_AT]:
            yield int(self.entries[place]), most[place]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everybody's corners at one version."""

    version: int
    corners: Mapping[int, Corners] = field(repr=False)
    base: _Part
    base_entries: frozenset[int]
    tail: _Part

    def candidates(self, seen: Corners) -> Sequence[int]:
        """Entries whose corners the descriptors of `seen` point at, the likeliest first."""
        if len(seen) == 0:
            return []
        votes = dict(self.tail.votes(seen))
        votes.update((entry, vote) for entry, vote in self.base.votes(seen) if entry in self.base_entries)
        return sorted(votes, key=lambda entry: (-votes[entry], entry))[:LOOKED_AT]


class CornerIndex:
    """Follows the store as `matcher.live.LiveIndex` does, in memory only. Threads may share it."""

    def __init__(
        self, store: EnrolledCorners, clock: Callable[[], float] = time.monotonic, ask_every_s: float = ASK_EVERY_S
    ) -> None:
        self._store = store
        self._clock = clock
        self._ask_every_s = ask_every_s
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self._snapshot: Snapshot | None = None

    def now(self) -> Snapshot:
        """Raises StoreUnavailable when it cannot be known who is enrolled."""
        with self._lock:
            known = self._snapshot
            if known is None or self._clock() - self._asked_at >= self._ask_every_s:
                asked_at = self._clock()
                version = self._store.version()
                if known is None or version != known.version:
                    changes = self._store.corner_changes(0 if known is None else known.version)
                    known = _after(known, changes)
                self._asked_at, self._snapshot = asked_at, known
            return known

    def matches(self, seen: Corners, plane: NDArray[np.uint8], quality: int, frame: int = 0) -> list[Match]:
        """Who agrees in some corners, upright or mirrored, confirmed by what the store says now; how many must is `confirm`'s to say.

        plane   (h, w) the same picture, small and grey
        """
        snapshot = self.now()
        if not snapshot.corners:
            return []
        met: dict[int, Agreement] = {}
        for state in (seen, seen.mirrored()):
            for entry in snapshot.candidates(state):
                found = agreement(snapshot.corners[entry], state)
                if state is not seen:
                    found = _flipped_back(found)
                if found.corners > met.get(entry, NONE).corners:
                    met[entry] = found
        near = {entry: found for entry, found in met.items() if found.corners >= LEAST_AGREEING}
        if not near:
            return []
        owners = self._store.corner_owners(sorted(near))
        made = Fingerprint(hasher=AREA.name, view=view(frame, ""), bits="", quality=quality)
        ground = Ground(plane)
        return [
            Match(
                enrolment=owners[entry].face,
                seen=made,
                distance=laid(ground, overlay, owners[entry].fingerprints),
                evidence=Evidence.LOCAL,
                overlay=overlay,
                agreeing=found.corners,
                visible=found.visible,
            )
            for entry, found in sorted(near.items())
            if entry in owners and (overlay := found.overlay) is not None
        ]


LEAST_AGREEING: Final = 5  # fewer are not worth asking the store about


def _flipped_back(found: Agreement) -> Agreement:
    if found.overlay is None:
        return found
    one, two, three, four = ((1000 - x, y) for x, y in found.overlay)
    return found._replace(overlay=(one, two, three, four))


def _after(known: Snapshot | None, changes: CornerChanges) -> Snapshot:
    corners = {} if known is None or changes.whole else dict(known.corners)
    untouched = frozenset() if known is None or changes.whole else known.base_entries
    for row in changes.changed:
        untouched -= {row.entry}
        try:
            corners[row.entry] = unpacked(row.corners)
        except ValueError:
            corners.pop(row.entry, None)
            log.error("corners.unreadable: entry %d protects nobody by its corners; hash its picture again", row.entry)  # noqa: TRY400
    for entry in changes.removed:
        corners.pop(entry, None)
        untouched -= {entry}
    tail = {entry: each for entry, each in corners.items() if entry not in untouched}
    grown = sum(len(each.points) for each in tail.values()) > TAIL
    gone = known is not None and untouched != known.base_entries  # who withdrew is not kept in the index either
    if known is None or changes.whole or grown or gone:
        return Snapshot(changes.version, corners, _Part.of(corners), frozenset(corners), _Part.of({}))
    return Snapshot(changes.version, corners, known.base, untouched, _Part.of(tail))
