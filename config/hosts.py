"""The hosts a site file may name: exact, public unless the file says otherwise, in the one spelling that is compared later."""

import ipaddress
from urllib.parse import urlsplit

# The characters that IDNA 2003, which Python ships, and IDNA 2008, which browsers use, send to different names.
IDNA_DEVIATIONS = frozenset("ßς\u200c\u200d")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def spelled(text: str) -> str:
    """The host in lower-case ASCII, "name" or "name:port"; an IPv6 address in brackets. Raises ValueError with the cure."""
    text = text.strip()
    if "*" in text:
        raise ValueError("is a pattern; name each host exactly, one entry each")
    if "://" in text or any(char in text for char in "/?#@\\ "):
        raise ValueError('must be a bare host: "gallery.example" or "gallery.example:8443", without scheme or path')
    name, port = _split(text)
    name = _literal(name) or _name(name)
    if not port:
        return name
    if not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError("has a port that is no number from 1 to 65535")
    return f"{name}:{int(port)}"


def is_private(host: str) -> bool:
    """A literal address that is not globally reachable, or this machine by name. What other names resolve to is checked at the socket."""
    name, _ = _split(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return any(not each.is_global or each.is_multicast for each in (address, *_carried(address)))


def is_onion(host: str) -> bool:
    return _split(host)[0].rstrip(".").endswith(".onion")


def lies_on(url: str, hosts: tuple[str, ...]) -> bool:
    """The URL's host and port are one of `hosts`. Raises ValueError when it is no http(s) URL, or carries a user name."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user name or password")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = spelled(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    return f"{name}:{port}" in hosts or (port in (80, 443) and name in hosts)


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        name, bracket, rest = text.partition("]")
        if not bracket or (rest and (not rest.startswith(":") or rest == ":")):
            raise ValueError('is no address in brackets: write "[2001:db8::1]" or "[2001:db8::1]:8443"')
        return f"{name}]", rest[1:]
    name, colon, port = text.partition(":")
    if ":" in port:
        raise ValueError('has more than one colon; an IPv6 address goes in brackets: "[2001:db8::1]"')
    if colon and not port:
        raise ValueError("ends in a colon; leave it out or name the port")
    return name, port


def _literal(name: str) -> str | None:
    """The canonical spelling of a literal address, or None for a name."""
    if name.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(name[1:-1])}]"
        except ValueError as error:
            raise ValueError("is no IPv6 address in its brackets") from error
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        return None


def _name(name: str) -> str:
    if not IDNA_DEVIATIONS.isdisjoint(name.lower()):
        raise ValueError("has a letter that two standards spell differently; write the host in its xn-- form")
    try:
        ascii_name = name.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError("is no host name") from error
    labels = ascii_name.split(".")
    if len(ascii_name) > 253 or not all(_is_label(label) for label in labels):
        raise ValueError('is no host name; write it like "gallery.example"')
    # "127.1", "0x7f.0.0.1" and "2130706433" are addresses to many resolvers, and never names.
    if labels[-1].isdecimal() or labels[-1].startswith("0x"):
        raise ValueError("is an address in an odd spelling; write it with four decimal numbers")
    return ascii_name


def _is_label(label: str) -> bool:
    return 1 <= len(label) <= 63 and label[0] != "-" != label[-1] and label.replace("-", "").replace("_", "").isalnum()


def _carried(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """IPv4 addresses that an IPv6 address stands for: v4-mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in carried if each is not None)
