"""What may be said of a site's watching, from its passes and its canary. Unknown is never good news."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from alerts.watching import (
    COMPARED,
    ERRORS,
    LOOKED_AT,
    CanaryState,
    canary_state,
    coverage,
    last_good_look,
    next_pass,
    trouble_of,
    troubles,
)
from core.model import (
    Agreement,
    Canary,
    Fingerprint,
    Hours,
    PassRecord,
    Politeness,
    State,
    TroubleKind,
    WatchedSite,
)
from tests.contracts.values import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SITE = WatchedSite(
    name="gallery",
    kind="gallery",
    start=("https://gallery.example/",),
    hosts=("gallery.example",),
    agreement=Agreement(
        agreed_by="Owner", agreed_on=date(2026, 1, 1), expires_on=date(2099, 1, 1), reference="AGR-2026-17"
    ),
    canary_page="https://gallery.example/canary",
)
GOOD = {State.CLEAR: 90, State.TOO_SMALL: 10}
READ = {State.READ: 9}


def canary(made: datetime, found: datetime | None = None) -> Canary:
    prints = (Fingerprint(hasher="pdq", view="full", bits="3c" * 32, quality=100),)
    return Canary(site=SITE.name, made=made, fingerprints=prints, found=found)


def passed(
    ago: timedelta,
    images: Mapping[State, int] = GOOD,
    pages: Mapping[State, int] = READ,
    *,
    finished: bool = True,
    found: bool = False,
    walled: tuple[str, ...] = (),
) -> PassRecord:
    started = NOW - ago
    return PassRecord(
        id=f"pass-{ago}",
        site=SITE.name,
        started=started,
        finished=started + timedelta(minutes=5) if finished else None,
        pages=pages,
        images=images,
        byte_count=1000,
        canary=started + timedelta(minutes=2) if found else None,
        walled=walled,
    )


def three(images: Mapping[State, int], pages: Mapping[State, int] = READ) -> list[PassRecord]:
    return [passed(hour * HOUR, images, pages) for hour in (1, 2, 3)]


def kinds(*passes: PassRecord) -> set[TroubleKind]:
    return set(troubles(replace(SITE, canary_page=None), None, passes, NOW))


# ------------------------------------------------------------------------------------------------------------- coverage


def test_no_state_is_both_looked_at_and_an_error() -> None:
    assert not LOOKED_AT & ERRORS
    assert COMPARED < LOOKED_AT


def test_the_last_finished_pass_is_held_against_what_is_usual() -> None:
    seen = coverage(
        [
            passed(1 * HOUR, {}, finished=False),
            passed(2 * HOUR, {State.CLEAR: 40, State.TIMEOUT: 3}, {State.READ: 4, State.HTTP_ERROR: 2}),
            passed(3 * HOUR),
            passed(4 * HOUR, {State.CLEAR: 91}),
            passed(5 * HOUR, {State.CLEAR: 3}),
        ]
    )

    assert seen is not None
    assert (seen.last.compared, seen.last.met, seen.last.errors, seen.last.pages_read) == (40, 43, 5, 4)
    assert seen.usual is not None
    assert (seen.usual.compared, seen.passes) == (90, 3)
    assert seen.fell


def test_of_two_passes_the_fuller_one_is_usual_and_those_without_anybody_enrolled_are_left_out() -> None:
    nobody = {State.NOT_COMPARED: 70, State.TOO_SMALL: 10}
    seen = coverage([passed(HOUR), passed(2 * HOUR, {State.CLEAR: 50}), passed(3 * HOUR, {State.CLEAR: 8}), *[
        passed(hours * HOUR, nobody) for hours in range(4, 20)
    ], passed(30 * HOUR, {})])  # fmt: skip

    assert seen is not None
    assert seen.usual is not None
    assert (seen.usual.compared, seen.passes) == (8, 3)
    two = coverage([passed(HOUR), passed(2 * HOUR, {State.CLEAR: 50}), passed(3 * HOUR, {State.CLEAR: 8})])
    assert two is not None
    assert two.usual is not None
    assert (two.usual.compared, two.passes) == (50, 2)


def test_a_pass_that_was_cut_is_held_against_nothing_and_turns_no_canary_red() -> None:
    cut = replace(passed(HOUR, {State.CLEAR: 4}, finished=False), stopped="after 5 pages, as asked")
    whole = passed(25 * HOUR, found=True)

    seen = coverage([cut, whole])

    assert seen is not None
    assert seen.last.compared == 90
    assert canary_state(SITE, canary(NOW - 9 * DAY, NOW - 25 * HOUR), [cut, whole], NOW) is CanaryState.FOUND


def test_what_was_not_compared_is_counted_by_its_state() -> None:
    pages = {State.READ: 1, State.HTTP_ERROR: 1, State.BROKEN: 1}
    seen = coverage([passed(HOUR, {State.CLEAR: 3, State.HTTP_ERROR: 2, State.BROKEN: 4}, pages)])

    assert seen is not None
    assert seen.obstacles == {State.HTTP_ERROR: 3, State.BROKEN: 5}


def test_what_was_read_in_part_is_counted_and_what_could_not_be_read_is_an_error() -> None:
    pages = {State.READ: 9, State.EXHAUSTED: 1, State.TIMEOUT: 1, State.BROKEN: 1}
    seen = coverage([replace(passed(HOUR, {State.BROKEN: 5}, pages), cut_pages=4)])

    assert seen is not None
    assert (seen.last.cut_pages, seen.last.errors) == (4, 3)


def test_without_a_finished_pass_there_is_no_coverage_and_one_alone_has_nothing_beside_it() -> None:
    assert coverage([passed(HOUR, finished=False)]) is None
    alone = coverage([passed(HOUR)])
    assert alone is not None
    assert (alone.usual, alone.passes, alone.fell) == (None, 0, False)


def test_a_good_look_compared_a_picture_and_was_finished() -> None:
    good = passed(4 * HOUR)

    assert last_good_look([passed(HOUR, finished=False), *three({State.NOT_COMPARED: 9})[1:], good]) == good.finished
    assert last_good_look(three({State.TOO_SMALL: 3})) is None


# --------------------------------------------------------------------------------------------------------------- canary


@pytest.mark.parametrize(
    ("planted", "passes", "expected"),
    [
        (None, [passed(HOUR)], CanaryState.NOT_MADE),
        (canary(NOW - HOUR / 2), [passed(HOUR)], CanaryState.AWAITED),
        (canary(NOW - 3 * HOUR), [passed(HOUR)], CanaryState.AWAITED),
        (canary(NOW - 2 * DAY), [passed(HOUR)], CanaryState.MISSED),
        (canary(NOW - 2 * DAY), [passed(3 * DAY)], CanaryState.AWAITED),
        (canary(NOW - 2 * DAY), [passed(HOUR, finished=False)], CanaryState.AWAITED),
        (canary(NOW - 9 * DAY, NOW - HOUR), [passed(HOUR, found=True)], CanaryState.FOUND),
        (canary(NOW - 9 * DAY, NOW - 2 * HOUR), [passed(HOUR), passed(2 * HOUR, found=True)], CanaryState.OVERDUE),
        (canary(NOW - 9 * DAY, NOW - 25 * HOUR), [passed(HOUR), passed(25 * HOUR, found=True)], CanaryState.MISSED),
        (canary(NOW - 9 * DAY, NOW - 8 * DAY), [passed(8 * DAY, found=True)], CanaryState.FOUND),
    ],
)
def test_a_canary_is_missed_when_a_finished_pass_did_not_find_it_and_none_within_a_day_did(
    planted: Canary | None, passes: list[PassRecord], expected: CanaryState
) -> None:
    assert canary_state(SITE, planted, passes, NOW) is expected


def test_without_a_page_in_the_file_there_is_no_canary_to_miss() -> None:
    unnamed = replace(SITE, canary_page=None)

    assert canary_state(unnamed, None, [], NOW) is CanaryState.NONE
    assert canary_state(unnamed, canary(NOW - 9 * DAY), [passed(HOUR)], NOW) is CanaryState.NOT_NAMED


def test_a_missed_canary_is_a_trouble_that_names_its_page_and_when_it_was_found_last() -> None:
    found = troubles(SITE, canary(NOW - 9 * DAY, NOW - 3 * DAY), [passed(HOUR)], NOW)

    (reason,) = (found[kind] for kind in found if kind is TroubleKind.CANARY_MISSED)
    assert "https://gallery.example/canary" in reason
    assert found.keys() == {TroubleKind.CANARY_MISSED}


# ------------------------------------------------------------------------------------------------------------- troubles


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        (three(GOOD), set()),
        (three({}), {TroubleKind.NO_PICTURES}),
        (three({State.OUT_OF_SCOPE: 40}), {TroubleKind.NO_PICTURES}),
        (three({State.UNREACHABLE: 4}, {State.READ: 2}), {TroubleKind.NO_PICTURES}),
        (three({State.UNREACHABLE: 4}, {State.HTTP_ERROR: 2}), {TroubleKind.ONLY_ERRORS}),
        (three({}, {State.ROBOTS_UNREAD: 1}), {TroubleKind.ROBOTS_UNREAD}),
        (three(GOOD | {State.ROBOTS_UNREAD: 3}), {TroubleKind.ROBOTS_UNREAD}),
        (three({})[:2], set()),
        ([*three({})[:2], passed(3 * HOUR)], set()),
        ([passed(HOUR), *three({})[1:], passed(4 * HOUR, {})], set()),
        ([passed(HOUR / 2, finished=False), *three({})], {TroubleKind.NO_PICTURES}),
        ([passed(HOUR, walled=("gallery.example",), finished=False), *three(GOOD)[1:]], {TroubleKind.WALLED}),
        ([passed(HOUR), passed(2 * HOUR, walled=("gallery.example",))], set()),
    ],
)
def test_what_went_wrong_three_times_in_a_row_is_a_trouble_until_a_pass_went_well(
    passes: list[PassRecord], expected: set[TroubleKind]
) -> None:
    assert kinds(*passes) == expected


def test_a_trouble_that_begins_again_later_is_another_one() -> None:
    first, later = (trouble_of("gallery", TroubleKind.NO_PICTURES, "why", at) for at in (NOW, NOW + HOUR))

    assert first.id != later.id
    assert first == trouble_of("gallery", TroubleKind.NO_PICTURES, "why", NOW)


# ----------------------------------------------------------------------------------------------------------- next visit


def test_the_next_visit_waits_for_the_interval_and_for_the_hours() -> None:
    by_day = replace(SITE, politeness=Politeness(hours=Hours(opens=time(8), closes=time(9))))

    assert next_pass(SITE, None, NOW) == NOW
    assert next_pass(SITE, passed(HOUR / 2), NOW) == NOW + HOUR / 2
    assert next_pass(by_day, passed(HOUR), NOW).time() == time(8)


# ---------------------------------------------------------------------------------- what is known and was not asked for


def known(ago: timedelta, *, answered: int, failed: int) -> PassRecord:
    """All its pages and pictures are known from earlier passes, but for what it asked for."""
    return replace(passed(ago), answered=answered, failed=failed)


def test_passes_that_knew_everything_and_met_only_silence_are_a_trouble() -> None:
    silent = [known(hour * HOUR, answered=0, failed=2) for hour in (1, 2, 3)]

    assert TroubleKind.ONLY_ERRORS in troubles(replace(SITE, canary_page=None), None, silent, NOW)
    assert last_good_look(silent) is None


def test_pages_that_say_that_nothing_changed_are_a_good_look() -> None:
    unchanged = known(HOUR, answered=9, failed=0)

    assert last_good_look([unchanged]) == unchanged.finished
    assert troubles(replace(SITE, canary_page=None), None, [unchanged] * 3, NOW) == {}


def test_new_pictures_that_never_come_are_a_trouble_though_thousands_are_known() -> None:
    refused = [replace(known(hour * HOUR, answered=9, failed=4), pictures_failed=4) for hour in (1, 2, 3)]
    one_came = replace(refused[0], pictures_answered=1)

    assert TroubleKind.ONLY_ERRORS in troubles(replace(SITE, canary_page=None), None, refused, NOW)
    assert last_good_look(refused) is None
    assert troubles(replace(SITE, canary_page=None), None, [one_came, *refused[1:]], NOW) == {}
    assert last_good_look([one_came, *refused[1:]]) == one_came.finished
