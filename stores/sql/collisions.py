from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from core.model import FoundIn, HashName, Hit, PersonId, PersonState, Quarantine
from stores.rules import FOUND_IN_KEPT, unknown_person, unknown_picture
from stores.sql.border import sql
from stores.sql.models import (
    EnrolledFingerprint,
    EnrolledPicture,
    NegativePicture,
    StoredFoundIn,
    StoredQuarantine,
)
from stores.sql.people import _grow as grow
from stores.sql.people import lock

AT_A_TIME = 500  # ids in one statement: SQLite counts its parameters


class SqlCollisionBook:
    @sql()
    def note(self, name: HashName, found: FoundIn) -> Sequence[FoundIn]:
        with transaction.atomic():
            if lock(name.person) is not PersonState.PROTECTED:
                return []
            StoredFoundIn.objects.update_or_create(
                **name._asdict(),
                sha256=found.sha256,
                defaults={"whole": found.whole, "matched": found.matched, "at": found.at},
            )
            rows = list(StoredFoundIn.objects.filter(**name._asdict()).order_by("-at", "-id"))
            StoredFoundIn.objects.filter(id__in=[row.id for row in rows[FOUND_IN_KEPT:]]).delete()
        return [
            FoundIn(sha256=row.sha256, whole=row.whole, matched=row.matched, at=row.at) for row in rows[:FOUND_IN_KEPT]
        ]

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


def _held(name: HashName) -> "QuerySet[EnrolledFingerprint]":
    return EnrolledFingerprint.objects.filter(
        picture__person_id=name.person, picture__ref=name.ref, hasher=name.hasher, view=name.view
    )


class SqlNegativeBank:
    @sql()
    def add(self, hit: Hit, now: datetime) -> bool:
        with transaction.atomic():
            if lock(hit.person) is not PersonState.PROTECTED:
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
