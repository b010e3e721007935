"""A host that asked for a pause is left alone by whoever asks: pages, their parts and single looks, in any pass, on any machine."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from core.model import State
from crawler.fetch import Fetched, NotFetched
from crawler.frontier import Frontier, host_of
from crawler.scope import Wanted

BUSY_S: Final = 30.0  # to wait where the site does not say

Ask = Callable[[str, Wanted], Awaitable[Fetched | NotFetched]]
"""Called with a URL, says what came of it."""


def pause_s(outcome: NotFetched) -> float | None:
    """For how long its host wants to be left alone; None: it says nothing of its host."""
    if not outcome.not_now:
        return None
    if outcome.retry_after_s is None and outcome.status == 429:
        return BUSY_S
    return outcome.retry_after_s


def keeping_pauses(ask: Ask, site: str, frontier: Frontier, clock: Callable[[], datetime]) -> Ask:
    """As `ask`, but a host that wants a pause is not asked, and one that asks for it has it from everybody."""

    async def asked(url: str, wanted: Wanted) -> Fetched | NotFetched:
        host, now = host_of(url), clock().timestamp()
        until = await asyncio.to_thread(frontier.paused_until, site, host)
        if until > now:
            reason = "the site asked for a pause"
            return NotFetched(url=url, state=State.PENDING, reason=reason, retry_after_s=until - now)
        outcome = await ask(url, wanted)
        if isinstance(outcome, NotFetched) and (wants_s := pause_s(outcome)) is not None:
            await asyncio.to_thread(frontier.pause, site, outcome.host, clock().timestamp() + wants_s)
        return outcome

    return asked
