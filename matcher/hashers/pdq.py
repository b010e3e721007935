"""PDQ, the published 256-bit hash, as two thin matrix products.

The published filter (two passes of a box filter each way, then one sample in n/64) is linear, so for one image dimension it
is a fixed matrix of 64 × n: `square = R_h · Y · R_wᵀ`. What follows is the lowest 16 × 16 frequencies of the square without
the constant, each compared with their median. Eight turns are eight patterns of signs on those frequencies.

A picture that was scaled down while it was decoded keeps the filter of its full size: the weights of the positions that one
sample is the mean of are added up. On 62 photographs decoded at 1/2 to 1/4 that is 0.5 bits from the full decode, 2 at most;
the filter of the small size, whose windows fall elsewhere, would be 8 bits off and up to 44 where there is texture.

Exact numbers are one thing, published bits another: the published code adds up in float32, and in a picture with symmetry
whole rows of frequencies are zero, so that its bits are the rounding errors of that very order of additions. Where the median
lies that close to a tie, the picture is computed again in that order (`pdq_published`). Photographs rarely need it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.hashers.jarosz import DCT, centres, spans
from matcher.hashers.kind import MIN_QUALITY, Axis, Hashed, Hasher, Picture
from matcher.hashers.pdq_published import published_square, published_waves

Float32 = NDArray[np.float32]

_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
_BLOCK_ROWS: Final = 128  # rows held as numbers at once
_GROUP: Final = 8  # outputs sharing one product: each sees 10/64 of the dimension, so the rest of the zeros is left out

# Measured against the published order on 58 photographs of 0.01 to 12 megapixels: at most 0.0028 in a frequency and 0.0014 in
# the square. Frequencies of a photograph lie some 0.3 apart at the median.
_TIE: Final = 0.01
_TIE_IN_SQUARE: Final = 0.004
_UNDECIDED_ALLOWED: Final = 4  # bits, when not exact
_MAX_PUBLISHED: Final = 25_000_000  # samples; the published order takes 70 ns each

# A decode at a fraction of the size or in luma only moves a frequency by about 0.5. Photographs have 0 to 9 frequencies that close
# to the median, drawn pictures with symmetry 17 to 250, and those came out 12 to 67 bits apart.
_NEAR: Final = 0.5
_NEAR_ALLOWED: Final = 16


class _Band(NamedTuple):
    """Eight rows of R, without the zeros left and right of them. In samples."""

    start: int
    stop: int
    weights: Float32  # (8, stop - start)


@lru_cache(maxsize=32)
def _filter(axis: Axis) -> tuple[_Band, ...]:
    """R for one dimension."""
    length = axis.length
    start, stop = spans(length)
    whole = np.zeros((64, length + 1))
    for output, centre in enumerate(centres(length)):
        inner = slice(start[centre], stop[centre])  # the first pass's outputs that the second averages
        weight = 1.0 / (stop[inner] - start[inner]) / (stop[centre] - start[centre])
        np.add.at(whole[output], start[inner], weight)
        np.add.at(whole[output], stop[inner], -weight)
    spread = np.zeros((64, axis.samples * axis.scale))
    spread[:, axis.lead : axis.lead + length] = np.cumsum(whole, axis=1)[:, :length]
    weights = spread.reshape(64, axis.samples, axis.scale).sum(axis=2)

    bands = []
    for first in range(0, 64, _GROUP):
        group = slice(first, first + _GROUP)
        left = (int(start[start[centres(length)[first]]]) + axis.lead) // axis.scale
        right = -(-(int(stop[stop[centres(length)[first + _GROUP - 1]] - 1]) + axis.lead) // axis.scale)
        bands.append(_Band(left, right, np.ascontiguousarray(weights[group, left:right], np.float32)))
    return tuple(bands)


def _luma(rows: NDArray[np.uint8]) -> Float32:
    if rows.ndim == 2:
        return rows.astype(np.float32)
    luma: Float32 = rows[:, :, 0] * _LUMA[0]
    luma += rows[:, :, 1] * _LUMA[1]
    luma += rows[:, :, 2] * _LUMA[2]
    return luma


def _square(picture: Picture) -> Float32:
    """(64, 64) luma."""
    height = picture.down.samples
    across = np.empty((height, 64), np.float32)
    for top in range(0, height, _BLOCK_ROWS):
        bottom = min(top + _BLOCK_ROWS, height)
        luma = _luma(picture.rows(top, bottom))
        for group, band in enumerate(_filter(picture.across)):
            np.matmul(
                luma[:, band.start : band.stop],
                band.weights.T,
                out=across[top:bottom, group * _GROUP : (group + 1) * _GROUP],
            )
    return np.vstack([band.weights @ across[band.start : band.stop] for band in _filter(picture.down)])


def turned(waves: Float32, turn: str) -> Float32:
    """The frequencies of the turned picture from those of the upright one, (16, 16). Odd rows and columns change their sign."""
    by_row, by_column, swapped = {
        "": (False, False, False),
        "rot90": (False, True, True),
        "rot180": (True, True, False),
        "rot270": (True, False, True),
        "flip-v": (True, False, False),
        "flip-h": (False, True, False),
        "transpose": (False, False, True),
        "transverse": (True, True, True),
    }[turn]
    signs = np.where(np.arange(16) % 2 == 0, np.float32(-1), np.float32(1))
    if by_row:
        waves = waves * signs[:, None]
    if by_column:
        waves = waves * signs[None, :]
    return waves.T if swapped else waves


def _middle(waves: Float32) -> tuple[float, float]:
    """The published median, which is the lower one of 256, and the next value above it."""
    ordered = np.sort(waves, axis=None)
    return float(ordered[127]), float(ordered[128])


def _digits(waves: Float32) -> str:
    """64 hex digits in the published order: the highest frequency is the first bit."""
    bits = (waves > np.float32(_middle(waves)[0])).ravel()[::-1]
    return np.packbits(bits).tobytes().hex()


def _undecided(waves: Float32, tie: float) -> int:
    """How many bits may change when each frequency moves by less than `tie`."""
    below, above = _middle(waves)
    if above - below >= tie:
        return 0
    return int(np.count_nonzero((waves > below - tie) & (waves < above + tie)))


@dataclass(frozen=True, slots=True)
class _Steps:
    """How steep the square is, in hundredths of the range, cut to whole numbers as published."""

    total: int
    undecided: int  # steps that lie on the edge of the next whole number

    @property
    def quality(self) -> int:
        return min(100, self.total // 90)

    @property
    def most(self) -> int:
        """The quality if rounding adds wherever it may."""
        return min(100, (self.total + self.undecided) // 90)

    @property
    def least(self) -> int:
        return min(100, (self.total - self.undecided) // 90)


def _steps(square: Float32) -> _Steps:
    differences = np.concatenate([(square[:-1] - square[1:]).ravel(), (square[:, :-1] - square[:, 1:]).ravel()])
    steps = np.abs(differences * np.float32(100) / np.float32(255))
    nearest = np.rint(steps)
    on_the_edge = (nearest > 0) & (np.abs(steps - nearest) < _TIE_IN_SQUARE)
    return _Steps(int(steps.astype(np.int32).sum()), int(np.count_nonzero(on_the_edge)))


def _waves(square: Float32) -> Float32:
    return np.asarray(DCT @ square @ DCT.T, np.float32)


def _settled(waves: Float32, steps: _Steps, turns: Sequence[str], tie: float, exact: bool) -> bool:
    allowed = 0 if exact else _UNDECIDED_ALLOWED
    if steps.least < (steps.most if exact else MIN_QUALITY):
        return False
    return all(_undecided(turned(waves, turn), tie) <= allowed for turn in turns)


def _worth_rounding(picture: Picture, steps: _Steps) -> bool:
    """The published order is for the full picture, up to a size, and for pictures with features: other hashes are not used."""
    down, across = picture.down, picture.across
    full = down.scale == 1 and across.scale == 1
    return full and down.length * across.length <= _MAX_PUBLISHED and steps.most >= MIN_QUALITY


def _hash(picture: Picture, turns: Sequence[str], exact: bool) -> Hashed:
    square = _square(picture)
    waves, steps = _waves(square), _steps(square)
    shaky = int(np.count_nonzero(np.abs(waves - np.float32(_middle(waves)[0])) < _NEAR)) > _NEAR_ALLOWED
    tie = _TIE * max(1.0, max(picture.down.length, picture.across.length) / 4096)  # long sums round more
    if _worth_rounding(picture, steps) and not _settled(waves, steps, turns, tie, exact):
        square = published_square(picture)
        waves, steps = published_waves(square), _steps(square)
    return Hashed(bits={turn: _digits(turned(waves, turn)) for turn in turns}, quality=steps.quality, shaky=shaky)


PDQ: Final = Hasher(
    name="pdq",
    bit_count=256,
    default_threshold=31,
    may_confirm=True,
    ones=range(96, 161),  # the median sets 128 of them, save for ties
    hash=_hash,
)
