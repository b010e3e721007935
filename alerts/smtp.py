"""One attempt to hand one message to a mail server, and how sure we are of its end.

smtplib's own `sendmail` cannot tell a connection that broke before the message was handed over from one that broke while it was: so
the dialogue is held here, step by step.
"""

import ipaddress
import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from core.errors import ConfigError

TIMEOUT_S = 30.0
DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server said that it has the message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """For good (5xx): trying again is of no use."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """Certainly not handed over: may be tried again. `server_down`: no use to try the next message either."""

    reason: str
    server_down: bool


@dataclass(frozen=True, slots=True)
class MayHaveLeft:
    """The connection broke after the server had asked for the message: it must not be sent again by itself."""

    reason: str


Delivery = Accepted | Refused | NotNow | MayHaveLeft


def mail_server(url: str) -> MailServer:
    """Raises ConfigError, which does not repeat the URL: it holds a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(
            "the mail URL has a port that is no number; see STILLWATCH_MAIL_URL in stillwatch settings"
        ) from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        known = ", ".join(f"{scheme}://" for scheme in DEFAULT_PORTS)
        raise ConfigError(
            f"the mail URL must name a host and begin with one of {known}; see STILLWATCH_MAIL_URL in stillwatch settings"
        )
    if parts.scheme == "smtp" and not is_loopback(parts.hostname):
        raise ConfigError(
            "letters leave this machine over TLS only; begin STILLWATCH_MAIL_URL with smtp+starttls:// or smtps://"
        )
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or DEFAULT_PORTS[parts.scheme],
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def hand_over(
    message: EmailMessage, sender: str, recipient: str, server: MailServer, timeout_s: float = TIMEOUT_S
) -> Delivery:
    text = _lines(message)
    try:
        connection = _connected(server, sender, timeout_s)
    except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: user or password that SMTP cannot carry
        return NotNow(_reason("the mail server could not be used", error), server_down=True)
    try:
        try:
            ready = _announced(connection, sender, recipient)
        except (smtplib.SMTPException, OSError) as error:
            return NotNow(_reason("the mail server broke off", error), server_down=True)
        except ValueError:  # not ASCII
            return Refused("the address cannot be written in an e-mail")
        if ready is not None:
            return ready
        try:
            connection.send(text)
            code, _ = connection.getreply()
        except (smtplib.SMTPException, OSError) as error:
            return MayHaveLeft(_reason("the connection broke while the letter was handed over", error))
        return _answer(code)
    finally:
        _quit(connection)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connected(server: MailServer, sender: str, timeout_s: float) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if is_loopback(server.host):  # a relay on this machine has rarely a certificate for it, and nobody is in between
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # The sender's domain, not this machine's name: that would be looked up, and is nobody's business.
    own_name = sender.rpartition("@")[2]
    connection: smtplib.SMTP
    if server.scheme == "smtps":
        connection = smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=own_name, timeout=timeout_s, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, local_hostname=own_name, timeout=timeout_s)
    try:
        connection.ehlo_or_helo_if_needed()
        if server.scheme in ("smtp+starttls", "starttls"):
            connection.starttls(context=context)
            connection.ehlo_or_helo_if_needed()
        if server.user is not None:
            connection.login(server.user, server.password or "")
    except (smtplib.SMTPException, OSError, ValueError):
        connection.close()
        raise
    return connection


def _announced(connection: smtplib.SMTP, sender: str, recipient: str) -> Delivery | None:
    """None: the server waits for the message now."""
    for code, step in (
        (connection.mail(sender)[0], "the sender"),
        (connection.rcpt(recipient)[0], "the recipient"),
        (connection.docmd("DATA")[0], "the letter"),
    ):
        if code == 354 or 200 <= code < 300:
            continue
        if 500 <= code < 600:
            return Refused(f"the mail server refused {step} ({code})")
        return NotNow(f"the mail server did not take {step} for now ({code})", server_down=code == 421)
    return None


def _answer(code: int) -> Delivery:
    if 200 <= code < 300:
        return Accepted()
    if 400 <= code < 500:
        return NotNow(f"the mail server did not take the letter for now ({code})", server_down=code == 421)
    if 500 <= code < 600:
        return Refused(f"the mail server refused the letter ({code})")
    return MayHaveLeft(f"the mail server gave an answer that says nothing ({code})")


def _lines(message: EmailMessage) -> bytes:
    """As it goes over the wire: CRLF, leading dots doubled, ended by a dot alone (RFC 5321, 4.5.2)."""
    # Headers unfolded: Python's folding puts a space before a long subject's first word. 998 is the limit of RFC 5322.
    text = re.sub(rb"(?m)^\.", b"..", message.as_bytes(policy=message.policy.clone(max_line_length=998)))
    return text + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _reason(what: str, error: Exception) -> str:
    """Never the server's words: they may repeat an address."""
    code = getattr(error, "smtp_code", None)
    return f"{what} ({code if isinstance(code, int) and code > 0 else type(error).__name__})"


def _quit(connection: smtplib.SMTP) -> None:
    """What was decided before stands, whatever becomes of the farewell."""
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()
