"""The text of a page. Bytes that fit no encoding are replaced, never refused: a browser would show the page, too."""

import codecs
import re

LOOKED_THROUGH = 1024  # bytes in which a page has to name its encoding, by the HTML standard

DECLARED_IN_PAGE = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w:.\-]+)""", re.IGNORECASE)
DECLARED_IN_XML = re.compile(rb"""^\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w:.\-]+)""", re.IGNORECASE)
DECLARED_IN_HEADER = re.compile(r"""\bcharset\s*=\s*["']?\s*([\w:.\-]+)""", re.IGNORECASE)
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# By Python's name, what browsers take instead (the Encoding standard). Not listed is not read: some of Python's codecs
# are no character sets, and take quadratic time.
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-16": "utf-16-le",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "shift_jis": "cp932",
    "cp932": "cp932",
    "euc_jp": "euc_jp",
    "iso2022_jp": "iso2022_jp",
    "euc_kr": "cp949",
    "cp949": "cp949",
    "big5": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "mac-roman": "mac-roman",
    "mac-cyrillic": "mac-cyrillic",
    **{f"iso8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"cp{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
}

# Labels that Python does not know.
LABELS = {"x-sjis": "cp932", "windows-31j": "cp932", "gb_2312-80": "gb18030", "iso-8859-8-i": "iso8859-8"}


def text_of(body: bytes, content_type: str | None) -> tuple[str, str]:
    """The text, and the name of its encoding. A byte order mark counts most, then the header, then what the page says of itself."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace"), encoding
    declared = _declared(body, content_type)
    if declared in (None, "utf-8"):
        try:
            return body.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    encoding = declared or "cp1252"
    return body.decode(encoding, "replace"), encoding


def _declared(body: bytes, content_type: str | None) -> str | None:
    header = DECLARED_IN_HEADER.search(content_type or "")
    encoding = _known(header[1]) if header else None
    if encoding is not None:
        return encoding
    head = body[:LOOKED_THROUGH]
    label = DECLARED_IN_PAGE.search(head) or DECLARED_IN_XML.search(head)
    encoding = _known(label[1].decode("ascii", "replace")) if label else None
    # What can be read this far as ASCII is not UTF-16, whatever it says.
    return "utf-8" if encoding is not None and encoding.startswith("utf-16") else encoding


def _known(label: str) -> str | None:
    try:
        return LABELS.get(label.lower()) or ENCODINGS.get(codecs.lookup(label).name)
    except (LookupError, ValueError):
        return None
