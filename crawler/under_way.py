"""One pass while it runs: what the scheduler, the download handler, the spider and the pipeline share.

Nothing here blocks the loop: the frontier has a thread of its own, so has the hit log (whose database connection belongs to one
thread), and pictures are examined in a few more.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from core.model import Added, Examination, Hit, ImageSighting, PassRecord, SeenPicture, State, WatchedSite
from core.ports import DailyUse, Examiner, HitLog, SeenLog, SiteBook, SiteMemory
from crawler.asking import Asking
from crawler.chromium import Chromium
from crawler.frontier import UNASKED, Frontier, Leased, Pass, Tally, What
from crawler.frontier_sqlite import SqliteFrontier
from crawler.login import Credential
from crawler.memory import PassMemory
from crawler.met import MET_AT_MOST
from crawler.pace import WALLED_S
from crawler.pauses import keeping_pauses
from crawler.rendering import Rendering
from crawler.scope import Scope, canonical
from crawler.together import Together

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

EXAMINED_AT_ONCE = 4  # one thread waits for the decoder while another compares
RECORDED_EVERY_S = 5.0
TOLD_EVERY_S = 1.0
HASHES_ASKED_S = 0.25
FAILED = frozenset(
    {
        State.HTTP_ERROR,
        State.TIMEOUT,
        State.UNREACHABLE,
        State.ROBOTS_UNREAD,
        State.TRUNCATED,
        State.BROKEN,
        State.EXHAUSTED,
    }
)
SILENT_AT_MOST = 20  # requests in a row that a host does not answer; what waits for it then ends the same way, unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlServices:
    """What a crawl is handed. `still_agreed` is asked before every request, in the event loop: it must not touch a database."""

    frontier_path: Path
    lock_folder: Path  # one process of this machine crawls a site at a time, where the frontier is not shared
    examiner: Examiner
    hit_log: HitLog
    site_book: SiteBook
    user_agent: str  # "Product/version (+contact)": robots.txt is read for the product
    still_agreed: Callable[[], str | None]
    clock: Callable[[], datetime]
    agreed_now: Callable[[], str | None] = lambda: None  # by what is kept at this moment; may block
    seen: SeenLog | None = None  # where what was compared is kept for later enrolments; None: nowhere
    hash_version: Callable[[], int] | None = None  # of the enrolled hashes at this moment: see UnderWay.keep
    memory: SiteMemory | None = None  # what is known from earlier passes; None: nothing is, and everything is fetched
    recipe: str = ""  # the hashes that the examiner makes: see PassMemory
    known_days: float = 30.0  # see PassMemory
    corners_came: Callable[[], Sequence[datetime]] = lambda: ()  # see People: what was read before is read once more
    no_videos: str | None = None  # why this machine can compare no videos, and the cure; None: it can
    daily_use: DailyUse | None = None  # where the requests of a day are counted, for sites that limit them
    login: Credential | None = None  # what is said to be let in, where the agreement says so
    chromium: Chromium = field(default_factory=Chromium)  # for pages that are put together by scripts
    canary_found: Callable[[], datetime | None] = lambda: None  # when the examiner saw the site's canary last
    shared_frontier: Callable[[], AbstractContextManager[Frontier]] | None = None  # None: a file of this machine

    def open_frontier(self) -> AbstractContextManager[Frontier]:
        return SqliteFrontier(self.frontier_path) if self.shared_frontier is None else self.shared_frontier()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLine:
    """One picture or video was looked at, or could not be. `reason`: empty, or one plain sentence for the state."""

    image_url: str = field(repr=False)
    page_url: str = field(repr=False)
    sha256: str | None = field(repr=False)
    state: State
    hit: str | None  # the surest one, where there are several
    reason: str = ""
    unchanged: bool = False  # nobody looked this time: it was looked at in an earlier pass, and is still where it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Of the pass so far, what was done before a restart included."""

    site: str
    pages: int  # asked for
    images: int
    hits: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much this call may ask for. In a dry run what is beyond stays pending, and nothing is recorded."""

    at_most: dict[What, int]
    byte_count: int
    dry_run: bool = False


class UnderWay:
    """An async context manager: threads and the record of the pass live as long as it does."""

    def __init__(
        self,
        site: WatchedSite,
        services: CrawlServices,
        *,
        frontier: Frontier,
        current: Pass,
        worker: str,
        bounds: Bounds,
        scope: Scope,
        asking: Asking,
        on_image: Callable[[ImageLine], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.site = site
        self.services = services
        self.frontier = frontier
        self.current = current
        self.worker = worker
        self.bounds = bounds
        self.scope = scope
        self.asking = asking
        self.on_image = on_image
        self.failure: Exception | None = None
        self.wake = asyncio.Event()  # something ended: there may be room for more
        self.busy: Counter[str] = Counter()  # URLs under way, by host
        self.asked: Counter[What] = Counter()  # by this call and, of a resumed pass, before; those under way included
        self.byte_count = 0
        self.unchanged: Counter[What] = Counter()  # of this call
        self.answered: Counter[What] = Counter()  # requests of this call
        self.failed: Counter[What] = Counter()
        self.cut_pages = 0  # of this call: read only in part, or so when they were read last
        self.memory = PassMemory(
            None if bounds.dry_run else services.memory,
            site.name,
            recipe=services.recipe,
            reader=site.kind,
            days=services.known_days,
            clock=services.clock,
            on_failure=self.break_off,
        )
        self.rendering = Rendering(
            services.chromium,
            keeping_pauses(asking.ask, site.name, frontier, services.clock),
            lambda: asking.stopped,
            services.user_agent,
            most_pages=site.limits.max_rendered,
        )
        self._shown: set[int] = set()  # digests of the pictures that had a line
        self._named: set[int] = set()  # digests of URLs that were new to this call
        self._canary_page = None if site.canary_page is None else canonical(site.canary_page)
        self._on_progress = on_progress
        self._silent: Counter[str] = Counter()
        self._frontier_calls = Together(frontier)
        self._writer_thread = ThreadPoolExecutor(1, "writer")
        self._seen_thread = ThreadPoolExecutor(1, "seen")  # sealing takes a second: no hit waits for it
        self._examiner_threads = ThreadPoolExecutor(EXAMINED_AT_ONCE, "examiner")
        self._recording: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.memory.__aenter__()
        if self.memory:
            standing_at = self.services.hit_log.standing_at
            loop = asyncio.get_running_loop()
            self.memory.hits_are(await loop.run_in_executor(self._writer_thread, standing_at, self.site.name))
            self.memory.corners_came(await loop.run_in_executor(self._writer_thread, self.services.corners_came))
            await self.memory.always_look_at(self._canary_page)
        self._recording = asyncio.create_task(self._keep_record())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recording is not None:
            self._recording.cancel()
            await asyncio.gather(self._recording, return_exceptions=True)
        await self.rendering.__aexit__(kind, error, trace)
        await self.memory.__aexit__(kind, error, trace)
        for threads in (self._examiner_threads, self._seen_thread, self._writer_thread):
            threads.shutdown()
        self._frontier_calls.close()

    # -------------------------------------------------------------------------------------------- off the event loop

    async def in_frontier(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._frontier_calls.run(call, *args, **kwargs)

    async def examine(self, body: bytes) -> Examination:
        return await asyncio.get_running_loop().run_in_executor(
            self._examiner_threads, self.services.examiner.examine, body
        )

    async def read(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """For pages so large that reading them would hold up the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._examiner_threads, lambda: call(*args, **kwargs))

    async def tell(self, hits: Sequence[Hit]) -> Sequence[Added]:
        """They are in the hit log when this returns."""
        add = self.services.hit_log.add
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, lambda: [add(hit) for hit in hits])

    async def keep(self, examination: Examination, body: bytes, *, url: str, page_url: str) -> Examination:
        """What was compared is kept for later enrolments when this returns. One write a picture: a thousandth of decoding it.

        Somebody may enrol between the comparison and the writing: then neither found the other, for the enrolment looked through what
        had been kept by then. So whoever is enrolled by now is compared with once more. Returns the examination that holds.
        """
        seen, loop = self.services.seen, asyncio.get_running_loop()
        if seen is None or not examination.fingerprints:
            return examination
        sighting = ImageSighting(site=self.site.name, page_url=page_url, image_url=url, seen_at=self.services.clock())
        picture = SeenPicture(sighting=sighting, sha256=examination.sha256, fingerprints=examination.fingerprints)
        await loop.run_in_executor(self._seen_thread, seen.add, [picture])
        if self.services.hash_version is None:
            return examination
        version = await loop.run_in_executor(self._writer_thread, self.services.hash_version)
        while examination.version is not None and examination.version < version:
            await asyncio.sleep(HASHES_ASKED_S)  # the examiner asks for news so often
            examination = await self.examine(body)
        return examination

    async def why_erased(self) -> str:
        """Its agreement ended, most often: what is known of a site goes with that, before the loop has heard of it."""
        asked = asyncio.get_running_loop().run_in_executor(self._writer_thread, self.services.agreed_now)
        return await asked or "what was known of the site was erased"

    async def why_left_alone(self) -> str:
        """A wall is not asked again before its time, so a later call of the pass knows it only by what was recorded."""
        if self.asking.wall is not None:
            return self.asking.wall
        passes, loop = self.services.site_book.passes, asyncio.get_running_loop()
        for record in await loop.run_in_executor(self._writer_thread, passes, self.site.name, 1):
            if record.id == self.current.id and record.walled:
                hosts = ", ".join(record.walled)
                return f"{hosts}: a proof of being human was asked for; the host is left alone for {WALLED_S / 3600:g} hours"
        return "the site asked for a pause"

    async def tell_of_page(self, ids: Sequence[str], page_url: str) -> None:
        """Hits found before are shown by this page too."""

        def add() -> None:
            for hit in self.services.hit_log.get(ids):
                if page_url not in hit.pages:
                    seen_again = replace(hit, page_url=page_url, pages=(page_url,), last_seen=self.services.clock())
                    self.services.hit_log.add(seen_again)

        await asyncio.get_running_loop().run_in_executor(self._writer_thread, add)

    # ------------------------------------------------------------------------------------------------ what is going on

    def took(self, leased: Leased) -> None:
        self.busy[leased.host] += 1
        self.asked[leased.what] += 1

    def settled(self, leased: Leased, *, asked: bool) -> None:
        self.busy[leased.host] -= 1
        if not asked:
            self.asked[leased.what] -= 1
        self.wake.set()

    def not_shown(self, url: str) -> bool:
        """Whether the picture has had no line in this call; now it has."""
        return _added(self._shown, url)

    def not_named(self, url: str) -> bool:
        """Whether no page of this call has named the URL as a new one; now one has."""
        return _added(self._named, url)

    def is_canary_page(self, url: str) -> bool:
        """What is on it is looked at in each pass: that is what it is for."""
        return url == self._canary_page

    def room(self) -> dict[What, int]:
        """How many more of each kind this call may ask for."""
        if self.byte_count >= self.bounds.byte_count:
            return dict.fromkeys(What, 0)
        return {what: max(0, self.bounds.at_most[what] - self.asked[what]) for what in What}

    def break_off(self, error: Exception) -> None:
        """Something of ours failed. What is under way is given back; crawl_site raises the error once all is put down."""
        log.error("crawl.broke_off", extra={"site": self.site.name, "error": type(error).__name__})
        self.failure = self.failure or error
        self.asking.stop("the work broke off")
        self.wake.set()

    async def heard_from(self, leased: Leased, state: State, *, host_answered: bool = False) -> None:
        """Counts how often in a row a host was silent, and gives up on what waits for it when it was too often.

        host_answered   whatever the state: it is of what was done with the answer
        """
        host = leased.host
        self.failed[leased.what] += state in FAILED
        self.answered[leased.what] += state not in FAILED and state not in UNASKED
        if host_answered or state not in (State.TIMEOUT, State.UNREACHABLE):
            self._silent[host] = 0
            return
        self._silent[host] += 1
        if self._silent[host] >= SILENT_AT_MOST:
            await self.in_frontier(self.frontier.end_waiting, self.current.id, state, host=host)

    # --------------------------------------------------------------------------------------------------------- record

    async def tally(self) -> Tally:
        tally = await self.in_frontier(self.frontier.tally, self.current.id)
        self.byte_count = max(self.byte_count, tally.byte_count)  # others may be at work on this pass
        return tally

    async def record(self, finished: datetime | None = None) -> Tally:
        tally = await self.tally()
        record = PassRecord(
            id=self.current.id,
            site=self.site.name,
            started=self.current.started,
            finished=finished,
            pages=tally.of(What.PAGE),
            images=tally.of(What.IMAGE),
            hits=tally.hits,
            byte_count=tally.byte_count,
            canary=self.services.canary_found(),
            walled=tuple(sorted(self.asking.walled)),
            answered=self.answered.total(),
            failed=self.failed.total(),
            pictures_answered=self.answered[What.IMAGE],
            pictures_failed=self.failed[What.IMAGE],
            cut_pages=self.cut_pages,
            stopped="" if finished is not None else self.asking.stopped or "",
        )
        # A look at which nothing was due asked the site for nothing: to record it as a look would say that somebody had looked.
        asked = not self.memory.only_due or self.answered.total() + self.failed.total() > 0
        if asked and not self.bounds.dry_run:
            await asyncio.get_running_loop().run_in_executor(
                self._writer_thread, self.services.site_book.record, record
            )
        return tally

    async def _keep_record(self) -> None:
        try:
            while True:
                self._say(await self.record())
                for _ in range(int(RECORDED_EVERY_S / TOLD_EVERY_S)):
                    await asyncio.sleep(TOLD_EVERY_S)
                    self._say(await self.tally())
        except Exception as error:  # noqa: BLE001  # crawl_site raises it
            self.break_off(error)

    def _say(self, tally: Tally) -> None:
        waiting = sum(n for (_, state), n in tally.counts.items() if state is State.PENDING)
        pages, images = tally.asked[What.PAGE], tally.asked[What.IMAGE]
        self._on_progress(Progress(site=self.site.name, pages=pages, images=images, hits=tally.hits, waiting=waiting))


def _added(digests: set[int], url: str) -> bool:
    """False beyond as many as a pass keeps by name."""
    if len(digests) >= MET_AT_MOST or (digest := hash(url)) in digests:
        return False
    digests.add(digest)
    return True
