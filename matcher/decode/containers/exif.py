"""The one thing of EXIF that hashing needs: which way is up."""

import struct
from typing import Final

_ORIENTATION: Final = 0x0112
_SIZES: Final = {1: "B", 3: "H", 4: "I"}  # byte, short, long


def orientation(exif: bytes) -> int:
    """1..8; 1 when it does not say. Reads the first directory only: no chain to follow, so no loop to fall into."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _ = struct.unpack_from(order + "HHI", tiff, entry)
            if tag == _ORIENTATION:
                (value,) = struct.unpack_from(order + _SIZES[kind], tiff, entry + 8)
                return int(value) if 1 <= value <= 8 else 1
    except (struct.error, KeyError):
        return 1
    return 1
