"""A day's budget is never overstepped by requests, whatever is killed, and is whole again on the next day."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.model import DayUse, Limits, WatchedSite
from crawler.budget import BLOCK, DayBudget
from stores.memory import MemoryStore
from tests.crawler.wire import watched

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


def limited(requests: int | None = None, byte_count: int | None = None) -> WatchedSite:
    return replace(watched("gallery.example"), limits=Limits(requests_per_day=requests, bytes_per_day=byte_count))


async def until_spent(budget: DayBudget, at_most: int = 10_000) -> tuple[int, str | None]:
    for made in range(at_most):
        reason = await budget.request()
        if reason is not None:
            return made, reason
    return at_most, None


@pytest.mark.parametrize("most", [10, 25, 400, 1001])
def test_so_many_requests_and_no_more_are_made_on_a_day(most: int) -> None:
    site, use = limited(most), MemoryStore().daily_use

    async def ask() -> tuple[int, str | None]:
        async with DayBudget(site, use, Clock()) as budget:
            return await until_spent(budget)

    assert asyncio.run(ask()) == (most, f"the day's {most:,} requests are used up; it goes on tomorrow (UTC)")
    assert asyncio.run(ask())[0] == 0
    assert use.used(site.name, NOON.date()) == DayUse(requests=most)


def test_what_was_not_asked_for_is_left_for_the_next_pass() -> None:
    site, use = limited(1000), MemoryStore().daily_use

    async def ask(often: int) -> None:
        async with DayBudget(site, use, Clock()) as budget:
            await until_spent(budget, often)

    asyncio.run(ask(3))
    assert use.used(site.name, NOON.date()).requests == 3
    asyncio.run(ask(BLOCK + 1))
    assert use.used(site.name, NOON.date()).requests == BLOCK + 4


def test_a_process_that_is_killed_has_counted_too_many_and_never_too_few() -> None:
    site, use = limited(1000), MemoryStore().daily_use

    async def ask_and_die() -> None:
        await until_spent(DayBudget(site, use, Clock()), 3)

    asyncio.run(ask_and_die())

    assert use.used(site.name, NOON.date()).requests == BLOCK


def test_several_at_once_share_one_day() -> None:
    site, use = limited(100), MemoryStore().daily_use

    async def ask() -> int:
        async with DayBudget(site, use, Clock()) as one, DayBudget(site, use, Clock()) as other:
            made = await asyncio.gather(*(until_spent(each) for each in (one, other, one, other)))
            return sum(count for count, _ in made)

    assert asyncio.run(ask()) == 100


def test_the_next_day_begins_anew_while_a_pass_goes_on() -> None:
    site, use, clock = limited(100), MemoryStore().daily_use, Clock()

    async def ask() -> tuple[int, int]:
        async with DayBudget(site, use, clock) as budget:
            first = await until_spent(budget, 7)
            clock.now = NOON + timedelta(days=1)
            return first[0], (await until_spent(budget))[0]

    assert asyncio.run(ask()) == (7, 100)
    assert use.used(site.name, NOON.date()).requests == 7


def test_bytes_end_a_day_once_they_have_come() -> None:
    site, use = limited(byte_count=1000), MemoryStore().daily_use

    async def ask() -> tuple[int, str | None]:
        async with DayBudget(site, use, Clock()) as budget:
            made = 0
            while (reason := await budget.request()) is None:
                budget.came(300)
                made += 1
            return made, reason

    assert asyncio.run(ask()) == (4, "the day's 1,000 bytes are used up; it goes on tomorrow (UTC)")
    assert use.used(site.name, NOON.date()) == DayUse(byte_count=1200)
    assert asyncio.run(ask())[0] == 0


def test_without_limits_nothing_is_counted() -> None:
    site, use = limited(), MemoryStore().daily_use

    async def ask() -> None:
        async with DayBudget(site, use, Clock()) as budget, DayBudget(limited(10), None, Clock()) as nowhere:
            assert (await until_spent(budget, 50), await until_spent(nowhere, 50)) == ((50, None), (50, None))
            budget.came(10**9)

    asyncio.run(ask())
    assert use.used(site.name, NOON.date()) == DayUse()
