from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from core.model import Alert, Case, NoticeStatus, PersonId, PersonState, Topic
from stores.rules import saved_meanwhile, unknown_alert, unknown_case
from stores.sql import case_rows
from stores.sql.border import sql
from stores.sql.models import StoredAlert, StoredCase, StoredHit
from stores.sql.outbox import put, take_off
from stores.sql.people import lock


class SqlCaseBook:
    @sql()
    def case(self, case_id: str) -> Case:
        case = _read(case_id)
        if case is None:
            raise unknown_case(case_id)
        return case

    @sql()
    def case_of(self, person: PersonId) -> Case | None:
        return next(iter(case_rows.cases(StoredCase.objects.filter(person=person))), None)

    @sql()
    def cases(self) -> Sequence[Case]:
        return case_rows.cases(StoredCase.objects.order_by("-opened", "id"))

    @sql()
    def alert(self, alert_id: str) -> Alert:
        found = case_rows.alerts(StoredAlert.objects.filter(id=alert_id))
        if not found:
            raise unknown_alert(alert_id)
        return found[0]

    @sql()
    def alerts(self, person: PersonId | None = None) -> Sequence[Alert]:
        rows = StoredAlert.objects.order_by("-created", "id")
        return case_rows.alerts(rows if person is None else rows.filter(person=person))

    @sql()
    def save(
        self,
        *,
        case: Case | None = None,
        alerts: Sequence[Alert] = (),
        done: Sequence[int] = (),
        outgoing: Sequence[tuple[Topic, str]] = (),
        now: datetime,
    ) -> None:
        with transaction.atomic():
            for person in sorted({*(alert.person for alert in alerts), *(() if case is None else (case.person,))}):
                lock(person)
            if case is not None:
                _store_case(case, now)
            for alert in alerts:
                _store_alert(alert)
            take_off(done)
            put(outgoing, now)

    @sql()
    def claim_sending(self, case_id: str, notice_id: str, now: datetime) -> Case | None:
        with transaction.atomic():
            person = StoredCase.objects.filter(id=case_id).values_list("person", flat=True).first()
            if person is None or lock(PersonId(person)) is not PersonState.PROTECTED:
                return None
            case = _read(case_id)
            if case is None or not any(
                each.id == notice_id and each.status is NoticeStatus.APPROVED for each in case.notices
            ):
                return None
            notices = tuple(
                replace(each, status=NoticeStatus.SENDING) if each.id == notice_id else each for each in case.notices
            )
            _store_case(replace(case, notices=notices), now)
            return replace(case, notices=notices, revision=case.revision + 1)


def _read(case_id: str) -> Case | None:
    return next(iter(case_rows.cases(StoredCase.objects.filter(id=case_id))), None)


def _store_case(case: Case, now: datetime) -> None:
    """In the caller's transaction. Its person's lock is held, so that nobody else writes between the reading and the writing."""
    before = _read(case.id)
    if case.revision != (0 if before is None else before.revision):
        raise saved_meanwhile("the case")
    if before is None:
        _insert(
            StoredCase(id=case.id, person=case.person, status=case.status.value, opened=case.opened, revision=1),
            "the case",
        )
    else:
        row = StoredCase.objects.filter(id=case.id, revision=case.revision)
        values = {"person": str(case.person), "status": case.status.value, "opened": case.opened}
        if not row.update(**values, revision=F("revision") + 1):
            raise saved_meanwhile("the case")
    case_rows.store_parts(before, case)
    located = set() if before is None else {each.hit for each in before.locations}
    _bump(located ^ {each.hit for each in case.locations}, now)


def _bump(hits: Iterable[str], now: datetime) -> None:
    """The hits' case is searched for, too."""
    there = sorted(StoredHit.objects.filter(id__in=set(hits)).values_list("id", flat=True))
    StoredHit.objects.filter(id__in=there).update(revision=F("revision") + 1)
    put([(Topic.INDEX, hit) for hit in there], now)


def _store_alert(alert: Alert) -> None:
    values = {"person": str(alert.person), "site": alert.site, "status": alert.status.value, "created": alert.created}
    if alert.revision == 0:
        _insert(StoredAlert(id=alert.id, **values, revision=1), "the alert")
    elif not StoredAlert.objects.filter(id=alert.id, revision=alert.revision).update(
        **values, revision=F("revision") + 1
    ):
        raise saved_meanwhile("the alert")
    case_rows.store_hits(alert)


def _insert(row: StoredCase | StoredAlert, what: str) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise saved_meanwhile(what) from error
