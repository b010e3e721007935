"""Corners, in somebody else's transaction: that of an enrolment, a withdrawal, or of a person who takes back their choice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from django.db.models import Max, Min

from core.model import PersonId
from stores.rules import unsealed, version_at
from stores.sql.models import EnrolledCorners, EnrolledPicture, RemovedCorners
from stores.vault import SealBroken

ROWS: Final = 500  # fetched at once: each is some kilobytes


class Sealer(Protocol):
    """stores.vault.SealKey, or whatever else keeps the key away from the database. `picture` is the digest of its contents."""

    def seal(self, person: str, picture: str, corners: bytes) -> bytes: ...

    def open(self, person: str, picture: str, sealed: bytes) -> bytes:
        """Raises SealBroken."""
        ...


class _NoSeal:
    def seal(self, person: str, picture: str, corners: bytes) -> bytes:  # noqa: ARG002  # the protocol's whole signature
        raise unsealed()

    def open(self, person: str, picture: str, sealed: bytes) -> bytes:  # noqa: ARG002  # the same
        raise SealBroken


NO_SEAL: Final[Sealer] = _NoSeal()
"""Where corners are neither stored nor read."""


def missing(person: PersonId, corners: Mapping[str, bytes], seal: Sealer) -> Mapping[str, bytes]:
    """Those that are not held as they are, by the contents of their pictures. What does not open any more is to be sealed anew."""
    if not corners:
        return {}
    held = EnrolledCorners.objects.filter(picture__person_id=person).values_list("picture__contents", "sealed")
    known = {
        contents
        for contents, sealed in held.iterator(ROWS)
        if contents in corners and _opens_as(corners[contents], person, contents, bytes(sealed), seal)
    }
    return {contents: each for contents, each in corners.items() if contents not in known}


def _opens_as(corners: bytes, person: PersonId, contents: str, sealed: bytes, seal: Sealer) -> bool:
    try:
        return seal.open(person, contents, sealed) == corners
    except SealBroken:
        return False


def put(person: PersonId, corners: Mapping[str, bytes], seal: Sealer, version: int) -> None:
    """By the contents of their pictures, which are stored already. An entry whose corners changed keeps its number."""
    if not corners:
        return
    pictures = dict(EnrolledPicture.objects.filter(person_id=person).values_list("contents", "id"))
    for contents, each in corners.items():
        EnrolledCorners.objects.update_or_create(
            picture_id=pictures[contents],
            defaults={"sealed": seal.seal(person, contents, each), "version": version},
        )


def held(person: PersonId) -> bool:
    return EnrolledCorners.objects.filter(picture__person_id=person).exists()


def kept(among: Sequence[PersonId] | None) -> Mapping[PersonId, tuple[int, int]]:
    """As People.corners_kept."""
    if among is not None and len(among) > ROWS:
        parts = (kept(among[start : start + ROWS]) for start in range(0, len(among), ROWS))
        return {person: versions for part in parts for person, versions in part.items()}
    rows = EnrolledCorners.objects.all() if among is None else EnrolledCorners.objects.filter(picture__person__in=among)
    spans = rows.values_list("picture__person_id").annotate(Min("version"), Max("version"))
    return {PersonId(person): (oldest, newest) for person, oldest, newest in spans}


def came() -> Sequence[datetime]:
    """As People.corners_came."""
    versions = EnrolledCorners.objects.order_by("version").values_list("version", flat=True).distinct()
    return [version_at(each) for each in versions]


def remove(person: PersonId, version: int) -> int:
    """All of this person's; returns how many."""
    rows = EnrolledCorners.objects.filter(picture__person_id=person)
    entries = list(rows.values_list("id", flat=True))
    RemovedCorners.objects.bulk_create(RemovedCorners(entry=entry, version=version) for entry in entries)
    rows.delete()
    return len(entries)
