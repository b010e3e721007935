"""The numbers and tables that both engines share. To change one changes every descriptor: packing.VERSION counts up then."""

import ctypes
import math
from functools import cache
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher import kernels

LEVELS: Final = 6  # each three quarters of the one before; 8 of five sixths cost twice as much and found no more
LEAST_SIDE: Final = 40  # pixels; a level with a shorter side is left out
BORDER: Final = 19  # pixels in which no corner lies: the disc, the blur and one more
THRESHOLD: Final = 7  # a score must be above it; 5 to 15 find as many
FAINT: Final = (
    2  # the same for a level that has too few: finds 99 % and not 93 % of copies with an eighth of the contrast
)
RADIUS: Final = 15  # pixels; of the disc that tells the angle, and of the farthest test
SIDE: Final = 2 * RADIUS + 2  # pixels; of the patch that tests are made in
BINS: Final = 64  # angles
TESTS: Final = 256
MOST_CELLS: Final = 255  # a side

_ONE: Final = 2**14  # of the directions
_SPREAD: Final = 7  # pixels; standard deviation of the places of tests
# A patch looks to where it is brighter: a test along that direction nearly always says the same, and tells nothing. With 15 pixels
# instead of 4 a search for descriptors within 18 bits found 270 times as many strangers, and took twelve times as long.
_ALONG: Final = 4  # pixels
_SEED: Final = 5
_DRAWN: Final = 600  # pairs of places; the 468th makes the last test


class Tables(NamedTuple):
    pattern: NDArray[np.uint16]  # (64, 256, 2): both places of each test in a patch of 32 × 32, turned to each angle
    directions: NDArray[np.int32]  # (64, 2): x and y of each angle, in 1/2^14
    disc: NDArray[
        np.int16
    ]  # (16, 2, 32): by distance from the middle row, which pixels are inside, and how far right they lie


@cache
def tables() -> Tables:
    turn = 2 * math.pi / BINS
    directions = np.array(
        [(round(_ONE * math.cos(turn * one)), round(_ONE * math.sin(turn * one))) for one in range(BINS)], np.int32
    )
    return Tables(_turned(_upright(), directions), directions, _disc())


def sides(width: int, height: int) -> list[tuple[int, int]]:
    """Width and height of every level, the plane first; none when it is too small."""
    levels: list[tuple[int, int]] = []
    while len(levels) < LEVELS and min(width, height) >= LEAST_SIDE:
        levels.append((width, height))
        width, height = (3 * width + 2) // 4, (3 * height + 2) // 4
    return levels


def quotas(count: int, levels: int) -> list[int]:
    """How many corners each level is to yield: three quarters of the one before, `count` together."""
    shares = list(accumulate((3**level * 4 ** (LEVELS - level) for level in range(levels)), initial=0))
    upto = [count * share // shares[-1] for share in shares[1:]]
    return [end - start for start, end in pairwise([0, *upto])]


def _upright() -> NDArray[np.int64]:
    """(256, 4): x and y of the two places that each test compares, where the patch looks to the right.

    Drawn once, from a normal distribution inside of the disc, as in BRIEF. Every odd test is the even one before it mirrored about the
    direction in which the patch looks: a mirrored picture's descriptor is this one's with neighbouring bits exchanged.
    """
    x, y, other_x, other_y = _normal(_SEED, 4 * _DRAWN).reshape(-1, 4).T
    inside = np.maximum(x * x + y * y, other_x * other_x + other_y * other_y) <= RADIUS * RADIUS
    its_own_mirror = ((y == 0) & (other_y == 0)) | ((x == other_x) & (y == -other_y))
    level = np.abs(x - other_x) <= _ALONG
    apart = (x != other_x) | (y != other_y)
    drawn = np.column_stack((x, y, other_x, other_y))[inside & level & apart & ~its_own_mirror][: TESTS // 2]
    return np.stack((drawn, drawn * (1, -1, 1, -1)), axis=1).reshape(TESTS, 4)


def _normal(seed: int, count: int) -> NDArray[np.int64]:
    """Nearly normal, with a deviation of _SPREAD: sums of twelve even ones, whose variance is 1."""
    even = (kernels.words(seed, 12 * count) >> np.uint64(32)).astype(np.int64)
    total: NDArray[np.int64] = even.reshape(count, 12).sum(axis=1) - 6 * 2**32
    return (2 * _SPREAD * total + 2**32) // 2**33


def _turned(upright: NDArray[np.int64], directions: NDArray[np.int32]) -> NDArray[np.uint16]:
    cosine, sine = (directions[:, None, axis].astype(np.int64) for axis in (0, 1))
    x, y = upright[:, 0::2], upright[:, 1::2]  # (tests, 2)
    across = _rounded(cosine[..., None] * x - sine[..., None] * y)
    down = _rounded(sine[..., None] * x + cosine[..., None] * y)
    return ((down + RADIUS) * SIDE + across + RADIUS).astype(np.uint16)


def _rounded(scaled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Halves away from zero, so that what is mirrored is rounded mirrored."""
    rounded: NDArray[np.int64] = np.sign(scaled) * ((2 * np.abs(scaled) + _ONE) // (2 * _ONE))
    return rounded


def _disc() -> NDArray[np.int16]:
    disc = np.zeros((RADIUS + 1, 2, SIDE), np.int16)
    for row in range(RADIUS + 1):
        half = math.isqrt(RADIUS * (RADIUS + 1) - row * row)  # a radius of 15.5: rounder than 15
        disc[row, 0, RADIUS - half : RADIUS + half + 1] = 1
        disc[row, 1, RADIUS - half : RADIUS + half + 1] = np.arange(-half, half + 1)
    return disc


class Structure(ctypes.Structure):
    """`tables_t` of corners.h."""

    _fields_ = (
        ("pattern", ctypes.c_void_p),
        ("directions", ctypes.c_void_p),
        ("disc", ctypes.c_void_p),
        ("bins", ctypes.c_int32),
        ("levels", ctypes.c_int32),
        ("threshold", ctypes.c_int32),
        ("faint", ctypes.c_int32),
    )
