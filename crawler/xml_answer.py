"""XML from a stranger: feeds, site maps and the answers of older APIs. Read element by element, without a tree; nothing here raises.

No entity is expanded, no DTD and nothing else is asked for. A document that brings a DTD of its own is not read: no feed needs one, and
its entities are how eight lines become a billion words (https://docs.python.org/3/library/xml.html#xml-security).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from lxml import etree

from crawler.charset import text_of
from crawler.fetch import Fetched

LONGEST_ANSWER = 20 * 2**20  # bytes; more is not fetched. A site map may have 50 MB
FED_AT_ONCE = 64 * 1024  # bytes
MOST_ELEMENTS = 100_000  # gathered

# A feed may use the entities of HTML, which it did not declare: "&nbsp;" stays what it is, and not even a lone "&" ends the reading. Of
# several in a row one is left: they mean nothing, and eight million would be as many calls.
LOOSE = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|(?:&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});))+|<!DOCTYPE[^<>\[]*\[",
    re.DOTALL,
)
# Behind whatever may stand before it. What is read once is never read again (`*+`): a page of open comments takes no longer than another.
FIRST_ELEMENT = re.compile(
    r"(?:\s|<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^<>\[]*>)*+<(?:[\w.\-]+:)?([\w.\-]+)[\s/>]", re.DOTALL | re.IGNORECASE
)

Attributes = Mapping[str, str]


class Target(Protocol):
    """What reads the elements. `name` is "{namespace}name", as lxml has it."""

    def start(self, name: str, attributes: Attributes) -> None: ...

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...

    def close(self) -> None: ...


class OwnDtd(ValueError):
    """Raised and caught here."""


def read_xml(page: Fetched, target: Target, roots: Collection[str]) -> bool:
    """Whether it is XML that may be read; broken XML is read as far as it makes sense.

    roots   what its first element may be called, in lower case and without a prefix. Whatever begins otherwise may be HTML: that needs no
            <html>, and may have a comment or an XML declaration before it.
    """
    text, _ = text_of(page.body[:LONGEST_ANSWER], page.headers.get("content-type"))
    first = FIRST_ELEMENT.match(text)
    if first is None or first[1].lower() not in roots:
        return False
    try:
        encoded = LOOSE.sub(_tightened, text).encode("utf-8", "replace")
    except OwnDtd:
        return False
    # lxml calls the methods that a target has; its stubs want a target to have them all.
    parser = etree.XMLParser(  # type: ignore[call-overload]
        target=target,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
    )
    try:
        for start in range(0, len(encoded), FED_AT_ONCE):
            parser.feed(encoded[start : start + FED_AT_ONCE])
        parser.close()
    except etree.LxmlError:
        pass  # deeper or longer than libxml2 reads: what came before counts
    return True


def elements(page: Fetched, roots: Collection[str]) -> Sequence[tuple[str, Attributes]]:
    """Names without their namespaces, and attributes."""
    gathered = _Gathered()
    read_xml(page, gathered, roots)
    return gathered.elements


def local(name: str) -> str:
    return name.rpartition("}")[2].lower()


class _Gathered:
    def __init__(self) -> None:
        self.elements: list[tuple[str, Attributes]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if len(self.elements) < MOST_ELEMENTS:
            self.elements.append((local(name), dict(attributes)))

    def end(self, name: str) -> None:
        """Nothing is nested here."""

    def data(self, text: str) -> None:
        """Texts are not gathered."""

    def close(self) -> None:
        """lxml asks for it."""


def _tightened(loose: re.Match[str]) -> str:
    if loose[0][0] == "&":
        return "&amp;"
    if loose[0].startswith("<!D"):
        raise OwnDtd
    return loose[0]
