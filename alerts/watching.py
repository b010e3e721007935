"""Is the watching of a site really happening? Pure: the site, its canary and its passes go in, what may be said of them comes out.

Unknown is never good news: "no hits" says something only of a pass that compared pictures and found the one that was put there for it.
"""

import enum
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from statistics import median_high
from zoneinfo import ZoneInfo

from core.model import Canary, DayUse, Hours, PassRecord, State, Trouble, TroubleKind, WatchedSite, derived_id, rfc3339

IN_A_ROW = 3  # finished passes: one may have come at a bad moment, two at a bad hour
CANARY_PATIENCE = timedelta(days=1)
PASSES = 30  # looked back upon
BEFORE = 10  # finished passes that one is held against
NOTHING_USED = DayUse()
FELL_TO = 0.5  # of what is usual

WALLED = (
    "{hosts}: the site asks for a proof of being human. It is left alone for hours and never got round; "
    "ask the site to let this crawler through."
)

COMPARED = frozenset({State.HIT, State.CLEAR})
ERRORS = frozenset({State.HTTP_ERROR, State.UNREACHABLE, State.TIMEOUT, State.ROBOTS_UNREAD, State.TRUNCATED})
ERRORS_OF_PAGES = ERRORS | {State.BROKEN, State.EXHAUSTED}  # of a picture these are a way of having looked
# Its bytes came and were looked at, whatever came of that.
LOOKED_AT = COMPARED | {
    State.NOT_COMPARED,
    State.PARTIAL,
    State.TOO_PLAIN,
    State.TOO_SMALL,
    State.NOT_IMAGE,
    State.UNSUPPORTED,
    State.BROKEN,
    State.TOO_LARGE,
    State.EXHAUSTED,
}


# ------------------------------------------------------------------------------------------------------------- coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one pass did, or what several usually do."""

    pages_read: int
    cut_pages: int  # of these, read only in part: what else they name was not looked at
    met: int  # pictures
    looked_at: int
    compared: int
    errors: int  # pages and pictures
    byte_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The last finished pass beside those before it."""

    last: Counted
    usual: Counted | None  # the median of each count, the upper one of two, over `passes` before; None: there were none
    passes: int
    obstacles: Mapping[State, int]  # what the last pass did not compare: its pictures by state, and pages that failed

    @property
    def fell(self) -> bool:
        """It compared so much less than usual that a part of the site was hardly seen."""
        return self.usual is not None and self.last.compared < FELL_TO * self.usual.compared


def counted(record: PassRecord) -> Counted:
    return Counted(
        pages_read=record.pages.get(State.READ, 0),
        cut_pages=record.cut_pages,
        met=sum(record.images.values()),
        looked_at=_sum(record.images, LOOKED_AT),
        compared=_sum(record.images, COMPARED),
        errors=_sum(record.images, ERRORS) + _sum(record.pages, ERRORS_OF_PAGES),
        byte_count=record.byte_count,
    )


def coverage(passes: Sequence[PassRecord]) -> Coverage | None:
    """`passes` newest first. None: none has finished yet."""
    done = _finished(passes)
    if not done:
        return None
    last, *earlier = done
    before = [counted(each) for each in earlier if not _nobody_enrolled(each)][:BEFORE]
    return Coverage(
        last=counted(last), usual=_usual(before) if before else None, passes=len(before), obstacles=_obstacles(last)
    )


def _usual(passes: Sequence[Counted]) -> Counted:
    return Counted(
        pages_read=median_high(each.pages_read for each in passes),
        cut_pages=median_high(each.cut_pages for each in passes),
        met=median_high(each.met for each in passes),
        looked_at=median_high(each.looked_at for each in passes),
        compared=median_high(each.compared for each in passes),
        errors=median_high(each.errors for each in passes),
        byte_count=median_high(each.byte_count for each in passes),
    )


def last_good_look(passes: Sequence[PassRecord]) -> datetime | None:
    """The end of the last finished pass in which the site answered and a picture was compared, or known; None: none of these was one."""
    asked = (
        each
        for each in _finished(passes)
        if (each.answered is None or each.answered > 0) and not _no_picture_came(each)
    )
    return next((each.finished for each in asked if _sum(each.images, COMPARED)), None)


def _finished(passes: Sequence[PassRecord]) -> list[PassRecord]:
    return [each for each in passes if each.finished is not None]


def _nobody_enrolled(record: PassRecord) -> bool:
    """There was nothing to compare with, which says nothing of how much of the site is usually seen."""
    return State.NOT_COMPARED in record.images and not _sum(record.images, COMPARED)


def _obstacles(record: PassRecord) -> Mapping[State, int]:
    counts = Counter({state: count for state, count in record.pages.items() if state in ERRORS_OF_PAGES})
    counts.update({state: count for state, count in record.images.items() if state not in COMPARED})
    return {state: count for state, count in counts.items() if count}


def _sum(counts: Mapping[State, int], states: Collection[State]) -> int:
    return sum(count for state, count in counts.items() if state in states)


# --------------------------------------------------------------------------------------------------------------- canary


class CanaryState(enum.Enum):
    """The sentence is what an operator reads; `health` is "ok", "warn" or "bad"."""

    NONE = "none", "ok", "there is none"
    NOT_MADE = "not made", "warn", "the site's file names its page, and no picture was made for it"
    NOT_NAMED = "not named", "warn", "one was made, and the site's file does not name its page"
    AWAITED = "awaited", "warn", "no pass has found it yet"
    FOUND = "found", "ok", "the last pass found it"
    OVERDUE = "overdue", "warn", "the last finished pass did not find it, an earlier one within a day did"
    MISSED = "missed", "bad", "not found for more than a day: no pass since may say that there are no hits"

    def __init__(self, word: str, health: str, words: str) -> None:
        self.word = word
        self.health = health
        self.words = words


def canary_state(site: WatchedSite, canary: Canary | None, passes: Sequence[PassRecord], now: datetime) -> CanaryState:
    """`passes` newest first."""
    if site.canary_page is None:
        return CanaryState.NONE if canary is None else CanaryState.NOT_NAMED
    if canary is None:
        return CanaryState.NOT_MADE
    looked = next((each for each in _finished(passes) if each.started >= canary.made), None)
    if looked is not None and looked.canary is None and now - (canary.found or canary.made) > CANARY_PATIENCE:
        return CanaryState.MISSED
    if canary.found is None:
        return CanaryState.AWAITED
    if looked is not None and looked.canary is None and canary.found < looked.started:
        return CanaryState.OVERDUE
    return CanaryState.FOUND


# ------------------------------------------------------------------------------------------------------------- troubles


def troubles(
    site: WatchedSite, canary: Canary | None, passes: Sequence[PassRecord], now: datetime
) -> Mapping[TroubleKind, str]:
    """What is wrong now, each with one plain sentence. `passes` newest first."""
    return dict(_troubles(site, canary, passes, now))


def _troubles(
    site: WatchedSite, canary: Canary | None, passes: Sequence[PassRecord], now: datetime
) -> Iterator[tuple[TroubleKind, str]]:
    if canary_state(site, canary, passes, now) is CanaryState.MISSED:
        assert canary is not None
        found = "never found" if canary.found is None else f"last found at {rfc3339(canary.found)}"
        yield TroubleKind.CANARY_MISSED, f"The canary was {found}. Is it still on {site.canary_page}?"
    walled = next((each.walled for each in passes if each.walled or each.finished is not None), ())
    if walled:
        yield TroubleKind.WALLED, WALLED.format(hosts=", ".join(walled))
    row = _finished(passes)[:IN_A_ROW]
    if len(row) < IN_A_ROW:
        return
    if all(State.ROBOTS_UNREAD in each.pages or State.ROBOTS_UNREAD in each.images for each in row):
        yield TroubleKind.ROBOTS_UNREAD, f"robots.txt could not be read in {IN_A_ROW} finished passes in a row."
    elif all(_only_errors(each) or _no_picture_came(each) for each in row):
        yield (
            TroubleKind.ONLY_ERRORS,
            f"{IN_A_ROW} finished passes in a row met nothing but errors, or no picture that came.",
        )
    elif not any(_sum(each.images, LOOKED_AT) for each in row):
        yield TroubleKind.NO_PICTURES, f"{IN_A_ROW} finished passes in a row looked at no picture."


def _no_picture_came(record: PassRecord) -> bool:
    """Those that were asked for all failed: the ones that are known from earlier passes say nothing of the new ones."""
    return record.pictures_failed > 0 and record.pictures_answered == 0


def _only_errors(record: PassRecord) -> bool:
    if record.answered is not None:
        return record.answered == 0 and (record.failed or 0) > 0
    done = record.pages.get(State.READ, 0) + _sum(record.images, LOOKED_AT)
    return not done and counted(record).errors > 0


def trouble_of(site: str, kind: TroubleKind, reason: str, now: datetime) -> Trouble:
    return Trouble(
        id=derived_id("trouble", site, kind.value, rfc3339(now)), site=site, kind=kind, reason=reason, since=now
    )


# ----------------------------------------------------------------------------------------------------------- next visit


def next_pass(site: WatchedSite, newest: PassRecord | None, now: datetime, today: DayUse = NOTHING_USED) -> datetime:
    """When the site is asked again at the latest (pages that bring more are asked for sooner); `now` when it is due already.

    today: what was asked of the site on this UTC day.
    """
    due = now if newest is None else max(now, newest.started + timedelta(seconds=site.politeness.every_s))
    if today.spent(site.limits) is not None:
        due = max(due, datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC))
    return due if site.politeness.hours.contain(due) else _opening(site.politeness.hours, due)


def _opening(hours: Hours, after: datetime) -> datetime:
    local = after.astimezone(ZoneInfo(hours.zone))
    opening = datetime.combine(local.date(), hours.opens, local.tzinfo)
    if opening < local:
        opening = datetime.combine(local.date() + timedelta(days=1), hours.opens, local.tzinfo)
    return opening.astimezone(UTC)
