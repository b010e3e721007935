"""The kernel: plain C behind ctypes, used where it was built and has proved itself on this machine.

What the arrays must look like is checked here, so that the C side can trust it. What is larger than pictures are brought down to,
and what is no part of a plane, is left to NumPy.
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher import kernels
from matcher.planes import border, frequencies, lines
from matcher.planes.border import Inside
from matcher.planes.frequencies import Turns
from matcher.planes.lines import Lines
from matcher.planes.means import MOST_PIXELS, Boxes, Float32, Plane, marks
from matcher.planes.numpy_engine import Engine, NumPy

_MOST_SIDE: Final = 1024  # pixels: of which no run of a line is longer than a byte counts
_NUMPY: Final = NumPy()
_ADDRESS, _INT, _LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
_FUNCTIONS: Final[kernels.Functions] = {
    "planes_means": ([_ADDRESS, _INT, _INT, _ADDRESS, _ADDRESS, _ADDRESS], ctypes.c_int),
    "planes_steepness": ([_ADDRESS, ctypes.c_float, _ADDRESS, _ADDRESS], None),
    "planes_bits": ([_ADDRESS, _LONG, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS], None),
    "planes_inside": ([_ADDRESS, _INT, _INT, _ADDRESS, _ADDRESS], None),
    "planes_lines": ([_ADDRESS, _INT, _INT, ctypes.c_int, _ADDRESS, _ADDRESS, _ADDRESS], _INT),
}


class _Marks(ctypes.Structure):
    _fields_ = (
        ("rows", _ADDRESS),
        ("below", _ADDRESS),
        ("columns", _ADDRESS),
        ("beyond", _ADDRESS),
        ("areas", _ADDRESS),
        ("boxes", _LONG),
    )


class _Border(ctypes.Structure):
    _fields_ = (
        ("uniform", ctypes.c_double),
        ("background", ctypes.c_double),
        ("content", ctypes.c_double),
        ("least", ctypes.c_double),
        ("alike", _INT),
        ("rounds", _INT),
    )


class _Lines(ctypes.Structure):
    _fields_ = (("step", _INT), ("most", _INT), ("run", _INT), ("least", ctypes.c_double))


@dataclass(frozen=True, slots=True)
class Kernel:
    """An `Engine`."""

    library: ctypes.CDLL

    def means(self, plane: Plane, boxes: Boxes) -> tuple[Float32, NDArray[np.int64]]:
        if not 0 < plane.size <= MOST_PIXELS or not all(_inside(box) for box in boxes):
            return _NUMPY.means(plane, boxes)
        plane = np.ascontiguousarray(plane, np.uint8)
        height, width = plane.shape
        at = marks(plane.shape, boxes)
        made, qualities = np.empty((len(boxes), 64, 64), np.float32), np.empty(len(boxes), np.int64)
        asked = _Marks(*(each.ctypes.data for each in at), len(boxes))
        if self.library.planes_means(
            plane.ctypes.data, width, height, ctypes.byref(asked), made.ctypes.data, qualities.ctypes.data
        ):
            raise MemoryError("no memory for the means of a plane")
        return made, qualities

    def inside(self, plane: Plane) -> Inside:
        if not 0 < plane.size <= MOST_PIXELS:
            return _NUMPY.inside(plane)
        plane = np.ascontiguousarray(plane, np.uint8)
        height, width = plane.shape
        found = (_INT * 4)()
        rules = _Border(border.UNIFORM, border.BACKGROUND, border.CONTENT, border.LEAST, border.ALIKE, border.ROUNDS)
        self.library.planes_inside(plane.ctypes.data, width, height, ctypes.byref(rules), found)
        return Inside(*found)

    def lines(self, plane: Plane) -> tuple[Lines, Lines]:
        if min(plane.shape) < lines.LEAST_SIDE or max(plane.shape) > _MOST_SIDE:
            return _NUMPY.lines(plane)
        plane = np.ascontiguousarray(plane, np.uint8)
        return self._lines(plane, upright=False), self._lines(plane, upright=True)

    def _lines(self, plane: Plane, *, upright: bool) -> Lines:
        height, width = plane.shape
        length = height if upright else width
        run = lines.shortest(length)
        rules = _Lines(lines.STEP, lines.MOST, run, lines.STRAIGHT * run)
        places, seen = np.empty(lines.MOST + 2, np.int64), np.empty((lines.MOST + 2, length + 1), np.int32)
        found = self.library.planes_lines(
            plane.ctypes.data, width, height, upright, ctypes.byref(rules), places.ctypes.data, seen.ctypes.data
        )
        if found < 0:
            raise MemoryError("no memory to look for lines")
        return Lines(places[:found], seen[:found])

    def bits(self, waves: Float32, turns: Turns) -> NDArray[np.uint8]:
        waves = np.ascontiguousarray(waves, np.float32)
        if waves.shape != (len(turns), 16, 16):
            raise ValueError(f"of {len(turns)} pictures the frequencies are asked for, not {waves.shape}")
        numbers = bytes([frequencies.NUMBER[turn] for each in turns for turn in each])
        counts = np.array([len(each) for each in turns], np.int32)
        made = np.empty((len(numbers), 32), np.uint8)
        self.library.planes_bits(
            waves.ctypes.data,
            len(turns),
            counts.ctypes.data,
            numbers,
            frequencies.ORDER.ctypes.data,
            frequencies.SIGNS.ctypes.data,
            made.ctypes.data,
        )
        return made

    def steepness(self, square: Float32, tie: float) -> tuple[int, int]:
        square = np.ascontiguousarray(square, np.float32)
        if square.shape != (64, 64):
            raise ValueError(f"a square has 64 by 64 places, not {square.shape}")
        total, undecided = _INT(), _INT()
        self.library.planes_steepness(square.ctypes.data, tie, ctypes.byref(total), ctypes.byref(undecided))
        return total.value, undecided.value


def _inside(box: tuple[int, int, int, int]) -> bool:
    left, upper, right, lower = box
    return 0 <= left < right <= 1000 and 0 <= upper < lower <= 1000


@cache
def library() -> ctypes.CDLL | None:
    return kernels.loaded(__file__, _FUNCTIONS)


@cache
def current() -> Kernel | None:
    """None: NumPy does the work."""
    loaded = library()
    if loaded is None:
        return None
    kernel = Kernel(loaded)
    return kernel if _right(kernel) else None


def engine() -> Engine:
    return current() or _NUMPY


def _right(kernel: Kernel) -> bool:
    """A processor or a compiler may be wrong where no test of ours has ever run: a page with a picture on it is looked at both ways."""
    plane = np.full((131, 203), 250, np.uint8)
    plane[20:117, 31:180] = np.kron(kernels.noise(6, 8, 11, 200), np.ones((13, 15), np.uint8))[:97, :149]
    boxes = [(0, 0, 1000, 1000), (31, 127, 893, 1000), (400, 7, 433, 61)]
    turns = [list(frequencies.NUMBER), ["rot90"], []]
    answers = []
    for each in (_NUMPY, kernel):
        made, qualities = each.means(plane, boxes)
        rows, columns = each.lines(plane)
        waves = np.ascontiguousarray(made[:, ::4, ::4]) - np.float32(100)
        answers.append(
            (
                *(made, qualities, *rows, *columns),
                np.array([each.inside(plane), each.inside(plane[20:, 31:])]),
                np.array([each.steepness(square, 0.2) for square in made]),
                each.bits(waves, turns),
            )
        )
    return all(np.array_equal(one, other) for one, other in zip(*answers, strict=True))


def describe() -> str:
    """Which engine runs, and why no faster one: for `doctor`."""
    return "C kernel" if current() is not None else kernels.refused(__file__, library())
