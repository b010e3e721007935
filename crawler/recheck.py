"""The front door for looking again: is the picture still where it was found? Says what was seen; alerts.rechecks says what it means."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import uvloop

from core.errors import StillwatchError
from core.model import Hit, Look, State, WatchedSite
from crawler import links
from crawler.fetch import Fetched, NotFetched
from crawler.frontier import UNASKED, Frontier
from crawler.looking import Ask, asking
from crawler.memory import nothing_there
from crawler.scope import Wanted, canonical
from crawler.spiders import BY_BROWSER
from crawler.under_way import CrawlServices

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckTarget:
    hit: Hit


def look_again(site: WatchedSite, targets: Sequence[RecheckTarget], services: CrawlServices) -> Sequence[Look]:
    """One look a target, in their order. Blocks; asks as politely as a crawl does, one request after the other.

    What could not be looked at is a state of the look, never an exception: an agreement that has ended makes it PENDING.
    """
    with (
        services.open_frontier() as frontier,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_look_again(site, targets, services, frontier))


@dataclass(frozen=True, slots=True)
class _Page:
    state: State
    names: frozenset[str] = frozenset()
    whole: bool = False  # what it does not name is not there

    def shows(self, url: str) -> bool | None:
        if (canonical(url) or url) in self.names:
            return True
        return False if self.whole else None


async def _look_again(
    site: WatchedSite, targets: Sequence[RecheckTarget], services: CrawlServices, frontier: Frontier
) -> Sequence[Look]:
    pages: dict[str, _Page] = {}  # several pictures are on one page: it is asked for once
    async with asking(site, services, frontier) as ask:
        with ThreadPoolExecutor(1, "examiner") as examiner:
            by_scripts = site.kind in BY_BROWSER
            return [await _look(each.hit, ask, services, examiner, pages, by_scripts=by_scripts) for each in targets]


async def _look(
    hit: Hit,
    ask: Ask,
    services: CrawlServices,
    examiner: ThreadPoolExecutor,
    pages: dict[str, _Page],
    *,
    by_scripts: bool,
) -> Look:
    outcome = await ask(hit.image_url, Wanted.IMAGE)
    if isinstance(outcome, NotFetched):
        image, still_matches = outcome.state, None
    else:
        image, still_matches = await asyncio.get_running_loop().run_in_executor(
            examiner, _compare, hit, outcome, services
        )
    if services.memory is not None and not still_matches and image not in (*UNASKED, State.PENDING):
        # Should a page name it again, it may be back: a crawl that knew its bytes would not ask for it.
        missed = nothing_there(hit.image_url, image, services.clock())
        await asyncio.get_running_loop().run_in_executor(examiner, services.memory.remember, hit.site, [missed])
    if hit.page_url not in pages:
        pages[hit.page_url] = _read(await ask(hit.page_url, Wanted.PAGE), by_scripts=by_scripts)
    page = pages[hit.page_url]
    return Look(
        hit=hit.id,
        at=services.clock(),
        image=image,
        page=page.state,
        still_matches=still_matches,
        page_shows_image=page.shows(hit.image_url),
    )


def _compare(hit: Hit, fetched: Fetched, services: CrawlServices) -> tuple[State, bool | None]:
    """Whether the same person is found there: another picture of hers under the same URL is still one."""
    try:
        examination = services.examiner.examine(fetched.body)
    except StillwatchError as error:  # no decoder, no hashes: nobody looked, which is no reason to lose the other looks
        log.warning("recheck.not_examined", extra={"hit": hit.id, "error": type(error).__name__})
        return State.PENDING, None
    if any(finding.match.enrolment.person == hit.person for finding in examination.findings):
        return State.HIT, True
    return examination.state, False if examination.state in (State.HIT, State.CLEAR) else None


def _read(outcome: Fetched | NotFetched, *, by_scripts: bool) -> _Page:
    """by_scripts   what the page does not name itself, its scripts may show"""
    if isinstance(outcome, NotFetched):
        return _Page(outcome.state)
    if outcome.kind.compared:  # the page was the picture itself
        return _Page(State.READ, frozenset([canonical(outcome.url) or outcome.url]), whole=True)
    try:
        found = links.read_page(outcome.body, outcome.final_url, outcome.headers.get("content-type"))
    except Exception as error:  # noqa: BLE001  # one page made to break its reader must not cost the other looks
        log.warning("recheck.page_unreadable", extra={"error": type(error).__name__})
        return _Page(State.BROKEN)
    # A page without a single link says little: it may be a wall that only crawlers see.
    names = frozenset(found.images) | frozenset(found.pages)
    return _Page(State.READ, names, whole=bool(names) and not (found.truncated or by_scripts))
