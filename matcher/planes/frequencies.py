"""What is done with 16 × 16 frequencies, however they were come by: turned, compared with their median, written as PDQ publishes it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Turns = Sequence[Sequence[str]]
"""Of each picture the turns that are wanted of it."""


class _Turn(NamedTuple):
    """Odd rows and columns change their sign; then rows and columns change places."""

    by_row: bool
    by_column: bool
    swapped: bool


_TURNS: Final = {
    "": _Turn(False, False, False),
    "rot90": _Turn(False, True, True),
    "rot180": _Turn(True, True, False),
    "rot270": _Turn(True, False, True),
    "flip-v": _Turn(True, False, False),
    "flip-h": _Turn(False, True, False),
    "transpose": _Turn(False, False, True),
    "transverse": _Turn(True, True, True),
}
NUMBER: Final = {turn: number for number, turn in enumerate(_TURNS)}


def _tables() -> tuple[NDArray[np.intp], Float32]:
    """(turns, 256): where each frequency of the turned picture stands in the upright one, and with which sign."""
    order = np.empty((len(_TURNS), 16, 16), np.intp)
    signs = np.empty((len(_TURNS), 16, 16), np.float32)
    alternating = np.where(np.arange(16) % 2 == 0, np.float32(-1), np.float32(1))
    upright = np.arange(256).reshape(16, 16)
    for number, turn in enumerate(_TURNS.values()):
        sign = np.ones((16, 16), np.float32)
        if turn.by_row:
            sign *= alternating[:, None]
        if turn.by_column:
            sign *= alternating
        order[number] = upright.T if turn.swapped else upright
        signs[number] = sign.T if turn.swapped else sign
    return order.reshape(-1, 256), signs.reshape(-1, 256)


ORDER, SIGNS = _tables()


def turned(waves: Float32, turns: Sequence[str]) -> Float32:
    """(n, 16, 16) → (n, 16, 16): the frequencies of each picture turned, from those of the upright one; of each picture one turn."""
    numbers = [NUMBER[turn] for turn in turns]
    flat = np.take_along_axis(waves.reshape(-1, 256), ORDER[numbers], axis=1)
    flat *= SIGNS[numbers]
    return flat.reshape(-1, 16, 16)


def middles(waves: Float32) -> tuple[Float32, Float32]:
    """(n, 16, 16) → (n,), (n,): the published median, which is the lower one of 256, and the next value above it."""
    ordered = np.partition(waves.reshape(-1, 256), (127, 128), axis=1)
    return ordered[:, 127], ordered[:, 128]


def packed(waves: Float32) -> NDArray[np.uint8]:
    """(n, 16, 16) → (n, 32): each compared with the median, the highest frequency first, as PDQ publishes it."""
    flat = waves.reshape(-1, 256)
    middle = np.partition(flat, 127, axis=1)[:, 127:128]
    return np.packbits((flat > middle)[:, ::-1], axis=1)


def bits(waves: Float32, turns: Turns) -> NDArray[np.uint8]:
    """(n, 16, 16) → (all turns, 32): of each picture its turns, one after the other."""
    names = [turn for each in turns for turn in each]
    return packed(turned(np.repeat(waves, [len(each) for each in turns], axis=0), names))


def digits(made: NDArray[np.uint8]) -> Sequence[str]:
    """(n, bytes) → n times hex."""
    return [row.hex() for row in map(bytes, made)]
