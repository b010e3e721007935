from datetime import date, timedelta

import pytest

from core.model import DayUse, Limits
from tests.contracts.conftest import Stores

TODAY = date(2026, 11, 27)
TOMORROW = TODAY + timedelta(days=1)


def test_a_day_gives_no_more_requests_than_it_has(kept: Stores) -> None:
    assert kept.daily_use.take("gallery", TODAY, 60, 100) == 60
    assert kept.daily_use.take("gallery", TODAY, 60, 100) == 40
    assert kept.daily_use.take("gallery", TODAY, 60, 100) == 0

    assert kept.daily_use.used("gallery", TODAY) == DayUse(requests=100)


def test_days_and_sites_are_apart(kept: Stores) -> None:
    kept.daily_use.take("gallery", TODAY, 100, 100)

    assert kept.daily_use.take("gallery", TOMORROW, 1, 100) == 1
    assert kept.daily_use.take("attic", TODAY, 1, 100) == 1
    assert kept.daily_use.used("attic", TOMORROW) == DayUse()


def test_what_was_taken_and_not_asked_for_is_given_back_and_bytes_add_up(kept: Stores) -> None:
    kept.daily_use.take("gallery", TODAY, 20, 100)

    assert kept.daily_use.count("gallery", TODAY, requests=-15, byte_count=2**40) == DayUse(
        requests=5, byte_count=2**40
    )
    assert kept.daily_use.count("gallery", TODAY, byte_count=1) == DayUse(requests=5, byte_count=2**40 + 1)


def test_a_limit_that_was_lowered_gives_nothing_more(kept: Stores) -> None:
    kept.daily_use.take("gallery", TODAY, 100, 100)

    assert kept.daily_use.take("gallery", TODAY, 10, 50) == 0
    assert kept.daily_use.used("gallery", TODAY).requests == 100


def test_old_days_are_forgotten(kept: Stores) -> None:
    for day in (TODAY, TOMORROW):
        kept.daily_use.take("gallery", day, 1, 100)
    kept.daily_use.forget(TOMORROW)

    assert kept.daily_use.used("gallery", TODAY) == DayUse()
    assert kept.daily_use.used("gallery", TOMORROW) == DayUse(requests=1)


@pytest.mark.parametrize(
    ("use", "limits", "says"),
    [
        (DayUse(requests=10**9, byte_count=2**50), Limits(), None),
        (DayUse(requests=9), Limits(requests_per_day=10), None),
        (DayUse(requests=10), Limits(requests_per_day=10), "10 requests"),
        (DayUse(byte_count=10), Limits(bytes_per_day=10), "10 bytes"),
    ],
)
def test_a_day_is_spent_at_its_limit_and_never_without_one(use: DayUse, limits: Limits, says: str | None) -> None:
    reason = use.spent(limits)

    assert (reason is None) if says is None else (reason is not None and says in reason)
