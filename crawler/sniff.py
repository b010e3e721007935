"""What bytes are, by how they begin. What the site calls them counts only where the bytes themselves say nothing."""

import enum
import re
from dataclasses import dataclass

SNIFF_BYTES = 1024  # enough for every signature below, and for what stands before the first tag of a page


class Kind(enum.Enum):
    IMAGE = "image"
    VIDEO = "video"
    HTML = "html"
    TEXT = "text"
    EMPTY = "empty"
    OTHER = "other"

    @property
    def compared(self) -> bool:
        """It is a picture, or holds some."""
        return self in (Kind.IMAGE, Kind.VIDEO)


@dataclass(frozen=True, slots=True)
class Form:
    """What a body is. `name` completes the sentence "the body is …"; `supported`: pictures, or frames, in a format that we decode."""

    name: str
    kind: Kind
    supported: bool = False
    visual: bool = False  # shows something to people, although it is not decoded here


def _picture(name: str) -> Form:
    return Form(name, Kind.IMAGE, supported=True, visual=True)


def _other(name: str, *, visual: bool = False) -> Form:
    return Form(name, Kind.OTHER, visual=visual)


EMPTY = Form("empty", Kind.EMPTY)
HTML = Form("an HTML page", Kind.HTML)
TEXT = Form("plain text", Kind.TEXT)
SVG = _other("an SVG drawing", visual=True)
VIDEO = Form("a video", Kind.VIDEO, supported=True, visual=True)
SOUND = _other("a sound file")
ARCHIVE = _other("an archive")
FONT = _other("a font")
UNKNOWN = _other("of no known format")

SIGNATURES: tuple[tuple[bytes, Form], ...] = (
    (b"\xff\xd8\xff", _picture("a JPEG picture")),
    (b"\x89PNG\r\n\x1a\n", _picture("a PNG picture")),
    (b"GIF87a", _picture("a GIF picture")),
    (b"GIF89a", _picture("a GIF picture")),
    (b"BM", _picture("a BMP picture")),
    (b"II*\x00", _picture("a TIFF picture")),
    (b"MM\x00*", _picture("a TIFF picture")),
    (b"II+\x00", _picture("a TIFF picture")),
    (b"MM\x00+", _picture("a TIFF picture")),
    (b"\xff\x0a", _picture("a JPEG XL picture")),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", _picture("a JPEG XL picture")),
    (b"\x00\x00\x01\x00", _picture("an ICO picture")),
    (b"\x00\x00\x02\x00", _picture("an ICO picture")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", _other("a JPEG 2000 picture", visual=True)),
    (b"\xff\x4f\xff\x51", _other("a JPEG 2000 picture", visual=True)),
    (b"II\xbc", _other("a JPEG XR picture", visual=True)),
    (b"8BPS", _other("a Photoshop picture", visual=True)),
    (b"%PDF-", _other("a PDF document", visual=True)),
    (b"%!PS", _other("a PostScript document", visual=True)),
    (b"CWS", _other("a Flash film", visual=True)),
    (b"FWS", _other("a Flash film", visual=True)),
    (b"ZWS", _other("a Flash film", visual=True)),
    (b"\x1aE\xdf\xa3", VIDEO),  # Matroska, WebM
    (b"FLV\x01", VIDEO),
    (b"\x00\x00\x01\xba", VIDEO),  # MPEG
    (b"\x00\x00\x01\xb3", VIDEO),
    (b"0&\xb2u\x8ef\xcf\x11", VIDEO),  # Windows Media
    (b"OggS", VIDEO),  # or sound: the container does not say at once
    (b"ID3", SOUND),
    (b"\xff\xfb", SOUND),  # MP3
    (b"\xff\xf3", SOUND),
    (b"\xff\xf2", SOUND),
    (b"fLaC", SOUND),
    (b"PK\x03\x04", ARCHIVE),
    (b"PK\x05\x06", ARCHIVE),
    (b"\x1f\x8b", ARCHIVE),  # gzip, after any Content-Encoding was undone
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!\x1a\x07", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ\x00", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", ARCHIVE),  # Zstandard
    (b"wOFF", FONT),
    (b"wOF2", FONT),
    (b"OTTO", FONT),
    (b"\x00\x01\x00\x00\x00", FONT),
    (b"\x7fELF", _other("a program")),
    (b"MZ", _other("a program")),
    (b"\x00asm", _other("a program")),
)
# As matcher.decode.containers.video has them, where a few bytes would also fit a text.
VIDEO_PATTERNS = (
    re.compile(rb"\0...(?:moov|wide|skip|free|pnot)|[\0-\3]...mdat", re.DOTALL),  # QuickTime of old
    re.compile(rb"G.{187}G.{187}G|.{4}G.{191}G.{191}G", re.DOTALL),  # MPEG transport stream
)
# The third to fourth word of RIFF, and the brand of an ISO media file, say which of its kinds it is.
RIFF = {b"WEBP": _picture("a WebP picture"), b"AVI ": VIDEO, b"WAVE": SOUND}
AVIF_BRANDS = frozenset((b"avif", b"avis"))
HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
AVIF = _picture("an AVIF picture")
HEIC = _picture("a HEIC picture")
CANON_RAW = _other("a Canon raw picture", visual=True)

BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
HTML_TAG = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|meta|link|script|style|base|div|span|p|a|img|table|h[1-6]|br|b|ul|ol|font"
    r"|iframe|frameset|form|center|section|article|main|nav|header|footer|figure|picture|noscript|template|input|button)\b",
    re.IGNORECASE,
)
SVG_TAG = re.compile(r"<(?:!doctype\s+svg|(?:\w+:)?svg)\b", re.IGNORECASE)
# Answers for machines, whatever markup their texts hold: JSON, feeds, site maps.
FOR_MACHINES = re.compile(
    r"""\s*(?:[{\[]\s*(?:["{\[\]}\d]|$)|(?:<(?:\?|!--)[^<>]*>\s*)*<(?:rss|feed|urlset|sitemapindex|(?:\w+:)?rdf)\b)""",
    re.IGNORECASE,
)
BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
DECLARED_TEXT = re.compile(r"\s*(?:text/|application/(?:xhtml|xml|json|javascript|rss|atom))", re.IGNORECASE)
DECLARED_HTML = re.compile(r"\s*(?:text/html|application/xhtml\+xml)", re.IGNORECASE)


def form_of(head: bytes, content_type: str | None = None) -> Form:
    """`head`: the first SNIFF_BYTES of a body, or all of a shorter one."""
    if not head:
        return EMPTY
    for signature, form in SIGNATURES:
        # A word may begin with a signature of two or three letters; no such file goes on as text.
        if head.startswith(signature) and (not signature.isalnum() or BINARY.search(head[:64])):
            return form
    return _container(head) or _text(head[:SNIFF_BYTES], content_type or "")


def _container(head: bytes) -> Form | None:
    if head.startswith(b"RIFF") and head[8:12] in RIFF:
        return RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4]), 256), 4))}
        if not brands.isdisjoint(AVIF_BRANDS):
            return AVIF
        if b"crx " in brands:
            return CANON_RAW
        return HEIC if not brands.isdisjoint(HEIC_BRANDS) else VIDEO
    return VIDEO if any(pattern.match(head) for pattern in VIDEO_PATTERNS) else None


def _text(head: bytes, content_type: str) -> Form:
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            text = head[len(mark) :].decode(encoding, "replace")
            break
    else:
        if BINARY.search(head) and not DECLARED_TEXT.match(content_type):
            return UNKNOWN
        text = head.replace(b"\0", b"").decode("latin-1")  # UTF-16 without a mark reads as ASCII then
    if FOR_MACHINES.match(text):
        return TEXT
    svg, html = SVG_TAG.search(text), HTML_TAG.search(text)
    if svg and not (html and html.start() < svg.start()):
        return SVG
    return HTML if html or DECLARED_HTML.match(content_type) else TEXT
