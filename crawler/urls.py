"""One reading of URLs for the whole room: the text that is compared with an agreement is the text that is asked for.

Reads http and https URLs as browsers do (the WHATWG URL standard), because sites are written for browsers: backslashes,
tabs, missing slashes, numbers for addresses. Where the standard accepts a host that no name server could know, we refuse.
"""

import functools
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import idna

LONGEST_URL = 8_000  # characters; servers refuse longer request lines

EDGES = "".join(map(chr, range(0x21)))  # control characters and spaces around a URL
UNSEEN = str.maketrans("", "", "\t\n\r")  # dropped anywhere in a URL
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")
SLASHES = "/\\"
TWO_SLASHES = re.compile(r"[/\\]{2}")
AUTHORITY = re.compile(r"[/\\]*([^/\\?#]*)([^?#]*)(?:\?([^#]*))?", re.DOTALL)
RELATIVE = re.compile(r"([^?#]*)(?:\?([^#]*))?", re.DOTALL)
HOST_NAME = re.compile(r"[a-z0-9._\-]+")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
DOT_SEGMENT = re.compile(r"/(?:\.|%2e)", re.IGNORECASE)
NOT_IN_USER = re.compile(r"[^!$%&()*+,\-.0-9A-Z_a-z~:]+")
NOT_IN_PATH = re.compile(r"[^!$-;=@A-Z\[\]_a-z|~]+")
NOT_IN_QUERY = re.compile(r"[^!$-&(-;=?-~]+")
# A path without dot segments, after an origin or alone; nothing in it that would be escaped.
WELL_SPELLED = re.compile(
    r"(https?://[^/\\?#]+)?((?:/(?!/|\.|%2[eE])[\w!$&'()*+,\-.:;=@~%]*)+(?:\?[\w!$&()*+,\-./:;=?@~%]+)?)", re.ASCII
)
BEGINS_WITH_NAME = re.compile(r"\w[\w\-.]*(?:[/?]|\Z)", re.ASCII)  # and so not with a scheme
DEFAULT_PORTS = {"http": 80, "https": 443}


class Url(NamedTuple):
    """A canonical URL in its parts. `user` is empty, or what stood before the @."""

    scheme: str
    user: str
    host: str  # ASCII, lower case; an IPv6 address in its brackets
    port: int
    path: str  # begins with a slash
    query: str | None  # never empty: a lone "?" asks for the same thing as none

    @property
    def host_port(self) -> str:
        """As it is written: without the port that the scheme implies."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host_port}"

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{user}{self.host_port}{self.path}{query}"


def is_onion(host: str) -> bool:
    """A name that no name server knows (RFC 7686)."""
    return host.rstrip(".").endswith(".onion")


def canonical(url: str) -> str | None:
    """The one spelling of an absolute http(s) URL, without its fragment; None when it is none, or names no possible host."""
    parsed = parse(url)
    return None if parsed is None else str(parsed)


@functools.lru_cache(maxsize=512)  # what is about to be asked for is read by each who has a say in it
def parse(url: str, encoding: str = "utf-8") -> Url | None:
    """`encoding`: of the document the URL stands in; browsers spell its query in that."""
    text = url.strip(EDGES).translate(UNSEEN)
    scheme = SCHEME.match(text)
    if scheme is None:
        return None
    return _absolute(scheme[1].lower(), text[scheme.end() :], encoding)


def resolve(reference: str, base: Url, encoding: str = "utf-8") -> Url | None:
    """What a reference in a document means. None for other schemes, and for a reference to the document itself ("", "#top")."""
    text = reference.strip(EDGES).translate(UNSEEN)
    scheme = SCHEME.match(text)
    if scheme is not None:
        name, rest = scheme[1].lower(), text[scheme.end() :]
        if name != base.scheme:
            return _absolute(name, rest, encoding)
        text = rest  # "http:picture.jpg" on an http page is relative, "http://…" goes on below
    if not text or text[0] == "#":
        return None
    if TWO_SLASHES.match(text):
        return _absolute(base.scheme, text, encoding)
    return _relative(text, base, encoding)


class Base:
    """The base of one document. `spell` is `resolve` for the hundreds of references that a page has, most of them spelled well."""

    def __init__(self, url: Url, encoding: str) -> None:
        self._url = url
        self._encoding = encoding
        self._origin = str(url._replace(path="", query=None))
        self._scheme = f"{url.scheme}:"
        self._folder = url.path[: url.path.rfind("/") + 1]

    def spell(self, reference: str) -> str | None:
        """The canonical URL."""
        whole = self._whole(reference)
        absolute = WELL_SPELLED.fullmatch(whole)
        if absolute is not None and len(whole) <= LONGEST_URL:
            origin, path = absolute.groups()
            if origin is None:
                return self._origin + path
            if _is_canonical(origin):
                return whole
        url = resolve(reference, self._url, self._encoding)
        return None if url is None else str(url)

    def _whole(self, reference: str) -> str:
        """The reference with its scheme or its folder, where it plainly has none of its own; it may still be spelled badly."""
        if reference.startswith("//"):
            return self._scheme + reference
        folder, rest = self._folder, reference
        while rest.startswith("../"):
            rest = rest[3:]
            folder = folder[: folder.rfind("/", 0, -1) + 1] or "/"
        return folder + rest if BEGINS_WITH_NAME.match(rest) else reference


@functools.lru_cache(maxsize=1024)
def _is_canonical(origin: str) -> bool:
    return canonical(origin) == f"{origin}/"


def _absolute(scheme: str, rest: str, encoding: str) -> Url | None:
    if scheme not in DEFAULT_PORTS:
        return None
    split = AUTHORITY.match(rest)
    assert split is not None  # each of its parts may be empty
    authority = _authority(split[1], DEFAULT_PORTS[scheme])
    if authority is None:
        return None
    return _bounded(Url(scheme, *authority, _path(split[2]), _query(split[3], encoding)))


def _relative(text: str, base: Url, encoding: str) -> Url | None:
    split = RELATIVE.match(text)
    assert split is not None  # each of its parts may be empty
    path = split[1]
    if not path:
        path = base.path
    elif path[0] in SLASHES:
        path = _path(path)
    else:
        path = _path(base.path[: base.path.rfind("/") + 1] + path)
    return _bounded(base._replace(path=path, query=_query(split[2], encoding)))


def _bounded(url: Url) -> Url | None:
    return url if len(url.path) + len(url.query or "") <= LONGEST_URL else None


@functools.lru_cache(maxsize=4096)
def _authority(text: str, default_port: int) -> tuple[str, str, int] | None:
    """User, host and port."""
    user, _, host_port = text.rpartition("@")
    split = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?", host_port)
    if split is None or not split[1]:
        return None
    host = _host(split[1])
    port = int(split[2]) if split[2] and len(split[2].lstrip("0")) <= 5 else -1 if split[2] else default_port
    if host is None or not 0 <= port <= 65535:
        return None
    return _escaped(NOT_IN_USER, user.rstrip(":")), host, port


def _host(text: str) -> str | None:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    text = unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    name = text.lower() if text.isascii() else _idna(text)
    if name is None or not HOST_NAME.fullmatch(name):
        return None
    labels = name.removesuffix(".").split(".")
    if NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    return name


def _ipv6(text: str) -> str | None:
    if "%" in text:
        return None  # a zone: an address on one link of one machine
    try:
        return f"[{ipaddress.IPv6Address(text)}]"
    except ValueError:
        return None


def _ipv4(labels: list[str]) -> str | None:
    """Four numbers of eight bits, or fewer of which the last fills up; each may be octal or hexadecimal."""
    if len(labels) > 4:
        return None
    numbers = [_number(label) for label in labels]
    if None in numbers:
        return None
    *heads, last = [number for number in numbers if number is not None]
    if any(head > 255 for head in heads) or last >= 256 ** (5 - len(labels)):
        return None
    return str(ipaddress.IPv4Address(last + sum(head << 8 * (3 - place) for place, head in enumerate(heads))))


def _number(label: str) -> int | None:
    if not NUMBER.fullmatch(label) or len(label) > 32:
        return None
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    try:
        return int(label, 8 if label.startswith("0") and len(label) > 1 else 10)
    except ValueError:
        return None  # an 8 or a 9 in an octal number


def _idna(text: str) -> str | None:
    """The name as name servers know it, mapped as browsers map it (UTS 46, non-transitional)."""
    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
    except idna.IDNAError:
        return None
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in mapped.split(".")
    ).lower()


def _path(text: str) -> str:
    path = text.replace("\\", "/")
    if not path.startswith("/"):
        path = f"/{path}"
    return _escaped(NOT_IN_PATH, _without_dots(path) if DOT_SEGMENT.search(path) else path)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for place, segment in enumerate(segments):
        dots = segment.replace("%2e", ".").replace("%2E", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
            continue
        if place == len(segments) - 1:
            kept.append("")  # a dot at the end leaves its folder
    return "/" + "/".join(kept)


def _query(text: str | None, encoding: str) -> str | None:
    return _escaped(NOT_IN_QUERY, text, encoding) if text else None


def _escaped(foreign: re.Pattern[str], text: str, encoding: str = "utf-8") -> str:
    if foreign.search(text) is None:
        return text
    return foreign.sub(lambda run: "".join(map(_octet, _bytes(run[0], encoding))), text)


def _octet(byte: int) -> str:
    return chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"%{byte:02X}"


def _bytes(text: str, encoding: str) -> bytes:
    if encoding != "utf-8":
        return text.encode(encoding, "xmlcharrefreplace")
    try:
        return text.encode("utf-8", "surrogateescape")  # header bytes that were no UTF-8 come as such surrogates
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
