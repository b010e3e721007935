"""Looking back: enrolled hashes against everything seen, segment by segment, and then a fresh look at what was found.

    post → extend: one task a segment → compare: finds → look: the picture is there now? → HitLog.add, the ordinary way

The board in SQL is what workers share: any process may compare a segment or look at a find, and whoever is killed only loses a lease.
A find is not a hit. It says that a picture was there; a hit follows from a fresh look, by the agreement and politeness of its site.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from core.errors import StoreUnavailable, UnknownId
from core.model import (
    Added,
    Finding,
    FindState,
    Hit,
    ImageSighting,
    PersonId,
    Standing,
    State,
    SweepFind,
    SweepProgress,
    SweepTask,
    WatchedSite,
    hit_of,
)
from stillwatch.agreement import fault
from stillwatch.wiring import House, utc_now
from stores.sql import released

if TYPE_CHECKING:
    from crawler.crawl import CrawlServices
    from crawler.fresh_look import FreshLook
    from matcher.sweep import Asked

log = logging.getLogger("stillwatch.sweeping")

LEASE_S: Final = 60.0  # of a task; renewed while it is worked on
LOOK_LEASE_S: Final = (
    60.0  # of the finds looked at in one go; renewed while they are, however long a site takes to answer
)
URLS_AT_ONCE: Final = 10
SEGMENT_AGAIN_S: Final = 600.0  # a segment that could not be read
NOT_NOW_S: Final = 600.0  # a site that may not be asked at present
LOOK_AGAIN_S: Final = 300.0  # a find whose first look told nothing
AGAIN_AT_MOST_S: Final = 6 * 3600.0  # however often it came to nothing before; each time the wait is doubled
SETTLES: Final = timedelta(minutes=2)
STAYS_OPEN: Final = timedelta(hours=26)  # what a crawler on another machine was writing is sealed within a day
TOLD_EVERY_S: Final = 0.25
SILENT: Final = frozenset({State.TIMEOUT, State.UNREACHABLE})
COMPARED_WHOLE: Final = frozenset({State.HIT, State.CLEAR})


def refresh(house: House, now: datetime) -> None:
    """Sweeps that are open take in segments that they did not know of, and those that grew.

    A fresh one is left to who posted it: its hashes may not be stored yet.
    """
    sweeps = [each for each in house.sweep_board.open(now - STAYS_OPEN) if now - each.created > SETTLES]
    if sweeps:
        everything = house.seen_store.segments()
        for sweep in sweeps:
            house.sweep_board.extend(sweep.id, everything, now)


def waits(house: House) -> bool:
    """Whether there is anything to do for a worker."""
    return house.sweep_board.waiting() > 0 or house.sweep_finds.waiting()[1] > 0


# --------------------------------------------------------------------------------------------------------------- compare


class Lost(Exception):
    """The task is somebody else's by now, or went with its person or site."""


class Comparing:
    """Compares segments, one task at a time. What a sweep asks for is read once."""

    def __init__(self, house: House, lease_s: float = LEASE_S) -> None:
        self._house = house
        self._lease_s = lease_s
        self._asked: tuple[str, Asked] | None = None

    def one(self, sweep: str | None = None) -> bool:
        """False: there was no task to take."""
        task = self._house.sweep_board.claim(self._lease_s, sweep)
        if task is None:
            return False
        try:
            self._compare(task)
        except StoreUnavailable as error:
            # Unknown, not "nothing there": the task stays, and whoever asks for its sweep is told that something is left.
            log.warning("sweep.segment_not_compared: %s", error, extra={"segment": task.segment})
            self._house.sweep_board.later(task, _again_s(SEGMENT_AGAIN_S, task.attempts))
        except Lost:
            log.info("sweep.task_lost", extra={"segment": task.segment})
        return True

    def _compare(self, task: SweepTask) -> None:
        from matcher.sweep import find

        house, asked = self._house, self._looked_for(task.sweep)
        with house.seen_store.blocks(task.segment) as blocks:
            count = sum(block.count for block in blocks)
            found = find(
                asked,
                blocks,
                partial(house.seen_store.places, task.segment),
                since=task.since,
                limits=house.limits,
                beat=self._beat(task),
            )
        finds = {}
        for each in found:
            # A find's id is that of the hit it may become: sweeping twice finds once, and what is a hit already is no find.
            id_ = hit_of(each.finding, each.sighting, each.sha256).id
            finds[id_] = SweepFind(
                id=id_,
                sweep=task.sweep,
                person=each.finding.match.enrolment.person,
                sighting=each.sighting,
                sha256=each.sha256,
            )
        known = {hit.id for hit in house.hit_log.get(list(finds))}
        new = [each for id_, each in finds.items() if id_ not in known]
        if house.sweep_board.done(task, count, new, utc_now()):
            log.info(
                "sweep.segment_compared", extra={"segment": task.segment, "fingerprints": count, "finds": len(new)}
            )

    def _looked_for(self, sweep: str) -> "Asked":
        from matcher.sweep import Asked

        if self._asked is None or self._asked[0] != sweep:
            self._asked = sweep, Asked(self._house.sweep_board.asked(sweep))
        return self._asked[1]

    def _beat(self, task: SweepTask) -> Callable[[], None]:
        renewed = time.monotonic()

        def beat() -> None:
            nonlocal renewed
            if time.monotonic() - renewed > self._lease_s / 3:
                renewed = time.monotonic()
                if not self._house.sweep_board.renew(task, self._lease_s):
                    raise Lost

        return beat


# ------------------------------------------------------------------------------------------------------------------ look


def _again_s(first_s: float, attempts: int) -> float:
    return min(first_s * 2.0 ** min(attempts, 20), AGAIN_AT_MOST_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of one find."""

    find: SweepFind
    state: FindState
    hit: str | None = None
    reason: str = ""  # while it waits


def verdict(look: "FreshLook", person: PersonId) -> tuple[FindState, Finding | None]:
    """Only the picture itself, fetched now and compared whole, ends a find as anything but gone; what could not be seen waits."""
    if look.state is State.GONE:
        return FindState.GONE, None
    if look.examination is None:
        return FindState.WAITING, None
    for finding in look.examination.findings:
        if finding.match.enrolment.person == person:
            return FindState.HIT, finding
    return (FindState.CHANGED if look.state in COMPARED_WHOLE else FindState.WAITING), None


class Looking:
    """Looks at finds, a few URLs of one site at a time. A context manager: what a site needs is kept until another is looked at."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._tried: set[str] = set()
        self._silent: set[str] = set()  # sites that did not answer at all: not asked again by this worker
        self._site: WatchedSite | None = None
        self._services: CrawlServices | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def some(self, sweep: str | None = None) -> Sequence[Looked] | None:
        """What became of the next finds that are due; None: there is none that this worker has not tried."""
        finds = self._house.sweep_finds.claim(LOOK_LEASE_S, URLS_AT_ONCE, sweep)
        if not finds:
            return None
        if all(each.id in self._tried for each in finds):
            self._later(finds, finds[0].reason, wait_s=NOT_NOW_S, counted=False)
            return None
        self._tried.update(each.id for each in finds)
        return self._look(finds)

    def _look(self, finds: Sequence[SweepFind]) -> Sequence[Looked]:
        name = finds[0].sighting.site
        reason = self._why_not(name)
        if reason is not None:
            if self._house.site_book.standing(name) is Standing.REVOKED:
                self._house.sweep_finds.drop([each.id for each in finds])
                return []
            return self._later(finds, reason, wait_s=NOT_NOW_S, counted=False)
        from crawler.fresh_look import look_afresh

        assert self._site is not None
        assert self._services is not None
        by_url: dict[str, list[SweepFind]] = {}
        for each in finds:
            by_url.setdefault(each.sighting.image_url, []).append(each)
        with self._held([each.id for each in finds]):
            looks = look_afresh(self._site, list(by_url), self._services)
        states = {look.state for look in looks}
        if states & SILENT and states <= SILENT | {State.PENDING}:
            self._silent.add(name)
        return [looked for look in looks for looked in self._follow(look, by_url[look.image_url])]

    @contextmanager
    def _held(self, ids: Sequence[str]) -> Iterator[None]:
        """Keeps them from other workers inside, by a thread that renews the lease; a killed worker's are free when it ends."""
        ended = threading.Event()

        def renew() -> None:
            with released():
                while not ended.wait(LOOK_LEASE_S / 3):
                    try:
                        self._house.sweep_finds.renew(ids, LOOK_LEASE_S)
                    except StoreUnavailable as error:  # at worst another looks as well, which is harmless
                        log.warning("sweep.lease_not_renewed", extra={"reason": str(error)})

        thread = threading.Thread(target=renew, name="finds held", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _why_not(self, name: str) -> str | None:
        """Why nothing may be asked of the site now; else what is needed to ask is open."""
        house, now = self._house, utc_now()
        try:
            site = house.site(name)
        except UnknownId:
            return "the site is not configured any more"
        reason = fault(site, house.site_book, now)
        if reason is None and not site.politeness.hours.contain(now):
            reason = "outside the hours in which the site may be asked"
        if reason is None and name in self._silent:
            reason = "the site did not answer a moment ago"
        if reason is None and (self._site != site or self._services is None or self._services.still_agreed()):
            self._open.close()
            self._site, self._services = site, self._open.enter_context(house.crawl_services(site))
        return reason

    def _follow(self, look: "FreshLook", finds: Sequence[SweepFind]) -> Sequence[Looked]:
        """One look at a URL answers for every find there, person by person."""
        looked: list[Looked] = []
        for person in dict.fromkeys(each.person for each in finds):
            theirs = [each for each in finds if each.person == person]
            state, finding = verdict(look, person)
            if finding is not None:
                looked += self._hand_over(look, finding, theirs)
            elif state is FindState.WAITING:
                if look.state is State.PENDING:  # not asked, for a reason of our own or the site's
                    looked += self._later(theirs, look.state.value, wait_s=NOT_NOW_S, counted=False)
                else:
                    wait_s = _again_s(LOOK_AGAIN_S, max(each.attempts for each in theirs))
                    looked += self._later(theirs, look.state.value, wait_s=wait_s)
            else:
                self._house.sweep_finds.ended([each.id for each in theirs], state, look.at)
                looked += [Looked(find=each, state=state) for each in theirs]
        return looked

    def _hand_over(self, look: "FreshLook", finding: Finding, finds: Sequence[SweepFind]) -> Sequence[Looked]:
        assert look.examination is not None
        hit = found_hit(finding, look.examination.sha256, look.at, finds)
        ids = [each.id for each in finds]
        if self._house.hit_log.add(hit) is Added.REFUSED:
            self._house.sweep_finds.drop(ids)  # the person withdrew in this very moment
            return []
        self._house.sweep_finds.ended(ids, FindState.HIT, look.at)
        return [Looked(find=each, state=FindState.HIT, hit=hit.id) for each in finds]

    def _later(
        self, finds: Sequence[SweepFind], reason: str, *, wait_s: float, counted: bool = True
    ) -> Sequence[Looked]:
        self._house.sweep_finds.later([each.id for each in finds], wait_s, reason, counted=counted)
        return [Looked(find=each, state=FindState.WAITING, reason=reason) for each in finds]


def found_hit(finding: Finding, sha256: str, at: datetime, finds: Sequence[SweepFind]) -> Hit:
    """The hit of a picture that is there now, on the pages where it was seen, newest first.

    finds  of one person at one URL. The very picture says since when it was there; another of theirs under that URL, since the earliest.
    """
    by_age = sorted(finds, key=lambda each: (each.sighting.seen_at, each.id))
    same = [each for each in by_age if each.sha256 == sha256] or by_age
    pages = tuple(dict.fromkeys(each.sighting.page_url for each in reversed(by_age)))
    newest = by_age[-1].sighting
    sighting = ImageSighting(site=newest.site, page_url=pages[0], image_url=newest.image_url, seen_at=at)
    return replace(hit_of(finding, sighting, sha256), pages=pages, found_earlier=same[0].sighting.seen_at)


# ------------------------------------------------------------------------------------------------------------------ whole


@dataclass
class Count:
    """What one call has come to so far, as it is shown while it works."""

    progress: SweepProgress
    looked_at: int = 0
    complete: bool = False  # every segment is compared: nothing of what was seen is left out

    def fields(self) -> Mapping[str, object]:
        finds = self.progress.finds
        return {
            "fingerprints": self.progress.fingerprints,
            "segments": self.progress.segments,
            "finds": sum(finds.values()),
            "looked_at": self.looked_at,
            "hits": finds.get(FindState.HIT, 0),
            "gone": finds.get(FindState.GONE, 0),
            "changed": finds.get(FindState.CHANGED, 0),
            "waiting": finds.get(FindState.WAITING, 0),
            "complete": self.complete,
        }

    def words(self) -> str:
        of = self.progress.segments + self.progress.left
        finds = sum(self.progress.finds.values())
        return (
            f"{self.progress.segments} of {of} segments, {self.progress.fingerprints:,} fingerprints compared; "
            f"{finds} found, {self.looked_at} looked at, {self.progress.finds.get(FindState.HIT, 0)} hits"
        )


@dataclass
class Work:
    """Works on one sweep until it is done, with whoever else works on it."""

    house: House
    sweep: str
    of_others_too: bool = False  # what waits of other sweeps, once this one is done
    on_progress: Callable[[Count], None] = lambda _: None
    on_look: Callable[[Looked], None] = lambda _: None
    lease_s: float = LEASE_S
    count: Count = field(default_factory=lambda: Count(SweepProgress(segments=0, left=0, fingerprints=0)))
    _told_at: float = float("-inf")

    def run(self, until: float = float("inf")) -> Count:
        """until  by time.monotonic(): what is not looked at by then waits for the next worker"""
        self.compare(until)
        self.look(until)
        return self.count

    def compare(self, until: float) -> None:
        comparing = Comparing(self.house, self.lease_s)
        while time.monotonic() < until:
            if comparing.one(self.sweep):
                self._tell()
                continue
            self._tell(now=True)
            if self.count.progress.under_way == 0:
                break
            time.sleep(0.2)  # another has the rest: it is waited for, and taken over should it be killed
        while self.of_others_too and time.monotonic() < until and comparing.one():
            self._tell()
        self._tell(now=True)
        self.count.complete = self.count.progress.left == 0

    def look(self, until: float) -> None:
        with Looking(self.house) as looking:
            while time.monotonic() < until:
                some = looking.some(None if self.of_others_too else self.sweep)
                self._heard(some or ())
                if some is None:
                    self._tell(now=True)
                    if self.count.progress.looking == 0:
                        break
                    time.sleep(0.2)  # another looks at the rest

    def _heard(self, some: Sequence[Looked]) -> None:
        for looked in some:
            self.count.looked_at += looked.state is not FindState.WAITING
            self.on_look(looked)
        self._tell(now=bool(some))

    def _tell(self, *, now: bool = False) -> None:
        """The board counts what everybody did; asked a few times a second, and where it matters."""
        if not now and time.monotonic() - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = time.monotonic()
        self.count.progress = self.house.sweep_board.progress(self.sweep)
        self.on_progress(self.count)


def help_out(house: House, stopped: Callable[[], bool] = lambda: False) -> int:
    """Whatever waits of any sweep. Returns how many tasks and finds were worked on."""
    comparing, worked = Comparing(house), 0
    while not stopped() and comparing.one():
        worked += 1
    with Looking(house) as looking:
        while not stopped() and (some := looking.some()) is not None:
            worked += len(some)
    return worked
