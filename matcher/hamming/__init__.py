"""All pairs of hashes at most so many bits apart. Exact: the same answer as comparing every pair.

`dispatch` chooses between the C kernel and NumPy, `planner` between the banded index and comparing every pair; `slices` compares every pair
of what lies on disk.
"""

from matcher.hamming.bands import Bands
from matcher.hamming.dispatch import build, diagonals, distinct, scan, search
from matcher.hamming.kernel import describe, engine, engines
from matcher.hamming.pairs import Pairs, Words, in_order, no_pairs
from matcher.hamming.scan import near

__all__ = [
    "Bands",
    "Pairs",
    "Words",
    "build",
    "describe",
    "diagonals",
    "distinct",
    "engine",
    "engines",
    "in_order",
    "near",
    "no_pairs",
    "scan",
    "search",
]
