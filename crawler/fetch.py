"""The one guarded fetch. Every request of a crawl goes through it: pages, robots.txt and pictures alike.

Each hop of each request is asked about: is the agreement still valid, is the URL within it, may robots.txt be passed, is
the address public. Redirects are followed here and nowhere else. No cookies, no referrer, no credentials, no proxy, but for
a login that was agreed (login.py) and the proxy of onions (socks.py).
Nothing is written to disk, and no failure is an exception: each ends in a named `State` with a sentence that holds no URL.
"""

import asyncio
import hashlib
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from core.model import Limits, State
from crawler.body import BodyLimits, Refused, read_body
from crawler.connecting import GuardedResolver, Resolve, ask_the_system, guarded_sockets
from crawler.error_body import beginning_of
from crawler.failures import EXPECTED, failure
from crawler.frontier import host_of
from crawler.login import Credential
from crawler.retry_after import http_date, retry_after_s
from crawler.scope import NO_URL, Scope, Wanted
from crawler.sniff import Kind
from crawler.socks import CONNECT_S, OnionConnector
from crawler.urls import Url, is_onion, parse, resolve
from crawler.walls import WALL_STATUSES, wall

__all__ = [
    "Copy",
    "FetchLimits",
    "Fetched",
    "GuardedFetch",
    "Kind",
    "MayFetch",
    "NotFetched",
    "Unchanged",
    "Wanted",
    "head_of",
    "validators",
]

MayFetch = Callable[[str], Awaitable[tuple[State, str] | None]]

ROBOTS_BYTES = 500 * 1024  # RFC 9309 wants at least so much read
NAMES_KEPT_S = 60  # checked addresses of a name are used again for so long
LONGEST_HEADER = 32 * 1024  # bytes; some sites' content policies are longer than aiohttp's 8 KiB
MOST_HEADERS = 256
LONGEST_VALIDATOR = 1024  # characters; what is longer is no tag
HEAD_BYTES = 2048  # of a picture: its length, its kind and, nearly always, its size in pixels
CONTENT_RANGE = re.compile(rf"bytes 0-{HEAD_BYTES - 1}/([0-9]{{1,15}})")
REDIRECTS = frozenset((301, 302, 303, 307, 308))
ACCEPT = {
    # Sites that choose a format by this are asked for one of those that are decoded.
    Wanted.IMAGE: {"Accept": "image/jpeg,image/png,image/webp,image/gif,*/*;q=0.5", "Accept-Encoding": "identity"},
    Wanted.PAGE: {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip"},
    Wanted.PART: {"Accept": "*/*", "Accept-Encoding": "gzip"},
    Wanted.ROBOTS: {"Accept": "text/plain,*/*;q=0.8", "Accept-Encoding": "gzip"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    max_bytes: int = 20 * 2**20  # of a body, after unpacking
    max_video_bytes: int = Limits().max_video_bytes
    total_s: float = 60.0  # all hops together, without waiting for `may_fetch`
    video_s: float = 300.0  # as long for the body of a video: 48 MiB at 170 KB/s
    connect_s: float = 10.0
    idle_s: float = 15.0  # between two pieces of an answer
    min_bytes_per_s: float = 1024.0
    redirects: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    url: str = field(repr=False)  # as asked for
    final_url: str = field(repr=False)  # canonical, after redirects
    status: int
    headers: Mapping[str, str] = field(repr=False)  # lower-case names
    body: bytes = field(repr=False)  # unpacked
    kind: Kind  # by its first bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFetched:
    url: str = field(repr=False)  # as asked for
    state: State
    reason: str
    status: int | None = None
    retry_after_s: float | None = None  # what the site asked for, between a second and a day
    kind: Kind | None = None  # what the body is, where that was the reason
    wall: bool = False  # a proof of being human was asked for instead
    final_url: str = field(default="", repr=False)  # that was asked last, after redirects; empty: none was

    @property
    def host(self) -> str:
        """Of which it says something: the one that was asked last."""
        return host_of(self.final_url or self.url)

    @property
    def not_now(self) -> bool:
        """It may be asked for later."""
        return self.wall or self.status in (429, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What is known of an earlier answer: a site can say that it is still the one (RFC 9110 §13), or show it by a part."""

    etag: str = field(default="", repr=False)  # as the site sent them; empty: it did not
    last_modified: str = field(default="", repr=False)
    byte_count: int = 0
    head: bytes = field(default=b"", repr=False)  # head_of its body; empty: only what the site says is asked

    @property
    def asked_with(self) -> Mapping[str, str]:
        """Request headers. Empty: there is nothing to ask by."""
        if self.etag or self.last_modified:
            by_tag = {"If-None-Match": self.etag} if self.etag else {}
            return by_tag | ({"If-Modified-Since": self.last_modified} if self.last_modified else {})
        return {"Range": f"bytes=0-{HEAD_BYTES - 1}"} if self.head and self.byte_count > HEAD_BYTES else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The site says that it has what it had. Of a part that looks the same nobody has said so: it is likely, and no proof."""

    url: str = field(repr=False)  # as asked for
    status: int  # 304, or 206 where the same length and the same beginning came


def head_of(body: bytes) -> bytes:
    return hashlib.blake2b(body[:HEAD_BYTES], digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class _Redirect:
    status: int
    location: str


class GuardedFetch:
    """An async context manager. Call `fetch` from within an asyncio task. How many at once, and how fast, is the caller's to bound."""

    def __init__(
        self,
        scope: Scope,
        user_agent: str,
        limits: FetchLimits,
        still_agreed: Callable[[], str | None],
        *,
        resolve: Resolve = ask_the_system,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        no_videos: str | None = None,
        on_bytes: Callable[[int], None] = lambda _: None,
        login: Credential | None = None,
    ) -> None:
        """
        still_agreed   asked before every hop; a reason when the agreement ended or was revoked
        no_videos      why videos are not fetched, which are then UNSUPPORTED for this reason; None: they are
        on_bytes       told how many bytes of a body came, whatever became of it
        login          what is said to be let in, where the agreement says so
        """
        self._scope = scope
        self._user_agent = user_agent
        self._limits = limits
        self._still_agreed = still_agreed
        self._resolve = resolve
        self._clock = clock
        self._no_videos = no_videos
        self._on_bytes = on_bytes
        self._login = login
        self._session: aiohttp.ClientSession | None = None
        self._onions: aiohttp.ClientSession | None = None  # through the proxy; None: the site has none

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._scope, self._resolve),
            socket_factory=guarded_sockets(self._scope),
            ttl_dns_cache=NAMES_KEPT_S,
            limit=0,
        )
        self._session = self._over(connector, self._limits.connect_s)
        if self._scope.socks_proxy is not None:
            self._onions = self._over(OnionConnector(self._scope.socks_proxy), max(CONNECT_S, self._limits.connect_s))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._session, self._onions):
            if session is not None:
                await session.close()
        self._session = self._onions = None

    def _over(self, connector: aiohttp.BaseConnector, connect_s: float) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            timeout=aiohttp.ClientTimeout(connect=connect_s, sock_read=self._limits.idle_s),
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
            auto_decompress=False,  # unpacked bounded, in body.py
            trust_env=False,
        )

    async def fetch(self, url: str, *, wanted: Wanted, may_fetch: MayFetch | None = None) -> Fetched | NotFetched:
        """may_fetch: asked before each hop (robots.txt); what it refuses with is the outcome.

        404 and 410 are GONE, other errors HTTP_ERROR. For ROBOTS every status is Fetched, the body cut at 500 KiB.
        """
        loop = asyncio.get_running_loop()
        left_s = self._limits.total_s
        hop, status, asked = parse(url), None, ""
        seen: set[Url] = set()
        while True:
            refusal = await self._refusal(hop, seen, wanted, may_fetch)
            if hop is None or refusal is not None:
                state, reason = refusal or (State.REFUSED, NO_URL)
                reason = f"redirected: {reason}" if seen else reason
                return NotFetched(url=url, state=state, reason=reason, status=status, final_url=asked)
            seen.add(hop)
            started = loop.time()
            outcome = await self._ask(url, hop, wanted, left_s)
            left_s -= loop.time() - started
            if not isinstance(outcome, _Redirect):
                assert not isinstance(outcome, Unchanged | None)  # said only of what is known
                return outcome
            hop, status, asked = resolve(outcome.location, hop), outcome.status, str(hop)

    async def fetch_again(
        self, url: str, known: Copy, *, wanted: Wanted, may_fetch: MayFetch | None = None
    ) -> Fetched | NotFetched | Unchanged:
        """`fetch`, where the site may also say that it has what it had. `known`: of this very URL, not of what it led to."""
        hop = parse(url)
        if hop is not None and known.asked_with:
            refusal = await self._refusal(hop, set(), wanted, may_fetch)
            if refusal is not None:
                return NotFetched(url=url, state=refusal[0], reason=refusal[1])
            answer = await self._ask(url, hop, wanted, self._limits.total_s, known)
            if answer is not None and not isinstance(answer, _Redirect):
                return answer
        return await self.fetch(url, wanted=wanted, may_fetch=may_fetch)

    async def _refusal(
        self, hop: Url | None, seen: set[Url], wanted: Wanted, may_fetch: MayFetch | None
    ) -> tuple[State, str] | None:
        if hop is None:
            return State.REFUSED, NO_URL
        if hop in seen:
            return State.REFUSED, "it leads in a circle"
        if len(seen) > self._limits.redirects:
            return State.REFUSED, f"more than {self._limits.redirects} in a row"
        refusal = self._scope.refusal_of(hop, wanted) or self._not_agreed()
        if refusal is None and may_fetch is not None:
            refusal = await may_fetch(str(hop)) or self._not_agreed()  # which may have waited for long
        return refusal

    def _not_agreed(self) -> tuple[State, str] | None:
        reason = self._still_agreed()
        return None if reason is None else (State.OUT_OF_SCOPE, reason)

    async def _ask(
        self, url: str, hop: Url, wanted: Wanted, left_s: float, known: Copy | None = None
    ) -> "Fetched | NotFetched | Unchanged | _Redirect | None":
        """None: it is not what is known, and all of it is wanted."""
        session = self._onions if is_onion(hop.host) else self._session
        if session is None:
            raise RuntimeError("GuardedFetch is not open; the cure: async with GuardedFetch(…) as fetch")
        # Built from its parts: no second parser reads the text that was checked.
        target = URL.build(
            scheme=hop.scheme, host=hop.host, port=hop.port, path=hop.path, query_string=hop.query or "", encoded=True
        )
        headers = ACCEPT[wanted]
        if known is not None:
            headers = {**headers, **known.asked_with}
        if self._login is not None:
            headers = {**headers, **self._login.headers_for(hop, wanted)}
        status = None
        try:
            async with (
                asyncio.timeout(left_s) as ends,
                session.get(
                    target, headers=headers, allow_redirects=False, ssl=_tls() if hop.scheme == "https" else True
                ) as response,
            ):
                status = response.status
                try:
                    if known is not None and status in (206, 304, 412, 416):
                        return await self._of_known(url, known, response)
                    return await self._answer(url, hop, wanted, response, ends)
                finally:
                    self._on_bytes(response.content.total_bytes)
        except EXPECTED as error:
            state, reason = failure(error)
            if status is not None and state is State.UNREACHABLE:
                state, reason = State.TRUNCATED, "the connection broke before the body was complete"
            return NotFetched(url=url, state=state, reason=reason, status=status, final_url=str(hop))

    async def _of_known(self, url: str, known: Copy, response: aiohttp.ClientResponse) -> "Unchanged | None":
        if response.status == 304:
            return Unchanged(url=url, status=304) if known.etag or known.last_modified else None
        whole = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if response.status != 206 or whole is None or int(whole[1]) != known.byte_count:
            return None
        head = b""
        async for chunk in response.content.iter_any():
            head += chunk
            if len(head) > HEAD_BYTES:
                return None
        return Unchanged(url=url, status=206) if len(head) == HEAD_BYTES and head_of(head) == known.head else None

    async def _answer(
        self, url: str, hop: Url, wanted: Wanted, response: aiohttp.ClientResponse, ends: asyncio.Timeout
    ) -> "Fetched | NotFetched | _Redirect":
        status, headers = response.status, response.headers
        if status in REDIRECTS and "Location" in headers:
            return _Redirect(status, headers["Location"])
        if wanted is not Wanted.ROBOTS and (status == 206 or not 200 <= status <= 299):
            now = http_date(headers.get("Date")) or self._clock()
            asked_s = retry_after_s(headers.get("Retry-After"), now=now)
            state, reason = _from_status(status)
            met = await self._wall(hop, response)
            return NotFetched(
                url=url,
                state=state,
                reason=met or reason,
                status=status,
                retry_after_s=asked_s,
                wall=met is not None,
                final_url=str(hop),
            )

        def on_video() -> None:
            ends.reschedule(asyncio.get_running_loop().time() + self._limits.video_s)

        outcome = await read_body(response, wanted, self._body_limits(wanted), on_video)
        if isinstance(outcome, Refused):
            return NotFetched(
                url=url,
                state=outcome.state,
                reason=outcome.reason,
                status=status,
                kind=outcome.kind,
                final_url=str(hop),
            )
        return Fetched(
            url=url,
            final_url=str(hop),
            status=status,
            headers=_lower_case(headers),
            body=outcome.content,
            kind=outcome.form.kind,
        )

    async def _wall(self, hop: Url, response: aiohttp.ClientResponse) -> str | None:
        body = await beginning_of(response) if response.status in WALL_STATUSES else b""
        return wall(response.status, _lower_case(response.headers), body, hop.host)

    def _body_limits(self, wanted: Wanted) -> BodyLimits:
        robots = wanted is Wanted.ROBOTS
        max_bytes = min(self._limits.max_bytes, ROBOTS_BYTES) if robots else self._limits.max_bytes
        return BodyLimits(
            max_bytes=max_bytes,
            max_video_bytes=None if robots else self._limits.max_video_bytes,
            min_bytes_per_s=self._limits.min_bytes_per_s,
            cut=robots,
            no_videos=self._no_videos,
        )


@cache
def _tls() -> ssl.SSLContext:
    """Certificates and names are verified. Made when first needed: reading all certificates takes a tenth of a second."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def validators(fetched: Fetched) -> tuple[str, str]:
    """ETag and Last-Modified of an answer, to be asked with again; both empty where another URL gave it, or they cannot be sent back."""
    if fetched.final_url != fetched.url:
        return "", ""
    sent = (fetched.headers.get(name, "").strip() for name in ("etag", "last-modified"))
    etag, last_modified = (
        text if len(text) <= LONGEST_VALIDATOR and text.isascii() and text.isprintable() else "" for text in sent
    )
    return etag, last_modified


def _lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    """A name that comes twice has both values, as RFC 9110 joins them."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _from_status(status: int) -> tuple[State, str]:
    if status in (404, 410):
        return State.GONE, f"the site says that it is not there ({status})"
    if status == 206:
        return State.TRUNCATED, "the site sent a part only, unasked (206)"
    return State.HTTP_ERROR, f"the site answered {status}"
