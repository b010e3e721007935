"""Which alert a hit belongs to. Pure: the alerts of one person in, the alert that changes out.

An alert's id follows from the person, the site, its first hit and how often that hit opened one before, so that the same row
worked off twice, or by two desks at once, comes to the same alert.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model import Alert, AlertStatus, Hit, derived_id


def raised(alerts: Sequence[Alert], hit: Hit, now: datetime, *, relapse: bool = False) -> Alert | None:
    """The alert that tells of this hit, opened or joined; None when one tells of it already.

    An alert that was acknowledged is never opened again by the same hit. `relapse`: it was gone and is back, which is news even then.
    """
    standing = [each for each in alerts if each.site == hit.site and each.status is not AlertStatus.TAKEN_BACK]
    if not relapse and any(hit.id in each.hits for each in standing):
        return None
    held = [each for each in alerts if each.status is AlertStatus.TAKEN_BACK and hit.id in each.hits]
    if held:  # by a withdrawal that the person has taken back
        last = max(held, key=lambda each: (each.created, each.id))
        return replace(last, hits=(hit.id,), status=AlertStatus.NEW)
    for each in sorted(standing, key=lambda each: (each.created, each.id), reverse=True):
        if each.status is AlertStatus.NEW and hit.id not in each.hits:
            return replace(each, hits=(*each.hits, hit.id))
    return _opened(alerts, hit, now)


def is_news(alert: Alert, before: Sequence[Alert]) -> bool:
    """Whether the desk must be told: the alert is new, or was taken back and stands again. Joining one is no news."""
    old = next((each for each in before if each.id == alert.id), None)
    return old is None or (old.status is AlertStatus.TAKEN_BACK and alert.status is AlertStatus.NEW)


def left(alerts: Sequence[Alert], hit_id: str) -> Sequence[Alert]:
    """The alerts that change when the hit does not stand: it leaves them, and one without hits is taken back."""
    return [_without(each, hit_id) for each in alerts if hit_id in each.hits]


def taken_back(alerts: Sequence[Alert]) -> Sequence[Alert]:
    """The alerts that change when the person withdraws."""
    return [
        replace(each, status=AlertStatus.TAKEN_BACK) for each in alerts if each.status is not AlertStatus.TAKEN_BACK
    ]


def _opened(alerts: Sequence[Alert], hit: Hit, now: datetime) -> Alert:
    known = {each.id: each for each in alerts}
    for count in itertools.count():
        alert_id = derived_id("alert", hit.person, hit.site, hit.id, str(count))
        if alert_id not in known:
            return Alert(
                id=alert_id, person=hit.person, site=hit.site, hits=(hit.id,), status=AlertStatus.NEW, created=now
            )
        if known[alert_id].status is AlertStatus.TAKEN_BACK:
            return replace(known[alert_id], hits=(hit.id,), status=AlertStatus.NEW)
    raise AssertionError("count() does not end")


def _without(alert: Alert, hit_id: str) -> Alert:
    hits = tuple(each for each in alert.hits if each != hit_id)
    return replace(alert, hits=hits, status=alert.status if hits else AlertStatus.TAKEN_BACK)
