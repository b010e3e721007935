"""Enrolled hashes that can be searched by distance. Exact: what is within the threshold is found, always."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import CallError
from matcher import hamming
from matcher.hamming import Bands, Pairs, Words, dispatch, planner, slices
from matcher.hamming.slices import Planes

_THREAD_QUERIES: Final = 64  # fewer are not worth a thread of their own
_BLOCK_QUERIES: Final = 8192  # searched at once: they stay in the cache while a band is searched
_BANDS: Final = ("starts", "following", "rest")
_PLANES: Final = "planes"
_OWNERS: Final = ("owner_starts", "owners")


class WrongHashes(CallError, ValueError):
    """The index was asked with something it cannot answer. A ValueError too, for those who use it as a library."""


def words(bits: Sequence[str]) -> Words:
    """Hex digits, all of one length, as (n, w) uint64, most significant word first. No hashes give (0, 4): PDQ."""
    if not bits:
        return np.empty((0, 4), np.uint64)
    digits = len(bits[0])
    if digits == 0 or digits % 16 or any(len(one) != digits for one in bits):
        raise WrongHashes("hashes of one search must all have the same number of hex digits, a multiple of 16")
    try:
        packed = bytes.fromhex("".join(bits))
    except ValueError as error:
        raise WrongHashes("a hash is written in the digits 0-9 and a-f only") from error
    if len(packed) * 2 != digits * len(bits):
        raise WrongHashes("a hash is written in the digits 0-9 and a-f only, without spaces")
    return np.frombuffer(packed, ">u8").astype(np.uint64).reshape(len(bits), digits // 16)


def digits(hashes: Words) -> list[str]:
    """The other way round."""
    _check(hashes, "hashes")
    return [row.tobytes().hex() for row in hashes.astype(">u8")]


class HashIndex:
    """A snapshot of hashes; the row number is the entry. Threads may share it.

    Hashes that are the same are held once. What it consists of can be written to a file and mapped: see `parts`.
    """

    def __init__(
        self,
        held: Words | Bands,
        planes: Planes | None,
        owners: tuple[NDArray[np.uint32], NDArray[np.uint32]] | None,
        max_threshold: int,
    ) -> None:
        """Use `build` or `of_parts`.

        held    the distinct hashes as diagonals, or their bands
        planes  their bit planes, for thresholds too wide for bands
        owners  where hashes came several times: (starts, entries), the entries of distinct hash i are entries[starts[i] : starts[i + 1]]
        """
        self._bands = held if isinstance(held, Bands) else None
        self._rows = held.rows if isinstance(held, Bands) else held
        self._planes = planes
        self._owners = owners
        self.max_threshold = max_threshold

    @classmethod
    def build(cls, bits: Words, max_threshold: int = 31) -> Self:
        """
        bits   (n, 4) uint64 for hashes of 256 bits, (n, 1) for 64; n may be 0
        """
        _check(bits, "bits")
        width = bits.shape[1]
        if not 0 <= max_threshold <= 64 * width:
            raise WrongHashes(
                f"max_threshold {max_threshold}: a hash of {64 * width} bits differs in 0 to {64 * width}"
            )
        count, numbers = hamming.distinct(bits)
        owners = None
        if count < len(bits):
            entries = np.argsort(numbers, kind="stable").astype(np.uint32)
            starts = np.concatenate(([0], np.cumsum(np.bincount(numbers, minlength=count)))).astype(np.uint32)
            owners = (starts, entries)
            bits = bits[entries[starts[:-1]]]
        engine = dispatch.kind()
        held = hamming.build(bits) if planner.worth_bands(count, engine) else hamming.diagonals(bits)
        planes = None
        if planner.worth_planes(count, width, max_threshold, engine):
            rows = held.rows if isinstance(held, Bands) else held
            planes = slices.make(rows, slices.wanted(max_threshold, 64 * width) or 0)
        return cls(held, planes, owners, max_threshold)

    def parts(self) -> dict[str, NDArray[np.generic]]:
        """The arrays it consists of, by name: contiguous and little-endian, so that they can be mapped from a file for `of_parts`."""
        parts: dict[str, NDArray[np.generic]] = {"rows": self._rows}
        if self._bands is not None:
            parts |= {name: getattr(self._bands, name) for name in _BANDS}
        if self._planes is not None:
            parts[_PLANES] = self._planes
        if self._owners is not None:
            parts |= dict(zip(_OWNERS, self._owners, strict=True))
        return parts

    @classmethod
    def of_parts(cls, parts: Mapping[str, NDArray[np.generic]], max_threshold: int) -> Self:
        """What `parts` gave, perhaps by way of a file. Raises WrongHashes when the arrays do not belong together.

        Damage that does not show in their shapes and tables leads to wrong answers, never outside of them: keep a checksum beside them.
        """
        rows = np.asarray(parts["rows"])
        _check(rows, "rows")
        held: Words | Bands = rows
        if _BANDS[0] in parts:
            held = Bands(rows, *(np.asarray(parts[name]) for name in _BANDS))  # `fault` looks at what they are
            fault = held.fault()
            if fault is not None:
                raise WrongHashes(f"these arrays are no index: {fault}; build it again")
        planes = None
        if _PLANES in parts:
            planes = np.asarray(parts[_PLANES])
            if planes.dtype != np.uint64 or planes.ndim != 3 or len(planes) != -(-len(rows) // slices.BLOCK):
                raise WrongHashes("these arrays are no index: the planes do not fit the rows; build it again")
        owners = None
        if _OWNERS[0] in parts:
            starts, entries = (np.asarray(parts[name]) for name in _OWNERS)
            if (
                starts.dtype != np.uint32
                or entries.dtype != np.uint32
                or starts.shape != (len(rows) + 1,)
                or starts[0] != 0
                or starts[-1] != len(entries)
                or np.any(starts[1:] < starts[:-1])
                or np.any(entries >= len(entries))
            ):
                raise WrongHashes("these arrays are no index: the owners do not fit the rows; build it again")
            owners = (starts, entries)
        return cls(held, planes, owners, max_threshold)

    def __len__(self) -> int:
        return len(self._rows) if self._owners is None else len(self._owners[1])

    def search(self, queries: Words, threshold: int = 31, threads: int = 1, *, fullest: int = 0) -> Pairs:
        """All pairs at most `threshold` bits apart, sorted by row, then entry: rows of `queries`, entries, distances.

        Memory does not grow with q and n, only with what is found.

        fullest   0, or where many pairs tell of one thing: buckets that hold more are passed over, and only the very same keys are
                  looked up. Where hashes resemble each other that spares nine tenths of the work. Not all pairs are found
        """
        _check(queries, "queries")
        if queries.shape[1] != self._rows.shape[1]:
            raise WrongHashes(
                f"queries of {64 * queries.shape[1]} bits against an index of {64 * self._rows.shape[1]}: "
                "build one index for each kind of hash"
            )
        if threshold > self.max_threshold:
            raise WrongHashes(
                f"threshold {threshold} is above what this index was built for ({self.max_threshold}): "
                f"build it with max_threshold={threshold}"
            )
        if threshold < 0:
            raise WrongHashes(f"threshold {threshold}: hashes differ in 0 bits or more")
        if threads < 1:
            raise WrongHashes(f"threads {threads}: at least one does the work")
        parts = min(threads, -(-len(queries) // _THREAD_QUERIES))
        if parts <= 1 and len(queries) <= _BLOCK_QUERIES:
            return self._block(queries, threshold, fullest)
        size = min(_BLOCK_QUERIES, -(-len(queries) // parts))
        blocks = range(0, len(queries), size)
        with ThreadPoolExecutor(parts) as pool:
            found = list(pool.map(lambda start: self._block(queries[start : start + size], threshold, fullest), blocks))
        return Pairs(
            np.concatenate([part.rows + start for part, start in zip(found, blocks, strict=True)]),
            np.concatenate([part.entries for part in found]),
            np.concatenate([part.distances for part in found]),
        )

    def _block(self, queries: Words, threshold: int, fullest: int) -> Pairs:
        count, width = self._rows.shape
        if self._bands is not None and planner.by_bands(count, width, len(queries), threshold, dispatch.kind()):
            found = hamming.search(self._bands, queries, threshold, fullest)
        elif self._planes is not None:
            found = slices.search(self._planes, self._rows, 64 * width, hamming.diagonals(queries), threshold)
        else:
            found = hamming.scan(self._rows, hamming.diagonals(queries), threshold)
        return found if self._owners is None else hamming.in_order(_owned(found, *self._owners))


def _owned(found: Pairs, starts: NDArray[np.uint32], entries: NDArray[np.uint32]) -> Pairs:
    """Each pair once for every entry that has this hash."""
    first = starts[found.entries].astype(np.int64)
    counts = starts[found.entries + 1].astype(np.int64) - first
    upto = np.cumsum(counts)
    places = np.arange(upto[-1] if len(upto) else 0) - np.repeat(upto - counts - first, counts)
    return Pairs(np.repeat(found.rows, counts), entries[places].astype(np.int64), np.repeat(found.distances, counts))


def _check(hashes: Words, name: str) -> None:
    given = np.asarray(hashes)
    if given.dtype != np.uint64 or given.ndim != 2 or given.shape[1] < 1:
        raise WrongHashes(
            f"{name} must be uint64 of shape (n, 4) for 256 bits or (n, 1) for 64, "
            f"not {given.dtype} of shape {given.shape}; `words()` makes it from hex"
        )
