"""Where connections may go. The addresses that were checked are the addresses that are connected to.

A name is resolved once, all its addresses must pass, and aiohttp is handed those and no name. The socket asks again before
it exists: whatever way an address came, a literal in a URL included, there is no connection that was not allowed.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from crawler.scope import Scope

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host name to its addresses, as text. Raises OSError when there are none; UnicodeError when it can be no name."""


class AddressRefused(OSError):
    """An address lies where no crawler may go. The text is the reason."""


async def ask_the_system(host: str) -> Sequence[str]:
    answers = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


class GuardedResolver(AbstractResolver):
    def __init__(self, scope: Scope, resolve: Resolve) -> None:
        self._scope = scope
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            addresses = await self._resolve(host)
        except UnicodeError as error:
            raise OSError("no name server can be asked for this name") from error
        if not addresses:
            raise OSError("the name has no address")
        for address in addresses:
            reason = self._scope.address_refusal(address)
            if reason is not None:
                raise AddressRefused(reason)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=_family(address),
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
            if family in (socket.AF_UNSPEC, _family(address))
        ]

    async def close(self) -> None:
        pass


def guarded_sockets(scope: Scope) -> Callable[[AddrInfoType], socket.socket]:
    def open_socket(where: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = where
        reason = scope.address_refusal(str(address[0]))
        if reason is not None:
            raise AddressRefused(reason)
        return socket.socket(family=family, type=kind, proto=protocol)

    return open_socket


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
