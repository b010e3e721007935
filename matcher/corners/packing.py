"""Corners as bytes, to be kept or exchanged.

    1        version
    2        n: how many corners
    4, 4     width, height of the plane
    n, n     x, y: which 256th of the longer side; coarse, so that no picture is drawn from them, and fine enough to compare
    n        angle, in 1/64 of a turn
    n        level
    32 n     descriptors

Numbers are little-endian, columns lie one after the other.
"""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.corners.corners import MOST_PIXELS, STEP, Corners, as_angles, as_numbers
from matcher.corners.tables import BINS, LEVELS

VERSION: Final = 1
_HEAD: Final = struct.Struct("<BHII")
_BYTES_A_CORNER: Final = 36
_GRID: Final = 256  # cells of the longer side


def packed(corners: Corners) -> bytes:
    """Raises ValueError for more than 65535 corners."""
    count = len(corners)
    if count >= 2**16:
        raise ValueError(f"{count} corners do not fit; at most 65535 do")
    longer = max(corners.width, corners.height)
    cells = np.clip(np.floor((corners.points + 0.5) * (_GRID / longer)), 0, _GRID - 1)
    levels = np.rint(corners.scales / STEP)
    return b"".join(
        (
            _HEAD.pack(VERSION, count, corners.width, corners.height),
            cells.T.astype(np.uint8).tobytes(),
            as_numbers(corners.angles).astype(np.uint8).tobytes(),
            levels.astype(np.uint8).tobytes(),
            corners.descriptors.astype("<u8").tobytes(),
        )
    )


def unpacked(packed_bytes: bytes) -> Corners:
    """Raises ValueError for what `packed` cannot have made."""
    if len(packed_bytes) < _HEAD.size:
        raise ValueError("too short to hold corners")
    version, count, width, height = _HEAD.unpack_from(packed_bytes)
    if version != VERSION:
        raise ValueError(f"corners of version {version}; this Stillwatch reads version {VERSION}")
    if len(packed_bytes) != _HEAD.size + _BYTES_A_CORNER * count:
        raise ValueError(f"{len(packed_bytes)} bytes cannot hold {count} corners")
    if max(width, height) > MOST_PIXELS or (count and min(width, height) == 0):
        raise ValueError(f"corners of a plane of {width} by {height} pixels")
    columns = np.frombuffer(packed_bytes, np.uint8, 4 * count, _HEAD.size).reshape(4, count).astype(np.int64)
    descriptors = (
        np.frombuffer(packed_bytes, "<u8", 4 * count, _HEAD.size + 4 * count).reshape(count, 4).astype(np.uint64)
    )
    cells, angles, levels = columns[:2].T, columns[2], columns[3]
    longer = max(width, height)
    if (cells * longer >= np.array([width, height]) * _GRID).any():
        raise ValueError("a corner lies outside of its plane")
    if (angles >= BINS).any() or (levels >= LEVELS).any():
        raise ValueError("an angle or a level that there is not")
    return Corners(
        points=_middles(cells, longer),
        angles=as_angles(angles),
        scales=(levels * STEP).astype(np.float32),
        descriptors=descriptors,
        width=width,
        height=height,
    )


def _middles(cells: NDArray[np.int64], longer: int) -> NDArray[np.float32]:
    return ((cells + 0.5) * (longer / _GRID) - 0.5).astype(np.float32)
