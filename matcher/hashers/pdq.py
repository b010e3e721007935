"""PDQ, the published 256-bit hash, as two thin matrix products.

The published filter (two passes of a box filter each way, then one sample in n/64) is linear, so for one image dimension it
is a fixed matrix of 64 × n: `square = R_h · Y · R_wᵀ`. What follows is the lowest 16 × 16 frequencies of the square without
the constant, each compared with their median. Eight turns are eight patterns of signs on those frequencies.

A picture that was scaled down while it was decoded keeps the filter of its full size: what it weighs of the positions that one
sample is the mean of. The filter of the small size, whose windows fall elsewhere, would be 8 bits off and up to 44 where there is
texture.

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
from matcher.planes import engine
from matcher.planes.frequencies import digits, middles, turned

Float32 = NDArray[np.float32]
Places = NDArray[np.int64]

_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
_BLOCK_ROWS: Final = 128  # rows held as numbers at once, or as many as have so many samples:
_BLOCK_SAMPLES: Final = 2**17
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


@lru_cache(maxsize=64)
def _filter(axis: Axis) -> tuple[_Band, ...]:
    """R for one dimension."""
    start, stop = spans(axis.length)
    kept = centres(axis.length)
    inner_start, inner_stop = (
        start[kept],
        stop[kept],
    )  # what the second pass means: values of the first, each itself a mean
    first, last = start[inner_start], stop[inner_stop - 1]
    weights = _of_samples(_of_positions(start, stop, kept, first), first + axis.lead, axis)

    beside = 0 if axis.scale == 1 else 1  # a position hangs on the samples left and right of its own, too
    bands = []
    for output in range(0, 64, _GROUP):
        left = (int(first[output]) + axis.lead) // axis.scale - beside
        right = -(-(int(last[output + _GROUP - 1]) + axis.lead) // axis.scale) + beside
        left, right = max(0, left), min(axis.samples, right)
        group = weights[output : output + _GROUP, left:right]
        bands.append(_Band(left, right, np.ascontiguousarray(group, np.float32)))
    return tuple(bands)


def _of_positions(start: Places, stop: Places, kept: Places, first: Places) -> NDArray[np.float64]:
    """(64, widest): the weights of the positions from the first one on that an output looks at."""
    counts = stop[kept] - start[kept]
    row = np.repeat(np.arange(64), counts)
    inner = np.arange(len(row)) + np.repeat(start[kept] - np.cumsum(counts) + counts, counts)
    weight = 1.0 / (stop[inner] - start[inner]) / counts[row]
    begin, end = start[inner] - first[row], stop[inner] - first[row]
    width = int(end.max()) + 1
    edges = np.concatenate([row * width + begin, row * width + end])
    steps = np.bincount(edges, np.concatenate([weight, -weight]), 64 * width)
    return np.asarray(np.cumsum(steps.reshape(64, width), axis=1)[:, :-1])


def _of_samples(weights: NDArray[np.float64], first: Places, axis: Axis) -> NDArray[np.float64]:
    """(64, samples): the weights of the samples, each of which is the mean of some positions.

    Within a sample the picture is taken to run along the parabola that has the means of it and of its two neighbours; as steps, it would
    be half as far again from the full decode.
    """
    place = first[:, None] + np.arange(weights.shape[1])
    own = place // axis.scale
    rows = np.arange(64)[:, None] * axis.samples

    def added(sample: Places, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = np.clip(sample, 0, axis.samples - 1)  # beyond the end is more of the last one
        summed = np.bincount((rows + inside).ravel(), weights.ravel(), 64 * axis.samples)
        return np.asarray(summed, np.float64).reshape(64, axis.samples)

    if axis.scale == 1:
        return added(own, weights)
    at = (np.arange(axis.scale) + 0.5) / axis.scale - 0.5
    bends = (weights * (at * at - np.mean(at * at))[place % axis.scale]) / 2
    slopes = weights * at[place % axis.scale] / 2
    return added(own, weights - 2 * bends) + added(own + 1, bends + slopes) + added(own - 1, bends - slopes)


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
    block = max(_BLOCK_ROWS, _BLOCK_SAMPLES // picture.across.samples)
    for top in range(0, height, block):
        bottom = min(top + block, height)
        luma = _luma(picture.rows(top, bottom))
        for group, band in enumerate(_filter(picture.across)):
            np.matmul(
                luma[:, band.start : band.stop],
                band.weights.T,
                out=across[top:bottom, group * _GROUP : (group + 1) * _GROUP],
            )
    return np.vstack([band.weights @ across[band.start : band.stop] for band in _filter(picture.down)])


def _undecided(waves: Float32, tie: float) -> NDArray[np.int64]:
    """(n, 16, 16) → (n,): how many bits may change when each frequency moves by less than `tie`."""
    below, above = middles(waves)
    flat = waves.reshape(-1, 256)
    near = (flat > (below - np.float32(tie))[:, None]) & (flat < (above + np.float32(tie))[:, None])
    return np.where(above - below >= tie, 0, np.count_nonzero(near, axis=1))


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
    return _Steps(*engine().steepness(square, _TIE_IN_SQUARE))


def _waves(square: Float32) -> Float32:
    return np.asarray(DCT @ square @ DCT.T, np.float32)


def _settled(in_turns: Float32, steps: _Steps, tie: float, exact: bool) -> bool:
    """
    in_turns   (turns, 16, 16) frequencies
    """
    allowed = 0 if exact else _UNDECIDED_ALLOWED
    if steps.least < (steps.most if exact else MIN_QUALITY):
        return False
    return bool(np.all(_undecided(in_turns, tie) <= allowed))


def _worth_rounding(picture: Picture, steps: _Steps) -> bool:
    """The published order is for the full picture, up to a size, and for pictures with features: other hashes are not used."""
    down, across = picture.down, picture.across
    full = down.scale == 1 and across.scale == 1
    return full and down.length * across.length <= _MAX_PUBLISHED and steps.most >= MIN_QUALITY


def _hash(picture: Picture, turns: Sequence[str], exact: bool) -> Hashed:
    square = _square(picture)
    waves, steps = _waves(square), _steps(square)
    shaky = _shaky(waves)
    tie = _TIE * max(1.0, max(picture.down.length, picture.across.length) / 4096)  # long sums round more
    if _worth_rounding(picture, steps) and not _settled(_in_turns(waves, turns), steps, tie, exact):
        square = published_square(picture)
        waves, steps = published_waves(square), _steps(square)
    bits = digits(engine().bits(waves[None], [turns]))
    return Hashed(bits=dict(zip(turns, bits, strict=True)), quality=steps.quality, shaky=shaky)


def _in_turns(waves: Float32, turns: Sequence[str]) -> Float32:
    return turned(np.broadcast_to(waves, (len(turns), 16, 16)), turns)


def _shaky(waves: Float32) -> bool:
    middle, _ = middles(waves)
    return int(np.count_nonzero(np.abs(waves - middle[0]) < _NEAR)) > _NEAR_ALLOWED


PDQ: Final = Hasher(
    name="pdq",
    bit_count=256,
    default_threshold=31,
    may_confirm=True,
    ones=range(96, 161),  # the median sets 128 of them, save for ties
    hash=_hash,
)
