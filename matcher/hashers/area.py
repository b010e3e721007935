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
from matcher.planes import engine
from matcher.planes.frequencies import Float32, digits
from matcher.planes.frequencies import packed as packed  # noqa: PLC0414 – offered here, too
from matcher.planes.means import Boxes

SIDE: Final = 320  # pixels of the longer side of the plane: more makes no hash steadier


def waves(means: Float32) -> Float32:
    """(n, 64, 64) → (n, 16, 16)."""
    return np.asarray(DCT @ means @ DCT.T, np.float32)


def hashes(
    plane: NDArray[np.uint8], boxes: Boxes, turns: Sequence[Sequence[str]]
) -> list[tuple[int, Mapping[str, str]]]:
    """Of each box its quality, and the hex digits of each of its turns.

    plane    (h, w) grey
    turns    one sequence a box
    """
    means, qualities = engine().means(plane, boxes)
    bits = iter(digits(engine().bits(waves(means), turns)))
    made = [{turn: next(bits) for turn in each} for each in turns]
    return list(zip(qualities.tolist(), made, strict=True))


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
