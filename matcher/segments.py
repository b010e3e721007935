"""Enrolled hashes in segments that never change, and how several are made into fewer. Pure, and nobody's name is in it.

A shelf is the entries of one hasher whose thresholds reach equally far (`confirm.reach`): one wide threshold does not make the search
slow for all others.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from core.model import HashRow
from matcher import confirm, hamming
from matcher.hamming import Words
from matcher.hashers import HASHERS
from matcher.index import HashIndex, WrongHashes, words

log = logging.getLogger(__name__)

MAX_ROWS: Final = 2**20  # of a segment: what one removal has to write anew

Build = Callable[[Words, int], HashIndex]
Entries = NDArray[np.int64]


class Shelf(NamedTuple):
    hasher: str
    reach: int


class Rows(NamedTuple):
    """Columns of one length, by ascending entry."""

    entries: Entries
    thresholds: NDArray[np.int16]  # differing bits allowed; beyond what a hash can differ in they are cut off
    bits: Words

    def only(self, wanted: NDArray[np.bool_]) -> "Rows":
        return Rows(self.entries[wanted], self.thresholds[wanted], self.bits[wanted])


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Some rows of a shelf, ready to be searched. Its arrays may be mapped from a file."""

    shelf: Shelf
    rows: Rows = field(repr=False)
    radius: int  # the widest threshold among them that still says something
    index: HashIndex = field(repr=False)

    @classmethod
    def of(cls, shelf: Shelf, rows: Rows, build: Build) -> Self:
        radius = max(0, min(confirm.farthest(shelf.hasher), int(rows.thresholds.max())))
        return cls(shelf, rows, radius, build(rows.bits, radius))

    def __len__(self) -> int:
        return len(self.rows.entries)

    def near(self, queries: Words) -> tuple[NDArray[np.int64], Entries]:
        """Rows of the queries, and the entries that lie within their own thresholds of them."""
        found = self.index.search(queries, threshold=self.radius)
        # A damaged file may name rows that are not there: whatever it says is confirmed in SQL, so it is enough not to trip over it.
        there = found.entries < len(self)
        row, place, distance = (column[there] for column in found)
        near = distance <= self.rows.thresholds[place]
        return row[near], self.rows.entries[place[near]]

    def places(self, entries: Entries) -> NDArray[np.int64]:
        """Which of its rows are these entries; those that it does not hold are left out."""
        at: NDArray[np.int64] = np.minimum(np.searchsorted(self.rows.entries, entries), len(self) - 1)
        held: NDArray[np.bool_] = self.rows.entries[at] == entries
        return at[held]


def scanned(bits: Words, max_threshold: int) -> HashIndex:
    """Made at once, whatever the number; searching it compares every pair. For what waits to be built."""
    return HashIndex.of_parts({"rows": hamming.diagonals(bits)}, max_threshold)


def shelved(rows: Iterable[HashRow]) -> dict[Shelf, Rows]:
    """As columns, shelf by shelf. Rows of a kind that is not compared any more are left out."""
    sorted_out: defaultdict[Shelf, list[HashRow]] = defaultdict(list)
    for row in rows:
        if row.hasher in HASHERS:
            sorted_out[Shelf(row.hasher, confirm.reach(row.hasher, row.threshold))].append(row)
    columns = ((shelf, _columns(shelf, sorted(each))) for shelf, each in sorted_out.items())
    return {shelf: each for shelf, each in columns if len(each.entries)}


def _columns(shelf: Shelf, rows: Sequence[HashRow]) -> Rows:
    try:
        bits = words([row.bits for row in rows])
    except WrongHashes:
        rows = list(_readable(shelf.hasher, rows))
        bits = words([row.bits for row in rows])
    most = HASHERS[shelf.hasher].bit_count
    return Rows(
        np.array([row.entry for row in rows], np.int64),
        np.array([min(row.threshold, most) for row in rows], np.int16),
        bits,
    )


def _readable(hasher: str, rows: Iterable[HashRow]) -> Iterator[HashRow]:
    """One row that is no hash must not make all others unsearchable."""
    for row in rows:
        try:
            fits = words([row.bits]).shape[1] == HASHERS[hasher].word_count
        except WrongHashes:
            fits = False
        if fits:
            yield row
        else:
            log.error(
                "index.no_hash: entry %d is no %s hash and protects nobody; enrol its picture again", row.entry, hasher
            )


def merged(
    segments: Sequence[Segment], superseded: Entries, fresh: Sequence[Segment], build: Build, most: int = MAX_ROWS
) -> Sequence[Segment]:
    """The same as `segments` without the superseded rows and with the fresh ones, in few segments; what needs no change is kept as it is.

    superseded   entries, ascending: where `segments` hold them, they do so no longer
    most         rows of a segment that is made
    """
    made: list[Segment] = []
    for shelf in dict.fromkeys(each.shelf for each in (*segments, *fresh)):
        pool = [each.rows for each in fresh if each.shelf == shelf]
        clean = []
        for segment in (each for each in segments if each.shelf == shelf):
            gone = segment.places(superseded)
            if len(gone):
                stays = np.ones(len(segment), np.bool_)
                stays[gone] = False
                pool.append(segment.rows.only(stays))
            else:
                clean.append(segment)
        # Each time a segment is copied it comes into one at least half as large again: a row is copied a few times in its life.
        for segment in sorted(clean, key=len):
            if not 0 < len(segment) <= 2 * sum(len(rows.entries) for rows in pool):
                made.append(segment)
            else:
                pool.append(segment.rows)
        made += [Segment.of(shelf, rows, build) for rows in _cut(pool, most)]
    return made


def _cut(pool: Sequence[Rows], most: int) -> Iterator[Rows]:
    """All of them by entry, in parts of at most so many."""
    if not pool:
        return
    entries = np.concatenate([rows.entries for rows in pool])
    if len(entries) == 0:
        return
    thresholds = np.concatenate([rows.thresholds for rows in pool])
    bits = np.concatenate([rows.bits for rows in pool])
    order = np.argsort(entries, kind="stable")
    for part in np.array_split(order, -(-len(order) // most)):
        yield Rows(entries[part], thresholds[part], bits[part])
