import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.cases import (
    KNOWN_AFTER,
    back,
    dismissed,
    known,
    located,
    looked,
    notified,
    stands_again,
    status_of,
    unwatched,
    watched_again,
)
from core.model import CaseStatus, Location, LocationState, Outcome
from tests.alerts.facts import EVERY_S, START, hit

LIVE, NOTIFIED, UNKNOWN = LocationState.LIVE, LocationState.NOTIFIED, LocationState.UNKNOWN
GONE, RELAPSED, DISMISSED = LocationState.GONE, LocationState.RELAPSED, LocationState.DISMISSED


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seen_over_time(*outcomes: Outcome) -> Location:
    """A location that was found at the start and looked at whenever that was due."""
    location = located(hit(), START, EVERY_S)
    for outcome in outcomes:
        assert location.next_look is not None
        location = looked(location, outcome, location.next_look, EVERY_S)
    return location


def a_location(state: LocationState, before: LocationState | None = None) -> Location:
    return replace(located(hit(), START, EVERY_S), state=state, before_unknown=before)


def test_the_table_moves_every_known_state_by_every_outcome() -> None:
    assert set(KNOWN_AFTER) == set(itertools.product(set(LocationState) - {UNKNOWN}, Outcome))


def test_a_look_that_could_not_tell_never_makes_a_location_gone() -> None:
    for state in LocationState:
        assert state is GONE or looked(a_location(state, LIVE), Outcome.UNKNOWN, after(1), EVERY_S).state is not GONE


def test_a_new_location_is_looked_at_one_interval_later() -> None:
    location = located(hit(), START, EVERY_S)

    assert (location.state, location.next_look) == (LIVE, after(EVERY_S))


def test_gone_unknown_and_there_again_is_a_relapse() -> None:
    assert seen_over_time(Outcome.GONE, Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.STILL_THERE).state is RELAPSED


def test_unknown_and_there_again_is_what_it_was() -> None:
    assert seen_over_time(Outcome.UNKNOWN, Outcome.STILL_THERE).state is LIVE


def test_a_notified_location_is_notified_again_after_an_unknown_look() -> None:
    location = looked(notified(located(hit(), START, EVERY_S), after(1)), Outcome.UNKNOWN, after(2), EVERY_S)

    assert looked(location, Outcome.STILL_THERE, after(3), EVERY_S).state is NOTIFIED


def test_since_changes_only_with_the_state() -> None:
    first = looked(located(hit(), START, EVERY_S), Outcome.GONE, after(10), EVERY_S)
    second = looked(first, Outcome.GONE, after(20), EVERY_S)

    assert (first.since, second.since, second.last_look) == (after(10), after(10), after(20))


def test_what_is_gone_is_looked_at_ever_more_rarely_but_for_ever() -> None:
    location = located(hit(), START, EVERY_S)
    waits = []
    for _ in range(20):
        assert location.next_look is not None
        at = location.next_look
        location = looked(location, Outcome.GONE, at, EVERY_S)
        assert location.next_look is not None
        waits.append((location.next_look - at).total_seconds())

    assert waits[:4] == [EVERY_S, EVERY_S, 2 * EVERY_S, 4 * EVERY_S]
    assert waits == sorted(waits)
    assert waits[-1] == 7 * 86400.0


def test_what_could_not_be_seen_is_tried_soon_and_then_ever_more_rarely() -> None:
    waits = []
    for n in range(1, 14):
        location = seen_over_time(*[Outcome.UNKNOWN] * n)
        assert location.next_look is not None
        assert location.last_look is not None
        waits.append((location.next_look - location.last_look).total_seconds())

    assert waits[0] < EVERY_S
    assert waits == sorted(waits)
    assert waits[-1] == 86400.0


def test_a_seen_location_forgets_its_unknown_looks() -> None:
    assert seen_over_time(Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.STILL_THERE).unknown_streak == 0


def test_an_older_look_does_not_undo_a_newer_one() -> None:
    newer = looked(located(hit(), START, EVERY_S), Outcome.STILL_THERE, after(100), EVERY_S)

    assert looked(newer, Outcome.GONE, after(50), EVERY_S) == newer


@pytest.mark.parametrize(("seen", "is_back"), [(5, False), (10, False), (11, True)])
def test_only_a_sighting_after_the_last_look_brings_a_gone_location_back(seen: int, is_back: bool) -> None:
    gone = looked(located(hit(), START, EVERY_S), Outcome.GONE, after(10), EVERY_S)

    assert back(gone, after(seen)) is is_back


@pytest.mark.parametrize("state", [LIVE, NOTIFIED, RELAPSED, DISMISSED])
def test_a_sighting_of_what_is_there_anyway_is_no_news(state: LocationState) -> None:
    assert not back(a_location(state), after(10**6))


def test_a_dismissed_location_is_never_looked_at_or_moved() -> None:
    location = dismissed(located(hit(), START, EVERY_S), after(1))

    assert location.next_look is None
    for outcome in Outcome:
        assert looked(location, outcome, after(2), EVERY_S) == location
    assert (
        unwatched(location, after(2)) == watched_again(location, after(2)) == notified(location, after(2)) == location
    )


def test_a_dismissed_location_that_stands_again_remembers_a_notice_that_left() -> None:
    location = dismissed(located(hit(), START, EVERY_S), after(1))

    assert stands_again(location, after(2), EVERY_S, told=False).state is LIVE
    assert stands_again(location, after(2), EVERY_S, told=True).state is NOTIFIED


def test_what_nobody_watches_is_unknown_until_it_is_watched_again() -> None:
    left = unwatched(seen_over_time(Outcome.GONE), after(10**6))
    taken_up = watched_again(left, after(2 * 10**6))

    assert (left.state, left.next_look, known(left)) == (UNKNOWN, None, GONE)
    assert taken_up.next_look == after(2 * 10**6)


@pytest.mark.parametrize(
    ("states", "was", "status"),
    [
        ((LIVE,), CaseStatus.OPEN, CaseStatus.OPEN),
        ((LIVE, GONE), CaseStatus.OPEN, CaseStatus.OPEN),
        ((NOTIFIED,), CaseStatus.OPEN, CaseStatus.OPEN),
        ((UNKNOWN,), CaseStatus.OPEN, CaseStatus.OPEN),
        ((GONE,), CaseStatus.OPEN, CaseStatus.QUIET),
        ((GONE, DISMISSED), CaseStatus.OPEN, CaseStatus.QUIET),
        ((GONE, UNKNOWN), CaseStatus.QUIET, CaseStatus.REOPENED),  # unknown, and last known to be there
        ((RELAPSED, GONE), CaseStatus.QUIET, CaseStatus.REOPENED),
        ((RELAPSED, LIVE), CaseStatus.OPEN, CaseStatus.REOPENED),
        ((GONE, LIVE), CaseStatus.QUIET, CaseStatus.REOPENED),  # a new copy after all was quiet
        ((NOTIFIED,), CaseStatus.REOPENED, CaseStatus.REOPENED),
        ((GONE,), CaseStatus.REOPENED, CaseStatus.QUIET),
        ((DISMISSED,), CaseStatus.OPEN, CaseStatus.DISMISSED),
        ((DISMISSED, LIVE), CaseStatus.DISMISSED, CaseStatus.OPEN),
    ],
)
def test_a_case_follows_its_locations(states: tuple[LocationState, ...], was: CaseStatus, status: CaseStatus) -> None:
    assert status_of([a_location(state) for state in states], was) is status


def test_a_case_whose_gone_picture_could_not_be_seen_is_not_quiet() -> None:
    assert status_of([a_location(UNKNOWN, before=GONE)], CaseStatus.QUIET) is CaseStatus.OPEN


@given(st.lists(st.sampled_from(list(Outcome)), max_size=12))
def test_a_location_is_gone_only_while_the_last_certain_look_said_so(outcomes: list[Outcome]) -> None:
    location = seen_over_time(*outcomes)
    certain = [outcome for outcome in outcomes if outcome is not Outcome.UNKNOWN]

    assert (known(location) is GONE) == (bool(certain) and certain[-1] is Outcome.GONE)
    assert (location.state is UNKNOWN) == (bool(outcomes) and outcomes[-1] is Outcome.UNKNOWN)
