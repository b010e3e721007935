"""Which videos are known by their first bytes, and what their structure says of being all there. Pure: nothing is decoded."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """
    name       as a reason says it
    demuxer    FFmpeg's name of the one that may look at the bytes: no other, such as that of a play list, is ever asked
    complete   the file goes on to where its own structure says it ends, as far as it says
    """

    name: str
    demuxer: str
    content: bytes = field(repr=False)
    complete: bool = True


def is_video(content: bytes) -> bool:
    """By its first bytes. Sound alone in a video's container counts as one: only the decoder can tell."""
    return walk(content) is not None


def walk(content: bytes) -> Footage | None:
    """None: no video that is known here."""
    for magic, name, demuxer, complete in _MAGIC:
        if magic.match(content):
            return Footage(name=name, demuxer=demuxer, content=content, complete=complete(content))
    if content[4:8] == b"ftyp":
        brands = _brands(content)
        if not _STILL & brands:
            name = "QuickTime video" if b"qt  " in brands else "MP4 video"
            return Footage(name=name, demuxer="mov", content=content, complete=_boxes_end(content))
    return None


_STILL: Final = {
    b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1", b"crx ",
}  # fmt: skip  # pictures, most of them


def _brands(content: bytes) -> set[bytes]:
    """Of an ISO base media file: pictures and videos share it, and the brands tell them apart."""
    length = min(int.from_bytes(content[:4], "big"), 256)
    return {content[8:12], *(content[at : at + 4] for at in range(16, length, 4))}


def _boxes_end(content: bytes) -> bool:
    """Top-level boxes only (ISO/IEC 14496-12)."""
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        header = 8
        if length == 1:
            length, header = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        if length == 0 and at + header <= len(content):
            return True  # this box goes on to the end of the file
        if length < header or at + length > len(content):
            return False
        at += length
    return True


def _segment_ends(content: bytes) -> bool:
    """Matroska (RFC 9559): the header, then one segment that says how long it is, or that it does not know."""
    header = _element_end(content, 4)
    if header is None or content[header : header + 4] != b"\x18\x53\x80\x67":
        return False
    end = _element_end(content, header + 4)
    return end is not None and end <= len(content)


def _element_end(content: bytes, at: int) -> int | None:
    """Where the element ends whose length lies at this place (RFC 8794); where the file ends when it does not know."""
    first = content[at] if at < len(content) else 0
    if first == 0 or at + (width := 9 - first.bit_length()) > len(content):
        return None
    length = int.from_bytes(content[at : at + width], "big") - (1 << 7 * width)
    unknown = length == (1 << 7 * width) - 1
    return len(content) if unknown else at + width + length


def _riff_ends(content: bytes) -> bool:
    return 8 + int.from_bytes(content[4:8], "little") <= len(content)


def _untold(_: bytes) -> bool:
    """These are cut anywhere and do not say so."""
    return True


_MAGIC: Final[tuple[tuple[re.Pattern[bytes], str, str, Callable[[bytes], bool]], ...]] = tuple(
    (re.compile(magic, re.DOTALL), name, demuxer, complete)
    for magic, name, demuxer, complete in (
        # QuickTime before it had brands. Sizes of such first boxes are below 16 MiB, all but that of the film itself.
        (rb"\0...(moov|wide|skip|free|pnot)|[\0-\3]...mdat", "QuickTime video", "mov", _boxes_end),
        (rb"\x1aE\xdf\xa3", "Matroska or WebM video", "matroska", _segment_ends),
        (rb"RIFF....AVI ", "AVI video", "avi", _riff_ends),
        (rb"G.{187}G.{187}G|.{4}G.{191}G.{191}G", "MPEG transport stream video", "mpegts", _untold),
        (rb"\0\0\x01\xba", "MPEG video", "mpeg", _untold),
        (rb"\0\0\x01\xb3", "MPEG video", "mpegvideo", _untold),
        (rb"FLV\x01", "Flash video", "flv", _untold),
        (rb"OggS", "Ogg video", "ogg", _untold),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media video", "asf", _untold),
    )
)
