"""What may be asked for: the hosts that the agreement names, at addresses where a public site can be, and nothing else."""

import enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from core.model import State, WatchedSite
from crawler.urls import Url, canonical, is_onion, parse

__all__ = ["Scope", "Wanted", "canonical"]

NO_URL = "it is no http or https URL of a possible host"

IpAddress = IPv4Address | IPv6Address


class Wanted(enum.Enum):
    """What a URL is asked for."""

    PAGE = "page"
    IMAGE = "image"
    PART = "part of a page"  # scripts, styles and what these ask for
    ROBOTS = "robots.txt"


# Where machines ask for their own keys. Some of these lie in ranges that are otherwise public or merely private.
METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # most clouds
            "168.63.129.16",  # Azure's host
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "fd00:ec2::254",  # Amazon over IPv6
            "fd20:ce::254",  # Google over IPv6
        ),
    )
)
# What `allow_private` allows: this machine and its own networks.
PRIVATE = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),  # behind a provider's address translation
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
# Special by the IANA registries, and still called global by the `ipaddress` of some Python 3.11.
NOT_PUBLIC = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("2001::/23"),  # protocol assignments; Teredo, which lies in it, is not worth an exception
    IPv6Network("3fff::/20"),  # documentation
)
GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IPv6 has given out for the public
NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
ISATAP = (0x00005EFE, 0x02005EFE)  # the middle of an address whose end is an IPv4 address (RFC 5214)


class Scope:
    """The agreement about one site, as a question about one URL or one address."""

    def __init__(self, site: WatchedSite) -> None:
        self._allow_private = site.allow_private
        self.socks_proxy = site.socks_proxy
        self._page_hosts = frozenset(site.hosts)
        self._all_hosts = self._page_hosts | frozenset(site.image_hosts)
        self._of_origin = lru_cache(maxsize=1024)(self.refusal)
        self._of_host = lru_cache(maxsize=1024)(self._refusal_of_host)

    def refusal(self, url: str, wanted: Wanted = Wanted.PAGE) -> tuple[State, str] | None:
        """Why this URL may not be asked for, judged by its text alone; None if it may.

        Pages are on `hosts` only; pictures, parts of pages, and the robots.txt that speaks of them, on `image_hosts`, too.
        """
        parsed = parse(url)
        if parsed is None:
            return State.REFUSED, NO_URL
        return self.refusal_of(parsed, wanted)

    def refusal_of_canonical(self, url: str, wanted: Wanted) -> tuple[State, str] | None:
        """`refusal` of a URL that `canonical` has spelled, of which a page has hundreds: its origin decides."""
        end = url.find("/", len("https://"))
        return self._of_origin(url[: end + 1], wanted) if end >= 0 else self.refusal(url, wanted)

    def refusal_of(self, url: Url, wanted: Wanted) -> tuple[State, str] | None:
        if url.user:
            return State.REFUSED, "it carries a user name or password"
        return self._of_host(url.host, url.port, wanted)

    def _refusal_of_host(self, host: str, port: int, wanted: Wanted) -> tuple[State, str] | None:
        literal = _literal(host)
        reason = None if literal is None else self._refusal(literal)
        if reason is not None:
            return State.REFUSED, reason
        if not self._agreed(host, port, wanted):
            return State.OUT_OF_SCOPE, "its host is not part of the agreement"
        if self.socks_proxy is None and is_onion(host):
            # No name server may be asked (RFC 7686).
            return State.REFUSED, "it is an onion, and the site's file names no proxy for those"
        return None

    def address_refusal(self, address: str) -> str | None:
        """Why nothing may connect to this address, which some name resolved to; None if it may."""
        try:
            return self._refusal(ip_address(address))
        except ValueError:
            return "it is no address"

    def _agreed(self, host: str, port: int, wanted: Wanted) -> bool:
        hosts = self._page_hosts if wanted is Wanted.PAGE else self._all_hosts
        return f"{host}:{port}" in hosts or (port in (80, 443) and host in hosts)

    def _refusal(self, address: IpAddress) -> str | None:
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                address = address.ipv4_mapped  # the very same host, through the other socket family
            elif address in NAT64:
                return _refusal_in_public(_last_32_bits(address))
        if address in METADATA or address.is_link_local:
            return "it leads to an address from which machines read their own keys"
        if self._allow_private and any(address in network for network in PRIVATE):
            return None
        return _refusal_in_public(address)


def _refusal_in_public(address: IpAddress) -> str | None:
    if address in METADATA:
        return "it leads to an address from which machines read their own keys"
    if isinstance(address, IPv6Address) and address in SIX_TO_FOUR:
        # Judged by the address it leads to alone: whether its own prefix is "global" differs between versions of Python 3.11.
        return _refusal_in_public(_six_to_four(address))
    public = address.is_global and not address.is_multicast and not address.is_reserved
    if not public or any(address in network for network in NOT_PUBLIC):
        return "it leads to an address that is not public"
    if isinstance(address, IPv6Address):
        if address not in GLOBAL_UNICAST:
            return "it leads to an address that is not public"
        carried = _carried(address)
        if carried is not None:
            return _refusal_in_public(carried)
    return None


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address at the far end of the tunnel that this address names."""
    if (int(address) >> 32) & 0xFFFFFFFF in ISATAP:
        return _last_32_bits(address)
    return None


def _six_to_four(address: IPv6Address) -> IPv4Address:
    """RFC 3056: the IPv4 address stands behind the 16 bits of the prefix."""
    return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)


def _last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _literal(host: str) -> IpAddress | None:
    """Hosts are canonical here: any spelling of an IPv4 address has become four numbers."""
    if host[-1].isalpha():
        return None  # as nearly all are; asking costs an exception
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None
