"""All pairs of hashes at most so many bits apart. Exact: the same answer as comparing every pair.

The engine stands behind one function, so that a faster one can take its place.
"""

from matcher.hamming.pairs import Pairs, Words
from matcher.hamming.scan import near

__all__ = ["Pairs", "Words", "near"]
