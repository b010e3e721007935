"""The fixed numbers of PDQ: its box filter's windows, its 64 samples, its frequencies."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

PASSES: Final = 2


def window(length: int) -> int:
    """Samples under the box: half of what one of the 64 outputs stands for, rounded up, since it passes twice."""
    return (length + 127) // 128


@lru_cache(maxsize=32)
def spans(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each position the first sample under its box and the one after the last; cut off at both ends."""
    full = window(length)
    ahead = (full + 2) // 2
    at = np.arange(length, dtype=np.int64)
    return np.maximum(0, at + ahead - full), np.minimum(length, at + ahead)


@lru_cache(maxsize=32)
def centres(length: int) -> NDArray[np.int64]:
    """The 64 positions that are kept."""
    return ((np.arange(64) + 0.5) * length / 64).astype(np.int64)


def _dct() -> NDArray[np.float32]:
    scale = np.float64(np.float32(np.sqrt(2.0 / 64.0)))  # published as a float32
    waves = np.outer(np.arange(1, 17), 2 * np.arange(64) + 1)
    return np.asarray(scale * np.cos(np.pi / 2.0 / 64.0 * waves), np.float32)


DCT: Final = _dct()  # (16, 64): the frequencies 1 to 16, without the constant
