"""Where in a crawled picture another picture may lie: without the border, caption or screen around it; as a cell of a collage or page;
between the bars of a letterbox. Pure, on a small grey plane.

Two things give a picture away. What was put around it is plain: `trimmed` cuts lines of the edge's own colour. And its edges are straight,
sharp and level, which in photographs is rare: `rectangles` looks for four such edges that belong together.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.planes import engine
from matcher.planes.border import LEAST
from matcher.planes.lines import LEAST_SIDE, MOST, SHORTEST, STRAIGHT
from matcher.views import Box, View

Plane = NDArray[np.uint8]

MOST_CELLS: Final = 5
_FITS: Final = (16 / 9, 3 / 2, 4 / 3, 1.0, 3 / 4, 2 / 3, 9 / 16)

_DIVIDES: Final = 0.8  # of the way across
_ALL: Final = 0.97  # of the plane: more is no part of it


def crawled(plane: Plane) -> Sequence[View]:
    """What is hashed of one frame, number 0: the whole first, at most 2 + MOST_CELLS + 6 views."""
    height, width = plane.shape
    whole = wholes(plane)
    taken = {each.box for each in whole}
    cells = [View("cell", box=box) for box in rectangles(plane) if box not in taken]
    return [*whole, *cells, *(View("fit", box=box) for box in fits(width, height))]


def wholes(plane: Plane) -> Sequence[View]:
    """Everything, and what is left of it without a border, where it has one."""
    rest = trimmed(plane)
    return [View("full")] if rest is None else [View("full"), View("trim", box=rest)]


def trimmed(plane: Plane) -> Box | None:
    """What is left without a border, or None when there is none."""
    height, width = plane.shape
    left, top, right, bottom = engine().inside(plane)
    if right - left < LEAST * width or bottom - top < LEAST * height:
        return None  # in a dark photograph round after round: a sliver, and no picture
    return _box(left, top, right, bottom, plane.shape)


def fits(width: int, height: int) -> Sequence[Box]:
    """The middle in the usual shapes that are not its own."""
    shape = width / height
    boxes = []
    for fit in _FITS:
        if fit < shape * 0.97:
            cut = round(500 * (1 - fit / shape))
            boxes.append(Box(cut, 0, 1000 - cut, 1000))
        elif fit > shape * 1.03:
            cut = round(500 * (1 - shape / fit))
            boxes.append(Box(0, cut, 1000, 1000 - cut))
    return [box for box in boxes if min(box.right - box.left, box.bottom - box.top) >= 330]


def rectangles(plane: Plane) -> Sequence[Box]:
    """Parts with four straight, sharp, level edges, or with the picture's own edge in place of some; the clearest first."""
    height, width = plane.shape
    if min(height, width) < LEAST_SIDE:
        return []
    rows, columns = engine().lines(plane)
    tops, bottoms = _pairs(rows.places, height)
    lefts, rights = _pairs(columns.places, width)
    if len(tops) == 0 or len(lefts) == 0 or len(tops) * len(lefts) == 1:
        return []
    seen_rows = rows.seen[:, columns.places]  # (rows, columns): up to there
    seen_columns = columns.seen[:, rows.places]
    level = _coverage(seen_rows, columns.places, lefts, rights)
    upright = _coverage(seen_columns, rows.places, tops, bottoms)
    # (vertical pairs, horizontal pairs): enough is seen of all four edges
    clear, clear_upright = level >= STRAIGHT, upright >= STRAIGHT
    vertical, horizontal = np.nonzero(clear[tops] & clear[bottoms] & (clear_upright[lefts] & clear_upright[rights]).T)
    if len(vertical) == 0:
        return []
    top, bottom, left, right = tops[vertical], bottoms[vertical], lefts[horizontal], rights[horizontal]
    least = np.minimum(
        np.minimum(level[top, horizontal], level[bottom, horizontal]),
        np.minimum(upright[left, vertical], upright[right, vertical]),
    )
    # Of what is seen on all sides the larger is the more likely: a picture's own edges lie within it.
    size = (rows.places[bottom] - rows.places[top]) * (columns.places[right] - columns.places[left]) / (height * width)
    score = np.where(size > _ALL, 0, least + 0.15 * np.sqrt(size))
    best = np.argsort(-score, kind="stable")[: 4 * MOST]
    best = best[score[best] > 0]
    top, bottom, left, right = top[best], bottom[best], left[best], right[best]
    divided = _divided(rows.places, seen_rows, (top, bottom), columns.places, (left, right)) | _divided(
        columns.places, seen_columns, (left, right), rows.places, (top, bottom)
    )
    cells_first = np.argsort(divided, kind="stable")  # cells before what is made up of cells
    boxes = (
        _box(*edges, plane.shape)
        for edges in zip(
            (columns.places[left] + (left > 0))[cells_first].tolist(),
            (rows.places[top] + (top > 0))[cells_first].tolist(),
            columns.places[right][cells_first].tolist(),
            rows.places[bottom][cells_first].tolist(),
            strict=True,
        )
    )
    found: list[Box] = []
    for box in boxes:
        if box is not None and all(_overlap(box, other) < 0.7 for other in found):
            found.append(box)
        if len(found) == MOST_CELLS:
            break
    return found


def _pairs(places: NDArray[np.int64], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, last = np.nonzero(places - places[:, None] >= SHORTEST * length)
    return first, last


def _coverage(
    seen: NDArray[np.int32], ends: NDArray[np.int64], begins: NDArray[np.intp], stops: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(lines, spans): which part of each line is seen between the two ends of each span."""
    return np.asarray((seen[:, stops] - seen[:, begins]) / (ends[stops] - ends[begins]))


def _divided(
    places: NDArray[np.int64],
    seen: NDArray[np.int32],
    between: tuple[NDArray[np.intp], NDArray[np.intp]],
    ends: NDArray[np.int64],
    across: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> NDArray[np.bool_]:
    """Of each of n parts, whether a line well between two others runs all the way across.

    between   (n,) and (n,): which lines bound it
    across    (n,) and (n,): between which of `ends` it lies
    """
    first, last = places[between[0], None], places[between[1], None]
    least = SHORTEST * (last - first)
    inner = (places - first >= least) & (last - places >= least)
    all_the_way = _DIVIDES * (ends[across[1]] - ends[across[0]])
    return np.asarray(np.any(inner & ((seen[:, across[1]] - seen[:, across[0]]) >= all_the_way).T, axis=1))


def _overlap(one: Box, other: Box) -> float:
    """Common part of both together."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    if across <= 0 or down <= 0:
        return 0.0
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return across * down / (areas - across * down)


def _box(left: int, top: int, right: int, bottom: int, shape: tuple[int, ...]) -> Box | None:
    height, width = shape
    if (left, top, right, bottom) == (0, 0, width, height) or right - left < 8 or bottom - top < 8:
        return None
    return Box(
        round(1000 * left / width),
        round(1000 * top / height),
        round(1000 * right / width),
        round(1000 * bottom / height),
    )
