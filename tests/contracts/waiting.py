import time
from collections.abc import Callable


def until(true: Callable[[], bool], within_s: float = 30) -> None:
    """Waits for something that is about to happen; the limit only ends a test that would otherwise hang."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
