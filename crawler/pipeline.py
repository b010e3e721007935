"""The one pipeline: what was seen becomes a named state, a hit is stored, and only then is the URL settled.

A URL is settled (its lease ended) after its consequences are durable: a page after its children are stored with it, a picture after
its hits are in the hit log. Whatever ends this process in between makes somebody look once more, and looking twice is harmless.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Self

from scrapy.crawler import Crawler

from core.errors import StillwatchError, StoreUnavailable
from core.model import Added, Hit, ImageSighting, State, hit_of
from crawler import traps
from crawler.fetch import Fetched, Kind, NotFetched, Wanted
from crawler.frontier import UNASKED, Found, What
from crawler.handler import WANTED
from crawler.links import PageLinks
from crawler.scope import Scope
from crawler.spiders.site import Seen
from crawler.under_way import ImageLine, UnderWay

BUSY = (429, 503)  # "not now": asked again later
ATTEMPTS = 3
BUSY_S = 30.0  # to wait where the site does not say
PAGE_STATES = {Kind.HTML: State.READ, Kind.TEXT: State.READ, Kind.EMPTY: State.READ}


class Pipeline:
    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        self._met = lru_cache(maxsize=4096)(partial(_met, under_way.scope))  # menus name the same pages on every page

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        under_way = getattr(crawler.spider, "under_way", None)
        assert isinstance(under_way, UnderWay), "started by crawl_site"
        return cls(under_way)

    async def process_item(self, seen: Seen) -> Seen:
        state = State.PENDING
        try:
            state = await self._settle(seen)
        except Exception as error:  # noqa: BLE001  # crawl_site raises it
            self._under_way.break_off(error)
            await self._after(seen, error)
        finally:
            self._under_way.settled(seen.leased, asked=state not in UNASKED and state is not State.PENDING)
        return seen

    async def _settle(self, seen: Seen) -> State:
        leased, outcome = seen.leased, seen.outcome
        if isinstance(outcome, NotFetched):
            return await self._not_fetched(seen, outcome)
        self._under_way.byte_count += len(outcome.body)
        await self._under_way.heard_from(leased.host, State.READ)
        if outcome.kind.compared:
            return await self._picture(seen, outcome)
        if leased.what is What.IMAGE:
            return await self._finish(seen, State.NOT_IMAGE, byte_count=len(outcome.body))
        state = PAGE_STATES.get(outcome.kind, State.UNSUPPORTED)
        await self._page(seen, state, len(outcome.body))
        return state

    # ----------------------------------------------------------------------------------------------------------- kinds

    async def _not_fetched(self, seen: Seen, outcome: NotFetched) -> State:
        leased = seen.leased
        if outcome.state is State.PENDING:
            await self._give_back(seen, due=0.0, counted=False)
            return State.PENDING
        if outcome.status in BUSY:
            due = self._under_way.services.clock().timestamp() + (outcome.retry_after_s or BUSY_S)
            if outcome.retry_after_s is not None or outcome.status == 429:  # it means the host, not only this URL
                await self._under_way.in_frontier(
                    self._under_way.frontier.pause, self._under_way.site.name, leased.host, due
                )
            if leased.attempts + 1 < ATTEMPTS:
                await self._give_back(seen, due=due, counted=True)
                return State.PENDING
        state = await self._finish(seen, outcome.state, reason=outcome.reason)
        await self._under_way.heard_from(leased.host, outcome.state)
        return state

    async def _page(self, seen: Seen, state: State, byte_count: int) -> None:
        children = self._children(seen.links) if seen.links else ()
        told: set[str] = set()
        while True:
            hits = await self._under_way.in_frontier(
                self._under_way.frontier.finish,
                self._under_way.current.id,
                seen.leased.url,
                state,
                what=What.PAGE,
                byte_count=byte_count,
                children=children,
                told=told,
            )
            if not hits:
                return
            await self._under_way.tell_of_page(hits, seen.leased.url)
            told.update(hits)

    async def _picture(self, seen: Seen, fetched: Fetched) -> State:
        under_way, url = self._under_way, seen.leased.url
        if under_way.bounds.dry_run:  # a start page that turned out to be a picture: it would be examined
            return await self._finish(seen, State.PENDING)
        examination = await under_way.examine(fetched.body)
        keep = partial(under_way.keep, body=fetched.body, url=url, page_url=seen.leased.found_on)
        if not examination.findings:
            examination = await keep(examination)
        if not examination.findings:
            return await self._finish(
                seen,
                examination.state,
                byte_count=len(fetched.body),
                sha256=examination.sha256,
                reason=examination.reason,
            )
        now = under_way.services.clock()
        pages = await under_way.in_frontier(under_way.frontier.pages_showing, under_way.current.id, url)
        told: set[str] = set()
        kept: dict[str, Added] = {}  # hit id → what the log said of it first
        state = State.CLEAR
        while pages:
            hits = [
                hit_of(
                    finding,
                    ImageSighting(site=under_way.site.name, page_url=page, image_url=url, seen_at=now),
                    examination.sha256,
                )
                for page in pages
                for finding in examination.findings
            ]
            _keep(kept, hits, await under_way.tell(hits))
            before, examination = examination, await keep(examination)
            if examination is not before:
                continue  # somebody enrolled meanwhile: they may be in it as well
            told.update(pages)
            state = State.HIT if kept else State.CLEAR  # everybody found in it withdrew in this very moment
            pages = await under_way.in_frontier(
                under_way.frontier.finish,
                under_way.current.id,
                url,
                state,
                what=What.IMAGE,
                byte_count=len(fetched.body),
                hits=list(kept),
                new_hits=sum(added is Added.NEW for added in kept.values()),
                told=told,
            )
        self._show(seen, state, examination.sha256, next(iter(kept), None))
        return state

    def _children(self, links: PageLinks) -> Sequence[Found]:
        images = [self._met(What.IMAGE, url) for url in links.images]
        pages = [self._met(What.PAGE, url) for url in links.pages]
        return images + pages

    # --------------------------------------------------------------------------------------------------------- endings

    async def _finish(
        self, seen: Seen, state: State, *, byte_count: int = 0, sha256: str | None = None, reason: str = ""
    ) -> State:
        looked_at_a_picture = sha256 is not None
        what = What.IMAGE if looked_at_a_picture else seen.leased.what
        await self._under_way.in_frontier(
            self._under_way.frontier.finish,
            self._under_way.current.id,
            seen.leased.url,
            state,
            what=what,
            byte_count=byte_count,
        )
        if what is What.IMAGE:
            self._show(seen, state, sha256, None, reason)
        return state

    def _show(self, seen: Seen, state: State, sha256: str | None, hit: str | None, reason: str = "") -> None:
        self._under_way.on_image(
            ImageLine(
                image_url=seen.leased.url,
                page_url=seen.leased.found_on,
                sha256=sha256,
                state=state,
                hit=hit,
                reason=reason,
            )
        )

    async def _give_back(self, seen: Seen, *, due: float, counted: bool) -> None:
        await self._under_way.in_frontier(
            self._under_way.frontier.give_back, self._under_way.current.id, seen.leased.url, due=due, counted=counted
        )

    async def _after(self, seen: Seen, error: Exception) -> None:
        """A store that is away says nothing about the URL. Any other error may come from what is there: the third time it is left alone."""
        try:
            if not isinstance(error, StillwatchError) and seen.leased.attempts + 1 >= ATTEMPTS:
                await self._finish(seen, State.BROKEN)
            else:
                await self._give_back(seen, due=0.0, counted=not isinstance(error, StillwatchError))
        except StoreUnavailable as unavailable:
            self._under_way.break_off(unavailable)  # the lease ends with this worker


def _keep(kept: dict[str, Added], hits: Sequence[Hit], added: Sequence[Added]) -> None:
    for hit, outcome in zip(hits, added, strict=True):
        if outcome is not Added.REFUSED:
            kept.setdefault(hit.id, outcome)


def _met(scope: Scope, what: What, url: str) -> Found:
    try:
        url.encode()
    except UnicodeEncodeError:  # half a character, from an escape in a script
        return Found(what, url.encode(errors="backslashreplace").decode(), State.REFUSED)
    refusal = scope.refusal(url, WANTED[what])
    if refusal is not None and what is What.PAGE and scope.refusal(url, Wanted.IMAGE) is None:
        what, refusal = What.IMAGE, None  # a host of pictures: what a link leads to there is asked for as one
    if refusal is not None:
        return Found(what, url, refusal[0])
    is_trap = traps.trap_by_spelling(url) if what is What.PAGE else len(url) > traps.LONGEST_URL
    return Found(what, url, State.TRAP if is_trap else None)
