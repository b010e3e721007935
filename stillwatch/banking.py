"""What analysts said no to is remembered: see collisions.py for what comes of it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from core.errors import StoreUnavailable
from core.model import Added, Decision, Hit
from core.ports import HitLog, NegativeBank

log = logging.getLogger("stillwatch.banking")


class BankingHitLog:
    """Implements core.ports.HitLog around another one: what an analyst says no to goes into the bank, what is taken back comes out."""

    def __init__(self, hit_log: HitLog, bank: NegativeBank) -> None:
        self._log = hit_log
        self._bank = bank

    def decide(self, hit: str, decision: Decision, by: str, now: datetime) -> Sequence[Hit]:
        """Of the cluster the hits of the very same bytes go into the bank; the others follow the decision unseen: docs/adr/0007."""
        changed = self._log.decide(hit, decision, by, now)
        try:
            if decision is Decision.REJECT:
                for each in _same_bytes(self._log.get([hit]), changed):
                    self._bank.add(each, now)
            else:
                self._bank.take_out([hit, *(each.id for each in changed)])
        except StoreUnavailable as error:
            log.warning("banking.not_written: %s", error)
        return changed

    def add(self, hit: Hit) -> Added:
        return self._log.add(hit)

    def get(self, ids: Sequence[str]) -> Sequence[Hit]:
        return self._log.get(ids)

    def all(self) -> Iterator[Hit]:
        return self._log.all()

    def standing_at(self, site: str) -> Mapping[tuple[str, str], Sequence[str]]:
        return self._log.standing_at(site)

    def unhandled(self, limit: int = 100) -> Sequence[Hit]:
        return self._log.unhandled(limit)


def _same_bytes(looked_at: Sequence[Hit], cluster: Sequence[Hit]) -> Sequence[Hit]:
    """One site's may go with its agreement: those of the others still know the picture."""
    bytes_of = {each.sha256 for each in looked_at}
    return [*{each.id: each for each in (*looked_at, *cluster) if each.sha256 in bytes_of}.values()]
