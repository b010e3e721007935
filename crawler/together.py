"""Calls of a frontier, run in a thread of their own: all that wait at the same time in one transaction, and the loop is woken once.

Settling one picture costs a frontier more in hand-overs and commits than in writing. So a call waits a moment for others.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from crawler.frontier import Frontier

P = ParamSpec("P")
R = TypeVar("R")

MOMENT_S = 0.002  # an answer takes ten times as long to come
ENOUGH = 8  # calls that wait for no others

Waiting = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Together:
    """To be made and used in one event loop; `close` waits for what is under way."""

    def __init__(self, frontier: Frontier) -> None:
        self._frontier = frontier
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "frontier")
        self._waiting: list[Waiting] = []
        self._working = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns, or raises, what the call does, once it is stored."""
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((partial(call, *args, **kwargs), future))
        self._look_round()
        return await future

    def close(self) -> None:
        self._thread.shutdown()

    def _look_round(self) -> None:
        """Hands over what waits, now or in a moment."""
        if self._working or not self._waiting:
            return
        if len(self._waiting) >= ENOUGH:
            self._hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(MOMENT_S, self._hand_over)

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        calls, self._waiting = self._waiting, []
        self._working = True
        self._thread.submit(self._work, calls)

    def _work(self, calls: list[Waiting]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            with self._frontier.together():
                for call, _ in calls:
                    try:
                        outcomes.append((call(), None))
                    except Exception as error:  # noqa: BLE001  # whoever called gets it
                        outcomes.append((None, error))
        except Exception as error:  # noqa: BLE001  # nothing was stored: everyone hears of it
            outcomes = [(None, own or error) for _, own in outcomes] or [(None, error)] * len(calls)
        self._loop.call_soon_threadsafe(self._hand_out, calls, outcomes)

    def _hand_out(self, calls: list[Waiting], outcomes: list[tuple[Any, BaseException | None]]) -> None:
        for (_, future), (value, error) in zip(calls, outcomes, strict=True):
            if future.done():
                continue  # whoever waited was cancelled
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        self._working = False
        self._look_round()
