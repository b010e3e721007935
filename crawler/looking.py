"""Asking single URLs of a site outside of a pass: as politely as a pass does, one request after the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.model import WatchedSite
from crawler.asking import Asking
from crawler.frontier import Frontier
from crawler.kept_robots import KeptRobots
from crawler.pauses import Ask, keeping_pauses
from crawler.scope import Scope
from crawler.turns import pauses_at, turns_at
from crawler.under_way import CrawlServices

__all__ = ["Ask", "asking"]


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
        paused=pauses_at(frontier, site.name),
        no_videos=services.no_videos,
        daily_use=services.daily_use,
        login=services.login,
    )
    async with asker:
        yield keeping_pauses(asker.ask, site.name, frontier, services.clock)
