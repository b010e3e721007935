"""The one pipeline: what was seen becomes a named state, a hit is stored, and only then is the URL settled.

A URL is settled (its lease ended) after its consequences are durable: a page after its children are stored with it, a picture after
its hits are in the hit log. Whatever ends this process in between makes somebody look once more, and looking twice is harmless.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple, Self

from scrapy.crawler import Crawler

from core.errors import StillwatchError, StoreUnavailable
from core.model import Added, Hit, ImageSighting, Known, Settled, State, hit_of
from crawler import traps
from crawler.fetch import Fetched, Kind, NotFetched, Unchanged, Wanted
from crawler.frontier import UNASKED, Found, What
from crawler.handler import WANTED
from crawler.links import MOST_IMAGES, MOST_PAGES, PageLinks
from crawler.pauses import BUSY_S, pause_s
from crawler.scope import Scope
from crawler.spiders.site import Seen
from crawler.under_way import ImageLine, UnderWay

ATTEMPTS = 3
PAGE_STATES = {Kind.HTML: State.READ, Kind.TEXT: State.READ, Kind.EMPTY: State.READ}


class Children(NamedTuple):
    """What a page names, pictures first."""

    found: Sequence[Found]
    settled: Mapping[str, Settled]  # pictures that are not asked for
    known: Collection[str]  # of all of them, from earlier passes


NO_CHILDREN = Children((), {}, frozenset())


class Pipeline:
    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        met = partial(_met, under_way.scope, traps.Spellings())
        self._picture_met = partial(met, What.IMAGE)
        self._page_met = lru_cache(maxsize=4096)(partial(met, What.PAGE))  # menus name the same pages on every page

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
        if outcome is None:
            assert seen.known is not None, "else it would have been asked for"
            return await (self._known_picture(seen) if seen.known.images is None else self._known_page(seen))
        if isinstance(outcome, NotFetched):
            return await self._not_fetched(seen, outcome)
        if isinstance(outcome, Unchanged):
            await self._under_way.heard_from(leased, State.READ)
            return await (self._known_page(seen) if leased.what is What.PAGE else self._known_picture(seen))
        self._under_way.byte_count += len(outcome.body) + seen.part_bytes
        await self._under_way.heard_from(leased, State.READ)
        if outcome.kind.compared:
            return await self._picture(seen, outcome)
        if leased.what is What.IMAGE:
            return await self._finish(seen, State.NOT_IMAGE, byte_count=len(outcome.body))
        state = PAGE_STATES.get(outcome.kind, State.UNSUPPORTED)
        await self._page(seen, state, len(outcome.body) + seen.part_bytes)
        return state

    # ----------------------------------------------------------------------------------------------------------- kinds

    async def _not_fetched(self, seen: Seen, outcome: NotFetched) -> State:
        leased = seen.leased
        now = self._under_way.services.clock().timestamp()
        if outcome.state is State.PENDING:
            # A host wants a pause on which this URL waits: one that it was redirected to, or of a part of the page.
            due = 0.0 if outcome.retry_after_s is None else now + outcome.retry_after_s
            await self._give_back(seen, due=due, counted=False)
            return State.PENDING
        if outcome.not_now:
            due = now + (outcome.retry_after_s or BUSY_S)
            # Of a part of the page it was noted when that was asked for.
            if outcome.url == leased.url and pause_s(outcome) is not None:
                pause, site = self._under_way.frontier.pause, self._under_way.site.name
                await self._under_way.in_frontier(pause, site, outcome.host, due)
            if leased.attempts + 1 < ATTEMPTS:
                await self._give_back(seen, due=due, counted=True)
                return State.PENDING
        state = outcome.state
        if seen.links is None:
            await self._finish(seen, state, reason=outcome.reason)
        else:
            await self._page(
                seen, state, seen.part_bytes
            )  # it came, could not be read, and named something all the same
        await self._under_way.heard_from(leased, state, host_answered=seen.links is not None)
        if state in UNASKED:
            return state
        if leased.what is What.PAGE:
            self._under_way.memory.missed_page(leased.url, seen.known, outcome.state)
        else:
            self._under_way.memory.saw_nothing(leased.url, outcome.state)
        return state

    async def _known_page(self, seen: Seen) -> State:
        """It says that it did not change, or it was read lately: it names what it named."""
        assert seen.known is not None
        assert seen.known.images is not None
        cut = seen.known.state is State.PARTIAL
        links = PageLinks(
            base=seen.leased.url,
            images=seen.known.images,
            pages=seen.known.pages,
            truncated=cut,
            following=seen.known.following,
        )
        self._under_way.unchanged[What.PAGE] += 1
        missed = seen.outcome is None and seen.known.state not in (State.READ, State.PARTIAL)
        state = seen.known.state if missed else State.READ  # not due, and it could not be read the last time
        await self._page(Seen(seen.leased, seen.outcome, links, seen.known), state, 0)
        return state

    async def _known_picture(self, seen: Seen) -> State:
        known = seen.known
        assert known is not None
        state, hits = self._under_way.memory.stands(seen.leased.url, known.state, known.sha256)
        told: set[str] = set()
        in_frontier, finish = self._under_way.in_frontier, self._under_way.frontier.finish
        current, url = self._under_way.current.id, seen.leased.url
        while pages := await in_frontier(finish, current, url, state, what=What.IMAGE, hits=hits, told=told):
            for page in pages:
                await self._under_way.tell_of_page(hits, page)
            told.update(pages)
        if seen.outcome is not None:
            self._under_way.memory.saw_no_change(known)
        self._under_way.unchanged[What.IMAGE] += 1
        self._show(seen, state, known.sha256, next(iter(hits), None), unchanged=True)
        return state

    async def _page(self, seen: Seen, state: State, byte_count: int) -> None:
        if seen.links is not None and seen.links.truncated and self._under_way.memory.is_page(seen.known):
            assert seen.known is not None
            seen = replace(seen, links=_with_known(seen.links, seen.known))
        children = NO_CHILDREN if seen.links is None else await self._children(seen, seen.links)
        told: set[str] = set()
        while True:
            hits = await self._under_way.in_frontier(
                self._under_way.frontier.finish,
                self._under_way.current.id,
                seen.leased.url,
                state,
                what=What.PAGE,
                byte_count=byte_count,
                children=children.found,
                told=told,
            )
            if not hits:
                break
            await self._under_way.tell_of_page(hits, seen.leased.url)
            told.update(hits)
        if seen.links is not None:
            self._page_is_stored(seen, seen.links, children)

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
        pages = pages or [seen.leased.found_on]  # the frontier was emptied meanwhile: it is told of all the same
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
        under_way.memory.saw_picture(fetched, state, examination.sha256)
        self._show(seen, state, examination.sha256, next(iter(kept), None))
        return state

    async def _children(self, seen: Seen, links: PageLinks) -> Children:
        memory = self._under_way.memory
        images = [self._picture_met(url) for url in links.images]
        following = frozenset(links.following)
        pages = [self._page_met(url) for url in links.pages if url not in following]
        pages = [self._page_met(url)._replace(following=True) for url in links.following] + pages
        settled: Mapping[str, Settled] = {}
        if not self._under_way.is_canary_page(seen.leased.url):
            settled = await memory.settled([each.url for each in images if each.state is None])
            if settled:
                images = [self._settled(each, settled.get(each.url)) for each in images]
        known: Collection[str] = settled
        if isinstance(seen.outcome, Fetched):  # then whether they are known tells how much of it is new
            rest = await memory.recall([each.url for each in images + pages if each.state is None])
            known = settled.keys() | rest.keys()
        return Children(images + pages, settled, known)

    def _settled(self, found: Found, settled: Settled | None) -> Found:
        if settled is None or found.state is not None:
            return found
        state, hits = self._under_way.memory.stands(found.url, settled.state, settled.sha256)
        return Found(found.what, found.url, state, True, hits)

    def _page_is_stored(self, seen: Seen, links: PageLinks, children: Children) -> None:
        under_way = self._under_way
        unread = isinstance(seen.outcome, NotFetched)
        under_way.cut_pages += links.truncated and not unread
        shown = [found for found in children.found if found.known and under_way.not_shown(found.url)]
        under_way.unchanged[What.IMAGE] += len(shown)
        for found in shown:
            under_way.on_image(
                ImageLine(
                    image_url=found.url,
                    page_url=seen.leased.url,
                    sha256=children.settled[found.url].sha256,
                    state=found.state or State.CLEAR,
                    hit=found.hits[0] if found.hits else None,
                    unchanged=True,
                )
            )
        if seen.outcome is None or unread or not under_way.memory:
            return  # nobody asked for it, or it is remembered as one that could not be read
        changed = isinstance(seen.outcome, Fetched)
        asked = [found.url for found in children.found if found.state is None or found.known] if changed else []
        new = {url for url in asked if url not in children.known and under_way.not_named(url)}
        under_way.memory.read_page(
            seen.leased.url,
            links,
            fetched=seen.outcome if isinstance(seen.outcome, Fetched) else None,
            known=seen.known,
            new=len(new),
            new_pages=sum(found.what is What.PAGE and found.url in new for found in children.found),
            of=len(asked) or 1,
            start=seen.leased.url == seen.leased.found_on,
        )

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
        if isinstance(seen.outcome, Fetched):
            self._under_way.memory.saw_picture(seen.outcome, state, sha256)
        if what is What.IMAGE:
            self._show(seen, state, sha256, None, reason)
        return state

    def _show(
        self,
        seen: Seen,
        state: State,
        sha256: str | None,
        hit: str | None,
        reason: str = "",
        *,
        unchanged: bool = False,
    ) -> None:
        self._under_way.not_shown(seen.leased.url)
        self._under_way.on_image(
            ImageLine(
                image_url=seen.leased.url,
                page_url=seen.leased.found_on,
                sha256=sha256,
                state=state,
                hit=hit,
                reason=reason,
                unchanged=unchanged,
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
                await self._finish(
                    replace(seen, outcome=None), State.BROKEN
                )  # not to be remembered: the error may be ours
            else:
                await self._give_back(seen, due=0.0, counted=not isinstance(error, StillwatchError))
        except StoreUnavailable as unavailable:
            self._under_way.break_off(unavailable)  # the lease ends with this worker


def _with_known(cut: PageLinks, known: Known) -> PageLinks:
    """A page that could not be read to its end: what it named before is not gone. A list without an end has one here."""
    return replace(
        cut,
        images=tuple(dict.fromkeys([*cut.images, *(known.images or ())]))[: 2 * MOST_IMAGES],
        pages=tuple(dict.fromkeys([*cut.pages, *known.pages]))[: 2 * MOST_PAGES],
        following=tuple(dict.fromkeys([*cut.following, *known.following]))[:MOST_PAGES],
    )


def _keep(kept: dict[str, Added], hits: Sequence[Hit], added: Sequence[Added]) -> None:
    for hit, outcome in zip(hits, added, strict=True):
        if outcome is not Added.REFUSED:
            kept.setdefault(hit.id, outcome)


def _met(scope: Scope, spellings: traps.Spellings, what: What, url: str) -> Found:
    url = traps.without_session(url)
    if what is What.PAGE:
        url = spellings.first(url)  # of pictures none is asked for by another URL: it may be signed
    if not url.isascii():
        try:
            url.encode()
        except UnicodeEncodeError:  # half a character, from an escape in a script
            return Found(what, url.encode(errors="backslashreplace").decode(), State.REFUSED)
    refusal = scope.refusal_of_canonical(url, WANTED[what])
    if refusal is not None and what is What.PAGE and scope.refusal_of_canonical(url, Wanted.IMAGE) is None:
        what, refusal = What.IMAGE, None  # a host of pictures: what a link leads to there is asked for as one
    if refusal is not None:
        return Found(what, url, refusal[0])
    is_trap = traps.trap_by_spelling(url) if what is What.PAGE else len(url) > traps.LONGEST_URL
    return Found(what, url, State.TRAP if is_trap else None)
