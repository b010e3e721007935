"""A store of enrolled hashes to compare an index with: obvious, and one that can be set back to what it was."""

import copy
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.errors import StoreUnavailable
from core.model import Enrolment, Fingerprint, HashChanges, HashRow, Match, PersonId
from matcher import confirm

CLOCK = itertools.count(10**12)  # no version comes twice, whatever is restored


@dataclass
class Kept:
    version: int = 0
    past: set[int] = field(default_factory=set)
    next_entry: int = 1
    held: dict[int, tuple[Enrolment, int]] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)


class Store:
    """Implements core.ports.EnrolledHashes."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.down = False
        self.asked: list[str] = []

    # --- what people do

    def enrol(self, person: str, bits: Iterable[str], *, threshold: int = 31, hasher: str = "pdq") -> None:
        version = self._grow()
        for each in bits:
            entry, self.kept.next_entry = self.kept.next_entry, self.kept.next_entry + 1
            print_ = Fingerprint(hasher=hasher, view="full", bits=each, quality=90)
            made = Enrolment(person=PersonId(person), ref=f"ref-{entry}", fingerprint=print_, threshold=threshold)
            self.kept.held[entry] = (made, version)

    def withdraw(self, person: str) -> None:
        version = self._grow()
        for entry in [entry for entry, (each, _) in self.kept.held.items() if each.person == person]:
            del self.kept.held[entry]
            self.kept.gone[entry] = version

    def set_threshold(self, person: str, threshold: int) -> None:
        version = self._grow()
        for entry, (each, _) in list(self.kept.held.items()):
            if each.person == person:
                self.kept.held[entry] = (replace(each, threshold=threshold), version)

    def backup(self) -> Kept:
        return copy.deepcopy(self.kept)

    def restore(self, backup: Kept) -> None:
        """Entry numbers that were given since are given again."""
        self.kept = copy.deepcopy(backup)

    def _grow(self) -> int:
        self.kept.version = next(CLOCK)
        self.kept.past.add(self.kept.version)
        return self.kept.version

    # --- what a matcher asks

    def version(self) -> int:
        self._answer("version")
        return self.kept.version

    def changes(self, since: int) -> HashChanges:
        self._answer("changes")
        whole = since not in self.kept.past
        rows = [
            HashRow(entry, each.fingerprint.hasher, each.fingerprint.bits, each.threshold)
            for entry, (each, version) in self.kept.held.items()
            if whole or version > since
        ]
        gone = [] if whole else [entry for entry, version in self.kept.gone.items() if version > since]
        return HashChanges(version=self.kept.version, changed=rows, removed=gone, whole=whole)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        self._answer("get")
        return {entry: self.kept.held[entry][0] for entry in entries if entry in self.kept.held}

    def count(self) -> int:
        return len(self.kept.held)

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return self.kept.version, [each for each, _ in self.kept.held.values()]

    def _answer(self, question: str) -> None:
        self.asked.append(question)
        if self.down:
            raise StoreUnavailable("the database does not answer: start it")


def matches(store: Store, seen: Sequence[Fingerprint]) -> list[tuple[str, str, int]]:
    """Every pair compared: (view of what was seen, ref, distance)."""
    found = []
    for print_, (each, _) in itertools.product(seen, store.kept.held.values()):
        if each.fingerprint.hasher == print_.hasher:
            distance = (int(each.fingerprint.bits, 16) ^ int(print_.bits, 16)).bit_count()
            if distance <= each.threshold and distance <= confirm.farthest(print_.hasher):
                found.append((print_.view, each.ref, distance))
    return sorted(found)


def as_found(found: Iterable[Match]) -> list[tuple[str, str, int]]:
    return sorted((each.seen.view, each.enrolment.ref, each.distance) for each in found)
