"""The extractor in NumPy: what the kernel does, where it was not built, and what the kernel must agree with to the bit.

Whole numbers throughout. Corners and their scores are FAST-9's (Rosten and Drummond, ECCV 2006), angles and descriptors those of "ORB: an
efficient alternative to SIFT or SURF" (Rublee et al., ICCV 2011). Harris's measure in place of the score found no more on our edits.
"""

from functools import reduce
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.corners.tables import BORDER, FAINT, RADIUS, SIDE, THRESHOLD, quotas, sides, tables

Plane = NDArray[np.uint8]  # (rows, columns)
Whole = NDArray[np.int64]

_CIRCLE: Final = (  # x and y of the sixteen pixels around
    *((0, -3), (1, -3), (2, -2), (3, -1), (3, 0), (3, 1), (2, 2), (1, 3)),
    *((0, 3), (-1, 3), (-2, 2), (-3, 1), (-3, 0), (-3, -1), (-2, -2), (-1, -3)),
)
_BLUR: Final = (1, 2, 3, 4, 3, 2, 1)  # two boxes of four, one after the other
_AT_ONCE: Final = 256  # corners whose patches are held


class Found(NamedTuple):
    corners: NDArray[np.int32]  # (n, 4): x and y in pixels of the level, level, number of the angle
    descriptors: NDArray[np.uint64]  # (n, 4): test 0 is the lowest bit of the first word


def extract(plane: Plane, count: int, cells: int) -> Found:
    """Coarse levels first: what they cannot fill is carried to the finer ones."""
    levels = _pyramid(plane)
    wanted = quotas(count, len(levels))
    found, carried = [], 0
    for number, (level, share) in reversed(list(enumerate(zip(levels, wanted, strict=True)))):
        quota = share + carried
        x, y = _choose(level, quota, cells)
        carried = quota - len(x)
        angles = _angles(level, x, y)
        corners = np.stack((x, y, np.full_like(x, number), angles), axis=1).astype(np.int32)
        found.append(Found(corners, _descriptors(_blurred(level), x, y, angles)))
    if not found:
        return Found(np.empty((0, 4), np.int32), np.empty((0, 4), np.uint64))
    return Found(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


# ------------------------------------------------------------------------------------------------------------- pyramid


def _pyramid(plane: Plane) -> list[Plane]:
    levels: list[Plane] = []
    for width, height in sides(plane.shape[1], plane.shape[0]):
        levels.append(_between(_between(levels[-1], height).T, width).T if levels else plane)
    return levels


def _between(lines: Plane, count: int) -> Plane:
    """`count` lines made from more, each from its two neighbours."""
    places = _places(len(lines), count)
    first, after = places >> 5, (places & 31).astype(np.uint16)[:, None]
    second = np.minimum(first + 1, len(lines) - 1)
    between: Plane = ((lines[first] * (32 - after) + lines[second] * after + 16) >> 5).astype(np.uint8)
    return between


def _places(many: int, few: int) -> Whole:
    """Where few pixels lie on many, in 1/32 of a pixel; the second half mirrors the first, as a mirrored plane has mirrored levels."""
    at = np.arange((few + 1) // 2)
    places = np.empty(few, np.int64)
    places[at] = (32 * ((2 * at + 1) * many - few) + few) // (2 * few)
    places[few - 1 - at] = 32 * (many - 1) - places[at]
    return places


# -------------------------------------------------------------------------------------------------------------- choice


def _choose(level: Plane, quota: int, cells: int) -> tuple[Whole, Whole]:
    """x and y of the best peaks: the first of each cell of the grid, then the second of each …"""
    scores = _scores(level)
    y, x = np.nonzero(_peaks(scores, THRESHOLD))
    if len(x) < quota:
        y, x = np.nonzero(_peaks(scores, FAINT))
    score = scores[y + 1, x + 1]
    y, x = y + BORDER, x + BORDER
    cell = y * cells // level.shape[0] * cells + x * cells // level.shape[1]
    best = np.argsort(-score.astype(np.int64), kind="stable")
    by_cell = best[np.argsort(cell[best], kind="stable")]
    rank = np.empty(len(best), np.int64)
    rank[by_cell] = np.arange(len(best)) - np.searchsorted(cell[by_cell], cell[by_cell])
    chosen = best[np.argsort(rank[best], kind="stable")][:quota]
    return x[chosen], y[chosen]


def _scores(level: Plane) -> Plane:
    """The largest difference by which nine neighbours in a row, of the sixteen on the circle, are all brighter or all darker.

    Of the pixels inside of the border and one more on each side.
    """
    edge, (rows, columns) = BORDER - 1, level.shape
    middle = level[edge : rows - edge, edge : columns - edge]
    around = [level[edge + y : rows - edge + y, edge + x : columns - edge + x] for x, y in _CIRCLE]
    brighter = np.maximum(_nine_in_a_row(around, np.minimum, np.maximum), middle) - middle
    darker = middle - np.minimum(_nine_in_a_row(around, np.maximum, np.minimum), middle)
    return np.maximum(brighter, darker)


def _nine_in_a_row(around: list[Plane], least: np.ufunc, most: np.ufunc) -> Plane:
    twos = [least(around[at], around[(at + 1) % 16]) for at in range(16)]
    fours = [least(twos[at], twos[(at + 2) % 16]) for at in range(16)]
    nines = [least(least(fours[at], fours[(at + 4) % 16]), around[(at + 8) % 16]) for at in range(16)]
    result: Plane = reduce(most, nines)
    return result


def _peaks(scores: Plane, threshold: int) -> NDArray[np.bool_]:
    """Which score above the threshold and more than their neighbours; of equals, the last in reading order."""
    rows, columns = scores.shape
    middle = scores[1:-1, 1:-1]
    around = [
        scores[1 + y : rows - 1 + y, 1 + x : columns - 1 + x]
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
        if (x, y) != (0, 0)
    ]
    before, after = reduce(np.maximum, around[:4]), reduce(np.maximum, around[4:])
    peaks: NDArray[np.bool_] = (middle > threshold) & (middle >= before) & (middle > after)
    return peaks


# --------------------------------------------------------------------------------------------------------- description


def _angles(level: Plane, x: Whole, y: Whole) -> Whole:
    """The number of the direction that points most towards the bright side of the disc."""
    away = np.abs(np.arange(-RADIUS, RADIUS + 1))
    inside, weights = (tables().disc[away, kind].astype(np.int64) for kind in (0, 1))
    moments = np.empty((len(x), 2), np.int64)
    for at in range(0, len(x), _AT_ONCE):
        patches = _patches(level, x[at : at + _AT_ONCE], y[at : at + _AT_ONCE])[:, :-1].astype(np.int64)
        moments[at : at + _AT_ONCE, 0] = (patches * weights).sum(axis=(1, 2))
        moments[at : at + _AT_ONCE, 1] = ((patches * inside).sum(axis=2) * np.arange(-RADIUS, RADIUS + 1)).sum(axis=1)
    angles: Whole = (moments @ tables().directions.T.astype(np.int64)).argmax(axis=1)
    return angles


def _descriptors(blurred: Plane, x: Whole, y: Whole, angles: Whole) -> NDArray[np.uint64]:
    words = np.empty((len(x), 4), np.uint64)
    for at in range(0, len(x), _AT_ONCE):
        patches = _patches(blurred, x[at : at + _AT_ONCE], y[at : at + _AT_ONCE]).reshape(-1, SIDE * SIDE)
        places = tables().pattern[angles[at : at + _AT_ONCE]]
        compared = np.take_along_axis(patches, places.reshape(len(patches), -1).astype(np.int64), axis=1)
        darker = compared[:, 0::2] < compared[:, 1::2]
        words[at : at + _AT_ONCE] = np.packbits(darker, axis=1, bitorder="little").view("<u8")
    return words


def _patches(level: Plane, x: Whole, y: Whole) -> Plane:
    """(n, 32, 32): from 15 pixels left of and above each corner."""
    windows = np.lib.stride_tricks.sliding_window_view(level, (SIDE, SIDE))
    return windows[y - RADIUS, x - RADIUS]


def _blurred(level: Plane) -> Plane:
    """Without the outermost three pixels, which stay 0."""
    rows, columns = level.shape
    wide = level.astype(np.uint16)
    down, both = np.zeros((rows - 6, columns), np.uint16), np.full((rows - 6, columns - 6), 128, np.uint16)
    for at, weight in enumerate(_BLUR):
        down += weight * wide[at : rows - 6 + at]
    for at, weight in enumerate(_BLUR):
        both += weight * down[:, at : columns - 6 + at]
    blurred = np.zeros_like(level)
    blurred[3:-3, 3:-3] = both >> 8
    return blurred
