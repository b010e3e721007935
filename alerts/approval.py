"""Whether a case's drafts may be approved, and how an approval changes them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from alerts.drafts import reopened
from alerts.notices import NOTICES
from core.errors import NotReady
from core.model import Case, CaseStatus, LocationState, Notice, NoticeStatus, Regime

AGAIN = frozenset({NoticeStatus.FAILED, NoticeStatus.UNCONFIRMED})


def wanted(case: Case, again: bool) -> Sequence[Notice]:
    """The notices that an approval is about. Raises NotReady when there is none."""
    if case.status in (CaseStatus.WITHDRAWN, CaseStatus.DISMISSED):
        raise NotReady(f"case {case.id}: it is {case.status.value}, so no notice may leave")
    drafts = [each for each in case.notices if each.status is NoticeStatus.DRAFT]
    repeated = [each for each in case.notices if each.status in AGAIN]
    found = [*drafts, *(repeated if again else ())]
    if found:
        return found
    if repeated:
        raise NotReady(
            f"case {case.id}: its notices failed, or may have left already; look at stillwatch case show {case.id}, "
            f"and let them leave again with: stillwatch case approve {case.id} --again --as NAME"
        )
    raise NotReady(f"case {case.id}: no notice waits for approval; see: stillwatch case show {case.id}")


def check_complete(
    case: Case, notices: Iterable[Notice], regimes: Mapping[str, Regime], today: date
) -> Sequence[Notice]:
    """Those that can leave. Raises NotReady naming every missing element, and what supplies it.

    A site that takes no mail never holds back what others can be sent: its notice stays a draft that says so. With none left, it is named.
    """
    notices = list(notices)
    addressed = [each for each in notices if "recipient" not in each.missing]
    faults = [fault for each in addressed for fault in _faults(each, regimes, today)]
    if faults or not addressed:
        faults = [fault for each in notices for fault in _faults(each, regimes, today)]
        raise NotReady("\n".join((f"case {case.id}: nothing was approved", *dict.fromkeys(faults))))
    return addressed


def approved(notice: Notice, by: str, now: datetime, regimes: Mapping[str, Regime]) -> Notice:
    """The letter is frozen with this. Until it has left, `deadline` counts from the approval; sending moves it along."""
    hours = regimes[notice.kind].removal_h
    return replace(
        notice,
        status=NoticeStatus.APPROVED,
        approved_by=by,
        approved=now,
        deadline=None if hours is None else now + timedelta(hours=hours),
        failure="",
        sent=None,
    )


def outdated(case: Case, notice: Notice) -> bool:
    """An unconfirmed letter that names a picture which is gone or was rejected: it must not leave again as it is."""
    fallen = {each.hit for each in case.locations if each.state in (LocationState.GONE, LocationState.DISMISSED)}
    return notice.status is NoticeStatus.UNCONFIRMED and not fallen.isdisjoint(notice.hits)


def without_outdated(case: Case) -> Case:
    return replace(case, notices=tuple(reopened(each) if outdated(case, each) else each for each in case.notices))


def _faults(notice: Notice, regimes: Mapping[str, Regime], today: date) -> Iterable[str]:
    kind, regime = NOTICES.get(notice.kind), regimes.get(notice.kind)
    if kind is None or regime is None:
        known = ", ".join(sorted(set(NOTICES) & set(regimes)))
        yield f"  notice to {notice.site}: no letter for the law {notice.kind!r}; set law in [takedown] of its site file to one of: {known}"
        return
    for element in notice.missing:
        if element == "recipient":
            cure = f"set email in [takedown] of config/sites/{notice.site}.toml"
            yield f"  notice to {notice.site}: recipient missing: there is no address to send it to; {cure}"
        elif element in kind.elements:
            yield f"  notice to {notice.site}: {element} missing: {kind.elements[element].words}; supply {kind.elements[element].cure}"
        else:
            yield f"  notice to {notice.site}: {element} missing: regimes.toml asks for it and the letter cannot say it; correct the table"
    if regime.in_force is None:
        yield f"  notice to {notice.site}: it is not certain that the {regime.name} is in force; set in_force in regimes.toml once it is"
    elif today < regime.in_force:
        yield f"  notice to {notice.site}: the {regime.name} is in force only from {regime.in_force}"
