"""Corners: what it costs to take them, and to look for them among 10,000 enrolled pictures: `python -m benchmarks.corners --photos FOLDER`.

Enrolled are the photographs below each FOLDER but for those looked for, and as many as it takes cut and turned, too: to an index they
are other pictures, as alike as pictures of one kind are. Looked for are photographs of which none is enrolled (the common case: nothing
is near) and crops of enrolled ones.

Peers, in the same run: the same corners taken with NumPy alone; and each descriptor compared with every enrolled one, as OpenCV's
brute-force matcher does, with NumPy on a twentieth of them and counted twenty times.

    --photos FOLDER   may be given several times; nothing of them is kept
    --enrolled N      pictures (10,000)
    --asked N         pictures of each kind that are looked for (60)
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: on a busy machine two threads spin

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.clock import Taken, median, taken
from benchmarks.contest import number, table
from benchmarks.detection import halves
from core.model import CornerChanges, CornerRow, EnrolledPicture, Enrolment, Fingerprint, PersonId
from matcher.corners import Corners, extract, numpy_engine, packed
from matcher.local import CornerIndex
from matcher.views import CORNERS_CRAWLED, CORNERS_ENROLLED, CornerRecipe

Plane = NDArray[np.uint8]

TURNS: Final = (None, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_90, Image.Transpose.TRANSPOSE)
PEER_PART: Final = 20
SEED: Final = 4


class Store:
    """core.ports.EnrolledCorners, in a list."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        self._rows = rows

    def version(self) -> int:
        return 1

    def corner_changes(self, since: int) -> CornerChanges:  # noqa: ARG002 – asked once, it tells everything
        rows = [CornerRow(entry, corners) for entry, corners in enumerate(self._rows)]
        return CornerChanges(version=1, changed=rows, removed=(), whole=True)

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        one = Fingerprint(hasher="area", view="full", bits="0" * 64, quality=100)
        return {
            entry: EnrolledPicture(
                face=Enrolment(person=PersonId(str(entry)), ref="r", fingerprint=one, threshold=70), fingerprints=(one,)
            )
            for entry in entries
        }


def grey(path: Path) -> Image.Image:
    image = Image.open(path)
    image.draft("L", (1280, 1280))
    return ImageOps.exif_transpose(image).convert("L")


def small(image: Image.Image, recipe: CornerRecipe) -> Plane:
    scale = min(1.0, recipe.side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.BOX))


def corners(image: Image.Image, recipe: CornerRecipe) -> Corners:
    return extract(small(image, recipe), recipe.most, cells=recipe.cells)


def pictures(paths: Sequence[Path]) -> Iterator[Image.Image]:
    """Each photograph, then each cut and turned once more, and so on."""
    chance = np.random.default_rng(SEED)
    for turn in cycle(TURNS):
        for path in paths:
            yield grey(path) if turn is None else cut(grey(path), 0.6, chance).transpose(turn)


def cut(image: Image.Image, keep: float, chance: np.random.Generator) -> Image.Image:
    width, height = round(image.width * keep), round(image.height * keep)
    left, top = chance.integers(image.width - width + 1), chance.integers(image.height - height + 1)
    return image.crop((int(left), int(top), int(left) + width, int(top) + height))


def brute(enrolled: NDArray[np.uint64], seen: NDArray[np.uint64]) -> int:
    """How many descriptors have their nearest within 60 bits; any one number that needs all distances."""
    differing = np.zeros((len(seen), len(enrolled)), np.uint16)
    for word in range(4):
        differing += np.bitwise_count(seen[:, word, None] ^ enrolled[None, :, word])
    return int(np.count_nonzero(differing.min(axis=1) <= 60))


def measure(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.corners", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, action="append", required=True)
    parser.add_argument("--enrolled", type=int, default=10_000)
    parser.add_argument("--asked", type=int, default=60)
    chosen = parser.parse_args(arguments)
    paths = [path for half in halves(chosen.photos) for path in half]
    order = np.random.default_rng(SEED).permutation(len(paths))
    strangers = [paths[each] for each in order[: chosen.asked]]
    known = [paths[each] for each in order[chosen.asked :]]

    rows: list[bytes] = []
    for image in pictures(known):
        rows.append(packed(corners(image, CORNERS_ENROLLED)))
        if len(rows) == chosen.enrolled:
            break
        if sys.stderr.isatty():
            print(f"\r{len(rows):,} of {chosen.enrolled:,} pictures", end="", file=sys.stderr, flush=True)
    index = CornerIndex(Store(rows))
    building = taken(index.now)
    snapshot = index.now()
    descriptors = np.concatenate([each.descriptors for each in snapshot.corners.values()])

    chance = np.random.default_rng(SEED + 1)
    asked = {
        "a stranger": [grey(path) for path in strangers],
        "a crop of an enrolled one": [cut(grey(path), 0.7, chance) for path in known[: chosen.asked]],
    }
    lines = []
    for kind, images in asked.items():
        times: dict[str, list[Taken]] = {"taken": [], "numpy": [], "looked for": [], "brute": []}
        found = 0
        for image in images:
            plane = small(image, CORNERS_CRAWLED)
            grown = small(image, CORNERS_ENROLLED)
            seen = extract(plane, CORNERS_CRAWLED.most, cells=CORNERS_CRAWLED.cells)
            times["taken"].append(taken(extract, plane, CORNERS_CRAWLED.most, cells=CORNERS_CRAWLED.cells))
            times["numpy"].append(taken(numpy_engine.extract, plane, CORNERS_CRAWLED.most, CORNERS_CRAWLED.cells))
            times["looked for"].append(taken(index.matches, seen, grown, 100))
            times["brute"].append(taken(brute, descriptors[::PEER_PART], seen.descriptors))
            found += any(match.agreeing >= 8 for match in index.matches(seen, grown, 100))
        of = {name: median(each).cpu * 1000 for name, each in times.items()}
        of["brute"] *= PEER_PART
        lines.append(
            [
                kind,
                str(len(images)),
                number(of["taken"]),
                f"{number(of['numpy'])} ({number(of['numpy'] / of['taken'])} x)",
                number(of["looked for"]),
                f"{number(of['brute'])} ({number(of['brute'] / of['looked for'])} x)",
                str(found),
            ]
        )
    print(f"{len(rows):,} enrolled pictures, {len(descriptors):,} descriptors, indexed in {building.cpu:.1f} s.\n")
    table(
        [
            "looked for",
            "pictures",
            "taken, CPU ms",
            "NumPy alone",
            "looked for, CPU ms",
            "every pair",
            "8 corners agree",
        ],
        lines,
    )


if __name__ == "__main__":
    measure(sys.argv[1:])
