"""PDQ in the published order of additions, float32 step by float32 step.

Bit for bit what the C++ reference (facebook/ThreatExchange, pdq/cpp) computes, floats included. Some ten times slower than
the matrix products, so it is asked only where rounding decides. Holds one window of rows, never the picture.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from matcher.hashers.jarosz import DCT, centres, window
from matcher.hashers.kind import Picture

Float32 = NDArray[np.float32]

_BLOCK_ROWS = 32


def _luma(rows: NDArray[np.uint8]) -> Float32:
    """As the Python binding does it: in float64, rounded once."""
    if rows.ndim == 2:
        return rows.astype(np.float32)
    luma = rows[:, :, 0] * 0.299 + rows[:, :, 1] * 0.587 + rows[:, :, 2] * 0.114
    return np.asarray(luma, np.float32)


def _box_across(rows: Float32) -> Float32:
    """One pass along each row. The running sum adds a sample and takes one off, in turn: that order is the rounding."""
    length = rows.shape[1]
    full = window(length)
    ahead = (full + 2) // 2
    sliding = length - full
    steps = np.empty((rows.shape[0], full + 2 * sliding + ahead - 1), np.float32)
    steps[:, :full] = rows[:, :full]
    steps[:, full : full + 2 * sliding : 2] = rows[:, full:]
    steps[:, full + 1 : full + 2 * sliding : 2] = -rows[:, :sliding]
    steps[:, full + 2 * sliding :] = -rows[:, sliding : sliding + ahead - 1]
    sums = np.add.accumulate(steps, axis=1, dtype=np.float32)
    at = np.concatenate(
        [
            np.arange(ahead - 1, full),
            np.arange(full + 1, full + 2 * sliding, 2),
            np.arange(full + 2 * sliding, steps.shape[1]),
        ]
    )
    counts = np.concatenate([np.arange(ahead, full + 1), np.full(sliding, full), np.arange(full - 1, full - ahead, -1)])
    return np.divide(sums[:, at], counts.astype(np.float32), dtype=np.float32)


def _box_down(rows: Iterator[Float32], length: int, width: int) -> Iterator[Float32]:
    """One pass down the columns, row by row as they come."""
    full = window(length)
    ahead = (full + 2) // 2
    under: deque[Float32] = deque()
    total = np.zeros(width, np.float32)

    def take() -> None:
        row = next(rows)
        under.append(row)
        np.add(total, row, out=total)

    for _ in range(ahead - 1):
        take()
    for _ in range(full - ahead + 1):
        take()
        yield total / np.float32(len(under))
    for _ in range(length - full):
        take()
        np.subtract(total, under.popleft(), out=total)
        yield total / np.float32(full)
    for _ in range(ahead - 1):
        np.subtract(total, under.popleft(), out=total)
        yield total / np.float32(len(under))


def _in_blocks(rows: Iterator[Float32], length: int) -> Iterator[Float32]:
    for top in range(0, length, _BLOCK_ROWS):
        yield np.stack([next(rows) for _ in range(min(_BLOCK_ROWS, length - top))])


def published_square(picture: Picture) -> Float32:
    """(64, 64) luma. The picture must not be scaled."""
    height, width = picture.down.length, picture.across.length
    blocks = (_luma(picture.rows(top, min(top + _BLOCK_ROWS, height))) for top in range(0, height, _BLOCK_ROWS))
    if (height, width) == (64, 64):
        return np.vstack(list(blocks))

    columns = centres(width)
    once = _box_down((row for block in blocks for row in _box_across(block)), height, width)
    kept = (row for block in _in_blocks(once, height) for row in _box_across(block)[:, columns])
    twice = np.stack(list(_box_down(kept, height, len(columns))))
    return twice[centres(height)]


def published_waves(square: Float32) -> Float32:
    """(16, 16) frequencies, one product added after the other."""
    half = np.zeros((16, 64), np.float32)
    for k in range(64):
        half += DCT[:, k : k + 1] * square[k : k + 1, :]
    waves = np.zeros((16, 16), np.float32)
    for k in range(64):
        waves += half[:, k : k + 1] * DCT[:, k]
    return waves
