"""Case and alert ↔ their rows. What did not change is not written again: a case grows to thousands of locations."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.model import (
    Alert,
    AlertStatus,
    Case,
    CaseStatus,
    Letter,
    Location,
    LocationState,
    Notice,
    NoticeStatus,
    PersonId,
)
from stores.sql.models import AlertHit, StoredAlert, StoredCase, StoredLocation, StoredNotice


def cases(rows: Iterable[StoredCase]) -> Sequence[Case]:
    """What hangs on a case is read after its revision: a case that changed in between cannot be saved by who read it so."""
    rows = list(rows)
    locations, notices = defaultdict(list), defaultdict(list)
    for location in StoredLocation.objects.filter(case__in=rows).order_by("place"):
        locations[location.case_id].append(_location(location))
    for notice in StoredNotice.objects.filter(case__in=rows).order_by("place"):
        notices[notice.case_id].append(_notice(notice))
    return [
        Case(
            id=row.id,
            person=PersonId(row.person),
            status=CaseStatus(row.status),
            opened=row.opened,
            locations=tuple(locations[row.id]),
            notices=tuple(notices[row.id]),
            revision=row.revision,
        )
        for row in rows
    ]


def _location(row: StoredLocation) -> Location:
    return Location(
        hit=row.hit,
        site=row.site,
        page_url=row.page_url,
        image_url=row.image_url,
        state=LocationState(row.state),
        since=row.since,
        next_look=row.next_look,
        last_look=row.last_look,
        unknown_streak=row.unknown_streak,
        before_unknown=LocationState(row.before_unknown) if row.before_unknown else None,
    )


def _location_row(case: Case, place: int, location: Location) -> StoredLocation:
    return StoredLocation(
        case_id=case.id,
        place=place,
        hit=location.hit,
        site=location.site,
        page_url=location.page_url,
        image_url=location.image_url,
        state=location.state.value,
        since=location.since,
        next_look=location.next_look,
        last_look=location.last_look,
        unknown_streak=location.unknown_streak,
        before_unknown="" if location.before_unknown is None else location.before_unknown.value,
    )


def _notice(row: StoredNotice) -> Notice:
    return Notice(
        id=row.notice,
        kind=row.kind,
        site=row.site,
        recipient=row.recipient or None,
        hits=tuple(row.hits),
        status=NoticeStatus(row.status),
        drafted=row.drafted,
        missing=tuple(row.missing),
        letter=None if row.letter is None else Letter(subject=row.letter["subject"], body=row.letter["body"]),
        approved_by=row.approved_by or None,
        approved=row.approved,
        sent=row.sent,
        deadline=row.deadline,
        failure=row.failure,
    )


def _notice_row(case: Case, place: int, notice: Notice) -> StoredNotice:
    letter = notice.letter
    return StoredNotice(
        case_id=case.id,
        place=place,
        notice=notice.id,
        kind=notice.kind,
        site=notice.site,
        recipient=notice.recipient or "",
        hits=list(notice.hits),
        status=notice.status.value,
        drafted=notice.drafted,
        missing=list(notice.missing),
        letter=None if letter is None else {"subject": letter.subject, "body": letter.body},
        approved_by=notice.approved_by or "",
        approved=notice.approved,
        sent=notice.sent,
        deadline=notice.deadline,
        failure=notice.failure,
    )


# `_meta` is Django's documented way to ask a model for its columns.
LOCATION_COLUMNS = [f.name for f in StoredLocation._meta.concrete_fields if f.name not in ("id", "case", "hit")]  # noqa: SLF001 – see above
NOTICE_COLUMNS = [f.name for f in StoredNotice._meta.concrete_fields if f.name not in ("id", "case", "notice")]  # noqa: SLF001 – see above


def store_parts(before: Case | None, after: Case) -> None:
    """Locations and notices, where they differ."""
    old = {} if before is None else {each.hit: (place, each) for place, each in enumerate(before.locations)}
    new = {each.hit: (place, each) for place, each in enumerate(after.locations)}
    StoredLocation.objects.filter(case_id=after.id, hit__in=set(old) - set(new)).delete()
    StoredLocation.objects.bulk_create(
        (_location_row(after, place, each) for place, each in new.values() if old.get(each.hit) != (place, each)),
        update_conflicts=True,
        unique_fields=["case", "hit"],
        update_fields=LOCATION_COLUMNS,
    )
    old_notices = {} if before is None else {each.id: (place, each) for place, each in enumerate(before.notices)}
    new_notices = {each.id: (place, each) for place, each in enumerate(after.notices)}
    StoredNotice.objects.filter(case_id=after.id, notice__in=set(old_notices) - set(new_notices)).delete()
    StoredNotice.objects.bulk_create(
        (
            _notice_row(after, place, each)
            for place, each in new_notices.values()
            if old_notices.get(each.id) != (place, each)
        ),
        update_conflicts=True,
        unique_fields=["case", "notice"],
        update_fields=NOTICE_COLUMNS,
    )


def alerts(rows: Iterable[StoredAlert]) -> Sequence[Alert]:
    rows = list(rows)
    hits = defaultdict(list)
    for alert, hit in AlertHit.objects.filter(alert__in=rows).order_by("id").values_list("alert_id", "hit"):
        hits[alert].append(hit)
    return [
        Alert(
            id=row.id,
            person=PersonId(row.person),
            site=row.site,
            hits=tuple(hits[row.id]),
            status=AlertStatus(row.status),
            created=row.created,
            revision=row.revision,
        )
        for row in rows
    ]


def store_hits(alert: Alert) -> None:
    """Its hits in its order; written anew only when they are not simply more than before."""
    there = list(AlertHit.objects.filter(alert_id=alert.id).order_by("id").values_list("hit", flat=True))
    if tuple(there) != alert.hits[: len(there)]:
        AlertHit.objects.filter(alert_id=alert.id).delete()
        there = []
    AlertHit.objects.bulk_create(AlertHit(alert_id=alert.id, hit=hit) for hit in alert.hits[len(there) :])
