"""What every store must agree on, so that the same calls give the same answers wherever things are kept. Pure."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from core.errors import CallError, ConfigError, Conflict, NotAgreed, UnknownId
from core.model import (
    Decision,
    EnrolledPicture,
    Enrolment,
    FindState,
    Fingerprint,
    HashedPicture,
    Hit,
    HitStatus,
    LocationState,
    PassRecord,
    PersonId,
    SeenSegment,
    Standing,
    Sweep,
    Topic,
    derived_id,
)

PAGES_KEPT = 1000  # of one hit: a picture in every page's header must not make a row without end
FOUND_IN_KEPT = 20  # pictures in which one enrolled hash was found, the newest

# Differing bits allowed, by hasher. PDQ at 31 of 256 hit nothing unrelated among a million; 64 bits only ever support a decision.
# Area hashes are looked for as far as registration goes; how far a match must be for which tier is matcher.confirm.Limits.
DEFAULT_THRESHOLDS: Mapping[str, int] = {"pdq": 31, "area": 70, "phash64": 6}

# Recipes by which pictures are hashed on a person's device, the oldest first.
RECIPES: Sequence[str] = ("full", "views")

# The view of a whole picture as it is, and whose hash of it stands for the picture.
UPRIGHT = "full"
FACES: Sequence[str] = ("area", "pdq")

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
    for each in sorted(map(_content, picture.fingerprints)):
        digest.update("\0".join((*each, "")).encode())
    return digest.hexdigest()


def _content(one: Fingerprint) -> tuple[str, ...]:
    """Without a time as before there were times: what was enrolled then is still known."""
    content = (one.hasher, one.view, one.bits)
    return content if one.time_s is None else (*content, repr(float(one.time_s)))


def next_version(last: int, now_ms: int) -> int:
    """Of the hash set. Grows by itself where the clock stands still; from the clock otherwise, so that after a backup was restored
    no number comes again that somebody may remember with other hashes."""
    return max(last + 1, now_ms)


def version_at(version: int) -> datetime:
    """A version of the hash set is in milliseconds since 1970, or a few more: see next_version."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=version)


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
    """The picture as a matcher holds it.

    A 64-bit hash beside a longer one finds nothing more than that one does, but strangers: there only the very same one counts.
    """
    if not picture.fingerprints:
        raise CallError(f"picture {picture.ref!r} carries no hash; make the set again with: stillwatch hash")
    unknown = {each.hasher for each in picture.fingerprints} - set(thresholds)
    if unknown:
        raise CallError(f"hashes of kind {min(unknown)!r} cannot be enrolled; known kinds: {', '.join(thresholds)}")
    longest = max(len(each.bits) for each in picture.fingerprints)
    return tuple(
        Enrolment(
            person=person,
            ref=ref,
            fingerprint=each,
            threshold=thresholds[each.hasher] if len(each.bits) == longest else min(0, thresholds[each.hasher]),
        )
        for each in picture.fingerprints
    )


def enrolled_picture(picture: Sequence[Enrolment]) -> EnrolledPicture:
    """The picture with the enrolment that stands for it: an upright whole view where there is one.

    picture    everything enrolled of it, in the order in which it was
    """
    upright = {each.fingerprint.hasher: each for each in reversed(picture) if each.fingerprint.view == UPRIGHT}
    face = next((upright[hasher] for hasher in FACES if hasher in upright), picture[0])
    return EnrolledPicture(face=face, fingerprints=tuple(each.fingerprint for each in picture))


def older(recipe: str, than: str) -> bool:
    """Whether a picture that was hashed by this recipe ("views-1") should be hashed again by the other. Never for names that are not in
    RECIPES: of a plain list and of an exchange there is no picture, and of the unknown nothing is known."""
    (name, version), (other, newest) = _name_and_version(recipe), _name_and_version(than)
    if name not in RECIPES or other not in RECIPES:
        return False
    return (RECIPES.index(name), version) < (RECIPES.index(other), newest)


class HashedBy(NamedTuple):
    """A picture, as far as it matters whether it should be hashed again."""

    person: PersonId
    recipe: str
    upright: frozenset[tuple[str, str]]  # hasher and bits of the whole picture as it is


def outdated(pictures: Collection[HashedBy], recipe: str) -> Mapping[PersonId, int]:
    """How many pictures of each person were hashed by an older recipe, and by none as new: a picture that was hashed again has another
    ref and other hashes, but for the upright one."""
    new = [each for each in pictures if each.recipe == recipe or older(recipe, each.recipe)]
    again = {(each.person, one) for each in new for one in each.upright}
    old = [each for each in pictures if older(each.recipe, recipe)]
    return Counter(each.person for each in old if not any((each.person, one) in again for one in each.upright))


def _name_and_version(recipe: str) -> tuple[str, int]:
    name, _, version = recipe.rpartition("-")
    return (name, int(version)) if version.isascii() and version.isdigit() else ("", 0)


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


def unsealed() -> ConfigError:
    return ConfigError(
        "corners are only kept sealed, and this process has no key for that; give its SqlPeople a stores.vault.SealKey, or enrol a hash "
        "set that was made without --local"
    )


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


# ---------------------------------------------------------------------------------------------------------------- sites


def may_stand(site: str, before: Standing, after: Standing) -> None:
    """Raises NotAgreed: a revoked agreement never comes back, by no detour."""
    if before is Standing.REVOKED and after is not Standing.REVOKED:
        raise NotAgreed(
            f"site {site!r}: its agreement was revoked; write the new agreement into a file with a new name"
        )


def taken_up(before: PassRecord | None, record: PassRecord) -> PassRecord:
    """What is kept of a pass: one that was killed and taken up again has forgotten what it found and met before."""
    if before is None:
        return record
    walled = tuple(sorted({*before.walled, *record.walled}))
    answered, failed = _more(before.answered, record.answered), _more(before.failed, record.failed)
    return replace(
        record,
        canary=record.canary or before.canary,
        walled=walled,
        answered=answered,
        failed=failed,
        pictures_answered=max(before.pictures_answered, record.pictures_answered),
        pictures_failed=max(before.pictures_failed, record.pictures_failed),
        cut_pages=max(before.cut_pages, record.cut_pages),
    )


def _more(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
