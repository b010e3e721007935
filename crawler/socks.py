"""Connections through a SOCKS 5 proxy (RFC 1928), for .onion hosts: the proxy is told the name, and nobody else is asked for it.

There is no address of an onion that could be checked; what it leads to is the proxy's to find. So whoever uses this makes sure that
only .onion names come here, and everything else keeps its guard.
"""

import asyncio
import socket
from typing import TYPE_CHECKING, Final

from aiohttp import BaseConnector, ClientConnectionError, ClientRequest, ClientTimeout
from aiohttp.client_proto import ResponseHandler

from crawler.urls import is_onion

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

VERSION: Final = 5
NO_PASSWORD: Final = 0
CONNECT: Final = 1
BY_NAME: Final = 3
ADDRESS_BYTES: Final = {1: 4, 4: 16}  # of the address in an answer, by its kind
CONNECT_S: Final = 60.0  # a circuit to an onion takes its time

# RFC 1928 §6, and Tor's own (https://spec.torproject.org/socks-extensions.html).
REASONS: Final = {
    1: "the proxy failed",
    2: "the proxy may not",
    3: "no way there",
    4: "the onion is not there",
    5: "the onion refuses the connection",
    6: "it took too long",
    0xF0: "there is no such onion",
    0xF1: "there is no such onion",
    0xF6: "that is no onion's name",
}


class ProxyRefused(ClientConnectionError):
    """The proxy could not, or would not, connect. The text is the reason."""


class OnionConnector(BaseConnector):
    """aiohttp's pool of connections, each begun by asking the proxy for the name."""

    def __init__(self, proxy: str) -> None:
        """proxy   "host:port" """
        super().__init__(limit=0)
        host, _, port = proxy.rpartition(":")
        self._proxy = host.strip("[]"), int(port)

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: "list[Trace]",  # noqa: ARG002  # aiohttp's signature; nobody traces
        timeout: ClientTimeout,  # noqa: ASYNC109  # as above
    ) -> ResponseHandler:
        host, port = req.url.raw_host or "", req.url.port or 0
        if not is_onion(host):
            raise ProxyRefused("only an onion is asked through the proxy")
        tls = req.ssl if req.is_ssl() else None
        async with asyncio.timeout(timeout.connect):
            connected = await self._asked(host, port)
            try:
                _, protocol = await self._loop.create_connection(
                    self._factory,
                    sock=connected,
                    ssl=tls,  # type: ignore[arg-type]  # the fetch gives a context of its own for https
                    server_hostname=host if tls else None,
                )
            except BaseException:
                connected.close()
                raise
        return protocol

    async def _asked(self, host: str, port: int) -> socket.socket:
        """A socket whose far end is the onion."""
        loop = self._loop
        family, kind, number, _, address = (await loop.getaddrinfo(*self._proxy, type=socket.SOCK_STREAM))[0]
        opened = socket.socket(family, kind, number)
        try:
            opened.setblocking(False)
            await loop.sock_connect(opened, address)
            await loop.sock_sendall(opened, bytes([VERSION, 1, NO_PASSWORD]))
            if await self._read(opened, 2) != bytes([VERSION, NO_PASSWORD]):
                raise ProxyRefused("the proxy wants a password")
            name = host.encode("ascii")
            await loop.sock_sendall(
                opened, bytes([VERSION, CONNECT, 0, BY_NAME, len(name)]) + name + port.to_bytes(2, "big")
            )
            await self._told(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    async def _told(self, opened: socket.socket) -> None:
        version, status, _, kind = await self._read(opened, 4)
        if version != VERSION:
            raise ProxyRefused("the proxy speaks no SOCKS 5")
        if status != 0:
            raise ProxyRefused(REASONS.get(status, "the proxy could not connect"))
        length = ADDRESS_BYTES[kind] if kind in ADDRESS_BYTES else (await self._read(opened, 1))[0]
        await self._read(opened, length + 2)  # where the proxy is bound, which nobody needs

    async def _read(self, opened: socket.socket, length: int) -> bytes:
        """Exactly so much: what follows belongs to the connection."""
        taken = b""
        while len(taken) < length:
            more = await self._loop.sock_recv(opened, length - len(taken))
            if not more:
                raise ProxyRefused("the proxy closed the connection")
            taken += more
        return taken
