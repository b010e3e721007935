"""AVIF, BMP and TIFF: what their structure says of being all there. The decoder tells the rest."""

import struct
from typing import Final

from matcher.decode.containers.container import Container

_TIFF_SIZES: Final = {
    3: 2,
    4: 4,
    5: 8,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
}  # bytes of a value, by type; 1 for the rest


def walk_avif(data: bytes) -> Container:
    """Top-level boxes only (ISO/IEC 14496-12). Its orientation is a property the decoder applies."""
    at = 0
    complete = True
    while at < len(data):
        if at + 8 > len(data):
            complete = False
            break
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length == 0:
            break  # this box goes on to the end of the file
        if length < 8 or at + length > len(data):
            complete = False
            break
        at += length
    return Container(format="AVIF", content=data, complete=complete)


def walk_bmp(data: bytes) -> Container:
    if len(data) < 54:
        return Container(format="BMP", content=data, complete=False)
    pixels_at, header = struct.unpack_from("<II", data, 10)
    if header < 40:
        return Container(format="BMP", content=data)
    width, height, _planes, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    row = (width * depth + 31) // 32 * 4
    packed = compression not in {0, 3, 6}
    return Container(
        format="BMP",
        content=data,
        complete=packed or pixels_at + row * abs(height) <= len(data),
        width=max(width, 0),
        height=abs(height),
        frames=1,
    )


def walk_tiff(data: bytes) -> Container:
    """Looks at the first directory and where its values lie; its strips are checked once the decoder has read their places."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, start)
        entries = [struct.unpack_from(order + "HHII", data, start + 2 + 12 * number) for number in range(count)]
        complete = all(
            size * _TIFF_SIZES.get(kind, 1) <= 4 or place + size * _TIFF_SIZES.get(kind, 1) <= len(data)
            for _, kind, size, place in entries
        )
    except struct.error:
        complete = False
    return Container(format="TIFF", content=data, complete=complete)
