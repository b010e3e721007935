import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from core.model import (
    Enrolment,
    Fingerprint,
    HashChanges,
    HashedPicture,
    HashRow,
    NoticeDetails,
    PersonId,
    PersonState,
    Topic,
)
from stores.rules import (
    DEFAULT_THRESHOLDS,
    UPRIGHT,
    HashedBy,
    check_threshold,
    contents,
    enrolments,
    free_ref,
    moved_at,
    next_version,
    older,
    outdated,
    unknown_person,
    unknown_picture,
)
from stores.sql import collision_rows, corner_rows, sweep_rows
from stores.sql.border import sql
from stores.sql.corner_rows import NO_SEAL, Sealer
from stores.sql.models import (
    EnrolledFingerprint,
    EnrolledPicture,
    HashSetVersion,
    PastHashSetVersion,
    Person,
    PersonNoticeDetails,
    RemovedFingerprint,
)
from stores.sql.outbox import put

ROWS: Final = 2000  # fetched at once when all are read
ASKED_AT_ONCE: Final = 500  # ids of one statement: SQLite takes no more than 999 values where it was built long ago


def lock(person: PersonId) -> PersonState:
    """In the caller's transaction: what is done for one person is done one after the other, and a withdrawal comes before or after."""
    state = Person.objects.select_for_update(no_key=True).filter(id=person).values_list("state", flat=True).first()
    return PersonState.UNKNOWN if state is None else PersonState(state)


class SqlPeople:
    def __init__(self, thresholds: Mapping[str, int] = DEFAULT_THRESHOLDS, seal: Sealer = NO_SEAL) -> None:
        self._thresholds = thresholds
        self._seal = seal

    @sql()
    def enrol(self, person: PersonId, recipe: str, pictures: Sequence[HashedPicture], now: datetime) -> Sequence[str]:
        offered = {contents(each): each.local for each in pictures if each.local is not None}
        with transaction.atomic():
            # Made withdrawn, so that nobody is protected before the transaction is whole.
            Person.objects.get_or_create(
                id=person, defaults={"state": PersonState.WITHDRAWN.value, "enrolled": now, "changed": now}
            )
            state = lock(person)
            _hashed_again(person, recipe, pictures)
            unknown = _unknown(person, pictures)
            corners = corner_rows.missing(person, offered, self._seal)
            if state is not PersonState.PROTECTED:
                _move(person, PersonState.PROTECTED, now)
            if unknown or corners:
                version = _grow()
                for ref, picture in unknown.items():
                    self._store(person, recipe, picture, ref, version, now)
                corner_rows.put(person, corners, self._seal, version)
            return [picture.ref for picture in unknown.values()]

    def _store(  # noqa: PLR0917 – what belongs to one row
        self, person: PersonId, recipe: str, picture: HashedPicture, ref: str, version: int, now: datetime
    ) -> None:
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
                version=version,
                time_s=each.fingerprint.time_s,
            )
            for each in made
        )

    @sql()
    def withdraw(self, person: PersonId, now: datetime) -> None:
        with transaction.atomic():
            state = lock(person)
            if state is PersonState.UNKNOWN:
                raise unknown_person()
            if state is PersonState.WITHDRAWN:
                return
            _move(person, PersonState.WITHDRAWN, now)
            version = _grow()
            corner_rows.remove(person, version)
            held = EnrolledFingerprint.objects.filter(picture__person_id=person)
            RemovedFingerprint.objects.bulk_create(
                [RemovedFingerprint(entry=entry, version=version) for entry in held.values_list("id", flat=True)]
            )
            held.delete()
            EnrolledPicture.objects.filter(person_id=person).delete()
            sweep_rows.withdrawn(person)
            collision_rows.withdrawn(person)
            put([(Topic.PERSON, person)], now)

    @sql()
    def drop_local(self, person: PersonId) -> int:
        with transaction.atomic():
            if lock(person) is not PersonState.PROTECTED:
                raise unknown_person()
            return corner_rows.remove(person, _grow()) if corner_rows.held(person) else 0

    @sql()
    def corners_kept(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, tuple[int, int]]:
        return corner_rows.kept(among)

    @sql()
    def corners_came(self) -> Sequence[datetime]:
        return corner_rows.came()

    @sql()
    def set_threshold(self, person: PersonId, ref: str | None, hasher: str, threshold: int) -> int:
        check_threshold(hasher, threshold, self._thresholds)
        with transaction.atomic():
            if lock(person) is not PersonState.PROTECTED:
                raise unknown_person()
            pictures = EnrolledPicture.objects.filter(person_id=person)
            if ref is not None:
                pictures = pictures.filter(ref=ref)
                if not pictures.exists():
                    raise unknown_picture()
            moved = EnrolledFingerprint.objects.filter(picture__in=pictures, hasher=hasher).exclude(threshold=threshold)
            if not moved.exists():
                return 0
            return moved.update(threshold=threshold, version=_grow())

    @sql()
    def state(self, person: PersonId) -> PersonState:
        state = Person.objects.filter(id=person).values_list("state", flat=True).first()
        return PersonState.UNKNOWN if state is None else PersonState(state)

    @sql()
    def protected(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, datetime]:
        protected = Person.objects.filter(state=PersonState.PROTECTED.value).values_list("id", "changed")
        if among is None:
            return {PersonId(each): since for each, since in protected}
        found: dict[PersonId, datetime] = {}
        for start in range(0, len(among), ASKED_AT_ONCE):
            some = protected.filter(id__in=among[start : start + ASKED_AT_ONCE])
            found |= {PersonId(each): since for each, since in some}
        return found

    @sql()
    def outdated(self, recipe: str) -> Mapping[PersonId, int]:
        recipes = list(EnrolledPicture.objects.values_list("recipe", flat=True).distinct())
        old = [each for each in recipes if older(each, recipe)]
        if not old:
            return {}
        concerned = Person.objects.filter(state=PersonState.PROTECTED.value, pictures__recipe__in=old)
        upright = defaultdict(set)
        prints = EnrolledFingerprint.objects.filter(picture__person__in=concerned, view=UPRIGHT)
        for picture, hasher, bits in prints.values_list("picture_id", "hasher", "bits").iterator(ROWS):
            upright[picture].add((hasher, bits))
        held = EnrolledPicture.objects.filter(person__in=concerned).values_list("id", "person_id", "recipe")
        pictures = [HashedBy(PersonId(person), by, frozenset(upright[id_])) for id_, person, by in held.iterator(ROWS)]
        return outdated(pictures, recipe)


def _unknown(person: PersonId, pictures: Sequence[HashedPicture]) -> Mapping[str, HashedPicture]:
    """Those that are not enrolled yet, by the ref that each is to have."""
    taken = dict(EnrolledPicture.objects.filter(person_id=person).values_list("contents", "ref"))
    unknown = {}
    for picture in pictures:
        digest = contents(picture)
        if digest not in taken:
            taken[digest] = free_ref(person, picture, taken.values())
            unknown[taken[digest]] = picture
    return unknown


def _hashed_again(person: PersonId, recipe: str, pictures: Sequence[HashedPicture]) -> None:
    """Pictures of which a newer recipe makes the same hashes are of that recipe from now on."""
    held = EnrolledPicture.objects.filter(person_id=person).values_list("id", "contents", "recipe")
    outgrown = {digest: id_ for id_, digest, made_by in held if older(made_by, recipe)}
    if outgrown:
        again = sorted({outgrown[digest] for digest in map(contents, pictures) if digest in outgrown})
        for start in range(0, len(again), ASKED_AT_ONCE):
            some = EnrolledPicture.objects.filter(id__in=again[start : start + ASKED_AT_ONCE])
            some.update(recipe=recipe)


def _move(person: PersonId, state: PersonState, now: datetime) -> None:
    """In the caller's transaction, which holds the person's lock."""
    before = Person.objects.filter(id=person).values_list("changed", flat=True).get()
    Person.objects.filter(id=person).update(state=state.value, changed=moved_at(now, before))


def _grow() -> int:
    """The next version, in the same transaction as what changes: a reader that sees the version sees the change.

    Call it before the change is written. The row stays locked until the commit, so versions become visible in their order: who asks
    for what came after one of them misses nothing that was still under way.
    """
    last = HashSetVersion.objects.select_for_update().values_list("version", flat=True).get()
    version = next_version(last, time.time_ns() // 10**6)
    HashSetVersion.objects.update(version=version)
    PastHashSetVersion.objects.create(version=version)
    return version


class SqlEnrolledHashes:
    @sql()
    def version(self) -> int:
        return HashSetVersion.objects.values_list("version", flat=True).get()

    @sql()
    def changes(self, since: int) -> HashChanges:
        # The version first and the removals last: what happens between is told at least once, now or by the next call, and an
        # entry that goes between is told as gone after it was told as there.
        version = self.version()
        whole = since == 0 or not PastHashSetVersion.objects.filter(version=since).exists()
        rows = EnrolledFingerprint.objects.all() if whole else EnrolledFingerprint.objects.filter(version__gt=since)
        changed = [
            HashRow(entry, sys.intern(hasher), bits, threshold)
            for entry, hasher, bits, threshold in rows.values_list("id", "hasher", "bits", "threshold").iterator(ROWS)
        ]
        gone = RemovedFingerprint.objects.filter(version__gt=version if whole else since)
        return HashChanges(
            version=version, changed=changed, removed=list(gone.values_list("entry", flat=True)), whole=whole
        )

    @sql()
    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        wanted = list(dict.fromkeys(entries))
        found: dict[int, Enrolment] = {}
        for first in range(0, len(wanted), ASKED_AT_ONCE):
            rows = EnrolledFingerprint.objects.filter(id__in=wanted[first : first + ASKED_AT_ONCE])
            found.update(_protected(rows))
        return found

    @sql()
    def count(self) -> int:
        return EnrolledFingerprint.objects.count()  # a withdrawal deletes them in its own transaction

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
        return [enrolment for _, enrolment in _protected(EnrolledFingerprint.objects.order_by("id"))]


def _protected(rows: "QuerySet[EnrolledFingerprint]") -> Iterator[tuple[int, Enrolment]]:
    """Those of protected people, by entry, in one statement."""
    columns = rows.filter(picture__person__state=PersonState.PROTECTED.value).values_list(
        "id", "picture__person_id", "picture__ref", "hasher", "view", "bits", "quality", "time_s", "threshold"
    )
    for entry, person, ref, hasher, view, bits, quality, time_s, threshold in columns:
        fingerprint = Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality, time_s=time_s)
        yield entry, Enrolment(person=PersonId(person), ref=ref, fingerprint=fingerprint, threshold=threshold)


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
