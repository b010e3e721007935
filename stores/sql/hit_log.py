from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from core.model import Added, Decision, Hit, PersonId, PersonState, Topic
from stores.rules import BACK_WHEN_SEEN, STATUS_AFTER, arrives, seen_again, unknown_hit
from stores.sql import hit_rows
from stores.sql.border import sql
from stores.sql.models import ClusterDecision, OutboxRow, StoredHit, StoredLocation
from stores.sql.outbox import put
from stores.sql.people import lock

BLOCK = 500  # hits read at a time


class SqlHitLog:
    @sql()
    def add(self, hit: Hit) -> Added:
        with transaction.atomic():
            if lock(hit.person) is not PersonState.PROTECTED:
                return Added.REFUSED
            known = hit_rows.read([hit.id]).get(hit.id)
            if known is None:
                _store_new(hit)
                return Added.NEW
            _see_again(known, hit)
            return Added.KNOWN

    @sql()
    def get(self, ids: Sequence[str]) -> Sequence[Hit]:
        found: dict[str, Hit] = {}
        for start in range(0, len(ids), BLOCK):
            found |= hit_rows.read(ids[start : start + BLOCK])
        return [found[each] for each in ids if each in found]

    def all(self) -> Iterator[Hit]:
        last = ""
        while True:
            ids = _ids_after(last)
            if not ids:
                return
            yield from self.get(ids)
            last = ids[-1]

    @sql()
    def standing_at(self, site: str) -> Mapping[tuple[str, str], Sequence[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        rows = StoredHit.objects.filter(site=site, person__state=PersonState.PROTECTED.value).order_by("id")
        for image_url, sha256, hit in rows.values_list("image_url", "sha256", "id").iterator(BLOCK):
            found.setdefault((image_url, sha256), []).append(hit)
        return found

    @sql()
    def unhandled(self, limit: int = 100) -> Sequence[Hit]:
        rows = OutboxRow.objects.filter(topic=Topic.DESK.value, dead=False).order_by("created", "id")
        return self.get(list(rows.values_list("key", flat=True)[:limit]))

    @sql()
    def decide(self, hit: str, decision: Decision, by: str, now: datetime) -> Sequence[Hit]:
        with transaction.atomic():
            found = StoredHit.objects.filter(id=hit).values_list("person_id", "cluster").first()
            if found is None:
                raise unknown_hit(hit)
            person, cluster = found
            lock(PersonId(person))
            changed = _decide(cluster, decision)
            if changed or decision not in (Decision.UNDO, _last_decision(cluster)):
                ClusterDecision.objects.create(cluster=cluster, hit=hit, decision=decision.value, by=by, at=now)
            put([(topic, each) for topic in (Topic.DESK, Topic.INDEX) for each in changed], now)
            return self.get(changed)


def _store_new(hit: Hit) -> None:
    decision = _last_decision(hit.cluster)
    hit_rows.insert(arrives(hit, decision), decided=decision in (Decision.CONFIRM, Decision.REJECT))
    put([(Topic.DESK, hit.id), (Topic.INDEX, hit.id)], hit.last_seen)


def _see_again(known: Hit, again: Hit) -> None:
    after = seen_again(known, again)
    if after is not known:
        StoredHit.objects.filter(id=known.id).update(
            last_seen=after.last_seen, found_earlier=after.found_earlier, revision=after.revision
        )
        hit_rows.insert_pages(known.id, after.pages[len(known.pages) :])
        put([(Topic.INDEX, known.id)], again.last_seen)
    if StoredLocation.objects.filter(hit=known.id, state__in=[state.value for state in BACK_WHEN_SEEN]).exists():
        put([(Topic.DESK, known.id)], again.last_seen)


def _decide(cluster: str, decision: Decision) -> Sequence[str]:
    """The ids of the hits whose status changed."""
    copies = StoredHit.objects.filter(cluster=cluster)
    if decision is Decision.UNDO:
        copies = copies.filter(decided=True)
    concerned = list(copies.order_by("id").values_list("id", "status"))
    status = STATUS_AFTER[decision].value
    changed = [each for each, before in concerned if before != status]
    for start in range(0, len(concerned), BLOCK):
        block = [each for each, _ in concerned[start : start + BLOCK]]
        moved = StoredHit.objects.filter(id__in=block)
        moved.exclude(status=status).update(status=status, revision=F("revision") + 1)
        moved.update(decided=decision is not Decision.UNDO)
    return changed


def _last_decision(cluster: str) -> Decision | None:
    last = ClusterDecision.objects.filter(cluster=cluster).order_by("-id").values_list("decision", flat=True).first()
    return None if last is None else Decision(last)


@sql()
def _ids_after(last: str) -> Sequence[str]:
    return list(StoredHit.objects.filter(id__gt=last).order_by("id").values_list("id", flat=True)[:BLOCK])
