"""A real mail server on 127.0.0.1 that keeps what it is given, and misbehaves when asked to."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

T = TypeVar("T")


class Sink:
    """`on_rcpt`, `on_data`: what it answers instead of 250; "drop" breaks the connection there, "stall" waits for ever.

    `slow_s`: how long it thinks before and after it accepts.
    `meanwhile`: happens while the sender waits for the answer to its letter.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        on_rcpt: str = "250 OK",
        on_data: str = "250 OK",
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        password: str | None = None,
        meanwhile: Callable[[], None] = lambda: None,
        slow_s: float = 0.0,
    ) -> None:
        self.host = host
        self.on_rcpt = on_rcpt
        self.on_data = on_data
        self.received: list[bytes] = []
        self.recipients: list[str] = []
        self.encrypted: list[bool] = []
        self._tls, self._starttls, self._password = tls, starttls, password
        self._meanwhile = meanwhile
        self._slow_s = slow_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail sink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(self._loop.create_server(self._protocol, self.host, 0, ssl=self._tls))
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(each, policy=policy.SMTP) for each in self.received]

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802  # aiosmtpd's name
        self.recipients.append(address)
        return await self._answer(server, self.on_rcpt, lambda: envelope.rcpt_tos.append(address))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        def keep() -> None:
            assert isinstance(envelope.content, bytes)
            self.received.append(envelope.content)
            self.encrypted.append(session.ssl is not None or self._tls is not None)

        await asyncio.to_thread(self._meanwhile)
        if self.on_data == "keep, then stall":
            keep()
        return await self._answer(server, self.on_data, keep)

    async def _answer(self, server: SMTP, answer: str, accept: Callable[[], None]) -> str:
        await asyncio.sleep(self._slow_s)
        if answer.endswith("stall"):
            await asyncio.sleep(3600)
        if answer == "drop":
            assert server.transport is not None
            server.transport.close()
            return "421 dropped"
        if answer.startswith("2"):
            accept()
        await asyncio.sleep(self._slow_s)
        return answer

    def _protocol(self) -> SMTP:
        authenticated = self._password is not None
        return SMTP(
            self,
            hostname="sink.test",
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._authenticate if authenticated else None,
            auth_required=authenticated,
            auth_require_tls=self._starttls is not None,
            loop=self._loop,
        )

    def _authenticate(self, *said: object) -> AuthResult:
        data = said[-1]  # after the server, the session, the envelope and the mechanism
        return AuthResult(success=getattr(data, "password", b"") == (self._password or "").encode(), handled=False)

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)
