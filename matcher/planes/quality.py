"""How much there is to hash in a square of 64 × 64: PDQ's own measure, the steps from each place to the next in hundredths of the range."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def qualities(squares: Float32) -> NDArray[np.int64]:
    """(n, 64, 64) → (n,): 0..100."""
    steps = np.float32(100) / np.float32(255)
    down = (squares[:, 1:] - squares[:, :-1]) * steps
    across = (squares[:, :, 1:] - squares[:, :, :-1]) * steps
    # Whole numbers, exact as float32: at most 100 each of 8064.
    total = sum(np.trunc(np.abs(each)).sum(axis=(1, 2)) for each in (down, across))
    return np.asarray(np.minimum(100, total // 90), np.int64)


def steepness(square: Float32, tie: float) -> tuple[int, int]:
    """(64, 64) → the sum of all steps, cut to whole numbers as published, and how many lie within `tie` of the next whole number."""
    differences = np.concatenate([(square[:-1] - square[1:]).ravel(), (square[:, :-1] - square[:, 1:]).ravel()])
    steps = np.abs(differences * np.float32(100) / np.float32(255))
    nearest = np.rint(steps)
    on_the_edge = (nearest > 0) & (np.abs(steps - nearest) < np.float32(tie))
    return int(steps.astype(np.int32).sum()), int(np.count_nonzero(on_the_edge))
