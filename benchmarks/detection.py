"""Copy detection on photographs and edits that were not seen while it was built: `python -m benchmarks.detection --photos FOLDER`.

The photographs below each FOLDER are split in two by their content's digest. One half was looked at while views, limits and corners were
chosen; everything reported is of the other half: enrolled pictures, edited pictures and unrelated ones. Edits are drawn with the printed
seed (benchmarks/edits.py), none with numbers that were used before. What stands around a copy, in collages and screens, is of the first
half and not enrolled. A photograph that a set holds twice is taken once.

Reported: recall a family and method, with its 95 % interval (Wilson); false matches over all pairs of an edited picture and an enrolled
one that it is no copy of; what unrelated pictures lead to. Peers in the same run: `imagehash.phash` at 10 bits and `pdqhash` at 31, as
python-threatexchange calls it, on every query; `imagehash.crop_resistant_hash` on a few, since it takes half a second a picture.

    --photos FOLDER   may be given several times; for instance the public sets EliSchwartz/imagenet-sample-images and
                      alexeygrigorev/clothing-dataset. Nothing of them is kept
    --bases N         photographs that are edited, each by every family (100)
    --enrolled N      at most, of the second half (4000)
    --seed N          of the edits (20261127)
    --write FILE.md   writes the table between the marks in that file, and the plot beside it
    --build           report on the first half instead: for choosing, never for quoting
    --rows FILE       also writes one JSON line a query
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: on a busy machine two threads spin

import argparse
import hashlib
import io
import json
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import imagehash
import numpy as np
import pdqhash
from PIL import Image, ImageOps

from benchmarks import detection_report
from benchmarks.edits import FAMILIES, edited
from core.model import (
    CornerChanges,
    CornerRow,
    EnrolledPicture,
    Enrolment,
    Evidence,
    Finding,
    Fingerprint,
    HashChanges,
    HashedPicture,
    HashRow,
    PersonId,
    Tier,
)
from matcher.decode.decoder import Decoder
from matcher.examine import MatchingExaminer
from matcher.hamming import Words
from matcher.hashers import HASHERS
from matcher.index import words
from stores.rules import enrolled_picture, enrolments

THRESHOLDS: Final = {name: hasher.default_threshold for name, hasher in HASHERS.items()}
SURE: Final = (Tier.CONFIRMED, Tier.PROBABLE)
CROP_RESISTANT_BASES: Final = 4
PROPS: Final = 6
SAME: Final = 8  # bits of 256: no edit at all


@dataclass
class Enrolled:
    """Everybody who is enrolled, one person a picture: core.ports.EnrolledHashes and EnrolledCorners in a list."""

    held: list[Enrolment] = field(default_factory=list)
    corners: list[bytes] = field(default_factory=list)
    pictures: list[EnrolledPicture] = field(default_factory=list)

    def add(self, person: str, picture: HashedPicture) -> None:
        made = enrolments(PersonId(person), picture.ref, picture, THRESHOLDS)
        self.held += made
        self.pictures.append(enrolled_picture(made))
        self.corners.append(picture.local or b"")

    def version(self) -> int:
        return 1

    def changes(self, since: int) -> HashChanges:
        rows = [
            HashRow(entry, one.fingerprint.hasher, one.fingerprint.bits, one.threshold)
            for entry, one in enumerate(self.held)
        ]
        return HashChanges(version=1, changed=rows if since == 0 else (), removed=(), whole=since == 0)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return {entry: self.held[entry] for entry in entries}

    def count(self) -> int:
        return len(self.held)

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return 1, self.held

    def corner_changes(self, since: int) -> CornerChanges:
        rows = [CornerRow(entry, corners) for entry, corners in enumerate(self.corners)]
        return CornerChanges(version=1, changed=rows if since == 0 else (), removed=(), whole=since == 0)

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        return {entry: self.pictures[entry] for entry in entries}


@dataclass(frozen=True)
class Answer:
    """What one method said of one query."""

    found: bool
    false: int
    review: bool = False
    false_review: int = 0
    evidence: Evidence | None = None
    others: tuple[tuple[str, str, int, int], ...] = ()  # whoever was wrongly found: picture, tier, distance, corners


def halves(folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Those that were looked at while building, and the others. By content, so that no copy of one file is in both."""
    kinds = {".jpg", ".jpeg", ".png"}
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in kinds)
    split: tuple[list[Path], list[Path]] = ([], [])
    seen: set[bytes] = set()
    for path in files:
        digest = hashlib.sha256(path.read_bytes()).digest()
        if digest not in seen:
            seen.add(digest)
            split[digest[0] % 2].append(path)
    return split


def photograph(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def pdq_of(data: bytes) -> Words:
    """As python-threatexchange does: whatever Pillow opens, as it lies in the file. _NO_HASH where pdqhash refuses the shape."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    try:
        bits, quality = pdqhash.compute(pixels)
    except (ValueError, TypeError, RuntimeError):
        return _NO_HASH
    if quality < 50:  # as it is recommended there
        return _NO_HASH
    packed: Words = np.packbits(np.asarray(bits).astype(bool)).view(">u8").astype(np.uint64)
    return packed


def phash_of(data: bytes) -> Words:
    bits = np.asarray(imagehash.phash(Image.open(io.BytesIO(data))).hash).ravel()
    packed: Words = np.packbits(bits).view(">u8").astype(np.uint64)
    return packed


_NO_HASH: Final[Words] = np.zeros(4, np.uint64)  # nothing that is hashed comes near


class Peers:
    """The hashes that others use, of every enrolled picture."""

    def __init__(self) -> None:
        self._pdq: list[Words] = []
        self._phash: list[Words] = []

    def add(self, data: bytes) -> None:
        self._pdq.append(pdq_of(data))
        self._phash.append(phash_of(data))

    def answers(self, data: bytes, mine: int | None) -> dict[str, Answer]:
        return {
            "pdqhash ≤ 31": _near(np.stack(self._pdq), pdq_of(data), 31, mine),
            "imagehash.phash ≤ 10": _near(np.stack(self._phash), phash_of(data), 10, mine),
        }


def _near(enrolled: Words, query: Words, most: int, mine: int | None) -> Answer:
    near = (np.bitwise_count(enrolled ^ query).sum(axis=1) <= most) & enrolled.any(axis=1) & query.any()
    own = mine is not None and bool(near[mine])
    return Answer(found=own, false=int(np.count_nonzero(near)) - own)


def ours(findings: Sequence[Finding], mine: int | None) -> Answer:
    own = next((one for one in findings if mine is not None and one.match.enrolment.person == str(mine)), None)
    others = [one for one in findings if one is not own]
    return Answer(
        found=own is not None and own.tier in SURE,
        false=sum(one.tier in SURE for one in others),
        review=own is not None,
        false_review=len(others),
        evidence=None if own is None else own.match.evidence,
        others=tuple(
            (str(one.match.enrolment.person), one.tier.value, one.match.distance, one.match.agreeing) for one in others
        ),
    )


class Contest:
    """Everything enrolled, and both of our examiners over it."""

    def __init__(self, decoder: Decoder, paths: Sequence[Path]) -> None:
        self.decoder = decoder
        self.paths: list[Path] = []
        self.peers = Peers()
        self.enrolled = Enrolled()
        self._full: list[Words] = []
        begun = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            for number, (path, picture) in enumerate(zip(paths, pool.map(self._hashed, paths), strict=True), 1):
                if picture is not None and not self._known(picture):
                    self.enrolled.add(str(len(self.paths)), picture)
                    self.peers.add(path.read_bytes())
                    self.paths.append(path)
                _progress(number, len(paths), "enrolled", begun)
        self.with_corners = MatchingExaminer(self.enrolled, decoder, corners=self.enrolled)
        self.hashes_only = MatchingExaminer(self.enrolled, decoder)

    def _known(self, picture: HashedPicture) -> bool:
        """Whether the set holds this very photograph twice, stored anew."""
        full = words([one.bits for one in picture.fingerprints if one.hasher == "area" and one.view == "full"])
        met = np.concatenate([np.empty((0, 4), np.uint64), *self._full])
        known = len(full) > 0 and bool((np.bitwise_count(met ^ full[:1]).sum(axis=1) <= SAME).any())
        if not known:
            self._full.append(full)
        return known

    def _hashed(self, path: Path) -> HashedPicture | None:
        reading = self.decoder.read(path.read_bytes(), turns=True, corners=True)
        if reading.obstacle is not None or not reading.scenes:
            return None
        return HashedPicture(
            ref="r",
            quality=max(one.quality for one in reading.fingerprints),
            fingerprints=_of_one_frame(reading.fingerprints),
            local=reading.scenes[0].corners,
        )

    def answers(self, data: bytes, mine: int | None) -> dict[str, Answer]:
        reading = self.decoder.read(data, corners=True)
        return {
            "with corners": ours(self.with_corners.findings(reading), mine),
            "hashes only": ours(self.hashes_only.findings(reading), mine),
            **self.peers.answers(data, mine),
        }


def _of_one_frame(fingerprints: Sequence[Fingerprint]) -> tuple[Fingerprint, ...]:
    return tuple(one for one in fingerprints if "@" not in one.view)


def queries(
    paths: Sequence[Path], bases: Sequence[int], props: Sequence[Path], seed: int
) -> Iterator[tuple[str, int, bytes]]:
    """(family, which enrolled picture, file)"""
    for number, base in enumerate(bases):
        around = [photograph(props[(number * PROPS + each) % len(props)]) for each in range(PROPS)]
        source = photograph(paths[base])
        for family in FAMILIES:
            yield family.name, base, edited(family, source, seed, number, around)


def crop_resistant(
    paths: Sequence[Path], bases: Sequence[int], props: Sequence[Path], seed: int
) -> dict[str, list[Answer]]:
    enrolled = {base: imagehash.crop_resistant_hash(photograph(paths[base])) for base in bases}
    answers: dict[str, list[Answer]] = defaultdict(list)
    for family, base, data in queries(paths, bases, props, seed):
        seen = imagehash.crop_resistant_hash(Image.open(io.BytesIO(data)).convert("RGB"))
        matched = {each for each, known in enrolled.items() if seen.matches(known)}
        answers[family].append(Answer(found=base in matched, false=len(matched - {base})))
    return answers


def _others(contest: Contest, answer: Answer) -> list[tuple[str, str, int, int]]:
    """Whoever was found, by the name of the photograph."""
    return [(contest.paths[int(person)].name, tier, bits, corners) for person, tier, bits, corners in answer.others]


def _progress(done: int, of: int, what: str, begun: float) -> None:
    if done == of or (done % 20 == 0 and sys.stderr.isatty()):
        end = "\n" if done == of else ""
        print(f"\r{done:,} of {of:,} {what}, {time.monotonic() - begun:.0f} s", end=end, file=sys.stderr, flush=True)


def measure(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, action="append", required=True)
    parser.add_argument("--bases", type=int, default=100)
    parser.add_argument("--enrolled", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--unrelated", type=int, default=1000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--rows", type=Path)
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    built, kept = halves(chosen.photos)
    if chosen.build:
        built, kept = kept, built
    order = np.random.default_rng(chosen.seed)
    paths = [kept[each] for each in order.permutation(len(kept))[: chosen.enrolled]]
    props = [built[each] for each in order.permutation(len(built))]
    with Decoder(children=2) as decoder:
        contest = Contest(decoder, paths)
        bases = range(min(chosen.bases, len(contest.paths)))
        result = detection_report.Result(
            photographs=len(contest.paths),
            bases=len(bases),
            seed=chosen.seed,
            half="first" if chosen.build else "second",
        )
        begun, total = time.monotonic(), len(bases) * len(FAMILIES)
        rows = []
        with ThreadPoolExecutor(2) as pool:
            work = queries(contest.paths, bases, props, chosen.seed)
            done = 0
            while chunk := list(islice(work, 2 * len(FAMILIES))):
                for (family, base, _), answers in zip(
                    chunk, pool.map(lambda query: contest.answers(query[2], query[1]), chunk), strict=True
                ):
                    result.add(family, answers)
                    rows.append(
                        {"family": family, "base": contest.paths[base].name} | {k: vars(v) for k, v in answers.items()}
                    )
                done += len(chunk)
                _progress(done, total, "edited pictures looked at", begun)
            unrelated = props[: chosen.unrelated]
            for path, answers in zip(
                unrelated, pool.map(lambda path: contest.answers(path.read_bytes(), None), unrelated), strict=True
            ):
                result.add_unrelated(answers)
                others = {name: _others(contest, answer) for name, answer in answers.items() if answer.others}
                rows.append({"family": "unrelated", "base": path.name} | others)
        result.crop_resistant = crop_resistant(contest.paths, list(bases)[:CROP_RESISTANT_BASES], props, chosen.seed)
    if chosen.rows is not None:
        chosen.rows.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
    print(detection_report.table(result))
    if chosen.write is not None:
        detection_report.write(result, chosen.write)


if __name__ == "__main__":
    measure(sys.argv[1:])
