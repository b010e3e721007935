"""All of it in NumPy: what the kernel is held against, and what runs where there is none."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matcher.planes import border, frequencies, lines, means, quality
from matcher.planes.border import Inside
from matcher.planes.frequencies import Turns
from matcher.planes.lines import Lines
from matcher.planes.means import Boxes, Float32, Plane


class Engine(Protocol):
    """Two of them give the same answers, to the bit."""

    def means(self, plane: Plane, boxes: Boxes) -> tuple[Float32, NDArray[np.int64]]:
        """(n, 64, 64), and (n,) the quality of each; see `means` and `quality`."""
        ...

    def inside(self, plane: Plane) -> Inside:
        """See `border`."""
        ...

    def lines(self, plane: Plane) -> tuple[Lines, Lines]:
        """Level ones and upright ones; see `lines`."""
        ...

    def bits(self, waves: Float32, turns: Turns) -> NDArray[np.uint8]:
        """(n, 16, 16) → (all turns, 32); see `frequencies`."""
        ...

    def steepness(self, square: Float32, tie: float) -> tuple[int, int]:
        """See `quality`."""
        ...


class NumPy:
    """An `Engine`."""

    def means(self, plane: Plane, boxes: Boxes) -> tuple[Float32, NDArray[np.int64]]:
        made = means.means(plane, boxes)
        return made, quality.qualities(made)

    def inside(self, plane: Plane) -> Inside:
        return border.inside(plane)

    def lines(self, plane: Plane) -> tuple[Lines, Lines]:
        return lines.both_ways(plane)

    def bits(self, waves: Float32, turns: Turns) -> NDArray[np.uint8]:
        return frequencies.bits(waves, turns)

    def steepness(self, square: Float32, tie: float) -> tuple[int, int]:
        return quality.steepness(square, tie)
