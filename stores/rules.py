"""What every store must agree on, so that the same calls give the same answers wherever things are kept. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.errors import CallError, ConfigError, Conflict, UnknownId
from core.model import (
    Decision,
    Enrolment,
    FindState,
    HashedPicture,
    Hit,
    HitStatus,
    LocationState,
    PersonId,
    SeenSegment,
    Sweep,
    Topic,
    derived_id,
)

PAGES_KEPT = 1000  # of one hit: a picture in every page's header must not make a row without end

# Differing bits allowed, by hasher. PDQ at 31 of 256 hit nothing unrelated among a million; 64 bits only ever support a decision.
DEFAULT_THRESHOLDS: Mapping[str, int] = {"pdq": 31, "phash64": 6}

# Rows of these topics say "the state of this key moved": a fresh one takes the place of the one that waits, so that whoever is
# at work on the old one cannot mark the new change as done. Rows of the others are things to do, and one that waits is enough.
FOLLOW_A_STATE = frozenset({Topic.DESK, Topic.PERSON, Topic.INDEX})

# When a fresh outbox row is due. Not "now": the clock of the machine that saw a hit may be ahead of the one that works on it.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)

# How long after an enrolment a picture may still be written down as seen that was not compared with the new hashes: it was under
# way, or its crawl had not heard of them. Ample: a crawl hears within a second, and machines' clocks are not quite the same.
MEANWHILE = timedelta(minutes=2)

# The hit of such a location is back when it is seen again.
BACK_WHEN_SEEN = frozenset({LocationState.GONE, LocationState.UNKNOWN})

STATUS_AFTER: Mapping[Decision, HitStatus] = {
    Decision.CONFIRM: HitStatus.CONFIRMED,
    Decision.REJECT: HitStatus.REJECTED,
    Decision.UNDO: HitStatus.UNDONE,
}


def arrives(hit: Hit, cluster_decision: Decision | None) -> Hit:
    """A hit that was not known, as it is stored: what an analyst decided about its cluster holds for it too."""
    decided = cluster_decision in (Decision.CONFIRM, Decision.REJECT)
    status = STATUS_AFTER[cluster_decision] if cluster_decision is not None and decided else hit.status
    return replace(hit, status=status, revision=1, case=None, pages=_distinct((hit.page_url, *hit.pages)))


def seen_again(known: Hit, again: Hit) -> Hit:
    """The known hit after one more sighting; the very same object when that told nothing new."""
    last_seen = max(known.last_seen, again.last_seen)
    pages = _distinct((*known.pages, again.page_url, *again.pages))
    found_earlier = min(filter(None, (known.found_earlier, again.found_earlier)), default=None)
    if last_seen == known.last_seen and pages == known.pages and found_earlier == known.found_earlier:
        return known
    return replace(known, last_seen=last_seen, pages=pages, found_earlier=found_earlier, revision=known.revision + 1)


def _distinct(pages: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pages))[:PAGES_KEPT]


def words(text: str | None) -> tuple[str, ...]:
    """What is looked for, in lower case. Each must stand somewhere in the hit's image URL or in one of its pages' URLs."""
    return tuple(dict.fromkeys((text or "").lower().split()))


def urls(hit: Hit) -> tuple[str, ...]:
    """Where words are looked for."""
    return (hit.image_url, *hit.pages)


def contents(picture: HashedPicture) -> str:
    """The same for the same hashes, whatever the ref and the order: a picture is enrolled once."""
    digest = hashlib.sha256()
    for each in sorted((f.hasher, f.view, f.bits) for f in picture.fingerprints):
        digest.update("\0".join((*each, "")).encode())
    return digest.hexdigest()


def next_version(last: int, now_ms: int) -> int:
    """Of the hash set. Grows by itself where the clock stands still; from the clock otherwise, so that after a backup was restored
    no number comes again that somebody may remember with other hashes."""
    return max(last + 1, now_ms)


def check_threshold(hasher: str, threshold: int, thresholds: Mapping[str, int]) -> None:
    if hasher not in thresholds:
        raise CallError(f"no hash of kind {hasher!r} is enrolled; known kinds: {', '.join(thresholds)}")
    if threshold < -1:
        raise CallError(
            f"threshold {threshold}: differing bits allowed, 0 or more, or -1 for a hash that matches nothing"
        )


def enrolments(
    person: PersonId, ref: str, picture: HashedPicture, thresholds: Mapping[str, int]
) -> tuple[Enrolment, ...]:
    """The picture as a matcher holds it."""
    if not picture.fingerprints:
        raise CallError(f"picture {picture.ref!r} carries no hash; make the set again with: stillwatch hash")
    unknown = {each.hasher for each in picture.fingerprints} - set(thresholds)
    if unknown:
        raise CallError(f"hashes of kind {min(unknown)!r} cannot be enrolled; known kinds: {', '.join(thresholds)}")
    return tuple(
        Enrolment(person=person, ref=ref, fingerprint=each, threshold=thresholds[each.hasher])
        for each in picture.fingerprints
    )


def moved_at(now: datetime, before: datetime) -> datetime:
    """When a person's state changed: always later than the time before, even where a clock was set back."""
    return max(now, before + timedelta(microseconds=1))


def free_ref(person: PersonId, picture: HashedPicture, taken: Collection[str]) -> str:
    """The picture's ref, or another where a different picture of this person has that one: it must be protected all the same."""
    if picture.ref not in taken:
        return picture.ref
    return other_ref(person, picture)


def other_ref(person: PersonId, picture: HashedPicture) -> str:
    return derived_id("ref", person, picture.ref, contents(picture))


def belongs(segment: SeenSegment, sweep: Sweep) -> bool:
    """Whether a sweep compares this segment. What was seen well after the hashes came was compared with them there and then."""
    return segment.oldest <= sweep.created + MEANWHILE and (sweep.since is None or segment.newest >= sweep.since)


def compared_too_early(sweep: Sweep, done: datetime, fingerprints: int, segment: SeenSegment, now: datetime) -> bool:
    """Whether a crawl that did not know the hashes yet may have written to the segment after it was compared."""
    settled = sweep.created + MEANWHILE
    return done < settled <= now and segment.fingerprints > fingerprints


def waits_again(state: FindState, ended: datetime, sweep: Sweep) -> bool:
    """Whether a find that a sweep comes upon once more is to be looked at once more: other hashes may match what is there."""
    return state in (FindState.GONE, FindState.CHANGED) and ended < sweep.created


def unknown_person() -> UnknownId:
    """Does not repeat the id: errors end up in logs."""
    return UnknownId("no such person is enrolled here; the id is the one that `stillwatch enrol` printed")


def unknown_picture() -> UnknownId:
    """Does not repeat the ref: errors end up in logs."""
    return UnknownId("no such picture of this person is enrolled; the ref is the one in the hash set")


def unknown_hit(hit: str) -> UnknownId:
    return UnknownId(f"no hit has the id {hit!r}; see: stillwatch hit list")


def unknown_case(case_id: str) -> UnknownId:
    return UnknownId(f"no case has the id {case_id!r}; see: stillwatch case list")


def unknown_alert(alert_id: str) -> UnknownId:
    return UnknownId(f"no alert has the id {alert_id!r}; see: stillwatch alert list")


def other_key(exchange: str) -> ConfigError:
    return ConfigError(
        f"exchange {exchange!r} was begun with another key, so its withdrawals would not find what was enrolled; copy keys/digest.key "
        "from the data folder of the machine that imported first"
    )


def saved_meanwhile(what: str) -> Conflict:
    return Conflict(f"{what} was changed by somebody else meanwhile: read it again and repeat")
