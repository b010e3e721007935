"""pHash in 64 bits, as imagehash computes it: for support and interchange, never the decision.

Against a million entries a distance of 10 hits 12 % of unrelated pictures, 6 hit none of 768: hence the threshold.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.hashers.kind import Hashed, Hasher, Picture

_SIDE: Final = 32  # imagehash's own working size: what it is given is not resampled again
_COSINES: Final = 2 * np.cos(
    np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1)
)  # the lowest 8 frequencies, as SciPy's dct
_TIE: Final = 1e-6  # the sums are of up to a million: as doubles they are off by 1e-9


def turned(grey: NDArray[np.uint8], turn: str) -> NDArray[np.uint8]:
    quarter_turns = {
        "": 0,
        "rot90": 1,
        "rot180": 2,
        "rot270": 3,
        "flip-v": 0,
        "flip-h": 2,
        "transpose": 3,
        "transverse": 1,
    }
    flipped = grey[::-1] if turn in {"flip-v", "flip-h", "transpose", "transverse"} else grey
    return np.ascontiguousarray(np.rot90(flipped, quarter_turns[turn]))


def _digits(grey: NDArray[np.uint8]) -> str:
    """
    grey   (32, 32)
    """
    waves = (_COSINES @ grey @ _COSINES.T).ravel()
    from_median = waves - np.partition(waves, (31, 32))[31:33].mean()  # np.median, without what it is ready for
    if np.abs(from_median).min() > _TIE:
        return np.packbits(from_median > 0).tobytes().hex()
    return _as_published(grey)


def _as_published(grey: NDArray[np.uint8]) -> str:
    """Where rounding decides, in the very order of additions. Five times slower."""
    import imagehash  # in the child only: it brings Pillow and SciPy along
    from PIL import Image

    return str(imagehash.phash(Image.fromarray(grey)))


def _hash(picture: Picture, turns: Sequence[str], exact: bool) -> Hashed:
    grey = picture.grey(_SIDE, exact=exact)
    return Hashed(bits={turn: _digits(turned(grey, turn)) for turn in turns})


PHASH64: Final = Hasher(
    name="phash64",
    bit_count=64,
    default_threshold=6,
    may_confirm=False,
    ones=range(16, 49),  # the median sets 32 of them, save for ties
    hash=_hash,
)
