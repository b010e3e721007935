"""The pictures' way through a crawl: the same asking and the same pipeline as a page's, without Scrapy's engine in between.

A page is one request in fifteen and is worth a spider. A picture needs none: it is asked for, examined and settled. Scrapy's way costs
three times what fetching it does (`benchmarks/crawl.py`).
"""

import asyncio

from crawler.frontier import Leased
from crawler.handler import asked
from crawler.pipeline import Pipeline
from crawler.spiders.site import Seen
from crawler.under_way import UnderWay


class Lane:
    """To be used in one event loop. How many are under way is for whoever leases to bound."""

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        self._pipeline = Pipeline(under_way)
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, leased: Leased) -> None:
        task = asyncio.get_running_loop().create_task(self._look(leased))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ended(self) -> None:
        """Returns when nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _look(self, leased: Leased) -> None:
        await self._pipeline.process_item(Seen(leased, await asked(self._under_way, leased)))
