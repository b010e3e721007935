"""How locations and cases move: state tables and plain functions on values. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core.model import CaseStatus, Hit, Location, LocationState, Outcome

LIVE, NOTIFIED, UNKNOWN = LocationState.LIVE, LocationState.NOTIFIED, LocationState.UNKNOWN
GONE, RELAPSED, DISMISSED = LocationState.GONE, LocationState.RELAPSED, LocationState.DISMISSED

GONE_LOOK_AT_MOST_S = 7 * 86400.0  # what is gone is looked at ever more rarely, but never given up
UNKNOWN_LOOK_AT_FIRST_S = 900.0  # what could not be seen is tried again soon
UNKNOWN_LOOK_AT_MOST_S = 86400.0

# From what was known, by what was seen. UNKNOWN is not among the states: a location that is unknown moves from what it was before.
KNOWN_AFTER: Mapping[tuple[LocationState, Outcome], LocationState] = {
    (LIVE, Outcome.STILL_THERE): LIVE,
    (LIVE, Outcome.GONE): GONE,
    (LIVE, Outcome.UNKNOWN): UNKNOWN,
    (NOTIFIED, Outcome.STILL_THERE): NOTIFIED,
    (NOTIFIED, Outcome.GONE): GONE,
    (NOTIFIED, Outcome.UNKNOWN): UNKNOWN,
    (RELAPSED, Outcome.STILL_THERE): RELAPSED,
    (RELAPSED, Outcome.GONE): GONE,
    (RELAPSED, Outcome.UNKNOWN): UNKNOWN,
    (GONE, Outcome.STILL_THERE): RELAPSED,
    (GONE, Outcome.GONE): GONE,
    (GONE, Outcome.UNKNOWN): UNKNOWN,
    (DISMISSED, Outcome.STILL_THERE): DISMISSED,
    (DISMISSED, Outcome.GONE): DISMISSED,
    (DISMISSED, Outcome.UNKNOWN): DISMISSED,
}


def known(location: Location) -> LocationState:
    """The state that was last known for certain: never UNKNOWN."""
    if location.state is not UNKNOWN:
        return location.state
    return location.before_unknown or LIVE


def located(hit: Hit, now: datetime, every_s: float) -> Location:
    """A confirmed hit's place. It was just seen, so the first look is due one interval later."""
    return Location(
        hit=hit.id,
        site=hit.site,
        page_url=hit.page_url,
        image_url=hit.image_url,
        state=LIVE,
        since=now,
        next_look=now + timedelta(seconds=every_s),
    )


def looked(location: Location, outcome: Outcome, at: datetime, every_s: float) -> Location:
    """The location after a look at it. A look older than the last one tells nothing new."""
    if location.last_look is not None and at < location.last_look:
        return location
    state = KNOWN_AFTER[known(location), outcome]
    if state is DISMISSED:
        return location
    moved = replace(_moved(location, state, at), last_look=at)
    if outcome is Outcome.UNKNOWN:
        streak = location.unknown_streak + 1
        return replace(moved, unknown_streak=streak, next_look=at + _unknown_wait(streak, every_s))
    wait = _gone_wait(at - moved.since, every_s) if outcome is Outcome.GONE else timedelta(seconds=every_s)
    return replace(moved, unknown_streak=0, next_look=at + wait)


def back(location: Location, seen: datetime) -> bool:
    """Whether a sighting at `seen` is news: the location is gone or unknown, and nobody has looked since."""
    return location.state in (GONE, UNKNOWN) and seen > max(location.since, location.last_look or location.since)


def notified(location: Location, at: datetime) -> Location:
    """A notice about it has left. What is unknown or gone stays so; what is known of it moves."""
    match location.state:
        case LocationState.LIVE | LocationState.RELAPSED:
            return _moved(location, NOTIFIED, at)
        case LocationState.UNKNOWN if known(location) is not GONE:
            return replace(location, before_unknown=NOTIFIED)
        case _:
            return location


def dismissed(location: Location, now: datetime) -> Location:
    """Its hit does not stand (any more): it is not looked at again."""
    return replace(_moved(location, DISMISSED, now), next_look=None, unknown_streak=0)


def stands_again(location: Location, now: datetime, every_s: float, told: bool) -> Location:
    """A dismissed location whose hit was confirmed after all. `told`: a notice about it has left before."""
    return replace(_moved(location, NOTIFIED if told else LIVE, now), next_look=now + timedelta(seconds=every_s))


def unwatched(location: Location, now: datetime) -> Location:
    """The person withdrew: nobody looks from here on, so what becomes of it is unknown."""
    if location.state is DISMISSED:
        return location
    return replace(_moved(location, UNKNOWN, now), next_look=None)


def watched_again(location: Location, now: datetime) -> Location:
    """The person is protected again: everything that was left unwatched is looked at, now."""
    return location if location.state is DISMISSED else replace(location, next_look=location.next_look or now)


def status_of(locations: Iterable[Location], was: CaseStatus) -> CaseStatus:
    """What the locations make of a case that is not withdrawn. REOPENED stays until everything is gone again."""
    standing = [location for location in locations if location.state is not DISMISSED]
    if not standing:
        return CaseStatus.DISMISSED
    if all(location.state is GONE for location in standing):
        return CaseStatus.QUIET
    present = [location for location in standing if known(location) is not GONE]
    if any(known(location) is RELAPSED for location in present):
        return CaseStatus.REOPENED
    if present and was in (CaseStatus.QUIET, CaseStatus.REOPENED):
        return CaseStatus.REOPENED
    return CaseStatus.OPEN


def _moved(location: Location, state: LocationState, at: datetime) -> Location:
    """`since` and what was known before change only with the state."""
    if state is location.state:
        return location
    before = known(location) if state is UNKNOWN else None
    return replace(location, state=state, since=at, before_unknown=before)


def _gone_wait(gone_for: timedelta, every_s: float) -> timedelta:
    """As long again as it has been gone: each wait doubles, up to a week."""
    return timedelta(seconds=min(max(gone_for.total_seconds(), every_s), max(GONE_LOOK_AT_MOST_S, every_s)))


def _unknown_wait(streak: int, every_s: float) -> timedelta:
    first_s = min(every_s, UNKNOWN_LOOK_AT_FIRST_S)
    return timedelta(seconds=min(first_s * 2.0 ** min(streak - 1, 30), max(UNKNOWN_LOOK_AT_MOST_S, every_s)))
