"""How case and alerts of one person follow their hits and the looks at their locations. Pure: values in, what changes out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts import alarms, cases, drafts, rechecks
from core.model import (
    Alert,
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
    derived_id,
)

SEEN = frozenset({LocationState.LIVE, LocationState.NOTIFIED, LocationState.RELAPSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one step saves. `told`: those of the alerts that are news, which channels may pass on."""

    case: Case | None = None  # None: there is none, or it stays as it is
    alerts: tuple[Alert, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What settling needs to know beside the case."""

    on: drafts.Desktop
    now: datetime
    every_s: float  # from one look at a location to the next


class _Alarms:
    """The person's alerts while several hits are worked; `change` is the difference to what was."""

    def __init__(self, alerts: Iterable[Alert], now: datetime) -> None:
        self._before = {each.id: each for each in alerts}
        self._alerts = dict(self._before)
        self._now = now

    def raise_for(self, hit: Hit, *, relapse: bool) -> None:
        alert = alarms.raised(list(self._alerts.values()), hit, self._now, relapse=relapse)
        if alert is not None:
            self._alerts[alert.id] = alert

    def take_back(self, hit: Hit) -> None:
        for alert in alarms.left(list(self._alerts.values()), hit.id):
            self._alerts[alert.id] = alert

    def change(self, case: Case | None) -> Change:
        changed = tuple(each for key, each in self._alerts.items() if each != self._before.get(key))
        told = tuple(each.id for each in changed if alarms.is_news(each, list(self._before.values())))
        return Change(case=case, alerts=changed, told=told)


def settled(
    person: PersonId, hits: Sequence[Hit], case: Case | None, alerts: Sequence[Alert], at: Circumstances
) -> Change:
    """Alert, location and drafts follow the status of each hit. An alert tells of what was seen, not of what is unknown or gone."""
    alarm = _Alarms(alerts, at.now)
    for hit in hits:
        match hit.status:
            case HitStatus.CONFIRMED:
                before = _location(case, hit.id)
                case = _placed(case or _new_case(person, at.now), hit, at)
                after = _location(case, hit.id)
                if after is not None and after.state in SEEN:
                    alarm.raise_for(hit, relapse=_relapsed(before, after))
            case HitStatus.CANDIDATE | HitStatus.UNDONE:
                case = _dismissed(case, hit, at.now)
                alarm.raise_for(hit, relapse=False)
            case HitStatus.REJECTED:
                case = _dismissed(case, hit, at.now)
                alarm.take_back(hit)
    return alarm.change(None if case is None else followed(case, at))


def looked(
    looks: Sequence[Look], hits: Mapping[str, Hit], case: Case, alerts: Sequence[Alert], at: Circumstances
) -> Change:
    """Each location moves as its look was graded; what is back where it was gone is told."""
    alarm = _Alarms(alerts, at.now)
    for look in sorted(looks, key=lambda each: each.at):
        before = _location(case, look.hit)
        if before is None:
            continue
        outcome = rechecks.grade(look)
        after = cases.looked(before, outcome, look.at, at.every_s)
        case = _with(case, after)
        if outcome is Outcome.STILL_THERE and after.state in SEEN:
            alarm.raise_for(hits[look.hit], relapse=_relapsed(before, after))
    return alarm.change(followed(case, at))


def withdrawn(case: Case | None, alerts: Sequence[Alert], now: datetime) -> Change:
    """The case ends, nothing unsent will leave, nobody looks any more, the alerts are taken back."""
    taken_back = tuple(alarms.taken_back(alerts))
    if case is None:
        return Change(alerts=taken_back)
    locations = tuple(cases.unwatched(each, now) for each in case.locations)
    ended = drafts.retracted(replace(case, status=CaseStatus.WITHDRAWN, locations=locations))
    return Change(case=ended, alerts=taken_back)


def woken(case: Case, now: datetime) -> Case:
    """The person is protected again: what was left unwatched is looked at, now. Until then it is unknown."""
    locations = tuple(cases.watched_again(each, now) for each in case.locations)
    return replace(case, status=CaseStatus.OPEN, locations=locations)


def followed(case: Case, at: Circumstances) -> Case:
    """Status and drafts follow the locations."""
    case = replace(case, status=cases.status_of(case.locations, case.status))
    return drafts.redrafted(case, at.on, at.now)


def _new_case(person: PersonId, now: datetime) -> Case:
    """The id follows from the person: one person, one case."""
    return Case(id=derived_id("case", person), person=person, status=CaseStatus.OPEN, opened=now)


def _placed(case: Case, hit: Hit, at: Circumstances) -> Case:
    """The case with the confirmed hit's place in it."""
    location = _location(case, hit.id)
    if location is None:
        return replace(case, locations=(*case.locations, cases.located(hit, at.now, at.every_s)))
    if location.state is LocationState.DISMISSED:
        told = any(hit.id in each.hits for each in case.notices if each.status is NoticeStatus.SENT)
        return _with(case, cases.stands_again(location, at.now, at.every_s, told))
    if cases.back(location, hit.last_seen):
        return _with(case, cases.looked(location, Outcome.STILL_THERE, hit.last_seen, at.every_s))
    return case


def _dismissed(case: Case | None, hit: Hit, now: datetime) -> Case | None:
    location = _location(case, hit.id)
    return case if case is None or location is None else _with(case, cases.dismissed(location, now))


def _relapsed(before: Location | None, after: Location) -> bool:
    if before is None:
        return False
    return after.state is LocationState.RELAPSED and cases.known(before) is LocationState.GONE


def _location(case: Case | None, hit: str) -> Location | None:
    return None if case is None else next((each for each in case.locations if each.hit == hit), None)


def _with(case: Case, location: Location) -> Case:
    return replace(case, locations=tuple(location if each.hit == location.hit else each for each in case.locations))
