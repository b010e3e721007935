"""A host that sends us away is asked less often, and comes back slowly."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pace import BASE_S, CAP_S, LEAST_S, LEAST_SLOWED_S, SLOWEST, Pace

HOST = "gallery.example"


def test_a_refusal_doubles_the_delay_and_twenty_answers_undo_it() -> None:
    pace = Pace()

    pace.refused(HOST, asked_at=0.0, now=1.0, sure=True)
    assert pace.delay_s(HOST, 0.5) == 1.0
    for _ in range(19):
        pace.answered(HOST)
    assert 0.5 < pace.delay_s(HOST, 0.5) < 0.6
    pace.answered(HOST)
    pace.answered(HOST)
    assert pace.delay_s(HOST, 0.5) == 0.5


def test_where_no_delay_was_agreed_there_is_one_after_a_refusal() -> None:
    pace = Pace()

    assert pace.delay_s(HOST, 0.0) == 0.0
    pace.refused(HOST, asked_at=0.0, now=1.0, sure=True)
    assert pace.delay_s(HOST, 0.0) == 2 * LEAST_SLOWED_S
    assert pace.delay_s("other.example", 0.0) == 0.0


def test_the_pace_is_never_slower_than_so_many_times_the_agreed_one() -> None:
    pace = Pace()
    for moment in range(100):
        pace.refused(HOST, asked_at=moment, now=moment + 0.5, sure=True)

    assert pace.delay_s(HOST, 1.0) == SLOWEST


def test_what_was_under_way_together_is_one_refusal() -> None:
    pace = Pace()

    first = pace.refused(HOST, asked_at=0.0, now=10.0, sure=True) or 0.0
    others = [pace.refused(HOST, asked_at=at, now=10.5, sure=True) for at in (1.0, 2.0, 10.0)]

    assert pace.delay_s(HOST, 1.0) == 2.0
    assert others == [pytest.approx(max(LEAST_S, first - 0.5))] * 3


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_waits_grow_twofold_up_to_the_cap_and_lie_anywhere_below(seed: int, times: int) -> None:
    pace, dice = Pace(random.Random(seed)), random.Random(seed)

    waits = [pace.refused(HOST, asked_at=10 * n + 1, now=10 * n + 2, sure=True) for n in range(times)]

    assert waits == [max(LEAST_S, dice.uniform(0, min(CAP_S, BASE_S * 2**n))) for n in range(times)]


def test_an_answer_begins_the_waits_anew() -> None:
    pace = Pace(random.Random(1))
    for n in range(8):
        pace.refused(HOST, asked_at=n, now=n + 0.5, sure=True)
    pace.answered(HOST)

    assert 0.0 < (pace.refused(HOST, asked_at=100, now=101, sure=True) or 0.0) <= BASE_S


def test_a_503_alone_may_be_about_one_url_and_the_third_in_a_row_is_about_the_host() -> None:
    pace = Pace()

    assert [pace.refused(HOST, asked_at=n, now=n + 0.5, sure=False) for n in (1, 2)] == [None, None]
    pace.answered(HOST)
    assert [pace.refused(HOST, asked_at=n, now=n + 0.5, sure=False) for n in (3, 4)] == [None, None]
    assert pace.delay_s(HOST, 1.0) == 1.0
    assert pace.refused(HOST, asked_at=5, now=5.5, sure=False) is not None
    assert pace.delay_s(HOST, 1.0) == 2.0


def test_a_pause_that_another_was_told_slows_us_down_once_and_holds_for_us() -> None:
    pace = Pace()

    for now in (10.0, 11.0, 59.0):
        pace.another_was_sent_away(HOST, until=60.0, now=now)
    assert pace.left_alone_s(HOST, 59.9)
    assert pace.delay_s(HOST, 1.0) == 2.0
    pace.another_was_sent_away(HOST, until=60.0, now=61.0)
    assert pace.delay_s(HOST, 1.0) == 2.0
    pace.another_was_sent_away(HOST, until=200.0, now=100.0)
    assert pace.delay_s(HOST, 1.0) == 4.0


def test_a_pause_of_ours_that_comes_back_is_no_second_refusal() -> None:
    pace = Pace()
    wait_s = pace.refused(HOST, asked_at=0.0, now=1.0, sure=True) or 0.0

    pace.another_was_sent_away(HOST, until=1.5 + wait_s, now=1.2 + wait_s)

    assert pace.delay_s(HOST, 1.0) == 2.0
    assert pace.left_alone_s(HOST, 1.4 + wait_s)


def test_a_host_is_left_alone_until_the_latest_moment_that_was_said() -> None:
    pace = Pace()

    pace.leave_alone(HOST, 100.0)
    pace.leave_alone(HOST, 50.0)

    assert pace.left_alone_s(HOST, 99.9)
    assert not pace.left_alone_s(HOST, 100.0)
    assert not pace.left_alone_s("other.example", 0.0)
