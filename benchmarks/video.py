"""Videos: how many times faster than they play they are hashed, beside vPDQ's way, and which copies of an enrolled one are found.

vPDQ's way: every frame is decoded, and one a second is hashed by pdqhash in RGB. All use FFmpeg by PyAV, in this process, on one thread.

The films are slow zooms and pans over the bundled photographs with the grain of a camera, made anew each time and kept nowhere.
"""

import argparse
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from itertools import pairwise
from typing import Final

import av
import numpy as np
import pdqhash
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.clock import Taken, median, taken
from benchmarks.contest import number, table
from core.model import Enrolment, Fingerprint, Match, PersonId, Tier
from matcher import video
from matcher.decode.footage import read_video
from matcher.geometry import described
from matcher.hashers import HASHERS, MIN_QUALITY

Rgb = NDArray[np.uint8]
Bits = NDArray[np.uint64]

RATE: Final = 30
SECONDS: Final = 24
CRF: Final = "21"  # x264's: with the grain some 4 Mbit/s at 1080p, as sites send it
ROUNDS: Final = 3
PEER_BITS: Final = 31
THRESHOLD: Final = HASHERS["area"].default_threshold
ENROLLED: Final = ("astronaut", "cameraman", "chelsea", "coffee", "rocket")
UNRELATED: Final = ("brick", "grass", "gravel", "hubble")

# ----------------------------------------------------------------------------------------------------------------- films


def shots(names: Sequence[str], size: tuple[int, int], rate: int, seconds: float, seed: int) -> Iterator[Image.Image]:
    """Three shots, each a slow movement over a part of a photograph."""
    chance = np.random.default_rng(seed)
    grain = [_grain(size, chance) for _ in range(5)]
    cuts = np.linspace(0, round(seconds * rate), 4).astype(int).tolist()
    chosen = chance.permutation(len(names))[:3]
    for photograph, (begin, end) in zip((_photograph(names[one]) for one in chosen), pairwise(cuts), strict=True):
        first, last = _boxes(photograph, size, chance)
        for frame in range(begin, end):
            part = (frame - begin) / (end - begin)
            left, top, right, bottom = first * (1 - part) + last * part
            picture = photograph.resize(size, Image.Resampling.BILINEAR, (left, top, right, bottom))
            yield _with_grain(picture, grain[frame % len(grain)])


def _photograph(name: str) -> Image.Image:
    with as_file(files("stillwatch.demo") / "photographs" / f"{name}.jpg") as path, Image.open(path) as image:
        return image.convert("RGB")


def _boxes(
    photograph: Image.Image, size: tuple[int, int], chance: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a shot begins and ends: up to a sixth further on, up to a sixth nearer or farther."""
    shape = size[0] / size[1]
    widest = min(photograph.width, photograph.height * shape)
    width = widest * chance.uniform(0.6, 0.8)
    later = width * chance.uniform(5 / 6, 7 / 6)
    centre = np.array([photograph.width, photograph.height]) * 0.5 + chance.uniform(-0.08, 0.08, 2) * widest
    moved = centre + chance.uniform(-1 / 6, 1 / 6, 2) * width * [1, 1 / shape]
    return _box(centre, width, shape, photograph), _box(moved, later, shape, photograph)


def _box(centre: NDArray[np.float64], width: float, shape: float, photograph: Image.Image) -> NDArray[np.float64]:
    half = np.array([width, width / shape]) / 2
    inner = np.clip(centre, half, np.array(photograph.size) - half)
    return np.concatenate((inner - half, inner + half))


def _grain(size: tuple[int, int], chance: np.random.Generator) -> NDArray[np.int16]:
    return np.rint(chance.normal(0, 2.5, (size[1], size[0], 1))).astype(np.int16)


def _with_grain(picture: Image.Image, grain: NDArray[np.int16]) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(picture, np.int16) + grain, 0, 255).astype(np.uint8))


def filmed(pictures: Iterator[Image.Image] | Sequence[Image.Image], rate: int, group: int, **options: str) -> bytes:
    """MP4, by x264 where FFmpeg has it."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = container.add_stream(codec, rate=rate, options={"preset": "veryfast", **options})
        assert isinstance(stream, VideoStream)
        for count, picture in enumerate(pictures):
            if count == 0:
                stream.width, stream.height = picture.size
                stream.pix_fmt = "yuv420p"
                stream.gop_size = group
            container.mux(stream.encode(VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def decoded(content: bytes, *, keyframes: bool = False) -> Iterator[VideoFrame]:
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        stream.thread_type = "NONE"
        if keyframes:
            stream.codec_context.skip_frame = "NONKEY"
        yield from container.decode(stream)


# ----------------------------------------------------------------------------------------------------------------- speed


def _count(frames: Iterator[VideoFrame]) -> int:
    return sum(1 for _ in frames)


def vpdq(content: bytes) -> list[tuple[Bits, int]]:
    """One frame a second: bits and quality."""
    hashed, due_s = [], 0.0
    for frame in decoded(content):
        if frame.time >= due_s:
            due_s += 1.0
            hashed.append(_pdq(frame))
    return hashed


def _pdq(frame: VideoFrame) -> tuple[Bits, int]:
    bits, quality = pdqhash.compute(frame.to_ndarray(format="rgb24"))
    return np.packbits(bits).view(np.uint64), int(quality)


CONTENDERS: Final[Mapping[str, Callable[[bytes], int]]] = {
    "Stillwatch, crawled": lambda content: len({one.time_s for one in read_video(content, turns=False).fingerprints}),
    "Stillwatch, enrolled": lambda content: len({one.time_s for one in read_video(content, turns=True).fingerprints}),
    "vPDQ's way": lambda content: len(vpdq(content)),
    "keyframes by pdqhash": lambda content: len([_pdq(frame) for frame in decoded(content, keyframes=True)]),
    "keyframes decoded, none hashed": lambda content: _count(decoded(content, keyframes=True)),
    "every frame decoded, none hashed": lambda content: _count(decoded(content)),
}


def speed(seconds: int) -> None:
    print(f"### Times real time, {seconds} s of film, CPU time of one thread, median of {ROUNDS}\n")
    films = {
        f"{size[1]}p, a keyframe in {group}": filmed(
            shots(ENROLLED, size, RATE, seconds, seed=1), RATE, group, sc_threshold="0", crf=CRF
        )
        for size, group in (((1280, 720), 60), ((1920, 1080), 60), ((1920, 1080), 250))
    }
    rows: list[list[str]] = [[name] for name in CONTENDERS]
    for content in films.values():
        times: dict[str, list[Taken]] = {name: [] for name in CONTENDERS}
        counts: dict[str, int] = {}
        for _ in range(ROUNDS):
            for name in CONTENDERS:
                times[name].append(taken(_into, counts, name, content))
        for row, name in zip(rows, CONTENDERS, strict=True):
            row.append(f"{number(seconds / median(times[name]).cpu)} x ({counts[name]} frames)")
    head = [f"{name} ({len(content) * 8 / seconds / 1e6:.1f} Mbit/s)" for name, content in films.items()]
    table(["", *head], rows)


def _into(counts: dict[str, int], name: str, content: bytes) -> None:
    counts[name] = CONTENDERS[name](content)


# ------------------------------------------------------------------------------------------------------------- detection

Frames = Sequence[Image.Image]


def _clip(frames: Frames, _: np.random.Generator) -> Frames:
    return frames[len(frames) // 3 : 2 * len(frames) // 3]


def _trimmed(frames: Frames, chance: np.random.Generator) -> Frames:
    return frames[int(len(frames) * chance.uniform(0.1, 0.4)) :]


def _same(frames: Frames, _: np.random.Generator) -> Frames:
    return frames


def _scaled(frames: Frames, chance: np.random.Generator) -> Frames:
    scale = chance.uniform(0.35, 0.8)
    return [frame.resize((_even(frame.width * scale), _even(frame.height * scale))) for frame in frames]


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def _mirrored(frames: Frames, _: np.random.Generator) -> Frames:
    return [ImageOps.mirror(frame) for frame in frames]


def _letterboxed(frames: Frames, chance: np.random.Generator) -> Frames:
    """Upright, with bars above and below that are 0.4 to 1.2 times as high as the picture together."""
    bar = _even(frames[0].height * chance.uniform(0.2, 0.6))
    return [ImageOps.expand(frame, (0, bar), 0) for frame in frames]


def _faster(frames: Frames, chance: np.random.Generator) -> Frames:
    pace = chance.uniform(1.2, 1.6)
    return [frames[int(place)] for place in np.arange(0, len(frames), pace)]


def _cropped(frames: Frames, chance: np.random.Generator) -> Frames:
    width, height = frames[0].size
    keep = chance.uniform(0.88, 0.97)
    left, top = chance.uniform(0, 1 - keep, 2) * (width, height)
    box = (left, top, left + keep * width, top + keep * height)
    return [frame.resize((width, height), Image.Resampling.BILINEAR, box) for frame in frames]


def _all_at_once(frames: Frames, chance: np.random.Generator) -> Frames:
    return _letterboxed(_scaled(_mirrored(_clip(frames, chance), chance), chance), chance)


EDITS: Final[Mapping[str, tuple[Callable[[Frames, np.random.Generator], Frames], dict[str, str]]]] = {
    "encoded again": (_same, {}),
    "the middle third": (_clip, {}),
    "without its beginning, 10 to 40 %": (_trimmed, {}),
    "at 80 kbit/s": (_same, {"b": "80000", "maxrate": "80000", "bufsize": "160000"}),
    "scaled to 35 to 80 %": (_scaled, {}),
    "mirrored": (_mirrored, {}),
    "letterboxed": (_letterboxed, {}),
    "1.2 to 1.6 times as fast": (_faster, {}),
    "cropped to 88 to 97 % of both sides": (_cropped, {}),
    "the middle third, mirrored, scaled, letterboxed": (_all_at_once, {}),
}


@dataclass(frozen=True, slots=True)
class Held:
    """One enrolled video."""

    person: PersonId
    fingerprints: Sequence[Fingerprint] = field(repr=False)
    words: Bits = field(repr=False)  # (n, 4)
    peer: Bits = field(repr=False)  # (m, 4)

    def matches(self, seen: Sequence[Fingerprint]) -> list[Match]:
        """Every pair compared."""
        found = []
        for row, one in zip(_apart(_words(seen), self.words), seen, strict=True):
            for entry in np.flatnonzero(row <= THRESHOLD).tolist():
                held = Enrolment(
                    person=self.person, ref="film", fingerprint=self.fingerprints[entry], threshold=THRESHOLD
                )
                found.append(described(Match(enrolment=held, seen=one, distance=int(row[entry]))))
        return found


def _words(fingerprints: Sequence[Fingerprint]) -> Bits:
    octets = b"".join(bytes.fromhex(one.bits) for one in fingerprints)
    return np.frombuffer(octets, np.uint64).reshape(-1, 4)


def _apart(some: Bits, others: Bits) -> NDArray[np.int64]:
    return np.asarray(np.bitwise_count(some[:, None, :] ^ others[None, :, :]).sum(axis=2), np.int64)


def _enrol(name: str, content: bytes) -> Held:
    fingerprints = [one for one in read_video(content, turns=True).fingerprints if one.hasher == "area"]
    return Held(PersonId(name), fingerprints, _words(fingerprints), _by_peer(content))


def _by_peer(content: bytes) -> Bits:
    hashed = [bits for bits, quality in vpdq(content) if quality >= MIN_QUALITY]
    return np.stack(hashed) if hashed else np.empty((0, 4), np.uint64)


@dataclass(slots=True)
class Tally:
    """Of all copies made in one way."""

    tiers: Counter[Tier | None] = field(default_factory=Counter)
    kept: int = 0  # frames
    matching: int = 0  # frames
    by_peer: int = 0  # copies

    def add(self, held: Held, content: bytes) -> None:
        seen = [one for one in read_video(content, turns=False).fingerprints if one.hasher == "area"]
        kept = len({one.time_s for one in seen})
        matches = held.matches(seen)
        found = video.findings(matches, kept=kept)
        self.tiers[found[0].tier if found else None] += 1
        self.kept += kept
        self.matching += len({match.seen.time_s for match in matches if video.findings([match])})
        self.by_peer += bool((_apart(_by_peer(content), held.peer) <= PEER_BITS).any())

    def row(self, name: str) -> list[str]:
        made = self.tiers.total()
        told = [f"{self.tiers[tier]}" for tier in (Tier.CONFIRMED, Tier.PROBABLE, Tier.REVIEW, None)]
        share = f"{100 * self.matching / self.kept:.0f} %" if self.kept else "-"
        return [name, f"{made}", *told, share, f"{self.by_peer}"]


def detection(films: int, unrelated: int, seconds: int, seed: int) -> None:
    """Each film and each of its copies has keyframes at places of its own."""
    chance = np.random.default_rng(seed)
    size, rate = (640, 360), 15
    tallies = {name: Tally() for name in EDITS}
    enrolled = []
    for film in range(films):
        group = int(chance.integers(30, 250))
        original = filmed(shots(ENROLLED, size, rate, seconds, seed=seed + film), rate, group)
        held = _enrol(f"film {film}", original)
        enrolled.append(held)
        frames = [Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in decoded(original)]
        for name, (edit, options) in EDITS.items():
            copy = filmed(edit(frames, chance), rate, int(chance.integers(20, 250)), **options)
            tallies[name].add(held, copy)
    others = Tally()
    for film in range(unrelated):
        content = filmed(shots(UNRELATED, size, rate, seconds, seed=seed + 1000 + film), rate, 60)
        for held in enrolled:
            others.add(held, content)

    print(f"### Copies of {films} enrolled videos of {seconds} s, and {unrelated} unrelated videos; seed {seed}\n")
    head = ["", "compared", "confirmed", "probable", "review", "not found", "frames matching", "found by vPDQ's way"]
    table(head, [*(tally.row(name) for name, tally in tallies.items()), others.row("unrelated")])
    hashes = sum(len(held.fingerprints) for held in enrolled) / films
    print(f"Enrolled: {number(hashes)} hashes a video, {number(hashes * 32 / 1024)} KiB.\n")


def measure(*, quick: bool = False, seed: int = 6) -> None:
    speed(6 if quick else SECONDS)
    detection(2 if quick else 10, 2 if quick else 8, 12 if quick else SECONDS, seed)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--seed", type=int, default=6)
    chosen = asked.parse_args()
    measure(quick=chosen.quick, seed=chosen.seed)
