# ruff: noqa: ARG002 – the port's whole signature is taken; memory keeps no trail of who and when
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.model import Added, Decision, Hit, HitQuery, HitStatus, PersonState, Topic
from stores.memory.shelf import Shelf
from stores.rules import BACK_WHEN_SEEN, STATUS_AFTER, arrives, seen_again, unknown_hit, urls, words


class MemoryHitLog:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def add(self, hit: Hit) -> Added:
        with self._shelf.lock:
            if self._shelf.people.get(hit.person) is not PersonState.PROTECTED:
                return Added.REFUSED
            known = self._shelf.hits.get(hit.id)
            if known is None:
                self._store_new(hit)
                return Added.NEW
            after = seen_again(known, hit)
            self._shelf.hits[hit.id] = after
            if after is not known:
                self._shelf.put([(Topic.INDEX, hit.id)], hit.last_seen)
            if self._is_back(hit.id):
                self._shelf.put([(Topic.DESK, hit.id)], hit.last_seen)
            return Added.KNOWN

    def _store_new(self, hit: Hit) -> None:
        decision = self._shelf.decisions.get(hit.cluster)
        self._shelf.hits[hit.id] = arrives(hit, decision)
        if decision in (Decision.CONFIRM, Decision.REJECT):
            self._shelf.decided.add(hit.id)
        self._shelf.put([(Topic.DESK, hit.id), (Topic.INDEX, hit.id)], hit.last_seen)

    def _is_back(self, hit: str) -> bool:
        case = self._shelf.cases.get(self._shelf.case_of_hit.get(hit, ""))
        return case is not None and any(each.hit == hit and each.state in BACK_WHEN_SEEN for each in case.locations)

    def get(self, ids: Sequence[str]) -> Sequence[Hit]:
        with self._shelf.lock:
            return [self._shelf.with_case(self._shelf.hits[each]) for each in ids if each in self._shelf.hits]

    def all(self) -> Iterator[Hit]:
        with self._shelf.lock:
            ids = sorted(self._shelf.hits)
        for each in ids:
            yield from self.get([each])

    def standing_at(self, site: str) -> Mapping[tuple[str, str], Sequence[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        with self._shelf.lock:
            for hit in self._shelf.hits.values():
                if hit.site == site and self._shelf.people.get(hit.person) is PersonState.PROTECTED:
                    found.setdefault((hit.image_url, hit.sha256), []).append(hit.id)
        return found

    def unhandled(self, limit: int = 100) -> Sequence[Hit]:
        with self._shelf.lock:
            rows = [row for (topic, _), row in self._shelf.outbox.items() if topic is Topic.DESK and row.dead is None]
            rows.sort(key=lambda row: (row.task.created, row.place))
            return self.get([row.task.key for row in rows[:limit]])

    def decide(self, hit: str, decision: Decision, by: str, now: datetime) -> Sequence[Hit]:
        with self._shelf.lock:
            if hit not in self._shelf.hits:
                raise unknown_hit(hit)
            cluster = self._shelf.hits[hit].cluster
            copies = sorted(each.id for each in self._shelf.hits.values() if each.cluster == cluster)
            if decision is Decision.UNDO:
                concerned = [each for each in copies if each in self._shelf.decided]
                self._shelf.decided.difference_update(concerned)
            else:
                concerned = copies
                self._shelf.decided.update(concerned)
            self._shelf.decisions[cluster] = decision
            changed = [each for each in concerned if self._move(each, STATUS_AFTER[decision])]
            self._shelf.put([(topic, each) for topic in (Topic.DESK, Topic.INDEX) for each in changed], now)
            return self.get(changed)

    def _move(self, hit: str, status: HitStatus) -> bool:
        known = self._shelf.hits[hit]
        if known.status is status:
            return False
        self._shelf.hits[hit] = replace(known, status=status, revision=known.revision + 1)
        return True


class MemoryHitSearch:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def search(self, query: HitQuery) -> Sequence[str]:
        with self._shelf.lock:
            found = [hit for hit in self._shelf.hits.values() if _fits(hit, query)]
        found.sort(key=lambda hit: hit.id)
        found.sort(key=lambda hit: hit.first_seen, reverse=True)
        return [hit.id for hit in found[query.offset : query.offset + query.limit]]


def _fits(hit: Hit, query: HitQuery) -> bool:
    asked = ((query.site, hit.site), (query.person, hit.person), (query.status, hit.status), (query.tier, hit.tier))
    if any(wanted is not None and wanted != there for wanted, there in asked):
        return False
    haystack = [url.lower() for url in urls(hit)]
    return all(any(word in url for url in haystack) for word in words(query.text))
