"""What the memory store holds, under one lock: holding it is the transaction."""

import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from core.model import (
    Alert,
    Canary,
    Case,
    CornerRow,
    DayUse,
    Decision,
    Enrolment,
    FoundIn,
    HashName,
    Hit,
    Known,
    NoticeDetails,
    PassRecord,
    PersonId,
    PersonState,
    Quarantine,
    Standing,
    Sweep,
    SweepFind,
    Task,
    Topic,
    Trouble,
    TroubleKind,
)
from stores.rules import AT_ONCE, FOLLOW_A_STATE, next_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An outbox row. `place` keeps the order in which rows came, whatever the task's id became."""

    task: Task
    place: int
    dead: str | None = None  # why it will not be tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTaskRow:
    site: str
    free: float = 0.0  # monotonic: another may take it then
    ticket: str = ""
    done: datetime | None = None
    fingerprints: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRow:
    find: SweepFind
    changed: datetime
    due: float = 0.0  # monotonic
    held: float = 0.0  # monotonic: nobody else looks before then


@dataclass
class Shelf:
    """Change it only under `lock`, and only in ways that cannot fail half-way."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    people: dict[PersonId, PersonState] = field(default_factory=dict)
    moved: dict[PersonId, datetime] = field(default_factory=dict)  # when their state changed last
    version: int = 0  # of the hash set
    versions: set[int] = field(default_factory=set)  # that the hash set has had
    enrolled: dict[tuple[PersonId, str], tuple[int, ...]] = field(default_factory=dict)  # (person, contents) → entries
    entries: dict[int, tuple[Enrolment, int]] = field(
        default_factory=dict
    )  # and the version at which it came or changed
    removed: dict[int, int] = field(default_factory=dict)  # entry → the version at which it went
    recipes: dict[tuple[PersonId, str], str] = field(default_factory=dict)  # (person, contents) → how it was hashed
    corners: dict[tuple[PersonId, str], tuple[CornerRow, int]] = field(
        default_factory=dict
    )  # (person, contents), and the version at which they came or changed
    removed_corners: dict[int, int] = field(default_factory=dict)  # as `removed`
    exchanges: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # key, fetched to
    newest_words: dict[PersonId, int] = field(default_factory=dict)  # of exchanges
    details: dict[PersonId, NoticeDetails] = field(default_factory=dict)
    hits: dict[str, Hit] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)  # the last one of each cluster
    decided: set[str] = field(default_factory=set)  # hits that carry a decision
    outbox: dict[tuple[Topic, str], Row] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    case_of_hit: dict[str, str] = field(default_factory=dict)  # by its location
    alerts: dict[str, Alert] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    passes: dict[str, PassRecord] = field(default_factory=dict)
    known: dict[str, dict[str, Known]] = field(default_factory=dict)  # by site, by URL
    days: dict[tuple[str, date], DayUse] = field(default_factory=dict)
    canaries: dict[str, Canary] = field(default_factory=dict)
    troubles: dict[tuple[str, TroubleKind], Trouble] = field(default_factory=dict)
    slots: set[tuple[str, datetime]] = field(default_factory=set)
    leases: dict[str, tuple[str, float]] = field(default_factory=dict)  # holder, monotonic end
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    sweep_tasks: dict[tuple[str, str], SweepTaskRow] = field(default_factory=dict)  # (sweep, segment)
    finds: dict[str, FindRow] = field(default_factory=dict)
    found_in: dict[HashName, dict[str, FoundIn]] = field(default_factory=dict)  # by sha256, the newest last
    quarantines: dict[HashName, tuple[Quarantine, bool]] = field(default_factory=dict)  # and whether it was released
    negatives: dict[str, tuple[PersonId, str]] = field(default_factory=dict)  # hit → person, bits
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def grow(self) -> int:
        """The next version of the hash set."""
        self.version = next_version(self.version, time.time_ns() // 10**6)
        self.versions.add(self.version)
        return self.version

    def put(self, rows: Iterable[tuple[Topic, str]], now: datetime) -> None:
        """Outbox rows, each at most once while one of the same topic and key waits."""
        for topic, key in rows:
            there = self.outbox.get((topic, key))
            number = next(self.numbers)
            fresh = Task(id=number, topic=topic, key=key, created=now, due=AT_ONCE)
            if there is None or (there.dead is not None and topic not in FOLLOW_A_STATE):
                self.outbox[topic, key] = Row(task=fresh, place=number)
            elif topic in FOLLOW_A_STATE:
                self.outbox[topic, key] = Row(task=replace(fresh, created=there.task.created), place=there.place)

    def take_off(self, tasks: Iterable[int]) -> None:
        done = set(tasks)
        for at, row in list(self.outbox.items()):
            if row.task.id in done:
                del self.outbox[at]

    def with_case(self, hit: Hit) -> Hit:
        case = self.case_of_hit.get(hit.id)
        return hit if case is None else replace(hit, case=case)

    def stop_sweeping_for(self, person: PersonId) -> None:
        gone = {each.id for each in self.sweeps.values() if each.person == person}
        self.sweeps = {id_: each for id_, each in self.sweeps.items() if id_ not in gone}
        self.sweep_tasks = {at: row for at, row in self.sweep_tasks.items() if at[0] not in gone}
        self.finds = {id_: row for id_, row in self.finds.items() if row.find.person != person}

    def forget_collisions_of(self, person: PersonId) -> None:
        self.found_in = {name: each for name, each in self.found_in.items() if name.person != person}
        self.quarantines = {name: each for name, each in self.quarantines.items() if name.person != person}
        self.negatives = {hit: each for hit, each in self.negatives.items() if each[0] != person}

    def stop_sweeping_at(self, site: str) -> None:
        self.sweep_tasks = {at: row for at, row in self.sweep_tasks.items() if row.site != site}
        self.finds = {id_: row for id_, row in self.finds.items() if row.find.sighting.site != site}

    def forget_collisions_at(self, site: str) -> None:
        self.found_in = {
            name: {sha256: each for sha256, each in kept.items() if each.site != site}
            for name, kept in self.found_in.items()
        }
        there = {hit.id for hit in self.hits.values() if hit.site == site}
        self.negatives = {hit: each for hit, each in self.negatives.items() if hit not in there}

    def revoked(self, site: str) -> bool:
        return self.standings.get(site) is Standing.REVOKED
