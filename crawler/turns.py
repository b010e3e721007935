"""When a host may be asked: at the pace of its site, whoever asks, and not while it wants to be left alone."""

import asyncio
from collections.abc import Awaitable, Callable

from crawler.frontier import Frontier

Turn = Callable[[str, float], Awaitable[float]]
"""A host, and the seconds between two requests there → seconds until the turn that the caller now has."""


Paused = Callable[[str], Awaitable[float]]
"""A host → until when it wants to be left alone, whoever it told so."""

PAUSES_ASKED_S = 0.25  # many are under way at one host


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


def pauses_at(frontier: Frontier, site: str) -> Paused:
    # Host → until when, and when the frontier is asked again.
    known: dict[str, tuple[asyncio.Future[float], float]] = {}

    async def paused(host: str) -> float:
        loop = asyncio.get_running_loop()
        if host not in known or loop.time() >= known[host][1]:
            asked = loop.run_in_executor(None, frontier.paused_until, site, host)
            known[host] = asked, loop.time() + PAUSES_ASKED_S
        answer, _ = known[host]
        # Whoever comes meanwhile waits for the same answer.
        return answer.result() if answer.done() else await asyncio.shield(answer)

    return paused
