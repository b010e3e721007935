"""Asking single URLs of a site outside of a pass: as politely as a pass does, one request after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from core.model import State, WatchedSite
from crawler.asking import Asking
from crawler.fetch import Fetched, NotFetched
from crawler.frontier import Frontier, host_of
from crawler.kept_robots import KeptRobots
from crawler.scope import Scope, Wanted
from crawler.turns import turns_at
from crawler.under_way import CrawlServices

Ask = Callable[[str, Wanted], Awaitable[Fetched | NotFetched]]


@asynccontextmanager
async def asking(site: WatchedSite, services: CrawlServices, frontier: Frontier) -> AsyncIterator[Ask]:
    """What is called with a URL and says what came of it. A host that asked for a pause, now or in a pass before, is left alone."""
    asker = Asking(
        site,
        Scope(site),
        user_agent=services.user_agent,
        still_agreed=services.still_agreed,
        clock=services.clock,
        memory=KeptRobots.of(frontier, site.name),
        turn=turns_at(frontier, site.name),
        no_videos=services.no_videos,
        daily_use=services.daily_use,
        login=services.login,
    )

    async def ask(url: str, wanted: Wanted) -> Fetched | NotFetched:
        host, now = host_of(url), services.clock().timestamp()
        if frontier.paused_until(site.name, host) > now:
            return NotFetched(url=url, state=State.PENDING, reason="the site asked for a pause")
        outcome = await asker.ask(url, wanted)
        if isinstance(outcome, NotFetched) and outcome.not_now and outcome.retry_after_s is not None:
            frontier.pause(site.name, host, now + outcome.retry_after_s)
        return outcome

    async with asker:
        yield ask
