"""Sites that say exactly the bytes they are told to, for what no web server would say; and fetches of them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import uvloop

from core.model import Agreement, WatchedSite
from crawler.fetch import Fetched, FetchLimits, GuardedFetch, MayFetch, NotFetched, Wanted
from crawler.scope import Scope

T = TypeVar("T")
USER_AGENT = "Stillwatch/0.1 (+https://stillwatch.example/about)"
QUICK = FetchLimits(max_bytes=2**20, total_s=20, connect_s=5, idle_s=5)
AGREED = Agreement(agreed_by="the owner", agreed_on=date(2020, 1, 1), expires_on=date(2099, 1, 1), reference="T-1")

Says = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request, given its head."""


@dataclass
class Wire:
    port: int = 0
    heads: list[str] = field(default_factory=list)  # of all requests, as they came in

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def paths(self) -> list[str]:
        return [head.split()[1] for head in self.heads]


@asynccontextmanager
async def wire(
    says: Says, *, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Wire]:
    """One answer a connection; the connection is closed after it."""
    site = Wire()
    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            site.heads.append(head)
            await says(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked has gone, or the test is over
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(answer(reader, writer))
        answering.add(task)
        task.add_done_callback(answering.discard)

    server = await asyncio.start_server(connected, address, port, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering)


def saying(*pieces: bytes) -> Says:
    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)

    return says


def response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """With its length, unless `content_length` says another."""
    fields = {"content_length": str(len(body)), "connection": "close"} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


def by_path(answers: dict[str, bytes]) -> Says:
    async def says(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get(head.split()[1], response(status="404 Not Found")))

    return says


def watched(*hosts: str, image_hosts: tuple[str, ...] = (), allow_private: bool = True, **changes: Any) -> WatchedSite:
    return WatchedSite(
        name="local",
        kind="gallery",
        start=(),
        hosts=hosts,
        image_hosts=image_hosts,
        allow_private=allow_private,
        agreement=AGREED,
        **changes,
    )


@asynccontextmanager
async def fetching(*hosts: str, limits: FetchLimits = QUICK, **options: Any) -> AsyncIterator[GuardedFetch]:
    """A fetch whose agreement names these hosts."""
    still_agreed = options.pop("still_agreed", lambda: None)
    async with GuardedFetch(Scope(watched(*hosts)), USER_AGENT, limits, still_agreed, **options) as fetch:
        yield fetch


def fetched(
    says: Says,
    path: str = "/",
    *,
    wanted: Wanted = Wanted.PAGE,
    limits: FetchLimits = QUICK,
    may_fetch: MayFetch | None = None,
    **options: Any,
) -> Fetched | NotFetched:
    """What comes of asking such a site once."""

    async def ask() -> Fetched | NotFetched:
        async with wire(says) as site, fetching(site.host, limits=limits, **options) as fetch:
            return await fetch.fetch(site.url(path), wanted=wanted, may_fetch=may_fetch)

    return run(ask())


def run(main: Coroutine[Any, Any, T]) -> T:
    """In the loop that crawls run in, which cuts answers into other pieces than asyncio's own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(main, 60))
