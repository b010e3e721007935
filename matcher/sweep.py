"""The front door for looking back: enrolled hashes against everything seen. Judges as a crawl would have judged at the time.

Few hashes are compared with every row of a segment: rows in bit planes cost a fraction of a nanosecond a pair, and nothing has to
be built. Many hashes become an index, and the rows are looked up in it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.model import Enrolment, Finding, ImageSighting, Match, SeenBlock, SeenPlace
from matcher import confirm
from matcher.confirm import DEFAULT, Limits
from matcher.geometry import described
from matcher.hamming import Words, slices
from matcher.hashers import MIN_QUALITY
from matcher.index import HashIndex, words

MANY: Final = (
    8192  # hashes of one hasher from which on looking rows up is quicker: against 200,000 rows both took 250 ms (AVX2)
)
_SLAB_PAIRS: Final = 2**22  # compared at once: were all of them near, they would still fit into memory
_SLAB_ROWS: Final = 2**15  # looked up at once in an index
_PLACES: Final = 2**12  # places read at once

Places = Callable[[str, Sequence[int]], Sequence[SeenPlace]]
"""hasher, rows of its block → where they were seen; nothing when the segment was erased meanwhile. See core.ports.SeenStore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A person in a picture that was seen."""

    finding: Finding
    sighting: ImageSighting = field(repr=False)  # the earliest of this picture in the segment
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What is asked of one hasher."""

    enrolments: tuple[Enrolment, ...] = field(repr=False)
    hashes: Words = field(repr=False)
    thresholds: NDArray[np.int64]
    radius: int  # the widest threshold that still says something
    index: HashIndex | None  # where there are many


class Asked:
    """What a sweep looks for, made ready once for all segments. Threads may share it."""

    def __init__(self, enrolments: Iterable[Enrolment], *, many: int = MANY) -> None:
        by_hasher: dict[str, list[Enrolment]] = {}
        for each in enrolments:
            # What is too plain, and hashers that say nothing, come to no finding: see matcher.confirm.
            if each.fingerprint.quality >= MIN_QUALITY and confirm.farthest(each.fingerprint.hasher) >= 0:
                by_hasher.setdefault(each.fingerprint.hasher, []).append(each)
        self._shelves = {hasher: _shelf(hasher, each, many) for hasher, each in by_hasher.items()}

    @property
    def nothing(self) -> bool:
        return not self._shelves

    def near(self, block: SeenBlock) -> Iterator["_Near"]:
        """Slab by slab what lies within its own enrolment's threshold."""
        shelf = self._shelves.get(block.hasher)
        if shelf is None or block.count == 0 or block.bits != 64 * shelf.hashes.shape[1]:
            return
        for rows, entries, distances in _pairs(shelf, block):
            near = distances <= shelf.thresholds[entries]
            yield _Near(shelf.enrolments, rows[near], entries[near], distances[near])


@dataclass(frozen=True, slots=True)
class _Near:
    """Pairs: rows of a block, positions among the enrolments, distances."""

    enrolments: Sequence[Enrolment] = field(repr=False)
    rows: NDArray[np.int64]
    entries: NDArray[np.int64]
    distances: NDArray[np.int64]

    def by_row(self) -> list[tuple[int, list[tuple[Enrolment, int]]]]:
        """(row, [(enrolment, distance)]), rows ascending."""
        order = np.argsort(self.rows, kind="stable")
        rows, starts = np.unique(self.rows[order], return_index=True)
        bounds = np.append(starts, len(order)).tolist()
        entries, distances = self.entries[order].tolist(), self.distances[order].tolist()
        return [
            (row, [(self.enrolments[entries[at]], distances[at]) for at in range(start, end)])
            for row, start, end in zip(rows.tolist(), bounds[:-1], bounds[1:], strict=True)
        ]


def _shelf(hasher: str, enrolments: Sequence[Enrolment], many: int) -> _Shelf:
    hashes = words([each.fingerprint.bits for each in enrolments])
    thresholds = np.array([each.threshold for each in enrolments], np.int64)
    radius = max(0, min(confirm.farthest(hasher), int(thresholds.max())))
    index = HashIndex.build(hashes, max_threshold=radius) if len(hashes) >= many else None
    return _Shelf(tuple(enrolments), hashes, thresholds, radius, index)


def _pairs(shelf: _Shelf, block: SeenBlock) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """(rows of the block, positions on the shelf, distances) of all pairs within the shelf's radius."""
    if shelf.index is not None:
        seen: Words = np.frombuffer(block.rows, "<u8").reshape(block.count, -1).astype(np.uint64, copy=False)
        for start in range(0, block.count, _SLAB_ROWS):
            found = shelf.index.search(seen[start : start + _SLAB_ROWS], threshold=shelf.radius)
            yield found.rows + start, found.entries, found.distances
        return
    some = max(1, _SLAB_PAIRS // block.count)
    for start in range(0, len(shelf.hashes), some):
        queries = shelf.hashes[start : start + some]
        compared = slices.search(block.slices, block.rows, block.bits, queries, shelf.radius)
        yield compared.entries, compared.rows + start, compared.distances


def find(
    asked: Asked,
    blocks: Iterable[SeenBlock],
    places: Places,
    *,
    since: datetime | None = None,
    limits: Limits = DEFAULT,
    beat: Callable[[], None] = lambda: None,
) -> Sequence[Found]:
    """Everybody who is found in the pictures of one segment, one finding a person and picture.

    since   only what was seen at or after this moment
    limits  how far a match may be, as a crawl would be told
    beat    called now and then, so that the caller can say that it is still at work
    """
    pictures: dict[tuple[str, str], _Picture] = {}
    for block in blocks:
        for near in asked.near(block):
            beat()
            for picture, matches in _pictures(block.hasher, near, places):
                if since is None or picture.sighting.seen_at >= since:
                    key = (picture.sighting.image_url, picture.sha256)
                    pictures[key] = _joined(pictures.get(key), picture, matches, limits)
    return [
        Found(finding=finding, sighting=picture.sighting, sha256=picture.sha256)
        for _, picture in sorted(pictures.items())
        for finding in picture.findings
    ]


@dataclass(frozen=True, slots=True)
class _Picture:
    sighting: ImageSighting
    sha256: str
    findings: tuple[Finding, ...] = ()


def _pictures(hasher: str, near: _Near, places: Places) -> Iterator[tuple[_Picture, list[Match]]]:
    """Row by row: the picture it belongs to, and whom it matches."""
    by_row = near.by_row()
    for first in range(0, len(by_row), _PLACES):
        some = by_row[first : first + _PLACES]
        seen = places(hasher, [row for row, _ in some])
        if not seen:  # erased meanwhile
            return
        for (_, matched), place in zip(some, seen, strict=True):
            yield (
                _Picture(place.sighting, place.sha256),
                [
                    described(Match(enrolment=enrolment, seen=place.fingerprint, distance=distance))
                    for enrolment, distance in matched
                ],
            )


def _joined(known: _Picture | None, picture: _Picture, matches: Sequence[Match], limits: Limits) -> _Picture:
    """The best of what was found so far and what is new: the same as judging all matches of the picture at once."""
    before = () if known is None else known.findings
    sighting = picture.sighting
    if known is not None and known.sighting.seen_at <= sighting.seen_at:
        sighting = known.sighting
    return _Picture(
        sighting, picture.sha256, confirm.findings([*(finding.match for finding in before), *matches], limits)
    )
