"""Asks one site for things the way its agreement says: within the agreement and its hours, as robots.txt allows, and not too fast."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from core.model import State, WatchedSite
from crawler.fetch import Copy, Fetched, FetchLimits, GuardedFetch, NotFetched, Unchanged
from crawler.frontier import host_of
from crawler.robots import Robots, RobotsMemory
from crawler.scope import Scope, Wanted
from crawler.turns import Turn

Outcome = TypeVar("Outcome", bound=Fetched | NotFetched | Unchanged)


class Asking:
    """An async context manager. Once stopped it asks for nothing any more, and breaks off what is under way."""

    def __init__(
        self,
        site: WatchedSite,
        scope: Scope,
        *,
        user_agent: str,
        still_agreed: Callable[[], str | None],
        clock: Callable[[], datetime],
        memory: RobotsMemory,
        turn: Turn,
        no_videos: str | None = None,
    ) -> None:
        """no_videos   why videos are not fetched; None: they are"""
        self.stopped: str | None = None  # why
        self.walled: set[str] = set()  # hosts that asked for a proof of being human
        self._site = site
        self._still_agreed = still_agreed
        self._clock = clock
        self._fetch = GuardedFetch(
            scope,
            user_agent,
            FetchLimits(max_video_bytes=site.limits.max_video_bytes),
            still_agreed,
            clock=clock,
            no_videos=no_videos,
        )
        product_token = user_agent.partition("/")[0].partition(" ")[0]
        self._robots = Robots(self._fetch, site, product_token, memory, clock=clock)
        self._turn = turn
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self._fetch.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fetch.__aexit__(kind, error, trace)

    async def ask(self, url: str, wanted: Wanted) -> Fetched | NotFetched:
        """What came of it. PENDING: it was not asked for, or given up half-way, because the asking was stopped."""
        return await self._unless_stopped(url, self._fetch.fetch(url, wanted=wanted, may_fetch=self._may_ask))

    async def ask_again(self, url: str, wanted: Wanted, known: Copy) -> Fetched | NotFetched | Unchanged:
        """As `ask`, of what was fetched before."""
        asking = self._fetch.fetch_again(url, known, wanted=wanted, may_fetch=self._may_ask)
        return await self._unless_stopped(url, asking)

    async def _unless_stopped(self, url: str, asking: Coroutine[None, None, Outcome]) -> Outcome | NotFetched:
        reason = self.stopped or self._why_not_now()
        if reason is not None:
            asking.close()
        else:
            task = asyncio.create_task(asking)
            self._under_way.add(task)
            try:
                outcome = await task
            except asyncio.CancelledError:
                if self.stopped is None:
                    raise
            else:
                if not isinstance(outcome, NotFetched) or self._why_not_now() is None:
                    return outcome
            finally:
                self._under_way.discard(task)
        return NotFetched(url=url, state=State.PENDING, reason=self.stopped or "stopped")

    def stop(self, reason: str) -> None:
        self.stopped = self.stopped or reason
        for task in self._under_way:
            task.cancel()

    def _why_not_now(self) -> str | None:
        """Asked before every request. The first reason ends the asking for good."""
        reason = self._still_agreed()
        if reason is None and not self._site.politeness.hours.contain(self._clock()):
            reason = "outside the hours in which the site may be asked"
        if reason is not None:
            self.stop(reason)
        return reason

    async def _may_ask(self, url: str) -> tuple[State, str] | None:
        """Asked for each hop."""
        refusal = await self._robots.may_fetch(url)
        if refusal is not None:
            return refusal
        delay_s = max(self._site.politeness.delay_s, self._robots.crawl_delay(url) or 0.0)
        if delay_s > 0:
            await asyncio.sleep(await self._turn(host_of(url), delay_s))
        return (State.PENDING, "stopped") if self._why_not_now() else None
