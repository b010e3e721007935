"""How a time is taken: the best of some runs, because whatever else the machine does only ever adds to it; or, where
one is compared with another, the median of interleaved ones."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec

Arguments = ParamSpec("Arguments")

RUNS = 5


def best_s(work: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> float:
    taken = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work(*args, **kwargs)
        taken.append(time.perf_counter() - begun)
    return min(taken)


class Taken(NamedTuple):
    """In seconds."""

    cpu: float  # of the whole process, all its threads
    wall: float

    def per(self, count: int) -> "Taken":
        return Taken(self.cpu / count, self.wall / count)


def taken(work: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Taken:
    wall, cpu = time.perf_counter(), time.process_time()
    work(*args, **kwargs)
    return Taken(time.process_time() - cpu, time.perf_counter() - wall)


def median(times: Sequence[Taken]) -> Taken:
    return Taken(statistics.median(one.cpu for one in times), statistics.median(one.wall for one in times))
