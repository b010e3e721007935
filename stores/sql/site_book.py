from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from core.model import PassRecord, Standing, State
from stores.sql import collision_rows, sweep_rows
from stores.sql.border import sql
from stores.sql.models import SitePass, SiteStanding

STATES = {state.value: state for state in State}


def standing_of(site: str) -> Standing:
    last = SiteStanding.objects.filter(site=site).order_by("-id").values_list("standing", flat=True).first()
    return Standing.WATCHED if last is None else Standing(last)


class SqlSiteBook:
    @sql()
    def standing(self, site: str) -> Standing:
        return standing_of(site)

    @sql()
    def set_standing(self, site: str, standing: Standing, by: str, now: datetime) -> None:
        with transaction.atomic():
            SiteStanding.objects.create(site=site, standing=standing.value, by=by, at=now)
            if standing is Standing.REVOKED:
                sweep_rows.revoked(site)
                collision_rows.revoked(site)

    @sql()
    def record(self, record: PassRecord) -> None:
        SitePass.objects.update_or_create(
            id=record.id,
            defaults={
                "site": record.site,
                "started": record.started,
                "finished": record.finished,
                "pages": {state.value: count for state, count in record.pages.items()},
                "images": {state.value: count for state, count in record.images.items()},
                "hits": record.hits,
                "byte_count": record.byte_count,
            },
        )

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
    )
