"""The proxy of a browser that is to reach nothing: it answers no request, opens no connection, and counts who tried.

All that a page may have is handed to the browser by the interception (crawler.page_visit). Who comes here went past that: a web
socket, a worker, a prefetch, the browser itself.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

REFUSAL: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LONGEST_HEAD: Final = 16 * 1024  # bytes
HEAD_S: Final = 5.0


class RefusingProxy:
    """An async context manager. Listens on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.refused = 0  # requests
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._refuse, "127.0.0.1", 0, limit=LONGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_S):
                await reader.readuntil(b"\r\n\r\n")
            self.refused += 1
            writer.write(REFUSAL)
            await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # what says no request is answered nothing
        finally:
            writer.close()
