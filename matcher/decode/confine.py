"""What the child gives up before it sees a stranger's byte: memory without end, files, cores, new rights."""

import ctypes
import math
import resource
import sys
from pathlib import Path
from typing import Final

from matcher.decode import limits

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_OPEN_FILES: Final = 16  # the three standard ones and the pipe; nothing else is opened, the rest is for the C library


def confine() -> None:
    """Everything that will be needed must be imported and opened by now."""
    headroom = _address_space() + limits.MEMORY_HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (headroom, headroom))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def allow_cpu(seconds: float) -> None:
    """From now on. Beyond it the kernel ends this process with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(usage.ru_utime + usage.ru_stime + seconds), hard))


def _address_space() -> int:
    """Bytes mapped so far: the interpreter, NumPy, SciPy and the decoders, most of it never touched."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 2**30  # not Linux: a generous guess
    return pages * resource.getpagesize()
