"""The means of the areas under 64 × 64 places of any part of a plane, fractions of pixels included, from one table of sums."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Boxes = Sequence[tuple[int, int, int, int]]
"""Left, upper, right and lower edges in thousandths."""

MOST_PIXELS: Final = 2**23  # whose sum an int32 holds
_MARKS: Final = np.linspace(0.0, 1.0, 65)


class Marks(NamedTuple):
    """Where the 65 × 65 corners of each box lie in the table of sums: after which place, and how far after it."""

    rows: NDArray[np.intp]  # (n, 65)
    below: NDArray[np.float64]
    columns: NDArray[np.intp]
    beyond: NDArray[np.float64]
    areas: Float32  # (n,): pixels under one mean


def means(plane: Plane, boxes: Boxes) -> Float32:
    """(n, 64, 64)"""
    sums = table(plane)
    width = plane.shape[1]
    at = marks(plane.shape, boxes)
    # Of all boxes at once: the four places of the table around each corner, then what lies between them.
    places = (at.rows * (width + 1))[:, :, None] + at.columns[:, None, :]
    flat = sums.ravel()
    left = _between(flat, places, width + 1, at.below[:, :, None])
    corners = _between(flat[1:], places, width + 1, at.below[:, :, None])
    corners -= left
    corners *= at.beyond[:, None, :]
    corners += left
    lines = corners[:, 1:] - corners[:, :-1]
    made = (lines[:, :, 1:] - lines[:, :, :-1]).astype(np.float32)
    made /= at.areas[:, None, None]
    return made


def table(plane: Plane) -> NDArray[np.int32]:
    """(h, w) → (h + 1, w + 1): the sums of all pixels above and left of each place. Exact up to MOST_PIXELS."""
    height, width = plane.shape
    sums = np.zeros((height + 1, width + 1), np.int32)
    inner = sums[1:, 1:]
    inner[:] = plane  # widened once: added up in place is quicker than from bytes
    np.cumsum(inner, axis=1, out=inner)
    np.cumsum(inner, axis=0, out=inner)
    return sums


def marks(shape: tuple[int, ...], boxes: Boxes) -> Marks:
    height, width = shape
    edges = np.asarray(boxes, np.float64).reshape(-1, 4) / 1000
    down = (edges[:, 1, None] + (edges[:, 3] - edges[:, 1])[:, None] * _MARKS) * height
    across = (edges[:, 0, None] + (edges[:, 2] - edges[:, 0])[:, None] * _MARKS) * width
    areas = ((down[:, 1] - down[:, 0]) * (across[:, 1] - across[:, 0])).astype(np.float32)
    return Marks(*_split(down, height), *_split(across, width), areas)


def _split(places: NDArray[np.float64], most: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    whole = np.minimum(places.astype(np.intp), most - 1)
    return whole, places - whole


def _between(
    flat: NDArray[np.int32], places: NDArray[np.intp], further: int, parts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values read between their places and so much further on."""
    # No place lies beyond the end; saying what to do if one did spares asking each of them.
    here = flat.take(places, mode="clip")
    between = (flat[further:].take(places, mode="clip") - here) * parts
    between += here
    return between
