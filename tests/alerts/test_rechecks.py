import itertools
from datetime import UTC, datetime

import pytest

from alerts.rechecks import grade
from core.model import Look, Outcome, State

AT = datetime(2026, 11, 22, tzinfo=UTC)
THREE = (True, False, None)

# What says by itself that something is not there, or that it was read whole: nothing else may ever lead to "gone".
INFORMATIVE_IMAGES = {State.GONE, State.CLEAR, State.HIT}
INFORMATIVE_PAGES = {State.GONE, State.READ}


def looks() -> list[Look]:
    return [
        Look(hit="h", at=AT, image=image, page=page, still_matches=matches, page_shows_image=shows)
        for image, page, matches, shows in itertools.product(State, State, THREE, THREE)
    ]


def test_every_look_there_can_be_has_a_grade() -> None:
    grades = {grade(look) for look in looks()}

    assert grades == set(Outcome)


def test_what_could_not_be_seen_is_never_gone() -> None:
    for look in looks():
        if look.image not in INFORMATIVE_IMAGES:
            assert grade(look) is not Outcome.GONE
        if look.image is not State.GONE and look.page not in INFORMATIVE_PAGES:
            assert grade(look) is not Outcome.GONE
        if look.image is not State.GONE and look.still_matches is not False:
            assert grade(look) is not Outcome.GONE
        if look.image is not State.GONE and look.page is State.READ and look.page_shows_image is not False:
            assert grade(look) is not Outcome.GONE


def test_a_picture_that_was_not_compared_is_never_called_still_there() -> None:
    compared = {State.HIT, State.CLEAR, State.PARTIAL}
    for look in looks():
        if look.image not in compared or look.still_matches is not True:
            assert grade(look) is not Outcome.STILL_THERE


@pytest.mark.parametrize(
    ("image", "page", "matches", "shows", "outcome"),
    [
        (State.GONE, State.READ, None, True, Outcome.GONE),
        (State.GONE, State.TIMEOUT, None, None, Outcome.GONE),
        (State.HIT, State.READ, True, True, Outcome.STILL_THERE),
        (State.HIT, State.GONE, True, None, Outcome.STILL_THERE),  # a picture outlives its page on many a CDN
        (State.PARTIAL, State.READ, True, True, Outcome.STILL_THERE),
        (State.CLEAR, State.GONE, False, None, Outcome.GONE),
        (State.CLEAR, State.READ, False, False, Outcome.GONE),
        (State.CLEAR, State.READ, False, True, Outcome.UNKNOWN),  # a placeholder, while the page still names it
        (State.CLEAR, State.READ, False, None, Outcome.UNKNOWN),
        (State.CLEAR, State.HTTP_ERROR, False, None, Outcome.UNKNOWN),
        (State.HIT, State.GONE, False, None, Outcome.GONE),  # somebody else's picture now, and no page
        (State.PARTIAL, State.GONE, False, None, Outcome.UNKNOWN),
        (State.TOO_SMALL, State.GONE, False, None, Outcome.UNKNOWN),
        (State.NOT_COMPARED, State.GONE, None, None, Outcome.UNKNOWN),
        (State.HTTP_ERROR, State.GONE, None, None, Outcome.UNKNOWN),  # 403, 429, 5xx
        (State.TIMEOUT, State.GONE, None, None, Outcome.UNKNOWN),
        (State.UNREACHABLE, State.UNREACHABLE, None, None, Outcome.UNKNOWN),
        (State.NOT_IMAGE, State.READ, None, False, Outcome.UNKNOWN),  # a captcha
        (State.ROBOTS, State.ROBOTS, None, None, Outcome.UNKNOWN),
        (State.ROBOTS_UNREAD, State.GONE, None, None, Outcome.UNKNOWN),
        (State.OUT_OF_SCOPE, State.OUT_OF_SCOPE, None, None, Outcome.UNKNOWN),
        (State.BROKEN, State.GONE, None, None, Outcome.UNKNOWN),
    ],
)
def test_looks_are_graded_as_the_table_says(
    image: State, page: State, matches: bool | None, shows: bool | None, outcome: Outcome
) -> None:
    look = Look(hit="h", at=AT, image=image, page=page, still_matches=matches, page_shows_image=shows)

    assert grade(look) is outcome
