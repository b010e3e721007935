"""Start of the live index from its files: `python -m benchmarks.start [--sizes 100k,1M]`.

Claim: with a million hashes enrolled a worker that starts answers its first search within 100 ms: it maps what is there and reads
from the store only what came since. Beside it: the start without files, when everything is read from the store and built. Each start is
a process of its own, whose imports are done before the clock runs. The store answers from memory here, and holds only what is
asked for: SQL's time for reading everybody comes on top of the start without files, and a few ms for two short queries on top of both.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks import corpus
from benchmarks.contest import number, table
from benchmarks.corpus import Hashes
from benchmarks.disk import forget
from benchmarks.sizes import size_of
from core.model import Enrolment, Fingerprint, HashChanges, HashRow, PersonId
from matcher import live
from matcher.live import LiveIndex

SEED: Final = 4
THRESHOLD: Final = 31
STARTS: Final = 5
VERSION: Final = 7


class Enrolled:
    """A store with so many people, one hash each, and nothing changed since the files were written."""

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes

    def version(self) -> int:
        return VERSION

    def changes(self, since: int) -> HashChanges:
        if since == VERSION:
            return HashChanges(version=VERSION, changed=(), removed=())
        rows = [HashRow(entry, "pdq", bits, THRESHOLD) for entry, bits in enumerate(self._hashes.digits)]
        return HashChanges(version=VERSION, changed=rows, removed=(), whole=True)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return {
            entry: Enrolment(
                person=PersonId(f"person-{entry}"),
                ref="one",
                fingerprint=_fingerprint(self._hashes[entry : entry + 1].digits[0]),
                threshold=THRESHOLD,
            )
            for entry in entries
        }

    def count(self) -> int:
        return len(self._hashes)

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return VERSION, list(self.get(range(len(self._hashes))).values())


def _fingerprint(bits: str) -> Fingerprint:
    return Fingerprint(hasher="pdq", view="full", bits=bits, quality=100)


class Started(NamedTuple):
    ready: float  # s, until it could be searched
    first: float  # s, of the first search of one picture
    found: int


def start(size: int, folder: Path | None) -> Started:
    """In a process of its own."""
    data = corpus.random(size, 2, 10, SEED)
    picture = [_fingerprint(data.queries.digits[0])]
    begun = time.perf_counter()
    index = LiveIndex(Enrolled(data.enrolled), folder)
    snapshot = index.now()
    ready = time.perf_counter()
    found = list(snapshot.matches(picture))
    answered = time.perf_counter()
    index.close()  # where there were no files yet, waits until they are written
    return Started(ready - begun, answered - ready, len(found))


def measure(sizes: Sequence[int] = (100_000, 1_000_000), starts: int = STARTS) -> None:
    print(f"ms, medians of {starts} starts, seed {SEED}\n")
    rows = []
    with (
        tempfile.TemporaryDirectory() as place,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        for size in sizes:
            folder = Path(place) / str(size)
            without = [pool.apply(start, (size, folder))]
            octets = sum(path.stat().st_size for path in folder.rglob("*.segment"))
            if not octets:
                raise SystemExit(f"{size} enrolled: too few for files of their own; the cure: more than {live.TAIL}")
            warm = [pool.apply(start, (size, folder)) for _ in range(starts)]
            cold = []
            for _ in range(starts):
                forget(folder)
                cold.append(pool.apply(start, (size, folder)))
            if {one.found for one in (*without, *warm, *cold)} != {1}:
                raise SystemExit(f"{size} enrolled: the planted copy was not found by every start")
            for name, measured in (
                ("from files, in memory", warm),
                ("from files, on disk", cold),
                ("no files yet", without),
            ):
                rows.append([f"{size:,}", name, *_medians(measured), f"{octets / size:,.0f}"])
    table(["enrolled", "start", "ready", "first search", "together", "bytes a hash on disk"], rows)


def _medians(measured: Sequence[Started]) -> list[str]:
    together = [(one.ready, one.first, one.ready + one.first) for one in measured]
    return [number(1e3 * statistics.median(column)) for column in np.array(together).T.tolist()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--sizes", default="100k,1M", help="how many are enrolled (default: %(default)s)")
    measure([size_of(text) for text in parser.parse_args().sizes.split(",")])
