"""The kinds of perceptual hash, in one table. The first one also says how much there is to hash."""

from typing import Final

from matcher.hashers.area import AREA
from matcher.hashers.kind import MIN_QUALITY, Axis, Hashed, Hasher, Picture
from matcher.hashers.pdq import PDQ
from matcher.hashers.phash import PHASH64

HASHERS: Final[dict[str, Hasher]] = {
    "pdq": PDQ,
    "area": AREA,
    "phash64": PHASH64,
}

# What a hash of a crawled picture is compared with: area's bits are PDQ's, near enough.
COMPARED_WITH: Final[dict[str, tuple[str, ...]]] = {
    "pdq": ("pdq",),
    "area": ("area", "pdq"),
    "phash64": ("phash64",),
}

# In the seven other turns, only with what was enrolled in one turn: partners' lists.
TURNED_COMPARED_WITH: Final[dict[str, tuple[str, ...]]] = {"pdq": ("pdq",), "area": ("pdq",)}

__all__ = [
    "AREA",
    "COMPARED_WITH",
    "HASHERS",
    "MIN_QUALITY",
    "TURNED_COMPARED_WITH",
    "Axis",
    "Hashed",
    "Hasher",
    "Picture",
]
