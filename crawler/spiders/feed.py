"""What a site says of itself to machines: its feeds and site maps. The pages they list are read for pictures; other links are not followed.

RSS 0.91 to 2.0 (https://www.rssboard.org/rss-specification), with Media RSS (https://www.rssboard.org/media-rss) and content:encoded
Atom (RFC 4287), its further pages (RFC 5005) and deleted entries left alone
JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)
Site maps and their indexes (https://www.sitemaps.org/protocol.html), gzipped too, with the extensions for images and videos
"""

import re
from collections.abc import Callable
from typing import ClassVar

from crawler import written
from crawler.charset import text_of
from crawler.fetch import Fetched
from crawler.json_answer import Json, dicts, json_of, text
from crawler.links import LONGEST_PAGE, PageLinks, links_of, spelled
from crawler.markup import Reader, read_markup
from crawler.named import Named
from crawler.pieces import pictures_of, read_pieces
from crawler.spiders.site import SiteSpider
from crawler.xml_answer import Attributes, local, read_xml

LISTS = frozenset(
    {"rss", "rdf", "feed", "urlset", "sitemapindex"}
)  # the first element of each; whatever else is read as HTML
MOST_URLS = 50_000  # of one site map, by its protocol
LONGEST_TEXT = 2**20  # characters of one element
JSON_FEED = "https://jsonfeed.org/version/"
FEED_TYPES = re.compile(r"application/(?:rss|atom|rdf|feed)\+(?:xml|json)", re.IGNORECASE)
LINK_ELEMENT = re.compile(r"<link\b[^<>]{1,2000}>", re.IGNORECASE)
HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""", re.IGNORECASE)
HTML_NAMESPACE = "{http://www.w3.org/1999/xhtml}"


class FeedSpider(SiteSpider):
    name: ClassVar[str] = "feed"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        answer = json_of(page)
        if answer is not None:
            return _of_json(page, answer)
        listed = Listed()
        if read_xml(page, listed, LISTS):
            read_pieces(listed.pieces, listed.named)
            return spelled(
                page.final_url,
                listed.images | listed.named.images,
                # What the markup of an entry links to is not followed: the entry's own page is.
                listed.further | listed.pages,
                following=listed.further,
                most=MOST_URLS,
                truncated=listed.full or listed.named.full,
            )
        return _of_html(page)


# ------------------------------------------------------------------------------------------------------------------- XML


class Listed:
    """Reads the elements of a feed or a site map (see crawler.xml_answer.Target)."""

    def __init__(self) -> None:
        self.images: dict[str, None] = {}
        self.pages: dict[str, None] = {}
        self.further: dict[str, None] = {}  # feeds and site maps that go on
        self.named = Named()  # by markup
        self.pieces: list[str] = []  # of markup, still to be read
        self.full = False
        self._markup = Reader(self.named, level=0)
        self._open: list[str] = []
        self._text: list[str] = []
        self._length = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if name.startswith(HTML_NAMESPACE):  # the content of an Atom entry may be written out
            self._markup.start(local(name), attributes)
        else:
            read = ATTRIBUTES.get(local(name))
            if read is not None:
                read(self, attributes)
        self._open.append(local(name))
        self._text, self._length = [], 0

    def end(self, name: str) -> None:
        if self._open:
            self._open.pop()
        gathered, self._text, self._length = "".join(self._text).strip(), [], 0
        if not gathered:
            return
        read = TEXTS.get((self._open[-1] if self._open else "", local(name))) or TEXTS.get(("*", local(name)))
        if read is not None:
            read(self, gathered)
        elif "<" in gathered:
            self.pieces.append(gathered)

    def data(self, text: str) -> None:
        self._length += len(text)
        if self._length <= LONGEST_TEXT:
            self._text.append(text)

    def close(self) -> None:
        """lxml asks for it."""

    # ----------------------------------------------------------------------------------------------------------- notes

    def image(self, reference: str) -> None:
        self._note(self.images, reference)

    def page(self, reference: str) -> None:
        self._note(self.images if written.is_picture_path(reference) else self.pages, reference)

    def further_list(self, reference: str) -> None:
        self._note(self.further, reference)

    def _note(self, references: dict[str, None], reference: str) -> None:
        if len(references) <= MOST_URLS:
            references[reference] = None
        else:
            self.full = True


def _file(listed: Listed, attributes: Attributes) -> None:
    """A picture or video unless it says otherwise: media:content, an RSS enclosure."""
    reference, kind = attributes.get("url", ""), attributes.get("type", "") or attributes.get("medium", "")
    if _may_be_seen(kind.lower()) and not written.is_other_path(reference):
        listed.image(reference)


def _picture(listed: Listed, attributes: Attributes) -> None:
    listed.image(attributes.get("url", "") or attributes.get("href", ""))


def _player(listed: Listed, attributes: Attributes) -> None:
    listed.page(attributes.get("url", ""))


def _link(listed: Listed, attributes: Attributes) -> None:
    """Of Atom; that of RSS has no attribute."""
    rel, reference = attributes.get("rel", "alternate").lower(), attributes.get("href", "")
    if rel in ("next", "prev-archive", "next-archive"):
        listed.further_list(reference)
    elif rel == "enclosure":
        _file(listed, {"url": reference, "type": attributes.get("type", "")})
    elif rel == "alternate" and "hreflang" not in attributes:
        listed.page(reference)


def _content(listed: Listed, attributes: Attributes) -> None:
    """media:content of Media RSS, and the content of an Atom entry that lies elsewhere."""
    if "src" in attributes:
        attributes = {"url": attributes["src"], "type": attributes.get("type", "")}
    _file(listed, attributes)


def _may_be_seen(kind: str) -> bool:
    return not kind or kind.startswith(("image", "video", "application/octet-stream"))


# By the names of elements, without their namespaces: feeds are not careful about those.
ATTRIBUTES: dict[str, Callable[[Listed, Attributes], None]] = {
    "content": _content,
    "enclosure": _file,
    "thumbnail": _picture,
    "player": _player,
    "link": _link,
    "image": _picture,  # itunes:image
}
TEXTS: dict[tuple[str, str], Callable[[Listed, str], None]] = {
    ("sitemap", "loc"): Listed.further_list,
    ("image", "loc"): Listed.image,
    ("*", "loc"): Listed.page,
    ("*", "thumbnail_loc"): Listed.image,
    ("*", "content_loc"): Listed.image,
    ("*", "player_loc"): Listed.page,
    ("image", "url"): Listed.image,  # of an RSS channel
    ("image", "link"): Listed.page,
    ("*", "link"): Listed.page,
    ("*", "logo"): Listed.image,
    ("*", "icon"): Listed.image,
}


# ------------------------------------------------------------------------------------------------------------------ JSON


def _of_json(page: Fetched, answer: Json) -> PageLinks:
    named = Named()
    contents: list[str] = []
    for feed in dicts(answer):
        if text(feed.get("version")).startswith(JSON_FEED):
            named.goes_on(text(feed.get("next_url")))
            named.page(text(feed.get("home_page_url")))
            _pictures_of(feed, ("icon", "favicon"), named)
            for item in dicts(feed.get("items")):
                _item(item, named)
                contents.append(text(item.get("content_html")))
    for reference in pictures_of(contents):
        named.image(reference)
    return links_of(named, page.final_url)


def _item(item: dict[str, Json], named: Named) -> None:
    named.page(text(item.get("url")))
    _pictures_of(item, ("image", "banner_image"), named)
    for author in (*dicts(item.get("authors")), *dicts(item.get("author"))):
        _pictures_of(author, ("avatar",), named)
    for attachment in dicts(item.get("attachments")):
        if _may_be_seen(text(attachment.get("mime_type")).lower()):
            named.image(text(attachment.get("url")))


def _pictures_of(holder: dict[str, Json], keys: tuple[str, ...], named: Named) -> None:
    for key in keys:
        named.image(text(holder.get(key)))


# ------------------------------------------------------------------------------------------------------------------ HTML


def _of_html(page: Fetched) -> PageLinks:
    """Its pictures, the pages that go on with it, and the feeds that it names."""
    html, encoding = text_of(page.body[:LONGEST_PAGE], page.headers.get("content-type"))
    found, named = Named(), Named()
    read_markup(html, found)
    named.base = found.base
    for reference in found.images:
        named.image(reference)
    for reference in found.next_pages:
        named.next_page(reference)
    for element in LINK_ELEMENT.findall(html):
        href = HREF.search(element)
        if href is not None and FEED_TYPES.search(element):
            named.page((href[1] or href[2] or href[3] or "").replace("&amp;", "&"))
    return links_of(named, page.final_url, encoding=encoding, truncated=found.full or len(page.body) > LONGEST_PAGE)
