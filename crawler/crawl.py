"""The front door: one pass over one site, from where the last one was interrupted or from the start."""

import asyncio
import gc
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop
from scrapy.crawler import AsyncCrawlerRunner

from core.errors import ConfigError, Conflict, NotAgreed
from core.model import State, WatchedSite, derived_id
from crawler.asking import Asking
from crawler.frontier import Found, Frontier, What
from crawler.frontier_sqlite import SqliteFrontier
from crawler.kept_robots import KeptRobots
from crawler.locks import FileLock, held_by
from crawler.scope import Scope, canonical
from crawler.settings import scrapy_settings
from crawler.spiders import BY_BROWSER, KINDS
from crawler.turns import pauses_at, turns_at
from crawler.under_way import Bounds, CrawlServices, ImageLine, Progress, UnderWay

COLLECTED_EVERY = 20_000  # objects

__all__ = ["CrawlServices", "ImageLine", "Progress", "crawl_site", "site_lock"]


def crawl_site(
    site: WatchedSite,
    services: CrawlServices,
    *,
    max_pages: int | None = None,
    dry_run: bool = False,
    only_due: bool = False,
    on_image: Callable[[ImageLine], None],
    on_progress: Callable[[Progress], None],
) -> Mapping[str, object]:
    """Blocks until the pass has ended, was stopped (SIGINT, SIGTERM, the agreement's end, its hours), or broke off with an error.

    max_pages  pages asked for by this call; the rest ends as over_limit. A pass that was cut so is over, and no finished look
    dry_run    robots.txt and the start pages only; what they name is counted as pending; nothing is kept
    only_due   of pages read before, those worth another visit by now; of the others it is known what they named
    returns    the summary: pages and images by state, adding up to "urls"; "finished" is False when a later call takes the pass up, or
               `max_pages` cut it
    """
    if site.kind not in KINDS:
        raise ConfigError(f"site {site.name!r}: no spider of kind {site.kind!r}; known kinds: {', '.join(KINDS)}")
    no_browser = services.chromium.why_not() if site.kind in BY_BROWSER else None
    if no_browser is not None:
        raise ConfigError(f"site {site.name!r}: {no_browser}")
    reason = services.still_agreed()
    if reason is not None:
        raise NotAgreed(f"site {site.name!r}: {reason}")
    with ExitStack() as stack:
        if services.shared_frontier is None and not held_by_us(services.lock_folder, site.name):
            stack.enter_context(site_lock(services.lock_folder, site.name, wait=False))
        if dry_run:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            frontier: Frontier = stack.enter_context(SqliteFrontier(Path(folder) / "frontier"))
        else:
            frontier = stack.enter_context(services.open_frontier())
        worker = stack.enter_context(frontier.worker())
        stack.enter_context(_seldom_collected())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        return runner.run(
            _crawl(
                site,
                services,
                frontier,
                worker,
                max_pages=max_pages,
                dry_run=dry_run,
                only_due=only_due,
                on_image=on_image,
                on_progress=on_progress,
            )
        )


@contextmanager
def site_lock(lock_folder: Path, site: str, *, wait: bool) -> Iterator[None]:
    """One process crawls a site at a time. Without `wait` raises Conflict while another does. Gone with the process that holds it."""
    lock_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(_lock_path(lock_folder, site))
    if not lock.take(wait=wait):
        raise Conflict(
            f"site {site!r} is being crawled by another process; wait for its pass to end, or stop that process"
        )
    try:
        yield
    finally:
        lock.release()


def held_by_us(lock_folder: Path, site: str) -> bool:
    return held_by(_lock_path(lock_folder, site)) == os.getpid()


def _lock_path(lock_folder: Path, site: str) -> Path:
    return lock_folder / f"site-{derived_id('lock', site)}.lock"  # a site's name may hold what a file's may not


async def _crawl(
    site: WatchedSite,
    services: CrawlServices,
    frontier: Frontier,
    worker: str,
    *,
    max_pages: int | None,
    dry_run: bool,
    only_due: bool,
    on_image: Callable[[ImageLine], None],
    on_progress: Callable[[Progress], None],
) -> Mapping[str, object]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    scope = Scope(site)
    starts = [_start(scope, url) for url in site.start]
    current = await loop.run_in_executor(None, frontier.begin, site.name, starts, services.clock())
    before = await loop.run_in_executor(None, frontier.tally, current.id)
    asking = Asking(
        site,
        scope,
        user_agent=services.user_agent,
        still_agreed=services.still_agreed,
        clock=services.clock,
        memory=await loop.run_in_executor(None, KeptRobots.of, frontier, site.name),
        turn=turns_at(frontier, site.name),
        paused=pauses_at(frontier, site.name),
        no_videos=services.no_videos,
        daily_use=services.daily_use,
        login=services.login,
    )
    under_way = UnderWay(
        site,
        services,
        frontier=frontier,
        current=current,
        worker=worker,
        bounds=_bounds(site, before.asked, len(starts) if dry_run else max_pages, dry_run=dry_run),
        scope=scope,
        asking=asking,
        on_image=on_image,
        on_progress=on_progress,
    )
    under_way.asked.update(before.asked)
    under_way.byte_count = before.byte_count
    with _signals(under_way):
        async with asking, under_way:
            if only_due:
                await under_way.memory.plan_due(site.politeness.every_s, site.politeness.delay_s)
            await AsyncCrawlerRunner(scrapy_settings(site.politeness)).crawl(KINDS[site.kind](), under_way=under_way)
            # Whatever ended the spider: a pass in which something waits is not finished.
            waits = await under_way.in_frontier(frontier.next_due, current.id) is not None
            finished = None if waits or asking.stopped is not None else services.clock()
            if finished is not None and not await under_way.in_frontier(frontier.close, current.id, finished):
                asking.stop(await under_way.why_erased())
                finished = None
            if under_way.failure is not None:
                raise under_way.failure
            if finished is not None and max_pages is not None and await _cut(under_way):
                # The next call starts a new pass: a try is not to become one half of a look that took days.
                asking.stop(f"after {max_pages} pages, as asked")
                finished = None
            tally = await under_way.record(finished)
    pages, images = tally.of(What.PAGE), tally.of(What.IMAGE)
    return {
        "site": site.name,
        "pass": current.id,
        "resumed": current.resumed,
        "pages": _named(pages),
        "images": _named(images),
        "hits": tally.hits,
        "urls": sum(pages.values()) + sum(images.values()),
        "bytes": tally.byte_count,
        "unchanged": {"pages": under_way.unchanged[What.PAGE], "images": under_way.unchanged[What.IMAGE]},
        "cut_pages": under_way.cut_pages,
        "finished": finished is not None and not dry_run,
        "stopped": asking.stopped,
        "seconds": round(loop.time() - began, 3),
    }


def _start(scope: Scope, url: str) -> Found:
    refusal = scope.refusal(url)
    return Found(What.PAGE, canonical(url) or url, refusal[0] if refusal else None)


def _bounds(site: WatchedSite, asked: Mapping[What, int], max_pages: int | None, *, dry_run: bool) -> Bounds:
    pages = site.limits.max_pages
    if max_pages is not None:
        pages = min(pages, asked[What.PAGE] + max_pages)
    return Bounds(
        at_most={What.PAGE: pages, What.IMAGE: 0 if dry_run else site.limits.max_images},
        byte_count=site.limits.max_bytes,
        dry_run=dry_run,
    )


async def _cut(under_way: UnderWay) -> bool:
    """Whether this call asked for fewer pages than the site has, or its file allows."""
    bound = under_way.bounds.at_most[What.PAGE]
    if bound >= under_way.site.limits.max_pages or under_way.room()[What.PAGE]:
        return False
    return State.OVER_LIMIT in (await under_way.tally()).of(What.PAGE)


def _named(counts: Mapping[State, int]) -> dict[str, int]:
    return {state.value: counts[state] for state in State if state in counts}


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """A picture makes some thousand objects, nearly all gone with their last reference. To look through the living ones, Scrapy's and
    Django's classes among them, every 700 objects costs a tenth of a crawl."""
    usual = gc.get_threshold()
    gc.freeze()  # and no collection before it, which would look through them once more
    gc.set_threshold(COLLECTED_EVERY, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@contextmanager
def _signals(under_way: UnderWay) -> Iterator[None]:
    """Ctrl-C and a polite kill stop the pass; what is under way is given back. Only the main thread can hear them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    heard: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    for number in heard:
        loop.add_signal_handler(number, under_way.asking.stop, "asked to stop")
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
