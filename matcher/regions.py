"""Where in a crawled picture another picture may lie: without the border, caption or screen around it; as a cell of a collage or page;
between the bars of a letterbox. Pure, on a small grey plane.

Two things give a picture away. What was put around it is plain: `trimmed` cuts lines of the edge's own colour. And its edges are straight,
sharp and level, which in photographs is rare: `rectangles` looks for four such edges that belong together.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.views import Box, View

Plane = NDArray[np.uint8]

MOST_CELLS: Final = 5
_FITS: Final = (16 / 9, 3 / 2, 4 / 3, 1.0, 3 / 4, 2 / 3, 9 / 16)

# trimmed
_ALIKE: Final = 14  # grey levels from the edge's colour
_UNIFORM: Final = 0.85  # of the outermost line
_BACKGROUND: Final = 0.45  # of a line that still belongs to the border: captions and icons stand on it
_CONTENT: Final = 0.04  # of the side: so many lines in a row of something else end the border
_LEAST: Final = 0.15  # of the side: less is not left of a picture

# rectangles
_STEP: Final = 12  # grey levels across an edge, over two pixels
_SHORTEST: Final = 0.18  # of the side
_STRAIGHT: Final = 0.55  # of an edge's length that must be seen
_DIVIDES: Final = 0.8  # of the way across
_ALL: Final = 0.97  # of the plane: more is no part of it
_LINES: Final = 12  # edges looked at each way, the clearest ones


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
    left, top, right, bottom = 0, 0, width, height
    for _ in range(3):  # a screen inside a border, a caption inside a screen
        before = left, top, right, bottom
        first, last = _content(plane[top:bottom, left:right])
        top, bottom = top + first, top + last
        first, last = _content(plane[top:bottom, left:right].T)
        left, right = left + first, left + last
        if before == (left, top, right, bottom):
            break
    if right - left < _LEAST * width or bottom - top < _LEAST * height:
        return None  # in a dark photograph round after round: a sliver, and no picture
    return _box(left, top, right, bottom, plane.shape)


def _content(part: Plane) -> tuple[int, int]:
    """The first line that is not border, and the one after the last."""
    count = len(part)
    first = _border(part)
    last = count - _border(part[::-1])
    return (first, last) if last - first >= _LEAST * count else (0, count)


def _border(part: Plane) -> int:
    """How many of the first lines are border."""
    edge = part[: len(part) // 100 + 1].ravel()
    middle = (edge.size - 1) // 2, edge.size // 2
    colour = int(np.partition(edge, middle)[list(middle)].sum()) // 2
    low, span = max(0, colour - _ALIKE), min(255, colour + _ALIKE) - max(0, colour - _ALIKE)
    if np.count_nonzero((part[0] - np.uint8(low)) <= span) < _UNIFORM * part.shape[1]:
        return 0
    alike = np.count_nonzero(
        (part - np.uint8(low)) <= span, axis=1
    )  # unsigned: what is darker wraps around to far above
    content = alike < _BACKGROUND * part.shape[1]
    run = max(2, math.ceil(len(part) * _CONTENT))
    sums = np.cumsum(np.concatenate(([0], content)))
    ends = np.flatnonzero(sums[run:] - sums[:-run] == run)
    return int(ends[0]) if len(ends) else 0


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
    if min(height, width) < 48:
        return []
    rows = _lines(plane)
    columns = _lines(np.ascontiguousarray(plane.T))
    tops, bottoms = _pairs(rows.places, height)
    lefts, rights = _pairs(columns.places, width)
    if len(tops) == 0 or len(lefts) == 0 or len(tops) * len(lefts) == 1:
        return []
    seen_rows = rows.seen[:, columns.places]  # (rows, columns): up to there
    seen_columns = columns.seen[:, rows.places]
    level = _coverage(seen_rows, columns.places, lefts, rights)
    upright = _coverage(seen_columns, rows.places, tops, bottoms)
    # (vertical pairs, horizontal pairs): enough is seen of all four edges
    clear, clear_upright = level >= _STRAIGHT, upright >= _STRAIGHT
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
    best = np.argsort(-score, kind="stable")[: 4 * _LINES]
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


class _Lines(NamedTuple):
    """
    places   (n,) the rows, ascending; the two outer edges first and last
    seen     (n, length + 1) of each the running count of places where it is seen
    """

    places: NDArray[np.int64]
    seen: NDArray[np.int32]


def _lines(plane: Plane) -> _Lines:
    """The clearest level lines. Of upright ones those of the transpose, which must lie in memory row by row, too: it is quicker."""
    count, length = plane.shape
    steps = _steps(plane)
    # A line may lie between two rows, or lean by one: it is seen where either shows it.
    near = steps.copy()
    near[1:] |= steps[:-1]
    near[:-1] |= steps[1:]
    run = max(8, int(_SHORTEST * length))
    # Counted by whole bytes first, as many as hold any run: two rows of three are done with.
    most = (np.bitwise_count(near).astype(np.float32) @ _together(near.shape[1], (run + 14) // 8)).max(axis=1)
    most[:3] = most[-3:] = 0  # too near to the picture's own edge
    rows = np.flatnonzero(most >= _STRAIGHT * run)
    sums = np.zeros((len(rows), length + 1), np.int16)
    np.cumsum(np.unpackbits(near[rows], axis=1, count=length).astype(np.int16), axis=1, out=sums[:, 1:])
    clearest = (sums[:, run:] - sums[:, :-run]).max(axis=1, initial=0).astype(np.int64)
    total = clearest * 1000 + np.bitwise_count(steps[rows]).sum(axis=1)
    total[clearest < _STRAIGHT * run] = 0
    order = np.argsort(-total, kind="stable")
    chosen = _far_apart(rows[order[: np.count_nonzero(total)]].tolist())
    at = np.searchsorted(rows, chosen)
    seen = np.empty((len(at) + 2, length + 1), np.int32)
    seen[0] = seen[-1] = np.arange(length + 1)  # the picture ends there: nothing sharper
    seen[1:-1] = sums[at]
    return _Lines(np.array([0, *chosen, count], np.int64), seen)


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
    steps[1:-1] &= step > _STEP
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
        if len(chosen) == _LINES:
            break
    return sorted(chosen)


def _pairs(places: NDArray[np.int64], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, last = np.nonzero(places - places[:, None] >= _SHORTEST * length)
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
    least = _SHORTEST * (last - first)
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
