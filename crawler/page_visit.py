"""One page in the browser: what it asks for, and what it is given.

Nothing comes from a network of the browser's own. Each request is answered here:

    the page itself            with the body that the crawl has fetched
    pictures, videos, fonts    pictures with an empty drawing, others not at all: their URLs are what is wanted
    scripts, styles, answers   asked for by the one guarded fetch: the agreement, robots.txt, the pace, the day's budget and the
    to scripts, frames         addresses hold as for everything else
    another page               not at all; it is met, as if it had been linked
    anything else              not at all: other methods than GET, web sockets, beacons
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Final

from playwright.async_api import Dialog, Page, Request, Route, WebSocketRoute
from playwright.async_api import Error as BrowserError

from core.model import State
from crawler.fetch import Fetched, NotFetched
from crawler.frontier import UNASKED
from crawler.parts import Parts
from crawler.pauses import Ask
from crawler.scope import Wanted, canonical
from crawler.sniff import Kind
from crawler.written import is_picture_path

MOST_REQUESTS: Final = 5_000  # of one page
MOST_PARTS: Final = 100  # of them, asked of the site
ITSELF_AT_MOST: Final = 2  # a page may set a cookie and load itself again
LEFT_ALONE_S: Final = 30.0  # where a part was not asked for, as its host is left alone

# As large as pictures in lists are, so that what comes below them is not on the screen at once.
DRAWING: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="240" height="160"/>'
PARTS: Final = frozenset(("document", "script", "stylesheet", "xhr", "fetch"))
SAME_EVERYWHERE: Final = frozenset(("script", "stylesheet"))
# The rest is about a connection or a body that is not the one handed over, or would be kept, or leads away.
HANDED_ON: Final = ("content-type", "content-security-policy", "access-control-expose-headers", "link")
# What such a part would have shown is not known. That others are refused is as agreed, or as each visitor has it.
MISSED: Final = frozenset((State.TIMEOUT, State.UNREACHABLE, State.TRUNCATED, State.TOO_LARGE))


class PageVisit:
    """The methods `answer…` are for the browser to call, in the loop in which the visit was made."""

    def __init__(self, page: Fetched, ask: Ask, parts: Parts) -> None:
        """parts   scripts and styles that other pages had, too; what is asked for is added"""
        self.images: dict[str, None] = {}  # asked for by the page, in order
        self.pages: dict[str, None] = {}  # that it wanted to lead to
        self.part_bytes = 0
        self.cut = False  # it wanted more than it was given
        self.turned_away: NotFetched | None = None  # why it cannot be read now
        self.failure: Exception | None = None  # of ours
        self.moved_at = asyncio.get_running_loop().time()
        self.window: Page | None = None  # in which the page is; those that it opens are closed
        self._page = page
        self._ask = ask
        self._parts = parts
        self._requests = 0
        self._asked = 0
        self._itself = 0
        # A page has one place among those that the site may be asked for at once.
        self._one_at_a_time = asyncio.Lock()
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def waits(self) -> bool:
        """For the site, or for its turn to be asked."""
        return self._one_at_a_time.locked()

    def answer(self, route: Route) -> None:
        self.moved_at = asyncio.get_running_loop().time()
        self._requests += 1
        self._start(self._guarded(route) if self._requests <= MOST_REQUESTS else self._refuse_for_good(route))

    def answer_socket(self, socket: WebSocketRoute) -> None:
        self._start(_gone(socket.close()))

    def answer_window(self, page: Page) -> None:
        """A window that the page opened, or its own."""
        if page != self.window:
            self._start(_gone(page.close()))

    def answer_dialog(self, dialog: Dialog) -> None:
        self._start(_gone(dialog.dismiss()))

    async def end(self) -> None:
        """What is still asked for is given up."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _guarded(self, route: Route) -> None:
        try:
            await self._answer(route)
        except BrowserError:
            pass  # the page is gone
        except Exception as error:  # noqa: BLE001  # whoever renders raises it
            self.failure = self.failure or error

    async def _refuse_for_good(self, route: Route) -> None:
        self.cut = True
        with suppress(BrowserError):
            await route.abort("blockedbyclient")

    async def _answer(self, route: Route) -> None:
        request = route.request
        url, what = canonical(request.url), request.resource_type
        if url is None or request.method != "GET":
            await route.abort("blockedbyclient")
        elif what == "image" or (what in PARTS - {"document"} and is_picture_path(url)):
            self.images[url] = None
            await self._draw(route)
        elif what == "media":
            self.images[url] = None
            await route.abort("blockedbyclient")
        elif what == "document" and _is_of_a_window(request):
            await self._lead(route, url)
        elif what in PARTS:
            await self._part(route, url, what)
        else:
            await route.abort("blockedbyclient")

    async def _draw(self, route: Route) -> None:
        await route.fulfill(
            status=200, headers=_allowing(route.request) | {"content-type": "image/svg+xml"}, body=DRAWING
        )

    async def _lead(self, route: Route, url: str) -> None:
        if url == self._page.final_url and self._itself < ITSELF_AT_MOST and self._is_own(route.request):
            self._itself += 1
            await self._hand_over(route, self._page)
        else:
            self.pages[url] = None
            await route.abort("aborted")  # the page stays as it is; any other word would put an error in its place

    def _is_own(self, request: Request) -> bool:
        try:
            return request.frame.page == self.window
        except BrowserError:
            return False

    async def _part(self, route: Route, url: str, what: str) -> None:
        async with self._one_at_a_time:
            found: Fetched | NotFetched | None = self._parts.get(url)
            if found is None:
                if self._asked >= MOST_PARTS or self.turned_away is not None:
                    self.cut = True
                    await route.abort("blockedbyclient")
                    return
                found = await self._ask(url, Wanted.PART)
                self._asked += isinstance(found, Fetched) or found.state not in UNASKED
                self.moved_at = asyncio.get_running_loop().time()
        if isinstance(found, Fetched):
            self.part_bytes += len(found.body)
            if what in SAME_EVERYWHERE:
                self._parts.keep(url, found)
            await self._hand_over(route, found)
        elif found.kind in (Kind.IMAGE, Kind.VIDEO):
            self.images[url] = None
            await self._draw(route)
        else:
            await self._not_fetched(route, found)

    async def _not_fetched(self, route: Route, part: NotFetched) -> None:
        if part.not_now:
            self.turned_away = part
        elif part.state is State.PENDING:
            self.turned_away = replace(part, retry_after_s=part.retry_after_s or LEFT_ALONE_S)
        elif part.state in MISSED or (part.status or 0) >= 500:
            self.cut = True
        if part.status is None:
            await route.abort("blockedbyclient")
        else:
            await route.fulfill(status=part.status, headers=_allowing(route.request), body=b"")

    async def _hand_over(self, route: Route, found: Fetched) -> None:
        headers = {name: value for name, value in found.headers.items() if name in HANDED_ON}
        if found is self._page and "html" not in headers.get("content-type", ""):
            headers["content-type"] = "text/html"  # whatever it is called: it would be saved, not shown
        await route.fulfill(status=found.status, headers=_allowing(route.request) | headers, body=found.body)


async def _gone(doing: Awaitable[None]) -> None:
    with suppress(BrowserError):
        await doing


def _is_of_a_window(request: Request) -> bool:
    """And not of a frame in it."""
    try:
        return request.frame.parent_frame is None
    except BrowserError:
        return True  # of one that is being opened


def _allowing(request: Request) -> dict[str, str]:
    """Whatever a page asks for, it may read: the browser holds no secret that another site could be asked with."""
    origin = request.headers.get("origin")
    if origin is None:
        return {}
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
