"""Asks one site for things the way its agreement says: within the agreement and its hours, as robots.txt allows, and not too fast."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from core.model import State, WatchedSite
from core.ports import DailyUse
from crawler.budget import DayBudget
from crawler.fetch import Copy, Fetched, FetchLimits, GuardedFetch, Kind, NotFetched, Unchanged
from crawler.frontier import host_of
from crawler.login import Credential
from crawler.pace import WALLED_S, Pace
from crawler.robots import OUR_NAME, Robots, RobotsMemory
from crawler.scope import Scope, Wanted
from crawler.turns import Paused, Turn
from crawler.walls import wall

log = logging.getLogger(__name__)

SENT_AWAY = "the host wants to be left alone for a while"

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
        paused: Paused,
        no_videos: str | None = None,
        daily_use: DailyUse | None = None,
        login: Credential | None = None,
    ) -> None:
        """
        paused      what was asked for of the hosts, in a pass before or of another process
        no_videos   why videos are not fetched; None: they are
        daily_use   where a day's budget is counted, if the site has one
        login       what is said to be let in; None: nothing
        """
        self.stopped: str | None = None  # why
        self.walled: set[str] = set()  # hosts that asked for a proof of being human
        self.wall: str | None = None  # what the last one of them wants, and what came of it
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
            on_bytes=self._came,
            login=login,
        )
        self._robots = Robots(
            self._fetch, site, OUR_NAME, memory, clock=clock, may_ask=self._may_ask_robots, on_wall=self.walled.add
        )
        self._budget = DayBudget(site, daily_use, clock)
        self._pace = Pace()
        self._turn = turn
        self._paused = paused
        self._under_way: set[asyncio.Task[Any]] = set()
        # The last hop of each; of what waits for its turn, none yet.
        self._asked_at: dict[asyncio.Task[Any], float] = {}
        # Of those that met a host that wants to be left alone, for how long.
        self._waits_s: dict[asyncio.Task[Any], float] = {}

    async def __aenter__(self) -> Self:
        await self._budget.__aenter__()
        await self._fetch.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fetch.__aexit__(kind, error, trace)
        await self._budget.__aexit__(kind, error, trace)

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
            asked_at = self._now()
            try:
                outcome = await task
            except asyncio.CancelledError:
                if self.stopped is None:
                    raise
            else:
                if not isinstance(outcome, NotFetched) or self._why_not_now() is None:
                    heard = self._heard(url, outcome, self._asked_at.get(task, asked_at))
                    if isinstance(heard, NotFetched) and task in self._waits_s:
                        return replace(heard, retry_after_s=self._waits_s[task])
                    return heard
            finally:
                self._under_way.discard(task)
                self._asked_at.pop(task, None)
                self._waits_s.pop(task, None)
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
        host = host_of(url)
        if await self._left_alone(host):
            return State.PENDING, SENT_AWAY
        refusal = await self._robots.may_fetch(url)
        if refusal is not None:
            if self.stopped is not None:
                return State.PENDING, self.stopped
            return (State.PENDING, SENT_AWAY) if asyncio.current_task() in self._waits_s else refusal
        agreed_s = max(self._site.politeness.delay_s, self._robots.crawl_delay(url) or 0.0)
        delay_s = self._pace.delay_s(host, agreed_s)
        if delay_s > 0:
            await asyncio.sleep(await self._turn(host, delay_s))
        return await self._may_ask_robots(url)

    async def _may_ask_robots(self, url: str) -> tuple[State, str] | None:
        """Asked for each hop, those to robots.txt included."""
        if await self._left_alone(host_of(url)):  # meanwhile, for what waited for its turn
            return State.PENDING, SENT_AWAY
        if self._why_not_now() is not None:
            return State.PENDING, "stopped"
        spent = await self._budget.request()
        if spent is not None:
            self.stopped = self.stopped or spent  # what is under way was counted, and may end
            return State.PENDING, spent
        task = asyncio.current_task()
        if task is not None:
            self._asked_at[task] = self._now()
        return None

    async def _left_alone(self, host: str) -> bool:
        """What is refused because of it knows for how long."""
        self._pace.another_was_sent_away(host, await self._paused(host), self._now())
        wait_s, task = self._pace.left_alone_s(host, self._now()), asyncio.current_task()
        if wait_s > 0 and task is not None:
            self._waits_s[task] = wait_s
        return wait_s > 0

    def _heard(self, url: str, outcome: Outcome, asked_at: float) -> Outcome | NotFetched:
        """What it says of the host: the pace there, and for how long it is left alone."""
        heard, now = _wall_or(outcome), self._now()
        host = _last_host(heard)
        if host != host_of(url):
            self._pace.answered(host_of(url))  # by leading there
        if isinstance(heard, NotFetched) and heard.wall:
            self.walled.add(host)
            self._pace.leave_alone(host, now + WALLED_S)
            log.warning("asking.walled", extra={"site": self._site.name, "host": host})
            reason = f"{heard.reason}; the host is left alone for {WALLED_S / 3600:g} hours"
            self.wall = reason
            return replace(heard, reason=reason, retry_after_s=WALLED_S)
        if not isinstance(heard, NotFetched) or (heard.status is not None and not heard.not_now):
            self._pace.answered(host)
        elif heard.status is not None:
            sure = heard.status == 429 or heard.retry_after_s is not None
            wait_s = self._pace.refused(host, asked_at, now, sure=sure)
            if heard.retry_after_s is not None:
                self._pace.leave_alone(host, now + heard.retry_after_s)
            elif wait_s is not None:
                return replace(heard, retry_after_s=wait_s)
        return heard

    def _now(self) -> float:
        return self._clock().timestamp()

    def _came(self, byte_count: int) -> None:
        self._budget.came(byte_count)


def _last_host(outcome: Fetched | NotFetched | Unchanged) -> str:
    match outcome:
        case NotFetched():
            return outcome.host
        case Fetched():
            return host_of(outcome.final_url)
        case Unchanged():
            return host_of(outcome.url)  # a redirect is none


def _wall_or(outcome: Outcome) -> Outcome | NotFetched:
    """A wall may answer 200 and stand where a page was."""
    if not isinstance(outcome, Fetched) or outcome.kind not in (Kind.HTML, Kind.TEXT):
        return outcome
    why = wall(outcome.status, outcome.headers, outcome.body, host_of(outcome.final_url))
    if why is None:
        return outcome
    return NotFetched(
        url=outcome.url,
        state=State.HTTP_ERROR,
        reason=why,
        status=outcome.status,
        wall=True,
        final_url=outcome.final_url,
    )
