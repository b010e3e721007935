"""Asks a site for single URLs as a crawl does, with a frontier that others may share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from core.model import WatchedSite
from crawler.asking import Asking
from crawler.frontier import Frontier
from crawler.kept_robots import KeptRobots
from crawler.scope import Scope
from crawler.turns import pauses_at, turns_at
from tests.crawler.planted import USER_AGENT


@asynccontextmanager
async def asking(site: WatchedSite, frontier: Frontier) -> AsyncIterator[Asking]:
    asker = Asking(
        site,
        Scope(site),
        user_agent=USER_AGENT,
        still_agreed=lambda: None,
        clock=lambda: datetime.now(UTC),
        memory=KeptRobots.of(frontier, site.name),
        turn=turns_at(frontier, site.name),
        paused=pauses_at(frontier, site.name),
    )
    async with asker:
        yield asker
