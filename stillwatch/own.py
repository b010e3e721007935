"""How this program starts itself."""

import os
import sys


def part(*arguments: str, module: str = "stillwatch") -> list[str]:
    """The command for a child process that ends with us, however we end: see stillwatch/part.py.

    With -P: a folder named config, core or web where somebody happens to stand must not be taken for ours.
    """
    return [sys.executable, "-P", "-m", "stillwatch.part", str(os.getpid()), module, *arguments]
