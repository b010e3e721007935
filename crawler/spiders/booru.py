"""A booru: tagged pictures in one long list, which its API gives page by page until one is empty. Other pages are read like a gallery.

Danbooru   /posts.json?page=           (https://danbooru.donmai.us/wiki_pages/help:api), e621 in objects of its own
Moebooru   /post.json?page=            (its help page "API", version 1.13.0+update.3), and Danbooru of old: /post/index.json
Gelbooru   /index.php?page=dapi&s=post&q=index&json=1&pid=     (its wiki page "DAPI"); without `json=1` the same in XML
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from crawler import links
from crawler.fetch import Fetched
from crawler.json_answer import Json, dicts, dicts_within, json_of, text, whole
from crawler.links import PageLinks, links_of
from crawler.named import Named
from crawler.parameters import page_after, parameter, with_parameter
from crawler.spiders.site import SiteSpider
from crawler.xml_answer import elements

PICTURES = ("file_url", "large_file_url", "jpeg_url", "sample_url", "preview_url", "preview_file_url")
LISTS = frozenset({"posts"})  # the first element of an answer in XML
PARTS = ("media_asset", "file", "sample", "preview")  # of a post, which have `url` themselves, or sizes that do
LIST_OF_POSTS = re.compile(r"/posts?(?:/index)?\.(?:json|xml)$")
MOST_POSTS = links.MOST_IMAGES  # of one answer; the sites give 1,000 at most
GELBOORU_API = "dapi"
NUMBERED_PAGES = 1_000  # of Danbooru: further ones are told by the post that they come before
FOLDER = re.compile(r"[\w\-/]{1,100}")
FILE = re.compile(r"[\w\-]{1,100}\.\w{1,10}")
HASH = re.compile(r"[0-9a-f]{8,64}")


class BooruSpider(SiteSpider):
    name: ClassVar[str] = "booru"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        answer = json_of(page)
        posts = _posts(answer) if answer is not None else _posts_of_xml(page)
        if answer is None and not posts:
            return links.read_page(page.body, page.final_url, page.headers.get("content-type"))
        named = Named()
        for post in posts[:MOST_POSTS]:
            for reference in _pictures(post):
                named.image(reference)
        following = _next_page(page.final_url, posts) if posts else None
        if following is not None:
            named.goes_on(following)
        return links_of(named, page.final_url)


def _posts(answer: Json) -> "Sequence[Mapping[str, Json]]":
    """A list, or an object that holds it; the first answer of some shows no more than one post."""
    if isinstance(answer, dict):
        held = next((answer[key] for key in ("posts", "post") if key in answer), answer)
        return [post for post in dicts(held) if "id" in post]
    return [post for post in dicts(answer) if "id" in post]


def _posts_of_xml(page: Fetched) -> "Sequence[Mapping[str, Json]]":
    return [attributes for name, attributes in elements(page, LISTS) if name == "post" and "id" in attributes]


def _pictures(post: "Mapping[str, Json]") -> Iterator[str]:
    named = [text(post.get(key)) for key in PICTURES]
    yield from named
    for part in PARTS:
        for each in dicts_within(post.get(part)):
            yield text(each.get("url"))
    if not any(named):
        yield from _by_template(post)


def _by_template(post: "Mapping[str, Json]") -> Iterator[str]:
    """Gelbooru 0.2 says folder, name and hash, and leaves it to its clients to put them together."""
    folder, file, digest = (text(post.get(key)) for key in ("directory", "image", "hash"))
    number = whole(post.get("directory"))
    folder = str(number) if number is not None else folder
    if FOLDER.fullmatch(folder) and FILE.fullmatch(file):
        yield f"/images/{folder}/{file}"
        if HASH.fullmatch(digest):
            yield f"/thumbnails/{folder}/thumbnail_{digest}.jpg"


def _next_page(url: str, posts: "Sequence[Mapping[str, Json]]") -> str | None:
    if parameter(url, "page") == GELBOORU_API:
        return page_after(url, "pid", first=0)
    if LIST_OF_POSTS.search(url.partition("?")[0]) is None:
        return None
    number = parameter(url, "page") or "1"
    if number.startswith("b") or (number == str(NUMBERED_PAGES) and "media_asset" in posts[0]):
        ids = [each for each in (whole(post.get("id")) for post in posts) if each is not None]
        return with_parameter(url, "page", f"b{min(ids)}") if ids else None
    return page_after(url, "page", first=1)
