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
    following: tuple[str, ...] = field(default=(), repr=False)  # of the pages: where a list that an API gives goes on


def read_page(body: bytes, url: str, content_type: str | None) -> PageLinks:
    """A link to what is called like a picture is a picture; a link that does not say what it leads to is a page.

    Raises ValueError when `url`, the page's own, is no http(s) URL.
    """
    text, encoding = text_of(body[:LONGEST_PAGE], content_type)
    named = Named()
    read_markup(text, named)
    return links_of(named, url, encoding=encoding, truncated=len(body) > LONGEST_PAGE)


def links_of(named: Named, url: str, *, encoding: str = "utf-8", truncated: bool = False) -> PageLinks:
    """What was named by the document at `url`, however it was read. Raises as `read_page` does."""
    return spelled(
        url,
        named.images,
        chain(named.next_pages, named.pages),
        following=named.following,
        base=named.base,
        encoding=encoding,
        truncated=truncated or named.full,
    )


def spelled(
    url: str,
    images: Iterable[str],
    pages: Iterable[str],
    *,
    following: Iterable[str] = (),
    base: str | None = None,
    encoding: str = "utf-8",
    truncated: bool = False,
    most: int | None = None,
) -> PageLinks:
    """References as the document at `url` has them, made absolute; `most`: other bounds than those of a page."""
    own = parse(url)
    if own is None:
        raise ValueError("the URL of a page must be an http or https URL")
    base_url = (resolve(base, own) if base else None) or own
    if encoding.startswith("utf-16"):
        encoding = "utf-8"  # browsers spell no query in UTF-16
    spell = Base(base_url, encoding).spell
    kept_images, more_images = _kept(map(spell, images), most or MOST_IMAGES)
    kept_pages, more_pages = _kept(map(spell, pages), most or MOST_PAGES)
    return PageLinks(
        base=str(base_url),
        images=kept_images,
        pages=kept_pages,
        truncated=truncated or more_images or more_pages,
        following=tuple(dict.fromkeys(url for url in map(spell, following) if url is not None)),
    )


def _kept(found: Iterable[str | None], most: int) -> tuple[tuple[str, ...], bool]:
    """The URLs, and whether there were more."""
    urls: dict[str, None] = {}
    for url in found:
        if url is not None:
            if len(urls) == most and url not in urls:
                return tuple(urls), True
            urls[url] = None
    return tuple(urls), False
