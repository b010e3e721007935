"""The beginning of an error's body: enough to see whether a wall stands there."""

import asyncio
import contextlib
import zlib
from typing import Final

from aiohttp import ClientResponse

from crawler.failures import EXPECTED
from crawler.walls import READ

PATIENCE_S: Final = 3.0  # nothing hangs on it


async def beginning_of(response: ClientResponse) -> bytes:
    """Unpacked where it is gzip; as much as came in time."""
    packed = b""
    with contextlib.suppress(*EXPECTED):
        async with asyncio.timeout(PATIENCE_S):
            async for chunk in response.content.iter_any():
                packed += chunk
                if len(packed) >= READ:
                    break
    if response.headers.get("Content-Encoding", "").strip().lower() not in ("gzip", "x-gzip"):
        return packed[:READ]
    try:
        return zlib.decompressobj(wbits=31).decompress(packed, READ)
    except zlib.error:
        return b""
