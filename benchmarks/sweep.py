"""A sweep through everything seen: `python -m benchmarks.sweep [--seen 10M] [--folder FOLDER]`.

Claim: ten million seen hashes against the eight turns of one new picture within half a second from a cold disk, one process. The
segments are those that the crawler writes, sealed by stores/seen, read by its reader and judged by matcher/sweep.py; planted copies
must be found, all of them and nothing else. FOLDER keeps the segments, so that the next run need not write them (two minutes).

Beside it, on the same segments: their rows read and compared by faiss's IndexBinaryFlat.
"""

import os

os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import gc
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import faiss
import numpy as np

from benchmarks import corpus
from benchmarks.clock import Taken, median, taken
from benchmarks.contest import number, table, times
from benchmarks.corpus import Hashes
from benchmarks.disk import forget
from benchmarks.sizes import size_of
from core.model import Enrolment, Fingerprint, PersonId
from matcher import sweep
from matcher.hamming import Words, slices
from stores.seen import LocalShelf, SeenSegments
from stores.seen.log import Contents, Record
from stores.seen.naming import micros, site_folder
from stores.seen.segment import Layout, layout, sealed_file

SEED: Final = 4
THRESHOLD: Final = 31
TURNS: Final = 8
PICTURES: Final = (1, 8)  # enrolled at once
A_SEGMENT: Final = 200_000  # fingerprints, as the crawler seals them
A_PICTURE: Final = 4  # fingerprints
PLANTED: Final = 16  # copies of the first enrolled picture
SITE: Final = "gallery"
LAYOUTS: Final[dict[str, Layout]] = {"pdq": partial(slices.planes_of, bits=256)}
ROUNDS: Final = 3


def write(folder: Path, seen: int) -> None:
    """As sealing does, from records as a log has them; only the log itself is left out."""
    shelf = LocalShelf(folder)
    chance = np.random.default_rng(SEED)
    planted = _planted(seen)
    when = micros(datetime(2026, 1, 1, tzinfo=UTC))
    for start in range(0, seen, A_SEGMENT):
        words = chance.integers(0, 2**64, size=(min(A_SEGMENT, seen - start), 4), dtype=np.uint64)
        for row, copy in planted.items():
            if start <= row < start + len(words):
                words[row - start] = copy
        contents = Contents(SITE, when, list(_records(Hashes(words), start, when)), 0, 0)
        file = sealed_file(contents, site_folder(SITE), f"{start:012}")
        shelf.put(file, layout(contents, LAYOUTS))


def _planted(seen: int) -> dict[int, Words]:
    """Rows that are copies of the first turn of the first picture: half of them near enough, half of them by one bit not."""
    chance = np.random.default_rng(SEED + 1)
    first = _enrolled(1).words[0]
    rows = chance.choice(seen // A_PICTURE, min(PLANTED, seen // A_PICTURE), replace=False) * A_PICTURE
    return {int(row): corpus.flipped(first, THRESHOLD + number % 2, chance) for number, row in enumerate(rows)}


def _enrolled(pictures: int) -> Hashes:
    return Hashes(np.random.default_rng(SEED + 2).integers(0, 2**64, size=(TURNS * pictures, 4), dtype=np.uint64))


def _records(hashes: Hashes, start: int, when: int) -> Iterator[Record]:
    bits = hashes.digits
    for first in range(0, len(bits), A_PICTURE):
        number = start + first
        prints = ",".join(
            f'["pdq","full@{at}",100,"{each}"]' for at, each in enumerate(bits[first : first + A_PICTURE])
        )
        url = f"https://gallery.example/pictures/{number}"
        text = f'["{url}.html","{url}.jpg","{_digest(number)}",[{prints}]]'
        yield Record(when + number, number, len(bits[first : first + A_PICTURE]), text.encode())


def _digest(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def ours(folder: Path, asked: Hashes) -> set[str]:
    """What a worker does for each segment of a sweep; returns the pictures found."""
    looked_for = sweep.Asked(
        Enrolment(
            person=PersonId(f"person-{number // TURNS}"),
            ref="one",
            fingerprint=Fingerprint(hasher="pdq", view=f"turn-{number % TURNS}", bits=bits, quality=100),
            threshold=THRESHOLD,
        )
        for number, bits in enumerate(asked.digits)
    )
    store = SeenSegments(folder / "no logs", LocalShelf(folder), layouts=LAYOUTS)
    found = set()
    for segment in store.segments():
        with store.blocks(segment.name) as blocks:
            found |= {each.sha256 for each in sweep.find(looked_for, blocks, partial(store.places, segment.name))}
    return found


def flat(folder: Path, asked: Hashes) -> set[str]:
    """The rows are read and indexed segment by segment. Which picture a row belongs to is known here without looking it up."""
    faiss.omp_set_num_threads(1)
    store = SeenSegments(folder / "no logs", LocalShelf(folder), layouts=LAYOUTS)
    queries = asked.words.view(np.uint8)  # both as they lie in memory
    found = set()
    for segment in store.segments():
        start = int(segment.name.rpartition("/")[2])
        with store.blocks(segment.name) as blocks:
            for block in blocks:
                index = faiss.IndexBinaryFlat(256)
                index.add(np.frombuffer(block.rows, np.uint8).reshape(block.count, 32))
                _, _, rows = index.range_search(queries, THRESHOLD + 1)
                found |= {_digest(start + row // A_PICTURE * A_PICTURE) for row in rows.tolist()}
    return found


def measure(seen: int = 10_000_000, folder: Path | None = None, rounds: int = ROUNDS) -> None:
    with tempfile.TemporaryDirectory() as place:
        kept = (folder or Path(place)) / f"seen-{seen}"
        if not kept.exists():
            unfinished = kept.with_suffix(".unfinished")
            writing = taken(write, unfinished, seen)
            unfinished.rename(kept)
            print(f"Segments written in {writing.wall:.0f} s: {1e6 * writing.cpu / seen:.1f} µs of CPU a hash.\n")
        octets = forget(kept)
        print(
            f"### {seen:,} seen hashes of 256 bits, {octets / seen:,.0f} bytes each on disk with their places; threshold {THRESHOLD}, "
            f"one process, s, medians of {rounds}\n"
        )
        rows = [_row(kept, _enrolled(pictures), pictures, rounds) for pictures in PICTURES]
        head = ["asked", "Stillwatch, cold", "CPU", "Stillwatch, warm", "CPU", "faiss Flat, cold", "CPU"]
        table([*head, "faiss Flat, warm", "CPU", "cold, x", "warm, x"], rows)


def _row(folder: Path, asked: Hashes, pictures: int, rounds: int) -> list[str]:
    near = {_digest(row) for row, copy in _planted(_seen(folder)).items() if _apart(copy, asked.words[0]) <= THRESHOLD}
    measured: dict[tuple[str, bool], list[Taken]] = {}
    for _ in range(rounds):
        for name, work in (("ours", ours), ("flat", flat)):
            for cold in (True, False):
                measured.setdefault((name, cold), []).append(_once(work, folder, asked, near, cold=cold))
    middle = {key: median(each) for key, each in measured.items()}
    cells = [number(value) for key in measured for value in (middle[key].wall, middle[key].cpu)]
    ratios = [times(middle["flat", cold], middle["ours", cold], lambda taken: taken.wall) for cold in (True, False)]
    return [f"{pictures} x {TURNS} turns", *cells, *ratios]


def _once(
    work: Callable[[Path, Hashes], set[str]], folder: Path, asked: Hashes, near: set[str], *, cold: bool
) -> Taken:
    gc.collect()  # nothing of an earlier round is mapped any more
    if cold:
        forget(folder)
    answers: list[set[str]] = []
    time = taken(lambda: answers.append(work(folder, asked)))
    if answers != [near]:
        raise SystemExit(
            f"{work.__name__}: {len(answers[0] & near)} of {len(near)} planted copies, {len(answers[0] - near)} others"
        )
    return time


def _seen(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])


def _apart(one: Words, other: Words) -> int:
    return int(np.bitwise_count(one ^ other).sum())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("--seen", default="10M", help="how many hashes were seen (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the segments are kept for the next run")
    asked = parser.parse_args()
    measure(size_of(asked.seen), asked.folder)
