"""Redis: the start-up check, announcements, and what happens when it is gone, slow or closed to us."""

import logging
import os
import signal
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import redis

import stores.redis
from core.errors import ConfigError, StoreUnavailable
from core.model import Enrolment, HashChanges
from stores.memory import MemoryStore
from stores.redis import AnnouncedHashes, RedisAnnouncer, RedisLeadership
from tests import engines
from tests.contracts.values import ADA, NOW, RECIPE, picture
from tests.contracts.waiting import until

NOBODY_THERE = "redis://:geheim@127.0.0.1:1/0"
UNREADABLE = "redis://:a@geheim:geheim/0"  # the error of the standard library repeats the port


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("requirepass", "")


# --- at the start


def test_a_redis_that_keeps_everything_is_taken(redis_url: str) -> None:
    stores.redis.check(redis_url)


def test_a_redis_that_may_throw_keys_away_is_refused(redis_url: str, client: redis.Redis) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")

    with pytest.raises(ConfigError, match=r"allkeys-lru.*noeviction"):
        stores.redis.check(redis_url)


def test_a_redis_that_may_not_be_asked_for_its_policy_is_taken_with_a_warning(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client.acl_setuser(
        "guest", enabled=True, passwords=["+geheim"], categories=["+@all"], commands=["-config"], keys=["*"]
    )

    stores.redis.check(redis_url.replace("redis://", "redis://guest:geheim@"))

    assert "redis.policy_unknown" in caplog.text
    client.acl_deluser("guest")


def test_a_wrong_password_is_named_and_not_repeated(redis_url: str, client: redis.Redis) -> None:
    client.acl_setuser("guest", enabled=True, passwords=["+right"], categories=["+@all"], keys=["*"])

    with pytest.raises(ConfigError, match="password") as refused:
        stores.redis.check(redis_url.replace("redis://", "redis://guest:geheim@"))

    assert "geheim" not in str(refused.value)
    client.acl_deluser("guest")


def test_an_address_that_cannot_be_read_is_not_repeated_by_the_trace_either() -> None:
    with pytest.raises(ConfigError, match="REDIS_URL cannot be read") as refused:
        stores.redis.check(UNREADABLE)

    assert "geheim" not in "".join(traceback.format_exception(refused.value))


def test_a_redis_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreUnavailable, match="REDIS_URL") as missing:
        stores.redis.check(NOBODY_THERE)

    assert "geheim" not in str(missing.value)


@pytest.mark.parametrize("url", ["http://h:6379", "redis://h:port/0", "", "redis://h/0?socket_timeout=soon"])
def test_an_address_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="redis://user:password@host"):
        stores.redis.check(url)


# --- leading without it


def test_nobody_leads_while_redis_is_gone() -> None:
    leadership = RedisLeadership(NOBODY_THERE)

    with pytest.raises(StoreUnavailable):
        leadership.hold("scheduler", "one", 60)
    with pytest.raises(StoreUnavailable):
        leadership.release("scheduler", "one")


def test_a_lease_is_asked_for_again_after_a_restart(redis_url: str, client: redis.Redis) -> None:
    leadership = RedisLeadership(redis_url)
    leadership.hold("scheduler", "one", 60)
    client.client_kill_filter(_type="normal", skipme=True)

    assert leadership.hold("scheduler", "one", 60) is True


def test_a_full_redis_is_named(redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture) -> None:
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            RedisLeadership(redis_url).hold("scheduler", "one", 60)
        RedisAnnouncer(redis_url).announce(7)
    finally:
        client.config_set("maxmemory", "0")

    assert "hashes.not_announced" in caplog.text


# --- announcing


def test_what_somebody_else_writes_there_is_not_heard(redis_url: str, client: redis.Redis) -> None:
    announcer = RedisAnnouncer(redis_url)
    with announcer.listen() as heard:
        announcer.announce(3)
        until(lambda: heard.latest() == 3)
        client.publish(stores.redis.VERSION, "nonsense")
        announcer.announce(4)

        until(lambda: heard.latest() == 4)


def test_announcing_without_redis_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    RedisAnnouncer(NOBODY_THERE).announce(7)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "hashes.not_announced" in caplog.text


def test_listening_without_redis_hears_nothing_and_ends_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with RedisAnnouncer(NOBODY_THERE).listen() as heard:
        until(lambda: "hashes.not_listening" in caplog.text)
        assert heard.latest() is None


def test_a_listener_whose_connection_broke_listens_again(redis_url: str, client: redis.Redis) -> None:
    announcer = RedisAnnouncer(redis_url)
    with announcer.listen() as heard:
        announcer.announce(1)
        until(lambda: heard.latest() == 1)
        client.client_kill_filter(_type="pubsub")
        announcer.announce(2)

        until(lambda: heard.latest() == 2)


def test_what_was_heard_is_forgotten_while_redis_is_frozen_and_heard_again_after(tmp_path: Path) -> None:
    try:
        with engines.redis_server() as url:
            with redis.Redis.from_url(url) as client:
                pid = int(dict(client.info("server"))["process_id"])
            announcer = RedisAnnouncer(url)
            with announcer.listen() as heard:
                announcer.announce(5)
                until(lambda: heard.latest() == 5)

                os.kill(pid, signal.SIGSTOP)
                try:
                    until(lambda: heard.latest() is None)
                finally:
                    os.kill(pid, signal.SIGCONT)

                until(lambda: heard.latest() == 5)
    except engines.NotHere as missing:
        pytest.skip(str(missing))


# --- hashes whose changes are announced


class Hint:
    """Something heard, set by hand."""

    def __init__(self) -> None:
        self.version: int | None = None

    def latest(self) -> int | None:
        return self.version


class CountingHashes:
    """Enrolled hashes that say how often they were asked."""

    def __init__(self, kept: MemoryStore) -> None:
        self.inner = kept.enrolled_hashes
        self.asked = 0

    def version(self) -> int:
        self.asked += 1
        return self.inner.version()

    def changes(self, since: int) -> HashChanges:
        return self.inner.changes(since)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return self.inner.get(entries)

    def count(self) -> int:
        return self.inner.count()

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return self.inner.enrolments()


def test_the_version_is_asked_at_once_when_a_change_is_announced() -> None:
    kept, hint = MemoryStore(), Hint()
    hashes = AnnouncedHashes(kept.enrolled_hashes, hint)
    before = hashes.version()

    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    hint.version = kept.enrolled_hashes.version()

    assert hashes.version() == hint.version > before
    assert hashes.enrolments() == kept.enrolled_hashes.enrolments()
    assert hashes.changes(before) == kept.enrolled_hashes.changes(before)
    entries = [row.entry for row in hashes.changes(before).changed]
    assert hashes.get(entries) == kept.enrolled_hashes.get(entries)
    assert hashes.count() == len(entries) == 8


def test_a_change_that_nobody_announced_is_seen_all_the_same() -> None:
    kept = MemoryStore()
    hashes = AnnouncedHashes(kept.enrolled_hashes, Hint())
    before = hashes.version()

    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)

    until(lambda: hashes.version() == kept.enrolled_hashes.version() > before)


def test_sql_is_not_asked_each_time() -> None:
    inner = CountingHashes(MemoryStore())
    hashes = AnnouncedHashes(inner, Hint())

    for _ in range(1000):
        hashes.version()

    assert inner.asked < 500


def test_the_version_is_never_one_that_was_only_announced() -> None:
    kept, hint = MemoryStore(), Hint()
    hint.version = 99  # announced by an installation that was set back to an older backup since

    assert AnnouncedHashes(kept.enrolled_hashes, hint).version() == kept.enrolled_hashes.version()
