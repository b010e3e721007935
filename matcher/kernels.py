"""How our kernels are found: plain C behind ctypes, built beside the Python module that calls it, where there was a compiler.

What a kernel computes NumPy computes, too. A kernel is used where it has given NumPy's answers on this machine; `refused` says why not.
"""

import ctypes
from collections.abc import Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

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
