"""An onion is asked through its proxy and by nothing else; everything else keeps away from the proxy, and keeps its guard.

Runs alone on its network: a name that reached a name server would be seen, and there is nothing else to reach.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from core.model import State, WatchedSite
from crawler.fetch import Fetched, GuardedFetch, NotFetched, Wanted
from crawler.scope import Scope
from tests.crawler.wire import QUICK, USER_AGENT, response, run, saying, watched, wire
from tests.namespace import require_own_network

pytestmark = pytest.mark.own_network

ONION = "a" * 56 + ".onion"
OTHER = "b" * 56 + ".onion"
GRANTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


@pytest.fixture(scope="module", autouse=True)
def own_network() -> None:
    require_own_network()


@dataclass
class Proxy:
    """SOCKS 5, as much of it as a client needs; all names lead to one site."""

    port: int = 0
    asked: list[tuple[int, str, int]] = field(default_factory=list)  # kind of address, name, port


@asynccontextmanager
async def socks(site_port: int, answer: bytes = GRANTED, method: int = 0) -> AsyncIterator[Proxy]:
    proxy = Proxy()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(bytes([5, method]))
        if method != 0:
            writer.close()
            return
        _, _, _, kind = await reader.readexactly(4)
        length = (await reader.readexactly(1))[0] if kind == 3 else 4
        name = await reader.readexactly(length)
        port = int.from_bytes(await reader.readexactly(2), "big")
        proxy.asked.append((kind, name.decode("latin-1"), port))
        for byte in answer:  # one by one: an answer may come in any pieces
            writer.write(bytes([byte]))
            await writer.drain()
        if answer[1] != 0:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", site_port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(4096):
        writer.write(piece)
        await writer.drain()
    writer.close()


class Names:
    """Keeps what name servers were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return ["127.0.0.1"]


def onion_site(proxy_port: int | None, *hosts: str) -> WatchedSite:
    proxy = None if proxy_port is None else f"127.0.0.1:{proxy_port}"
    return watched(*hosts or (ONION,), allow_private=False, socks_proxy=proxy)


async def ask(site: WatchedSite, url: str, names: Names) -> Fetched | NotFetched:
    async with GuardedFetch(Scope(site), USER_AGENT, QUICK, lambda: None, resolve=names) as fetch:
        return await fetch.fetch(url, wanted=Wanted.PAGE)


def test_the_proxy_is_told_the_name_and_no_name_server_is() -> None:
    async def look() -> None:
        names = Names()
        async with wire(saying(response(b"<p>hidden"))) as hidden, socks(hidden.port) as proxy:
            outcome = await ask(onion_site(proxy.port), f"http://{ONION}/a?b", names)

            assert isinstance(outcome, Fetched)
            assert outcome.body == b"<p>hidden"
            assert proxy.asked == [(3, ONION, 80)]
            assert names.asked == []
            assert f"Host: {ONION}\r\n" in hidden.heads[0]

    run(look())


def test_without_a_proxy_an_onion_is_asked_for_by_nobody() -> None:
    async def look() -> None:
        names = Names()
        for host in (ONION, f"{ONION}."):
            outcome = await ask(onion_site(None, host), f"http://{host}/", names)

            assert isinstance(outcome, NotFetched)
            assert outcome.state is State.REFUSED
        assert names.asked == []

    run(look())


@pytest.mark.parametrize("host", ["gallery.example", "onion", "127.0.0.1", f"{ONION}.example", f"{ONION}.com"])
def test_what_is_no_onion_never_comes_to_the_proxy_and_keeps_its_guard(host: str) -> None:
    async def look() -> None:
        names = Names()
        async with wire(saying(response(b"<p>private"))) as private, socks(private.port) as proxy:
            outcome = await ask(onion_site(proxy.port, ONION, host), f"http://{host}/", names)

            assert isinstance(outcome, NotFetched)
            assert outcome.state is State.REFUSED  # it leads to 127.0.0.1
            assert proxy.asked == []
            assert private.heads == []

    run(look())


@pytest.mark.parametrize(
    ("to", "state"),
    [
        (f"http://{OTHER}/", State.OUT_OF_SCOPE),
        ("http://127.0.0.1/", State.REFUSED),
        ("http://gallery.example/", State.REFUSED),
        ("http://elsewhere.example/", State.OUT_OF_SCOPE),
    ],
)
def test_an_onion_that_redirects_leads_nowhere_new(to: str, state: State) -> None:
    async def look() -> None:
        async with wire(saying(response(status="302 X", location=to))) as hidden, socks(hidden.port) as proxy:
            outcome = await ask(onion_site(proxy.port, ONION, "gallery.example"), f"http://{ONION}/", Names())

            assert isinstance(outcome, NotFetched)
            assert outcome.state is state
            assert proxy.asked == [(3, ONION, 80)]

    run(look())


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (b"\x05\x04\x00\x01" + bytes(6), 0),
        (b"\x05\xf0\x00\x01" + bytes(6), 0),
        (b"\x04\x5a" + bytes(6), 0),
        (GRANTED, 255),
    ],
    ids=["not there", "no such onion", "SOCKS 4", "wants a password"],
)
def test_a_proxy_that_does_not_connect_is_no_answer_of_the_site(answer: bytes, method: int) -> None:
    async def look() -> None:
        async with wire(saying(response(b"<p>hidden"))) as hidden, socks(hidden.port, answer, method) as proxy:
            outcome = await ask(onion_site(proxy.port), f"http://{ONION}/", Names())

            assert isinstance(outcome, NotFetched)
            assert outcome.state is State.UNREACHABLE
            assert hidden.heads == []

    run(look())


def test_a_proxy_that_is_away_is_no_answer_of_the_site() -> None:
    async def look() -> None:
        outcome = await ask(onion_site(9), f"http://{ONION}/", Names())

        assert isinstance(outcome, NotFetched)
        assert outcome.state is State.UNREACHABLE

    run(look())


def test_an_answer_that_names_a_long_address_is_read_to_its_end() -> None:
    async def look() -> None:
        answer = b"\x05\x00\x00\x03" + bytes([9]) + b"somewhere" + b"\x00\x50"
        async with wire(saying(response(b"<p>hidden"))) as hidden, socks(hidden.port, answer) as proxy:
            outcome = await ask(onion_site(proxy.port), f"http://{ONION}/", Names())

            assert isinstance(outcome, Fetched)
            assert outcome.body == b"<p>hidden"

    run(look())
