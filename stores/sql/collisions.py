from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from core.model import FoundIn, HashName, Hit, PersonId, PersonState, Quarantine, Standing
from stores.rules import FOUND_IN_KEPT, unknown_person, unknown_picture
from stores.sql import collision_rows
from stores.sql.border import sql
from stores.sql.collision_rows import AT_A_TIME
from stores.sql.models import (
    EnrolledFingerprint,
    EnrolledPicture,
    NegativePicture,
    StoredFoundIn,
    StoredQuarantine,
)
from stores.sql.people import _grow as grow
from stores.sql.people import lock
from stores.sql.site_book import standing_of


class SqlCollisionBook:
    @sql()
    def note(self, name: HashName, found: FoundIn) -> Sequence[FoundIn]:
        with transaction.atomic():
            if lock(name.person) is not PersonState.PROTECTED:
                return []
            kept = StoredFoundIn.objects.filter(**name._asdict())
            list(kept.select_for_update().order_by("id").values_list("id"))  # see collision_rows
            if standing_of(found.site) is not Standing.REVOKED:
                StoredFoundIn.objects.update_or_create(
                    **name._asdict(),
                    sha256=found.sha256,
                    defaults={"whole": found.whole, "matched": found.matched, "at": found.at, "site": found.site},
                )
            rows = list(kept.order_by("-at", "-id"))
            StoredFoundIn.objects.filter(id__in=[row.id for row in rows[FOUND_IN_KEPT:]]).delete()
        return [_found_in(row) for row in rows[:FOUND_IN_KEPT]]

    @sql()
    def forget_revoked(self) -> int:
        sites = StoredFoundIn.objects.exclude(site="").values_list("site", flat=True).distinct()
        with transaction.atomic():
            return sum(
                collision_rows.forget(StoredFoundIn.objects.filter(site=site))
                for site in sorted(sites)
                if standing_of(site) is Standing.REVOKED
            )

    @sql()
    def quarantine(self, name: HashName, now: datetime) -> bool:
        with transaction.atomic():
            if lock(name.person) is not PersonState.PROTECTED:
                return False
            held = _held(name).exclude(threshold=-1)
            threshold = held.values_list("threshold", flat=True).first()
            known = StoredQuarantine.objects.filter(**name._asdict())
            if threshold is None or known.exclude(released=None).exists():
                return False
            held.update(threshold=-1, version=grow())
            StoredQuarantine.objects.update_or_create(
                **name._asdict(), defaults={"since": now, "threshold": threshold, "released": None}
            )
            return True

    @sql()
    def quarantined(self) -> Sequence[Quarantine]:
        at = {"picture__person_id": OuterRef("person"), "picture__ref": OuterRef("ref")}
        held = EnrolledFingerprint.objects.filter(
            **at, hasher=OuterRef("hasher"), view=OuterRef("view"), threshold=-1
        )  # a threshold that somebody set since holds
        rows = StoredQuarantine.objects.filter(Exists(held), released=None).order_by("since", "id")
        return [
            Quarantine(
                name=HashName(PersonId(row.person), row.ref, row.hasher, row.view),
                since=row.since,
                threshold=row.threshold,
            )
            for row in rows
        ]

    @sql()
    def release(self, person: PersonId, ref: str, now: datetime) -> int:
        with transaction.atomic():
            if lock(person) is not PersonState.PROTECTED:
                raise unknown_person()
            if not EnrolledPicture.objects.filter(person_id=person, ref=ref).exists():
                raise unknown_picture()
            rows = list(StoredQuarantine.objects.filter(person=person, ref=ref, released=None))
            version = grow() if rows else 0
            count = 0
            for row in rows:
                held = _held(HashName(person, ref, row.hasher, row.view)).filter(threshold=-1)
                count += held.update(threshold=row.threshold, version=version)
            StoredQuarantine.objects.filter(id__in=[row.id for row in rows]).update(released=now)
            return count


def _found_in(row: StoredFoundIn) -> FoundIn:
    return FoundIn(sha256=row.sha256, whole=row.whole, matched=row.matched, at=row.at, site=row.site)


def _held(name: HashName) -> "QuerySet[EnrolledFingerprint]":
    return EnrolledFingerprint.objects.filter(
        picture__person_id=name.person, picture__ref=name.ref, hasher=name.hasher, view=name.view
    )


class SqlNegativeBank:
    @sql()
    def add(self, hit: Hit, now: datetime) -> bool:
        with transaction.atomic():
            if lock(hit.person) is not PersonState.PROTECTED or standing_of(hit.site) is Standing.REVOKED:
                return False
            found = StoredFoundIn.objects.filter(person=hit.person, sha256=hit.sha256).exclude(whole="")
            bits = found.order_by("-at", "-id").values_list("whole", flat=True).first()
            if bits is None:
                return False
            NegativePicture.objects.update_or_create(
                hit=hit.id, defaults={"person": hit.person, "bits": bits, "at": now}
            )
            return True

    @sql()
    def take_out(self, hits: Sequence[str]) -> None:
        for start in range(0, len(hits), AT_A_TIME):
            NegativePicture.objects.filter(hit__in=hits[start : start + AT_A_TIME]).delete()

    @sql()
    def pictures(self) -> Sequence[str]:
        return list(NegativePicture.objects.order_by("at", "hit").values_list("bits", flat=True))
