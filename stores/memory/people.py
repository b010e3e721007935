# ruff: noqa: ARG002 – the port's whole signature is taken; memory keeps no recipe
from collections.abc import Mapping, Sequence
from datetime import datetime

from core.model import Enrolment, HashedPicture, NoticeDetails, PersonId, PersonState, Topic
from stores.memory.shelf import Shelf
from stores.rules import contents, enrolments, free_ref, moved_at, unknown_person


class MemoryPeople:
    def __init__(self, shelf: Shelf, thresholds: Mapping[str, int]) -> None:
        self._shelf = shelf
        self._thresholds = thresholds

    def enrol(self, person: PersonId, recipe: str, pictures: Sequence[HashedPicture], now: datetime) -> Sequence[str]:
        with self._shelf.lock:
            mine = {digest: made for (owner, digest), made in self._shelf.enrolled.items() if owner == person}
            new = []
            for picture in pictures:
                digest = contents(picture)
                if digest not in mine:
                    ref = free_ref(person, picture, {made[0].ref for made in mine.values()})
                    mine[digest] = enrolments(person, ref, picture, self._thresholds)
                    new.append(picture.ref)
            self._shelf.enrolled.update({(person, digest): made for digest, made in mine.items()})
            if self._shelf.people.get(person) is not PersonState.PROTECTED:
                self._move(person, PersonState.PROTECTED, now)
            self._shelf.version += bool(new)
            return new

    def withdraw(self, person: PersonId, now: datetime) -> None:
        with self._shelf.lock:
            if person not in self._shelf.people:
                raise unknown_person()
            if self._shelf.people[person] is PersonState.WITHDRAWN:
                return
            self._move(person, PersonState.WITHDRAWN, now)
            for at in [at for at in self._shelf.enrolled if at[0] == person]:
                del self._shelf.enrolled[at]
            self._shelf.version += 1
            self._shelf.put([(Topic.PERSON, person)], now)

    def state(self, person: PersonId) -> PersonState:
        with self._shelf.lock:
            return self._shelf.people.get(person, PersonState.UNKNOWN)

    def protected(self, person: PersonId | None = None) -> Mapping[PersonId, datetime]:
        with self._shelf.lock:
            return {
                each: self._shelf.moved[each]
                for each, state in self._shelf.people.items()
                if state is PersonState.PROTECTED and person in (None, each)
            }

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

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        with self._shelf.lock:
            return self._shelf.version, [each for picture in self._shelf.enrolled.values() for each in picture]


class MemoryNoticeDetails:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def put(self, person: PersonId, details: NoticeDetails) -> None:
        with self._shelf.lock:
            self._shelf.details[person] = details

    def details_of(self, person: PersonId) -> NoticeDetails | None:
        with self._shelf.lock:
            return self._shelf.details.get(person)
