"""When what is due: APScheduler fires, SQL makes sure that each slot is run once.

The scheduler keeps its jobs in memory and builds them anew at each start. A fired job claims its slot in SQL, where (job, slot) is
unique, and queues its work in the same transaction; workers take it from there. So two schedulers, a restart, or a clock that steps
back never run a slot twice, and work that still waits is not queued again. Only the holder of the lease fires at all.
"""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from core.errors import StoreUnavailable
from core.model import Standing, Topic
from stillwatch.agreement import fault
from stillwatch.forgetting import forget_crawls
from stillwatch.watchfulness import note_troubles
from stillwatch.wiring import House, utc_now

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger("stillwatch.schedule")

LEASE = "scheduler"
LEASE_TTL_S = 15.0
RENEW_S = 5.0
SITES_READ_S = 5.0
RECHECK_S = 60.0
TROUBLES_S = 60.0
DAY_S = 86400.0
SLOTS_KEPT = timedelta(days=14)


def slot_of(now: datetime, every_s: float) -> datetime:
    """The start of the interval that `now` lies in; intervals are counted from the epoch, so every process agrees."""
    return datetime.fromtimestamp(now.timestamp() // every_s * every_s, UTC)


def run(house: House, stopped: Callable[[], bool]) -> None:
    """Leads while it holds the lease; returns when `stopped` says so."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    holder = f"{socket.gethostname()}:{os.getpid()}"
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={
            "default": ThreadPoolExecutor(1)
        },  # one thread: one database connection, and no job runs beside itself
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    clockwork = Clockwork(house, holder, scheduler)
    scheduler.add_job(clockwork.read_sites, "interval", seconds=SITES_READ_S, next_run_time=utc_now(), id="sites")
    scheduler.add_job(clockwork.recheck, "interval", seconds=RECHECK_S, next_run_time=utc_now(), id="recheck")
    scheduler.add_job(
        clockwork.watchfulness, "interval", seconds=TROUBLES_S, next_run_time=utc_now(), id="watchfulness"
    )
    scheduler.add_job(clockwork.forget, "interval", hours=24, next_run_time=utc_now(), id="forget")
    scheduler.add_job(clockwork.forget_seen, "interval", hours=1, next_run_time=utc_now(), id="forget-seen")
    scheduler.start(paused=True)
    try:
        _lead(house, holder, scheduler, stopped)
    finally:
        scheduler.shutdown(wait=True)
        house.leadership.release(LEASE, holder)


def _lead(house: House, holder: str, scheduler: "BackgroundScheduler", stopped: Callable[[], bool]) -> None:
    leads = False
    asked_at = float("-inf")
    while not stopped():
        if time.monotonic() - asked_at >= RENEW_S:
            asked_at = time.monotonic()
            held = _holds(house, holder)
            if held and not leads:
                log.info("scheduler.leads")
                scheduler.resume()
            elif leads and not held:
                log.warning("scheduler.lease_lost")
                scheduler.pause()
            leads = held
        time.sleep(0.2)


def _holds(house: House, holder: str) -> bool:
    try:
        return house.leadership.hold(LEASE, holder, LEASE_TTL_S)
    except StoreUnavailable as error:
        # Who cannot ask does not lead: another may.
        log.warning("scheduler.lease_unread", extra={"reason": str(error)})
        return False


class Clockwork:
    """The jobs themselves. Each only claims its slot and queues work: a tick takes milliseconds."""

    def __init__(self, house: House, holder: str, scheduler: "BackgroundScheduler") -> None:
        self._house = house
        self._holder = holder
        self._scheduler = scheduler
        self._every_s: dict[str, float] = {}

    def read_sites(self) -> None:
        """Gives each watched site a job at its own pace; a site that went away loses its job."""
        with _Survives():
            every_s = {site.name: site.politeness.every_s for site in self._house.sites()[0]}
            for gone in self._every_s.keys() - every_s.keys():
                self._scheduler.remove_job(f"crawl:{gone}")
            for name, pace in every_s.items():
                if self._every_s.get(name) != pace:
                    self._scheduler.add_job(
                        self.crawl,
                        "interval",
                        args=[name],
                        seconds=min(pace, 60.0),
                        next_run_time=utc_now(),
                        id=f"crawl:{name}",
                        replace_existing=True,
                    )
            self._every_s = every_s

    def crawl(self, name: str) -> None:
        """Asks each minute whether the present slot has been taken: so a scheduler that starts in mid-slot misses none."""
        with _Survives():
            now = utc_now()
            site = next((site for site in self._house.sites()[0] if site.name == name), None)
            if (
                site is None
                or fault(site, self._house.site_book, now) is not None
                or not site.politeness.hours.contain(now)
            ):
                return
            if self._house.daily_use.used(name, now.date()).spent(site.limits) is not None:
                return
            # Looked at more often than each page is: what is due by then is asked for (crawler.revisit).
            slot = slot_of(now, site.politeness.look_every_s)
            if self._house.job_slots.claim(f"crawl:{name}", slot, self._holder, [(Topic.CRAWL, name)]):
                log.info("crawl.due", extra={"site": name})

    def recheck(self) -> None:
        with _Survives():
            now = utc_now()
            if self._house.desk.due_locations(now, all_=False):
                self._house.job_slots.claim("recheck", slot_of(now, RECHECK_S), self._holder, [(Topic.RECHECK, "due")])

    def watchfulness(self) -> None:
        """Cheap, and the same however often: no slot is claimed."""
        with _Survives():
            note_troubles(self._house, utc_now())

    def forget(self) -> None:
        with _Survives():
            self._house.job_slots.forget(utc_now() - SLOTS_KEPT)
            self._house.sweep_board.forget(utc_now() - SLOTS_KEPT)
            self._house.daily_use.forget((utc_now() - SLOTS_KEPT).date())

    def forget_seen(self) -> None:
        """Once a day: what is older than may be kept, and whatever a crawl wrote of a site after its agreement was revoked."""
        with _Survives():
            now = utc_now()
            if not self._house.job_slots.claim("forget-seen", slot_of(now, DAY_S), self._holder):
                return
            store = self._house.seen_store
            store.seal_left(now)
            seen_before = now - timedelta(days=self._house.settings.seen_days)
            self._house.sweep_finds.forget(seen_before)
            gone = store.forget(seen_before)
            for name in self._house.site_memory.sites():
                self._house.site_memory.forget(name, seen_before)
            for site in {segment.site for segment in store.segments()}:
                if self._house.site_book.standing(site) is Standing.REVOKED:
                    gone += store.erase_site(site)
            noted = self._house.collision_book.forget_revoked()
            log.info("seen.forgotten", extra={"fingerprints": gone, "found_in": noted})
            log.info("crawls.forgotten", extra={"urls": forget_crawls(self._house, seen_before)})


class _Survives:
    """A store that is away for a while must not end the clockwork: the next tick asks again."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, StoreUnavailable):
            log.warning("scheduler.store_unavailable", extra={"reason": str(error)})
            return True
        return False
