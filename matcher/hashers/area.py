"""Area-PDQ: the same 256 bits as PDQ, from plain means of areas instead of PDQ's own filter.

PDQ's filter is made for one fixed way of scaling, and a copy of another size is 6 to 14 bits off. Here each of the 64 × 64 samples is
the exact mean of the pixels under it, fractions of pixels included, so that size hardly matters (2 to 4 bits), and any part of a picture
is hashed from the same table of sums. The bits mean the same and lie in the same order: 9 bits from PDQ at the median, and the two
are compared with each other.

    table    sums of all pixels above and left of each place (Crow, SIGGRAPH 1984)
    square   65 × 65 values of the table, read between its places, differences of which are the means
    waves    the lowest 16 × 16 frequencies of the square without the constant, as in PDQ
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.hashers.frequencies import digits, turned
from matcher.hashers.frequencies import packed as packed  # noqa: PLC0414 – offered here, too
from matcher.hashers.jarosz import DCT
from matcher.hashers.kind import Hashed, Hasher, Picture

Float32 = NDArray[np.float32]
Boxes = Sequence[tuple[int, int, int, int]]
"""Left, upper, right and lower edges in thousandths."""

SIDE: Final = 320  # pixels of the longer side of the plane: more makes no hash steadier
_MARKS: Final = np.linspace(0.0, 1.0, 65)


def table(plane: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(h, w) → (h + 1, w + 1). Exact up to 2**23 pixels."""
    height, width = plane.shape
    sums = np.zeros((height + 1, width + 1), np.int32)
    inner = sums[1:, 1:]
    inner[:] = plane  # widened once: added up in place is quicker than from bytes
    np.cumsum(inner, axis=1, out=inner)
    np.cumsum(inner, axis=0, out=inner)
    return sums


def squares(sums: NDArray[np.int32], boxes: Boxes) -> Float32:
    """(n, 64, 64): the means under each box of a `table`."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    edges = np.asarray(boxes, np.float64).reshape(-1, 4) / 1000
    down = (edges[:, 1, None] + (edges[:, 3] - edges[:, 1])[:, None] * _MARKS) * height
    across = (edges[:, 0, None] + (edges[:, 2] - edges[:, 0])[:, None] * _MARKS) * width
    rows, below = _split(down, height)
    columns, beyond = _split(across, width)
    # Of all boxes at once: the four places of the table around each corner, then what lies between them.
    places = (rows * (width + 1))[:, :, None] + columns[:, None, :]
    flat = sums.ravel()
    left = _between(flat, places, width + 1, below[:, :, None])
    corners = _between(flat[1:], places, width + 1, below[:, :, None])
    corners -= left
    corners *= beyond[:, None, :]
    corners += left
    lines = corners[:, 1:] - corners[:, :-1]
    means = (lines[:, :, 1:] - lines[:, :, :-1]).astype(np.float32)
    means /= ((down[:, 1] - down[:, 0]) * (across[:, 1] - across[:, 0])).astype(np.float32)[:, None, None]
    return means


def _between(
    flat: NDArray[np.int32], places: NDArray[np.intp], further: int, parts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values read between their places and so much further on."""
    # No place lies beyond the end; saying what to do if one did spares asking each of them.
    here = flat.take(places, mode="clip")
    between = (flat[further:].take(places, mode="clip") - here) * parts
    between += here
    return between


def _split(places: NDArray[np.float64], most: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    whole = np.minimum(places.astype(np.intp), most - 1)
    return whole, places - whole


def waves(means: Float32) -> Float32:
    """(n, 64, 64) → (n, 16, 16)."""
    return np.asarray(DCT @ means @ DCT.T, np.float32)


def qualities(means: Float32) -> NDArray[np.int64]:
    """(n,): 0..100, PDQ's own measure."""
    steps = np.float32(100) / np.float32(255)
    down = (means[:, 1:] - means[:, :-1]) * steps
    across = (means[:, :, 1:] - means[:, :, :-1]) * steps
    # Whole numbers, exact as float32: at most 100 each of 8064.
    total = sum(np.trunc(np.abs(each)).reshape(len(means), -1).sum(axis=1) for each in (down, across))
    return np.asarray(np.minimum(100, total // 90), np.int64)


def hashes(
    plane: NDArray[np.uint8], boxes: Boxes, turns: Sequence[Sequence[str]]
) -> list[tuple[int, Mapping[str, str]]]:
    """Of each box its quality, and the hex digits of each of its turns.

    plane    (h, w) grey
    turns    one sequence a box
    """
    means = squares(table(plane), boxes)
    names = [turn for each in turns for turn in each]
    bits = iter(digits(packed(turned(np.repeat(waves(means), [len(each) for each in turns], axis=0), names))))
    made = [{turn: next(bits) for turn in each} for each in turns]
    return list(zip(qualities(means).tolist(), made, strict=True))


def _hash(picture: Picture, turns: Sequence[str], exact: bool) -> Hashed:
    ((quality, bits),) = hashes(picture.small(SIDE, exact=exact), [(0, 0, 1000, 1000)], [turns])
    return Hashed(bits=bits, quality=quality)


AREA: Final = Hasher(
    name="area",
    bit_count=256,
    default_threshold=70,  # how far registration looks; what it takes to be found is matcher.confirm.Limits
    may_confirm=True,
    ones=range(96, 161),  # the median sets 128 of them, save for ties
    hash=_hash,
)
