"""The arrays that go in and come out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]  # (n, w): n hashes of w × 64 bits, most significant word first


class Pairs(NamedTuple):
    """Three arrays of one length, sorted by query row, then by entry."""

    rows: NDArray[np.int64]
    entries: NDArray[np.int64]
    distances: NDArray[np.int64]  # differing bits


def no_pairs() -> Pairs:
    return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


def in_order(found: Pairs) -> Pairs:
    """Sorted by row, then entry."""
    if len(found.rows) <= 1:
        return found
    order = np.lexsort((found.entries, found.rows))
    return Pairs(found.rows[order], found.entries[order], found.distances[order])
