"""The frontier in Redis: crawlers on many machines, several of them on one pass of one site.

What several must see as one is one script (crawler/frontier.lua, which names the keys). A worker is alive as long as it renews a key
that Redis ends by its own clock; what a dead one had leased is free with the next call of anybody. A worker that was away for longer,
because its machine was paused, may find its URLs done by others: what it then brings is taken all the same, for looking twice is
harmless, and only what it would give back is not taken from another.

An emptied Redis costs no hit, as hits are in SQL before a URL ends here: the calls on the pass that is gone raise
StoreUnavailable, and the next crawl starts from the start URLs. One Redis, no cluster: a script names its keys as it goes.
"""

import base64
import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote, unquote

import redis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)

from core.errors import ConfigError, StoreUnavailable
from core.model import State, derived_id, rfc3339
from crawler import branches, met, traps
from crawler.frontier import UNASKED, Found, Leased, Pass, Tally, What, host_of

log = logging.getLogger(__name__)

TTL_S = 10.0  # a worker whose key was not renewed for so long is taken for dead
RENEWED_EVERY_S = 2.0
TIMEOUT_S = 10.0  # for connecting, and for each answer: an index page of a large site is stored in milliseconds
DELETED_AT_ONCE = 1_000  # keys a call: Redis answers nobody else meanwhile
SCANNED_AT_ONCE = 1_000  # the same
ENDED_AT_ONCE = 2_000  # URLs a call: the same
SUMMARY_KEPT_S = 7 * 24 * 3600  # the counts of a finished pass, for workers that were away when it ended
TURNS_KEPT_MS = 60_000  # after the last one: a host's first turn comes after the delay anyway

PREFIX = "stillwatch:frontier:"
WORKERS, PASSES = f"{PREFIX}worker:", f"{PREFIX}pass:"
SITES, OLD = f"{PREFIX}site:", f"{PREFIX}old:"
PAUSES, TURNS, ROBOTS = f"{PREFIX}pauses:", f"{PREFIX}turns:", f"{PREFIX}robots:"
OF_A_SITE = (SITES, OLD, PAUSES, ROBOTS)
LARGE = ("ids", "rows", "mentions", "pictures", "branches", "listed", "leased", "workers", "hosts")
OF_A_HOST = ("image", "page", "heads", "later")

PAUSE = """
local until_then = redis.call('HGET', KEYS[1], ARGV[1])
if not until_then or tonumber(until_then) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
"""
# By the clock of Redis, which is one for all machines. Milliseconds.
TURN = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local delay = tonumber(ARGV[1])
local turn = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now + delay))
redis.call('SET', KEYS[1], string.format('%.0f', turn + delay), 'PX', string.format('%.0f', turn + delay - now + ARGV[2]))
return turn - now
"""


class Client(Protocol):
    """What makes a client of the one Redis that all share: stores.redis.client, which knows the URL."""

    def __call__(self, *, timeout_s: float, tries: int) -> redis.Redis: ...


class RedisFrontier:
    """See crawler.frontier.Frontier. A context manager that closes the connections; connects when it is first asked."""

    def __init__(self, client: Client, *, ttl_s: float = TTL_S, renewed_every_s: float = RENEWED_EVERY_S) -> None:
        self._ttl_ms = round(ttl_s * 1000)
        self._renewed_every_s = renewed_every_s
        self._redis = client(timeout_s=TIMEOUT_S, tries=2)
        # An answer that was lost may have leased something: asked again, that would be nobody's until this worker ends.
        self._once = client(timeout_s=TIMEOUT_S, tries=1)
        self._script = self._redis.register_script(Path(__file__).with_name("frontier.lua").read_text(encoding="utf-8"))
        self._pause = self._redis.register_script(PAUSE)
        self._turn = self._redis.register_script(TURN)
        self._here: dict[str, set[str]] = {}  # workers of this process → passes in which they leased

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._redis.close()
        self._once.close()

    # ------------------------------------------------------------------------------------------------------- workers

    @contextmanager
    def worker(self) -> Iterator[str]:
        name = secrets.token_hex(8)
        with _translated():
            self._redis.set(WORKERS + name, "1", px=self._ttl_ms)
        self._here[name] = set()
        heart = _Heart(self._redis, name, self._ttl_ms, self._renewed_every_s)
        try:
            yield name
        finally:
            heart.stop()
            try:
                self.release(name)
                with _translated():
                    self._redis.delete(WORKERS + name)
            except StoreUnavailable as error:  # its leases end with its key
                log.warning("frontier.not_released: %s", error)
            self._here.pop(name, None)

    def release(self, worker: str) -> None:
        for pass_id in self._here.get(worker, ()):
            with suppress(_PassGone):
                self._ask("release", pass_id, worker=worker)

    def together(self) -> AbstractContextManager[None]:
        """Each call is a transaction of Redis's, and sure when it returns."""
        return nullcontext()

    # -------------------------------------------------------------------------------------------------------- passes

    def begin(self, site: str, starts: Sequence[Found], now: datetime) -> Pass:
        pass_id = derived_id("pass", site, rfc3339(now), secrets.token_hex(8))
        keys = [PASSES + pass_id, SITES + _named(site), OLD + _named(site)]
        answer = json.loads(
            self._ask(
                "begin",
                pass_id,
                keys=keys,
                passes=PASSES,
                site=_named(site),
                id=pass_id,
                started=rfc3339(now),
                found=_fields(starts),
            )
        )
        current = Pass(
            id=answer["id"], site=site, started=datetime.fromisoformat(answer["started"]), resumed=answer["resumed"]
        )
        if not current.resumed:
            self._prune(site)
        return current

    def close(self, pass_id: str, now: datetime) -> bool:
        return bool(json.loads(self._ask("close", pass_id, finished=rfc3339(now))))

    def sites(self) -> Sequence[str]:
        with _translated():
            return sorted({unquote(name.removeprefix(kind)) for kind in OF_A_SITE for name in self._names(kind)})

    def erase(self, site: str, begun_before: datetime | None = None) -> int:
        """Turns end by themselves, a minute after the last one."""
        kinds = ("", SITES, OLD, PAUSES, ROBOTS)
        keys = [kind and kind + _named(site) for kind in kinds]
        before = None if begun_before is None else rfc3339(begun_before)
        gone = int(self._ask("erase", "", keys=keys, passes=PASSES, begun_before=before))
        self._prune(site)
        return gone

    def _prune(self, site: str) -> None:
        """Deletes what finished and erased passes left, in slices; what is large Redis frees beside its work. Taken up when broken off."""
        with _translated():
            for pass_id in self._members(OLD + _named(site)):
                name = PASSES + pass_id
                count = int(self._text(self._redis.hget(name, "branches")) or 0)
                names = [
                    *(f"{name}:branch:{n}" for n in range(1, count + 1)),
                    *(f"{name}:{kind}:{host}" for host in self._members(f"{name}:hosts") for kind in OF_A_HOST),
                    *(f"{name}:{kind}" for kind in LARGE),  # last: the hosts are among them
                ]
                for start in range(0, len(names), DELETED_AT_ONCE):
                    self._redis.unlink(*names[start : start + DELETED_AT_ONCE])
                self._redis.expire(name, SUMMARY_KEPT_S)
                self._redis.srem(OLD + _named(site), pass_id)

    def push(self, pass_id: str, found: Sequence[Found]) -> None:
        self._ask("push", pass_id, found=_fields(found))

    def tally(self, pass_id: str) -> Tally:
        with _translated():
            fields = self._mapping(PASSES + pass_id)
        if not fields:
            raise _PassGone(GONE)
        counts = {
            (what, state): int(fields[name])
            for what in What
            for state in State
            if fields.get(name := f"{what} {state}", "0") != "0"
        }
        return Tally(
            counts=counts,
            asked={what: int(fields.get(f"{what}s_asked", 0)) for what in What},
            hits=int(fields.get("hits", 0)),
            byte_count=int(fields.get("byte_count", 0)),
        )

    # -------------------------------------------------------------------------------------------------------- leases

    def lease(
        self,
        pass_id: str,
        worker: str,
        *,
        per_host: int,
        under_way: Mapping[str, int],
        at_most: Mapping[What, int],
        now: float,
        of_pass: Mapping[What, int] | None = None,
    ) -> Sequence[Leased]:
        self._here.setdefault(worker, set()).add(pass_id)
        answer = self._ask(
            "lease",
            pass_id,
            client=self._once,
            worker=worker,
            ttl_ms=self._ttl_ms,
            per_host=per_host,
            under_way=dict(under_way),
            at_most={what: at_most.get(what, 0) for what in What},
            of_pass=dict(of_pass or {}),
            now=now,
        )
        return [
            Leased(
                url=each["url"],
                what=What(each["what"]),
                host=each["host"],
                attempts=each["attempts"],
                found_on=each["found_on"],
            )
            for each in json.loads(answer)
        ]

    def give_back(self, pass_id: str, url: str, *, due: float, counted: bool) -> None:
        self._ask("give_back", pass_id, id=_digest(url), workers_here=list(self._here), due=due, counted=counted)

    def turn(self, site: str, host: str, delay_s: float, now: float) -> float:  # noqa: ARG002  # Redis's clock is one for all
        with _translated():
            key = f"{TURNS}{_named(site)}:{host}"
            wait_ms = self._turn(keys=[key], args=[round(delay_s * 1000), TURNS_KEPT_MS])
        return int(str(wait_ms)) / 1000

    def pause(self, site: str, host: str, until: float) -> None:
        with _translated():
            self._pause(keys=[PAUSES + _named(site)], args=[host, until])

    def paused_until(self, site: str, host: str) -> float:
        with _translated():
            return float(self._text(self._redis.hget(PAUSES + _named(site), host)) or 0.0)

    def next_due(self, pass_id: str) -> float | None:
        due = float(json.loads(self._ask("next_due", pass_id, workers_here=list(self._here))))
        return due if due >= 0 else None

    def end_waiting(self, pass_id: str, state: State, *, what: What | None = None, host: str | None = None) -> int:
        ended = 0
        while n := int(self._ask("end_waiting", pass_id, state=state, what=what, host=host, at_once=ENDED_AT_ONCE)):
            ended += n
        return ended

    # ------------------------------------------------------------------------------------------------------- endings

    def pages_showing(self, pass_id: str, url: str) -> Sequence[str]:
        """None of a pass that is gone: whoever looked at a picture of it still tells of what was found."""
        try:
            return _texts(self._ask("pages_showing", pass_id, id=_digest(url)))
        except _PassGone:
            return ()

    def finish(
        self,
        pass_id: str,
        url: str,
        state: State,
        *,
        what: What,
        byte_count: int = 0,
        hits: Sequence[str] = (),
        new_hits: int = 0,
        children: Sequence[Found] = (),
        told: Collection[str] = (),
    ) -> Sequence[str]:
        answer = self._ask(
            "finish",
            pass_id,
            id=_digest(url),
            state=state,
            what=what,
            byte_count=byte_count,
            hits=list(hits),
            new_hits=new_hits,
            found=_fields(children),
            told=list(told),
            was_asked=state not in UNASKED,
        )
        return _texts(answer)

    # -------------------------------------------------------------------------------------------------------- robots

    def robots_kept(self, site: str) -> Mapping[str, str]:
        with _translated():
            return self._mapping(ROBOTS + _named(site))

    def keep_robots(self, site: str, origin: str, kept: str) -> None:
        with _translated():
            self._redis.hset(ROBOTS + _named(site), origin, kept)

    # -------------------------------------------------------------------------------------------------------- inside

    def _ask(
        self,
        call: str,
        pass_id: str,
        /,
        *,
        keys: Sequence[str] | None = None,
        client: redis.Redis | None = None,
        **arguments: object,
    ) -> str:
        """The script's answer, JSON. An argument that is None is left out: to Lua, JSON's null is a value like any other."""
        arguments = {name: value for name, value in arguments.items() if value is not None} | {
            "workers": WORKERS,
            "pauses": PAUSES,
            "barren_pages": traps.BARREN_PAGES,
            "repeating_pages": traps.REPEATING_PAGES,
            "way_back": branches.WAY_BACK,
            "credit": branches.CREDIT,
            "mentions": met.MENTIONS,
            "met_at_most": met.MET_AT_MOST,
        }
        with _translated():
            answer = self._script(keys=keys or [PASSES + pass_id], args=[call, json.dumps(arguments)], client=client)
        return str(answer)

    def _names(self, prefix: str) -> list[str]:
        return [str(each) for each in self._redis.scan_iter(f"{prefix}*", count=SCANNED_AT_ONCE)]

    def _members(self, key: str) -> list[str]:
        return sorted(str(each) for each in self._redis.sscan_iter(key))

    def _mapping(self, key: str) -> dict[str, str]:
        return {str(name): str(value) for name, value in dict(self._redis.hgetall(key)).items()}

    @staticmethod
    def _text(answer: object) -> str | None:
        return None if answer is None else str(answer)


class _PassGone(StoreUnavailable):
    pass


GONE = (
    "the crawl's pass is not in Redis any more: it was emptied, or restarted without what it held; "
    "crawl again, which starts from the start URLs, and no hit is lost"
)


class _Heart:
    """Renews a worker's key in a thread of its own, whatever else the worker waits for."""

    def __init__(self, client: redis.Redis, worker: str, ttl_ms: int, every_s: float) -> None:
        self._redis = client
        self._worker = worker
        self._ttl_ms = ttl_ms
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="frontier-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                if not self._redis.set(WORKERS + self._worker, "1", px=self._ttl_ms, xx=True):
                    # Away for too long: others may have what it had leased. What it brings of that counts, nothing else is needed.
                    log.warning("frontier.worker_was_away")
                    self._redis.set(WORKERS + self._worker, "1", px=self._ttl_ms)
            except (RedisError, OSError) as error:  # the worker itself finds that out, too
                log.warning("frontier.not_renewed: %s", error)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
        raise ConfigError(f"Redis does not let us in ({error}); check the user and password in REDIS_URL") from error
    except OutOfMemoryError as error:
        raise StoreUnavailable(
            f"the Redis of REDIS_URL is full ({error}); give it more maxmemory and crawl again"
        ) from error
    except ResponseError as error:
        if str(error).startswith("NOPASS"):
            raise _PassGone(GONE) from error
        raise StoreUnavailable(
            f"the Redis of REDIS_URL refuses ({error}); is it Redis 5 or newer, with scripts?"
        ) from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(
            f"Redis does not answer ({error}); check REDIS_URL and the server, and try again"
        ) from error


def _named(site: str) -> str:
    """As part of a key: no colon."""
    return quote(site, safe=" ")


def _digest(url: str) -> str:
    """A fifth of an average URL's length, and as good a name: 128 bits."""
    return _short(hashlib.blake2b(url.encode(), digest_size=16).digest())


def _short(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _fields(found: Sequence[Found]) -> list[dict[str, object]]:
    """With all that the script cannot work out: it knows no URLs."""
    return [_of_one(each) for each in found]


def _of_one(found: Found) -> dict[str, object]:
    fields: dict[str, object] = {
        "id": _digest(found.url),
        "url": found.url,
        "what": str(found.what),
        "host": host_of(found.url),
    }
    if found.state is not None:
        fields["state"] = found.state
    if found.known:
        fields["known"] = True
    if found.hits:
        fields["hits"] = found.hits
    if found.following:
        fields["following"] = True
    if found.what is What.PAGE and found.state is None:
        fields["shape"] = traps.shape(found.url)
    if found.what is What.IMAGE and (found.state is None or found.known):
        fields["picture"] = _short(hashlib.blake2b(traps.picture_key(found.url).encode(), digest_size=8).digest())
    return fields


def _texts(answer: str) -> list[str]:
    """Lua knows one kind of table: an empty list comes as {}."""
    return list(json.loads(answer))
