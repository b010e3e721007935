"""Whether each site is really looked at: gathered here for `site list`, `doctor` and the scheduler, judged in alerts.watching."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.watching import (
    PASSES,
    CanaryState,
    Coverage,
    canary_state,
    coverage,
    last_good_look,
    next_pass,
    trouble_of,
    troubles,
)
from core.model import Canary, DayUse, PassRecord, Topic, TroubleKind, WatchedSite
from stillwatch.agreement import fault
from stillwatch.wiring import House

log = logging.getLogger("stillwatch.watchfulness")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLook:
    site: WatchedSite
    fault: str | None  # why nothing may be asked of it now
    no_login: str | None  # why nobody is let in there; without it a pass does not even begin
    passes: Sequence[PassRecord]  # newest first
    coverage: Coverage | None
    last_good: datetime | None
    canary: Canary | None
    canary_state: CanaryState
    troubles: Mapping[TroubleKind, str]  # none where nothing may be asked
    today: DayUse
    next_visit: datetime | None  # None: none, as nothing may be asked

    @property
    def health(self) -> str:
        if self.fault is not None or self.no_login is not None or self.troubles:
            return "bad"
        return "warn" if self.why else "ok"

    @property
    def why(self) -> Sequence[str]:
        """Why its health is not "ok": a sentence for each reason, the worst first."""
        if self.fault is not None:
            return [_sentence(self.fault)]
        wrong = [] if self.no_login is None else [_sentence(f"login: {self.no_login}")]
        wrong += self.troubles.values()
        if self.coverage is None:
            wrong.append("No pass has finished yet.")
        elif not self.coverage.last.compared:
            wrong.append(f"The last finished pass compared no picture{_obstacles(self.coverage)}.")
        elif self.coverage.fell:
            wrong.append(f"The last finished pass compared less than half of what is usual{_obstacles(self.coverage)}.")
        if self.canary_state.health != "ok" and TroubleKind.CANARY_MISSED not in self.troubles:
            wrong.append(f"Canary: {self.canary_state.words}.")
        return wrong

    @property
    def stopped(self) -> str:
        """Why the last pass is not finished, where it says so."""
        return self.passes[0].stopped if self.passes else ""

    @property
    def used_today(self) -> Sequence[str]:
        """What is used of the day's budget, where there is one."""
        limits, used = self.site.limits, self.today
        of_requests, of_bytes = limits.requests_per_day, limits.bytes_per_day
        return [
            *([f"today {used.requests} of {of_requests} requests"] if of_requests else []),
            *([f"today {used.byte_count} of {of_bytes} bytes"] if of_bytes else []),
        ]


def look_at(house: House, site: WatchedSite, now: datetime) -> SiteLook:
    passes = house.site_book.passes(site.name, limit=PASSES)
    canary = house.canary_book.canary_of(site.name)
    reason = fault(site, house.site_book, now)
    today = house.daily_use.used(site.name, now.astimezone(UTC).date())
    return SiteLook(
        site=site,
        fault=reason,
        no_login=house.no_login(site),
        passes=passes,
        coverage=coverage(passes),
        last_good=last_good_look(passes),
        canary=canary,
        canary_state=canary_state(site, canary, passes, now),
        troubles={} if reason is not None else troubles(site, canary, passes, now),
        today=today,
        next_visit=None if reason is not None else next_pass(site, passes[0] if passes else None, now, today),
    )


def _obstacles(coverage: Coverage) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in sorted(coverage.obstacles.items()))
    return f": {counts}" if counts else ""


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def note_troubles(house: House, now: datetime) -> None:
    """What has gone wrong is told once, over the channels that there are; what has recovered, or may not be asked any more, ends."""
    outgoing = bool(house.settings.channels)
    found: set[tuple[str, TroubleKind]] = set()
    for site in house.sites()[0]:
        for kind, reason in look_at(house, site, now).troubles.items():
            found.add((site.name, kind))
            trouble = trouble_of(site.name, kind, reason, now)
            if house.trouble_book.begin(trouble, [(Topic.TROUBLE, trouble.id)] if outgoing else []):
                log.warning("watching.trouble", extra={"site": site.name, "kind": kind.value})
    for each in house.trouble_book.open():
        if (each.site, each.kind) not in found and house.trouble_book.end(each.site, each.kind):
            log.info("watching.recovered", extra={"site": each.site, "kind": each.kind.value})
