import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model import (
    Enrolment,
    FindState,
    PersonState,
    SeenSegment,
    Standing,
    Sweep,
    SweepFind,
    SweepProgress,
    SweepTask,
)
from stores.memory.people import MemoryEnrolledHashes
from stores.memory.shelf import FindRow, Shelf, SweepTaskRow
from stores.rules import belongs, compared_too_early, waits_again


class MemorySweepBoard:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def post(self, sweep: Sweep) -> None:
        with self._shelf.lock:
            self._shelf.sweeps.setdefault(sweep.id, sweep)

    def extend(self, sweep: str, segments: Sequence[SeenSegment], now: datetime) -> None:
        with self._shelf.lock:
            found = self._shelf.sweeps.get(sweep)
            if found is None:
                return
            for each in segments:
                if not belongs(each, found):
                    continue
                row = self._shelf.sweep_tasks.setdefault((sweep, each.name), SweepTaskRow(site=each.site))
                if row.done is not None and compared_too_early(found, row.done, row.fingerprints, each, now):
                    self._shelf.sweep_tasks[sweep, each.name] = replace(row, done=None, ticket="", free=0.0)

    def open(self, since: datetime) -> Sequence[Sweep]:
        with self._shelf.lock:
            unfinished = self._unfinished()
            found = [each for each in self._shelf.sweeps.values() if each.created >= since or each.id in unfinished]
        return sorted(found, key=lambda each: (each.created, each.id))

    def asked(self, sweep: str) -> Sequence[Enrolment]:
        with self._shelf.lock:
            found = self._shelf.sweeps.get(sweep)
            if found is None:
                return []
            _, everybody = MemoryEnrolledHashes(self._shelf).enrolments()
        if found.person is None:
            return everybody
        refs = set(found.refs)
        return [each for each in everybody if each.person == found.person and (not refs or each.ref in refs)]

    def claim(self, lease_s: float, sweep: str | None = None) -> SweepTask | None:
        now = time.monotonic()
        with self._shelf.lock:
            rows = [
                (row.free, at)
                for at, row in self._shelf.sweep_tasks.items()
                if row.done is None and row.free <= now and sweep in (None, at[0])
            ]
            if not rows:
                return None
            _, at = min(rows, key=lambda one: one[0])
            ticket = secrets.token_hex(16)
            row = replace(self._shelf.sweep_tasks[at], ticket=ticket, free=now + lease_s)
            self._shelf.sweep_tasks[at] = row
            since = self._shelf.sweeps[at[0]].since
            return SweepTask(sweep=at[0], segment=at[1], ticket=ticket, since=since, attempts=row.attempts)

    def renew(self, task: SweepTask, lease_s: float) -> bool:
        return self._change(task, free=time.monotonic() + lease_s)

    def done(self, task: SweepTask, fingerprints: int, finds: Sequence[SweepFind], now: datetime) -> bool:
        with self._shelf.lock:
            if not self._change(task, done=now, ticket="", fingerprints=fingerprints):
                return False
            for each in finds:
                protected = self._shelf.people.get(each.person) is PersonState.PROTECTED
                revoked = self._shelf.standings.get(each.sighting.site) is Standing.REVOKED
                if protected and not revoked:
                    self._keep(each, self._shelf.sweeps[task.sweep], now)
            return True

    def later(self, task: SweepTask, wait_s: float) -> None:
        self._change(task, ticket="", free=time.monotonic() + wait_s, attempts=task.attempts + 1)

    def waiting(self) -> int:
        now = time.monotonic()
        with self._shelf.lock:
            return sum(row.done is None and row.free <= now for row in self._shelf.sweep_tasks.values())

    def progress(self, sweep: str) -> SweepProgress:
        now = time.monotonic()
        with self._shelf.lock:
            tasks = [row for (of, _), row in self._shelf.sweep_tasks.items() if of == sweep]
            rows = [row for row in self._shelf.finds.values() if row.find.sweep == sweep]
        return SweepProgress(
            segments=sum(row.done is not None for row in tasks),
            left=sum(row.done is None for row in tasks),
            fingerprints=sum(row.fingerprints for row in tasks),
            under_way=sum(row.done is None and bool(row.ticket) for row in tasks),
            untried=sum(row.done is None and row.attempts == 0 for row in tasks),
            finds=Counter(row.find.state for row in rows),
            looking=sum(row.find.state is FindState.WAITING and row.held > now for row in rows),
        )

    def forget(self, before: datetime) -> None:
        with self._shelf.lock:
            unfinished = self._unfinished()
            gone = {
                each.id for each in self._shelf.sweeps.values() if each.created < before and each.id not in unfinished
            }
            self._shelf.sweeps = {id_: each for id_, each in self._shelf.sweeps.items() if id_ not in gone}
            self._shelf.sweep_tasks = {at: row for at, row in self._shelf.sweep_tasks.items() if at[0] not in gone}
            self._shelf.finds = {
                id_: row
                for id_, row in self._shelf.finds.items()
                if row.find.state is FindState.WAITING or row.changed >= before
            }

    def _unfinished(self) -> set[str]:
        return {of for (of, _), row in self._shelf.sweep_tasks.items() if row.done is None}

    def _change(self, task: SweepTask, **changes: float | str | datetime | None) -> bool:
        with self._shelf.lock:
            row = self._shelf.sweep_tasks.get((task.sweep, task.segment))
            if row is None or row.ticket != task.ticket or row.done is not None:
                return False
            self._shelf.sweep_tasks[task.sweep, task.segment] = replace(row, **changes)  # type: ignore[arg-type]  # named as its fields
            return True

    def _keep(self, find: SweepFind, sweep: Sweep, now: datetime) -> None:
        row = self._shelf.finds.get(find.id)
        if row is None:
            self._shelf.finds[find.id] = FindRow(find=replace(find, sweep=sweep.id), changed=now)
            return
        known = row.find
        seen_at = min(known.sighting.seen_at, find.sighting.seen_at)
        known = replace(known, sweep=sweep.id, sighting=replace(known.sighting, seen_at=seen_at))
        if waits_again(known.state, row.changed, sweep):
            fresh = replace(known, state=FindState.WAITING, attempts=0, reason="")
            self._shelf.finds[find.id] = FindRow(find=fresh, changed=now)
        else:
            self._shelf.finds[find.id] = replace(row, find=known)


class MemorySweepFinds:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def claim(self, lease_s: float, limit: int, sweep: str | None = None) -> Sequence[SweepFind]:
        now = time.monotonic()
        with self._shelf.lock:
            free = {
                id_: row
                for id_, row in self._shelf.finds.items()
                if row.find.state is FindState.WAITING and row.held <= now
            }
            wanted = [row for row in free.values() if row.due <= now and sweep in (None, row.find.sweep)]
            if not wanted:
                return []
            wanted.sort(key=lambda row: (row.due, row.find.sighting.site, row.find.sighting.image_url))
            site = wanted[0].find.sighting.site
            of_site = [row.find.sighting.image_url for row in wanted if row.find.sighting.site == site]
            urls = set(list(dict.fromkeys(of_site))[:limit])
            mine = [
                id_
                for id_, row in free.items()
                if row.find.sighting.site == site and row.find.sighting.image_url in urls
            ]
            for id_ in mine:
                self._shelf.finds[id_] = replace(free[id_], held=now + lease_s)
            return [self._shelf.finds[id_].find for id_ in sorted(mine)]

    def renew(self, finds: Sequence[str], lease_s: float) -> None:
        held = time.monotonic() + lease_s
        with self._shelf.lock:
            for row in self._rows(finds):
                self._shelf.finds[row.find.id] = replace(row, held=held)

    def forget(self, seen_before: datetime) -> None:
        with self._shelf.lock:
            self._shelf.finds = {
                id_: row for id_, row in self._shelf.finds.items() if row.find.sighting.seen_at >= seen_before
            }

    def hasten(self) -> None:
        with self._shelf.lock:
            self._shelf.finds = {id_: replace(row, due=0.0) for id_, row in self._shelf.finds.items()}

    def ended(self, finds: Sequence[str], state: FindState, now: datetime) -> None:
        with self._shelf.lock:
            for row in self._rows(finds):
                self._shelf.finds[row.find.id] = FindRow(find=replace(row.find, state=state, reason=""), changed=now)

    def later(self, finds: Sequence[str], wait_s: float, reason: str, *, counted: bool = True) -> None:
        due = time.monotonic() + wait_s
        with self._shelf.lock:
            for row in self._rows(finds):
                if row.find.state is FindState.WAITING:
                    find = replace(row.find, reason=reason, attempts=row.find.attempts + counted)
                    self._shelf.finds[find.id] = replace(row, find=find, due=due, held=0.0)

    def drop(self, finds: Sequence[str]) -> None:
        with self._shelf.lock:
            for each in finds:
                self._shelf.finds.pop(each, None)

    def waiting(self) -> tuple[int, int]:
        now = time.monotonic()
        with self._shelf.lock:
            rows = [row for row in self._shelf.finds.values() if row.find.state is FindState.WAITING]
        return len(rows), sum(row.due <= now and row.held <= now for row in rows)

    def _rows(self, finds: Sequence[str]) -> list[FindRow]:
        return [self._shelf.finds[each] for each in finds if each in self._shelf.finds]
