"""What may live in Redis, because it can be rebuilt: who leads, and the signal that the hash set changed.

Redis being gone is never dangerous here. Nobody leads without it, and changes of the hash set are then seen in SQL.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError
from redis.retry import Retry

from core.errors import ConfigError, StoreUnavailable
from core.model import Enrolment, HashChanges
from core.ports import EnrolledHashes, Heard

log = logging.getLogger(__name__)

TIMEOUT_S = 2.0  # for connecting, and for each answer
QUIET_S = 0.2  # listening is looked up from so often, to stop or to find Redis gone
VERSION = "stillwatch:hashes:version"  # a key, and the channel of the same name
LEADER = "stillwatch:leader:"

HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
ANNOUNCE = """
local known = tonumber(redis.call('GET', KEYS[1]))
if not known or known < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return redis.call('PUBLISH', KEYS[1], ARGV[1])
"""


def check(url: str) -> None:
    """At the start: Redis answers, lets us in, and forgets nothing by itself."""
    with client(url) as server, _translated():
        server.ping()
        try:
            answer = server.config_get("maxmemory-policy")
        except RedisError as refused:  # a hosted Redis often forbids to ask
            log.warning("redis.policy_unknown: %s", refused)
            return
        policy = dict(answer).get("maxmemory-policy")
    if policy != "noeviction":
        raise ConfigError(
            f"Redis may throw keys away (maxmemory-policy {policy!r}); the cure: redis-cli config set maxmemory-policy noeviction"
        )


def client(url: str, *, timeout_s: float = TIMEOUT_S, tries: int = 2) -> redis.Redis:
    """tries   a second one finds a connection dead that was idle while Redis was restarted; only for what may be asked twice"""
    try:
        return redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), tries - 1),
        )
    except ValueError:  # may repeat the URL, which may hold a password: it is in no log, not even as what came before
        raise ConfigError(
            "REDIS_URL cannot be read; write redis://user:password@host:6379/0, or rediss:// for TLS"
        ) from None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
        raise ConfigError(f"Redis does not let us in ({error}); check the user and password in REDIS_URL") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(
            f"Redis does not answer ({error}); check REDIS_URL and the server, and try again"
        ) from error


class RedisLeadership:
    """A lease that Redis ends by its own clock."""

    def __init__(self, url: str) -> None:
        self._redis = client(url)

    def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        with _translated():
            return bool(self._redis.eval(HOLD, 1, LEADER + name, holder, max(1, round(ttl_s * 1000))))

    def release(self, name: str, holder: str) -> None:
        with _translated():
            self._redis.eval(RELEASE, 1, LEADER + name, holder)


class RedisAnnouncer:
    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = client(url)

    def announce(self, version: int) -> None:
        """A courtesy: when Redis is gone the change is seen in SQL a moment later, so that is a warning and no error."""
        try:
            self._redis.eval(ANNOUNCE, 1, VERSION, version)
        except (RedisError, OSError) as error:
            log.warning("hashes.not_announced: %s", error)

    @contextmanager
    def listen(self) -> Iterator["Listener"]:
        """Never fails: with Redis gone, nothing is heard until it is back."""
        listener = Listener(self._url)
        try:
            yield listener
        finally:
            listener.stop()


class Listener:
    """Hears announcements in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._redis = client(url)
        self._latest: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hashes-announced", daemon=True)
        self._thread.start()

    def latest(self) -> int | None:
        return self._latest

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        wait_s = 0.1
        while not self._stopping.is_set():
            try:
                for version in self._hear():
                    self._latest = version if self._latest is None else max(version, self._latest)
                    wait_s = 0.1
            except (RedisError, OSError) as error:
                self._latest = None
                log.warning("hashes.not_listening: %s", error)
                self._stopping.wait(wait_s)
                wait_s = min(2 * wait_s, 5.0)

    def _hear(self) -> Iterator[int]:
        """What is announced, until stopped. The key is read after subscribing and whenever it was quiet: nothing is missed."""
        with PubSub(self._redis.connection_pool, ignore_subscribe_messages=True) as announcements:
            announcements.subscribe(VERSION)
            while not self._stopping.is_set():
                known = self._redis.get(VERSION)
                if isinstance(known, str):
                    yield int(known)
                message = announcements.get_message(timeout=QUIET_S)
                while message is not None:
                    with suppress(ValueError):
                        yield int(message["data"])
                    message = announcements.get_message(timeout=0.0)


class AnnouncedHashes:
    """Enrolled hashes whose version is asked again at once when a change is announced, and twice a second otherwise.

    The version is always the one in SQL, never the one that was announced: a matcher must not believe to hold what it has not read.
    """

    ASKED_EVERY_S = 0.5

    def __init__(self, inner: EnrolledHashes, heard: Heard) -> None:
        self._inner = inner
        self._heard = heard
        self._lock = threading.Lock()
        self._version = 0
        self._asked_after: int | None = None  # what had been announced when the version was asked last
        self._ask_again = float("-inf")  # on the monotonic clock

    def version(self) -> int:
        announced = self._heard.latest()
        with self._lock:
            if announced != self._asked_after or time.monotonic() >= self._ask_again:
                self._version = self._inner.version()
                self._asked_after = announced
                self._ask_again = time.monotonic() + self.ASKED_EVERY_S
            return self._version

    def changes(self, since: int) -> HashChanges:
        return self._inner.changes(since)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return self._inner.get(entries)

    def count(self) -> int:
        return self._inner.count()

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return self._inner.enrolments()
