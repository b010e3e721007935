"""An imageboard, by the JSON that its software publishes beside the pages. What is no such JSON is read like a gallery.

4chan     boards.json, <board>/{catalog,threads,archive}.json, <board>/<page>.json, <board>/thread/<no>.json; pictures on a host of
          their own, or beside the JSON where others speak its dialect (https://github.com/4chan/4chan-API)
vichan    the same objects with <board>/res/<no>.json; pictures in <board>/src/ (its inc/api.php); where thumbnails lie is not said
LynxChan  <board>/{catalog,<page>}.json, <board>/res/<no>.json, boards.js?json=1; a file has `path` and `thumb` (its doc/Json.txt)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from crawler import links
from crawler.fetch import Fetched
from crawler.json_answer import Json, dicts, dicts_within, json_of, text, whole
from crawler.links import PageLinks, links_of
from crawler.named import Named
from crawler.pieces import pictures_of
from crawler.spiders.site import SiteSpider
from crawler.urls import parse

HOST_OF_ANSWERS = "a.4cdn.org"
HOST_OF_PICTURES = "i.4cdn.org"
THREAD_FOLDERS = ("thread", "res")
BOARD = re.compile(r"[\w\-]{1,50}")
FILE = re.compile(r"[\w\-]{1,100}")
ENDING = re.compile(r"\.\w{1,10}")


@dataclass(frozen=True, slots=True)
class Dialect:
    thread_folder: str
    picture_folder: str
    thumbnail: str | None  # what follows its picture's name; None: that is not the same everywhere


FOURCHAN = Dialect("thread", "", "s.jpg")
VICHAN = Dialect("res", "src/", None)


class ImageboardSpider(SiteSpider):
    name: ClassVar[str] = "imageboard"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        answer = json_of(page)
        if answer is None:
            return links.read_page(page.body, page.final_url, page.headers.get("content-type"))
        named = Named()
        _Board(page.final_url, answer).read(answer, named)
        return links_of(named, page.final_url)


class _Board:
    """Where an answer lies says which board it is of: no post does."""

    def __init__(self, url: str, answer: Json) -> None:
        own = parse(url)
        assert own is not None, "the crawler asks for http and https URLs only"
        folder, _, self._file = own.path.rpartition("/")
        above, _, last = folder.rpartition("/")
        self._thread = last in THREAD_FOLDERS  # its posts are read where they are
        self._folder = f"{above if self._thread else folder}/"
        self._root = f"{self._folder.rstrip('/').rpartition('/')[0]}/"
        self._dialect = _dialect(last, own.host, answer)
        pictures = own._replace(host=HOST_OF_PICTURES) if own.host == HOST_OF_ANSWERS else own
        self._pictures = f"{pictures.origin}{self._folder}{self._dialect.picture_folder}"

    def read(self, answer: Json, named: Named) -> None:
        posts = list(dicts_within(answer))
        for post in posts:
            self._picture(post, named)
            if not self._thread:
                self._way_on(post, named)
        if self._file == "archive.json" and isinstance(answer, list):
            self._threads((each for each in map(whole, answer) if each is not None), named)
        # What else a post links to is a thread, which its board lists.
        for image in pictures_of(text(post.get(key)) for post in posts for key in ("com", "markdown")):
            named.image(image)

    def _picture(self, post: dict[str, Json], named: Named) -> None:
        stem, ending = post.get("tim"), text(post.get("ext"))
        stem = str(stem) if isinstance(stem, int) else text(stem)
        if FILE.fullmatch(stem) and ENDING.fullmatch(ending):
            if not post.get("filedeleted"):
                named.image(f"{self._pictures}{stem}{ending}")
                if self._dialect.thumbnail is not None:
                    named.image(f"{self._pictures}{stem}{self._dialect.thumbnail}")
        elif "threadId" in post or "path" in post:
            named.image(text(post.get("path")))
            named.image(text(post.get("thumb")))

    def _way_on(self, post: dict[str, Json], named: Named) -> None:
        number, thread = whole(post.get("no")), whole(post.get("threadId"))
        board = text(post.get("boardUri")) or text(post.get("board")) or text(post.get("uri"))
        if number is not None and not post.get("resto"):
            self._threads([number], named)
        elif thread is not None:
            # An overboard and the front page name the board, a board's own answers need not.
            folder = f"{self._root}{board}/" if BOARD.fullmatch(board) else self._folder
            named.page(f"{folder}res/{thread}.json")
        elif BOARD.fullmatch(board):
            named.page(f"{self._folder}{board}/catalog.json")

    def _threads(self, numbers: Iterable[int], named: Named) -> None:
        for number in numbers:
            named.page(f"{self._folder}{self._dialect.thread_folder}/{number}.json")


def _dialect(thread_folder: str, host: str, answer: Json) -> Dialect:
    """4chan counts its pictures, vichan calls them by time and place; a list of threads says the replies on 4chan alone."""
    if thread_folder in THREAD_FOLDERS:
        return FOURCHAN if thread_folder == "thread" else VICHAN
    if host == HOST_OF_ANSWERS:
        return FOURCHAN
    for post in dicts_within(answer):
        if "tim" in post:
            return FOURCHAN if isinstance(post["tim"], int) else VICHAN
    threads = [thread for page in dicts(answer) for thread in dicts(page.get("threads"))]
    counted = any("replies" in thread for thread in threads)
    return FOURCHAN if counted or not threads else VICHAN
