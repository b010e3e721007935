"""Bit planes: hashes laid out so that comparing one with every other takes a fraction of a nanosecond each. Exact, and nothing to build.

    planes   (blocks, p, 8) uint64: block k holds the hashes from 512 k on. Plane i of a block is one bit of each of them: that of hash
             512 k + l is bit l % 64 of word l // 64. Lanes behind the last hash are 0 and never looked at
    rows     (n, w) uint64: the hashes themselves

Plane i is bit (i × step) mod (64 w) of a hash, bit k being bit k % 64 of word k // 64, least significant first; step = 40 w - 1 is about
the golden section, so that any first planes are spread over the whole hash. Little-endian, so that a file can be mapped as it is.

Fewer planes than bits are enough: two unrelated hashes of 256 bits lie within 31 of each other on 120 planes 6 times in 100 million, and
only then are their rows compared. So a search reads 15 bytes of a hash and not 32, and `PLANES` are what is worth keeping on a disk. Wider
thresholds want more planes (`wanted`); with too few of them the rows are compared, or planes are made for the time of the search.
"""

from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import CallError
from matcher.hamming import kernel
from matcher.hamming.pairs import Pairs, Words, no_pairs
from matcher.hamming.scan import near

Planes = NDArray[np.uint64]

BLOCK: Final = 512  # hashes
UNIT: Final = 24  # planes that are added in one go: any more or fewer are not used
# Kept of a hash of so many bits: for thresholds up to about 40 and 16. With 96 planes of 256 so many rows were left to be compared that a
# sweep of a cold disk read nearly all rows as well, page by page.
PLANES: Final = {256: 120, 64: 48}

_MOST_PLANES: Final = 240  # the kernel uses no more
_FEW_LEFT: Final = 3.8  # standard deviations: 1 unrelated hash in 14,000 is left to be compared by its row
_PLANES_PAY: Final = 1.0  # 1 in 6: comparing all rows in order is as fast
_MAKING_PAYS: Final = 64  # queries from which on making planes costs less than they save
_SLAB: Final = 2**16  # hashes whose planes are made at once, 2 MiB of them at most


class WrongPlanes(CallError, ValueError):
    """Planes and rows that do not belong together."""


def planes_of(rows: bytes | memoryview, bits: int) -> bytes:
    """The planes worth keeping beside these rows: 15 bytes for a hash of 256 bits, 6 for one of 64, in whole blocks.

    rows   hashes of `bits` bits as little-endian 64-bit words, the most significant word first: see core.model.SeenBlock
    """
    return make(_rows(rows, bits), PLANES.get(bits, bits)).astype("<u8", copy=False).tobytes()


def make(rows: Words, planes: int) -> Planes:
    """The first so many planes, 64 w at most."""
    width = rows.shape[1]
    if not 0 <= planes <= 64 * width:
        raise WrongPlanes(f"{planes} planes of hashes of {64 * width} bits: at most as many as bits")
    chosen = kernel.current()
    return _make(rows, planes) if chosen is None else chosen.make_planes(rows, planes)


def wanted(threshold: int, bits: int) -> int | None:
    """How many planes make a search at this threshold fast; None when it is so wide that comparing rows is as good."""
    return next(
        (
            planes
            for planes in range(UNIT, min(bits, _MOST_PLANES) + 1, UNIT)
            if _telling(planes, threshold) >= _FEW_LEFT
        ),
        None,
    )


def search(
    planes: Planes | bytes | memoryview | None,
    rows: Words | bytes | memoryview,
    bits: int,
    queries: Words,
    threshold: int,
    *,
    threads: int = 1,
) -> Pairs:
    """All pairs of a query and a row at most `threshold` bits apart, whatever the threshold.

    planes   as `make` or `planes_of` gave them, any number; None: there are none. What is in them is trusted: damage leads to pairs that
             are missed, so keep a checksum beside them; never to pairs that are not there
    Reads all planes, and of the rows few where planes are many enough. Beside the answer it holds some 100 KiB a thread.
    """
    hashes = _rows(rows, bits)
    if queries.ndim != 2 or queries.shape[1] != hashes.shape[1]:
        raise WrongPlanes(f"queries of shape {queries.shape} against hashes of {bits} bits; (q, {bits // 64}) is right")
    if len(hashes) == 0 or len(queries) == 0 or threshold < 0:
        return no_pairs()
    if len(hashes) >= 2**32:
        raise WrongPlanes(
            f"{len(hashes)} hashes in one search: fewer than 2**32 can be numbered, so search a part at a time"
        )
    laid = _planes(planes, len(hashes), bits)
    chosen = kernel.current()
    if chosen is None:
        return _sorted(_scan(hashes, queries, threshold))
    used = _used(threshold, bits, laid.shape[1])
    more = wanted(threshold, bits)
    if used == 0 and more is not None and len(queries) >= _MAKING_PAYS:
        return _sorted(_made_meanwhile(hashes, queries, threshold, more, threads))
    return _sorted(_each_part(chosen, laid, hashes, queries, threshold, used=used, threads=threads))


# ------------------------------------------------------------------------------------------------------------ how many


def _telling(planes: int, threshold: int) -> float:
    """By how many standard deviations unrelated hashes are too far on so many planes: they differ in half of them, give or take."""
    return (planes - 2 * threshold - 1) / sqrt(planes)


def _used(threshold: int, bits: int, held: int) -> int:
    """How many of the planes held a search looks at; 0: none, they would tell too little."""
    most = min(held, _MOST_PLANES) // UNIT * UNIT
    enough = wanted(threshold, bits)
    if enough is not None and enough <= most:
        return enough
    return most if most and _telling(most, threshold) >= _PLANES_PAY else 0


# ------------------------------------------------------------------------------------------------------------ searching


def _each_part(
    chosen: kernel.Kernel, laid: Planes, rows: Words, queries: Words, threshold: int, *, used: int, threads: int
) -> Pairs:
    """Every thread takes a part of the blocks."""
    blocks = -(-len(rows) // BLOCK)
    parts = max(1, min(threads, blocks))
    bounds = [blocks * part // parts for part in range(parts + 1)]

    def part(start: int, stop: int) -> Pairs:
        if used:
            return chosen.search_planes(laid, rows, queries, threshold, blocks=range(start, stop), used=used)
        found = chosen.scan(rows[start * BLOCK : stop * BLOCK], queries, threshold)
        return Pairs(found.rows, found.entries + start * BLOCK, found.distances)

    if parts == 1:
        return part(0, blocks)
    with ThreadPoolExecutor(parts) as pool:
        return _together(list(pool.map(part, bounds[:-1], bounds[1:])))


def _made_meanwhile(rows: Words, queries: Words, threshold: int, planes: int, threads: int) -> Pairs:
    def slab(start: int) -> Pairs:
        here = rows[start : start + _SLAB]
        found = search(make(here, planes), here, 64 * rows.shape[1], queries, threshold)
        return Pairs(found.rows, found.entries + start, found.distances)

    starts = range(0, len(rows), _SLAB)
    if threads == 1:
        return _together([slab(start) for start in starts])
    with ThreadPoolExecutor(threads) as pool:
        return _together(list(pool.map(slab, starts)))


def _scan(rows: Words, queries: Words, threshold: int) -> Pairs:
    """In NumPy adding up planes takes longer than comparing words, so the rows are compared."""
    found = []
    for start in range(0, len(rows), _SLAB):
        slab = near(queries, np.ascontiguousarray(rows[start : start + _SLAB].T), threshold)
        found.append(Pairs(slab.rows, slab.entries + start, slab.distances))
    return _together(found)


def _together(found: list[Pairs]) -> Pairs:
    return found[0] if len(found) == 1 else Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _sorted(found: Pairs) -> Pairs:
    order = np.lexsort((found.entries, found.rows))
    return Pairs(found.rows[order], found.entries[order], found.distances[order])


# ------------------------------------------------------------------------------------------------------------ the arrays


def _make(rows: Words, planes: int) -> Planes:
    count, width = rows.shape
    blocks = -(-count // BLOCK)
    made = np.zeros((blocks, planes, BLOCK // 64), np.uint64)
    if made.size == 0:
        return made
    places = np.arange(planes) * (40 * width - 1) % (64 * width)
    for start in range(0, blocks, _SLAB // BLOCK):
        slab = rows[start * BLOCK : start * BLOCK + _SLAB]
        whole = np.zeros((-(-len(slab) // BLOCK) * BLOCK, width), "<u8")
        whole[: len(slab)] = slab
        bits = np.unpackbits(whole.view(np.uint8), axis=1, bitorder="little")[:, places]
        lanes = bits.reshape(-1, BLOCK, planes).transpose(0, 2, 1)
        made[start : start + len(lanes)] = np.packbits(lanes, axis=2, bitorder="little").view("<u8")
    return made


def _rows(rows: Words | bytes | memoryview, bits: int) -> Words:
    """As (n, w), copied only where the bytes do not lie on whole words."""
    if bits < 64 or bits % 64:
        raise WrongPlanes(f"hashes of {bits} bits: only whole words of 64 bits can be laid out")
    if isinstance(rows, np.ndarray):
        if rows.dtype != np.uint64 or rows.ndim != 2 or rows.shape[1] != bits // 64:
            raise WrongPlanes(f"rows of {rows.dtype} and shape {rows.shape}; uint64 (n, {bits // 64}) is right")
        return np.require(rows, requirements=("C", "A"))
    if len(rows) * memoryview(rows).itemsize % (bits // 8):
        raise WrongPlanes(f"{len(rows)} bytes of rows are not a whole number of hashes of {bits} bits")
    return np.require(_words(rows).reshape(-1, bits // 64), requirements=("C", "A"))


def _planes(planes: Planes | bytes | memoryview | None, count: int, bits: int) -> Planes:
    blocks = -(-count // BLOCK)
    if planes is None:
        return np.empty((blocks, 0, BLOCK // 64), np.uint64)
    words = planes.ravel() if isinstance(planes, np.ndarray) else _words(planes)
    if words.dtype != np.uint64 or words.size % (blocks * BLOCK // 64) or words.size > blocks * bits * BLOCK // 64:
        raise WrongPlanes(
            f"planes of {words.nbytes} bytes do not belong to {count} hashes of {bits} bits: make them again"
        )
    return np.require(words.reshape(blocks, -1, BLOCK // 64), requirements=("C", "A"))


def _words(buffer: bytes | memoryview) -> NDArray[np.uint64]:
    """np.frombuffer refuses nothing at all."""
    view = memoryview(buffer).cast("B")
    if len(view) % 8:
        raise WrongPlanes(f"{len(view)} bytes are not a whole number of 64-bit words")
    return np.frombuffer(view, "<u8") if len(view) else np.empty(0, np.uint64)
