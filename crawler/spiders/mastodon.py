"""A site of the fediverse, by the answers it gives to clients and to other sites. What is no JSON is read like a gallery.

Mastodon's API (https://docs.joinmastodon.org/methods/timelines/ and …/entities/Status/), which many others speak, too:
/api/v1/timelines/public?local=true&only_media=true. Its lists go on as the Link header says (…/api/guidelines/#pagination).
ActivityPub (https://www.w3.org/TR/activitypub/#outbox): /users/NAME/outbox, a collection in pages, where it is given without a signature.
"""

import re
from typing import ClassVar
from urllib.parse import urlsplit

from crawler import links
from crawler.fetch import Fetched
from crawler.json_answer import Json, dicts, dicts_within, json_of, text
from crawler.links import PageLinks, links_of
from crawler.named import Named
from crawler.parameters import with_parameter
from crawler.pieces import pictures_of
from crawler.spiders.site import SiteSpider

# Entities of Mastodon's API and what in them is a picture, wherever they lie: a boost holds another status, a status its author.
PICTURES = ("avatar", "avatar_static", "header", "header_static", "preview_url", "static_url")
COLLECTIONS = frozenset(("Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"))
FILES = frozenset(("Document", "Image", "Video"))
SEEN_TYPES = re.compile(r"(?:image|video)/", re.IGNORECASE)
LIST_OF_STATUSES = re.compile(r"/api/v1/(?:timelines/.+|accounts/[^/]+/statuses)$")
NEXT = re.compile(r"""<([^<>]{1,2000})>\s*;[^,<]*\brel\s*=\s*["']?next\b""", re.IGNORECASE)


class MastodonSpider(SiteSpider):
    name: ClassVar[str] = "mastodon"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        answer = json_of(page)
        if answer is None:
            return links.read_page(page.body, page.final_url, page.headers.get("content-type"))
        named = Named()
        _pages(answer, named)
        things = list(dicts_within(answer))
        for thing in things:
            _of_api(thing, named)
            _of_activity(thing, named)
        for image in pictures_of(text(thing.get("content")) for thing in things):  # its links lead elsewhere, mostly
            named.image(image)
        following = _following(page, answer)
        if following is not None:
            named.goes_on(following)
        return links_of(named, page.final_url)


def _of_api(entity: dict[str, Json], named: Named) -> None:
    for attachment in dicts(entity.get("media_attachments")):
        # This site's copy; the original only where it keeps none.
        named.image(text(attachment.get("url")) or text(attachment.get("remote_url")))
    for key in PICTURES:
        named.image(text(entity.get(key)))
    for card in dicts(entity.get("card")):
        named.image(text(card.get("image")))
    if "shortcode" in entity:
        named.image(text(entity.get("url")))  # a custom emoji


def _of_activity(thing: dict[str, Json], named: Named) -> None:
    kinds = _texts(thing.get("type"))
    if not kinds.isdisjoint(FILES):
        _file(thing, named)
    elif "Link" in kinds and SEEN_TYPES.match(text(thing.get("mediaType"))):
        named.image(text(thing.get("href")))


def _pages(answer: Json, named: Named) -> None:
    """Of the collection itself; those within it are the replies to each post, which stand in their authors' collections."""
    for collection in dicts(answer) if isinstance(answer, dict) else ():
        if not _texts(collection.get("type")).isdisjoint(COLLECTIONS):
            named.goes_on(text(collection.get("first")))
            for page in (collection, *dicts(collection.get("first"))):
                named.goes_on(text(page.get("next")))


def _file(thing: dict[str, Json], named: Named) -> None:
    """Its `url` is one or several, each a text or an object. A "Video" may have a page there, whose links say what they are."""
    seen = SEEN_TYPES.match(text(thing.get("mediaType"))) is not None
    urls = thing.get("url")
    for url in urls if isinstance(urls, list) else (urls,):
        if isinstance(url, str) and ("Image" in _texts(thing.get("type")) or seen):
            named.image(url)
        elif isinstance(url, str):
            named.link(url)
        elif isinstance(url, dict) and not url.get("mediaType"):
            named.image(text(url.get("href")))


def _texts(value: Json) -> frozenset[str]:
    return frozenset(each for each in (value if isinstance(value, list) else (value,)) if isinstance(each, str))


def _following(page: Fetched, answer: Json) -> str | None:
    said = NEXT.search(page.headers.get("link", ""))
    if said is not None:
        return said[1]
    if "link" in page.headers or LIST_OF_STATUSES.search(urlsplit(page.final_url).path) is None:
        return None
    ids = [text(status.get("id")) for status in dicts(answer)] if isinstance(answer, list) else []
    return with_parameter(page.final_url, "max_id", ids[-1]) if ids and ids[-1] else None
