"""How this program starts itself."""

import sys


def command(*arguments: str, module: str = "stillwatch") -> list[str]:
    """With -P: a folder named config, core or web where somebody happens to stand must not be taken for ours."""
    return [sys.executable, "-P", "-m", module, *arguments]
