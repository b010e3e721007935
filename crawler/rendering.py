"""Pages as they are once their scripts have run. One browser a crawl, started by the first page that asks, and nothing kept between two.

A page has 20 seconds of its own; waiting for the site, at the agreed pace, is not counted, up to five minutes in all. How it ends:

    read            it came to rest, and was scrolled to its end
    read, and cut   it said what it shows, and had more to show; what was found counts, and the page is said to hold more
    timeout         the time was up before it had said anything
    exhausted       its window died before that; or the browser did, twice, the second time with this page alone in it
    broken          it came to rest, and never said anything

Of the last three nobody knows what they show: they are failures, which are asked for again. What such a page names in its HTML, or asked
for on the way, is not lost with it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from core.model import Limits, State
from crawler import links
from crawler.chromium import Chromium
from crawler.fetch import Fetched, NotFetched
from crawler.links import PageLinks
from crawler.parts import Parts
from crawler.pauses import Ask
from crawler.shown import shown

if TYPE_CHECKING:
    from crawler.browser import RunningBrowser
    from crawler.page_visit import PageVisit
    from crawler.window import Window

log = logging.getLogger(__name__)

AT_ONCE: Final = 2  # pages of one crawl
OWN_S: Final = 20.0
ALL_S: Final = 300.0  # for one page, waiting for the site included
HEIGHT, WIDTH = 2400, 1280  # pixels: much of a page is on the screen at once
OPENED_WITHIN_S: Final = 30.0
CLOSED_WITHIN_S: Final = 10.0


FAILED = {
    State.TIMEOUT: "the browser came to no end with it",
    State.EXHAUSTED: "the browser, or its window, died of it",
    State.BROKEN: "the browser could not say what it shows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """`unread`: why nobody knows what the page shows; the links are those that it gave all the same. None: it was read."""

    links: PageLinks
    part_bytes: int  # of what was asked for on the way
    unread: NotFetched | None = None


@dataclass(slots=True, kw_only=True)
class _Looked:
    """One try."""

    visit: "PageVisit"
    answers: Sequence[Any] = ()
    failed: State | None = None
    browser_died: bool = False


class Rendering:
    """An async context manager; costs nothing until a page is to be rendered."""

    def __init__(
        self,
        chromium: Chromium,
        ask: Ask,
        stopped: Callable[[], str | None],
        user_agent: str,
        *,
        own_s: float = OWN_S,
        most_pages: int = Limits().max_rendered,
    ) -> None:
        """
        ask       how parts of a page are asked for
        stopped   why nothing is asked for any more; None: it is
        own_s     for one page, without waiting for the site
        most_pages  that are opened; of the others their HTML is read, and they are said to hold more
        """
        self._own_s = own_s
        self._left = most_pages
        self._chromium = chromium
        self._ask = ask
        self._stopped = stopped
        self._user_agent = user_agent
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._queue = asyncio.Lock()
        self._starting = asyncio.Lock()
        self._browser: RunningBrowser | None = None
        self._ending = AsyncExitStack()
        self._parts = Parts()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ending.aclose()

    async def render(self, page: Fetched) -> Rendered | NotFetched:
        """NotFetched: the site turned us away half-way, or the asking was stopped; it is to be looked at later.

        Raises BrowserUnavailable when no browser starts.
        """
        if self._left <= 0:
            return Rendered(links=await asyncio.to_thread(_links, page, (), (), (), cut=True), part_bytes=0)
        self._left -= 1
        tries: list[_Looked] = []
        for alone in (False, True):
            if (reason := self._stopped()) is not None:
                return NotFetched(url=page.url, state=State.PENDING, reason=reason)
            looked = await self._try(page, alone=alone)
            if (instead := self._not_now(page, looked.visit)) is not None:
                return instead
            tries.append(looked)
            if not looked.browser_died:
                break  # else it may have died of the page beside this one
        failed = tries[-1].failed
        answers = [answer for each in tries for answer in each.answers if answer is not None]
        images = [url for each in tries for url in each.visit.images]
        pages = [url for each in tries for url in each.visit.pages]
        cut = failed is not None or tries[-1].visit.cut
        return Rendered(
            links=await asyncio.to_thread(_links, page, answers, images, pages, cut=cut),
            part_bytes=sum(each.visit.part_bytes for each in tries),
            unread=None if failed is None else NotFetched(url=page.url, state=failed, reason=FAILED[failed]),
        )

    def _not_now(self, page: Fetched, visit: "PageVisit") -> NotFetched | None:
        if visit.failure is not None:
            raise visit.failure
        if (reason := self._stopped()) is not None:
            return NotFetched(url=page.url, state=State.PENDING, reason=reason)
        return visit.turned_away  # with the URL of the part: its host is the one that wants a pause

    async def _try(self, page: Fetched, *, alone: bool) -> _Looked:
        from crawler.page_visit import PageVisit

        async with self._places(AT_ONCE if alone else 1):
            browser = await self._running()
            looked = _Looked(visit=PageVisit(page, self._ask, self._parts))
            try:
                await self._look(browser, page, looked)
            finally:
                await looked.visit.end()
        return looked

    @asynccontextmanager
    async def _places(self, count: int) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            async with self._queue:  # two that take several places would each wait for those of the other
                for _ in range(count):
                    await held.enter_async_context(self._at_once)
            yield

    async def _look(self, browser: "RunningBrowser", page: Fetched, looked: _Looked) -> None:
        from playwright.async_api import Error as BrowserError

        from crawler.window import TimeIsUp, WindowDied

        window: Window | None = None
        failed: State | None = None
        try:
            async with asyncio.timeout(ALL_S), self._window(browser, looked.visit) as window:
                looked.answers = window.answers
                await window.look(page.final_url)
                failed = State.BROKEN
        except (TimeoutError, TimeIsUp, WindowDied, BrowserError) as error:
            failed = State.TIMEOUT if isinstance(error, TimeoutError | TimeIsUp) else State.EXHAUSTED
            looked.visit.cut = True
            looked.browser_died = window is None or (isinstance(error, BrowserError) and not browser.lives)
            if self._stopped() is None:
                log.warning("rendering.cut_short", extra={"error": type(error).__name__})
        if looked.browser_died or window is None or not window.told:
            looked.failed = failed

    @asynccontextmanager
    async def _window(self, browser: "RunningBrowser", visit: "PageVisit") -> "AsyncIterator[Window]":
        """In a profile of its own, which is forgotten with it."""
        from playwright.async_api import Error as BrowserError

        from crawler.window import Window

        try:
            async with asyncio.timeout(OPENED_WITHIN_S):
                context = await browser.driver.new_context(
                    accept_downloads=False,
                    permissions=[],
                    service_workers="block",
                    user_agent=self._user_agent,
                    viewport={"width": WIDTH, "height": HEIGHT},
                )
        except TimeoutError:
            browser.kill()  # it answers nobody any more
            raise
        try:
            async with asyncio.timeout(OPENED_WITHIN_S):
                await context.route("**/*", visit.answer)
                await context.route_web_socket("**/*", visit.answer_socket)
                page = visit.window = await context.new_page()
                context.on("page", visit.answer_window)
                context.on("dialog", visit.answer_dialog)
                window = Window(page, await context.new_cdp_session(page), visit, self._own_s)
            yield window
        finally:
            try:
                async with asyncio.timeout(CLOSED_WITHIN_S):
                    await context.close()
            except TimeoutError:
                browser.kill()  # a page that cannot be closed takes it along
            except BrowserError:
                pass  # it is gone

    async def _running(self) -> "RunningBrowser":
        from crawler.browser import running

        async with self._starting:
            if self._browser is None or not self._browser.lives:
                if self._browser is not None:
                    log.warning("rendering.browser_died")
                    await self._ending.aclose()
                self._browser = await self._ending.enter_async_context(running(self._chromium))
            return self._browser


def _links(
    page: Fetched, answers: Sequence[Any], images: Sequence[str], pages: Sequence[str], *, cut: bool
) -> PageLinks:
    """What the page names by itself, what it showed, and what it asked for, each once."""
    found = [
        links.read_page(page.body, page.final_url, page.headers.get("content-type")),
        *(shown(answer, page.final_url) for answer in answers),
    ]
    return links.spelled(
        page.final_url,
        [url for each in found for url in each.images] + list(images),
        [url for each in found for url in each.pages] + list(pages),
        truncated=cut or any(each.truncated for each in found),
    )
