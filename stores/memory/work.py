# ruff: noqa: ARG002 – the port's whole signature is taken; memory keeps no reason and no holder
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model import Task, Topic
from stores.memory.shelf import Row, Shelf


class MemoryOutbox:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def due(self, topics: Sequence[Topic], now: datetime, limit: int = 100) -> Sequence[Task]:
        with self._shelf.lock:
            rows = [row for (topic, _), row in self._shelf.outbox.items() if topic in topics]
        waiting = [row for row in rows if row.dead is None and row.task.due <= now]
        waiting.sort(key=lambda row: (row.task.created, row.place))
        return [row.task for row in waiting[:limit]]

    def done(self, tasks: Sequence[int]) -> None:
        with self._shelf.lock:
            self._shelf.take_off(tasks)

    def later(self, task: int, due: datetime, reason: str) -> None:
        with self._shelf.lock:
            row = self._waiting_row(task)
            if row is not None:
                self._keep(replace(row, task=replace(row.task, due=due, attempts=row.task.attempts + 1)))

    def dead(self, task: int, reason: str) -> None:
        with self._shelf.lock:
            row = self._waiting_row(task)
            if row is not None:
                self._keep(replace(row, dead=reason))

    def waiting(self) -> dict[str, int]:
        counts = {"dead": 0}
        with self._shelf.lock:
            for (topic, _), row in self._shelf.outbox.items():
                name = topic.value if row.dead is None else "dead"
                counts[name] = counts.get(name, 0) + 1
        return counts

    def _waiting_row(self, task: int) -> Row | None:
        return next((row for row in self._shelf.outbox.values() if row.task.id == task and row.dead is None), None)

    def _keep(self, row: Row) -> None:
        self._shelf.outbox[row.task.topic, row.task.key] = row


class MemoryJobSlots:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def claim(self, job: str, slot: datetime, holder: str, outgoing: Sequence[tuple[Topic, str]] = ()) -> bool:
        with self._shelf.lock:
            if (job, slot) in self._shelf.slots:
                return False
            self._shelf.slots.add((job, slot))
            self._shelf.put(outgoing, slot)
            return True

    def forget(self, before: datetime) -> None:
        with self._shelf.lock:
            self._shelf.slots = {(job, slot) for job, slot in self._shelf.slots if slot >= before}


class MemoryLeadership:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        now = time.monotonic()
        with self._shelf.lock:
            other, ends = self._shelf.leases.get(name, (holder, 0.0))
            if other != holder and now < ends:
                return False
            self._shelf.leases[name] = (holder, now + ttl_s)
            return True

    def release(self, name: str, holder: str) -> None:
        with self._shelf.lock:
            if self._shelf.leases.get(name, ("", 0.0))[0] == holder:
                del self._shelf.leases[name]
