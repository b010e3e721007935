# ruff: noqa: ARG002 – the port's whole signature is taken; memory keeps no trail of who and when
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model import (
    Alert,
    Case,
    NoticeStatus,
    PersonId,
    PersonState,
    Topic,
)
from stores.memory.shelf import Shelf
from stores.rules import saved_meanwhile, unknown_alert, unknown_case


class MemoryCaseBook:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def case(self, case_id: str) -> Case:
        with self._shelf.lock:
            if case_id not in self._shelf.cases:
                raise unknown_case(case_id)
            return self._shelf.cases[case_id]

    def case_of(self, person: PersonId) -> Case | None:
        with self._shelf.lock:
            return next((case for case in self._shelf.cases.values() if case.person == person), None)

    def cases(self) -> Sequence[Case]:
        with self._shelf.lock:
            return sorted(
                sorted(self._shelf.cases.values(), key=lambda case: case.id), key=lambda case: case.opened, reverse=True
            )

    def alert(self, alert_id: str) -> Alert:
        with self._shelf.lock:
            if alert_id not in self._shelf.alerts:
                raise unknown_alert(alert_id)
            return self._shelf.alerts[alert_id]

    def alerts(self, person: PersonId | None = None) -> Sequence[Alert]:
        with self._shelf.lock:
            found = [alert for alert in self._shelf.alerts.values() if person is None or alert.person == person]
        return sorted(sorted(found, key=lambda alert: alert.id), key=lambda alert: alert.created, reverse=True)

    def save(
        self,
        *,
        case: Case | None = None,
        alerts: Sequence[Alert] = (),
        done: Sequence[int] = (),
        outgoing: Sequence[tuple[Topic, str]] = (),
        now: datetime,
    ) -> None:
        with self._shelf.lock:
            if case is not None:
                self._check_case(case)
            for alert in alerts:
                stored = self._shelf.alerts.get(alert.id)
                if alert.revision != (0 if stored is None else stored.revision):
                    raise saved_meanwhile("the alert")
            # Nothing can fail from here on.
            if case is not None:
                self._keep(case, now)
            self._shelf.alerts.update({alert.id: replace(alert, revision=alert.revision + 1) for alert in alerts})
            self._shelf.take_off(done)
            self._shelf.put(outgoing, now)

    def _check_case(self, case: Case) -> None:
        stored = self._shelf.cases.get(case.id)
        of_person = self.case_of(case.person)
        if case.revision != (0 if stored is None else stored.revision) or (
            of_person is not None and of_person.id != case.id
        ):
            raise saved_meanwhile("the case")

    def _keep(self, case: Case, now: datetime) -> None:
        self._shelf.cases[case.id] = replace(case, revision=case.revision + 1)
        located = {hit for hit, of in self._shelf.case_of_hit.items() if of == case.id}
        wanted = {location.hit for location in case.locations}
        for hit in located - wanted:
            del self._shelf.case_of_hit[hit]
        self._shelf.case_of_hit.update(dict.fromkeys(wanted, case.id))
        for hit in sorted(located ^ wanted):
            self._bump(hit, now)

    def _bump(self, hit: str, now: datetime) -> None:
        """The hit's case is searched for, too."""
        known = self._shelf.hits.get(hit)
        if known is not None:
            self._shelf.hits[hit] = replace(known, revision=known.revision + 1)
            self._shelf.put([(Topic.INDEX, hit)], now)

    def claim_sending(self, case_id: str, notice_id: str, now: datetime) -> Case | None:
        with self._shelf.lock:
            case = self._shelf.cases.get(case_id)
            if case is None or self._shelf.people.get(case.person) is not PersonState.PROTECTED:
                return None
            approved = [each for each in case.notices if each.id == notice_id and each.status is NoticeStatus.APPROVED]
            if not approved:
                return None
            notices = tuple(
                replace(each, status=NoticeStatus.SENDING) if each.id == notice_id else each for each in case.notices
            )
            self._shelf.cases[case_id] = replace(case, notices=notices, revision=case.revision + 1)
            return self._shelf.cases[case_id]
