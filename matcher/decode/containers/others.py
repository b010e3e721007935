"""AVIF, BMP and TIFF: what their structure says of being all there. The decoder tells the rest."""

import struct

from matcher.decode.containers.container import Container


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
    """Follows the first directory's place only; its strips are checked once the decoder has read their places."""
    order = "<" if data[:2] == b"II" else ">"
    complete = len(data) >= 8 and struct.unpack_from(order + "I", data, 4)[0] < len(data)
    return Container(format="TIFF", content=data, complete=complete)
