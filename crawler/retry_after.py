"""How long a site asks us to stay away (RFC 9110 §10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LEAST_S = 1.0
MOST_S = 86_400.0  # a site that says more has gone wrong, or wants to be forgotten


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """None without the header, and when it says nothing that can be read. `now`: on the site's clock, if it told."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        asked_s = float(text[:10])
    else:
        until = http_date(text)
        if until is None:
            return None
        asked_s = (until - now).total_seconds()
    return min(max(asked_s, LEAST_S), MOST_S)


def http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
