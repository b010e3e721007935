"""Which format a file is in, by its first bytes alone: names and content types lie."""

import re
from collections.abc import Callable
from typing import Final

from core.picture import State
from matcher.decode.containers import gif, jpeg, others, png, webp
from matcher.decode.containers.container import Container, Obstacle

_MAGIC: Final[tuple[tuple[re.Pattern[bytes], Callable[[bytes], Container]], ...]] = tuple(
    (re.compile(magic, re.DOTALL), walk)
    for magic, walk in (
        (rb"\xff\xd8(\xff|\Z)", jpeg.walk),
        (re.escape(png.SIGNATURE), png.walk),
        (rb"GIF8[79]a", gif.walk),
        (rb"RIFF....WEBP", webp.walk),
        (rb"BM(.{4}\0{4}|.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0{3})", others.walk_bmp),
        (rb"II\x2a\0|MM\0\x2a", others.walk_tiff),
    )
)

# Known, and not decoded here. The name is what the reason says.
_KNOWN: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = tuple(
    (re.compile(magic, re.DOTALL), name)
    for magic, name in (
        (rb"%PDF-", "PDF"),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
        (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  ", "JPEG 2000"),
        (rb"II\xbc\x01|\x49\x49\xbc", "JPEG XR"),
        (rb"II\x2b\0|MM\0\x2b", "BigTIFF"),
        (rb"\0\0[\x01\x02]\0", "icon"),
        (rb"8BPS", "Photoshop"),
        (rb"gimp xcf", "GIMP"),
        (rb"DDS ", "DDS"),
        (rb"qoif", "QOI"),
        (rb"v/1\x01", "OpenEXR"),
        (rb"#\?RADIANCE", "Radiance"),
        (rb"P([1-6]\s(\s|#[^\n]*\n)*\d{1,7}\s|7\nWIDTH)", "portable bitmap"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
        (rb"\x1aE\xdf\xa3", "Matroska or WebM video"),
        (rb"RIFF....AVI ", "AVI video"),
        (rb"OggS", "Ogg"),
        (rb"FLV\x01", "Flash video"),
        (rb"\0\0\x01[\xb3\xba]", "MPEG video"),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media video"),
    )
)

_SVG: Final = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE\s+svg[^>]*>\s*)?(<!--.*?-->\s*)*<svg[\s>/]",
    re.DOTALL,
)
_BRANDS: Final = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF",
    b"crx ": "Canon raw", b"qt  ": "QuickTime video",
}  # fmt: skip


def walk(data: bytes) -> Container:
    """Raises Obstacle: not an image, or of a known format that is not decoded here."""
    if not data:
        raise Obstacle(State.NOT_IMAGE, "there are no bytes")
    for magic, walker in _MAGIC:
        if magic.match(data):
            return walker(data)
    if data[4:8] == b"ftyp":
        return _by_brand(data)
    for magic, name in _KNOWN:
        if magic.match(data):
            raise Obstacle(State.UNSUPPORTED, f"{name} is not decoded here")
    if _SVG.match(data[:2000]):
        raise Obstacle(State.UNSUPPORTED, "SVG is not decoded here")
    raise Obstacle(State.NOT_IMAGE, "the bytes are not a picture in any known format")


def _by_brand(data: bytes) -> Container:
    """ISO base media: pictures and videos share it, and the brands tell them apart."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, length, 4))]
    if b"avif" in brands or b"avis" in brands:
        return others.walk_avif(data)
    name = next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "MP4 video")
    raise Obstacle(State.UNSUPPORTED, f"{name} is not decoded here")
