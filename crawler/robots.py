"""What robots.txt asks of us, read once for each origin (RFC 9309). What could not be read is not allowed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from protego import Protego

from core.model import State, WatchedSite
from crawler.fetch import Fetched, GuardedFetch, NotFetched, Wanted
from crawler.retry_after import http_date, retry_after_s
from crawler.urls import parse

KEPT = timedelta(hours=24)  # as long as RFC 9309 lets a copy be used
UNREAD_KEPT = timedelta(minutes=10)  # then it is asked again, unless the site named another time


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsCopy:
    """What came of asking. Without `read`, nothing may be asked of the origin."""

    fetched_at: datetime
    again_at: datetime  # not asked for before
    status: int | None  # None: no answer
    read: bool
    body: bytes = field(repr=False, default=b"")  # the rules; empty where there are none


class RobotsMemory(Protocol):
    """Keeps copies across passes, so that a killed one does not ask again. Called from the event loop: no waiting in here."""

    def get(self, origin: str) -> RobotsCopy | None: ...

    def put(self, origin: str, copy: RobotsCopy) -> None: ...


class RobotsNotes:
    """The memory of one process."""

    def __init__(self) -> None:
        self._copies: dict[str, RobotsCopy] = {}

    def get(self, origin: str) -> RobotsCopy | None:
        return self._copies.get(origin)

    def put(self, origin: str, copy: RobotsCopy) -> None:
        self._copies[origin] = copy


class Robots:
    """The rules of all origins of one site. However many ask at once, an origin is asked once."""

    def __init__(
        self,
        fetch: GuardedFetch,
        site: WatchedSite,
        product_token: str,
        memory: RobotsMemory,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._fetch = fetch
        self._obey = site.politeness.robots != "agreed"
        self._product_token = product_token
        self._memory = memory
        self._clock = clock
        self._read: dict[str, tuple[RobotsCopy, Protego | None]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def may_fetch(self, url: str) -> tuple[State, str] | None:
        """None if the site allows it. Asks for robots.txt where that is not known yet."""
        parsed = parse(url)
        if not self._obey or parsed is None:
            return None  # what is no URL is refused by the fetch
        rules = await self._rules(parsed.origin)
        if rules is None:
            return State.ROBOTS_UNREAD, "robots.txt could not be read"
        if not rules.can_fetch(str(parsed), self._product_token):
            return State.ROBOTS, "robots.txt asks us not to"
        return None

    def crawl_delay(self, url: str) -> float | None:
        """Seconds between two requests that robots.txt asks for; None where it says nothing or was not read yet."""
        parsed = parse(url)
        _, rules = self._read.get(parsed.origin, (None, None)) if parsed is not None else (None, None)
        return None if rules is None else rules.crawl_delay(self._product_token)

    async def _rules(self, origin: str) -> Protego | None:
        known = self._known(origin)
        if known is None:
            async with self._asking.setdefault(origin, asyncio.Lock()):
                known = self._known(origin)  # another may have asked meanwhile
                if known is None:
                    known = await self._ask(origin)
        return known[1]

    def _known(self, origin: str) -> tuple[RobotsCopy, Protego | None] | None:
        now = self._clock()
        known = self._read.get(origin)
        if known is None:
            copy = self._memory.get(origin)
            if copy is not None and _usable(copy, now):
                known = self._read[origin] = copy, _rules_of(copy)
        return known if known is not None and _usable(known[0], now) else None

    async def _ask(self, origin: str) -> tuple[RobotsCopy, Protego | None]:
        answer = await self._fetch.fetch(f"{origin}/robots.txt", wanted=Wanted.ROBOTS)
        copy = _copy(answer, self._clock())
        known = copy, _rules_of(copy)
        if not (isinstance(answer, NotFetched) and answer.state is State.OUT_OF_SCOPE and answer.status is None):
            self._read[origin] = known  # else nothing was asked: the agreement had ended
            self._memory.put(origin, copy)
        return known


def _copy(answer: Fetched | NotFetched, now: datetime) -> RobotsCopy:
    if isinstance(answer, NotFetched):
        return RobotsCopy(fetched_at=now, again_at=now + UNREAD_KEPT, status=answer.status, read=False)
    if 200 <= answer.status <= 299:
        return RobotsCopy(fetched_at=now, again_at=now + KEPT, status=answer.status, read=True, body=answer.body)
    if 400 <= answer.status <= 499 and answer.status != 429:
        return RobotsCopy(fetched_at=now, again_at=now + KEPT, status=answer.status, read=True)
    site_now = http_date(answer.headers.get("date")) or now
    asked_s = retry_after_s(answer.headers.get("retry-after"), now=site_now)
    again_at = now + max(UNREAD_KEPT, timedelta(seconds=asked_s or 0))
    return RobotsCopy(fetched_at=now, again_at=again_at, status=answer.status, read=False)


def _usable(copy: RobotsCopy, now: datetime) -> bool:
    return copy.fetched_at <= now < copy.again_at  # a copy from the future was made by a clock that was wrong


def _rules_of(copy: RobotsCopy) -> Protego | None:
    return Protego.parse(copy.body.decode("utf-8-sig", "replace")) if copy.read else None
