"""What robots.txt asks of us, read once for each origin (RFC 9309). What could not be read is not allowed."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from protego import Protego

from core.model import State, WatchedSite
from crawler.fetch import Fetched, GuardedFetch, MayFetch, NotFetched, Wanted
from crawler.pace import WALLED_S
from crawler.retry_after import http_date, retry_after_s
from crawler.urls import parse
from crawler.walls import wall

log = logging.getLogger(__name__)

OUR_NAME = "Stillwatch"  # what robots.txt calls us, whatever stands around it in the User-Agent (RFC 9309 §2.2.1)
MOST_DELAY_S = 60.0  # of a Crawl-delay, which is no part of RFC 9309: with more, a site of a thousand pages takes days
KEPT = timedelta(hours=24)  # as long as RFC 9309 lets a copy be used
WALLED_KEPT = timedelta(seconds=WALLED_S)
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
        may_ask: MayFetch | None = None,
        on_wall: Callable[[str], None] = lambda _: None,
    ) -> None:
        """
        may_ask   asked before each hop of a request; when it refuses with PENDING, nothing is known of the file
        on_wall   told the host where a wall stands instead of the file
        """
        self._fetch = fetch
        self._may_ask = may_ask
        self._on_wall = on_wall
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
        """Seconds between two requests that robots.txt asks for, up to MOST_DELAY_S; None where it says nothing or was not read yet."""
        parsed = parse(url)
        _, rules = self._read.get(parsed.origin, (None, None)) if parsed is not None else (None, None)
        delay_s = None if rules is None else rules.crawl_delay(self._product_token)
        return None if delay_s is None else min(delay_s, MOST_DELAY_S)

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
                known = self._read[origin] = copy, self._rules_of(copy)
        return known if known is not None and _usable(known[0], now) else None

    async def _ask(self, origin: str) -> tuple[RobotsCopy, Protego | None]:
        answer = await self._fetch.fetch(f"{origin}/robots.txt", wanted=Wanted.ROBOTS, may_fetch=self._may_ask)
        copy = _copy(answer, self._clock())
        if isinstance(answer, Fetched) and _is_wall(answer):
            parsed = parse(origin)
            self._on_wall(origin if parsed is None else parsed.host)
        known = copy, self._rules_of(copy)
        if not (isinstance(answer, NotFetched) and _not_asked(answer)):
            self._read[origin] = known
            self._memory.put(origin, copy)
        return known

    def _rules_of(self, copy: RobotsCopy) -> Protego | None:
        if not copy.read:
            return None
        rules = Protego.parse(for_us(copy.body.decode("utf-8-sig", "replace"), self._product_token))
        delay_s = rules.crawl_delay(self._product_token) or 0.0
        if delay_s > MOST_DELAY_S:
            log.warning("robots.delay_cut", extra={"asked_s": delay_s, "kept_s": MOST_DELAY_S})
        return rules


_USER_AGENT = re.compile(r"(\s*user[- ]?agent\s*:)([^#]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z_-]*")


def for_us(text: str, product_token: str) -> str:
    """The file with each User-agent line as RFC 9309 §2.2.1 reads it: its token ends before a version, and is ours, everybody's or
    somebody else's. Protego alone takes "Still" for us, and "Stillwatch/2" for somebody else."""
    return "\n".join(_line_for_us(line, product_token.lower()) for line in text.splitlines())


def _line_for_us(line: str, token: str) -> str:
    found = _USER_AGENT.match(line)
    if found is None:
        return line
    name = found[2].strip()
    if name.split(maxsplit=1)[:1] == ["*"]:
        return f"{found[1]} *"
    begins = _TOKEN.match(name)
    ours = begins is not None and begins[0].lower() == token
    return f"{found[1]} {token if ours else '-'}"  # nobody is called so


def _not_asked(answer: NotFetched) -> bool:
    """To its end: the day was used up, the pass was stopped, a host wants a pause; or the agreement had ended before."""
    return answer.state is State.PENDING or (answer.state is State.OUT_OF_SCOPE and answer.status is None)


def _is_wall(answer: Fetched) -> bool:
    parsed = parse(answer.final_url)
    return wall(answer.status, answer.headers, answer.body, "" if parsed is None else parsed.host) is not None


def _copy(answer: Fetched | NotFetched, now: datetime) -> RobotsCopy:
    if isinstance(answer, NotFetched):
        return RobotsCopy(fetched_at=now, again_at=now + UNREAD_KEPT, status=answer.status, read=False)
    if _is_wall(answer):
        return RobotsCopy(fetched_at=now, again_at=now + WALLED_KEPT, status=answer.status, read=False)
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
