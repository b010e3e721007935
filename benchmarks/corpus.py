"""What the matcher is measured on: drawn at random or rendered from the bundled photographs, the same for the same seed. Kept nowhere.

Half of the queries are near copies of an entry, with as many bits changed as make ties on both sides of every threshold; the
others have nothing to do with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import as_file, files
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from matcher.hamming import Words
from matcher.hashers.jarosz import DCT
from matcher.index import digits

Float32 = NDArray[np.float32]
Grey = NDArray[np.uint8]

_BLOCK: Final = 50_000  # hashes made at once
_RENDERED: Final = 12_000  # pictures of which the corpora of photographs are blended


@dataclass(frozen=True, eq=False)
class Hashes:
    """The same hashes as each engine wants them. What is not asked for is not made."""

    words: Words

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, rows: slice) -> "Hashes":
        return Hashes(self.words[rows])

    @cached_property
    def octets(self) -> NDArray[np.uint8]:
        """(n, 8 w): the bytes of the published hex digits, in their order."""
        return np.ascontiguousarray(self.words.astype(">u8")).view(np.uint8)

    @cached_property
    def digits(self) -> list[str]:
        return digits(self.words)


@dataclass(frozen=True, eq=False)
class Corpus:
    name: str
    enrolled: Hashes
    queries: Hashes


def random(size: int, queries: int, most: int, seed: int, width: int = 4) -> Corpus:
    """Every bit is a coin; half of the queries lie 0 … `most` bits from an entry, in turn."""
    chance = np.random.default_rng(seed)
    enrolled = chance.integers(0, 2**64, size=(size, width), dtype=np.uint64)
    return Corpus("random", Hashes(enrolled), Hashes(_planted(enrolled, queries, most, chance)))


def _planted(enrolled: Words, queries: int, most: int, chance: np.random.Generator) -> Words:
    asked = chance.integers(0, 2**64, size=(queries, enrolled.shape[1]), dtype=np.uint64)
    for row in range(0, queries, 2):
        asked[row] = flipped(enrolled[chance.integers(len(enrolled))], (row // 2) % (most + 1), chance)
    return asked


def flipped(words: Words, count: int, chance: np.random.Generator) -> Words:
    bits = np.unpackbits(words.view(np.uint8))
    bits[chance.choice(bits.size, count, replace=False)] ^= 1
    return np.packbits(bits).view(np.uint64)


# --- PDQ and pHash of photographs


def pdq(size: int, queries: int, seed: int) -> Corpus:
    """PDQ of crops, overlays and letterboxes of the photographs, and of blends of two or three of those."""
    return _blended("PDQ of photographs", _rendered(seed)[0], (size, queries), 127, seed)


def long_waves(square: Float32) -> Float32:
    """(256,): the lowest 16 × 16 frequencies of 64 × 64 pixels without the constant, the highest first, as PDQ writes its bits."""
    return np.asarray((DCT @ square @ DCT.T).ravel()[::-1], np.float32)


def phash(size: int, queries: int, seed: int) -> Corpus:
    """pHash, 64 bits, of the same: the lowest 8 × 8 frequencies of 32 × 32 pixels, the constant included."""
    return _blended("pHash of photographs", _rendered(seed)[1], (size, queries), None, seed)


@lru_cache(maxsize=1)  # the corpora of one run share them
def _rendered(seed: int) -> tuple[Float32, Float32]:
    """The frequencies that PDQ and pHash look at."""
    long, short = [], []
    for square in _squares(np.random.default_rng(seed)):
        long.append(long_waves(square))
        short.append(short_waves(square.reshape(32, 2, 32, 2).mean(axis=(1, 3))))
    return np.stack(long), np.stack(short)


def short_waves(small: Float32) -> Float32:
    """(64,): the lowest 8 × 8 frequencies of 32 × 32 pixels."""
    cosines = np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1))
    return np.asarray((cosines @ small @ cosines.T).ravel(), np.float32)


def _blended(name: str, waves: Float32, counts: tuple[int, int], middle: int | None, seed: int) -> Corpus:
    """A blend of pictures has the blend of their frequencies: both hashes are linear up to the median."""
    chance = np.random.default_rng(seed + 1)  # other draws than those that rendered the pictures
    size, queries = counts
    pictures = chance.integers(len(waves), size=(size, 3))
    weights = chance.dirichlet((1, 1, 1), size=size).astype(np.float32)
    enrolled = np.concatenate([
        hashes(_mixed(waves, pictures[start : start + _BLOCK], weights[start : start + _BLOCK]), middle)
        for start in range(0, size, _BLOCK)
    ])  # fmt: skip

    # Every second query is an entry with something laid over it, thin or thick; the others are blends of their own.
    chosen = chance.integers(size, size=queries)
    own = np.arange(queries) % 2 == 1
    asked = _mixed(waves, pictures[chosen], weights[chosen])
    asked[own] = _mixed(
        waves,
        chance.integers(len(waves), size=(own.sum(), 3)),
        chance.dirichlet((1, 1, 1), own.sum()).astype(np.float32),
    )
    over = chance.uniform(0, 0.3, size=(queries, 1)).astype(np.float32)
    asked = (1 - over) * asked + over * waves[chance.integers(len(waves), size=queries)]
    return Corpus(name, Hashes(enrolled), Hashes(hashes(asked, middle)))


def _mixed(waves: Float32, pictures: NDArray[np.int64], weights: Float32) -> Float32:
    return sum(
        (waves[pictures[:, one]] * weights[:, one, None] for one in range(pictures.shape[1])),
        start=np.zeros((len(pictures), waves.shape[1]), np.float32),
    )


def hashes(waves: Float32, middle: int | None) -> Words:
    """Each frequency compared with the `middle`-th, as PDQ does, or with the mean of the two in the middle, as imagehash does."""
    half = waves.shape[1] // 2
    places = [half - 1, half] if middle is None else [middle]
    median = np.sort(waves, axis=1)[:, places].mean(axis=1, keepdims=True)
    return np.packbits(waves > median, axis=1).view(">u8").astype(np.uint64)


def _squares(chance: np.random.Generator) -> Iterator[Float32]:
    """64 × 64 in grey: so small, PDQ's filter leaves a picture as it is."""
    photographs = [photograph.convert("L") for photograph in _photographs()]
    for number in range(_RENDERED):
        square = _crop(photographs[number % len(photographs)], chance)
        if number % 3 == 1:  # a caption or a sticker
            left, top = chance.integers(0, 48, 2).tolist()
            box = (left, top, left + int(chance.integers(8, 40)), top + int(chance.integers(4, 20)))
            ImageDraw.Draw(square).rectangle(box, fill=int(chance.integers(256)))
        if number % 7 == 2:  # a letterbox
            bar = int(chance.integers(4, 14))
            square.paste(0, (0, 0, 64, bar))
            square.paste(0, (0, 64 - bar, 64, 64))
        yield np.asarray(square, np.float32)


def _crop(photograph: Image.Image, chance: np.random.Generator) -> Image.Image:
    side = chance.uniform(0.1, 0.6)
    width, height = (max(64, int(side * length)) for length in photograph.size)
    left = int(chance.integers(photograph.width - width + 1))
    top = int(chance.integers(photograph.height - height + 1))
    crop = photograph.resize((64, 64), Image.Resampling.BOX, (left, top, left + width, top + height))
    return crop.transpose(Image.Transpose(int(chance.integers(7))))


def _photographs() -> list[Image.Image]:
    folder = files("stillwatch.demo") / "photographs"
    opened = []
    with as_file(folder) as path:
        for one in sorted(path.glob("*.jpg")):
            with Image.open(one) as image:
                opened.append(image.convert("RGB"))
    return opened


# --- Local descriptors


_REACH: Final = 15  # pixels from the corner that a descriptor looks at
_A_PICTURE: Final = 3_000  # descriptors taken from one rendering
_COMPARISONS: Final = 1_500  # of which 256 are chosen


def descriptors(size: int, queries: int, seed: int) -> Corpus:
    """Binary descriptors of corners in turned and scaled photographs: 256 comparisons of smoothed pixels, chosen as ORB's are.

    The queries are those of a picture half of which is a worse copy of what is enrolled, and half of it is not.
    """
    chance = np.random.default_rng(seed)
    photographs = [photograph.convert("L") for photograph in _photographs()]
    first = _turned(photographs[0], chance)
    its_corners = _corners(first, _A_PICTURE, chance)
    offsets = _least_alike(first, its_corners, chance)
    enrolled = [_described(first, its_corners, offsets)]
    while len(enrolled) * _A_PICTURE < size:
        picture = _turned(photographs[len(enrolled) % len(photographs)], chance)
        enrolled.append(_described(picture, _corners(picture, _A_PICTURE, chance), offsets))

    worse = np.clip(first + chance.normal(0, 3, first.shape), 0, 255).astype(np.uint8)
    again = _described(worse, its_corners[chance.integers(len(its_corners), size=queries // 2)], offsets)
    other = _turned(photographs[-1], chance)
    new = _described(other, _corners(other, queries - len(again), chance), offsets)
    return Corpus(
        "corners of photographs", Hashes(np.concatenate(enrolled)[:size]), Hashes(np.concatenate([again, new]))
    )


def _turned(photograph: Image.Image, chance: np.random.Generator) -> Grey:
    scale = chance.uniform(0.7, 1.6)
    large = photograph.resize((int(photograph.width * scale), int(photograph.height * scale)), Image.Resampling.BICUBIC)
    turned = large.rotate(chance.uniform(0, 360), Image.Resampling.BILINEAR).filter(ImageFilter.BoxBlur(2))
    # The part that no turn leaves black.
    half = min(turned.size) * 0.35
    middle = (turned.width / 2, turned.height / 2)
    inner = turned.crop((int(middle[0] - half), int(middle[1] - half), int(middle[0] + half), int(middle[1] + half)))
    return np.asarray(inner)


def _corners(picture: Grey, count: int, chance: np.random.Generator) -> NDArray[np.int64]:
    """(count, 2): drawn among the tenth of all positions where the picture changes most both ways, far enough from the edge."""
    down, across = np.gradient(picture.astype(np.float32))
    edge = _REACH + 1
    strength = np.abs(down * across)[edge:-edge, edge:-edge]
    strongest = np.argpartition(strength, -(strength.size // 10), axis=None)[-(strength.size // 10) :]
    drawn = chance.choice(strongest, count, replace=len(strongest) < count)
    return np.stack(np.unravel_index(drawn, strength.shape), axis=1) + edge


def _least_alike(picture: Grey, corners: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
    """(2, 256, 2): the pixels compared. Even ones first, each as long as it tells something that those before it do not.

    So ORB chose its own: E. Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV 2011, section 4.3.
    """
    drawn = np.clip(np.rint(chance.normal(0, _REACH / 2, size=(2, _COMPARISONS, 2))), -_REACH, _REACH).astype(np.int64)
    bits = _compared(picture, corners, drawn).astype(np.float32)
    uneven = np.abs(bits.mean(axis=0) - 0.5)
    useful = np.flatnonzero(uneven < 0.45)
    order = useful[np.argsort(uneven[useful], kind="stable")]
    alike = np.abs(np.corrcoef(bits[:, order].T))
    for most in np.arange(0.2, 1.01, 0.05):
        chosen: list[int] = []
        for one in range(len(order)):
            if len(chosen) < 256 and (alike[one, chosen] < most).all():
                chosen.append(one)
        if len(chosen) == 256:
            return drawn[:, order[chosen]]
    raise SystemExit("too few comparisons that differ; the cure: raise _COMPARISONS in benchmarks/corpus.py")


def _described(picture: Grey, corners: NDArray[np.int64], offsets: NDArray[np.int64]) -> Words:
    return np.packbits(_compared(picture, corners, offsets), axis=1).view(">u8").astype(np.uint64)


def _compared(picture: Grey, corners: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    one, other = (picture[corners[:, None, 0] + by[:, 0], corners[:, None, 1] + by[:, 1]] for by in offsets)
    return np.asarray(one < other)
