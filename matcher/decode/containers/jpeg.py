"""JPEG: segments up to the end of the picture (ISO/IEC 10918-1, annex B)."""

import re
import struct
from typing import Final

from core.picture import State
from matcher.decode.containers.container import Container, Obstacle
from matcher.decode.containers.exif import orientation
from matcher.decode.limits import MAX_SCANS

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODED: Final = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # baseline, extended, progressive; by Huffman or arithmetic coding
_ALONE: Final = {0x01, _SOI, *range(0xD0, 0xD8)}  # markers without a length
_EXIF: Final = 0xE1
_QUANTISERS: Final = b"\xff\xdb"
# Comments and application data go, save what says how colours are stored: JFIF and Adobe.
_CUT: Final = {0xFE, *range(0xE1, 0xF0)} - {0xEE}
_NEXT_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan: neither a stuffed byte nor a restart


def walk(data: bytes) -> Container:
    kept = [data[:2]]
    at, scans, turn = 2, 0, 1
    complete = False
    frame: tuple[int, bytes] | None = None
    coarse: bytes | None = None

    while (found := _marker(data, at)) is not None:
        marker, at = found
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            complete = True
            break
        if marker in _ALONE:
            kept.append(bytes((0xFF, marker)))
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : at + length]
        if length < 2 or at + length > len(data):
            kept.append(data[at - 2 :])
            break
        if marker in _FRAMES:
            frame = marker, body
        elif marker == _EXIF and body.startswith(b"Exif\0\0"):
            turn = orientation(body)
        if marker not in _CUT:
            kept.append(data[at - 2 : at + length])
        at += length
        if marker == _SOS:
            scans += 1
            stop = _end_of_scan(data, at, scans)
            kept.append(data[at:stop])
            at = stop
            if scans == 1 and _means_of_all(frame, body):
                coarse = b"".join((*map(_of_means_only, kept), b"\xff\xd9"))

    width, height, coefficients = _size(frame, scans)
    return Container(
        format="JPEG",
        content=b"".join(kept),
        coarse=coarse,
        complete=complete,
        width=width,
        height=height,
        orientation=turn,
        frames=1,
        coefficient_bytes=coefficients,
    )


def _end_of_scan(data: bytes, at: int, scans: int) -> int:
    if scans > MAX_SCANS:
        raise Obstacle(State.TOO_LARGE, f"the JPEG has more than {MAX_SCANS} scans")
    end = _NEXT_MARKER.search(data, at)
    return len(data) if end is None else end.start()


def _means_of_all(frame: tuple[int, bytes] | None, scan: bytes) -> bool:
    """The scan holds the first coefficient, the mean of each block, of all components of a progressive picture."""
    marker, body = frame or (0, b"")
    if marker not in {0xC2, 0xCA} or len(body) < 6 or not scan or scan[0] != body[5] or len(scan) < 2 * scan[0] + 4:
        return False
    return scan[1 + 2 * scan[0]] == 0 and scan[2 + 2 * scan[0]] == 0


def _of_means_only(segment: bytes) -> bytes:
    """A table of quantisers without those of the coefficients that never come; any other segment as it is.

    The decoder would guess these coefficients from the means around, and in libjpeg-turbo, since 2.1, change the means, too: by up to 60
    grey levels in a photograph, and in half of the time that decoding takes. It leaves that be where a quantiser is 0.
    """
    if not segment.startswith(_QUANTISERS):
        return segment
    changed, at = bytearray(segment), 4
    while at < len(segment):
        size = 2 if segment[at] >> 4 else 1  # bytes of each of the 64
        changed[at + 1 + size : at + 1 + 64 * size] = bytes(63 * size)
        at += 1 + 64 * size
    return bytes(changed[: len(segment)])


def _marker(data: bytes, at: int) -> tuple[int, int] | None:
    """The next marker and where its segment begins; bytes that belong to nothing are stepped over, as decoders do."""
    found = _NEXT_MARKER.search(data, at)
    return None if found is None else (data[found.end() - 1], found.end())


def _size(frame: tuple[int, bytes] | None, scans: int) -> tuple[int, int, int]:
    """Width, height, and the bytes of all coefficients if they must be held until the last scan."""
    if frame is None:
        return 0, 0, 0
    marker, body = frame
    if marker not in _DECODED:
        raise Obstacle(State.UNSUPPORTED, "a lossless or hierarchical JPEG is not decoded here")
    if len(body) < 6:
        return 0, 0, 0
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8:
        raise Obstacle(State.UNSUPPORTED, f"a JPEG of {precision} bits a sample is not decoded here")
    factors = [body[7 + 3 * n] for n in range(components) if 7 + 3 * n < len(body)]
    across = max((factor >> 4 for factor in factors), default=1) or 1
    down = max((factor & 15 for factor in factors), default=1) or 1
    held = marker in {0xC2, 0xCA} or scans > 1
    blocks = sum((factor >> 4) * (factor & 15) for factor in factors) / (across * down)
    return width, height, int(width * height * blocks * 2) if held else 0
