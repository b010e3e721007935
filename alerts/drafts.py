"""Which notices a case has, as its locations are now. Pure: the case in, the case with its drafts out.

Drafts follow the locations by themselves. What a person approved, and what has left, changes only where it must.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.cases import GONE, LIVE, RELAPSED, known
from alerts.notices import DEFAULT_LAW, NOTICES, draw, recipient_of
from core.model import (
    Case,
    Location,
    LocationState,
    Notice,
    NoticeDetails,
    NoticeStatus,
    Regime,
    WatchedSite,
    derived_id,
)

# Not sent yet, and drawn anew whenever the case changes. A refused notice has not left either: it may be approved again.
REDRAWN = frozenset({NoticeStatus.DRAFT, NoticeStatus.FAILED})
# A location in one of these needs no other notice: it leaves with that one. What was SENT shows as a location's NOTIFIED.
UNDER_WAY = frozenset({NoticeStatus.APPROVED, NoticeStatus.SENDING, NoticeStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Desktop:
    """What drawing a draft needs beside the case."""

    details: NoticeDetails | None
    regimes: Mapping[str, Regime]
    sites: Mapping[str, WatchedSite]


def redrafted(case: Case, on: Desktop, now: datetime) -> Case:
    """One draft a site for every location that needs a notice; an empty draft is retracted; letters and gaps as of now."""
    case = _approvals_checked(case)
    holding: dict[str, list[Notice]] = {}
    for notice in case.notices:
        for hit in notice.hits:
            holding.setdefault(hit, []).append(notice)
    taken: dict[str, tuple[str, ...]] = {location.site: () for location in case.locations}
    for location in case.locations:
        if _needs_notice(location, holding.get(location.hit, ())):
            taken[location.site] += (location.hit,)
    notices: list[Notice] = []
    for notice in case.notices:
        if notice.status is NoticeStatus.DRAFT:
            # The first draft of a site takes everything; a second one, left over from a withdrawn approval, ends up empty.
            notices.append(_filled(notice, taken.pop(notice.site, ())))
        elif notice.status is NoticeStatus.FAILED:
            notices.append(_filled(notice, _standing(notice.hits, case.locations)))
        else:
            notices.append(notice)
    for site, hits in taken.items():
        if hits:
            notices.append(_new_draft(case, site, hits, now))
    case = replace(case, notices=tuple(notices))
    return replace(case, notices=tuple(_drawn(case, each, on) for each in case.notices))


def retracted(case: Case) -> Case:
    """The person withdrew: nothing that has not left will leave."""
    unsent = (NoticeStatus.DRAFT, NoticeStatus.APPROVED, NoticeStatus.FAILED)
    return replace(
        case, notices=tuple(retracted_notice(each) if each.status in unsent else each for each in case.notices)
    )


def retracted_notice(notice: Notice) -> Notice:
    """Its letter, which carries a name, is not kept: nobody was sent it."""
    return replace(notice, status=NoticeStatus.RETRACTED, letter=None, missing=(), deadline=None)


def reopened(notice: Notice) -> Notice:
    """A draft again: what was approved no longer holds."""
    return replace(
        notice,
        status=NoticeStatus.DRAFT,
        approved_by=None,
        approved=None,
        deadline=None,
        failure="",
        missing=(),
        letter=None,
    )


def _approvals_checked(case: Case) -> Case:
    """An approved letter that names a rejected picture must not leave: it is a draft again, and needs a new approval."""
    dismissed = {each.hit for each in case.locations if each.state is LocationState.DISMISSED}
    return replace(
        case,
        notices=tuple(
            reopened(each) if each.status is NoticeStatus.APPROVED and not dismissed.isdisjoint(each.hits) else each
            for each in case.notices
        ),
    )


def _needs_notice(location: Location, holding: Sequence[Notice]) -> bool:
    """`holding`: the notices it is in. What could not be seen any more stays in the draft it is in, but enters no new one."""
    if known(location) not in (LIVE, RELAPSED):
        return False
    if location.state is LocationState.UNKNOWN and not any(each.status is NoticeStatus.DRAFT for each in holding):
        return False
    return not any(_covers(each, location) for each in holding)


def _covers(notice: Notice, location: Location) -> bool:
    if notice.status is NoticeStatus.UNCONFIRMED:
        # It may have left: a person decides. But what was gone since, and is back, needs a notice of its own.
        return known(location) is LIVE or (notice.approved is not None and notice.approved >= location.since)
    return notice.status in UNDER_WAY


def _standing(hits: Iterable[str], locations: Iterable[Location]) -> tuple[str, ...]:
    gone = {each.hit for each in locations if known(each) in (GONE, LocationState.DISMISSED)}
    return tuple(each for each in hits if each not in gone)


def _filled(notice: Notice, hits: tuple[str, ...]) -> Notice:
    return replace(notice, hits=hits) if hits else retracted_notice(notice)


def _new_draft(case: Case, site: str, hits: tuple[str, ...], now: datetime) -> Notice:
    count = sum(each.site == site for each in case.notices)
    return Notice(
        id=derived_id("notice", case.id, site, str(count)),
        kind=DEFAULT_LAW,
        site=site,
        recipient=None,
        hits=hits,
        status=NoticeStatus.DRAFT,
        drafted=now,
    )


def _drawn(case: Case, notice: Notice, on: Desktop) -> Notice:
    if notice.status not in REDRAWN:
        return notice
    site = on.sites.get(notice.site)
    law = (site.takedown.law if site is not None else None) or DEFAULT_LAW
    notice = replace(notice, kind=law, recipient=recipient_of(site))
    if law not in NOTICES or law not in on.regimes:
        return replace(notice, letter=None, missing=("law",))
    drawn = draw(case, notice, on.details, on.regimes[law], site)
    return replace(notice, letter=drawn.letter, missing=drawn.missing)
