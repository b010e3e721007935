"""How fast each host is asked, and for how long it is left alone, by how it answers.

    429                each request takes twice as long until further notice; without a Retry-After the host is left alone for a while
    503                as 429, if it says when to come again or is the third in a row; one alone may be about that URL
    an answer          the pace comes back by a twentieth of a step each: 20 answers undo one refusal
    a wall (walls.py)  the host is left alone for hours
    another's pause    where several processes crawl a site: as if the host had sent us away, and until the same moment

The waits are exponential with full jitter: those that are sent away together do not come back together
(https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/). Halving at once and recovering by small steps is how
many senders that know nothing of each other end up with fair shares (Chiu and Jain 1989).
"""

import random
from dataclasses import dataclass
from typing import Final

BASE_S: Final = 30.0
CAP_S: Final = 3600.0
LEAST_S: Final = 1.0
WALLED_S: Final = 6 * 3600.0
SLOWER: Final = 2.0
SLOWEST: Final = 32.0  # times the agreed delay
FASTER: Final = 0.05
UNSURE_AT_MOST: Final = 3
TOGETHER_S: Final = 5.0  # a pause of ours comes back from the frontier a little later than it was
LEAST_SLOWED_S: Final = 0.25  # a delay that is slowed down: where none was agreed, times two is none


@dataclass(slots=True)
class _Host:
    slower: float = 1.0  # times the agreed delay
    refused: int = 0  # in a row
    unsure: int = 0  # in a row: refusals that may have been about one URL alone
    refused_at: float = float("-inf")
    until: float = float("-inf")


class Pace:
    """Of one process. Moments are in seconds, all by the same clock."""

    def __init__(self, dice: random.Random | None = None) -> None:
        self._dice = dice or random.Random()  # noqa: S311  # nothing secret hangs on it
        self._hosts: dict[str, _Host] = {}

    def delay_s(self, host: str, agreed_s: float) -> float:
        """Between two requests, at present."""
        slower = self._hosts[host].slower if host in self._hosts else 1.0
        return agreed_s if slower == 1.0 else max(agreed_s, LEAST_SLOWED_S) * slower

    def answered(self, host: str) -> None:
        known = self._hosts.get(host)
        if known is not None:
            known.slower = max(1.0, known.slower - FASTER)
            known.refused = known.unsure = 0

    def leave_alone(self, host: str, until: float) -> None:
        known = self._hosts.setdefault(host, _Host())
        known.until = max(known.until, until)

    def left_alone_s(self, host: str, now: float) -> float:
        """For how many seconds more; 0: it may be asked."""
        return max(0.0, self._hosts[host].until - now) if host in self._hosts else 0.0

    def another_was_sent_away(self, host: str, until: float, now: float) -> None:
        """By another process of the site. What we were told ourselves shortly before is taken for the same refusal."""
        if until <= now:
            return
        known = self._hosts.setdefault(host, _Host())
        if known.until + TOGETHER_S < now:
            known.slower = min(SLOWEST, known.slower * SLOWER)
        known.until = max(known.until, until)

    def refused(self, host: str, asked_at: float, now: float, *, sure: bool) -> float | None:
        """How many seconds to leave the host alone where it does not say. What was under way together is one refusal.

        sure   the host is meant; else None is returned until it looks like that
        """
        known = self._hosts.setdefault(host, _Host())
        if asked_at <= known.refused_at:
            return max(LEAST_S, known.until - now)
        known.unsure += not sure
        if not sure and known.unsure < UNSURE_AT_MOST:
            return None
        known.slower = min(SLOWEST, known.slower * SLOWER)
        longest = min(CAP_S, BASE_S * 2.0 ** min(known.refused, 20))
        known.refused += 1
        known.refused_at = now
        wait_s = max(LEAST_S, self._dice.uniform(0.0, longest))
        known.until = now + wait_s
        return wait_s
