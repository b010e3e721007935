"""The kinds of perceptual hash, in one table. The first one also says how much there is to hash."""

from typing import Final

from matcher.hashers.kind import MIN_QUALITY, Axis, Hashed, Hasher, Picture
from matcher.hashers.pdq import PDQ
from matcher.hashers.phash import PHASH64

HASHERS: Final[dict[str, Hasher]] = {
    "pdq": PDQ,
    "phash64": PHASH64,
}

__all__ = ["HASHERS", "MIN_QUALITY", "Axis", "Hashed", "Hasher", "Picture"]
