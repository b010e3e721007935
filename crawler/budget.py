"""What one site may be asked for on one day (`requests_per_day`, `bytes_per_day`), whatever passes, restarts and machines there are.

Requests are taken from the day in small blocks before they are made, and what is left of a block is given back at the end: a process that
is killed has counted a few requests too many, never one too few. Bytes are counted after they came, so a day may end beyond its bytes by
what was under way.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Final, Self, TypeVar

from core.model import DayUse, WatchedSite
from core.ports import DailyUse

R = TypeVar("R")

BLOCK: Final = 20  # requests taken at once; of a small budget a twentieth
BYTES_TOLD: Final = 2**20  # bytes that came, told at once; of a small budget a twentieth


class DayBudget:
    """An async context manager for one event loop. Without limits a day it counts nothing and asks nobody."""

    def __init__(self, site: WatchedSite, use: DailyUse | None, clock: Callable[[], datetime]) -> None:
        self._site = site.name
        self._limits = site.limits
        self._clock = clock
        self._day: date | None = None  # that everything below is about
        self._left = 0  # of the block of requests
        self._used = DayUse()  # as it was told last
        self._untold = 0  # bytes
        self._one_at_a_time = asyncio.Lock()
        self._use = use if site.limits.daily else None
        # The loop must not wait for a database, whose connection belongs to one thread.
        self._thread = None if self._use is None else ThreadPoolExecutor(1, "budget")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            async with self._one_at_a_time:
                await self._end_day()
            self._thread.shutdown()

    async def request(self) -> str | None:
        """Before each request, one for robots.txt included: takes it from the day. A reason when the day is used up."""
        if self._use is None:
            return None
        async with self._one_at_a_time:
            today = self._clock().astimezone(UTC).date()
            if self._day != today:
                await self._end_day()
                self._day = today
                await self._tell()
            elif self._untold >= self._told_at:
                await self._tell()
            came = DayUse(byte_count=self._used.byte_count + self._untold)
            return came.spent(self._limits) or await self._take(today)

    def came(self, byte_count: int) -> None:
        """So much came from the site."""
        if self._use is not None:
            self._untold += byte_count

    @property
    def _told_at(self) -> int:
        most = self._limits.bytes_per_day
        return BYTES_TOLD if most is None else max(1, min(BYTES_TOLD, most // 20))

    async def _take(self, today: date) -> str | None:
        at_most = self._limits.requests_per_day
        if at_most is None:
            return None
        if self._left == 0:
            block = max(1, min(BLOCK, at_most // 20))
            self._left = await self._asked(lambda use: use.take(self._site, today, block, at_most))
            if self._left == 0:
                return DayUse(requests=at_most).spent(self._limits)
        self._left -= 1
        return None

    async def _end_day(self) -> None:
        left, self._left = self._left, 0
        if left or self._untold:
            await self._tell(given_back=left)

    async def _tell(self, given_back: int = 0) -> None:
        day, byte_count, self._untold = self._day, self._untold, 0
        assert day is not None
        self._used = await self._asked(
            lambda use: use.count(self._site, day, requests=-given_back, byte_count=byte_count)
        )

    async def _asked(self, question: Callable[[DailyUse], R]) -> R:
        use = self._use
        assert use is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: question(use))
