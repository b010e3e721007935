"""How many corners of an enrolled picture lie in the same places of a seen one. Pure.

Each enrolled corner is paired with the seen one whose descriptor is nearest. Two pairs fix a shift, a scale and a turn (random sample
consensus, Fischler and Bolles, CACM 1981); a pair agrees when its place, its own direction and its own size fit all three. By chance a
place fits easily, direction and size rarely (weak geometric consistency, Jégou, Douze and Schmid, ECCV 2008): of unrelated pictures
4 pairs agree at the most, where places alone let 14 and more. Two photographs of different things on one floor share that floor, and 30
of its corners: so it is told, too, how many should agree (`visible`), and `matcher.confirm` asks for a share of them.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.model import Overlay
from matcher.corners import Corners

_MOST_BITS: Final = 60  # of 256 that two descriptors of one corner differ in; unrelated ones differ in 128 ± 8
_PLACE: Final = 0.025  # of the longer side
_PLACE_PIXELS: Final = 3.0
_DIRECTION: Final = 0.35  # radians
_SIZE: Final = 0.5  # natural logarithm: a level and a half of the pyramid
_MOST_SCALE: Final = 2.2  # natural logarithm: nine times larger or smaller
_SAMPLES: Final = 400
_APART: Final = 0.05  # of the longer side: two pairs closer than this fix nothing
_CELLS: Final = 40  # places closer than a fortieth of the longer side count once: a pattern is no proof

_DRAWN: Final = np.random.default_rng(1981).random((_SAMPLES, 2))  # fixed: the same on every run


class Agreement(NamedTuple):
    """corners    that agree, at different places
    visible    enrolled corners that would be seen there if it is the same picture
    overlay    where the enrolled picture lies in the seen one
    """

    corners: int
    visible: int
    overlay: Overlay | None


NONE: Final = Agreement(0, 0, None)


def agreement(enrolled: Corners, seen: Corners) -> Agreement:
    here, there = _paired(enrolled, seen)
    if len(here) < 4:
        return NONE
    place = _complex(enrolled, here)
    at = _complex(seen, there)
    turns = seen.angles[there] - enrolled.angles[here]
    sizes = seen.scales[there] - enrolled.scales[here]
    best = _best(place, at, turns, sizes, max(enrolled.width, enrolled.height))
    if best is None or np.count_nonzero(best[2]) < 2:
        return NONE
    scale, shift, agree = best
    move = np.array([[scale.real, -scale.imag, shift.real], [scale.imag, scale.real, shift.imag]])
    limit = max(_PLACE * max(enrolled.width, enrolled.height) * abs(scale), _PLACE_PIXELS)
    fits = (_apart(turns, float(np.angle(scale))) < _DIRECTION) & (np.abs(sizes - np.log(abs(scale))) < _SIZE)
    for _ in range(3):  # a photograph of a screen is stretched and sheared a little, too
        moved, wider = _refined(place, at, agree, fits, 0.6 * limit)
        if np.count_nonzero(wider) <= np.count_nonzero(agree):
            break
        move, agree = moved, wider
    count = min(_places(place[agree], enrolled), _places(at[agree], seen))
    return Agreement(count, _visible(move, enrolled, seen), _overlay(move, enrolled, seen))


def _paired(enrolled: Corners, seen: Corners) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of both, the nearest first; each row of either at most once."""
    if len(enrolled.points) == 0 or len(seen.points) == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    differing = np.zeros((len(enrolled.points), len(seen.points)), np.uint16)
    for word in range(enrolled.descriptors.shape[1]):
        differing += np.bitwise_count(enrolled.descriptors[:, word, None] ^ seen.descriptors[None, :, word])
    there = differing.argmin(axis=1)
    bits = differing[np.arange(len(there)), there].astype(np.int64)
    order = np.argsort(bits, kind="stable")
    order = order[bits[order] <= _MOST_BITS]
    _, first = np.unique(there[order], return_index=True)
    order = order[np.sort(first)]
    return order, there[order]


def _complex(corners: Corners, rows: NDArray[np.intp]) -> NDArray[np.complex128]:
    points = corners.points[rows].astype(np.float64)
    return points[:, 0] + 1j * points[:, 1]


def _best(
    place: NDArray[np.complex128],
    at: NDArray[np.complex128],
    turns: NDArray[np.float32],
    sizes: NDArray[np.float32],
    side: int,
) -> tuple[complex, complex, NDArray[np.bool_]] | None:
    """The similarity at = scale · place + shift with which the most pairs agree, and which do."""
    count = len(place)
    if count * (count - 1) // 2 <= _SAMPLES:
        one, other = np.triu_indices(count, 1)
    else:  # the nearest descriptors more often
        one, other = (_DRAWN[:, 0] ** 1.5 * count).astype(np.intp), (_DRAWN[:, 1] ** 1.5 * count).astype(np.intp)
    between = place[other] - place[one]
    apart = np.abs(between) > _APART * side
    one, other, between = one[apart], other[apart], between[apart]
    scales = (at[other] - at[one]) / between
    with np.errstate(divide="ignore"):
        stretch, turn = np.log(np.abs(scales)), np.angle(scales)
    likely = (
        (np.abs(stretch) < _MOST_SCALE)
        & (_apart(turns[one], turn) < _DIRECTION)
        & (_apart(turns[other], turn) < _DIRECTION)
    )
    if not likely.any():
        return None
    scales, one, stretch, turn = scales[likely], one[likely], stretch[likely], turn[likely]
    shifts = at[one] - scales * place[one]
    off = np.abs(scales[:, None] * place + shifts[:, None] - at)
    limits = np.maximum(_PLACE * side * np.abs(scales), _PLACE_PIXELS)
    agree = (
        (off < limits[:, None])
        & (_apart(turns[None, :], turn[:, None]) < _DIRECTION)
        & (np.abs(sizes[None, :] - stretch[:, None]) < _SIZE)
    )
    most = int(agree.sum(axis=1).argmax())
    return complex(scales[most]), complex(shifts[most]), agree[most]


def _refined(
    place: NDArray[np.complex128],
    at: NDArray[np.complex128],
    agree: NDArray[np.bool_],
    fits: NDArray[np.bool_],
    limit: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The affine map that lies best, (2, 3), and which pairs agree with it."""
    if np.count_nonzero(agree) < 4:
        return np.empty((2, 3)), np.zeros_like(agree)
    known = np.column_stack([place.real, place.imag, np.ones(len(place))])
    seen = np.column_stack([at.real, at.imag])
    move = np.linalg.lstsq(known[agree], seen[agree], rcond=None)[0]
    off = np.hypot(*(known @ move - seen).T)
    return np.asarray(move.T, np.float64), np.asarray((off < max(limit, _PLACE_PIXELS)) & fits)


def _apart(one: NDArray[np.float32], other: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Radians between two directions."""
    return np.asarray(np.abs((one - other + np.pi) % (2 * np.pi) - np.pi), np.float64)


def _places(points: NDArray[np.complex128], corners: Corners) -> int:
    cell = _CELLS / max(corners.width, corners.height)
    return len(
        set(zip((points.real * cell).astype(int).tolist(), (points.imag * cell).astype(int).tolist(), strict=True))
    )


def _visible(move: NDArray[np.float64], enrolled: Corners, seen: Corners) -> int:
    moved = enrolled.points @ move[:, :2].T + move[:, 2]
    return int(np.count_nonzero(np.all((moved >= 0) & (moved < (seen.width, seen.height)), axis=1)))


def _overlay(move: NDArray[np.float64], enrolled: Corners, seen: Corners) -> Overlay:
    width, height = enrolled.width, enrolled.height
    around = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], float)
    made = [(round(1000 * float(x) / seen.width), round(1000 * float(y) / seen.height)) for x, y in around @ move.T]
    return made[0], made[1], made[2], made[3]
