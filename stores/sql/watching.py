from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.db.models import F

from core.model import Canary, DayUse, Fingerprint, Topic, Trouble, TroubleKind
from stores.sql.border import sql
from stores.sql.models import StoredCanary, StoredDay, StoredTrouble
from stores.sql.outbox import put

KINDS = {kind.value: kind for kind in TroubleKind}


class SqlCanaryBook:
    @sql()
    def plant(self, canary: Canary) -> None:
        prints = [
            {"hasher": each.hasher, "view": each.view, "bits": each.bits, "quality": each.quality}
            for each in canary.fingerprints
        ]
        StoredCanary.objects.update_or_create(
            site=canary.site, defaults={"made": canary.made, "fingerprints": prints, "found": canary.found}
        )

    @sql()
    def canary_of(self, site: str) -> Canary | None:
        row = StoredCanary.objects.filter(site=site).first()
        if row is None:
            return None
        prints = tuple(Fingerprint(**each) for each in row.fingerprints)
        return Canary(site=row.site, made=row.made, fingerprints=prints, found=row.found)


class SqlTroubleBook:
    @sql()
    def begin(self, trouble: Trouble, outgoing: Sequence[tuple[Topic, str]] = ()) -> bool:
        with transaction.atomic():
            _, first = StoredTrouble.objects.get_or_create(
                site=trouble.site,
                kind=trouble.kind.value,
                defaults={"id": trouble.id, "reason": trouble.reason, "since": trouble.since},
            )
            if first:
                put(outgoing, trouble.since)
            return first

    @sql()
    def end(self, site: str, kind: TroubleKind) -> bool:
        return StoredTrouble.objects.filter(site=site, kind=kind.value).delete()[0] > 0

    @sql()
    def open(self, site: str | None = None) -> Sequence[Trouble]:
        rows = StoredTrouble.objects.all() if site is None else StoredTrouble.objects.filter(site=site)
        return [
            Trouble(id=row.id, site=row.site, kind=KINDS[row.kind], reason=row.reason, since=row.since)
            for row in rows.order_by("since", "id")
            if row.kind in KINDS  # a newer Stillwatch may know more
        ]


class SqlDailyUse:
    @sql()
    def take(self, site: str, day: date, requests: int, at_most: int) -> int:
        with transaction.atomic():
            row, _ = StoredDay.objects.select_for_update().get_or_create(site=site, day=day)
            granted = max(0, min(requests, at_most - row.requests))
            if granted:
                StoredDay.objects.filter(id=row.id).update(requests=F("requests") + granted)
            return granted

    @sql()
    def count(self, site: str, day: date, *, requests: int = 0, byte_count: int = 0) -> DayUse:
        with transaction.atomic():
            row, _ = StoredDay.objects.select_for_update().get_or_create(site=site, day=day)
            row.requests += requests
            row.byte_count += byte_count
            row.save()
            return _day(row)

    @sql()
    def used(self, site: str, day: date) -> DayUse:
        row = StoredDay.objects.filter(site=site, day=day).first()
        return DayUse() if row is None else _day(row)

    @sql()
    def forget(self, before: date) -> None:
        StoredDay.objects.filter(day__lt=before).delete()


def _day(row: StoredDay) -> DayUse:
    return DayUse(requests=row.requests, byte_count=row.byte_count)
