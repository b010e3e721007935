from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from django.db.models import Count, F

from core.model import Task, Topic
from stores.rules import AT_ONCE, FOLLOW_A_STATE
from stores.sql.border import sql
from stores.sql.models import OutboxRow

T = TypeVar("T")

AT_A_TIME = 500  # rows in one statement: SQLite counts its parameters


def put(rows: Iterable[tuple[Topic, str]], now: datetime) -> None:
    """In the caller's transaction: outbox rows, each at most once while one of the same topic and key waits."""
    wanted = sorted(set(rows))  # always in one order, so that two transactions never wait for each other's rows
    for block in _blocks([each for each in wanted if each[0] in FOLLOW_A_STATE]):
        OutboxRow.objects.bulk_create(
            _fresh(block, now),
            update_conflicts=True,
            unique_fields=["topic", "key"],
            update_fields=["ticket", "due", "attempts", "dead", "reason"],
        )
    for block in _blocks([each for each in wanted if each[0] not in FOLLOW_A_STATE]):
        for topic, key in block:
            OutboxRow.objects.filter(topic=topic.value, key=key, dead=True).delete()
        OutboxRow.objects.bulk_create(_fresh(block, now), ignore_conflicts=True)


def _fresh(rows: Iterable[tuple[Topic, str]], now: datetime) -> list[OutboxRow]:
    return [OutboxRow(topic=topic.value, key=key, created=now, due=AT_ONCE) for topic, key in rows]


def _blocks(things: Sequence[T]) -> Iterable[Sequence[T]]:
    return (things[start : start + AT_A_TIME] for start in range(0, len(things), AT_A_TIME))


def take_off(tickets: Collection[int]) -> None:
    """In the caller's transaction. Rows that were renewed meanwhile have another ticket, and stay."""
    for some in _blocks(sorted(tickets)):
        OutboxRow.objects.filter(ticket__in=some).delete()


class SqlOutbox:
    @sql()
    def due(self, topics: Sequence[Topic], now: datetime, limit: int = 100) -> Sequence[Task]:
        rows = OutboxRow.objects.filter(topic__in=[topic.value for topic in topics], dead=False, due__lte=now)
        return [_task(row) for row in rows.order_by("created", "id")[:limit]]

    @sql()
    def done(self, tasks: Sequence[int]) -> None:
        take_off(tasks)

    @sql()
    def later(self, task: int, due: datetime, reason: str) -> None:
        OutboxRow.objects.filter(ticket=task, dead=False).update(due=due, attempts=F("attempts") + 1, reason=reason)

    @sql()
    def dead(self, task: int, reason: str) -> None:
        OutboxRow.objects.filter(ticket=task, dead=False).update(dead=True, reason=reason)

    @sql()
    def waiting(self) -> dict[str, int]:
        counts = {"dead": 0}
        for topic, dead, count in OutboxRow.objects.values_list("topic", "dead").annotate(count=Count("id")).order_by():
            name = "dead" if dead else topic
            counts[name] = counts.get(name, 0) + count
        return counts


def _task(row: OutboxRow) -> Task:
    return Task(
        id=row.ticket, topic=Topic(row.topic), key=row.key, created=row.created, due=row.due, attempts=row.attempts
    )
