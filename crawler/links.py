"""What a page names: pictures, in every way a page can embed one, and pages. Pure; any bytes are read, none raise."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from crawler.charset import text_of
from crawler.markup import read_markup
from crawler.named import Named
from crawler.urls import Base, parse, resolve

MOST_IMAGES = 5_000  # of one page
MOST_PAGES = 5_000
LONGEST_PAGE = 8 * 2**20  # bytes that are read


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """Absolute http(s) URLs as `canonical` spells them, in document order, each once."""

    base: str
    images: tuple[str, ...] = field(repr=False)
    pages: tuple[str, ...] = field(repr=False)  # those that are said to be next come first
    truncated: bool  # the page holds more than is kept


def read_page(body: bytes, url: str, content_type: str | None) -> PageLinks:
    """A link to what is called like a picture is a picture; a link that does not say what it leads to is a page.

    Raises ValueError when `url`, the page's own, is no http(s) URL.
    """
    own = parse(url)
    if own is None:
        raise ValueError("the URL of a page must be an http or https URL")
    text, encoding = text_of(body[:LONGEST_PAGE], content_type)
    named = Named()
    read_markup(text, named)
    base = (resolve(named.base, own) if named.base else None) or own
    if encoding.startswith("utf-16"):
        encoding = "utf-8"  # browsers spell no query in UTF-16
    spell = Base(base, encoding).spell
    images, more_images = _kept(map(spell, named.images), MOST_IMAGES)
    pages, more_pages = _kept(map(spell, chain(named.next_pages, named.pages)), MOST_PAGES)
    truncated = len(body) > LONGEST_PAGE or more_images or more_pages or named.full
    return PageLinks(base=str(base), images=images, pages=pages, truncated=truncated)


def _kept(found: Iterable[str | None], most: int) -> tuple[tuple[str, ...], bool]:
    """The URLs, and whether there were more."""
    urls: dict[str, None] = {}
    for url in found:
        if url is not None:
            if len(urls) == most and url not in urls:
                return tuple(urls), True
            urls[url] = None
    return tuple(urls), False
