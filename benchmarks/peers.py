"""Who is measured: Stillwatch's index by each of its engines, and what others search PDQ with. Each is built, then asked.

What is timed is the call of the library, not the bringing of its answer into the order in which answers are compared.
"""

import ctypes
import gc
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray
from threatexchange.signal_type.pdq.pdq_index import PDQIndex
from usearch.compiled import MetricKind
from usearch.index import search

from benchmarks.corpus import Hashes
from matcher.hamming import Pairs
from matcher.hamming.kernel import engine, engines
from matcher.index import HashIndex

Answer = Callable[[], Pairs]  # brings it into the order in which answers are compared

OURS: Final = "Stillwatch"
FLAT: Final = "faiss IndexBinaryFlat"
# Settings of IndexBinaryMultiHash (hashes, bits of each, bits flipped), each exact at 31: below hashes × (flipped + 1) bits at least
# one of the hashes differs in no more than are flipped.
AS_THREATEXCHANGE: Final = (16, 16, 1)
SETTINGS: Final = ((16, 14, 1), (16, 15, 1), (11, 18, 2), (11, 20, 2), (11, 22, 2), (11, 23, 2), (8, 24, 3), (32, 8, 0))
SETTINGS_OF_MILLIONS: Final = (
    (11, 23, 2),
)  # of a million, tried once: 16x14 and 8x24 take 3 to 8 times as long, 11x22 the same
THREATEXCHANGE_MOST: Final = 100_000  # it takes a minute and more to build a million


class Searching(Protocol):
    """A built index."""

    def search(self, queries: Hashes, threshold: int, threads: int) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """
    build    (hashes, the largest threshold that will be asked) → what is searched
    most     entries for which it is worth waiting
    threads  whether it can use more than one
    """

    name: str
    build: Callable[[Hashes, int], Searching]
    exact: bool = True
    most: int = 10**9
    threads: bool = True

    @property
    def ours(self) -> bool:
        return self.name.startswith(OURS)


# --- Ours


@dataclass(frozen=True, slots=True)
class Ours:
    index: HashIndex
    engine: str | None  # None: what Stillwatch chooses itself

    def search(self, queries: Hashes, threshold: int, threads: int) -> Answer:
        with _forced(self.engine):
            found = self.index.search(queries.words, threshold=threshold, threads=threads)
        return lambda: found


def _forced(name: str | None) -> AbstractContextManager[None]:
    return nullcontext() if name is None else engine(name)


def _ours(name: str | None, hashes: Hashes, threshold: int) -> Ours:
    with _forced(name):
        return Ours(HashIndex.build(hashes.words, max_threshold=threshold), name)


def stillwatch() -> Sequence[Peer]:
    """As it chooses itself, then by each engine it did not choose. NumPy takes long to build ten million."""
    slower = engines()[:-1]
    return [
        Peer(name=OURS, build=partial(_ours, None)),
        *(
            Peer(name=f"{OURS}, {name} only", build=partial(_ours, name), most=2_000_000)
            for name in reversed(slower)
        ),
    ]  # fmt: skip


# --- faiss


@dataclass(frozen=True, slots=True)
class Faiss:
    index: faiss.IndexBinary

    def search(self, queries: Hashes, threshold: int, threads: int) -> Answer:
        faiss.omp_set_num_threads(threads)
        limits, distances, entries = self.index.range_search(queries.octets, threshold + 1)  # it finds what is nearer
        return lambda: _ordered(np.repeat(np.arange(len(queries)), np.diff(limits).astype(int)), entries, distances)


def _faiss(index: faiss.IndexBinary, hashes: Hashes) -> Faiss:
    faiss.omp_set_num_threads(1)
    index.add(hashes.octets)
    return Faiss(index)


def _flat(hashes: Hashes, _threshold: int) -> Faiss:
    return _faiss(faiss.IndexBinaryFlat(_bits(hashes)), hashes)


def multi_hash(setting: tuple[int, int, int], hashes: Hashes, _threshold: int) -> Faiss:
    count, bits, flipped = setting
    index = faiss.IndexBinaryMultiHash(_bits(hashes), count, bits)
    index.nflip = flipped
    return _faiss(index, hashes)


def _one_hash(hashes: Hashes, _threshold: int) -> Faiss:
    index = faiss.IndexBinaryHash(_bits(hashes), 16)
    index.nflip = 1
    return _faiss(index, hashes)


def _bits(hashes: Hashes) -> int:
    return int(hashes.words.shape[1] * 64)


def named(setting: tuple[int, int, int]) -> str:
    count, bits, flipped = setting
    return f"faiss IndexBinaryMultiHash {count}x{bits}, {flipped} flipped"


# --- The others


_NEAREST: Final = (
    8  # usearch finds the nearest so many, not all within a distance: more than a corpus drawn at random ever has
)


@dataclass(frozen=True, slots=True)
class Usearch:
    octets: NDArray[np.uint8]

    def search(self, queries: Hashes, threshold: int, threads: int) -> Answer:
        nearest = min(_NEAREST, len(self.octets))
        found = search(self.octets, queries.octets, nearest, MetricKind.Hamming, exact=True, threads=threads)

        def answer() -> Pairs:
            entries, distances = (each.reshape(len(queries), -1) for each in (found.keys, found.distances))
            rows, column = np.nonzero(distances <= threshold)
            return _ordered(rows, entries[rows, column], distances[rows, column])

        return answer


@dataclass(frozen=True, slots=True)
class ThreatExchange:
    """python-threatexchange takes one query at a time."""

    index: PDQIndex[int]

    def search(self, queries: Hashes, _threshold: int, threads: int) -> Answer:
        faiss.omp_set_num_threads(threads)
        found = [self.index.query(digits) for digits in queries.digits]

        def answer() -> Pairs:
            rows = np.repeat(np.arange(len(found)), [len(matches) for matches in found])
            matches = [match for matches in found for match in matches]
            return _ordered(
                rows,
                np.array([match.metadata for match in matches], np.int64),
                np.array([match.similarity_info.distance for match in matches], np.int64),
            )

        return answer


def _threatexchange(hashes: Hashes, _threshold: int) -> ThreatExchange:
    return ThreatExchange(PDQIndex([(digits, entry) for entry, digits in enumerate(hashes.digits)]))


@dataclass(frozen=True, slots=True)
class Naive:
    """NumPy, one query after the other against everything."""

    words: NDArray[np.uint64]

    def search(self, queries: Hashes, threshold: int, _threads: int) -> Answer:
        rows, entries, distances = [], [], []
        for row, query in enumerate(queries.words):
            apart = np.bitwise_count(self.words ^ query).sum(axis=1, dtype=np.int64)
            near = np.flatnonzero(apart <= threshold)
            rows.append(np.full(len(near), row))
            entries.append(near)
            distances.append(apart[near])
        return lambda: _ordered(np.concatenate(rows), np.concatenate(entries), np.concatenate(distances))


def _ordered(rows: NDArray[np.integer], entries: NDArray[np.integer], distances: NDArray[np.number]) -> Pairs:
    order = np.lexsort((entries, rows))
    return Pairs(*(column[order].astype(np.int64) for column in (rows, entries, distances)))


def flat() -> Peer:
    return Peer(name=FLAT, build=_flat)


PEERS: Final = (
    flat(),
    Peer(name=named(AS_THREATEXCHANGE), build=partial(multi_hash, AS_THREATEXCHANGE), most=2_000_000),
    Peer(name="faiss IndexBinaryHash 16, 1 flipped (approximate)", build=_one_hash, exact=False, most=2_000_000),
    Peer(name="usearch, exact", build=lambda hashes, _: Usearch(hashes.octets), most=2_000_000),
    Peer(name="python-threatexchange PDQIndex", build=_threatexchange, most=THREATEXCHANGE_MOST, threads=False),
    Peer(name="NumPy, every pair", build=lambda hashes, _: Naive(hashes.words), most=2_000_000, threads=False),
)


# --- Memory


def resident_bytes() -> int:
    """What this process holds now, once what it no longer needs has gone back."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; elsewhere the figures are a little too large
    if trim is not None:
        trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
