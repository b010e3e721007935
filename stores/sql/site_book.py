from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from core.model import PassRecord, Standing, State
from stores.rules import may_stand, taken_up
from stores.sql import collision_rows, sweep_rows
from stores.sql.border import sql
from stores.sql.models import KnownUrl, SitePass, SiteStanding, StoredCanary

STATES = {state.value: state for state in State}


def standing_of(site: str) -> Standing:
    trail = list(SiteStanding.objects.filter(site=site).order_by("-id").values_list("standing", flat=True))
    if Standing.REVOKED in trail:  # also where a pause that was under way came after it
        return Standing.REVOKED
    return Standing(trail[0]) if trail else Standing.WATCHED


class SqlSiteBook:
    @sql()
    def standing(self, site: str) -> Standing:
        return standing_of(site)

    @sql()
    def set_standing(self, site: str, standing: Standing, by: str, now: datetime) -> None:
        with transaction.atomic():
            may_stand(site, standing_of(site), standing)
            SiteStanding.objects.create(site=site, standing=standing.value, by=by, at=now)
            if standing is Standing.REVOKED:
                sweep_rows.revoked(site)
                collision_rows.revoked(site)
                KnownUrl.objects.filter(site=site).delete()

    @sql()
    def record(self, record: PassRecord) -> None:
        with transaction.atomic():
            row = SitePass.objects.select_for_update().filter(id=record.id).first()
            kept = taken_up(None if row is None else _record(row), record)
            SitePass.objects.update_or_create(
                id=kept.id,
                defaults={
                    "site": kept.site,
                    "started": kept.started,
                    "finished": kept.finished,
                    "pages": {state.value: count for state, count in kept.pages.items()},
                    "images": {state.value: count for state, count in kept.images.items()},
                    "hits": kept.hits,
                    "byte_count": kept.byte_count,
                    "canary": kept.canary,
                    "walled": list(kept.walled),
                    "stopped": kept.stopped,
                    "answered": kept.answered,
                    "failed": kept.failed,
                    "pictures_answered": kept.pictures_answered,
                    "pictures_failed": kept.pictures_failed,
                    "cut_pages": kept.cut_pages,
                },
            )
            if record.canary is not None:
                StoredCanary.objects.filter(site=record.site).update(found=record.canary)

    @sql()
    def passes(self, site: str, limit: int = 20) -> Sequence[PassRecord]:
        return [_record(row) for row in SitePass.objects.filter(site=site).order_by("-started", "-id")[:limit]]


def _record(row: SitePass) -> PassRecord:
    return PassRecord(
        id=row.id,
        site=row.site,
        started=row.started,
        finished=row.finished,
        pages={STATES[state]: count for state, count in row.pages.items()},
        images={STATES[state]: count for state, count in row.images.items()},
        hits=row.hits,
        byte_count=row.byte_count,
        canary=row.canary,
        walled=tuple(row.walled),
        stopped=row.stopped,
        answered=row.answered,
        failed=row.failed,
        pictures_answered=row.pictures_answered,
        pictures_failed=row.pictures_failed,
        cut_pages=row.cut_pages,
    )
