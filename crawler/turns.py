"""When a host may be asked: at the pace of its site, whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable

from crawler.frontier import Frontier

Turn = Callable[[str, float], Awaitable[float]]
"""A host, and the seconds between two requests there → seconds until the turn that the caller now has."""


class Turns:
    """The turns of one process. Whoever asks for a turn has it."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def wait_s(self, host: str, now: float, delay_s: float) -> float:
        """From now to the turn. The first one comes after the delay, too: robots.txt has just been asked for."""
        turn = max(now, self._next.get(host, now + delay_s))
        self._next[host] = turn + delay_s
        return turn - now


def turns_at(frontier: Frontier, site: str) -> Turn:
    async def turn(host: str, delay_s: float) -> float:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, frontier.turn, site, host, delay_s, loop.time())

    return turn
