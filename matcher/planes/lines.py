"""The straight, sharp, level edges of a plane, which in photographs are rare."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

STEP: Final = 12  # grey levels across an edge, over two pixels
SHORTEST: Final = 0.18  # of the side
STRAIGHT: Final = 0.55  # of an edge's length that must be seen
MOST: Final = 12  # edges looked at each way, the clearest ones
LEAST_SIDE: Final = 48  # pixels: of less no lines are looked for


class Lines(NamedTuple):
    """
    places   (n,) the rows, ascending; the two outer edges first and last
    seen     (n, length + 1) of each the running count of places where it is seen
    """

    places: NDArray[np.int64]
    seen: NDArray[np.int32]


def shortest(length: int) -> int:
    """Pixels."""
    return max(8, int(SHORTEST * length))


def both_ways(plane: Plane) -> tuple[Lines, Lines]:
    """Level ones, then upright ones. No side may be shorter than LEAST_SIDE."""
    return level(plane), level(np.ascontiguousarray(plane.T))


def level(plane: Plane) -> Lines:
    """The clearest level lines. Of upright ones those of the transpose, which must lie in memory row by row, too: it is quicker."""
    count, length = plane.shape
    steps = _steps(plane)
    # A line may lie between two rows, or lean by one: it is seen where either shows it.
    near = steps.copy()
    near[1:] |= steps[:-1]
    near[:-1] |= steps[1:]
    run = shortest(length)
    # Counted by whole bytes first, as many as hold any run: two rows of three are done with.
    most = (np.bitwise_count(near).astype(np.float32) @ _together(near.shape[1], (run + 14) // 8)).max(axis=1)
    most[:3] = most[-3:] = 0  # too near to the picture's own edge
    rows = np.flatnonzero(most >= STRAIGHT * run)
    sums = np.zeros((len(rows), length + 1), np.int16)
    np.cumsum(np.unpackbits(near[rows], axis=1, count=length).astype(np.int16), axis=1, out=sums[:, 1:])
    clearest = (sums[:, run:] - sums[:, :-run]).max(axis=1, initial=0).astype(np.int64)
    total = clearest * 1000 + np.bitwise_count(steps[rows]).sum(axis=1)
    total[clearest < STRAIGHT * run] = 0
    order = np.argsort(-total, kind="stable")
    chosen = _far_apart(rows[order[: np.count_nonzero(total)]].tolist())
    at = np.searchsorted(rows, chosen)
    seen = np.empty((len(at) + 2, length + 1), np.int32)
    seen[0] = seen[-1] = np.arange(length + 1)  # the picture ends there: nothing sharper
    seen[1:-1] = sums[at]
    return Lines(np.array([0, *chosen, count], np.int64), seen)


def _steps(plane: Plane) -> NDArray[np.uint8]:
    """(h, w / 8), a bit a pixel: where brightness steps from the row above to the row below, and hardly changes on either side of
    the step."""
    step = np.maximum(plane[2:], plane[:-2])
    step -= np.minimum(plane[2:], plane[:-2])
    beside = np.zeros_like(step)
    beside[2:] = step[:-2]
    np.maximum(beside[:-2], step[2:], out=beside[:-2])
    steps = np.zeros(plane.shape, np.bool_)
    np.greater_equal(step >> 1, beside, out=steps[1:-1])
    steps[1:-1] &= step > STEP
    return np.packbits(steps, axis=1)


@lru_cache(maxsize=64)
def _together(count: int, together: int) -> NDArray[np.float32]:
    """(count, count - together + 1): times this, a row of `count` numbers becomes the sums of so many neighbours."""
    far = np.arange(count)[:, None] - np.arange(count - together + 1)
    return ((far >= 0) & (far < together)).astype(np.float32)


def _far_apart(lines: Iterable[int]) -> list[int]:
    """The first so many that are no neighbours of one before them, in order of place."""
    chosen: list[int] = []
    taken: set[int] = set()
    for line in lines:
        if line not in taken:
            chosen.append(line)
            taken.update(range(line - 2, line + 3))
        if len(chosen) == MOST:
            break
    return sorted(chosen)
