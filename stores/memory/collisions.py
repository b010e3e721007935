from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model import FoundIn, HashName, Hit, PersonId, PersonState, Quarantine
from stores.memory.shelf import Shelf
from stores.rules import FOUND_IN_KEPT, unknown_person, unknown_picture


class MemoryCollisionBook:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def note(self, name: HashName, found: FoundIn) -> Sequence[FoundIn]:
        with self._shelf.lock:
            if not _protected(self._shelf, name.person):
                return []
            kept = self._shelf.found_in.setdefault(name, {})
            if not self._shelf.revoked(found.site):
                kept.pop(found.sha256, None)
                kept[found.sha256] = found
            newest = sorted(kept.values(), key=lambda each: each.at)[-FOUND_IN_KEPT:]  # of one moment the later call
            self._shelf.found_in[name] = {each.sha256: each for each in newest}
            return newest[::-1]

    def forget_revoked(self) -> int:
        """Nothing: here no revocation comes between the look at a site's standing and the writing."""
        return 0

    def quarantine(self, name: HashName, now: datetime) -> bool:
        with self._shelf.lock:
            entry = self._entry(name)
            if entry is None or self._shelf.entries[entry][0].threshold < 0:
                return False
            if name in self._shelf.quarantines and self._shelf.quarantines[name][1]:
                return False
            before = self._shelf.entries[entry][0].threshold
            self._set({entry: -1})
            self._shelf.quarantines[name] = Quarantine(name=name, since=now, threshold=before), False
            return True

    def quarantined(self) -> Sequence[Quarantine]:
        with self._shelf.lock:
            held = [each for each, released in self._shelf.quarantines.values() if not released]
            return sorted((each for each in held if self._matches_nothing(each.name)), key=lambda each: each.since)

    def release(self, person: PersonId, ref: str, now: datetime) -> int:  # noqa: ARG002 – memory does not keep when
        with self._shelf.lock:
            if not _protected(self._shelf, person):
                raise unknown_person()
            if not any(each.person == person and each.ref == ref for each, _ in self._shelf.entries.values()):
                raise unknown_picture()
            held = {
                name: each
                for name, (each, released) in self._shelf.quarantines.items()
                if not released and (name.person, name.ref) == (person, ref)
            }
            freed = {
                entry: each.threshold
                for name, each in held.items()
                if self._matches_nothing(name) and (entry := self._entry(name)) is not None
            }
            self._set(freed)
            self._shelf.quarantines.update({name: (each, True) for name, each in held.items()})
            return len(freed)

    def _entry(self, name: HashName) -> int | None:
        for entry, (each, _) in self._shelf.entries.items():
            if HashName(each.person, each.ref, each.fingerprint.hasher, each.fingerprint.view) == name:
                return entry
        return None

    def _matches_nothing(self, name: HashName) -> bool:
        entry = self._entry(name)
        return entry is not None and self._shelf.entries[entry][0].threshold == -1

    def _set(self, thresholds: dict[int, int]) -> None:
        if thresholds:
            version = self._shelf.grow()
            for entry, threshold in thresholds.items():
                self._shelf.entries[entry] = replace(self._shelf.entries[entry][0], threshold=threshold), version


class MemoryNegativeBank:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def add(self, hit: Hit, now: datetime) -> bool:  # noqa: ARG002 – memory does not keep when
        with self._shelf.lock:
            if not _protected(self._shelf, hit.person) or self._shelf.revoked(hit.site):
                return False
            found = [
                kept[hit.sha256]
                for name, kept in self._shelf.found_in.items()
                if name.person == hit.person and hit.sha256 in kept and kept[hit.sha256].whole
            ]
            if found:
                self._shelf.negatives[hit.id] = hit.person, max(found, key=lambda each: each.at).whole
            return bool(found)

    def take_out(self, hits: Sequence[str]) -> None:
        with self._shelf.lock:
            for hit in hits:
                self._shelf.negatives.pop(hit, None)

    def pictures(self) -> Sequence[str]:
        with self._shelf.lock:
            return [bits for _, bits in self._shelf.negatives.values()]


def _protected(shelf: Shelf, person: PersonId) -> bool:
    return shelf.people.get(person) is PersonState.PROTECTED
