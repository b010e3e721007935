"""The desk's front door.

From one hit: its alert, its case, its draft. From an approval: letters that may leave. From a look at a location: what follows.

Everything here may be done twice. Each step reads a case, changes it as a value, and saves it with its alerts and outbox rows in one
transaction; when somebody else saved first, it reads again and repeats.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts import alarms, approval, cases, drafts, rechecks
from core.errors import CallError, Conflict, NotReady, StoreUnavailable, UnknownId
from core.model import (
    Alert,
    AlertStatus,
    Case,
    CaseStatus,
    Hit,
    HitStatus,
    Location,
    LocationState,
    Look,
    NoticeStatus,
    Outcome,
    PersonId,
    PersonState,
    Regime,
    Task,
    Topic,
    WatchedSite,
    derived_id,
)
from core.ports import CaseBook, HitLog, NoticeDetailsStore, Outbox, People

log = logging.getLogger(__name__)

REPEATS_AT_CONFLICT = 20
ATTEMPTS = 5  # then a row is dead, and `doctor` and the page show it
RETRY_FIRST_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one step saves. `case` None: no case changed."""

    case: Case | None = None
    alerts: Sequence[Alert] = ()
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
        done = 0
        for task in self._outbox.due([Topic.DESK, Topic.PERSON], now, limit):
            try:
                if task.topic is Topic.DESK:
                    self._settle(task.key, now, [task.id])
                else:
                    self._settle_person(PersonId(task.key), now, [task.id])
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # counted, tried again, and in the end shown as dead
                self._put_off(task, error, now)
            else:
                done += 1
        return done

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
        if not self._hit_log.get([hit_id]):
            raise UnknownId(f"no hit has the id {hit_id!r}; see: stillwatch hit list")
        self._settle(hit_id, now, [])

    def settle_person(self, person: PersonId, now: datetime) -> None:
        """A withdrawal: the case ends, nothing unsent will leave, alerts are taken back. Protected again: the case goes on."""
        self._settle_person(person, now, [])

    def _settle(self, hit_id: str, now: datetime, done: Sequence[int]) -> None:
        def step() -> Change:
            found = self._hit_log.get([hit_id])
            if not found:
                return Change()  # erased since
            hit = found[0]
            if self._people.state(hit.person) is not PersonState.PROTECTED:
                return self._withdrawn(hit.person, now)
            case = self._case_book.case_of(hit.person)
            if case is not None and case.status is CaseStatus.WITHDRAWN:
                case = _woken(case, now)
            return self._settled(hit, case, now)

        self._save(step, now, done)

    def _settle_person(self, person: PersonId, now: datetime, done: Sequence[int]) -> None:
        def step() -> Change:
            if self._people.state(person) is not PersonState.PROTECTED:
                return self._withdrawn(person, now)
            case = self._case_book.case_of(person)
            if case is None or case.status is not CaseStatus.WITHDRAWN:
                return Change()
            return Change(case=self._followed(_woken(case, now), now))

        self._save(step, now, done)

    def _withdrawn(self, person: PersonId, now: datetime) -> Change:
        alerts = alarms.taken_back(self._case_book.alerts(person))
        case = self._case_book.case_of(person)
        if case is None:
            return Change(alerts=alerts)
        locations = tuple(cases.unwatched(each, now) for each in case.locations)
        return Change(
            case=drafts.retracted(replace(case, status=CaseStatus.WITHDRAWN, locations=locations)), alerts=alerts
        )

    def _settled(self, hit: Hit, case: Case | None, now: datetime) -> Change:
        before = self._case_book.alerts(hit.person)
        relapse = False
        match hit.status:
            case HitStatus.CONFIRMED:
                case, relapse = self._with_location(hit, case, now)
            case HitStatus.CANDIDATE | HitStatus.UNDONE | HitStatus.REJECTED:
                if case is not None:
                    case = self._without_location(hit, case, now)
        if hit.status is HitStatus.REJECTED:
            return Change(case=case, alerts=alarms.left(before, hit.id))
        return self._alarmed(Change(case=case), before, [(hit, relapse)], now)

    def _with_location(self, hit: Hit, case: Case | None, now: datetime) -> tuple[Case, bool]:
        """The case with the confirmed hit's place in it, and whether it was gone and is back."""
        if case is None:
            case_id = derived_id("case", hit.person)
            case = Case(id=case_id, person=hit.person, status=CaseStatus.OPEN, opened=now)
        location = next((each for each in case.locations if each.hit == hit.id), None)
        relapse = False
        if location is None:
            moved = cases.located(hit, now, self._recheck_every_s)
            case = replace(case, locations=(*case.locations, moved))
        elif location.state is LocationState.DISMISSED:
            told = any(hit.id in each.hits for each in case.notices if each.status is NoticeStatus.SENT)
            moved = cases.stands_again(location, now, self._recheck_every_s, told)
        elif cases.back(location, hit.last_seen):
            moved = cases.looked(location, Outcome.STILL_THERE, hit.last_seen, self._recheck_every_s)
            relapse = _relapsed(location, moved)
        else:
            moved = location
        return self._followed(_with(case, [moved]), now), relapse

    def _without_location(self, hit: Hit, case: Case, now: datetime) -> Case:
        moved = [cases.dismissed(each, now) for each in case.locations if each.hit == hit.id]
        return self._followed(_with(case, moved), now)

    def _followed(self, case: Case, now: datetime) -> Case:
        """Status and drafts follow the locations."""
        case = replace(case, status=cases.status_of(case.locations, case.status))
        return drafts.redrafted(case, self._desktop(case.person), now)

    def _desktop(self, person: PersonId) -> drafts.Desktop:
        return drafts.Desktop(
            details=self._notice_details.details_of(person),
            regimes=self._regimes,
            sites={site.name: site for site in self._sites()},
        )

    def _alarmed(
        self, change: Change, before: Sequence[Alert], news: Iterable[tuple[Hit, bool]], now: datetime
    ) -> Change:
        """The change with the alerts that tell of these hits, each with whether it is a relapse."""
        alerts = {each.id: each for each in before}
        changed: dict[str, Alert] = {}
        for hit, relapse in news:
            alert = alarms.raised(list(alerts.values()), hit, now, relapse=relapse)
            if alert is not None:
                alerts[alert.id] = changed[alert.id] = alert
        told = [each for each in changed.values() if self._tell_channels and alarms.is_news(each, before)]
        outgoing = (*change.outgoing, *((Topic.CHANNEL, each.id) for each in told))
        return replace(change, alerts=tuple(changed.values()), outgoing=outgoing)

    # ------------------------------------------------------------------------------------------------------ approving

    def approve(self, case_id: str, by: str, now: datetime, again: bool = False) -> Case:
        """Freezes the letters of the drafts and lets them leave. Raises NotReady naming every missing element; then nothing was approved.

        `again`: also lets notices leave whose sending failed or was never confirmed; the recipient may then get one twice.
        """
        by = " ".join(by.split())
        if not by or not by.isprintable():
            raise CallError("an approval needs the name of the person who approves: --as NAME")
        self._redraw(case_id, now, renew_unconfirmed=again)

        def step() -> Change:
            case = self._case_book.case(case_id)
            if self._people.state(case.person) is not PersonState.PROTECTED:
                raise NotReady(f"case {case_id}: the person withdrew, so no notice may leave")
            case = self._followed(case, now)
            chosen = approval.check_complete(case, approval.wanted(case, again), self._regimes, now.date())
            ids = {each.id for each in chosen}
            notices = tuple(
                approval.approved(each, by, now, self._regimes) if each.id in ids else each for each in case.notices
            )
            return Change(
                case=replace(case, notices=notices), outgoing=[(Topic.MAIL, f"{case_id}/{each.id}") for each in chosen]
            )

        self._save(step, now, [])
        return self._case_book.case(case_id)

    def redraw(self, case_id: str, now: datetime) -> Case:
        """The case with its drafts as they would leave now, and what they still lack. Raises UnknownId."""
        return self._redraw(case_id, now, renew_unconfirmed=False)

    def _redraw(self, case_id: str, now: datetime, *, renew_unconfirmed: bool) -> Case:
        renewed = False

        def step() -> Change:
            nonlocal renewed
            case = self._case_book.case(case_id)
            if case.status is CaseStatus.WITHDRAWN:
                return Change()
            renewed = renew_unconfirmed and any(approval.outdated(case, each) for each in case.notices)
            return Change(case=self._followed(approval.without_outdated(case) if renewed else case, now))

        self._save(step, now, [])
        if renewed:
            raise NotReady(
                f"case {case_id}: nothing was approved: a letter that may have left names a picture that is gone or was rejected. "
                f"It was drawn anew; read it (stillwatch case show {case_id}) and approve it then"
            )
        return self._case_book.case(case_id)

    def acknowledge(self, alert_id: str, now: datetime) -> Alert:
        """Somebody has seen it. Raises UnknownId."""

        def step() -> Change:
            alert = self._case_book.alert(alert_id)
            if alert.status is not AlertStatus.NEW:
                return Change()
            return Change(alerts=[replace(alert, status=AlertStatus.ACKNOWLEDGED)])

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
        def step() -> Change:
            case = self._case_book.case_of(person)
            if case is None or case.status is CaseStatus.WITHDRAWN:
                return Change()
            locations = {each.hit: each for each in case.locations}
            news: list[tuple[Hit, bool]] = []
            for look in sorted(looks, key=lambda look: look.at):
                before = locations.get(look.hit)
                if before is None:
                    continue
                outcome = rechecks.grade(look)
                moved = cases.looked(before, outcome, look.at, self._recheck_every_s)
                locations[look.hit] = moved
                if outcome is Outcome.STILL_THERE and moved.state is not LocationState.DISMISSED:
                    news.append((hits[look.hit], _relapsed(before, moved)))
            case = self._followed(_with(case, locations.values()), now)
            return self._alarmed(Change(case=case), self._case_book.alerts(person), news, now)

        self._save(step, now, [])
        for look in looks:
            # Between reading and saving, a crawl may have seen it again without knowing that it was thought gone.
            if rechecks.grade(look) is not Outcome.STILL_THERE:
                self._settle(look.hit, now, [])
        case = self._case_book.case_of(person)
        return None if case is None or case.status is CaseStatus.WITHDRAWN else case

    # ---------------------------------------------------------------------------------------------------------- saving

    def _save(self, step: Callable[[], Change], now: datetime, done: Sequence[int]) -> None:
        """Saves what the step makes of the present state; on Conflict takes the step again."""
        for _ in range(REPEATS_AT_CONFLICT):
            change = step()
            case = change.case
            if case is not None and case.revision > 0 and case == self._case_book.case(case.id):
                case = None
            if case is None and not change.alerts and not change.outgoing:
                self._outbox.done(done)
                return
            try:
                self._case_book.save(case=case, alerts=change.alerts, done=done, outgoing=change.outgoing, now=now)
            except Conflict:
                continue
            return
        raise Conflict(f"saved by somebody else {REPEATS_AT_CONFLICT} times in a row; try again")


def _relapsed(before: Location, after: Location) -> bool:
    return after.state is LocationState.RELAPSED and cases.known(before) is LocationState.GONE


def _with(case: Case, moved: Iterable[Location]) -> Case:
    by_hit = {each.hit: each for each in moved}
    return replace(case, locations=tuple(by_hit.get(each.hit, each) for each in case.locations))


def _woken(case: Case, now: datetime) -> Case:
    """The person is protected again: what was left unwatched is looked at, and the case is as open as its locations are."""
    locations = tuple(cases.watched_again(each, now) for each in case.locations)
    return replace(case, status=CaseStatus.OPEN, locations=locations)
