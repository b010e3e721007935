"""The front page's answers: is everything watched, what waits for a person, what waits for the machine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from core.model import Alert, AlertStatus, Case, CaseStatus, HitStatus, LocationState, Notice, NoticeStatus, State
from web.desk.watching import SIGHTS, Sight, SiteWatch, Verdict
from web.desk.words import WAITING_WORK, Tone, ago

CLOSED = {CaseStatus.DISMISSED, CaseStatus.WITHDRAWN}
SEARCH_LIMIT = 1000  # what HitQuery gives at most unless told otherwise: counts say "1,000 or more" beyond it


@dataclass(frozen=True, slots=True)
class Headline:
    words: str
    detail: str
    tone: Tone


def headline(watches: Sequence[SiteWatch], fault_count: int, now: datetime) -> Headline:
    """The first thing read: as good as the worst site, never better."""
    agreed = [each for each in watches if each.verdict is not Verdict.REVOKED]
    total = len(agreed) + fault_count
    if total == 0:
        return Headline("Nothing is being watched", "No site file says what to watch.", Tone.BAD)
    good = [each for each in agreed if each.verdict.tone is Tone.GOOD]
    worst = [each.verdict.tone for each in agreed] + [Tone.BAD] * fault_count
    tone = next(tone for tone in (Tone.BAD, Tone.WAIT, Tone.GOOD) if tone in worst)
    if tone is Tone.GOOD:
        words = f"{_sites(total)} being watched" if total == 1 else f"All {_sites(total)} being watched"
    else:
        words = f"{len(good)} of {_sites(total)} being watched"
    return Headline(words, " ".join([*_wrong(agreed, fault_count), _detail(watches, now)]), tone)


def _wrong(watches: Sequence[SiteWatch], fault_count: int) -> Sequence[str]:
    """Which site is not as it should be, in one sentence; none when all are."""
    wrong = [f"{each.site.name}: {each.verdict.words}" for each in watches if each.verdict.tone is not Tone.GOOD]
    if fault_count:
        wrong.append("1 site file cannot be used" if fault_count == 1 else f"{fault_count:,} site files cannot be used")
    return [f"{'; '.join(wrong)}."] if wrong else []


def _sites(count: int) -> str:
    return "1 site is" if count == 1 else f"{count:,} sites are"


def _detail(watches: Sequence[SiteWatch], now: datetime) -> str:
    looks = [each.last_look for each in watches if each.last_look is not None]
    if not looks:
        return "No site has been looked at yet."
    images = [each.shown.images for each in watches if each.shown]
    compared = sum(counts.get(state, 0) for counts in images for state in (State.HIT, State.CLEAR))
    blind = (*SIGHTS[Sight.UNSURE], *SIGHTS[Sight.UNSEEN])
    unclear = sum(counts.get(state, 0) for counts in images for state in blind)
    rest = "all were compared." if not unclear else f"{compared:,} were compared, {unclear:,} could not be."
    if not compared + unclear:
        return f"Last look {ago(max(looks), now)}. No picture has been met yet."
    return f"Last look {ago(max(looks), now)}. Of {compared + unclear:,} pictures, {rest}"


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that waits for a person."""

    words: str
    why: str
    href: str
    tone: Tone


def errands(
    counts: Mapping[HitStatus, int], alerts: Iterable[Alert], cases: Iterable[Case], now: datetime
) -> Sequence[Errand]:
    """The most pressing first."""
    found = [errand for case in cases if case.status not in CLOSED for errand in _case_errands(case, now)]
    for status, why in (
        (HitStatus.CANDIDATE, "Case and letter only follow when somebody confirms."),
        (HitStatus.UNDONE, "A decision was taken back."),
    ):
        if counts.get(status):
            words = _count(counts[status], "hit waits for a decision", "hits wait for a decision")
            found.append(Errand(words, why, f"{reverse('hits')}?status={status.value}", Tone.WAIT))
    fresh = sum(alert.status is AlertStatus.NEW for alert in alerts)
    if fresh:
        words = _count(fresh, "alert is new", "alerts are new")
        found.append(Errand(words, "Acknowledging says that somebody has seen it.", reverse("alerts"), Tone.WAIT))
    return sorted(found, key=lambda errand: errand.tone is not Tone.BAD)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of errand that a case's notices can make."""

    applies: Callable[[Notice, Case, datetime], bool]
    one: str
    many: str
    why: str
    tone: Tone


def _overdue(notice: Notice, case: Case, now: datetime) -> bool:
    gone = {LocationState.GONE, LocationState.DISMISSED}
    still = any(location.hit in notice.hits and location.state not in gone for location in case.locations)
    return notice.status is NoticeStatus.SENT and notice.deadline is not None and notice.deadline < now and still


NOTICE_ERRANDS = (
    Kind(
        _overdue,
        "deadline has passed",
        "deadlines have passed",
        "Not known to be gone at {sites}.",
        Tone.BAD,
    ),
    Kind(
        lambda notice, _case, _now: notice.status is NoticeStatus.UNCONFIRMED,
        "letter may or may not have been sent",
        "letters may or may not have been sent",
        "To {sites}. Nothing is sent twice by itself.",
        Tone.BAD,
    ),
    Kind(
        lambda notice, _case, _now: notice.status is NoticeStatus.FAILED,
        "letter could not be sent",
        "letters could not be sent",
        "To {sites}. It leaves again when somebody approves that.",
        Tone.BAD,
    ),
    Kind(
        lambda notice, _case, _now: notice.status is NoticeStatus.DRAFT and not notice.missing,
        "letter waits for approval",
        "letters wait for approval",
        "To {sites}. Nothing leaves before a person approves it.",
        Tone.WAIT,
    ),
    Kind(
        lambda notice, _case, _now: notice.status is NoticeStatus.DRAFT and bool(notice.missing),
        "letter is not complete",
        "letters are not complete",
        "To {sites}. Still needed: {missing}.",
        Tone.WAIT,
    ),
)


def _case_errands(case: Case, now: datetime) -> Iterable[Errand]:
    href, name = reverse("case", args=[case.id]), f"case {case.id[:6]}"
    back = sum(location.state is LocationState.RELAPSED for location in case.locations)
    if back:
        words = _count(back, "picture is back online", "pictures are back online")
        yield Errand(f"{words}, {name}", "It had been gone.", href, Tone.BAD)
    for kind in NOTICE_ERRANDS:
        notices = [notice for notice in case.notices if kind.applies(notice, case, now)]
        if notices:
            sites = ", ".join(dict.fromkeys(notice.site for notice in notices))
            missing = ", ".join(dict.fromkeys(each.replace("_", " ") for notice in notices for each in notice.missing))
            why = kind.why.format(sites=sites, missing=missing)
            yield Errand(f"{_count(len(notices), kind.one, kind.many)}, {name}", why, href, kind.tone)


def _count(count: int, one: str, many: str) -> str:
    number = f"{count:,}" if count < SEARCH_LIMIT else f"{SEARCH_LIMIT:,} or more"
    return f"{number} {one if count == 1 else many}"


def waiting_work(waiting: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    """What waits for the machine, in words, without what does not wait."""
    return [(words, waiting[topic.value]) for topic, words in WAITING_WORK.items() if waiting.get(topic.value)]
