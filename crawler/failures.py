"""What went wrong on the wire, as a named state and a sentence. No error of aiohttp leaves this room, and no URL is in a sentence."""

import ssl
from collections.abc import Iterator

import aiohttp

from core.model import State
from crawler.connecting import AddressRefused

EXPECTED = (aiohttp.ClientError, OSError)
"""All that asking a site for something can raise; TimeoutError and ssl.SSLError are OSErrors."""

# The first that fits. Order matters: the special before the general.
FAILURES: tuple[tuple[type[BaseException], State, str], ...] = (
    (aiohttp.ConnectionTimeoutError, State.TIMEOUT, "no connection in the time allowed"),
    (aiohttp.SocketTimeoutError, State.TIMEOUT, "the site fell silent for longer than allowed"),
    (TimeoutError, State.TIMEOUT, "the answer took longer than allowed"),
    (aiohttp.ClientConnectorDNSError, State.UNREACHABLE, "the name has no address"),
    (aiohttp.ClientConnectorCertificateError, State.UNREACHABLE, "its certificate is not valid for this name"),
    (aiohttp.ClientSSLError, State.UNREACHABLE, "TLS failed"),
    (ssl.SSLError, State.UNREACHABLE, "TLS failed"),
    (aiohttp.ClientConnectorError, State.UNREACHABLE, "no connection"),
    (aiohttp.ClientPayloadError, State.TRUNCATED, "the body ends before it is complete"),
    (aiohttp.ServerDisconnectedError, State.UNREACHABLE, "the site closed the connection without an answer"),
    (aiohttp.ClientResponseError, State.HTTP_ERROR, "the answer is not valid HTTP"),
    (aiohttp.InvalidURL, State.REFUSED, "it is no URL that can be asked for"),
    (aiohttp.ClientError, State.UNREACHABLE, "the connection broke"),
    (OSError, State.UNREACHABLE, "the connection broke"),
)


def failure(error: BaseException) -> tuple[State, str]:
    for cause in _causes(error):
        if isinstance(cause, AddressRefused):
            return State.REFUSED, str(cause)
    return next((state, reason) for kind, state, reason in FAILURES if isinstance(error, kind))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it; bounded, because a chain may close in on itself."""
    cause: BaseException | None = error
    for _ in range(10):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__
