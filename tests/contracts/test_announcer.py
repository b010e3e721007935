import pytest

from core.ports import Announcer
from stores.redis import RedisAnnouncer
from tests.contracts.waiting import until


@pytest.fixture
def announcer(redis_url: str) -> Announcer:
    return RedisAnnouncer(redis_url)


def test_before_anything_was_announced_nothing_is_heard(announcer: Announcer) -> None:
    with announcer.listen() as heard:
        assert heard.latest() is None


def test_an_announcement_is_heard_by_everybody_who_listens(announcer: Announcer) -> None:
    with announcer.listen() as one, announcer.listen() as other:
        announcer.announce(7)

        until(lambda: one.latest() == 7 and other.latest() == 7)


def test_who_comes_late_hears_what_was_announced_before(announcer: Announcer) -> None:
    announcer.announce(7)

    with announcer.listen() as heard:
        until(lambda: heard.latest() == 7)


def test_the_newest_version_is_the_one_that_counts(announcer: Announcer) -> None:
    with announcer.listen() as heard:
        for version in (7, 9, 8):
            announcer.announce(version)
        until(lambda: heard.latest() == 9)

    with announcer.listen() as heard_later:
        until(lambda: heard_later.latest() is not None)
        assert heard_later.latest() == 9
