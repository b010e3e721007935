"""How our kernels are found: plain C behind ctypes, built beside the Python module that calls it, where there was a compiler.

What a kernel computes NumPy computes, too. A kernel is used where it has given NumPy's answers on this machine; `refused` says why not.
"""

import ctypes
from collections.abc import Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Functions = Mapping[str, tuple[Sequence[type], type | None]]
"""By name: the types of the arguments and of the result."""


def built(module: str) -> Path | None:
    """The library beside a module, given as its `__file__`."""
    paths = (Path(module).with_name(f"_kernel{suffix}") for suffix in EXTENSION_SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def loaded(module: str, functions: Functions) -> ctypes.CDLL | None:
    """With its functions declared; None where it was not built or cannot be loaded."""
    path = built(module)
    if path is None:
        return None
    try:
        library = ctypes.CDLL(str(path))
        for name, (arguments, result) in functions.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError):
        return None
    return library


def refused(module: str, library: ctypes.CDLL | None) -> str:
    """Why NumPy does the work of a kernel that is not used, and the cure: for `doctor`."""
    if built(module) is None:
        return "NumPy: the C kernel was not built; the cure: install a C compiler (gcc) and Stillwatch again"
    if library is None:
        return "NumPy: the C kernel was built for another machine or from another source; the cure: install Stillwatch again"
    return "NumPy: the C kernel gives wrong answers on this machine and is not used"


def words(seed: int, count: int) -> NDArray[np.uint64]:
    """The first numbers of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the same from every version of NumPy, and at once.

    `numpy.random` takes longer to load than all that a child draws here takes to compute.
    """
    word = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ word >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ word >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return word ^ word >> np.uint64(31)


def noise(seed: int, height: int, width: int, below: int) -> NDArray[np.uint8]:
    """A picture of chance, for a kernel to prove itself on; values 0 to `below` - 1."""
    return (words(seed, height * width) % np.uint64(below)).astype(np.uint8).reshape(height, width)
