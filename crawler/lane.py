"""The way through a crawl beside Scrapy's engine: pictures, and pages that did not change. The same asking and the same pipeline.

A page is one request in fifteen and is worth a spider. A picture needs none: it is asked for, examined and settled. Scrapy's way costs
three times what fetching it does (`benchmarks/crawl.py`).
"""

import asyncio
from collections.abc import Callable, Coroutine

from core.model import Known
from crawler.fetch import Copy, Fetched, NotFetched, Unchanged
from crawler.frontier import Leased, What
from crawler.handler import asked, asked_again
from crawler.pipeline import Pipeline
from crawler.spiders.site import Seen
from crawler.under_way import UnderWay

ToSpider = Callable[[Leased, Fetched | NotFetched | None, Known | None], None]
"""Hands a page to the spider: what came of asking for it, where that was done, and what is known of it."""


class Lane:
    """To be used in one event loop. How many are under way is for whoever leases to bound."""

    def __init__(self, under_way: UnderWay, to_spider: ToSpider) -> None:
        self._under_way = under_way
        self._to_spider = to_spider
        self._pipeline = Pipeline(under_way)
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, leased: Leased, known: Known | None) -> None:
        if leased.what is What.IMAGE:
            self._start(self._picture(leased, known))
        else:
            self._take_page(leased, known)

    def _take_page(self, leased: Leased, known: Known | None) -> None:
        memory = self._under_way.memory
        if known is not None and known.sha256 is not None and memory.is_settled(known):
            self._start(self._settle(Seen(leased, None, known=known)))  # the link led to a picture
        elif known is None or not memory.is_page(known) or self._under_way.is_canary_page(leased.url):
            self._to_spider(leased, None, known)
        elif not memory.is_due(leased.url):
            self._start(self._settle(Seen(leased, None, known=known)))
        elif (copy := memory.copy_of(known)) is not None:
            self._start(self._page(leased, known, copy))
        else:
            self._to_spider(leased, None, known)

    async def ended(self) -> None:
        """Returns when nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._or_break_off(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _or_break_off(self, work: Coroutine[None, None, None]) -> None:
        """Nobody waits for one of these: an error that is not told would leave its URL under way for ever."""
        try:
            await work
        except Exception as error:  # noqa: BLE001  # crawl_site raises it
            self._under_way.break_off(error)

    async def _picture(self, leased: Leased, known: Known | None) -> None:
        copy = None if known is None else self._under_way.memory.copy_of_picture(known)
        if copy is None:
            await self._settle(Seen(leased, await asked(self._under_way, leased)))
        else:
            await self._settle(Seen(leased, await asked_again(self._under_way, leased, copy), known=known))

    async def _page(self, leased: Leased, known: Known, copy: Copy) -> None:
        outcome = await asked_again(self._under_way, leased, copy)
        if isinstance(outcome, Unchanged):
            await self._settle(Seen(leased, outcome, known=known))
        else:
            self._to_spider(leased, outcome, known)

    async def _settle(self, seen: Seen) -> None:
        await self._pipeline.process_item(seen)
