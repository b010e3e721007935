"""Reads HTML, one element after the other, and notes what it names.

lxml calls a `Reader` for each element and builds no tree: memory stays flat, and no depth of nesting hides anything (with a
tree, libxml2 ends at 256 levels without a word). Markup inside scripts, comments, attributes and text areas is read, too.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from lxml import etree

from crawler import written
from crawler.attributes import role_of
from crawler.named import Named

MOST_FRAGMENTS = 500  # pieces of markup within the markup of one page
DEEPEST_FRAGMENT = 3  # markup within markup within markup
FED_AT_ONCE = 4_096  # bytes; after each the depth is looked at
DEEPEST_NESTING = 500  # then a new parser goes on: libxml2 looks through all open elements at each end tag

RAW_TEXT = frozenset(("script", "style", "textarea", "xmp", "noembed", "noframes", "iframe", "plaintext"))
NAMES_SOMETHING = re.compile(r"src|href|url\(|data-", re.IGNORECASE)


class FeedParser(Protocol):
    def feed(self, data: bytes) -> None: ...

    def close(self) -> None: ...


def read_markup(text: str, named: Named, level: int = 0) -> None:
    reader = Reader(named, level)
    encoded = text.encode("utf-8", "replace")
    parser = None
    for start in range(0, len(encoded), FED_AT_ONCE):
        parser = parser or _parser(reader)
        parser.feed(encoded[start : start + FED_AT_ONCE])
        if reader.depth > DEEPEST_NESTING:
            parser.close()
            reader.depth, parser = 0, None
    if parser is not None:  # lxml minds one that was fed nothing
        parser.close()


def _parser(reader: "Reader") -> FeedParser:
    # lxml calls the methods that a target has; its stubs want a target to have them all.
    parser: FeedParser = etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=False)  # type: ignore[call-overload]
    return parser


class Reader:
    """A parser target, as lxml calls it."""

    def __init__(self, named: Named, level: int) -> None:
        self.named = named
        self.depth = 0  # elements that are open
        self._level = level
        self._raw: str | None = None  # the element whose text is being gathered
        self._raw_type = ""
        self._text: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.depth += 1
        for name, value in attributes.items():
            role = role_of(tag, name)
            if role is not None and value:
                role(self, value, attributes)
        if tag in RAW_TEXT:
            self._raw, self._raw_type = tag, attributes.get("type", "").lower()

    def end(self, tag: str) -> None:
        self.depth -= 1
        if tag == self._raw:
            text, self._raw, self._text = "".join(self._text), None, []
            self._read_raw(tag, text)

    def data(self, text: str) -> None:
        if self._raw is not None:
            self._text.append(text)

    def comment(self, text: str) -> None:
        """Old pages hide what only some browsers were to show, newer ones what a script is to show later."""
        if "<" in text and NAMES_SOMETHING.search(text):
            self.fragment(text)

    def close(self) -> None:
        """lxml asks for it."""

    def fragment(self, text: str) -> None:
        if self._level < DEEPEST_FRAGMENT and self.named.fragments < MOST_FRAGMENTS:
            self.named.fragments += 1
            read_markup(text, self.named, self._level + 1)
        else:
            self._images(written.in_script(text))

    def _read_raw(self, tag: str, text: str) -> None:
        if tag == "style":
            self._images(written.in_css(text))
        elif tag != "script" or "html" in self._raw_type or "template" in self._raw_type:
            if "<" in text:
                self.fragment(text)
        elif "json" in self._raw_type:
            found = written.in_json(text)
            self._images(written.in_script(text) if found is None else found)
            self._unsaid(text)
        else:
            self._images(written.in_program(text))
            self._unsaid(text)

    def _unsaid(self, text: str) -> None:
        for reference in written.unsaid_in_script(text):
            if reference not in self.named.images:
                self.named.page(reference)

    def _images(self, references: Iterable[str]) -> None:
        for reference in references:
            if "<" in reference:
                self.fragment(reference)
            else:
                self.named.image(reference)
            if self.named.full:
                return


# lxml asks how many arguments `start` takes, for each parser; worked out anew, the answer takes longer than parsing a short page.
Reader.start.__signature__ = inspect.signature(Reader.start)  # type: ignore[attr-defined]  # as `inspect` documents
