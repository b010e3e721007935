"""The same work by whichever engine there is: the C kernel where it was built, NumPy otherwise."""

import numpy as np
from numpy.typing import NDArray

from matcher.hamming import bands_numpy, kernel
from matcher.hamming.bands import Bands
from matcher.hamming.pairs import Pairs, Words, in_order
from matcher.hamming.scan import near


def kind() -> str:
    """Which one it is, as the planner calls it."""
    return "numpy" if kernel.current() is None else "kernel"


def diagonals(hashes: Words) -> Words:
    chosen = kernel.current()
    return bands_numpy.along_diagonals(hashes) if chosen is None else chosen.diagonals(hashes)


def build(hashes: Words) -> Bands:
    chosen = kernel.current()
    return bands_numpy.build(hashes) if chosen is None else chosen.build(hashes)


def search(bands: Bands, queries: Words, threshold: int, fullest: int = 0) -> Pairs:
    """All pairs at most `threshold` bits apart, each once, sorted by row, then entry.

    fullest   0, or only buckets of the very same keys are looked into, and none that holds more: quick where many hashes resemble each
              other, and not all pairs are found
    """
    chosen = kernel.current()
    if chosen is None:
        found = in_order(bands_numpy.search(bands, queries, threshold, fullest))
    else:
        found = chosen.search(bands, queries, threshold, fullest)
    return _each_once(found) if fullest else found


def _each_once(found: Pairs) -> Pairs:
    """
    found   in order
    """
    new = (np.diff(found.rows, prepend=-1) != 0) | (np.diff(found.entries, prepend=-1) != 0)
    return Pairs(*(column[new] for column in found))


def scan(rows: Words, queries: Words, threshold: int) -> Pairs:
    """The same without an index, by comparing every pair."""
    chosen = kernel.current()
    if chosen is None:
        return near(queries, np.ascontiguousarray(rows.T), threshold)
    return in_order(chosen.scan(rows, queries, threshold))


def distinct(hashes: Words) -> tuple[int, NDArray[np.uint32]]:
    """How many distinct rows there are, and the number of each row's, counted in the order in which they first come."""
    chosen = kernel.current()
    if chosen is not None:
        return chosen.distinct(hashes)
    whole = np.ascontiguousarray(hashes).view(np.dtype((np.void, 8 * hashes.shape[1]))).ravel()
    _, first, numbers = np.unique(whole, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.uint32)
    place[np.argsort(first)] = np.arange(len(first), dtype=np.uint32)
    return len(first), place[numbers]
