"""Which engine answers a search: the banded index, or comparing every pair. Both are exact, so this is about time only.

The numbers come from a quiet machine with AVX2; a factor of two either way changes little.
"""

from functools import lru_cache
from math import comb
from typing import Final

from matcher.hamming.bands import key_bits, quotas

# With so many hashes or fewer, comparing every pair is as fast as looking up buckets, and takes no tables.
SCAN_UPTO: Final = {"kernel": 1_000, "numpy": 6_000}

# Nor do buckets pay for so few pairs: NumPy's array operations take 0.2 ms for a single query, whatever they find.
FEW_PAIRS: Final = {"kernel": 5_000, "numpy": 130_000}

# The part of all entries that lies in the buckets looked up: above it, going through all entries in order is faster.
SCAN_ABOVE: Final = {"kernel": 0.25, "numpy": 0.1}


@lru_cache(maxsize=1024)
def share(count: int, width: int, threshold: int) -> float:
    """The candidates of a search in an index of `count` unrelated hashes, as a part of all entries.

    Above 1 for wide thresholds: an entry may lie in buckets of several bands.
    """
    bits = key_bits(count)
    lookups = sum(comb(bits, flips) for quota in quotas(threshold, 4 * width) for flips in range(quota))
    return float(lookups) / float(2**bits)


def worth_bands(count: int, engine: str) -> bool:
    """Whether an index is worth its tables at all."""
    return count > SCAN_UPTO[engine]


def worth_planes(count: int, width: int, max_threshold: int, engine: str) -> bool:
    """Whether bit planes are to be held for the widest searches; NumPy compares words as fast as planes."""
    return engine == "kernel" and worth_bands(count, engine) and share(count, width, max_threshold) > SCAN_ABOVE[engine]


def by_bands(count: int, width: int, queries: int, threshold: int, engine: str) -> bool:
    """Whether a search goes by the bands."""
    if not worth_bands(count, engine) or count * queries <= FEW_PAIRS[engine]:
        return False
    return share(count, width, threshold) <= SCAN_ABOVE[engine]
