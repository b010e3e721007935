"""How long a site asks us to stay away."""

from datetime import UTC, datetime

import pytest

from crawler.retry_after import retry_after_s

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("120", 120),
        (" 120 ", 120),
        ("0", 1),
        ("86401", 86_400),
        ("9" * 5_000, 86_400),
        ("Tue, 01 Dec 2026 10:02:00 GMT", 120),
        ("Tuesday, 01-Dec-26 10:02:00 GMT", 120),
        ("Tue Dec  1 10:02:00 2026", 120),
        ("Tue, 01 Dec 2026 11:02:00 +0100", 120),
        ("Tue, 01 Dec 2026 09:00:00 GMT", 1),
        ("Fri, 01 Dec 2090 09:00:00 GMT", 86_400),
        ("Tue, 99 Dec 2026 10:02:00 GMT", None),
        ("Tue, 01 Dec 99999 10:02:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_kept_between_a_second_and_a_day(
    value: str | None, seconds: float | None
) -> None:
    assert retry_after_s(value, now=NOW) == seconds
