from collections.abc import Sequence

from django.db import transaction

from core.model import Canary, Fingerprint, Topic, Trouble, TroubleKind
from stores.sql.border import sql
from stores.sql.models import StoredCanary, StoredTrouble
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
