from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from core.model import Enrolment, Fingerprint, HashedPicture, NoticeDetails, PersonId, PersonState, Topic
from stores.rules import DEFAULT_THRESHOLDS, contents, enrolments, free_ref, moved_at, unknown_person
from stores.sql.border import sql
from stores.sql.models import EnrolledFingerprint, EnrolledPicture, HashSetVersion, Person, PersonNoticeDetails
from stores.sql.outbox import put


def lock(person: PersonId) -> PersonState:
    """In the caller's transaction: what is done for one person is done one after the other, and a withdrawal comes before or after."""
    state = Person.objects.select_for_update(no_key=True).filter(id=person).values_list("state", flat=True).first()
    return PersonState.UNKNOWN if state is None else PersonState(state)


class SqlPeople:
    def __init__(self, thresholds: Mapping[str, int] = DEFAULT_THRESHOLDS) -> None:
        self._thresholds = thresholds

    @sql()
    def enrol(self, person: PersonId, recipe: str, pictures: Sequence[HashedPicture], now: datetime) -> Sequence[str]:
        with transaction.atomic():
            # Made withdrawn, so that nobody is protected before the transaction is whole.
            Person.objects.get_or_create(
                id=person, defaults={"state": PersonState.WITHDRAWN.value, "enrolled": now, "changed": now}
            )
            state = lock(person)
            taken = dict(EnrolledPicture.objects.filter(person_id=person).values_list("contents", "ref"))
            new = []
            for picture in pictures:
                if contents(picture) not in taken:
                    taken[contents(picture)] = self._store(
                        person, recipe, picture, free_ref(person, picture, taken.values()), now
                    )
                    new.append(picture.ref)
            if state is not PersonState.PROTECTED:
                _move(person, PersonState.PROTECTED, now)
            if new:
                _grow()
            return new

    def _store(self, person: PersonId, recipe: str, picture: HashedPicture, ref: str, now: datetime) -> str:
        made = enrolments(person, ref, picture, self._thresholds)
        row = EnrolledPicture.objects.create(
            person_id=person, ref=ref, contents=contents(picture), recipe=recipe, quality=picture.quality, enrolled=now
        )
        EnrolledFingerprint.objects.bulk_create(
            EnrolledFingerprint(
                picture=row,
                hasher=each.fingerprint.hasher,
                view=each.fingerprint.view,
                bits=each.fingerprint.bits,
                quality=each.fingerprint.quality,
                threshold=each.threshold,
            )
            for each in made
        )
        return ref

    @sql()
    def withdraw(self, person: PersonId, now: datetime) -> None:
        with transaction.atomic():
            state = lock(person)
            if state is PersonState.UNKNOWN:
                raise unknown_person()
            if state is PersonState.WITHDRAWN:
                return
            _move(person, PersonState.WITHDRAWN, now)
            EnrolledFingerprint.objects.filter(picture__person_id=person).delete()
            EnrolledPicture.objects.filter(person_id=person).delete()
            _grow()
            put([(Topic.PERSON, person)], now)

    @sql()
    def state(self, person: PersonId) -> PersonState:
        state = Person.objects.filter(id=person).values_list("state", flat=True).first()
        return PersonState.UNKNOWN if state is None else PersonState(state)

    @sql()
    def protected(self, person: PersonId | None = None) -> Mapping[PersonId, datetime]:
        rows = Person.objects.filter(state=PersonState.PROTECTED.value)
        if person is not None:
            rows = rows.filter(id=person)
        return {PersonId(each): since for each, since in rows.values_list("id", "changed")}


def _move(person: PersonId, state: PersonState, now: datetime) -> None:
    """In the caller's transaction, which holds the person's lock."""
    before = Person.objects.filter(id=person).values_list("changed", flat=True).get()
    Person.objects.filter(id=person).update(state=state.value, changed=moved_at(now, before))


def _grow() -> None:
    """In the same transaction as what changed: a reader that sees the version sees the change."""
    HashSetVersion.objects.update(version=F("version") + 1)


class SqlEnrolledHashes:
    @sql()
    def version(self) -> int:
        return HashSetVersion.objects.values_list("version", flat=True).get()

    @sql()
    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        # One statement sees one state; when the version is the same before and after it, that state is this version's.
        version = self.version()
        while True:
            found = self._read()
            after = self.version()
            if after == version:
                return version, found
            version = after

    def _read(self) -> Sequence[Enrolment]:
        rows = EnrolledFingerprint.objects.filter(picture__person__state=PersonState.PROTECTED.value).order_by("id")
        columns = rows.values_list(
            "picture__person_id", "picture__ref", "hasher", "view", "bits", "quality", "threshold"
        )
        return [
            Enrolment(
                person=PersonId(person),
                ref=ref,
                fingerprint=Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality),
                threshold=threshold,
            )
            for person, ref, hasher, view, bits, quality, threshold in columns
        ]


class SqlNoticeDetails:
    @sql()
    def put(self, person: PersonId, details: NoticeDetails) -> None:
        PersonNoticeDetails.objects.update_or_create(
            person=person,
            defaults={
                "name": details.name,
                "contact": details.contact,
                "capacity": details.capacity,
                "statement": details.statement,
                "signed_at": details.signed_at,
            },
        )

    @sql()
    def details_of(self, person: PersonId) -> NoticeDetails | None:
        row = PersonNoticeDetails.objects.filter(person=person).first()
        if row is None:
            return None
        return NoticeDetails(
            name=row.name, contact=row.contact, capacity=row.capacity, statement=row.statement, signed_at=row.signed_at
        )
