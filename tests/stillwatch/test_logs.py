"""A line of the log says what happened and to what."""

import logging

from stillwatch.logs import Events


def test_what_a_call_hands_over_stands_behind_the_event() -> None:
    record = logging.makeLogRecord(
        {"name": "stillwatch.workers", "msg": "crawl.broke_off", "topic": "crawl", "status": -9}
    )

    assert Events().format(record).endswith("stillwatch.workers crawl.broke_off topic=crawl status=-9")
