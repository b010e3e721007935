"""Is the watching really happening? Pure: what is known of a site goes in, what may be said about it comes out."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from alerts.watching import (
    NOTHING_USED,
    CanaryState,
    Coverage,
    canary_state,
    counted,
    coverage,
    last_good_look,
    next_pass,
    troubles,
)
from core.model import Canary, DayUse, PassRecord, Standing, State, TroubleKind, WatchedSite
from web.desk.words import Tone, ago, span_words

ENDS_SOON = timedelta(days=30)
SLACK = 2.0  # a pass is late when this many of its intervals have gone by


class Sight(enum.Enum):
    """What a look came to, in the four parts an operator has to tell apart."""

    KNOWN = ("known", "looked, and know")
    UNSURE = ("unsure", "looked, and cannot say")
    UNSEEN = ("unseen", "could not look")
    LEFT = ("left", "did not look, on purpose")

    def __init__(self, css: str, words: str) -> None:
        self.css = css
        self.words = words


SIGHTS: Mapping[Sight, tuple[State, ...]] = {
    Sight.KNOWN: (State.HIT, State.CLEAR, State.READ, State.GONE),
    Sight.UNSURE: (
        State.NOT_COMPARED,
        State.PARTIAL,
        State.TOO_PLAIN,
        State.TOO_SMALL,
        State.NOT_IMAGE,
        State.UNSUPPORTED,
        State.TRUNCATED,
        State.BROKEN,
        State.TOO_LARGE,
        State.TIMEOUT,
        State.EXHAUSTED,
        State.UNREADABLE,
    ),
    Sight.UNSEEN: (State.HTTP_ERROR, State.UNREACHABLE, State.ROBOTS_UNREAD),
    Sight.LEFT: (State.ROBOTS, State.OUT_OF_SCOPE, State.REFUSED, State.TRAP, State.OVER_LIMIT, State.PENDING),
}
SIGHT_OF: Mapping[State, Sight] = {state: sight for sight, states in SIGHTS.items() for state in states}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar that is 1000 wide."""

    sight: Sight
    count: int
    x: int
    width: int


BAR = 1000
THINNEST = 12  # a single unseen picture among thousands must still be seen


def bar(counts: Mapping[State, int]) -> Sequence[Part]:
    """The four sights of these counts, in order, those of no width included. They fill the bar to the pixel."""
    sums = {sight: sum(counts.get(state, 0) for state in states) for sight, states in SIGHTS.items()}
    total = sum(sums.values())
    widths = {sight: max(THINNEST, BAR * count // total) if count else 0 for sight, count in sums.items()}
    if total:
        widest = max(widths, key=lambda sight: widths[sight])
        widths[widest] += BAR - sum(widths.values())
    parts, x = [], 0
    for sight, count in sums.items():
        parts.append(Part(sight, count, x, widths[sight]))
        x += widths[sight]
    return parts


class Verdict(enum.Enum):
    WATCHED = ("watched", Tone.GOOD)
    LOOKING = ("looking now", Tone.GOOD)
    NOT_YET = ("not looked at yet", Tone.WAIT)
    NOBODY = ("nobody to look for", Tone.WAIT)
    EMPTY = ("no picture met", Tone.WAIT)
    UNFINISHED = ("unfinished", Tone.WAIT)
    PAUSED = ("paused", Tone.WAIT)
    REVOKED = ("revoked", Tone.QUIET)
    NOT_FOUND = ("canary not found", Tone.BAD)
    TROUBLED = ("in trouble", Tone.BAD)
    STOPPED = ("stopped for now", Tone.WAIT)
    LATE = ("late", Tone.BAD)
    BLIND = ("sees nothing", Tone.BAD)
    NO_AGREEMENT = ("no agreement", Tone.BAD)

    def __init__(self, words: str, tone: Tone) -> None:
        self.words = words
        self.tone = tone


@dataclass(frozen=True, slots=True)
class Row:
    """How often one state was met."""

    state: State
    sight: Sight
    pictures: int
    pages: int


@dataclass(frozen=True, slots=True)
class Column:
    """One pass in the small chart of what was looked at: `compared` stands at the bottom, `unclear` on top of it."""

    passed: PassRecord
    compared: int
    unclear: int  # looked at, and not compared
    x: float
    width: float
    compared_height: float
    unclear_height: float


CHART_HEIGHT = 40
SLOTS = 30  # columns that fit; fewer stand at the right, where the newest is
SLOT, COLUMN = 10, 8
SHORTEST = 1.5  # a pass that looked at a single picture is no pass that looked at none


def columns(passes: Sequence[PassRecord]) -> Sequence[Column]:
    """`passes` newest first; the columns oldest first. The highest one has the height of the chart."""
    shown = [(each, counted(each)) for each in passes[:SLOTS]]
    most = max((each.looked_at for _, each in shown), default=0)
    placed = []
    for place, (passed, what) in enumerate(shown):
        height = max(SHORTEST, CHART_HEIGHT * what.looked_at / most) if what.looked_at else 0.0
        lower = height * what.compared / what.looked_at if what.looked_at else 0.0
        placed.append(
            Column(
                passed=passed,
                compared=what.compared,
                unclear=what.looked_at - what.compared,
                x=SLOT * (SLOTS - 1 - place),
                width=COLUMN,
                compared_height=round(lower, 2),
                unclear_height=round(height - lower, 2),
            )
        )
    return placed[::-1]


CANARY_TONES: Mapping[str, Tone] = {"ok": Tone.GOOD, "warn": Tone.WAIT, "bad": Tone.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWatch:
    """A watched site and what may be said of it. `shown` is the pass whose counts are shown: the last finished one, if any."""

    site: WatchedSite
    verdict: Verdict
    reason: str  # one plain sentence; empty when the verdict says it all
    newest: PassRecord | None
    shown: PassRecord | None
    next_pass: datetime | None  # None: none will be begun
    ends_in_days: int | None  # the agreement ends soon
    coverage: Coverage | None = None
    last_good: datetime | None = None
    columns: Sequence[Column] = ()
    today: DayUse = NOTHING_USED
    canary: Canary | None = None
    canary_state: CanaryState = CanaryState.NONE
    troubles: Mapping[TroubleKind, str] = field(default_factory=dict)

    @property
    def canary_tone(self) -> Tone:
        return CANARY_TONES[self.canary_state.health]

    @property
    def byte_count(self) -> int:
        return self.shown.byte_count if self.shown else 0

    @property
    def errors(self) -> int:
        return counted(self.shown).errors if self.shown else 0

    @property
    def cut_pages(self) -> int:
        """Read only in part."""
        return self.shown.cut_pages if self.shown else 0

    @property
    def pictures(self) -> Sequence[Part]:
        return bar(self.shown.images) if self.shown else ()

    @property
    def pages(self) -> Sequence[Part]:
        return bar(self.shown.pages) if self.shown else ()

    @property
    def picture_count(self) -> int:
        return sum(part.count for part in self.pictures)

    @property
    def page_count(self) -> int:
        return sum(part.count for part in self.pages)

    @property
    def rows(self) -> Sequence[Row]:
        """Every state that was met, in the order of the four sights."""
        if self.shown is None:
            return ()
        met = [
            Row(state, sight, self.shown.images.get(state, 0), self.shown.pages.get(state, 0))
            for state, sight in SIGHT_OF.items()
        ]
        return [row for row in met if row.pictures or row.pages]

    @property
    def last_look(self) -> datetime | None:
        """When somebody last really looked: the end of the last finished pass, or the beginning of the first one."""
        return (self.shown.finished or self.shown.started) if self.shown else None


def watch(
    site: WatchedSite,
    standing: Standing,
    passes: Sequence[PassRecord],
    now: datetime,
    *,
    canary: Canary | None = None,
    today: DayUse = NOTHING_USED,
) -> SiteWatch:
    """`passes` newest first."""
    newest = passes[0] if passes else None
    shown = next((each for each in passes if each.finished is not None), newest)
    verdict, reason = _verdict(site, standing, newest, shown, now)
    found = canary_state(site, canary, passes, now)
    wrong = {} if verdict in ENDED else troubles(site, canary, passes, now)
    if TroubleKind.CANARY_MISSED in wrong and verdict.tone is not Tone.BAD:
        verdict, reason = Verdict.NOT_FOUND, f"{reason} The canary was not found for more than a day.".strip()
    elif wrong and verdict.tone is not Tone.BAD:
        verdict = Verdict.TROUBLED
    stopped = verdict in ENDED
    left = site.agreement.expires_on - now.astimezone(UTC).date()
    return SiteWatch(
        site=site,
        verdict=verdict,
        reason=reason,
        newest=newest,
        shown=shown,
        next_pass=None if stopped else next_pass(site, newest, now, today),
        today=today,
        ends_in_days=left.days if timedelta(0) <= left <= ENDS_SOON else None,
        coverage=coverage(passes),
        last_good=last_good_look(passes),
        columns=columns(passes),
        canary=canary,
        canary_state=found,
        troubles=wrong,
    )


ENDED = frozenset({Verdict.PAUSED, Verdict.REVOKED, Verdict.NO_AGREEMENT})


def _verdict(
    site: WatchedSite, standing: Standing, newest: PassRecord | None, shown: PassRecord | None, now: datetime
) -> tuple[Verdict, str]:
    stopped = _stopped(site, standing, now.astimezone(UTC).date())
    if stopped is not None:
        return stopped
    if newest is None or shown is None:
        return Verdict.NOT_YET, "No pass has begun. The scheduler begins one when it is due."
    if newest.finished is None:
        if newest.stopped:
            return Verdict.STOPPED, f"The pass that began {ago(newest.started, now)} stopped: {newest.stopped}."
        if now - newest.started > _patience(site):
            words = f"A pass began {ago(newest.started, now)} and has not finished: it is long, or it was broken off."
            return Verdict.UNFINISHED, words
        return Verdict.LOOKING, f"A pass began {ago(newest.started, now)}."
    if now - newest.started > _patience(site):
        interval = span_words(timedelta(seconds=site.politeness.every_s))
        return (
            Verdict.LATE,
            f"The last pass began {ago(newest.started, now)}; one is due every {interval}. Is the scheduler running?",
        )
    return _seen(newest)


def _stopped(site: WatchedSite, standing: Standing, today: date) -> tuple[Verdict, str] | None:
    if standing is Standing.REVOKED:
        return Verdict.REVOKED, "The agreement was revoked. Nothing is asked of this site."
    if today > site.agreement.expires_on:
        return (
            Verdict.NO_AGREEMENT,
            "The agreement has ended, so nothing is asked of this site. Renew it in the site's file.",
        )
    if today < site.agreement.agreed_on:
        return (
            Verdict.NO_AGREEMENT,
            f"The agreement begins on {site.agreement.agreed_on}. Until then nothing is asked of this site.",
        )
    if standing is Standing.PAUSED:
        return Verdict.PAUSED, f"Nothing is asked of this site until: ./run site resume {site.name}"
    return None


def _seen(last: PassRecord) -> tuple[Verdict, str]:
    pages = {part.sight: part.count for part in bar(last.pages)}
    pictures = {part.sight: part.count for part in bar(last.images)}
    if not pages[Sight.KNOWN] and not pictures[Sight.KNOWN]:
        return Verdict.BLIND, "The last pass could not read a single page or picture. See the counts below for why."
    if not sum(pictures.values()):
        words = "The last pass met no picture at all. Do the start addresses in the site's file lead to its pictures?"
        return Verdict.EMPTY, words
    compared = last.images.get(State.HIT, 0) + last.images.get(State.CLEAR, 0)
    if last.images.get(State.NOT_COMPARED, 0) and not compared:
        return Verdict.NOBODY, "Nobody is enrolled, so there was nothing to compare the pictures with."
    if not compared:
        return (
            Verdict.BLIND,
            "The last pass met pictures and could not compare a single one. See the counts below for why.",
        )
    return Verdict.WATCHED, ""


def _patience(site: WatchedSite) -> timedelta:
    patience = SLACK * timedelta(seconds=site.politeness.every_s)
    hours = site.politeness.hours
    return patience if hours.opens == hours.closes else patience + timedelta(days=1)
