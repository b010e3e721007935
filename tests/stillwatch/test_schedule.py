"""Each slot is run once, whoever asks and however often."""

import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.schedule import slot_of
from tests.installation import Installation, site_toml

QUEUED = """
from stillwatch.wiring import House, utc_now
from core.model import Topic
house = House.open()
print(len(house.outbox.due([Topic.CRAWL], utc_now())))
"""


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis wants its bounds naive
    st.sampled_from([10.0, 60.0, 3600.0, 86400.0]),
)
def test_a_slot_holds_its_moment_and_all_moments_of_a_slot_agree(now: datetime, every_s: float) -> None:
    slot = slot_of(now, every_s)

    assert slot <= now < slot + timedelta(seconds=every_s)
    assert slot_of(slot, every_s) == slot


def queued(installation: Installation) -> int:
    done = subprocess.run(
        [installation.command()[0], "-P", "-c", QUEUED],
        env=installation.environ,
        cwd=installation.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def wait_until(true: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]  # a callable, in the tests below
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.timeout(120)
def test_two_schedulers_queue_a_pass_once(installation: Installation) -> None:
    installation.watch("here", site_toml("here", "http://127.0.0.1:9/", "127.0.0.1:9"))
    both = [installation.start("scheduler") for _ in range(2)]
    try:
        wait_until(lambda: queued(installation) > 0)
        time.sleep(3)  # long enough for the second to ask, too

        assert queued(installation) == 1
        assert all(each.poll() is None for each in both)
    finally:
        for each in both:
            each.terminate()
            each.wait(30)
    assert [each.returncode for each in both] == [0, 0]


@pytest.mark.timeout(120)
def test_a_site_that_may_not_be_asked_is_never_queued(installation: Installation) -> None:
    installation.watch("good", site_toml("good", "http://127.0.0.1:9/", "127.0.0.1:9"))
    installation.watch("old", site_toml("old", "http://127.0.0.1:9/", "127.0.0.1:9", expires_on="2026-01-02"))
    scheduler = installation.start("scheduler")
    try:
        wait_until(lambda: queued(installation) > 0)
        time.sleep(2)

        assert queued(installation) == 1
    finally:
        scheduler.terminate()
        scheduler.wait(30)
