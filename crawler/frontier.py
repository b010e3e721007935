"""What a pass has met and not yet looked at, and how each look ended.

    begin ─→ lease ─→ (asked for, examined, hits stored) ─→ finish: how it ended AND what was found on it, in one transaction
               └────→ give_back: not now

A lease has no time-out: it belongs to a worker. What a dead worker had leased is free again, and only what it had already asked
for is asked for twice.

crawler.frontier_sqlite   a file: one machine, one process a site. A worker is alive as long as it holds its lock
crawler.frontier_redis    many machines, any number of them on one pass. A worker is alive as long as it renews a key
"""

import enum
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from core.model import State

# Ended without being asked for. Everything else counts against the limits of the pass.
UNASKED = frozenset(
    {State.OUT_OF_SCOPE, State.OVER_LIMIT, State.REFUSED, State.ROBOTS, State.ROBOTS_UNREAD, State.TRAP}
)


class What(enum.StrEnum):
    """What a URL was met as. The order is the order in which they are leased: a picture first."""

    IMAGE = "image"
    PAGE = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    id: str
    site: str
    started: datetime
    resumed: bool  # it had begun before, and was killed or stopped


class Found(NamedTuple):
    """A URL met on a page, in document order. With a state it has ended already: nothing will be asked."""

    what: What
    url: str
    state: State | None = None
    known: bool = False  # a picture that was looked at in an earlier pass, which is how it ended: as good as looked at in this one
    hits: tuple[str, ...] = ()  # of a known picture
    following: bool = False  # a page, where a list that an API gives goes on: no trap unless it repeats itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    url: str = field(repr=False)
    what: What
    host: str
    attempts: int  # times it was given back because the site was not ready
    found_on: str = field(repr=False)  # the first page that named it; a start page names itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A pass so far. `counts` adds up to every URL met; what has not ended counts as pending."""

    counts: Mapping[tuple[What, State], int]
    asked: Mapping[What, int]  # of these the site was asked for
    hits: int
    byte_count: int

    def of(self, what: What) -> dict[State, int]:
        return {state: n for (kind, state), n in self.counts.items() if kind is what and n}


class Frontier(Protocol):
    """Everything a pass needs to be taken up by somebody else. Safe to call from any thread."""

    def worker(self) -> AbstractContextManager[str]:
        """The name of a new worker, alive until the context ends or its process does."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Calls made by this thread meanwhile may be stored at once at the end: none is sure before, and each stands or falls by itself."""
        ...

    def begin(self, site: str, starts: Sequence[Found], now: datetime) -> Pass:
        """Takes up the site's unfinished pass where it stood, or starts a new one and forgets the URLs of the finished ones."""
        ...

    def push(self, pass_id: str, found: Sequence[Found]) -> None:
        """Adds URLs that no page of this pass named. Those already met stay as they are."""
        ...

    def lease(
        self,
        pass_id: str,
        worker: str,
        *,
        per_host: int,
        under_way: Mapping[str, int],
        at_most: Mapping[What, int],
        now: float,
        of_pass: Mapping[What, int] | None = None,
    ) -> Sequence[Leased]:
        """URLs that are due: for each host up to `per_host` less those under way there, and `at_most` of each kind in all.

        under_way   of this worker; those that others have leased are counted as well
        of_pass     how many of each kind may be asked for in this pass, by everybody together; None: no limit
        """
        ...

    def pages_showing(self, pass_id: str, url: str) -> Sequence[str]:
        """The pages that named this picture so far, in the order they were read; a hundred at most."""
        ...

    def finish(
        self,
        pass_id: str,
        url: str,
        state: State,
        *,
        what: What,
        byte_count: int = 0,
        hits: Sequence[str] = (),
        new_hits: int = 0,
        children: Sequence[Found] = (),
        told: Collection[str] = (),
    ) -> Sequence[str]:
        """Ends a URL and stores what was found on it, in one transaction.

        what      as it turned out: a link to a "page" may have answered with a picture
        hits      of a picture: the ids of its hits, which must be in the hit log by now
        children  also of a page that could not be read: it may have named something all the same
        told      of a picture with hits: the pages its hits were told of; of a page: the hits that were told of this page
        returns   what has to be told first: further pages of the picture; hits among the page's pictures. When it is not empty
                  nothing was stored: tell them, and call again.
        """
        ...

    def give_back(self, pass_id: str, url: str, *, due: float, counted: bool) -> None:
        """It was not looked at. `counted` adds an attempt."""
        ...

    def turn(self, site: str, host: str, delay_s: float, now: float) -> float:
        """Whoever asks for a turn has it: seconds until this host may be asked, `delay_s` after the turn before, whoever had that.

        now   on a clock that never goes back, of this process; not asked where several machines share one clock
        """
        ...

    def pause(self, site: str, host: str, until: float) -> None:
        """Nothing of this host is leased before `until`, in this pass or a later one."""
        ...

    def paused_until(self, site: str, host: str) -> float: ...

    def next_due(self, pass_id: str) -> float | None:
        """When the next waiting URL may be leased; None when none waits. 0 while others have leased something: that may bring more."""
        ...

    def end_waiting(self, pass_id: str, state: State, *, what: What | None = None, host: str | None = None) -> int:
        """Ends everything that waits (of this kind, of this host) unasked. Returns how many."""
        ...

    def tally(self, pass_id: str) -> Tally: ...

    def release(self, worker: str) -> None:
        """Gives back all that this worker still holds."""
        ...

    def robots_kept(self, site: str) -> Mapping[str, str]:
        """What was kept of the robots.txt of each origin, as `keep_robots` was given it."""
        ...

    def keep_robots(self, site: str, origin: str, kept: str) -> None: ...

    def close(self, pass_id: str, now: datetime) -> bool:
        """The pass is finished: the next `begin` starts a new one. False: it was erased meanwhile."""
        ...

    def sites(self) -> Sequence[str]:
        """Of which something is kept, whether they are still watched or not."""
        ...

    def erase(self, site: str, begun_before: datetime | None = None) -> int:
        """Everything that is kept of the site, but how many URLs were met. Returns how many are erased.

        begun_before   nothing at all is, where a pass began or was taken up since then, or somebody is at work on one

        Whoever is at work on an erased pass finds nothing left to do, and what it still brings is neither stored nor refused. The next
        `begin` starts anew.
        """
        ...


@lru_cache(maxsize=512)
def host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
