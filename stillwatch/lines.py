"""The JSON lines of CONTRACT: plain functions from the domain to what others script against."""

from collections.abc import Mapping, Sequence

from alerts.watching import CanaryState, Counted, Coverage
from core.model import (
    Alert,
    Canary,
    Case,
    Examination,
    Hit,
    Overlay,
    PassRecord,
    Standing,
    State,
    WatchedSite,
    rfc3339,
)
from stillwatch.watchfulness import SiteLook


def hit_line(hit: Hit) -> dict[str, object]:
    return {
        "id": hit.id,
        "status": hit.status.value,
        "site": hit.site,
        "page_url": hit.page_url,
        "image_url": hit.image_url,
        "sha256": hit.sha256,
        "person": str(hit.person),
        "tier": hit.tier.value,
        "distance": hit.distance,
        "threshold": hit.threshold,
        "hasher": hit.hasher,
        "view": hit.view,
        "cluster": hit.cluster,
        "first_seen": rfc3339(hit.first_seen),
        "last_seen": rfc3339(hit.last_seen),
        "found_earlier": None if hit.found_earlier is None else rfc3339(hit.found_earlier),
        "case": hit.case,
        "pages": list(hit.pages),
        "evidence": hit.evidence.value,
        "overlay": overlay(hit.overlay),
        "agreeing": hit.agreeing,
        "ranges": ranges(hit.ranges),
    }


def alert_line(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "hits": list(alert.hits),
        "person": str(alert.person),
        "site": alert.site,
        "status": alert.status.value,
        "created": rfc3339(alert.created),
    }


def case_line(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "status": case.status.value,
        "person": str(case.person),
        "opened": rfc3339(case.opened),
        "locations": [
            {
                "url": location.image_url,
                "page_url": location.page_url,
                "site": location.site,
                "hit": location.hit,
                "state": location.state.value,
                "since": rfc3339(location.since),
            }
            for location in case.locations
        ],
        "notices": [
            {
                "id": notice.id,
                "kind": notice.kind,
                "site": notice.site,
                "recipient": notice.recipient,
                "status": notice.status.value,
                "deadline": None if notice.deadline is None else rfc3339(notice.deadline),
                "missing": list(notice.missing),
            }
            for notice in case.notices
        ],
    }


def scan_line(path: str, examination: Examination) -> dict[str, object]:
    return {
        "path": path,
        "state": examination.state.value,
        "reason": examination.reason,
        "matches": [
            {
                "person": str(finding.match.enrolment.person),
                "tier": finding.tier.value,
                "distance": finding.match.distance,
                "threshold": finding.match.enrolment.threshold if finding.limit is None else finding.limit,
                "hasher": finding.match.enrolment.fingerprint.hasher,
                "view": finding.match.enrolment.fingerprint.view,
                "evidence": finding.match.evidence.value,
                "overlay": overlay(finding.match.overlay),
                "agreeing": finding.match.agreeing,
                "ranges": ranges(finding.ranges),
            }
            for finding in examination.findings
        ],
        "ms": round(examination.ms, 1),
    }


def pass_line(record: PassRecord) -> dict[str, object]:
    return {
        "site": record.site,
        "started": rfc3339(record.started),
        "finished": None if record.finished is None else rfc3339(record.finished),
        "pages": counts(record.pages),
        "images": counts(record.images),
        "hits": record.hits,
        "bytes": record.byte_count,
        "canary": None if record.canary is None else rfc3339(record.canary),
        "walled": list(record.walled),
        "cut_pages": record.cut_pages,
        "stopped": record.stopped,
    }


def site_line(seen: SiteLook, standing: Standing) -> dict[str, object]:
    agreement = seen.site.agreement
    return {
        "site": seen.site.name,
        "kind": seen.site.kind,
        "standing": standing.value,
        "watched": seen.fault is None,
        "health": seen.health,
        "why": list(seen.why),
        "reason": seen.fault,
        "agreement": {
            "agreed_by": agreement.agreed_by,
            "agreed_on": agreement.agreed_on.isoformat(),
            "expires_on": agreement.expires_on.isoformat(),
            "reference": agreement.reference,
        },
        "last_pass": pass_line(seen.passes[0]) if seen.passes else None,
        "last_good_look": None if seen.last_good is None else rfc3339(seen.last_good),
        "next_visit": None if seen.next_visit is None else rfc3339(seen.next_visit),
        "today": today_line(seen),
        "coverage": coverage_line(seen.coverage),
        "canary": canary_line(seen.site, seen.canary, seen.canary_state),
        "troubles": [{"kind": kind.value, "reason": reason} for kind, reason in seen.troubles.items()],
    }


def unread_site_line(name: str, reason: str) -> dict[str, object]:
    """Of a file that cannot be used: the same keys, null where nothing is known."""
    return {
        "site": name,
        "kind": None,
        "standing": None,
        "watched": False,
        "health": "bad",
        "why": [reason],
        "reason": reason,
        "agreement": None,
        "last_pass": None,
        "last_good_look": None,
        "next_visit": None,
        "today": None,
        "coverage": None,
        "canary": None,
        "troubles": [],
    }


def today_line(seen: SiteLook) -> dict[str, object] | None:
    """Of what the site's file limits a day; None: nothing is."""
    limits = seen.site.limits
    if not limits.daily:
        return None
    return {
        "requests": None if limits.requests_per_day is None else seen.today.requests,
        "requests_per_day": limits.requests_per_day,
        "bytes": seen.today.byte_count,
        "bytes_per_day": limits.bytes_per_day,
    }


def coverage_line(coverage: Coverage | None) -> dict[str, object] | None:
    if coverage is None:
        return None
    usual = None if coverage.usual is None else counted_line(coverage.usual)
    return {
        "last": counted_line(coverage.last),
        "usual": usual,
        "passes_before": coverage.passes,
        "fell": coverage.fell,
    }


def counted_line(counted: Counted) -> dict[str, int]:
    return {
        "pages_read": counted.pages_read,
        "cut_pages": counted.cut_pages,
        "met": counted.met,
        "looked_at": counted.looked_at,
        "compared": counted.compared,
        "errors": counted.errors,
        "bytes": counted.byte_count,
    }


def canary_line(site: WatchedSite, canary: Canary | None, state: CanaryState) -> dict[str, object]:
    return {
        "page": site.canary_page,
        "state": state.word,
        "made": None if canary is None else rfc3339(canary.made),
        "found": None if canary is None or canary.found is None else rfc3339(canary.found),
    }


def overlay(corners: Overlay | None) -> list[list[int]] | None:
    return None if corners is None else [[x, y] for x, y in corners]


def ranges(seconds: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[start, end] for start, end in seconds]


def counts(by_state: Mapping[State, int]) -> dict[str, int]:
    return {str(state): by_state[state] for state in sorted(by_state)}
