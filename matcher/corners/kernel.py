"""The kernel: plain C behind ctypes, used where it was built and has proved itself on this machine. Other Python threads run meanwhile."""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from matcher import kernels
from matcher.corners import numpy_engine
from matcher.corners.numpy_engine import Found, Plane
from matcher.corners.tables import BINS, FAINT, THRESHOLD, Structure, quotas, sides, tables

_FUNCTIONS: Final[kernels.Functions] = {
    "corners_extract": (
        [
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ],
        ctypes.c_int64,
    ),
}


@dataclass(frozen=True, slots=True)
class Kernel:
    library: ctypes.CDLL

    def extract(self, plane: Plane, count: int, cells: int) -> Found:
        height, width = plane.shape
        levels = len(sides(width, height))
        wanted = np.array(quotas(count, levels), np.int64)
        plane = np.ascontiguousarray(plane)
        shared = tables()
        corners, descriptors = np.empty((count, 4), np.int32), np.empty((count, 4), np.uint64)
        structure = Structure(
            pattern=shared.pattern.ctypes.data,
            directions=shared.directions.ctypes.data,
            disc=shared.disc.ctypes.data,
            bins=BINS,
            levels=levels,
            threshold=THRESHOLD,
            faint=FAINT,
        )
        found = self.library.corners_extract(
            plane.ctypes.data,
            width,
            height,
            ctypes.byref(structure),
            wanted.ctypes.data,
            cells,
            corners.ctypes.data,
            descriptors.ctypes.data,
        )
        if found < 0:
            raise MemoryError("no memory to look for corners")
        return Found(corners[:found], descriptors[:found])


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


def _right(kernel: Kernel) -> bool:
    """A processor or a compiler may be wrong where no test of ours has ever run."""
    plane = np.kron(
        kernels.noise(6, 16, 23, 256), np.ones((6, 5), np.uint8)
    )  # patches with sharp corners: 96 × 115 pixels
    expected, found = (engine(plane, 60, 3) for engine in (numpy_engine.extract, kernel.extract))
    return np.array_equal(expected.corners, found.corners) and np.array_equal(expected.descriptors, found.descriptors)


def describe() -> str:
    """Which engine runs, and why no faster one: for `doctor`."""
    if current() is not None:
        return "C kernel"
    return kernels.refused(__file__, library())
