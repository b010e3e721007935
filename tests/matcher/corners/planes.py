"""Planes for these tests: noise, drawings and the bundled photographs."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.matcher.pictures import PHOTOGRAPHS

Plane = NDArray[np.uint8]

SHAPES: Final = ((40, 40), (41, 300), (97, 54), (128, 131), (240, 320))  # rows, columns


def noise(rows: int, columns: int, seed: int = 1) -> Plane:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), np.uint8)


def drawn(rows: int, columns: int, seed: int = 1) -> Plane:
    """Rectangles over each other: many scores are equal."""
    chance = np.random.default_rng(seed)
    plane = np.full((rows, columns), 200, np.uint8)
    for _ in range(60):
        top, left = chance.integers(0, rows), chance.integers(0, columns)
        down, across = chance.integers(3, 40, 2)
        plane[top : top + down, left : left + across] = chance.integers(0, 256)
    return plane


def faint(rows: int, columns: int) -> Plane:
    """Of so little contrast that every level is searched twice."""
    return drawn(rows, columns) // 32 + np.uint8(100)


def photographs(side: int) -> Iterator[Plane]:
    for path in PHOTOGRAPHS:
        with Image.open(path) as opened:
            grey = opened.convert("L")
        grey.thumbnail((side, side))
        yield np.asarray(grey)
