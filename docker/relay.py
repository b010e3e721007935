"""Hands the page out of its container: copies bytes from LISTEN to TARGET, both HOST:PORT.

The page listens on loopback only, because it has no sign-in yet, and a container's loopback cannot be published. This runs
beside it in the same network namespace and listens on the one network that nobody else is on; see docker-compose.yml.
"""

import asyncio
import sys
from contextlib import suppress


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def relay(listen: str, target: str) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*address(target))
        except OSError:
            writer.close()  # the page is not up: the browser says so
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
        for each in (writer, far_writer):
            each.close()

    server = await asyncio.start_server(connected, *address(listen))
    print("listening on", *server.sockets[0].getsockname()[:2], flush=True)
    await server.serve_forever()


def address(text: str) -> tuple[str, int]:
    host, port = text.rsplit(":", 1)
    return host, int(port)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(relay(*sys.argv[1:]))
