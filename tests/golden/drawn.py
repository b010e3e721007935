"""Pictures drawn in whole numbers, so that they are the same to the last bit on every machine. Nobody is shown in them."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]  # (height, width, 3)


def _grid(height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    down, across = np.mgrid[:height, :width]
    return down.astype(np.int64), across.astype(np.int64)


def _grey(values: NDArray[np.int64]) -> Rgb:
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)


def patches(seed: int = 7, height: int = 480, width: int = 640) -> Rgb:
    """Colour patches of many sizes on top of each other: as busy as a photograph, and unlike any other seed."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.int64)
    for size in (160, 80, 40, 20):
        rows, columns = -(-height // size), -(-width // size)
        patch = np.kron(random.integers(0, 64, (rows, columns, 3)), np.ones((size, size, 1), np.int64))
        picture += patch[:height, :width]
    return picture.astype(np.uint8)


def shapes(seed: int = 3, height: int = 427, width: int = 640) -> Rgb:
    random = np.random.default_rng(seed)
    down, across = _grid(height, width)
    picture = np.full((height, width, 3), 236, np.uint8)
    for _ in range(14):
        y, x, size = random.integers(0, height), random.integers(0, width), random.integers(20, height // 3)
        colour = random.integers(0, 256, 3)
        inside = (down - y) ** 2 + (across - x) ** 2 < size**2
        if random.integers(0, 2):
            inside = (abs(down - y) < size) & (abs(across - x) < size // 2)
        picture[inside] = colour
    return picture


def square() -> Rgb:
    """Symmetric: most frequencies are zero, and rounding decides most bits."""
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[128:384, 128:384] = 255
    return picture


def chessboard() -> Rgb:
    down, across = _grid(600, 800)
    return _grey((down // 50 + across // 50) % 2 * 255)


def tiles() -> Rgb:
    """Its slopes are whole hundredths of the range, so that rounding decides its quality."""
    down, across = _grid(186, 194)
    return _grey(np.where((across // 59 + down // 43) % 2, 232, 198))


def rings() -> Rgb:
    down, across = _grid(601, 777)
    return _grey(((down - 260) ** 2 + (across - 300) ** 2) // 90 % 256)


def slope() -> Rgb:
    _, across = _grid(300, 500)
    return _grey(across * 255 // 499)


def flat() -> Rgb:
    return np.full((300, 300, 3), 130, np.uint8)


def noise(height: int = 333, width: int = 517) -> Rgb:
    return np.random.default_rng(11).integers(0, 256, (height, width, 3), dtype=np.uint8)


DRAWN: Final[dict[str, Callable[[], Rgb]]] = {
    "patches": patches,
    "patches-2": lambda: patches(8),
    "patches-lying": lambda: patches(9, 900, 300),
    "patches-narrow": lambda: patches(10, 64, 1000),
    "patches-smallest": lambda: patches(11, 65, 64),
    "patches-large": lambda: patches(12, 1500, 2000),
    "shapes": shapes,
    "shapes-2": lambda: shapes(4, 640, 427),
    "square": square,
    "chessboard": chessboard,
    "rings": rings,
    "tiles": tiles,
    "slope": slope,
    "flat": flat,
    "noise": noise,
    "noise-64": lambda: noise(64, 64),
}
