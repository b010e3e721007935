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

from matcher.hashers.jarosz import DCT
from matcher.hashers.kind import Hashed, Hasher, Picture
from matcher.hashers.pdq import turned

Float32 = NDArray[np.float32]
Boxes = Sequence[tuple[int, int, int, int]]
"""Left, upper, right and lower edges in thousandths."""

SIDE: Final = 320  # pixels of the longer side of the plane: more makes no hash steadier
_MARKS: Final = np.linspace(0.0, 1.0, 65)


def table(plane: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(h, w) → (h + 1, w + 1). Exact up to 2**23 pixels."""
    height, width = plane.shape
    sums = np.zeros((height + 1, width + 1), np.int32)
    np.cumsum(plane, axis=1, dtype=np.int32, out=sums[1:, 1:])
    np.cumsum(sums[1:], axis=0, out=sums[1:])
    return sums


def squares(sums: NDArray[np.int32], boxes: Boxes) -> Float32:
    """(n, 64, 64): the means under each box of a `table`."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    edges = np.asarray(boxes, np.float64).reshape(-1, 4) / 1000
    down = (edges[:, 1, None] + (edges[:, 3] - edges[:, 1])[:, None] * _MARKS) * height
    across = (edges[:, 0, None] + (edges[:, 2] - edges[:, 0])[:, None] * _MARKS) * width
    rows, between = _split(down, height)
    columns, beyond = _split(across, width)
    means = np.empty((len(edges), 64, 64), np.float32)
    for number in range(len(edges)):
        first, last = columns[number, 0], columns[number, -1] + 2
        lines = _between(sums[:, first:last], rows[number], between[number], axis=0)
        corners = _between(lines, columns[number] - first, beyond[number], axis=1)
        means[number] = np.diff(np.diff(corners, axis=0), axis=1)
    means /= ((down[:, 1] - down[:, 0]) * (across[:, 1] - across[:, 0])).astype(np.float32)[:, None, None]
    return means


def _between(
    values: NDArray[np.int32] | NDArray[np.float64], places: NDArray[np.intp], parts: NDArray[np.float64], axis: int
) -> NDArray[np.float64]:
    """Values read between their places."""
    here = values.take(places, axis=axis).astype(np.float64)
    there = values.take(places + 1, axis=axis)
    there = there - here
    there *= parts[:, None] if axis == 0 else parts
    there += here
    return there


def _split(places: NDArray[np.float64], most: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    whole = np.minimum(places.astype(np.intp), most - 1)
    return whole, places - whole


def waves(means: Float32) -> Float32:
    """(n, 64, 64) → (n, 16, 16)."""
    return np.asarray(DCT @ means @ DCT.T, np.float32)


def packed(frequencies: Float32) -> NDArray[np.uint8]:
    """(n, 16, 16) → (n, 32): each compared with the median, the highest frequency first, as PDQ publishes it."""
    flat = frequencies.reshape(len(frequencies), 256)
    middle = np.partition(flat, 127, axis=1)[:, 127:128]
    return np.packbits((flat > middle)[:, ::-1], axis=1)


def qualities(means: Float32) -> NDArray[np.int64]:
    """(n,): 0..100, PDQ's own measure."""
    steps = np.float32(100) / np.float32(255)
    down = np.abs(np.diff(means, axis=1) * steps).astype(np.int32).sum(axis=(1, 2))
    across = np.abs(np.diff(means, axis=2) * steps).astype(np.int32).sum(axis=(1, 2))
    return np.asarray(np.minimum(100, (down + across) // 90), np.int64)


def hashes(
    plane: NDArray[np.uint8], boxes: Boxes, turns: Sequence[Sequence[str]]
) -> list[tuple[int, Mapping[str, str]]]:
    """Of each box its quality, and the hex digits of each of its turns.

    plane    (h, w) grey
    turns    one sequence a box
    """
    means = squares(table(plane), boxes)
    frequencies = waves(means)
    wanted = [(box, turn) for box, names in enumerate(turns) for turn in names]
    bits = packed(np.stack([turned(frequencies[box], turn) for box, turn in wanted])) if wanted else ()
    made: list[dict[str, str]] = [{} for _ in turns]
    for (box, turn), row in zip(wanted, bits, strict=True):
        made[box][turn] = row.tobytes().hex()
    return list(zip(qualities(means).tolist(), made, strict=True))


def _hash(picture: Picture, turns: Sequence[str], _exact: bool) -> Hashed:
    ((quality, bits),) = hashes(picture.small(SIDE), [(0, 0, 1000, 1000)], [turns])
    return Hashed(bits=bits, quality=quality)


AREA: Final = Hasher(
    name="area",
    bit_count=256,
    default_threshold=70,  # how far registration looks; what it takes to be found is matcher.confirm.Limits
    may_confirm=True,
    ones=range(96, 161),  # the median sets 128 of them, save for ties
    hash=_hash,
)
