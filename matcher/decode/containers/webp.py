"""WebP: RIFF chunks (RFC 9649)."""

import struct
from collections.abc import Callable
from typing import Final

from matcher.decode.containers.container import Container
from matcher.decode.containers.exif import orientation


def _canvas(body: bytes) -> tuple[int, int]:
    return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")


def _lossy(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _lossless(body: bytes) -> tuple[int, int]:
    sides = int.from_bytes(body[1:5], "little")
    return 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)


_SIZES: Final[dict[bytes, Callable[[bytes], tuple[int, int]]]] = {b"VP8X": _canvas, b"VP8 ": _lossy, b"VP8L": _lossless}


def walk(data: bytes) -> Container:
    (declared,) = struct.unpack_from("<I", data, 4)
    end = min(len(data), declared + 8)
    at, turn, frames = 12, 1, 0
    width = height = 0

    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + (length if kind == b"EXIF" else 16)]
        if kind in _SIZES and not width and len(body) >= 10:
            width, height = _SIZES[kind](body)
        frames += kind == b"ANMF"
        if kind == b"EXIF":
            turn = orientation(body)
        at += 8 + length + (length & 1)

    return Container(
        format="WEBP",
        content=data,
        complete=declared + 8 <= len(data),
        width=width,
        height=height,
        orientation=turn,
        frames=max(frames, 1),
    )
