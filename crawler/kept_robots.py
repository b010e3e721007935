"""The robots.txt of a site's origins, kept in the frontier: a pass that was killed does not ask for them again."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Self

from core.model import rfc3339
from crawler.frontier import Frontier
from crawler.robots import RobotsCopy

log = logging.getLogger(__name__)


class KeptRobots:
    """Answers from memory; writes beside the event loop. See crawler.robots.RobotsMemory."""

    def __init__(self, frontier: Frontier, site: str, copies: Mapping[str, RobotsCopy]) -> None:
        self._frontier = frontier
        self._site = site
        self._copies = dict(copies)

    @classmethod
    def of(cls, frontier: Frontier, site: str) -> Self:
        """Reads the frontier: not in the event loop. What cannot be read there is asked for again."""
        copies: dict[str, RobotsCopy] = {}
        for origin, kept in frontier.robots_kept(site).items():
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                copies[origin] = _copy(kept)
        return cls(frontier, site, copies)

    def get(self, origin: str) -> RobotsCopy | None:
        return self._copies.get(origin)

    def put(self, origin: str, copy: RobotsCopy) -> None:
        self._copies[origin] = copy
        keep = self._frontier.keep_robots
        asyncio.get_running_loop().run_in_executor(None, keep, self._site, origin, _text(copy)).add_done_callback(
            _heard
        )


def _heard(kept: "asyncio.Future[None]") -> None:
    error = None if kept.cancelled() else kept.exception()
    if error is not None:
        log.warning("robots.not_kept: %s", error)


def _text(copy: RobotsCopy) -> str:
    return json.dumps(
        {
            "fetched_at": rfc3339(copy.fetched_at),
            "again_at": rfc3339(copy.again_at),
            "status": copy.status,
            "read": copy.read,
            "body": copy.body.decode("latin-1"),  # any bytes, byte for byte
        }
    )


def _copy(kept: str) -> RobotsCopy:
    fields = json.loads(kept)
    return RobotsCopy(
        fetched_at=datetime.fromisoformat(fields["fetched_at"]),
        again_at=datetime.fromisoformat(fields["again_at"]),
        status=fields["status"],
        read=fields["read"],
        body=fields["body"].encode("latin-1"),
    )
