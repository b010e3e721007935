"""How a time is taken: the best of some runs, because whatever else the machine does only ever adds to it."""

import time
from collections.abc import Callable
from typing import ParamSpec

Arguments = ParamSpec("Arguments")

RUNS = 5


def best_s(work: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> float:
    taken = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work(*args, **kwargs)
        taken.append(time.perf_counter() - begun)
    return min(taken)
