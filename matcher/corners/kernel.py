"""The kernel: plain C behind ctypes, used where it was built and has proved itself on this machine. Other Python threads run meanwhile."""

import ctypes
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np

from matcher.corners import numpy_engine
from matcher.corners.numpy_engine import Found, Plane
from matcher.corners.tables import BINS, FAINT, THRESHOLD, Structure, quotas, sides, tables

_ARGUMENTS = (
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
)


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
    """The built kernel with its function declared; None where it was not built or cannot be loaded."""
    path = _built()
    if path is None:
        return None
    try:
        loaded = ctypes.CDLL(str(path))
        loaded.corners_extract.argtypes, loaded.corners_extract.restype = _ARGUMENTS, ctypes.c_int64
    except (OSError, AttributeError):
        return None
    return loaded


def _built() -> Path | None:
    paths = (Path(__file__).with_name(f"_kernel{suffix}") for suffix in EXTENSION_SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


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
    coarse = np.random.default_rng(6).integers(0, 256, (16, 23), np.uint8)
    plane = np.kron(coarse, np.ones((6, 5), np.uint8))  # patches with sharp corners: 96 × 115 pixels
    expected, found = (engine(plane, 60, 3) for engine in (numpy_engine.extract, kernel.extract))
    return np.array_equal(expected.corners, found.corners) and np.array_equal(expected.descriptors, found.descriptors)


def describe() -> str:
    """Which engine runs, and why no faster one: for `doctor`."""
    if current() is not None:
        return "C kernel"
    if _built() is None:
        return "NumPy: the C kernel was not built; the cure: install a C compiler (gcc) and Stillwatch again"
    if library() is None:
        return "NumPy: the C kernel was built for another machine or from another source; the cure: install Stillwatch again"
    return "NumPy: the C kernel gives wrong answers on this machine and is not used"
