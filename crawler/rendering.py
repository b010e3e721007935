"""Pages as they are once their scripts have run. One browser a crawl, started by the first page that asks, and nothing kept between two.

A page has 20 seconds of its own; waiting for the site, at the agreed pace, is not counted, up to five minutes in all. What was
found by then counts, and the page is said to hold more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from core.model import State
from crawler import links
from crawler.chromium import Chromium
from crawler.fetch import Fetched, NotFetched
from crawler.links import PageLinks
from crawler.parts import Parts
from crawler.shown import shown

if TYPE_CHECKING:
    from crawler.browser import RunningBrowser
    from crawler.page_visit import Ask, PageVisit
    from crawler.window import Window

log = logging.getLogger(__name__)

AT_ONCE: Final = 2  # pages of one crawl
OWN_S: Final = 20.0
ALL_S: Final = 300.0  # for one page, waiting for the site included
HEIGHT, WIDTH = 2400, 1280  # pixels: much of a page is on the screen at once
OPENED_WITHIN_S: Final = 30.0
CLOSED_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    links: PageLinks
    part_bytes: int  # of what was asked for on the way


class Rendering:
    """An async context manager; costs nothing until a page is to be rendered."""

    def __init__(
        self,
        chromium: Chromium,
        ask: "Ask",
        stopped: Callable[[], str | None],
        user_agent: str,
        *,
        own_s: float = OWN_S,
    ) -> None:
        """
        ask       how parts of a page are asked for
        stopped   why nothing is asked for any more; None: it is
        own_s     for one page, without waiting for the site
        """
        self._own_s = own_s
        self._chromium = chromium
        self._ask = ask
        self._stopped = stopped
        self._user_agent = user_agent
        self._at_once = asyncio.Semaphore(AT_ONCE)
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
        from crawler.page_visit import PageVisit

        async with self._at_once:
            if (reason := self._stopped()) is not None:
                return NotFetched(url=page.url, state=State.PENDING, reason=reason)
            browser = await self._running()
            visit = PageVisit(page, self._ask, self._parts)
            try:
                answers = await self._look(browser, page, visit)
            finally:
                await visit.end()
        if visit.failure is not None:
            raise visit.failure
        if (reason := self._stopped()) is not None:
            return NotFetched(url=page.url, state=State.PENDING, reason=reason)
        if visit.turned_away is not None:
            return replace(visit.turned_away, url=page.url)
        found = await asyncio.to_thread(_links, page, answers, tuple(visit.images), tuple(visit.pages), cut=visit.cut)
        return Rendered(links=found, part_bytes=visit.part_bytes)

    async def _look(self, browser: "RunningBrowser", page: Fetched, visit: "PageVisit") -> Sequence[Any]:
        from playwright.async_api import Error as BrowserError

        from crawler.window import TimeIsUp

        answers: Sequence[Any] = ()
        try:
            async with asyncio.timeout(ALL_S), self._window(browser, visit) as window:
                answers = window.answers
                await window.look(page.final_url)
        except (TimeoutError, TimeIsUp, BrowserError) as error:
            visit.cut = True
            if self._stopped() is None:
                log.warning("rendering.cut_short", extra={"error": type(error).__name__})
        return answers

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
        *(shown(answer, page.final_url) for answer in answers if answer is not None),
    ]
    return links.spelled(
        page.final_url,
        [url for each in found for url in each.images] + list(images),
        [url for each in found for url in each.pages] + list(pages),
        truncated=cut or any(each.truncated for each in found),
    )
