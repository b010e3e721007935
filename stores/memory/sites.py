# ruff: noqa: ARG002 – the port's whole signature is taken; memory keeps nobody who decided
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from core.model import Canary, DayUse, Known, PassRecord, Settled, Standing, Topic, Trouble, TroubleKind
from stores.memory.shelf import Shelf
from stores.rules import may_stand, taken_up


class MemorySiteBook:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def standing(self, site: str) -> Standing:
        with self._shelf.lock:
            return self._shelf.standings.get(site, Standing.WATCHED)

    def set_standing(self, site: str, standing: Standing, by: str, now: datetime) -> None:
        with self._shelf.lock:
            may_stand(site, self.standing(site), standing)
            self._shelf.standings[site] = standing
            if standing is Standing.REVOKED:
                self._shelf.stop_sweeping_at(site)
                self._shelf.forget_collisions_at(site)
                self._shelf.known.pop(site, None)

    def record(self, record: PassRecord) -> None:
        with self._shelf.lock:
            record = taken_up(self._shelf.passes.get(record.id), record)
            self._shelf.passes[record.id] = record
            canary = self._shelf.canaries.get(record.site)
            if canary is not None and record.canary is not None:
                self._shelf.canaries[record.site] = replace(canary, found=record.canary)

    def passes(self, site: str, limit: int = 20) -> Sequence[PassRecord]:
        with self._shelf.lock:
            found = [record for record in self._shelf.passes.values() if record.site == site]
        found.sort(key=lambda record: (record.started, record.id), reverse=True)
        return found[:limit]


class MemoryCanaryBook:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def plant(self, canary: Canary) -> None:
        with self._shelf.lock:
            self._shelf.canaries[canary.site] = canary

    def canary_of(self, site: str) -> Canary | None:
        with self._shelf.lock:
            return self._shelf.canaries.get(site)


class MemoryTroubleBook:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def begin(self, trouble: Trouble, outgoing: Sequence[tuple[Topic, str]] = ()) -> bool:
        with self._shelf.lock:
            if (trouble.site, trouble.kind) in self._shelf.troubles:
                return False
            self._shelf.troubles[trouble.site, trouble.kind] = trouble
            self._shelf.put(outgoing, trouble.since)
            return True

    def end(self, site: str, kind: TroubleKind) -> bool:
        with self._shelf.lock:
            return self._shelf.troubles.pop((site, kind), None) is not None

    def open(self, site: str | None = None) -> Sequence[Trouble]:
        with self._shelf.lock:
            found = [each for each in self._shelf.troubles.values() if site in (None, each.site)]
        return sorted(found, key=lambda each: (each.since, each.id))


class MemorySiteMemory:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def recall(self, site: str, urls: Collection[str]) -> dict[str, Known]:
        with self._shelf.lock:
            known = self._shelf.known.get(site, {})
            return {url: known[url] for url in urls if url in known}

    def settled(self, site: str, urls: Collection[str], recipe: str, now: datetime) -> dict[str, Settled]:
        return {
            url: Settled(each.state, each.sha256, each.read_at)
            for url, each in self.recall(site, urls).items()
            if each.recipe == recipe and now < min(each.again_at, each.whole_at)
        }

    def knows(self, site: str) -> bool:
        with self._shelf.lock:
            return bool(self._shelf.known.get(site))

    def remember(self, site: str, known: Sequence[Known]) -> None:
        with self._shelf.lock:
            if self._shelf.standings.get(site) is Standing.REVOKED:
                return
            self._shelf.known.setdefault(site, {}).update({each.url: each for each in known})

    def learned(self, site: str) -> dict[str, str]:
        with self._shelf.lock:
            known = self._shelf.known.get(site, {})
            return {url: each.learned for url, each in known.items() if each.images is not None}

    def learn(self, site: str, learned: Mapping[str, str]) -> None:
        with self._shelf.lock:
            known = self._shelf.known.get(site, {})
            for url, text in learned.items():
                if url in known and known[url].images is not None:
                    known[url] = replace(known[url], learned=text)

    def sites(self) -> Sequence[str]:
        with self._shelf.lock:
            return sorted(site for site, known in self._shelf.known.items() if known)

    def forget(self, site: str, before: datetime | None = None) -> int:
        with self._shelf.lock:
            known = self._shelf.known.get(site, {})
            gone = [url for url, each in known.items() if before is None or each.read_at < before]
            for url in gone:
                del known[url]
            return len(gone)


class MemoryDailyUse:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def take(self, site: str, day: date, requests: int, at_most: int) -> int:
        with self._shelf.lock:
            granted = max(0, min(requests, at_most - self.used(site, day).requests))
            self.count(site, day, requests=granted)
            return granted

    def count(self, site: str, day: date, *, requests: int = 0, byte_count: int = 0) -> DayUse:
        with self._shelf.lock:
            before = self.used(site, day)
            use = DayUse(requests=before.requests + requests, byte_count=before.byte_count + byte_count)
            self._shelf.days[site, day] = use
            return use

    def used(self, site: str, day: date) -> DayUse:
        with self._shelf.lock:
            return self._shelf.days.get((site, day), DayUse())

    def forget(self, before: date) -> None:
        with self._shelf.lock:
            self._shelf.days = {key: use for key, use in self._shelf.days.items() if key[1] >= before}
