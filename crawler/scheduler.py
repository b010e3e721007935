"""Scrapy's scheduler over the frontier: leases what may be asked for now, hands pages to the engine and pictures to the lane beside it,
and knows when the pass has ended.

Scrapy asks a scheduler in the middle of its loop and never waits for it. So a task beside it leases from the frontier, and gives each
URL to the engine when its host has room; the engine puts it in here and takes it out again at once.
"""

import asyncio
from collections import deque
from typing import Self

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler

from core.model import Known, State
from crawler.fetch import Fetched, NotFetched
from crawler.frontier import Leased
from crawler.lane import Lane
from crawler.under_way import UnderWay

PATIENCE_S = 300.0  # a site that wants to be left alone for longer is taken up by a later call
TICK_S = 1.0


class FrontierScheduler(BaseScheduler):
    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._ready: deque[Request] = deque()
        self._feeding: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def open(self, spider: Spider) -> None:
        under_way = getattr(spider, "under_way", None)
        assert isinstance(under_way, UnderWay), "started by crawl_site"
        self._under_way = under_way
        self._lane = Lane(under_way, self._to_spider)

    def has_pending_requests(self) -> bool:
        return True  # the feeding ends the spider: an empty queue may only mean that a host wants a pause

    def enqueue_request(self, request: Request) -> bool:
        self._ready.append(request)
        return True

    def next_request(self) -> Request | None:
        if self._feeding is None:  # not before the engine runs: it could be told to end before it has begun
            self._feeding = asyncio.create_task(self._feed())
        return self._ready.popleft() if self._ready else None

    def _to_spider(self, leased: Leased, outcome: Fetched | NotFetched | None, known: Known | None) -> None:
        meta = {"leased": leased, "outcome": outcome, "known": known, "verbatim_url": True}
        self._crawler.engine.crawl(Request(leased.url, meta=meta))

    # -------------------------------------------------------------------------------------------------------- feeding

    async def _feed(self) -> None:
        try:
            while self._under_way.asking.stopped is None:
                self._under_way.wake.clear()
                leased = await self._lease()
                for each in leased:
                    self._under_way.took(each)
                known = await self._under_way.memory.recall([each.url for each in leased])
                for each in leased:
                    self._lane.take(each, known.get(each.url))
                if not leased and not self._under_way.busy.total() and not await self._something_left():
                    break
                await self._woken()
        except Exception as error:  # noqa: BLE001  # crawl_site raises it
            self._under_way.break_off(error)
        await self._lane.ended()
        await self._crawler.engine.close_spider_async(reason=self._under_way.asking.stopped or "finished")

    async def _lease(self) -> list[Leased]:
        now = self._under_way.services.clock().timestamp()
        frontier = self._under_way.frontier
        leased = await self._under_way.in_frontier(
            frontier.lease,
            self._under_way.current.id,
            self._under_way.worker,
            per_host=self._under_way.site.politeness.concurrency,
            under_way=self._under_way.busy,
            at_most=self._under_way.room(),
            now=now,
            of_pass=self._under_way.bounds.at_most,
        )
        return list(leased)

    async def _something_left(self) -> bool:
        """Nothing is under way and nothing may be leased: is there anything to wait for?"""
        frontier, pass_id = self._under_way.frontier, self._under_way.current.id
        if self._under_way.bounds.dry_run:
            return False
        asked, at_most = (await self._under_way.tally()).asked, self._under_way.bounds.at_most  # by others, too
        room = self._under_way.room()
        for what in [what for what in room if room[what] <= 0 or asked[what] >= at_most[what]]:
            await self._under_way.in_frontier(frontier.end_waiting, pass_id, State.OVER_LIMIT, what=what)
        due = await self._under_way.in_frontier(frontier.next_due, pass_id)
        if due is not None and due - self._under_way.services.clock().timestamp() > PATIENCE_S:
            self._under_way.asking.stop(await self._under_way.why_left_alone())
            return False
        return due is not None

    async def _woken(self) -> None:
        timer = asyncio.get_running_loop().call_later(TICK_S, self._under_way.wake.set)
        await self._under_way.wake.wait()
        timer.cancel()
