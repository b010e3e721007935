"""What is left of a plane without lines of the edge's own colour around it."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

ALIKE: Final = 14  # grey levels from the edge's colour
UNIFORM: Final = 0.85  # of the outermost line
BACKGROUND: Final = 0.45  # of a line that still belongs to the border: captions and icons stand on it
CONTENT: Final = 0.04  # of the side: so many lines in a row of something else end the border
LEAST: Final = 0.15  # of the side: less is not left of a picture
ROUNDS: Final = 3  # a screen inside a border, a caption inside a screen


class Inside(NamedTuple):
    """In pixels."""

    left: int
    top: int
    right: int
    bottom: int


def inside(plane: Plane) -> Inside:
    """The whole plane where it has no border."""
    height, width = plane.shape
    left, top, right, bottom = 0, 0, width, height
    for _ in range(ROUNDS):
        before = left, top, right, bottom
        first, last = _content(plane[top:bottom, left:right])
        top, bottom = top + first, top + last
        first, last = _content(plane[top:bottom, left:right].T)
        left, right = left + first, left + last
        if before == (left, top, right, bottom):
            break
    return Inside(left, top, right, bottom)


def _content(part: Plane) -> tuple[int, int]:
    """The first line that is not border, and the one after the last."""
    count = len(part)
    first = _border(part)
    last = count - _border(part[::-1])
    return (first, last) if last - first >= LEAST * count else (0, count)


def _border(part: Plane) -> int:
    """How many of the first lines are border."""
    edge = part[: len(part) // 100 + 1].ravel()
    middle = (edge.size - 1) // 2, edge.size // 2
    colour = int(np.partition(edge, middle)[list(middle)].sum()) // 2
    low, span = max(0, colour - ALIKE), min(255, colour + ALIKE) - max(0, colour - ALIKE)
    if np.count_nonzero((part[0] - np.uint8(low)) <= span) < UNIFORM * part.shape[1]:
        return 0
    alike = np.count_nonzero(
        (part - np.uint8(low)) <= span, axis=1
    )  # unsigned: what is darker wraps around to far above
    content = alike < BACKGROUND * part.shape[1]
    run = max(2, math.ceil(len(part) * CONTENT))
    sums = np.cumsum(np.concatenate(([0], content)))
    ends = np.flatnonzero(sums[run:] - sums[:-run] == run)
    return int(ends[0]) if len(ends) else 0
