"""What one setting may hold: readers that take an environment text or a TOML value and return it checked.

Each raises Unfit with the reason, which never repeats the value: it may be a secret.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

Reader = Callable[[object], object]


class Unfit(ValueError):
    """Not a value for this setting, and why."""


HOSTLESS = (
    "sqlite",
    "unix",
    "mailto",
    "postgres",
    "postgresql",
)  # a Postgres without a host is asked over its local socket
PLAIN_QUERY = ("sslmode", "connect_timeout", "timeout")  # shown as they are; any other query value may be a secret


def folder(value: object) -> Path:
    """Absolute, so that a child process in another folder means the same one."""
    if not isinstance(value, str):
        raise Unfit("must be a path, as text")
    return Path(value).expanduser().absolute()


def folder_or_url(value: object) -> str:
    """A URL; a path becomes a file:// one."""
    text = line(value)
    if "://" not in text:
        return Path(text).expanduser().absolute().as_uri()
    parts = urlsplit(text)
    if not parts.scheme or not (parts.netloc or parts.path.strip("/")):
        raise Unfit("must be a folder, or a URL like s3://bucket/folder")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise Unfit("must name a folder of this machine: file:///path")
    if parts.query or parts.fragment:
        raise Unfit(
            "must be a folder or a plain URL, without ? and #; the store's credentials come from its own environment"
        )
    return text


def line(value: object) -> str:
    """One line of printable text: what goes into a header must not be able to end it."""
    if not isinstance(value, str):
        raise Unfit("must be text")
    if not value.isprintable():
        raise Unfit("must be one line of printable text")
    return value.strip()


def url(*schemes: str) -> Reader:
    def read(value: object) -> str:
        text = line(value)
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018  # reading it is what checks it
        except ValueError as error:
            raise Unfit(f"is not a URL; it must begin with one of {known}") from error
        if parts.scheme not in schemes:
            raise Unfit(f"must begin with one of {known}")
        if parts.scheme not in HOSTLESS and not parts.hostname:
            raise Unfit(f"names no host; it must look like {schemes[0]}://host:port/…")
        return text

    return read


def whole_number(low: int, high: int) -> Reader:
    def read(value: object) -> int:
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Unfit(f"must be a whole number from {low} to {high}")
        return value

    return read


def on_or_off(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("on", "off"):
        raise Unfit("must be on or off")
    return value == "on"


def number(low: float, high: float) -> Reader:
    def read(value: object) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError as error:
                raise Unfit(f"must be a number from {low:g} to {high:g}") from error
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Unfit(f"must be a number from {low:g} to {high:g}")  # NaN ends here too
        return float(value)

    return read


def lines(value: object) -> tuple[str, ...]:
    """From the environment: separated by white space, which no URL holds. From TOML: an array of texts."""
    if isinstance(value, str):
        return tuple(value.split())
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Unfit("must be an array of texts")
    return tuple(line(each) for each in value)


def mail_address(value: object) -> str:
    text = line(value)
    fault = address_fault(text)
    if fault is not None:
        raise Unfit(fault)
    return text


def address_fault(text: str) -> str | None:
    """Why a text is not the bare address that a letter can go to, or None. ASCII only: not every mail server takes more."""
    local, at, domain = text.rpartition("@")
    if not at or not local or ("." not in domain and domain != "localhost"):
        return "must be an address like abuse@site.example"
    if not text.isascii():
        return "must be plain ASCII; write the domain in its xn-- form"
    allowed = set("!#$%&'*+-/=?^_`{|}~.")
    if (
        not all(char.isalnum() or char in allowed for char in local)
        or ".." in local
        or local[0] == "."
        or local[-1] == "."
    ):
        return "has characters before the @ that a plain address has not"
    if not all(
        label and label.replace("-", "").isalnum() and label[0] != "-" != label[-1] for label in domain.split(".")
    ):
        return "has no valid domain after the @"
    return None


def masked(text: str) -> str:
    """A URL without what must not be read over a shoulder. What it cannot take apart for certain it does not show."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # a "port" that is none may be half of a password
    except ValueError:
        return "***"
    userinfo, at, place = parts.netloc.rpartition("@")
    if not parts.scheme or "@" in parts.path:  # a password with a bare slash in it
        return "***"
    user, colon, _ = userinfo.partition(":")
    shown = f"{user}:***@" if colon else "***@" if at else ""
    query = "&".join(_masked_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return f"{parts.scheme}://{shown}{place}{parts.path}" + (f"?{query}" if query else "")


def scheme_only(urls: Sequence[str]) -> str:
    """Channel URLs carry their secrets anywhere, in the path as well: only the schemes are shown."""
    return " ".join(f"{each.partition('://')[0]}://***" if "://" in each else "***" for each in urls)


def _masked_pair(pair: str) -> str:
    name, _, value = pair.partition("=")
    if name == "from" and address_fault(value) is None:
        return pair
    if not name.isidentifier():  # half of a password that has a question mark in it
        return "***"
    return pair if name in PLAIN_QUERY and value.isalnum() else f"{name}=***"
