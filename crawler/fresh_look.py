"""The front door for a fresh look: what is at these picture URLs now, and whom it shows."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import uvloop

from core.errors import StillwatchError
from core.model import Examination, State, WatchedSite
from crawler.fetch import NotFetched
from crawler.frontier import Frontier, host_of
from crawler.looking import Ask, asking
from crawler.scope import Wanted
from crawler.under_way import CrawlServices

log = logging.getLogger(__name__)

SILENT: Final = (State.TIMEOUT, State.UNREACHABLE)
SILENT_AT_MOST: Final = 3  # requests in a row that a host does not answer; the others of this call are then not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshLook:
    image_url: str = field(repr=False)
    at: datetime
    state: State
    examination: Examination | None = None  # of the picture, where there was one


def look_afresh(site: WatchedSite, image_urls: Sequence[str], services: CrawlServices) -> Sequence[FreshLook]:
    """One look a URL, in their order. Blocks; asks as politely as a crawl does, one request after the other.

    What could not be looked at is a state of the look, never an exception: an agreement that has ended makes it PENDING.
    """
    with (
        services.open_frontier() as frontier,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_look_afresh(site, image_urls, services, frontier))


async def _look_afresh(
    site: WatchedSite, image_urls: Sequence[str], services: CrawlServices, frontier: Frontier
) -> Sequence[FreshLook]:
    silent: Counter[str] = Counter()
    looks = []
    async with asking(site, services, frontier) as ask:
        with ThreadPoolExecutor(1, "examiner") as examiner:
            for url in image_urls:
                host = host_of(url)
                if silent[host] >= SILENT_AT_MOST:
                    looks.append(FreshLook(image_url=url, at=services.clock(), state=State.PENDING))
                    continue
                look = await _look(url, ask, services, examiner)
                silent[host] = silent[host] + 1 if look.state in SILENT else 0
                looks.append(look)
    return looks


async def _look(url: str, ask: Ask, services: CrawlServices, examiner: ThreadPoolExecutor) -> FreshLook:
    outcome = await ask(url, Wanted.IMAGE)
    if isinstance(outcome, NotFetched):
        return FreshLook(image_url=url, at=services.clock(), state=outcome.state)
    try:
        examination = await asyncio.get_running_loop().run_in_executor(
            examiner, services.examiner.examine, outcome.body
        )
    except StillwatchError as error:  # no decoder, no hashes: nobody looked
        log.warning("look.not_examined", extra={"error": type(error).__name__})
        return FreshLook(image_url=url, at=services.clock(), state=State.PENDING)
    return FreshLook(image_url=url, at=services.clock(), state=examination.state, examination=examination)
