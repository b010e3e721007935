"""Sweeps, their tasks and finds. Leases run by the database's clock, so that machines need not agree on the time."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Now

from core.model import (
    Enrolment,
    FindState,
    Fingerprint,
    ImageSighting,
    PersonId,
    PersonState,
    SeenSegment,
    Standing,
    Sweep,
    SweepFind,
    SweepProgress,
    SweepTask,
)
from stores.rules import AT_ONCE, belongs, compared_too_early, waits_again
from stores.sql.border import sql
from stores.sql.models import (
    EnrolledFingerprint,
    StoredSweep,
    StoredSweepFind,
    StoredSweepTask,
)
from stores.sql.people import lock
from stores.sql.site_book import standing_of

AT_A_TIME = 500  # rows in one statement: SQLite counts its parameters
CLAIMED_AT_MOST = 50  # times in a row, where others are always faster
WAITING = FindState.WAITING.value


class SqlSweepBoard:
    @sql()
    def post(self, sweep: Sweep) -> None:
        StoredSweep.objects.bulk_create(
            [
                StoredSweep(
                    id=sweep.id,
                    created=sweep.created,
                    since=sweep.since,
                    person=sweep.person or "",
                    refs=list(sweep.refs),
                )
            ],
            ignore_conflicts=True,
        )

    @sql()
    def extend(self, sweep: str, segments: Sequence[SeenSegment], now: datetime) -> None:
        with transaction.atomic():
            found = _sweep(sweep)
            if found is None:
                return
            wanted = [each for each in segments if belongs(each, found)]
            known = {
                segment: (done, fingerprints)
                for segment, done, fingerprints in StoredSweepTask.objects.filter(sweep_id=sweep).values_list(
                    "segment", "done", "fingerprints"
                )
            }
            StoredSweepTask.objects.bulk_create(
                [
                    StoredSweepTask(sweep_id=sweep, segment=each.name, site=each.site, free=AT_ONCE)
                    for each in wanted
                    if each.name not in known
                ],
                ignore_conflicts=True,
                batch_size=100,
            )
            for each in wanted:
                done, fingerprints = known.get(each.name, (None, 0))
                if done is not None and compared_too_early(found, done, fingerprints, each, now):
                    StoredSweepTask.objects.filter(sweep_id=sweep, segment=each.name, done=done).update(
                        done=None, ticket="", free=AT_ONCE
                    )

    @sql()
    def open(self, since: datetime) -> Sequence[Sweep]:
        unfinished = StoredSweepTask.objects.filter(done=None).values("sweep_id")
        rows = StoredSweep.objects.filter(Q(created__gte=since) | Q(id__in=unfinished))
        return [_read(row) for row in rows.order_by("created", "id")]

    @sql()
    def asked(self, sweep: str) -> Sequence[Enrolment]:
        found = _sweep(sweep)
        if found is None:
            return []
        rows = EnrolledFingerprint.objects.filter(picture__person__state=PersonState.PROTECTED.value)
        if found.person is None:
            return _enrolments(rows)
        rows = rows.filter(picture__person_id=found.person)
        if not found.refs:
            return _enrolments(rows)
        blocks = (found.refs[start : start + AT_A_TIME] for start in range(0, len(found.refs), AT_A_TIME))
        return [each for block in blocks for each in _enrolments(rows.filter(picture__ref__in=block))]

    @sql()
    def claim(self, lease_s: float, sweep: str | None = None) -> SweepTask | None:
        free = StoredSweepTask.objects.filter(done=None, free__lte=Now())
        if sweep is not None:
            free = free.filter(sweep_id=sweep)
        while True:
            found = (
                free.order_by("free", "id").values_list("id", "sweep_id", "segment", "sweep__since", "attempts").first()
            )
            if found is None:
                return None
            row, of, segment, since, attempts = found
            ticket = secrets.token_hex(16)
            # Another may have taken it between the two statements: then the next one is tried.
            if free.filter(id=row).update(ticket=ticket, free=Now() + timedelta(seconds=lease_s)):
                return SweepTask(sweep=of, segment=segment, ticket=ticket, since=since, attempts=attempts)

    @sql()
    def renew(self, task: SweepTask, lease_s: float) -> bool:
        return bool(_held(task).update(free=Now() + timedelta(seconds=lease_s)))

    @sql()
    def done(self, task: SweepTask, fingerprints: int, finds: Sequence[SweepFind], now: datetime) -> bool:
        with transaction.atomic():
            # In the order in which a withdrawal locks: the person, the task, the finds. A revocation deletes the task before the
            # site's finds, so it comes before or after as well.
            people = {person: lock(person) for person in sorted({each.person for each in finds})}
            if not _held(task).update(done=now, ticket="", fingerprints=fingerprints):
                return False
            found = _sweep(task.sweep)
            assert found is not None, "its task hangs on it"
            sites = {site: standing_of(site) for site in {each.sighting.site for each in finds}}
            for each in sorted(finds, key=lambda find: find.id):
                if people[each.person] is PersonState.PROTECTED and sites[each.sighting.site] is not Standing.REVOKED:
                    _keep(each, found, now)
            return True

    @sql()
    def later(self, task: SweepTask, wait_s: float) -> None:
        _held(task).update(ticket="", free=Now() + timedelta(seconds=wait_s), attempts=F("attempts") + 1)

    @sql()
    def waiting(self) -> int:
        return StoredSweepTask.objects.filter(done=None, free__lte=Now()).count()

    @sql()
    def progress(self, sweep: str) -> SweepProgress:
        tasks = StoredSweepTask.objects.filter(sweep_id=sweep)
        counts = tasks.aggregate(
            compared=Count("id", filter=Q(done__isnull=False)),
            left=Count("id", filter=Q(done=None)),
            under_way=Count("id", filter=Q(done=None) & ~Q(ticket="")),
            untried=Count("id", filter=Q(done=None, attempts=0)),
            of=Sum("fingerprints"),
        )
        finds = StoredSweepFind.objects.filter(sweep=sweep)
        by_state = finds.values_list("state").annotate(count=Count("id")).order_by()
        return SweepProgress(
            segments=counts["compared"],
            left=counts["left"],
            fingerprints=counts["of"] or 0,
            under_way=counts["under_way"],
            untried=counts["untried"],
            finds={FindState(state): count for state, count in by_state},
            looking=finds.filter(state=WAITING, held__gt=Now()).count(),
        )

    @sql()
    def forget(self, before: datetime) -> None:
        unfinished = StoredSweepTask.objects.filter(done=None).values("sweep_id")
        StoredSweep.objects.filter(created__lt=before).exclude(id__in=unfinished).delete()
        StoredSweepFind.objects.filter(changed__lt=before).exclude(state=WAITING).delete()


def _sweep(sweep: str) -> Sweep | None:
    row = StoredSweep.objects.filter(id=sweep).first()
    return None if row is None else _read(row)


def _read(row: StoredSweep) -> Sweep:
    return Sweep(
        id=row.id,
        created=row.created,
        since=row.since,
        person=PersonId(row.person) if row.person else None,
        refs=tuple(row.refs),
    )


def _enrolments(rows: "QuerySet[EnrolledFingerprint]") -> list[Enrolment]:
    columns = rows.order_by("id").values_list(
        "picture__person_id", "picture__ref", "hasher", "view", "bits", "quality", "time_s", "threshold"
    )
    return [
        Enrolment(
            person=PersonId(person),
            ref=ref,
            fingerprint=Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality, time_s=time_s),
            threshold=threshold,
        )
        for person, ref, hasher, view, bits, quality, time_s, threshold in columns
    ]


def _held(task: SweepTask) -> "QuerySet[StoredSweepTask]":
    return StoredSweepTask.objects.filter(sweep_id=task.sweep, segment=task.segment, ticket=task.ticket, done=None)


def _keep(find: SweepFind, sweep: Sweep, now: datetime) -> None:
    known = StoredSweepFind.objects.select_for_update(no_key=True).filter(id=find.id).first()
    if known is None:
        StoredSweepFind.objects.create(
            id=find.id,
            sweep=sweep.id,
            person=find.person,
            site=find.sighting.site,
            page_url=find.sighting.page_url,
            image_url=find.sighting.image_url,
            sha256=find.sha256,
            seen_at=find.sighting.seen_at,
            state=WAITING,
            changed=now,
            due=AT_ONCE,
            held=AT_ONCE,
        )
        return
    # The earliest sighting says since when it was there.
    changes: dict[str, object] = {"sweep": sweep.id, "seen_at": min(known.seen_at, find.sighting.seen_at)}
    if waits_again(FindState(known.state), known.changed, sweep):
        changes |= {"state": WAITING, "changed": now, "due": AT_ONCE, "held": AT_ONCE, "attempts": 0, "reason": ""}
    StoredSweepFind.objects.filter(id=find.id).update(**changes)


class SqlSweepFinds:
    @sql()
    def claim(self, lease_s: float, limit: int, sweep: str | None = None) -> Sequence[SweepFind]:
        mine: Sequence[SweepFind] | None = ()
        for _ in range(CLAIMED_AT_MOST):
            mine = _claim(lease_s, limit, sweep)
            if mine is None or mine:
                break
            time.sleep(0.02)  # another was faster with these: there may be more
        return mine or ()

    @sql()
    def renew(self, finds: Sequence[str], lease_s: float) -> None:
        with _locked(finds) as rows:
            rows.filter(state=WAITING).update(held=Now() + timedelta(seconds=lease_s))

    @sql()
    def forget(self, seen_before: datetime) -> None:
        StoredSweepFind.objects.filter(seen_at__lt=seen_before).delete()

    @sql()
    def hasten(self) -> None:
        StoredSweepFind.objects.filter(state=WAITING).update(due=AT_ONCE)

    @sql()
    def ended(self, finds: Sequence[str], state: FindState, now: datetime) -> None:
        with _locked(finds) as rows:
            rows.update(state=state.value, changed=now, reason="", held=AT_ONCE)

    @sql()
    def later(self, finds: Sequence[str], wait_s: float, reason: str, *, counted: bool = True) -> None:
        with _locked(finds) as rows:
            rows.filter(state=WAITING).update(
                due=Now() + timedelta(seconds=wait_s),
                held=AT_ONCE,
                reason=reason,
                attempts=F("attempts") + int(counted),
            )

    @sql()
    def drop(self, finds: Sequence[str]) -> None:
        with _locked(finds) as rows:
            rows.delete()

    @sql()
    def waiting(self) -> tuple[int, int]:
        rows = StoredSweepFind.objects.filter(state=WAITING)
        return rows.count(), rows.filter(due__lte=Now(), held__lte=Now()).count()


def _claim(lease_s: float, limit: int, sweep: str | None) -> Sequence[SweepFind] | None:
    """None: nothing is due. Empty: others took what was."""
    with transaction.atomic():
        free = StoredSweepFind.objects.filter(state=WAITING, held__lte=Now())
        wanted = free.filter(due__lte=Now())
        if sweep is not None:
            wanted = wanted.filter(sweep=sweep)
        first = wanted.order_by("due", "site", "id").values_list("site", flat=True).first()
        if first is None:
            return None
        by_url = wanted.filter(site=first).values_list("image_url", flat=True).annotate(oldest=Min("due"))
        urls = list(by_url.order_by("oldest", "image_url")[:limit])
        # Locked in one order, as everybody does; what another has locked, another looks at.
        rows = free.filter(site=first, image_url__in=urls).select_for_update(no_key=True, skip_locked=True)
        mine = list(rows.order_by("id"))
        for start in range(0, len(mine), AT_A_TIME):
            ids = [row.id for row in mine[start : start + AT_A_TIME]]
            StoredSweepFind.objects.filter(id__in=ids).update(held=Now() + timedelta(seconds=lease_s))
        return [_find(row) for row in mine]


@contextmanager
def _locked(finds: Sequence[str]) -> Iterator["QuerySet[StoredSweepFind]"]:
    """In a transaction, and always in one order, so that two never wait for each other's rows."""
    with transaction.atomic():
        rows = StoredSweepFind.objects.filter(id__in=finds)
        list(rows.select_for_update(no_key=True).order_by("id").values_list("id"))
        yield rows


def _find(row: StoredSweepFind) -> SweepFind:
    return SweepFind(
        id=row.id,
        sweep=row.sweep,
        person=PersonId(row.person),
        sighting=ImageSighting(site=row.site, page_url=row.page_url, image_url=row.image_url, seen_at=row.seen_at),
        sha256=row.sha256,
        state=FindState(row.state),
        attempts=row.attempts,
        reason=row.reason,
    )
