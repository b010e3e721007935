"""Questions about some URLs each, put to a store: those that are asked at the same time are asked at once, off the event loop.

A question costs more in handing it over than in answering it, and under load a dozen wait at the same time.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from typing import Generic, TypeVar

T = TypeVar("T")


class Questions(Generic[T]):
    """Of one kind, asked in one event loop."""

    def __init__(self, answer: Callable[[Collection[str]], Mapping[str, T]], thread: Executor) -> None:
        """answer   what is known of these URLs; called in the thread. What it raises, each who asked gets."""
        self._answer = answer
        self._thread = thread
        self._asked: list[tuple[Collection[str], asyncio.Future[Mapping[str, T]]]] = []

    async def ask(self, urls: Collection[str]) -> Mapping[str, T]:
        """At least what is known of these."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._put)
        answer: asyncio.Future[Mapping[str, T]] = loop.create_future()
        self._asked.append((urls, answer))
        return await answer

    def _put(self) -> None:
        asked, self._asked = self._asked, []
        loop = asyncio.get_running_loop()
        urls: Collection[str] = asked[0][0] if len(asked) == 1 else {url for urls, _ in asked for url in urls}

        def hand_out(done: "asyncio.Future[Mapping[str, T]]") -> None:
            for _, answer in asked:
                if answer.done():
                    continue  # whoever asked was cancelled
                if done.cancelled():
                    answer.cancel()
                elif (error := done.exception()) is not None:
                    answer.set_exception(error)
                else:
                    answer.set_result(done.result())

        loop.run_in_executor(self._thread, self._answer, urls).add_done_callback(hand_out)
