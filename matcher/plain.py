"""Plain pictures, drawn, and their hashes: `python -m matcher.plain` writes plain.npz, which `matcher.collisions` reads.

A picture is drawn square, as a hash sees it. What a hasher refuses anyway, for a hash of nearly all ones, is not among them.

Drawing takes a second, reading takes a tenth. A third of the hashes hang on rounding: an even colour without any noise has hardly any
waves, and which of them are above the others differs between processors. Those pictures are kept themselves, to be hashed where they are
compared; of the others the hashes. Written with NumPy 2.4: one that throws other dice draws other pictures, which are as good.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.hamming import Words
from matcher.hashers import HASHERS, area
from matcher.hashers.jarosz import DCT
from matcher.views import REGION_HASHER

FILE: Final = Path(__file__).with_name("plain.npz")

_SIDE: Final = 128  # pixels: two to a mean, so that an edge may lie between

Grey = NDArray[np.float32]


class Plain(NamedTuple):
    """
    hashes  (n, 4), of pictures whose hash is the same everywhere
    levels  (m, 64, 64): of other pictures, whose hash hangs on rounding, each mean times four
    """

    hashes: Words
    levels: NDArray[np.uint16]


def main() -> None:
    np.savez_compressed(FILE, **made()._asdict())


def kept() -> Plain:
    """What the file holds."""
    with np.load(FILE) as file:
        return Plain(file["hashes"], file["levels"])


def hashed(plain: Plain) -> Words:
    """(n, 4)"""
    bits, usual = _hashed(plain.levels.astype(np.float32) / 4)
    return np.concatenate((plain.hashes, bits[usual]))


def made() -> Plain:
    """Drawn anew: the same ones every time."""
    dice = np.random.default_rng(20261127)
    hashes: list[Words] = []
    levels: list[NDArray[np.uint16]] = []
    for draw, count in _KINDS:
        means = np.stack([_means(draw(dice)) for _ in range(count)])
        noise = dice.choice((0.0, 0.0, 0.3, 1.0), count)[:, None, None]  # none twice, a camera's, a bad camera's
        noisy = np.clip(means + noise * dice.standard_normal(means.shape, np.float32), 0, 255)
        bits, usual = _hashed(noisy)
        exactly = np.asarray(DCT.astype(np.float64) @ noisy @ DCT.T.astype(np.float64), np.float32)
        steady = np.all(bits == _words(area.packed(exactly)), axis=1) | (noise[:, 0, 0] > 0)
        hashes.append(bits[usual & steady])
        levels.append(np.rint(means[~steady] * 4).astype(np.uint16))
    return Plain(np.concatenate(hashes), np.concatenate(levels))


def _means(plane: Grey) -> Grey:
    """(64, 64)"""
    levels = np.rint(plane)
    rows = levels[::2] + levels[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def _hashed(means: NDArray[np.floating]) -> tuple[Words, NDArray[np.bool_]]:
    """(n, 4) and (n,): which of them a hasher takes."""
    bits = area.packed(area.waves(np.asarray(means, np.float32)))
    return _words(bits), np.isin(np.bitwise_count(bits).sum(axis=1), list(HASHERS[REGION_HASHER].ones))


def _words(bits: NDArray[np.uint8]) -> Words:
    return bits.view(">u8").astype(np.uint64)


def _blank(grey: float) -> Grey:
    return np.full((_SIDE, _SIDE), grey, np.float32)


def _grey(dice: np.random.Generator) -> float:
    return float(dice.integers(0, 256))


def _solid(dice: np.random.Generator) -> Grey:
    return _blank(_grey(dice))


def _graded(dice: np.random.Generator) -> Grey:
    """From one grey to another across it, or from its middle outwards."""
    down, across = _places()
    if dice.random() < 0.3:
        way = np.hypot(down - dice.uniform(0.3, 0.7), across - dice.uniform(0.3, 0.7))
    else:
        angle = dice.uniform(0, 2 * np.pi) if dice.random() < 0.5 else dice.integers(8) * np.pi / 4
        way = np.cos(angle) * across + np.sin(angle) * down
    way = (way - way.min()) / np.ptp(way)
    return np.asarray(dice.uniform(0, 255) + way * dice.uniform(-255, 255), np.float32)


def _halved(dice: np.random.Generator) -> Grey:
    """Two greys with a straight line between them."""
    down, across = _places()
    angle = dice.uniform(0, np.pi) if dice.random() < 0.3 else dice.integers(2) * np.pi / 2
    way = np.cos(angle) * (across - dice.uniform(0.1, 0.9)) + np.sin(angle) * (down - dice.uniform(0.1, 0.9))
    return np.where(way > 0, _blank(_grey(dice)), _blank(_grey(dice)))


def _bordered(dice: np.random.Generator) -> Grey:
    """An even border around one grey: of all plain pictures the ones whose hashes lie nearest to each other."""
    return _bordering(dice, _solid(dice), even=True)


def _framed(dice: np.random.Generator) -> Grey:
    """A border, even or not, or bars on two sides, around something plain."""
    return _bordering(dice, _INNER[dice.integers(len(_INNER))](dice), even=bool(dice.random() < 0.6))


def _bordering(dice: np.random.Generator, inner: Grey, *, even: bool) -> Grey:
    shape = dice.choice(
        (1.0, 1.0, 3 / 4, 4 / 3, 2 / 3, 3 / 2, 9 / 16, 16 / 9)
    )  # of the picture: an even border is uneven in its square
    cut = dice.uniform(0.02, 0.4) * np.array([1.0, shape, 1.0, shape]) if even else dice.uniform(0.02, 0.4, 4)
    if not even and dice.random() < 0.5:
        cut[dice.integers(2) :: 2] = 0  # two sides only
    top, left, bottom, right = np.minimum(cut * _SIDE, 0.48 * _SIDE).astype(int)
    framed = _blank((0.0, 255.0, _grey(dice), _grey(dice))[dice.integers(4)])
    framed[top : _SIDE - bottom, left : _SIDE - right] = inner[top : _SIDE - bottom, left : _SIDE - right]
    return framed


def _written(dice: np.random.Generator) -> Grey:
    """Lines of what looks like small type, on something plain."""
    plane = _PLAIN[dice.integers(len(_PLAIN))](dice)
    ink, size = _grey(dice), int(dice.integers(4, 10))
    left, place = int(dice.integers(4, _SIDE // 3)), 0
    for top in range(int(dice.integers(4, _SIDE // 2)), _SIDE - size, size * 2):
        place = left
        while place < _SIDE - left and dice.random() < 0.9:
            wide = min(int(dice.integers(size // 2 + 1, size * 4)), _SIDE - left - place)
            letters = dice.random((size, wide)) < 0.55
            plane[top : top + size, place : place + wide][letters] = ink
            place += wide + size // 2 + 1
        if dice.random() < 0.25:
            break
    return plane


def _marked(dice: np.random.Generator) -> Grey:
    """A disc or block on something plain, often in its middle: buttons and signs."""
    plane = _PLAIN[dice.integers(len(_PLAIN))](dice)
    down, across = _places()
    high = dice.uniform(0.08, 0.45)
    wide = high * (1.0, 3 / 4, 4 / 3, dice.uniform(0.3, 2.0))[dice.integers(4)]
    middle = (0.5, 0.5) if dice.random() < 0.6 else dice.uniform(0.3, 0.7, 2)
    y, x = (down - middle[0]) / high, (across - middle[1]) / wide
    inside = np.hypot(y, x) < 1 if dice.random() < 0.5 else np.maximum(abs(y), abs(x)) < 1
    plane[inside] = _grey(dice)
    return plane


@cache
def _places() -> tuple[Grey, Grey]:
    down, across = (np.mgrid[0:_SIDE, 0:_SIDE] + 0.5) / _SIDE
    return down.astype(np.float32), across.astype(np.float32)


Draw = Callable[[np.random.Generator], Grey]
_PLAIN: Final[tuple[Draw, ...]] = (_solid, _solid, _graded)
_INNER: Final[tuple[Draw, ...]] = (_solid, _graded, _halved, _written, _marked)
_KINDS: Final[tuple[tuple[Draw, int], ...]] = (
    (_solid, 100),
    (_graded, 300),
    (_halved, 300),
    (_bordered, 1000),
    (_framed, 400),
    (_written, 200),
    (_marked, 400),
)


if __name__ == "__main__":
    main()
