"""The kernel: plain C behind ctypes, used where it was built and has proved itself on this machine.

Every call lets other Python threads run. What the arrays must look like is checked here, so that the C side can trust it; what
stands in mapped files may be damaged all the same, and leads to wrong candidates there, never to memory that is not the index's.
"""

import ctypes
import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import CallError
from matcher import kernels
from matcher.hamming.bands import PAD, Bands, diagonals, key_bits
from matcher.hamming.pairs import Pairs, Words, no_pairs

NUMPY: Final = "numpy"
# Pairs an answer has room for at first. Where it is too little the search is done again, and memory that is not written costs nothing.
_ROOM: Final = 1024
_ROOM_A_QUERY: Final = 64


class Level(enum.IntEnum):
    """What the processor can do, as kernel.h counts it."""

    PORTABLE = 0
    AVX2 = 1
    AVX512 = 2


class _Bands(ctypes.Structure):
    _fields_ = (
        ("rows", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("following", ctypes.c_void_p),
        ("rest", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("width", ctypes.c_int32),
        ("key_bits", ctypes.c_int32),
    )


class _Slices(ctypes.Structure):
    _fields_ = (
        ("planes", ctypes.c_void_p),
        ("rows", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("width", ctypes.c_int32),
        ("planes_held", ctypes.c_int32),
    )


class _Found(ctypes.Structure):
    _fields_ = (("pairs", ctypes.c_void_p), ("capacity", ctypes.c_int64), ("count", ctypes.c_int64))


_FUNCTIONS: Final[kernels.Functions] = {
    "kernel_level": ([], ctypes.c_int),
    "bands_diagonals": ([ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_void_p, ctypes.c_int], None),
    "bands_build": (
        [
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ],
        ctypes.c_int,
    ),
    "bands_find": (
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int],
        ctypes.c_int,
    ),
    "scan_search": (
        [
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_int,
        ],
        None,
    ),
    "slices_make": ([ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_int, ctypes.c_void_p], None),
    "slices_search": (
        [
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_int,
        ],
        ctypes.c_int,
    ),
    "distinct_rows": ([ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_void_p], ctypes.c_int64),
}


@cache
def library() -> ctypes.CDLL | None:
    return kernels.loaded(__file__, _FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Kernel:
    """The functions at one level."""

    library: ctypes.CDLL
    level: Level

    def diagonals(self, hashes: Words) -> Words:
        hashes = np.ascontiguousarray(hashes)
        turned = np.empty_like(hashes)
        self.library.bands_diagonals(hashes.ctypes.data, len(hashes), hashes.shape[1], turned.ctypes.data, self.level)
        return turned

    def build(self, hashes: Words, bits: int | None = None) -> Bands:
        count, width = hashes.shape
        bands, bits = 4 * width, key_bits(count) if bits is None else bits
        made = Bands(
            rows=self.diagonals(hashes),
            starts=np.empty((bands, 2**bits + 1), np.uint32),
            following=np.zeros(bands * count + PAD, np.uint16),
            rest=np.empty(bands * count, np.uint64),
        )
        refused = self.library.bands_build(
            made.rows.ctypes.data,
            count,
            width,
            bits,
            made.starts.ctypes.data,
            made.following.ctypes.data,
            made.rest.ctypes.data,
        )
        if refused:
            raise MemoryError("no memory to build the index")
        return made

    def search(self, bands: Bands, queries: Words, threshold: int, fullest: int = 0) -> Pairs:
        """Each pair once, sorted by row, then entry; several times with `fullest`."""
        queries = np.ascontiguousarray(queries)
        address = queries.ctypes.data
        index = _Bands(*bands.addresses, bands.count, bands.rows.shape[1], bands.key_bits)

        def ask(found: _Found) -> None:
            if self.library.bands_find(
                ctypes.byref(index), address, len(queries), threshold, fullest, ctypes.byref(found), self.level
            ):
                raise MemoryError("no memory to search the index")

        return _answer(ask, len(queries))

    def scan(self, rows: Words, queries: Words, threshold: int) -> Pairs:
        """Compares every pair; each found one once, in no order."""
        rows, queries = np.ascontiguousarray(rows), np.ascontiguousarray(queries)

        def ask(found: _Found) -> None:
            self.library.scan_search(
                rows.ctypes.data,
                len(rows),
                rows.shape[1],
                queries.ctypes.data,
                0,
                len(queries),
                threshold,
                ctypes.byref(found),
                self.level,
            )

        return _answer(ask, len(queries))

    def make_planes(self, rows: Words, planes: int) -> NDArray[np.uint64]:
        """See matcher/hamming/slices.py."""
        rows = np.ascontiguousarray(rows)
        made = np.empty((-(-len(rows) // 512), planes, 8), np.uint64)
        self.library.slices_make(rows.ctypes.data, len(rows), rows.shape[1], planes, made.ctypes.data)
        return made

    def search_planes(
        self, planes: NDArray[np.uint64], rows: Words, queries: Words, threshold: int, *, blocks: range, used: int
    ) -> Pairs:
        """These blocks of 512 rows, by their first `used` planes; each pair once, in no order."""
        queries = np.ascontiguousarray(queries)
        slices = _Slices(
            planes=planes.ctypes.data,
            rows=rows.ctypes.data,
            count=len(rows),
            width=rows.shape[1],
            planes_held=planes.shape[1],
        )

        def ask(found: _Found) -> None:
            if self.library.slices_search(
                ctypes.byref(slices),
                blocks.start,
                blocks.stop,
                queries.ctypes.data,
                0,
                len(queries),
                threshold,
                used,
                ctypes.byref(found),
                self.level,
            ):
                raise MemoryError("no memory to search the planes")

        return _answer(ask, len(queries))

    def distinct(self, hashes: Words) -> tuple[int, NDArray[np.uint32]]:
        """How many distinct rows there are, and the number of each row's, counted in the order in which they first come."""
        hashes = np.ascontiguousarray(hashes)
        numbers = np.empty(len(hashes), np.uint32)
        count = self.library.distinct_rows(hashes.ctypes.data, len(hashes), hashes.shape[1], numbers.ctypes.data)
        if count < 0:
            raise MemoryError("no memory to find duplicates")
        return int(count), numbers


def _answer(ask: Callable[[_Found], None], queries: int) -> Pairs:
    """Asks again with more room when the first had too little."""
    room = _ROOM + _ROOM_A_QUERY * queries
    while True:
        pairs = np.empty((room, 3), np.uint32)
        found = _Found(pairs=pairs.ctypes.data, capacity=room, count=0)
        ask(found)
        if found.count <= room:
            break
        room = found.count
    if found.count == 0:
        return no_pairs()
    columns = pairs[: found.count].T.astype(np.int64)
    return Pairs(columns[0], columns[1], columns[2])


# ---------------------------------------------------------------------------------------------------------- which one


@cache
def _proven(level: Level) -> Kernel | None:
    """The kernel at this level, if the machine has it and its answers are right here."""
    loaded = library()
    if loaded is None or loaded.kernel_level() < level:
        return None
    kernel = Kernel(loaded, level)
    return kernel if _right(kernel) else None


def _right(kernel: Kernel) -> bool:
    """A processor or a compiler may be wrong where no test of ours has ever run: a few hundred pairs are compared both ways."""
    chance = np.random.default_rng(6)
    for width, threshold in ((4, 31), (4, 63), (1, 10)):
        hashes = chance.integers(0, 2**64, (300, width), np.uint64)
        flips = np.arange(64 * width) < threshold + chance.integers(
            -1, 2, (60, 1)
        )  # at the threshold, where an error shows
        turned = np.packbits(chance.permuted(flips, axis=1), axis=1).view(np.uint64)
        queries: Words = hashes[:60] ^ turned
        if not np.array_equal(kernel.diagonals(hashes), diagonals(hashes)):
            return False
        apart = np.bitwise_count(queries[:, None] ^ hashes).sum(axis=2, dtype=np.int64)
        expected = {(row, entry, int(apart[row, entry])) for row, entry in np.argwhere(apart <= threshold).tolist()}
        for found in (
            kernel.search(kernel.build(hashes), queries, threshold),
            kernel.scan(hashes, queries, threshold),
            kernel.search_planes(kernel.make_planes(hashes, 48), hashes, queries, threshold, blocks=range(1), used=48),
        ):
            if len(found.rows) != len(expected) or set(zip(*(c.tolist() for c in found), strict=True)) != expected:
                return False
    return True


class _Choice:
    """What `engine` has set; otherwise the fastest that has proved itself."""

    forced: str | None = None


def current() -> Kernel | None:
    """The kernel to use; None: NumPy."""
    if _Choice.forced == NUMPY:
        return None
    if _Choice.forced is not None:
        return _proven(Level[_Choice.forced.upper()])
    return _fastest()


@cache
def _fastest() -> Kernel | None:
    return next((kernel for level in reversed(Level) if (kernel := _proven(level)) is not None), None)


def engines() -> tuple[str, ...]:
    """What `engine` takes on this machine, the slowest first."""
    return (NUMPY, *(level.name.lower() for level in Level if _proven(level) is not None))


@contextmanager
def engine(name: str) -> Iterator[None]:
    """For tests and benchmarks: inside, this engine does the work, in every thread."""
    if name not in engines():
        raise CallError(f"no engine {name!r} on this machine; there are: {', '.join(engines())}")
    before = _Choice.forced
    _Choice.forced = name
    try:
        yield
    finally:
        _Choice.forced = before


def describe() -> str:
    """Which engine runs, and why no faster one: for `doctor`."""
    kernel = current()
    if kernel is not None:
        return f"C kernel, {kernel.level.name}"
    return kernels.refused(__file__, library())
