"""How the pages say what the model knows: one table a kind, each complete."""

import enum
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.model import (
    AlertStatus,
    CaseStatus,
    Decision,
    HitStatus,
    LocationState,
    NoticeStatus,
    PersonId,
    Tier,
    Topic,
)


class Tone(enum.StrEnum):
    """How a badge or panel looks. Its words always say the same: colour is never alone."""

    GOOD = "good"
    WAIT = "wait"  # somebody or something has to act
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Badge:
    words: str
    tone: Tone


BADGES: Mapping[type[enum.StrEnum], Mapping[enum.StrEnum, Badge]] = {
    HitStatus: {
        HitStatus.CANDIDATE: Badge("waits for a decision", Tone.WAIT),
        HitStatus.CONFIRMED: Badge("confirmed", Tone.GOOD),
        HitStatus.REJECTED: Badge("rejected", Tone.QUIET),
        HitStatus.UNDONE: Badge("decision taken back", Tone.WAIT),
    },
    Tier: {
        Tier.CONFIRMED: Badge("certain match", Tone.GOOD),
        Tier.PROBABLE: Badge("probable match", Tone.WAIT),
        Tier.REVIEW: Badge("possible match", Tone.WAIT),
    },
    AlertStatus: {
        AlertStatus.NEW: Badge("new", Tone.WAIT),
        AlertStatus.ACKNOWLEDGED: Badge("acknowledged", Tone.QUIET),
        AlertStatus.TAKEN_BACK: Badge("taken back", Tone.QUIET),
    },
    LocationState: {
        LocationState.LIVE: Badge("online", Tone.BAD),
        LocationState.NOTIFIED: Badge("online, notice sent", Tone.WAIT),
        LocationState.UNKNOWN: Badge("could not be checked", Tone.WAIT),
        LocationState.GONE: Badge("gone", Tone.GOOD),
        LocationState.RELAPSED: Badge("back online", Tone.BAD),
        LocationState.DISMISSED: Badge("not pursued", Tone.QUIET),
    },
    NoticeStatus: {
        NoticeStatus.DRAFT: Badge("draft", Tone.WAIT),
        NoticeStatus.APPROVED: Badge("approved, waits to be sent", Tone.WAIT),
        NoticeStatus.SENDING: Badge("being sent", Tone.WAIT),
        NoticeStatus.SENT: Badge("sent", Tone.GOOD),
        NoticeStatus.UNCONFIRMED: Badge("may have been sent", Tone.BAD),
        NoticeStatus.FAILED: Badge("could not be sent", Tone.BAD),
        NoticeStatus.RETRACTED: Badge("taken back", Tone.QUIET),
    },
    CaseStatus: {
        CaseStatus.OPEN: Badge("open", Tone.WAIT),
        CaseStatus.REOPENED: Badge("reopened", Tone.BAD),
        CaseStatus.QUIET: Badge("all gone, still watched", Tone.GOOD),
        CaseStatus.DISMISSED: Badge("dismissed", Tone.QUIET),
        CaseStatus.WITHDRAWN: Badge("withdrawn", Tone.QUIET),
    },
}

WAITING_WORK: Mapping[Topic, str] = {
    Topic.DESK: "hits to be turned into alerts and cases",
    Topic.PERSON: "withdrawals to be carried into cases",
    Topic.INDEX: "hits to be written to the search index",
    Topic.CHANNEL: "alerts to be passed on to channels",
    Topic.TROUBLE: "troubles of watching to be passed on to channels",
    Topic.MAIL: "approved letters to be sent",
    Topic.CRAWL: "passes to be begun",
    Topic.RECHECK: "rounds of looking again",
}

DECIDED: Mapping[Decision, str] = {
    Decision.CONFIRM: "Confirmed.",
    Decision.REJECT: "Rejected.",
    Decision.UNDO: "The decision was taken back.",
}

TURNS = {
    "rot90": "turned by 90°",
    "rot180": "turned upside down",
    "rot270": "turned by 270°",
    "flip": "mirrored",
    "flip_rot90": "mirrored and turned by 90°",
    "flip_rot180": "mirrored and turned upside down",
    "flip_rot270": "mirrored and turned by 270°",
}


def badge(value: enum.StrEnum) -> Badge:
    return BADGES[type(value)][value]


def view_words(view: str) -> str:
    """How the copy was turned, from the name of the enrolled view; a name not known here stays as it is."""
    region, _, turn = view.partition("/")
    if region == "full" and not turn:
        return "as enrolled"
    return TURNS.get(turn.replace("-", "_").replace("+", "_"), view)


def person_words(person: PersonId) -> str:
    """Enough to tell two people of one page apart, too little to look somebody up by: six characters, of a short id fewer."""
    return f"person {visible(str(person)[: min(6, len(person) // 2)])}…"


# ------------------------------------------------------------------------------------------------------- strangers' text

# Besides controls: marks that turn the direction of what follows, invisible joiners, lone surrogates, private characters.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, *, keep: str = "") -> str:
    """The text with every character that cannot be seen, or moves its neighbours, written as its number, as in \\u{202e}."""
    return "".join(each if each in keep or not _unseen(each) else f"\\u{{{ord(each):x}}}" for each in text)


def _unseen(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in UNSEEN or (kind == "Zs" and character != " ")


# ----------------------------------------------------------------------------------------------------------------- times

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def span_words(span: timedelta) -> str:
    """Roughly, in the largest unit of which there are two: "90 seconds", "3 hours"."""
    span = abs(span)
    for unit, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if span >= 2 * unit:
            return f"{round(span / unit)} {word}s"
    seconds = int(span.total_seconds())
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def ago(at: datetime, now: datetime) -> str:
    """ "5 minutes ago", "in 2 hours", "just now" within two seconds."""
    if abs(now - at) < timedelta(seconds=2):
        return "just now"
    return f"{span_words(now - at)} ago" if at <= now else f"in {span_words(at - now)}"


def utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
