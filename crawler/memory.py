"""What a pass knows of the passes before it, and what it leaves to those after it: so that what did not change is not fetched again.

A page is asked for by its validators (304: what it named is known), and a picture that was compared is not asked for at all while its URL
stays the same. Nobody has to be believed for that. A site that swaps a picture under its URL is found out: each picture is asked for again
after some weeks, and fetched whole at a moment drawn by lot, `WHOLE_A_DAY` of them on any day.

Which pictures were hits plays no part in it: a site must not learn from our visits whom they show.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from core.errors import StoreUnavailable
from core.model import LOOK_S, Known, Settled, State
from core.ports import SiteMemory
from crawler.fetch import Copy, Fetched, head_of, validators
from crawler.fetch import Kind as PageKind
from crawler.links import PageLinks
from crawler.questions import Questions
from crawler.revisit import (
    HOUR_S,
    UNCHANGED_COST,
    Kind,
    Learned,
    Standing,
    after_failure,
    after_visit,
    due,
    kind_of,
    plan,
)

R = TypeVar("R")
log = logging.getLogger(__name__)
_LOTS = random.SystemRandom()  # nobody is to know when a picture is fetched whole

READER_VERSION = 3  # to be counted up when pages are read better: what is known of all of them is then read anew
WHOLE_A_DAY = 0.015  # of all pictures and pages, whatever the site says of changes
WHOLE_AFTER_AT_MOST = 3  # times `days`
WRITTEN_EVERY_S = 1.0
OF_THE_PACE = (
    0.5  # so much of what politeness allows goes to pages that were read before; the rest is for pictures and new pages
)
LEAST_DELAY_S = 0.05
MENU_SHOWN_BY = 2_000  # pages of a pass that are asked which pages they all name: by then it is plain
MENU_AMONG = 50_000  # pages that they name; beyond that it is plain as well, and memory is wanted for other things
ANEW = timedelta(days=7)  # once in this time it is a picture's turn to be read with corners that came after it was read
UNAWARE = timedelta(minutes=2)  # what was under way when corners came may have been read without them: as in a sweep

# The bytes were there and looked at: the same bytes would end the same way.
SETTLED = frozenset(
    {
        State.CLEAR,
        State.PARTIAL,
        State.TOO_PLAIN,
        State.TOO_SMALL,
        State.NOT_IMAGE,
        State.UNSUPPORTED,
        State.BROKEN,
        State.TOO_LARGE,
    }
)

# Of those, what has corners to compare.
HAS_CORNERS = frozenset({State.CLEAR, State.PARTIAL, State.TOO_PLAIN})


class Times(NamedTuple):
    read_at: datetime
    again_at: datetime
    whole_at: datetime


def nothing_there(url: str, state: State, now: datetime) -> Known:
    """It was asked for, and there was nothing to compare: the next time that a page names it, it is asked for again."""
    return Known(url=url, state=state, read_at=now, again_at=now, whole_at=now)


def turn_of(url: str, after: datetime) -> datetime:
    """The first turn of this URL from then on. By a lot of its own: not all at once, and never twice in `ANEW`, whoever comes meanwhile."""
    digest = hashlib.blake2b(url.encode(errors="backslashreplace"), digest_size=8).digest()
    first = datetime.fromtimestamp(0, UTC) + ANEW * (int.from_bytes(digest) / 2**64)
    return after + (first - after) % ANEW


class PassMemory:
    """An async context manager, for one pass. Without a store nothing is known and nothing is kept.

    When the store is away nothing is known, and everything is fetched: that costs time and is never wrong.
    """

    def __init__(
        self,
        store: SiteMemory | None,
        site: str,
        *,
        recipe: str,
        reader: str,
        days: float,
        clock: Callable[[], datetime],
        draw: Callable[[], float] = _LOTS.random,
        on_failure: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """
        recipe  the hashes that are made of a picture; what was known under another one is due
        reader  what pages are read by; what another one found on a page is not known
        days    a picture is asked for again after so long at the latest; 0: in each pass, whole
        draw    evenly from 0 to 1
        on_failure  told of an error that is ours, not the store's
        """
        self._store = store
        self._site = site
        self._recipe = recipe
        self._reader = f"{reader}-{READER_VERSION}"
        self._days = days
        self._clock = clock
        self._draw = draw
        self._on_failure = on_failure
        self._ended = asyncio.Event()
        self._new: list[Known] = []
        self._learned: dict[str, str] = {}  # of pages that did not change: nothing else of them is written anew
        self._knows_site = False
        self._always: frozenset[str] = frozenset()
        self._not_due: Collection[str] | None = None  # pages not worth a visit yet, where only due ones are asked for
        self._read: dict[str, Learned] = {}  # pages of this pass, and how many of them name each page
        self._named_by: Counter[str] = Counter()
        self._hits: Mapping[tuple[str, str], Sequence[str]] = {}
        self._corners_came: Sequence[datetime] = ()
        self._thread = ThreadPoolExecutor(1, "memory")
        self._recalling = Questions(self._recall, self._thread)
        self._settling = Questions(self._settled, self._thread)
        self._writing: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        return self._store is not None

    async def __aenter__(self) -> Self:
        if self._store is not None:
            self._knows_site = await asyncio.get_running_loop().run_in_executor(self._thread, self._anything_known)
            self._writing = asyncio.create_task(self._write_now_and_then())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writing is not None:
                self._ended.set()
                await self._writing
                self._tell_the_menu()
                await self._write()
        finally:
            self._thread.shutdown()

    def hits_are(self, hits: Mapping[tuple[str, str], Sequence[str]]) -> None:
        """HitLog.standing_at, as the pass began."""
        self._hits = hits

    def corners_came(self, at: Sequence[datetime]) -> None:
        """People.corners_came, as the pass began."""
        self._corners_came = at

    async def always_look_at(self, page_url: str | None) -> None:
        """What this page named is never settled, wherever it is met: the site's canary is there."""
        known = (await self.recall([page_url])).get(page_url) if page_url is not None else None
        self._always = frozenset(known.images or ()) if known is not None else frozenset()

    # --------------------------------------------------------------------------------------------------------- known

    async def recall(self, urls: Collection[str]) -> Mapping[str, Known]:
        """At least what is known of these. In the first pass over a site nothing is, and nobody is asked."""
        return await self._recalling.ask(urls) if self._knows_site and urls else {}

    async def settled(self, urls: Collection[str]) -> Mapping[str, Settled]:
        """Which of these pictures need not be asked for in this pass."""
        if not self._knows_site or self._days <= 0 or not urls:
            return {}
        found = await self._settling.ask(urls)
        return {url: each for url in urls if (each := found.get(url)) is not None and self._stands_still(url, each)}

    def is_settled(self, known: Known) -> bool:
        """As `settled`, of one picture of which everything is known already."""
        due = known.recipe != self._recipe or self._clock() >= min(known.again_at, known.whole_at)
        return self._days > 0 and not due and self._stands_still(known.url, _settled(known))

    def _stands_still(self, url: str, settled: Settled) -> bool:
        return settled.state in SETTLED and url not in self._always and not self._read_without(url, settled)

    def _recall(self, urls: Collection[str]) -> Mapping[str, Known]:
        return self._asked(lambda store: store.recall(self._site, urls), {})

    def _settled(self, urls: Collection[str]) -> Mapping[str, Settled]:
        return self._asked(lambda store: store.settled(self._site, urls, self._recipe, self._clock()), {})

    def _anything_known(self) -> bool:
        return self._asked(lambda store: store.knows(self._site), True)  # so each question is asked by itself

    def _asked(self, question: Callable[[SiteMemory], R], unanswered: R) -> R:
        assert self._store is not None
        try:
            return question(self._store)
        except StoreUnavailable as error:
            log.warning("memory.not_read: %s", error)
            return unanswered

    def _read_without(self, url: str, settled: Settled) -> bool:
        """Corners came since it was read, and its turn: that it did not change says nothing then. No sweep finds it, because what was
        seen is kept without corners."""
        if not self._corners_came:
            return False
        later = bisect_left(self._corners_came, settled.read_at - UNAWARE)
        return (
            settled.state in HAS_CORNERS
            and later < len(self._corners_came)
            and self._clock() >= turn_of(url, self._corners_came[later])
        )

    def is_page(self, known: Known | None) -> bool:
        """A page, and what it named is what this reader would find on it."""
        return known is not None and known.images is not None and known.recipe == self._reader

    def copy_of_picture(self, known: Known) -> Copy | None:
        """`copy_of`, of a picture that is due. What never came, or is to be looked at in each pass, is fetched whole."""
        return self.copy_of(known) if self._days > 0 and self._stands_still(known.url, _settled(known)) else None

    def copy_of(self, known: Known) -> Copy | None:
        """What to ask again with. None: it is to be fetched whole."""
        if self._clock() >= known.whole_at or (known.images is None and known.recipe != self._recipe):
            return None
        copy = Copy(etag=known.etag, last_modified=known.last_modified, byte_count=known.byte_count, head=known.head)
        return copy if copy.asked_with else None

    def stands(self, url: str, state: State, sha256: str | None) -> tuple[State, tuple[str, ...]]:
        """How a settled picture ends in this pass, and its hits: people are enrolled, and withdraw, between two looks."""
        hits = self._hits.get((url, sha256 or "")) if self._hits else None
        return (State.HIT, tuple(hits)) if hits else (state, ())

    # ---------------------------------------------------------------------------------------------------------- plan

    async def plan_due(self, every_s: float, delay_s: float) -> None:
        """From now on `is_due` says which pages are worth a visit: crawler.revisit.

        They are asked for as often, all together, as if each was asked for once in `every_s`; those more often that bring more.
        """
        if self._store is None or every_s <= LOOK_S:
            return  # a site that may be asked for everything so often is
        try:
            self._not_due = await asyncio.get_running_loop().run_in_executor(self._thread, self._plan, every_s, delay_s)
        except StoreUnavailable as error:
            log.warning("memory.not_read: %s", error)

    def _plan(self, every_s: float, delay_s: float) -> Collection[str] | None:
        """The pages that are not due. None: nothing was learned yet."""
        assert self._store is not None
        texts = self._store.learned(self._site)
        pages = {url: learned for url, text in texts.items() if (learned := _learned(text)) is not None}
        if not pages:
            return None
        at_this_pace = HOUR_S / max(delay_s, LEAST_DELAY_S)
        planned = plan(pages, min(len(pages) * HOUR_S / every_s, OF_THE_PACE * at_this_pace))
        # What is due before the middle between this look and the next is due now: else a page that is due at each look, and was visited
        # some seconds after the last one had begun, would be asked for at every other one.
        return pages.keys() - due(pages, planned, self._clock().timestamp() + LOOK_S / 2)

    @property
    def only_due(self) -> bool:
        return self._not_due is not None

    def is_due(self, url: str) -> bool:
        return self._not_due is None or url not in self._not_due

    # ------------------------------------------------------------------------------------------------------ remember

    def saw_picture(self, fetched: Fetched, state: State, sha256: str | None) -> None:
        if self._store is None:
            return
        etag, last_modified = validators(fetched)
        times = self.times()
        self._keep(
            Known(
                url=fetched.url,
                # Whom it showed is in the hit log alone, and goes with a withdrawal: see `stands`.
                state=State.CLEAR if state is State.HIT else state,
                sha256=sha256,
                recipe=self._recipe,
                byte_count=len(fetched.body),
                head=head_of(fetched.body) if fetched.final_url == fetched.url else b"",
                etag=etag,
                last_modified=last_modified,
                read_at=times.read_at,
                again_at=times.again_at,
                whole_at=times.whole_at,
            )
        )

    def saw_no_change(self, known: Known) -> None:
        """Of a picture."""
        self._keep(replace(known, again_at=self.times().again_at))

    def saw_nothing(self, url: str, state: State) -> None:
        """It was asked for, and could not be read or was not what it seemed."""
        self._keep(nothing_there(url, state, self._clock()))

    def read_page(
        self,
        url: str,
        links: PageLinks,
        *,
        fetched: Fetched | None,
        known: Known | None,
        new: int,
        new_pages: int,
        of: int,
        start: bool,
    ) -> None:
        """
        fetched    None: the site says that it is unchanged
        new        how many of the `of` pictures and pages that it names were not known from anywhere
        new_pages  of these
        start      named by the site's file
        """
        now = self._clock()
        before = _learned(known.learned) if known is not None else None
        before = before or Learned(met=now.timestamp())
        standing = Standing(
            start=start,
            feed=fetched is not None and _is_feed(fetched),
            first_named=new_pages,
        )
        learned = after_visit(
            replace(before, kind=kind_of(standing, before)),
            now=now.timestamp(),
            new=new,
            at_least=new == of,
            cost=UNCHANGED_COST if fetched is None else 1.0,
        )
        if len(self._read) < MENU_SHOWN_BY and len(self._named_by) < MENU_AMONG:
            self._read[url] = learned
            self._named_by.update(set(links.pages))
        text = _text(learned)
        if fetched is None:
            self._learned[url] = text
            return
        etag, last_modified = validators(fetched)
        times = self.times()
        self._keep(
            Known(
                url=url,
                state=State.PARTIAL if links.truncated else State.READ,
                recipe=self._reader,
                etag=etag,
                last_modified=last_modified,
                images=links.images,
                pages=links.pages,
                following=links.following,
                learned=text,
                read_at=times.read_at,
                again_at=now,
                whole_at=times.whole_at,
            )
        )

    def missed_page(self, url: str, known: Known | None, state: State) -> None:
        """A page was asked for and could not be read. What it named before is not forgotten, unless it is gone."""
        now = self._clock()
        before = _learned(known.learned) if known is not None else None
        learned = after_failure(before or Learned(met=now.timestamp()), now=now.timestamp())
        missed = nothing_there(url, state, now)
        kept = replace(missed, images=(), learned=_text(learned), recipe=self._reader)
        if known is not None and state is not State.GONE:
            kept = replace(kept, images=known.images or (), pages=known.pages, following=known.following)
        self._keep(kept)

    # -------------------------------------------------------------------------------------------------------- inside

    def _keep(self, known: Known) -> None:
        if self._store is not None:
            self._new.append(known)

    def times(self) -> "Times":
        """Of what is read now."""
        now, days = self._clock(), self._days
        drawn = min(-math.log(1 - self._draw()) / WHOLE_A_DAY, WHOLE_AFTER_AT_MOST * days)
        return Times(
            read_at=now,
            # Not all in one pass: half of the time is for spreading.
            again_at=now + timedelta(days=days * (0.5 + 0.5 * self._draw())),
            whole_at=now + timedelta(days=drawn),
        )

    def _tell_the_menu(self) -> None:
        """When much of the site was read: a page of the menu is named by the start page first, as every other."""
        for url, learned in self._read.items():
            kind = kind_of(Standing(named_by=self._named_by[url], pages_read=len(self._read)), learned)
            if kind is not learned.kind:
                self._learned[url] = _text(replace(learned, kind=kind))

    async def _write_now_and_then(self) -> None:
        """Ended by a word and not by cancelling, which would lose what is being written."""
        try:
            while not self._ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), WRITTEN_EVERY_S)
                await self._write()
        except Exception as error:  # noqa: BLE001  # the crawl breaks off, and raises it
            self._on_failure(error)

    async def _write(self) -> None:
        """What is lost with the process is fetched once more, no worse."""
        if self._store is None or not (self._new or self._learned):
            return
        new, self._new = {known.url: known for known in self._new}, []
        learned, self._learned = self._learned, {}
        loop = asyncio.get_running_loop()
        try:
            if new:
                await loop.run_in_executor(self._thread, self._store.remember, self._site, list(new.values()))
            if learned:
                await loop.run_in_executor(self._thread, self._store.learn, self._site, learned)
        except StoreUnavailable as error:
            log.warning("memory.not_written: %s", error)


def _settled(known: Known) -> Settled:
    return Settled(known.state, known.sha256, known.read_at)


def _is_feed(fetched: Fetched) -> bool:
    return "xml" in fetched.headers.get("content-type", "").lower() and fetched.kind is not PageKind.HTML


def _text(learned: Learned) -> str:
    return json.dumps({name: getattr(learned, name) for name in Learned.__slots__})


def _learned(text: str) -> Learned | None:
    """None where there is nothing, or what another version wrote."""
    try:
        fields = json.loads(text)
        return Learned(**{**fields, "kind": Kind(fields["kind"])})
    except (ValueError, TypeError, KeyError):
        return None
