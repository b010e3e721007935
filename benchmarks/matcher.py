"""Search among enrolled hashes, beside what others use for it: `python -m benchmarks.matcher [--quick] [--sizes 10k,1M] [--only PART,…]`.

Claims: the same answer as comparing every pair, how many times sooner than the best exact index of faiss and than its
IndexBinaryFlat, in the same run on the same data; what an index takes to be built, to answer first, and to be held; and the same for
the large radii of regions and the many queries of local descriptors. Prints Markdown for benchmarks/README.md; `--plot FILE` draws
the growth.
"""

import os

# Before faiss and NumPy: threads of theirs that wait must not spin, for that would be counted as the next one's CPU time.
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import faiss
import numpy as np

from benchmarks import corpus, growth, peers
from benchmarks.clock import Taken
from benchmarks.contest import Built, Contest, Pace, best, fastest, number, table, times, us
from benchmarks.corpus import Corpus, Hashes
from benchmarks.peers import FLAT, OURS, Answer, Peer, Searching
from benchmarks.sizes import size_of
from matcher.hamming import Pairs, kernel

SEED: Final = 4
THRESHOLD: Final = 31
REGIONS: Final = (45, 57, 63, 80)
CORNERS: Final = (10, 12, 14)
AN_IMAGE: Final = 400  # descriptors that one image asks for
MIXED: Final = (16, 24, 31, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    photographs: tuple[int, ...] = (100_000, 1_000_000)
    queries: int = 1024
    regions: int = 2_000_000
    corners: int = 1_500_000
    short: int = 1_000_000  # hashes of 64 bits
    mixed: int = 1_000_000
    pace: Pace = field(default_factory=Pace)

    @property
    def batches(self) -> tuple[int, ...]:
        return (1, min(32, self.queries), self.queries)


QUICK: Final = Extent(
    sizes=(10_000, 100_000), photographs=(100_000,), regions=200_000, corners=150_000, short=100_000, mixed=100_000,
    pace=Pace(rounds=3, at_least_s=0.02, at_most_s=0.5),
)  # fmt: skip


# --- Interchange: PDQ at its published threshold


@dataclass(frozen=True, slots=True)
class Curve:
    """What the plot and the summary are made of."""

    size: int
    corpus: str
    alone: dict[int, dict[str, Taken]]  # by batch, on one thread


def interchange(extent: Extent, curves: list[Curve]) -> None:
    curves.extend(_interchange(corpus.random(size, extent.queries, 45, SEED), extent) for size in extent.sizes)


def photographs(extent: Extent, curves: list[Curve]) -> None:
    curves.extend(_interchange(corpus.pdq(size, extent.queries, SEED), extent) for size in extent.photographs)


def _interchange(data: Corpus, extent: Extent) -> Curve:
    size = len(data.enrolled)
    at_random = data.name == "random"
    contest = Contest(data, THRESHOLD, extent.pace)
    # usearch finds the nearest so many; of photographs more than that lie within the threshold.
    others = [peer for peer in peers.PEERS if at_random or not peer.name.startswith("usearch")]
    assert len(data.enrolled.octets) == size  # made before the clock runs
    if at_random and size <= peers.THREATEXCHANGE_MOST:
        assert len(data.enrolled.digits) == size
    contest.enter([*peers.stillwatch(), *others, *_best_setting(data)])

    alone = {batch: contest.compete(THRESHOLD, batch) for batch in extent.batches}
    together = contest.compete(THRESHOLD, extent.queries, threads=2)

    print(f"### {size:,} hashes of 256 bits, {data.name}, threshold {THRESHOLD}\n")
    pairs = len(contest.expected(THRESHOLD).rows)
    print(
        f"{extent.queries:,} queries, {pairs:,} pairs. CPU µs a query on one thread, and how many times IndexBinaryFlat's speed.\n"
    )
    head = [
        "",
        *(f"batch {batch:,}" for batch in extent.batches),
        "wall",
        "wall, 2 threads",
        "build, s",
        "first search, ms",
        "bytes a hash",
        "answers",
    ]
    table(head, [_row(one, contest, alone, together, extent) for one in contest.built])
    return Curve(size, data.name, alone)


def _best_setting(data: Corpus) -> list[Peer]:
    """The multi-hash of faiss whose setting turns out best here; none where it would take minutes and gigabytes."""
    size = len(data.enrolled)
    if size > 2_000_000:
        return []
    settings = peers.SETTINGS if size <= 200_000 else peers.SETTINGS_OF_MILLIONS
    candidates = [Peer(name=peers.named(one), build=partial(peers.multi_hash, one)) for one in settings]
    return [fastest(candidates, data, THRESHOLD)]


def _row(
    one: Built, contest: Contest, alone: dict[int, dict[str, Taken]], together: dict[str, Taken], extent: Extent
) -> list[str]:
    name = one.peer.name
    cells = []
    for measured in alone.values():
        faster = times(measured.get(FLAT), measured.get(name))
        cells.append("-" if name not in measured else f"{us(measured[name])} ({faster})")
    walls = [number(each[name].wall * 1e6) if name in each else "-" for each in (alone[extent.queries], together)]
    held = f"{one.held / len(contest.corpus.enrolled):,.0f}" if len(contest.corpus.enrolled) >= 100_000 else ""
    answers = "the same" if one.peer.exact else f"{100 * one.found / max(1, one.expected):.1f} % found"
    whole = extent.queries if extent.queries in alone and name in alone[extent.queries] else extent.batches[1]
    return [name, *cells, *walls, number(one.build.cpu), number(one.first.cpu * 1e3), held, f"{answers}, {whole:,}"]


def summary(curves: Sequence[Curve]) -> None:
    """Ratios in the same run. Exact peers only."""
    print(f"### {OURS} beside faiss, threshold {THRESHOLD}, one thread\n")
    rows = []
    for curve in curves:
        for batch, measured in curve.alone.items():
            names = [name for name in measured if name == FLAT or "MultiHash" in name]
            rival = best(measured, names)
            mine = measured[OURS]
            numpy = next((measured[name] for name in measured if name.startswith(f"{OURS}, numpy")), None)
            rows.append([
                f"{curve.size:,} {curve.corpus}", f"{batch:,}", us(mine), us(rival), times(rival, mine),
                us(measured[FLAT]), times(measured[FLAT], mine), times(measured[FLAT], numpy),
            ])  # fmt: skip
    table(
        [
            "enrolled",
            "batch",
            f"{OURS}, µs",
            "best exact faiss, µs",
            "ratio",
            "IndexBinaryFlat, µs",
            "ratio",
            "by NumPy",
        ],
        rows,
    )


def curves_of(curves: Sequence[Curve]) -> dict[str, list[tuple[int, float]]]:
    """The middle batch, in which most peers answer in time; data drawn at random; the best settings of the multi-hash are one line."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for curve in curves:
        if curve.corpus == "random":
            measured = sorted(curve.alone.items())[1][1]
            for name, time in measured.items():
                tried = "MultiHash" in name and name != peers.named(peers.AS_THREATEXCHANGE)
                lines.setdefault("faiss IndexBinaryMultiHash, best setting" if tried else name, []).append(
                    (curve.size, time.cpu * 1e6)
                )
    return lines


# --- Regions: radii at which no index of bands helps


def regions(extent: Extent, _curves: list[Curve]) -> None:
    data = corpus.random(extent.regions, 64, max(REGIONS) + 4, SEED)
    contest = Contest(data, max(REGIONS), extent.pace)
    contest.enter([*peers.stillwatch(), peers.flat()])

    print(f"### Regions: {extent.regions:,} hashes of 256 bits, random, 8 queries at a time\n")
    _by_threshold(contest, REGIONS, 8, 1e6, "CPU µs a query")


def _by_threshold(contest: Contest, thresholds: Sequence[int], batch: int, unit: float, what: str) -> None:
    print(f"{what}, one thread. Built in {_built(contest)}.\n")
    names = [one.peer.name for one in contest.built]
    rows = []
    for threshold in thresholds:
        measured = contest.compete(threshold, batch)
        cells = [number(measured[name].cpu * unit) if name in measured else "-" for name in names]
        pairs = f"{len(contest.expected(threshold).rows):,}"
        rival = best(measured, [name for name in names if not name.startswith(OURS)])
        rows.append(
            [str(threshold), *cells, times(measured[FLAT], measured[OURS]), times(rival, measured[OURS]), pairs]
        )
    table(["threshold", *names, "Flat, x", "the best exact, x", "pairs, the same"], rows)


def _built(contest: Contest) -> str:
    return ", ".join(f"{number(one.build.cpu)} s ({one.peer.name})" for one in contest.built)


# --- Local descriptors: hundreds of queries an image


def corners(extent: Extent, _curves: list[Curve]) -> None:
    for make in (partial(corpus.random, most=max(CORNERS) + 2), corpus.descriptors):
        data = make(extent.corners, AN_IMAGE, seed=SEED)
        contest = Contest(data, max(CORNERS), extent.pace)
        # Sixteen hashes, none flipped, are exact up to 15 bits.
        sixteen = Peer(name=peers.named((16, 16, 0)), build=partial(peers.multi_hash, (16, 16, 0)))
        contest.enter([*peers.stillwatch(), peers.flat(), sixteen])

        print(f"### Local descriptors: {extent.corners:,} of 256 bits, {data.name}, {AN_IMAGE} queries an image\n")
        _by_threshold(contest, CORNERS, AN_IMAGE, 1e3 * AN_IMAGE, "CPU ms an image")


# --- pHash: 64 bits


def short(extent: Extent, _curves: list[Curve]) -> None:
    """The multi-hash of faiss must flip more bits for the larger threshold: two of them, each at its own."""
    for data in (
        corpus.random(extent.short, extent.queries, 12, SEED, width=1),
        corpus.phash(extent.short, extent.queries, SEED),
    ):
        print(f"### pHash: {extent.short:,} hashes of 64 bits, {data.name}, {extent.queries:,} queries at a time\n")
        for threshold, flipped in ((6, 1), (10, 2)):
            contest = Contest(data, threshold, extent.pace)
            four = Peer(name=peers.named((4, 16, flipped)), build=partial(peers.multi_hash, (4, 16, flipped)))
            contest.enter([*peers.stillwatch(), peers.flat(), four])
            contest.compete(threshold, 1)  # tells who would take too long
            _by_threshold(contest, (threshold,), extent.queries, 1e6, "CPU µs a query")


# --- A threshold of its own for each entry


@dataclass(frozen=True, slots=True)
class Mixed:
    """Asked at the widest threshold; an entry keeps what its own allows."""

    inner: Searching
    thresholds: np.ndarray[tuple[int], np.dtype[np.int64]]

    def search(self, queries: Hashes, threshold: int, threads: int) -> Answer:
        found = self.inner.search(queries, threshold, threads)()
        allowed = found.distances <= self.thresholds[found.entries]
        kept = Pairs(found.rows[allowed], found.entries[allowed], found.distances[allowed])
        return lambda: kept


def mixed(extent: Extent, _curves: list[Curve]) -> None:
    data = corpus.random(extent.mixed, extent.queries, max(MIXED) + 4, SEED)
    thresholds = np.random.default_rng(SEED).choice(MIXED, extent.mixed).astype(np.int64)
    contest = Contest(data, max(MIXED), extent.pace)
    contest.enter([_mixed(peer, thresholds) for peer in (*peers.stillwatch(), peers.flat())])

    print(
        f"### Thresholds of their own: {extent.mixed:,} hashes of 256 bits, random, at {', '.join(map(str, MIXED))} in turn\n"
    )
    _by_threshold(contest, (max(MIXED),), extent.queries, 1e6, f"{extent.queries:,} queries at a time, CPU µs a query")


def _mixed(peer: Peer, thresholds: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Peer:
    return replace(peer, build=lambda hashes, largest: Mixed(peer.build(hashes, largest), thresholds))


PARTS: Final[dict[str, Callable[[Extent, list[Curve]], None]]] = {
    "interchange": interchange,
    "photographs": photographs,
    "regions": regions,
    "corners": corners,
    "short": short,
    "mixed": mixed,
}


def measure(extent: Extent = Extent(), parts: Sequence[str] = tuple(PARTS), plot: Path | None = None) -> None:
    begun = time.monotonic()
    _machine()
    curves: list[Curve] = []
    for part in parts:
        PARTS[part](extent, curves)
    if curves:
        summary(curves)
    lines = curves_of(curves)
    if plot is not None and lines:
        growth.plot(lines, f"256 bits, threshold {THRESHOLD}, {extent.batches[1]} queries at a time, one thread", plot)
    print(f"{time.monotonic() - begun:.0f} s for all of it.")


def _machine() -> None:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    print(
        f"{processor}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, faiss {faiss.__version__} ({faiss.get_compile_options().strip()}); "
        f"{OURS}: {kernel.describe()}; seed {SEED}.\n"
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matcher", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data: half a minute")
    parser.add_argument("--sizes", help="how many are enrolled, e.g. 10k,100k,1M,10M")
    parser.add_argument("--only", default=",".join(PARTS), help="some of: %(default)s")
    parser.add_argument("--plot", type=Path, help="where to draw the growth, as SVG")
    asked = parser.parse_args()
    unknown = set(asked.only.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    return asked


if __name__ == "__main__":
    asked = _asked()
    extent = QUICK if asked.quick else Extent()
    if asked.sizes:
        extent = replace(extent, sizes=tuple(size_of(size) for size in asked.sizes.split(",")))
    measure(extent, asked.only.split(","), asked.plot)
