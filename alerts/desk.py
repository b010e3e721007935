"""The desk's front door.

From one hit: its alert, its case, its draft. From an approval: letters that may leave. From a look at a location: what follows.

Everything here may be done twice. Each step reads a case, changes it as a value, and saves it with its alerts and outbox rows in one
transaction; when somebody else saved first, it reads again and repeats.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts import approval, drafts, rechecks, settling
from alerts.settling import Change, Circumstances
from core.errors import CallError, Conflict, NotReady, StoreUnavailable, UnknownId
from core.model import (
    Alert,
    AlertStatus,
    Case,
    CaseStatus,
    Hit,
    Location,
    LocationState,
    Look,
    Outcome,
    PersonId,
    PersonState,
    Regime,
    Task,
    Topic,
    WatchedSite,
)
from core.ports import CaseBook, HitLog, NoticeDetailsStore, Outbox, People

log = logging.getLogger(__name__)

REPEATS_AT_CONFLICT = 20
ATTEMPTS = 5  # then a row is dead, and `doctor` and the page show it
RETRY_FIRST_S = 5.0


NOTHING = Change()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step saves."""

    change: Change = NOTHING
    outgoing: Sequence[tuple[Topic, str]] = field(default=(), repr=False)


class Desk:
    def __init__(
        self,
        *,
        hit_log: HitLog,
        case_book: CaseBook,
        outbox: Outbox,
        people: People,
        notice_details: NoticeDetailsStore,
        regimes: Mapping[str, Regime],
        sites: Callable[[], Sequence[WatchedSite]],
        recheck_every_s: float,
        tell_channels: bool = False,
    ) -> None:
        """`tell_channels`: channels are configured, so a new alert also queues a CHANNEL row."""
        self._hit_log = hit_log
        self._case_book = case_book
        self._outbox = outbox
        self._people = people
        self._notice_details = notice_details
        self._regimes = regimes
        self._sites = sites
        self._recheck_every_s = recheck_every_s
        self._tell_channels = tell_channels

    # --------------------------------------------------------------------------------------------------- what waits

    def work(self, now: datetime, limit: int = 100) -> int:
        """Settles what waits for the desk; returns how many rows are done. A hit that cannot be settled never holds up the others."""
        tasks = self._outbox.due([Topic.DESK, Topic.PERSON], now, limit)
        people = {hit.id: hit.person for hit in self._hit_log.get([each.key for each in tasks])}
        by_person: dict[PersonId | None, list[Task]] = {}
        for task in tasks:
            person = PersonId(task.key) if task.topic is Topic.PERSON else people.get(task.key)
            by_person.setdefault(person, []).append(task)
        erased = by_person.pop(None, [])
        self._outbox.done([each.id for each in erased])
        worked = [self._work_off(person, group, now) for person, group in by_person.items() if person is not None]
        return len(erased) + sum(worked)

    def _work_off(self, person: PersonId, tasks: Sequence[Task], now: datetime) -> int:
        """One person's rows in one save: a burst of hits draws their letter once. If that fails, one by one."""
        hits = [each.key for each in tasks if each.topic is Topic.DESK]
        try:
            self._settle_hits(person, hits, now, [each.id for each in tasks])
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # counted, tried again, and in the end shown as dead
            if len(tasks) == 1:
                self._put_off(tasks[0], error, now)
                return 0
            return sum(self._work_off(person, [each], now) for each in tasks)
        return len(tasks)

    def _put_off(self, task: Task, error: Exception, now: datetime) -> None:
        reason = type(error).__name__  # its message may name a person
        log.warning("desk.row_failed", extra={"task": task.id, "topic": task.topic.value, "reason": reason})
        if task.attempts + 1 >= ATTEMPTS:
            self._outbox.dead(task.id, f"could not be settled: {reason}")
        else:
            self._outbox.later(task.id, now + timedelta(seconds=RETRY_FIRST_S * 3**task.attempts), reason)

    # ------------------------------------------------------------------------------------------------------ settling

    def settle(self, hit_id: str, now: datetime) -> None:
        """Alert, case and draft follow the hit's status. Raises UnknownId."""
        found = self._hit_log.get([hit_id])
        if not found:
            raise UnknownId(f"no hit has the id {hit_id!r}; see: stillwatch hit list")
        self._settle_hits(found[0].person, [hit_id], now, [])

    def settle_person(self, person: PersonId, now: datetime) -> None:
        """A withdrawal: the case ends, nothing unsent will leave, alerts are taken back. Protected again: the case goes on."""
        self._settle_hits(person, [], now, [])

    def _settle_hits(self, person: PersonId, hits: Sequence[str], now: datetime, done: Sequence[int]) -> None:
        """`hits` are this person's."""
        self._save(lambda: Step(change=self._person_change(person, self._hit_log.get(hits), now)), now, done)

    def _person_change(self, person: PersonId, hits: Sequence[Hit], now: datetime) -> Change:
        """What follows for the person's case and alerts; `hits` are those that moved."""
        case, alerts = self._case_book.case_of(person), self._case_book.alerts(person)
        if self._people.state(person) is not PersonState.PROTECTED:
            return settling.withdrawn(case, alerts, now)
        if _was_withdrawn(case, alerts):
            # Decisions made meanwhile moved nothing here: all that is known of the person is settled anew. Rare, so it may read every hit.
            hits = [hit for hit in self._hit_log.all() if hit.person == person]
            case = None if case is None else settling.woken(case, now)
        if not hits:
            return NOTHING
        return settling.settled(person, hits, case, alerts, self._circumstances(person, now))

    def _circumstances(self, person: PersonId, now: datetime) -> Circumstances:
        on = drafts.Desktop(
            details=self._notice_details.details_of(person),
            regimes=self._regimes,
            sites={site.name: site for site in self._sites()},
        )
        return Circumstances(on=on, now=now, every_s=self._recheck_every_s)

    # ------------------------------------------------------------------------------------------------------ approving

    def approve(self, case_id: str, by: str, now: datetime, again: bool = False) -> Case:
        """Freezes the letters of the drafts and lets them leave. Raises NotReady naming every missing element; then nothing was approved.

        `again`: also lets notices leave whose sending failed or was never confirmed; the recipient may then get one twice.
        """
        by = " ".join(by.split())
        if not by or not by.isprintable():
            raise CallError("an approval needs the name of the person who approves: --as NAME")
        self._redraw(case_id, now, renew_unconfirmed=again)

        def step() -> Step:
            case = self._case_book.case(case_id)
            if self._people.state(case.person) is not PersonState.PROTECTED:
                raise NotReady(f"case {case_id}: the person withdrew, so no notice may leave")
            case = settling.followed(case, self._circumstances(case.person, now))
            chosen = approval.check_complete(case, approval.wanted(case, again), self._regimes, now.date())
            ids = {each.id for each in chosen}
            notices = tuple(
                approval.approved(each, by, now, self._regimes) if each.id in ids else each for each in case.notices
            )
            outgoing = [(Topic.MAIL, f"{case_id}/{each.id}") for each in chosen]
            return Step(change=Change(case=replace(case, notices=notices)), outgoing=outgoing)

        self._save(step, now, [])
        return self._case_book.case(case_id)

    def redraw(self, case_id: str, now: datetime) -> Case:
        """The case with its drafts as they would leave now, and what they still lack. Raises UnknownId."""
        return self._redraw(case_id, now, renew_unconfirmed=False)

    def _redraw(self, case_id: str, now: datetime, *, renew_unconfirmed: bool) -> Case:
        renewed = False

        def step() -> Step:
            nonlocal renewed
            case = self._case_book.case(case_id)
            if case.status is CaseStatus.WITHDRAWN:
                return Step()
            renewed = renew_unconfirmed and any(approval.outdated(case, each) for each in case.notices)
            case = approval.without_outdated(case) if renewed else case
            return Step(change=Change(case=settling.followed(case, self._circumstances(case.person, now))))

        self._save(step, now, [])
        if renewed:
            raise NotReady(
                f"case {case_id}: nothing was approved: a letter that may have left names a picture that is gone or was rejected. "
                f"It was drawn anew; read it (stillwatch case show {case_id}) and approve it then"
            )
        return self._case_book.case(case_id)

    def acknowledge(self, alert_id: str, now: datetime) -> Alert:
        """Somebody has seen it. Raises UnknownId."""

        def step() -> Step:
            alert = self._case_book.alert(alert_id)
            if alert.status is not AlertStatus.NEW:
                return Step()
            return Step(change=Change(alerts=(replace(alert, status=AlertStatus.ACKNOWLEDGED),)))

        self._save(step, now, [])
        return self._case_book.alert(alert_id)

    # --------------------------------------------------------------------------------------------------- looking again

    def due_locations(self, now: datetime, all_: bool) -> Sequence[Location]:
        """Where to look, the longest due first. `all_`: every location that is looked at, due or not."""
        watched = [
            (each.next_look, each) for case in self._case_book.cases() for each in case.locations if each.next_look
        ]
        found = [(due, each) for due, each in watched if all_ or due <= now]
        return [each for _, each in sorted(found, key=lambda pair: (pair[0], pair[1].hit))]

    def follow(self, looks: Sequence[Look], now: datetime) -> Sequence[tuple[Look, Outcome, Case]]:
        """Grades the looks and moves their locations. A look at what is not watched any more is left out."""
        hits = {hit.id: hit for hit in self._hit_log.get([look.hit for look in looks])}
        by_person: dict[PersonId, list[Look]] = {}
        for look in looks:
            if look.hit in hits:
                by_person.setdefault(hits[look.hit].person, []).append(look)
        followed: list[tuple[Look, Outcome, Case]] = []
        for person, seen in by_person.items():
            case = self._followed_looks(person, seen, hits, now)
            if case is None:
                continue
            located = {each.hit for each in case.locations if each.state is not LocationState.DISMISSED}
            followed += [(look, rechecks.grade(look), case) for look in seen if look.hit in located]
        return followed

    def _followed_looks(
        self, person: PersonId, looks: Sequence[Look], hits: Mapping[str, Hit], now: datetime
    ) -> Case | None:
        def step() -> Step:
            case = self._case_book.case_of(person)
            if case is None or case.status is CaseStatus.WITHDRAWN:
                return Step()
            alerts = self._case_book.alerts(person)
            return Step(change=settling.looked(looks, hits, case, alerts, self._circumstances(person, now)))

        self._save(step, now, [])
        # Between reading and saving, a crawl may have seen one of them again without knowing that it was thought gone.
        missed = [look.hit for look in looks if rechecks.grade(look) is not Outcome.STILL_THERE]
        if missed:
            self._settle_hits(person, missed, now, [])
        case = self._case_book.case_of(person)
        return None if case is None or case.status is CaseStatus.WITHDRAWN else case

    # ---------------------------------------------------------------------------------------------------------- saving

    def _save(self, step: Callable[[], Step], now: datetime, done: Sequence[int]) -> None:
        """Saves what the step makes of the present state; on Conflict takes the step again."""
        for _ in range(REPEATS_AT_CONFLICT):
            taken = step()
            case, alerts, outgoing = taken.change.case, taken.change.alerts, list(taken.outgoing)
            if case is not None and case.revision > 0 and case == self._case_book.case(case.id):
                case = None
            if self._tell_channels:
                outgoing += [(Topic.CHANNEL, each) for each in taken.change.told]
            if case is None and not alerts and not outgoing:
                self._outbox.done(done)
                return
            try:
                self._case_book.save(case=case, alerts=alerts, done=done, outgoing=outgoing, now=now)
            except Conflict:
                continue
            return
        raise Conflict(f"saved by somebody else {REPEATS_AT_CONFLICT} times in a row; try again")


def _was_withdrawn(case: Case | None, alerts: Iterable[Alert]) -> bool:
    """A withdrawal left its mark. An alert that a rejection took back holds no hit any more."""
    if case is not None and case.status is CaseStatus.WITHDRAWN:
        return True
    return case is None and any(each.status is AlertStatus.TAKEN_BACK and each.hits for each in alerts)
