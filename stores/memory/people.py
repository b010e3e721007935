from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.model import (
    CornerChanges,
    CornerRow,
    EnrolledPicture,
    Enrolment,
    HashChanges,
    HashedPicture,
    HashRow,
    NoticeDetails,
    PersonId,
    PersonState,
    Topic,
)
from stores.memory.shelf import Shelf
from stores.rules import (
    UPRIGHT,
    HashedBy,
    check_threshold,
    contents,
    enrolled_picture,
    enrolments,
    free_ref,
    moved_at,
    older,
    outdated,
    unknown_person,
    unknown_picture,
    version_at,
)


class MemoryPeople:
    def __init__(self, shelf: Shelf, thresholds: Mapping[str, int]) -> None:
        self._shelf = shelf
        self._thresholds = thresholds

    def enrol(self, person: PersonId, recipe: str, pictures: Sequence[HashedPicture], now: datetime) -> Sequence[str]:
        with self._shelf.lock:
            taken = {
                digest: self._shelf.entries[entries[0]][0].ref
                for (owner, digest), entries in self._shelf.enrolled.items()
                if owner == person
            }
            made = {}
            new = []
            for picture in pictures:
                digest = contents(picture)
                if digest not in taken:
                    taken[digest] = free_ref(person, picture, taken.values())
                    made[digest] = enrolments(person, taken[digest], picture, self._thresholds)
                    new.append(picture.ref)
            if self._shelf.people.get(person) is not PersonState.PROTECTED:
                self._move(person, PersonState.PROTECTED, now)
            self._hashed_again(person, recipe, [contents(each) for each in pictures])
            corners = self._missing(person, pictures)
            if made or corners:
                self._keep(person, made, corners)
            return new

    def _hashed_again(self, person: PersonId, recipe: str, digests: Sequence[str]) -> None:
        for digest in digests:
            if older(self._shelf.recipes.setdefault((person, digest), recipe), recipe):
                self._shelf.recipes[person, digest] = recipe

    def _missing(self, person: PersonId, pictures: Sequence[HashedPicture]) -> Mapping[str, bytes]:
        """Corners that are not held as they are, by the contents of their pictures."""
        offered = {contents(each): each.local for each in pictures if each.local is not None}
        held = {digest: row.corners for (owner, digest), (row, _) in self._shelf.corners.items() if owner == person}
        return {digest: each for digest, each in offered.items() if held.get(digest) != each}

    def _keep(self, person: PersonId, made: Mapping[str, Sequence[Enrolment]], corners: Mapping[str, bytes]) -> None:
        version = self._shelf.grow()
        for digest, each in made.items():
            entries = {next(self._shelf.numbers): (enrolment, version) for enrolment in each}
            self._shelf.entries.update(entries)
            self._shelf.enrolled[person, digest] = tuple(entries)
        for digest, points in corners.items():
            known = self._shelf.corners.get((person, digest))
            entry = next(self._shelf.numbers) if known is None else known[0].entry
            self._shelf.corners[person, digest] = (CornerRow(entry, points), version)

    def withdraw(self, person: PersonId, now: datetime) -> None:
        with self._shelf.lock:
            if person not in self._shelf.people:
                raise unknown_person()
            if self._shelf.people[person] is PersonState.WITHDRAWN:
                return
            self._move(person, PersonState.WITHDRAWN, now)
            version = self._shelf.grow()
            for at in [at for at in self._shelf.enrolled if at[0] == person]:
                for entry in self._shelf.enrolled.pop(at):
                    del self._shelf.entries[entry]
                    self._shelf.removed[entry] = version
                del self._shelf.recipes[at]
            self._remove_corners(person, version)
            self._shelf.stop_sweeping_for(person)
            self._shelf.forget_collisions_of(person)
            self._shelf.put([(Topic.PERSON, person)], now)

    def drop_local(self, person: PersonId) -> int:
        with self._shelf.lock:
            if self._shelf.people.get(person) is not PersonState.PROTECTED:
                raise unknown_person()
            if not any(owner == person for owner, _ in self._shelf.corners):
                return 0
            return self._remove_corners(person, self._shelf.grow())

    def corners_kept(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, tuple[int, int]]:
        with self._shelf.lock:
            spans: dict[PersonId, tuple[int, int]] = {}
            for (person, _), (_, version) in self._shelf.corners.items():
                if among is None or person in among:
                    oldest, newest = spans.get(person, (version, version))
                    spans[person] = min(oldest, version), max(newest, version)
            return spans

    def corners_came(self) -> Sequence[datetime]:
        with self._shelf.lock:
            return [version_at(each) for each in sorted({version for _, version in self._shelf.corners.values()})]

    def _remove_corners(self, person: PersonId, version: int) -> int:
        gone = [at for at in self._shelf.corners if at[0] == person]
        for at in gone:
            row, _ = self._shelf.corners.pop(at)
            self._shelf.removed_corners[row.entry] = version
        return len(gone)

    def set_threshold(self, person: PersonId, ref: str | None, hasher: str, threshold: int) -> int:
        check_threshold(hasher, threshold, self._thresholds)
        with self._shelf.lock:
            if self._shelf.people.get(person) is not PersonState.PROTECTED:
                raise unknown_person()
            held = {entry: each for entry, (each, _) in self._shelf.entries.items() if each.person == person}
            if ref is not None:
                held = {entry: each for entry, each in held.items() if each.ref == ref}
                if not held:
                    raise unknown_picture()
            moved = {
                entry: replace(each, threshold=threshold)
                for entry, each in held.items()
                if each.fingerprint.hasher == hasher and each.threshold != threshold
            }
            if moved:
                version = self._shelf.grow()
                self._shelf.entries.update({entry: (each, version) for entry, each in moved.items()})
            return len(moved)

    def state(self, person: PersonId) -> PersonState:
        with self._shelf.lock:
            return self._shelf.people.get(person, PersonState.UNKNOWN)

    def protected(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, datetime]:
        with self._shelf.lock:
            return {
                each: self._shelf.moved[each]
                for each in (self._shelf.people if among is None else among)
                if self._shelf.people.get(each) is PersonState.PROTECTED
            }

    def outdated(self, recipe: str) -> Mapping[PersonId, int]:
        with self._shelf.lock:
            return outdated([self._hashed_by(at, made_by) for at, made_by in self._shelf.recipes.items()], recipe)

    def _hashed_by(self, at: tuple[PersonId, str], recipe: str) -> HashedBy:
        found = (self._shelf.entries[entry][0].fingerprint for entry in self._shelf.enrolled[at])
        return HashedBy(at[0], recipe, frozenset((each.hasher, each.bits) for each in found if each.view == UPRIGHT))

    def _move(self, person: PersonId, state: PersonState, now: datetime) -> None:
        before = self._shelf.moved.get(person)
        self._shelf.moved[person] = now if before is None else moved_at(now, before)
        self._shelf.people[person] = state


class MemoryEnrolledHashes:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def version(self) -> int:
        with self._shelf.lock:
            return self._shelf.version

    def changes(self, since: int) -> HashChanges:
        with self._shelf.lock:
            whole = since == 0 or since not in self._shelf.versions
            after = -1 if whole else since
            return HashChanges(
                version=self._shelf.version,
                changed=[
                    HashRow(entry, each.fingerprint.hasher, each.fingerprint.bits, each.threshold)
                    for entry, (each, version) in self._shelf.entries.items()
                    if version > after
                ],
                removed=[] if whole else [entry for entry, version in self._shelf.removed.items() if version > after],
                whole=whole,
            )

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        with self._shelf.lock:
            return {entry: self._shelf.entries[entry][0] for entry in entries if entry in self._shelf.entries}

    def count(self) -> int:
        with self._shelf.lock:
            return len(self._shelf.entries)

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        with self._shelf.lock:
            return self._shelf.version, [each for each, _ in self._shelf.entries.values()]


class MemoryEnrolledCorners:
    """In plain: nothing is written anywhere."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def version(self) -> int:
        with self._shelf.lock:
            return self._shelf.version

    def corner_changes(self, since: int) -> CornerChanges:
        with self._shelf.lock:
            whole = since == 0 or since not in self._shelf.versions
            after = -1 if whole else since
            removed = self._shelf.removed_corners.items()
            return CornerChanges(
                version=self._shelf.version,
                changed=[row for row, version in self._shelf.corners.values() if version > after],
                removed=[] if whole else [entry for entry, version in removed if version > after],
                whole=whole,
            )

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        with self._shelf.lock:
            pictures = {row.entry: self._shelf.enrolled[at] for at, (row, _) in self._shelf.corners.items()}
            return {
                entry: enrolled_picture([self._shelf.entries[each][0] for each in pictures[entry]])
                for entry in entries
                if entry in pictures
            }


class MemoryNoticeDetails:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def put(self, person: PersonId, details: NoticeDetails) -> None:
        with self._shelf.lock:
            self._shelf.details[person] = details

    def details_of(self, person: PersonId) -> NoticeDetails | None:
        with self._shelf.lock:
            return self._shelf.details.get(person)
