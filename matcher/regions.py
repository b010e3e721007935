"""Where in a crawled picture another picture may lie: without the border, caption or screen around it; as a cell of a collage or page;
between the bars of a letterbox. Pure, on a small grey plane.

Two things give a picture away. What was put around it is plain: `trimmed` cuts lines of the edge's own colour. And its edges are straight,
sharp and level, which in photographs is rare: `rectangles` looks for four such edges that belong together.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.views import WHOLE, Box, View

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
_LINES: Final = 12  # edges looked at each way, the clearest ones


def crawled(plane: Plane) -> Sequence[View]:
    """What is hashed of one frame, number 0: the whole first, at most 2 + MOST_CELLS + 6 views."""
    height, width = plane.shape
    views = [View("full")]
    rest = trimmed(plane)
    if rest is not None:
        views.append(View("trim", box=rest))
    taken = {WHOLE, rest}
    cells = [box for box in rectangles(plane) if box not in taken]
    views += [View("cell", box=box) for box in cells]
    return views + [View("fit", box=box) for box in fits(width, height)]


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
    edge = part[: len(part) // 100 + 1]
    colour = int(np.median(edge))
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
    down = _steps(plane)  # (h, w): a level edge runs through this pixel
    across = _steps(plane.T)  # (w, h): an upright one
    rows, seen_rows = _lines(down)
    columns, seen_columns = _lines(across)
    tops, bottoms = _pairs(rows, height)
    lefts, rights = _pairs(columns, width)
    if len(tops) == 0 or len(lefts) == 0 or len(tops) * len(lefts) == 1:
        return []
    # (vertical pairs, horizontal pairs): how much of each of the four edges is seen
    upper = _coverage(seen_rows, rows, tops, columns, lefts, rights)
    lower = _coverage(seen_rows, rows, bottoms, columns, lefts, rights)
    left = _coverage(seen_columns, columns, lefts, rows, tops, bottoms).T
    right = _coverage(seen_columns, columns, rights, rows, tops, bottoms).T
    least = np.minimum(np.minimum(upper, lower), np.minimum(left, right))
    # Of what is seen on all sides the larger is the more likely: a picture's own edges lie within it.
    size = np.outer(rows[bottoms] - rows[tops], columns[rights] - columns[lefts]) / (height * width)
    score = np.where(least >= _STRAIGHT, least + 0.15 * np.sqrt(size), 0)
    score[(size > 0.97)] = 0
    best = [int(place) for place in np.argsort(-score, axis=None, kind="stable")[: 4 * _LINES] if score.flat[place] > 0]
    halves = {}
    for place in best:
        vertical, horizontal = divmod(place, len(lefts))
        span = slice(tops[vertical], bottoms[vertical] + 1), slice(lefts[horizontal], rights[horizontal] + 1)
        halves[place] = _divided(rows[span[0]], seen_rows[span[0]], columns[span[1]]) or _divided(
            columns[span[1]], seen_columns[span[1]], rows[span[0]]
        )
    found: list[Box] = []
    for place in sorted(best, key=halves.__getitem__):  # cells before what is made up of cells
        vertical, horizontal = divmod(place, len(lefts))
        box = _box(
            int(columns[lefts[horizontal]]) + (1 if lefts[horizontal] else 0),
            int(rows[tops[vertical]]) + (1 if tops[vertical] else 0),
            int(columns[rights[horizontal]]),
            int(rows[bottoms[vertical]]),
            plane.shape,
        )
        if box is not None and all(_overlap(box, other) < 0.7 for other in found):
            found.append(box)
        if len(found) == MOST_CELLS:
            break
    return found


def _divided(lines: NDArray[np.int64], seen: NDArray[np.int32], ends: NDArray[np.int64]) -> bool:
    """Whether a line between the first and the last runs all the way from the first of `ends` to the last."""
    length = lines[-1] - lines[0]
    inner = (lines - lines[0] >= _SHORTEST * length) & (lines[-1] - lines >= _SHORTEST * length)
    return bool(np.any((seen[inner, ends[-1]] - seen[inner, ends[0]]) >= _DIVIDES * (ends[-1] - ends[0])))


def _steps(plane: Plane) -> NDArray[np.bool_]:
    """Where brightness steps from the row above to the row below, and hardly changes on either side of the step."""
    step = np.zeros_like(plane)
    step[1:-1] = np.maximum(plane[2:], plane[:-2]) - np.minimum(plane[2:], plane[:-2])
    beside = np.zeros_like(plane)
    beside[2:] = step[:-2]
    np.maximum(beside[:-2], step[2:], out=beside[:-2])
    return np.asarray((step > _STEP) & (step // 2 >= beside))


def _lines(steps: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The clearest lines, with the two outer edges first and last, and of each the running count of places where it is seen."""
    count, length = steps.shape
    # A line may lie between two rows, or lean by one: it is seen where either shows it.
    near = steps.copy()
    near[1:] |= steps[:-1]
    near[:-1] |= steps[1:]
    run = max(8, int(_SHORTEST * length))
    sums = np.zeros((count, length + 1), np.int16)
    np.cumsum(near, axis=1, out=sums[:, 1:])
    clearest = (sums[:, run:] - sums[:, :-run]).max(axis=1).astype(np.int64)
    total = np.where(clearest >= _STRAIGHT * run, clearest * 1000 + np.count_nonzero(steps, axis=1), 0)
    lines: list[int] = []
    for line in np.argsort(-total, kind="stable"):
        if total[line] == 0 or len(lines) == _LINES:
            break
        if 2 < line < count - 3 and all(abs(int(line) - other) > 2 for other in lines):
            lines.append(int(line))
    chosen = np.array([0, *sorted(lines), count], np.int64)
    seen = np.zeros((len(chosen), length + 1), np.int32)
    seen[0] = seen[-1] = np.arange(length + 1)  # the picture ends there: nothing sharper
    seen[1:-1] = sums[chosen[1:-1]]
    return chosen, seen


def _pairs(lines: NDArray[np.int64], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, last = np.triu_indices(len(lines), 1)
    far = lines[last] - lines[first] >= _SHORTEST * length
    return first[far], last[far]


def _coverage(
    seen: NDArray[np.int32],
    _lines_of: NDArray[np.int64],
    edges: NDArray[np.intp],
    ends: NDArray[np.int64],
    begins: NDArray[np.intp],
    stops: NDArray[np.intp],
) -> NDArray[np.float64]:
    """(edges, spans): which part of each edge is seen between the two ends of each span."""
    counts = seen[edges][:, ends[stops]] - seen[edges][:, ends[begins]]
    return np.asarray(counts / (ends[stops] - ends[begins]))


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
