import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

HOLD = """
import sys
from pathlib import Path
from crawler.crawl import site_lock

with site_lock(Path(sys.argv[1]), sys.argv[2], wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def locked_elsewhere() -> Iterator[Callable[[Path, str], None]]:
    """Another process takes a site's lock until the test ends."""
    with ExitStack() as stack:

        def lock(folder: Path, site: str) -> None:
            command = [sys.executable, "-c", HOLD, str(folder), site]
            other = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"

        yield lock
