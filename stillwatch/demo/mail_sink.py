"""A mail server on 127.0.0.1 that keeps what it is given and sends nothing on: where the demo's notices end."""

import socketserver
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

MAX_MESSAGE_BYTES = 2**20
# What the sink answers without looking further: all a client needs that sends one plain message.
SHORT_ANSWERS = {
    b"HELO": b"250 stillwatch-demo",
    b"RSET": b"250 OK",
    b"NOOP": b"250 OK",
}


@dataclass(frozen=True, slots=True)
class Delivered:
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class MailSink:
    """`with MailSink() as sink:` … `sink.delivered`, oldest first."""

    def __init__(self) -> None:
        self._delivered: list[Delivered] = []
        self._server = _Server(self)

    @property
    def url(self) -> str:
        """For STILLWATCH_MAIL_URL."""
        return f"smtp://127.0.0.1:{self._server.server_address[1]}?from=desk@demo.invalid"

    @property
    def delivered(self) -> tuple[Delivered, ...]:
        return tuple(self._delivered)

    def keep(self, sender: bytes, recipients: tuple[bytes, ...], text: bytes) -> None:
        message = message_from_bytes(text, policy=policy.default)
        self._delivered.append(Delivered(sender.decode(), tuple(each.decode() for each in recipients), message))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="mail sink", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, sink: MailSink) -> None:
        self.sink = sink
        super().__init__(("127.0.0.1", 0), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 60  # seconds without a word

    def handle(self) -> None:
        sender, recipients = b"", tuple[bytes, ...]()
        self._say(b"220 stillwatch-demo")
        while line := self.rfile.readline(4096).strip():
            match line[:4].upper():
                case b"EHLO":
                    self._say(b"250-stillwatch-demo", b"250-8BITMIME", b"250 SMTPUTF8")
                case b"MAIL":
                    sender, recipients = _address(line), ()
                    self._say(b"250 OK")
                case b"RCPT":
                    recipients += (_address(line),)
                    self._say(b"250 OK")
                case b"DATA":
                    self._say(b"354 End with a line that holds nothing but a dot")
                    text = self._text()
                    self.server.sink.keep(sender, recipients, text)
                    self._say(b"250 Kept")
                case b"QUIT":
                    self._say(b"221 Bye")
                    return
                case word:
                    self._say(SHORT_ANSWERS.get(word, b"502 Not here"))

    def _text(self) -> bytes:
        """Up to the lone dot; a line that begins with one comes with a second (RFC 5321, 4.5.2)."""
        lines = bytearray()
        while (line := self.rfile.readline(MAX_MESSAGE_BYTES)) not in (b".\r\n", b".\n", b""):
            lines += line[1:] if line.startswith(b".") else line
        return bytes(lines[:MAX_MESSAGE_BYTES])

    def _say(self, *lines: bytes) -> None:
        self.wfile.write(b"\r\n".join(lines) + b"\r\n")


def _address(line: bytes) -> bytes:
    return line.partition(b"<")[2].partition(b">")[0]
