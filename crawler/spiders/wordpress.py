"""A WordPress site: its pages, read like a gallery, and its REST API, which knows every upload, linked from a page or not.

The API is found as https://developer.wordpress.org/rest-api/using-the-rest-api/discovery/ says, and its lists are read page by page as
…/using-the-rest-api/pagination/ says: to X-WP-TotalPages, or until the site answers 400. Objects as in …/reference/media/ and /posts/.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from crawler import links
from crawler.fetch import Fetched
from crawler.json_answer import Json, at, dicts, dicts_within, json_of, text
from crawler.links import PageLinks, links_of
from crawler.named import Named
from crawler.parameters import page_after, parameter
from crawler.pieces import read_pieces
from crawler.spiders.site import SiteSpider
from crawler.urls import canonical, parse, resolve

LISTS = ("media", "posts", "pages")  # the uploads first: what no page shows is found there alone
PER_PAGE = 100  # the most that the API gives
MOST_PAGES = 10_000
API_HEADER = re.compile(r"""<([^<>]{1,2000})>\s*;[^,<]*\brel\s*=\s*["']?https://api\.w\.org/""", re.IGNORECASE)
LINK_ELEMENT = re.compile(r"<link\b[^<>]{1,2000}>", re.IGNORECASE)
API_REL = re.compile(r"""\brel\s*=\s*["']?https://api\.w\.org/""", re.IGNORECASE)
HREF = re.compile(r"""\bhref\s*=\s*["']([^"'<>]+)["']""", re.IGNORECASE)
LIST = re.compile(rf"/wp/v2/(?:{'|'.join(LISTS)})/?(?=[?&]|$)")
# Forms, machines' doors, and the same page once for each comment that could be answered.
LEFT_OUT = re.compile(
    r"/wp-login\.php|/wp-admin(?:/|$)|/xmlrpc\.php|/wp-json/oembed/|[?&]rest_route=(?:/|%2F)oembed|[?&](?:replytocom|share|feed)="
    r"|/(?:feed|trackback)/?(?:\?|$)|/wp-comments-post\.php",
    re.IGNORECASE,
)
PICTURE_URLS = ("source_url", "jetpack_featured_media_url")


class WordpressSpider(SiteSpider):
    name: ClassVar[str] = "wordpress"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        answer = json_of(page)
        if answer is not None:
            return _of_api(page, answer)
        found = links.read_page(page.body, page.final_url, page.headers.get("content-type"))
        pages = [*_lists(_root(page)), *(url for url in found.pages if not LEFT_OUT.search(url))]
        return replace(found, pages=tuple(dict.fromkeys(pages)))


def _root(page: Fetched) -> str | None:
    """Where the API begins, as the header says; some caches keep only what stands in the page."""
    own = parse(page.final_url)
    named = API_HEADER.search(page.headers.get("link", ""))
    reference = named[1] if named else None
    if reference is None:
        text = page.body[: links.LONGEST_PAGE].decode("latin-1")
        elements = (each for each in LINK_ELEMENT.findall(text) if API_REL.search(each))
        hrefs = (HREF.search(each) for each in elements)
        reference = next((href[1].replace("&amp;", "&") for href in hrefs if href is not None), None)
    root = resolve(reference, own) if reference is not None and own is not None else None
    return None if root is None else str(root)


def _lists(root: str | None) -> Iterator[str]:
    """A site without speaking addresses has its API in a parameter: /?rest_route=/."""
    if root is not None:
        mark = "&" if "?" in root else "?"
        yield from (f"{root.rstrip('/')}/wp/v2/{name}{mark}per_page={PER_PAGE}" for name in LISTS)


def _of_api(page: Fetched, answer: Json) -> PageLinks:
    named = Named()
    if isinstance(answer, dict) and "namespaces" in answer:
        for url in _lists(canonical(page.final_url)):
            named.page(url)
    else:
        for item in dicts(answer):
            _item(item, named)
        read_pieces((text(each.get("rendered")) for each in dicts_within(answer)), named)
        following = _following(page, answer)
        if following is not None:
            named.goes_on(following)
    found = links_of(named, page.final_url)
    return replace(found, pages=tuple(url for url in found.pages if not LEFT_OUT.search(url)))


def _item(item: dict[str, Json], named: Named) -> None:
    """A post, a page or an upload."""
    for each in dicts_within(item):
        for key in PICTURE_URLS:
            named.image(text(each.get(key)))
    source, original = text(item.get("source_url")), text(at(item, "media_details", "original_image"))
    if source and original:  # since 5.3 what is shown is scaled down to 2,560 pixels; the upload lies beside it
        named.image(f"{source.rpartition('/')[0]}/{original}")
    for image in dicts(at(item, "yoast_head_json", "og_image")):
        named.image(text(image.get("url")))
    if not source:  # the page of an upload shows that upload
        named.page(text(item.get("link")))


def _following(page: Fetched, answer: Json) -> str | None:
    if not isinstance(answer, list) or not answer or LIST.search(page.final_url.replace("%2F", "/")) is None:
        return None
    following = page_after(page.final_url, "page", first=1)
    total = page.headers.get("x-wp-totalpages", "")
    number = parameter(following, "page") if following is not None else None
    if number is None or int(number) > (int(total) if total.isascii() and total.isdigit() else MOST_PAGES):
        return None
    return following
