"""Enrolled hashes that can be searched by distance. Exact: what is within the threshold is found, always."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

import numpy as np

from core.errors import CallError
from matcher.hamming import Pairs, Words, near

_THREAD_QUERIES: Final = 16  # fewer are not worth a thread of their own


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
    """A snapshot of hashes; the row number is the entry. Threads may share it."""

    def __init__(self, columns: Words, max_threshold: int) -> None:
        self._columns = columns  # (w, n)
        self.max_threshold = max_threshold

    @classmethod
    def build(cls, bits: Words, max_threshold: int = 31) -> Self:
        """
        bits   (n, 4) uint64 for hashes of 256 bits, (n, 1) for 64; n may be 0
        """
        _check(bits, "bits")
        if not 0 <= max_threshold <= 64 * bits.shape[1]:
            raise WrongHashes(
                f"max_threshold {max_threshold}: a hash of {64 * bits.shape[1]} bits differs in 0 to {64 * bits.shape[1]}"
            )
        return cls(np.ascontiguousarray(bits.T), max_threshold)

    def __len__(self) -> int:
        return int(self._columns.shape[1])

    def search(self, queries: Words, threshold: int = 31, threads: int = 1) -> Pairs:
        """All pairs at most `threshold` bits apart, sorted by row, then entry: rows of `queries`, entries, distances.

        Memory does not grow with q and n, only with what is found.
        """
        _check(queries, "queries")
        if queries.shape[1] != self._columns.shape[0]:
            raise WrongHashes(
                f"queries of {64 * queries.shape[1]} bits against an index of {64 * self._columns.shape[0]}: "
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
        if parts <= 1:
            return near(queries, self._columns, threshold)
        bounds = np.linspace(0, len(queries), parts + 1).astype(int)
        with ThreadPoolExecutor(parts) as pool:
            found = list(
                pool.map(
                    lambda start, stop: near(queries[start:stop], self._columns, threshold), bounds[:-1], bounds[1:]
                )
            )
        return Pairs(
            np.concatenate([part.rows + start for part, start in zip(found, bounds[:-1], strict=True)]),
            np.concatenate([part.entries for part in found]),
            np.concatenate([part.distances for part in found]),
        )


def _check(hashes: Words, name: str) -> None:
    given = np.asarray(hashes)
    if given.dtype != np.uint64 or given.ndim != 2 or given.shape[1] < 1:
        raise WrongHashes(
            f"{name} must be uint64 of shape (n, 4) for 256 bits or (n, 1) for 64, "
            f"not {given.dtype} of shape {given.shape}; `words()` makes it from hex"
        )
