"""A market for second-hand things: 100 pages and 1,000 images on two hosts, made from a seed.

It was written from what sites do, before and without a look at the crawler, and shares no line with the demo site's pages. Each
image URL knows in which state a crawl has to end it.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from core.model import State
from stillwatch.demo.album import PROTECTED, photograph
from stillwatch.demo.copies import EDITS, JPEG, Edit, Encoded
from stillwatch.demo.drawn import draw

ADS, SHELVES, SHELF_PAGES = 90, 3, 3
IMAGES = 1000
MOVED = "/moved/500"


@dataclass(frozen=True)
class Image:
    """One image URL. `at` is 0 for the shop's own host and 1 for its picture host."""

    number: int
    at: int
    path: str
    state: State
    make: Callable[[], Encoded] = field(repr=False)
    planted: str | None = None  # photograph and edit
    redirect: str | None = None


class Market:
    def __init__(self, seed: int = 20) -> None:
        self.dice = random.Random(seed)  # nothing secret hangs on it
        self.ports = (0, 0)
        self.images = [self._image(number) for number in range(IMAGES)]
        self.pages: dict[str, str] = {}

    def urls(self) -> dict[str, Image]:
        return {self.url(image): image for image in self.images}

    def url(self, image: Image) -> str:
        return f"http://127.0.0.1:{self.ports[image.at]}{image.path}"

    # ------------------------------------------------------------------------------------------------------- pictures

    def _image(self, number: int) -> Image:
        at, path = number % 2, self._path(number)
        if number % 25 in (3, 17):
            edit = self.dice.choice([edit for edit in EDITS if edit.within_recipe and edit.name != "rotated 180°"])
            name = self.dice.choice(PROTECTED)
            copy = partial(_copy, name, edit, number)
            return Image(number, at, path, State.HIT, copy, planted=f"{name}, {edit.name}")
        drawn = partial(_drawn, number)
        odd: dict[int, Image] = {
            100: Image(number, at, path, State.GONE, drawn),
            200: Image(number, at, path, State.NOT_IMAGE, lambda: Encoded(b"<html>sold</html>", "image/jpeg")),
            300: Image(number, at, path, State.TRUNCATED, lambda: Encoded(drawn().body[:-900], "image/jpeg")),
            400: Image(number, at, path, State.HTTP_ERROR, drawn),
            # moved, and the new place is agreed: what is found there counts for the address that was met
            500: Image(number, at, path, State.HIT, drawn, planted="chelsea, moved", redirect=MOVED),
            # moved to a host that is no part of the agreement
            600: Image(number, at, path, State.OUT_OF_SCOPE, drawn, redirect="http://pictures.elsewhere.invalid/6"),
            700: Image(number, at, f"/secret{path}", State.ROBOTS, drawn),
        }
        return odd.get(number, Image(number, at, path, State.CLEAR, drawn))

    def _path(self, number: int) -> str:
        return (
            f"/i/{number:06}.jpg",
            f"/get?pic={number}&w=640",
            f"/store/{number * 2654435761 % 2**32:08x}",
            f"/ads/2026/{number}/FOTO.JPG",
            f"/bilder/gr%C3%B6%C3%9Fe-{number}.jpeg",
            f"/thumb.php/{number}/s,640/pic",
            f"/x/{number}.png.webp",
        )[number % 7]

    # --------------------------------------------------------------------------------------------------------- serving

    @contextmanager
    def serve(self) -> Iterator["Market"]:
        servers = [ThreadingHTTPServer(("127.0.0.1", 0), _answer_for(self, at)) for at in (0, 1)]
        self.ports = (servers[0].server_address[1], servers[1].server_address[1])
        self.pages = self._pages()
        for server in servers:
            server.daemon_threads, server.block_on_close = True, False
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield self
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()

    def answer(self, at: int, path: str) -> tuple[int, Encoded, str | None]:
        """Status, body, and where a redirect leads."""
        image = next((image for image in self.images if (image.at, image.path) == (at, path)), None)
        if image is not None and image.redirect is not None:
            return 302, Encoded(b"", "text/plain"), image.redirect
        if image is not None:
            return {State.GONE: 404, State.HTTP_ERROR: 403}.get(image.state, 200), image.make(), None
        if path == MOVED:
            return 200, JPEG.encode(photograph("chelsea")), None
        if path == "/robots.txt":
            return 200, Encoded(b"User-agent: *\nDisallow: /secret\n", "text/plain"), None
        if at == 0 and path in self.pages:
            return 200, Encoded(self.pages[path].encode(), "text/html; charset=utf-8"), None
        return 404, Encoded(b"nothing here", "text/plain"), None

    def toml(self) -> str:
        return f"""
name = "market"
kind = "gallery"
start = ["http://127.0.0.1:{self.ports[0]}/start.php"]
hosts = ["127.0.0.1:{self.ports[0]}"]
image_hosts = ["127.0.0.1:{self.ports[1]}"]
allow_private = true
[agreement]
agreed_by = "The market's owner"
agreed_on = 2020-01-01
expires_on = 2099-12-31
reference = "TEST"
[politeness]
delay_s = 0.0
concurrency = 4
"""

    # ----------------------------------------------------------------------------------------------------------- pages

    def _pages(self) -> dict[str, str]:
        waiting = list(self.images)
        self.dice.shuffle(waiting)
        pages = {"/start.php": self._start(waiting.pop())}
        for shelf in range(SHELVES):
            for number in range(SHELF_PAGES):
                pages[f"/shelf.php?s={shelf}&seite={number}"] = self._shelf(shelf, number, waiting.pop())
        habits = list(HABITS)
        for ad in range(ADS):
            habit_images: list[str] = []
            left = 11
            while left:
                habit = habits[0] if habits[0].takes <= left else HABITS[0]
                habits.append(habits.pop(0))
                urls = [self._written(waiting.pop(), ad, habit.whole) for _ in range(habit.takes)]
                left -= habit.takes
                habit_images.append(habit.write(urls))
            base = "<base href='/deep/down/'>" if ad % 10 == 3 else ""
            pages[f"/ad/{ad}.html"] = (
                f"<html><head>{base}<title>Ad {ad}</title></head><body bgcolor=white><h1>For sale: thing {ad}</h1>"
                + "\n<hr>\n".join(habit_images)
                + f"<p><a href=/shelf.php?s={ad % SHELVES}&amp;seite=0>back</a></body></html>"
            )
        assert not waiting
        assert len(pages) == 100
        return pages

    def _start(self, image: Image) -> str:
        shelves = "".join(
            f"<li><a href='shelf.php?s={shelf}&amp;seite=0'>shelf {shelf}</a>" for shelf in range(SHELVES)
        )
        return (
            f"<html><body><img src='{escape(self.url(image))}'><ul>{shelves}</ul><a href='mailto:a@b.invalid'>mail</a>"
        )

    def _shelf(self, shelf: int, number: int, image: Image) -> str:
        each = ADS // (SHELVES * SHELF_PAGES)
        first = (shelf * SHELF_PAGES + number) * each
        rows = "".join(f"<tr><td><a href=ad/{ad}.html>thing {ad}</a></td></tr>" for ad in range(first, first + each))
        onward = f'<a class="next" href="?s={shelf}&seite={number + 1}">&raquo;</a>' if number + 1 < SHELF_PAGES else ""
        return f"<table>{rows}</table><img src={escape(self.url(image))}>{onward}"

    def _written(self, image: Image, ad: int, whole: bool) -> str:
        """The same address as people write it: whole, without the scheme, from the root, or relative to a base."""
        if whole:
            return self.url(image)
        if image.at == 1:
            return f"//127.0.0.1:{self.ports[1]}{image.path}" if image.number % 3 else self.url(image)
        path = unquote(image.path)
        if ad % 10 == 3:
            return f"../..{path}"
        return path if image.number % 4 else self.url(image)


def _drawn(number: int) -> Encoded:
    return JPEG.encode(draw(1_000_000 + number, (208, 160)))


def _copy(name: str, edit: Edit, number: int) -> Encoded:
    dice = random.Random(number)  # nothing secret hangs on it
    return edit.storage.encode(edit.change(photograph(name), dice))


# --------------------------------------------------------------------------------------------------------------- habits


def _candidates(urls: Sequence[str]) -> str:
    return ", ".join(f"{escape(url)} {320 * (place + 1)}w" for place, url in enumerate(urls))


def _in_script(urls: Sequence[str]) -> str:
    """Only whole addresses: a path alone in a script is no address of anything yet."""
    return "<script>\nvar fotos = " + json.dumps(list(urls)).replace("/", r"\/") + ";\n</script>"


def _in_data_island(urls: Sequence[str]) -> str:
    text = json.dumps({"props": {"ad": {"media": [{"large": {"uri": urls[0]}}]}}}).replace("/", r"\u002F")
    return f'<script id="state" type="application/json">{text}</script>'


def _linked_data(urls: Sequence[str]) -> str:
    thing = {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "Product",
                "image": [urls[0], {"@type": "ImageObject", "url": urls[1]}],
                "logo": urls[2],
            }
        ],
    }
    return f'<script type="application/ld+json">\n{json.dumps(thing, indent=1)}\n</script>'


@dataclass(frozen=True)
class Habit:
    """A way of embedding `takes` images. `whole`: such addresses are written with scheme and host."""

    takes: int
    write: Callable[[Sequence[str]], str]
    whole: bool = False


HABITS: list[Habit] = [
    Habit(1, lambda urls: f'<img src="{escape(urls[0])}">'),
    Habit(1, lambda urls: f"<IMG BORDER=0 SRC={urls[0]}>"),
    Habit(1, lambda urls: f"<img alt=thing src = '\n   {escape(urls[0])}\n '>"),
    Habit(3, lambda urls: f'<img sizes="100vw" srcset="{_candidates(urls)}">'),
    Habit(3, lambda urls: f'<picture><source srcset="{_candidates(urls[:2])}"><img src="{escape(urls[2])}"></picture>'),
    Habit(1, lambda urls: f'<img class=lazyload data-src="{escape(urls[0])}">'),
    Habit(1, lambda urls: f'<img src="data:image/png;base64,iVBORw0KGgo=" data-original="{escape(urls[0])}">'),
    Habit(1, lambda urls: f"<noscript>\n<img src='{escape(urls[0])}'/>\n</noscript>"),
    Habit(
        1,
        lambda urls: (
            f'<span style="display:block;background:#eee url(&quot;{escape(urls[0])}&quot;) no-repeat"></span>'
        ),
    ),
    Habit(
        1,
        lambda urls: (
            f"<style>@media screen {{ .a::after {{ content:''; background-image:url( {urls[0]} ) }} }}</style>"
        ),
    ),
    Habit(1, lambda urls: f'<meta content="{escape(urls[0])}" property="og:image">', whole=True),
    Habit(1, lambda urls: f'<meta name="twitter:image" content="{escape(urls[0])}">', whole=True),
    Habit(3, _linked_data, whole=True),
    Habit(2, _in_script, whole=True),
    Habit(1, _in_data_island, whole=True),
    Habit(1, lambda urls: f'<video preload=none poster="{escape(urls[0])}"></video>'),
    Habit(1, lambda urls: f'<figure><a href="{escape(urls[0])}"><img src="data:,"></a></figure>'),
    Habit(2, lambda urls: f'<img src="{escape(urls[0])}"><img src="{escape(urls[0])}"><img src="{escape(urls[1])}">'),
    Habit(1, lambda urls: f'<img data-srcset="{escape(urls[0])} 2x">'),
    Habit(1, lambda urls: f'<link rel="image_src" href="{escape(urls[0])}">'),
    Habit(1, lambda urls: f'<input type="image" src="{escape(urls[0])}">'),
    Habit(1, lambda urls: f'<svg viewBox="0 0 9 9"><image href="{escape(urls[0])}" width="9" height="9"/></svg>'),
]


# ----------------------------------------------------------------------------------------------------------------- HTTP


def _answer_for(market: Market, at: int) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            status, answer, location = market.answer(at, self.path)
            self.send_response(status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            if location is not None:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    return Answer
