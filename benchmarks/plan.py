"""Where the cut-offs of matcher/hamming/planner.py come from: `python -m benchmarks.plan`.

The banded index beside comparing every pair, by the kernel and by NumPy; the answers are the same. In the first table a figure above 1
means that the bands were faster by so much: over the sizes for SCAN_UPTO, over size times queries for FEW_PAIRS. The second goes up the
thresholds, and shows the part of all entries that the planner expects to lie in the buckets looked up: where the figure falls below 1 is
SCAN_ABOVE. Bit planes, full ones, are the third engine there; they are kept for what was seen, not for what is enrolled.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from benchmarks import corpus
from benchmarks.clock import Taken, median, taken
from benchmarks.contest import number, table, times, us
from benchmarks.corpus import Corpus
from matcher import hamming
from matcher.hamming import Bands, Pairs, Words, planner, slices

SEED: Final = 4
ROUNDS: Final = 5
AT_LEAST_S: Final = 0.01
QUERIES: Final = (1, 8, 32, 256, 1024)
SIZES: Final = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 64_000, 256_000)
THRESHOLDS: Final = {4: (15, 31, 40, 45, 50, 57, 63, 72, 80), 1: (3, 6, 8, 10, 12, 15)}  # by words of a hash
WIDE: Final = 500_000  # entries that the thresholds are tried on

Search = Callable[[Words], Pairs]


def measure(sizes: Sequence[int] = SIZES, wide: int = WIDE) -> None:
    for kind in ("kernel", "numpy"):
        if kind == "kernel" and hamming.engines() == ("numpy",):
            print("There is no kernel on this machine.\n")
            continue
        with hamming.engine(hamming.engines()[-1] if kind == "kernel" else "numpy"):
            _by_size(kind, sizes)
            for width, thresholds in THRESHOLDS.items():
                _by_threshold(kind, corpus.random(wide, max(QUERIES), 8, SEED, width), thresholds)


def _by_size(kind: str, sizes: Sequence[int]) -> None:
    print(f"### {kind}: how many times faster bands are than comparing every pair, 256 bits, threshold 31\n")
    rows = []
    for size in sizes:
        data = corpus.random(size, max(QUERIES), 40, SEED)
        bands = hamming.build(data.enrolled.words)
        cells = []
        for queries in QUERIES:
            by_bands, by_scan = _compared(data, queries, _engines(bands, data.enrolled.words, 31))
            cells.append(times(by_scan, by_bands))
        rows.append([f"{size:,}", *cells])
    table(["enrolled", *(f"{queries:,} queries" for queries in QUERIES)], rows)


def _by_threshold(kind: str, data: Corpus, thresholds: Sequence[int]) -> None:
    words = data.enrolled.words
    count, width = words.shape
    queries = 32
    print(f"### {kind}: {count:,} hashes of {64 * width} bits, {queries} queries at a time, CPU µs a query\n")
    bands = hamming.build(words)
    planes = slices.make(words, 64 * width)
    rows = []
    for threshold in thresholds:
        engines = [*_engines(bands, words, threshold), _by_planes(planes, words, threshold)]
        measured = _compared(data, queries, engines)
        rows.append([
            str(threshold), number(planner.share(count, width, threshold)), *map(us, measured), times(measured[1], measured[0]),
        ])  # fmt: skip
    table(["threshold", "expected share", "bands", "every pair", "bit planes", "bands are faster"], rows)


def _engines(bands: Bands, words: Words, threshold: int) -> tuple[Search, Search]:
    return (
        lambda asked: hamming.search(bands, asked, threshold),
        lambda asked: hamming.scan(words, asked, threshold),
    )


def _by_planes(planes: slices.Planes, words: Words, threshold: int) -> Search:
    return lambda asked: slices.search(planes, words, 64 * words.shape[1], asked, threshold)


def _compared(data: Corpus, queries: int, engines: Sequence[Search]) -> list[Taken]:
    """Interleaved, the median; the pairs found must be the same."""
    asked = data.queries.words[:queries]
    answers = [_set(search(asked)) for search in engines]
    if any(answer != answers[0] for answer in answers):
        raise SystemExit(f"{len(data.enrolled)} enrolled, {queries} queries: the engines answer differently")
    measured: list[list[Taken]] = [[] for _ in engines]
    for _ in range(ROUNDS):
        for search, times_taken in zip(engines, measured, strict=True):
            times_taken.append(_repeated(search, asked))
    return [median(each).per(queries) for each in measured]


def _repeated(search: Search, asked: Words) -> Taken:
    """One call, as the mean of as many as take long enough to be measured."""
    cpu = wall = 0.0
    calls = 0
    while wall < AT_LEAST_S:
        time = taken(search, asked)
        cpu, wall, calls = cpu + time.cpu, wall + time.wall, calls + 1
    return Taken(cpu, wall).per(calls)


def _set(pairs: Pairs) -> set[tuple[int, int, int]]:
    return set(zip(*(np.asarray(column).tolist() for column in pairs), strict=True))


if __name__ == "__main__":
    measure()
