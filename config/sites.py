"""Watched sites: one TOML file each, read strictly, because what they allow is what will be asked of somebody's server."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from config.hosts import is_onion, is_private, lies_on, spelled
from config.nearest import nearest
from config.tables import Table, read_toml
from config.values import address_fault
from core.errors import ConfigError, NotAgreed
from core.model import Agreement, Hours, Limits, Login, Politeness, TakedownContact, WatchedSite

SITE_KEYS = (
    "name",
    "kind",
    "start",
    "hosts",
    "image_hosts",
    "allow_private",
    "agreement",
    "politeness",
    "limits",
    "takedown",
    "canary",
    "login",
    "network",
)
AGREEMENT_KEYS = ("agreed_by", "agreed_on", "expires_on", "reference")
AGREEMENT_DAYS = ("agreed_on", "expires_on")
POLITENESS_KEYS = ("delay_s", "concurrency", "robots", "hours", "every_s")
LIMITS_KEYS = (
    "max_pages",
    "max_images",
    "max_bytes",
    "max_video_bytes",
    "max_rendered",
    "requests_per_day",
    "bytes_per_day",
)
TAKEDOWN_KEYS = ("email", "form", "law")
CANARY_KEYS = ("page",)
LOGIN_KEYS = ("agreed", "header", "secret", "hosts")
NETWORK_KEYS = ("socks_proxy",)
ROBOTS = ("obey", "agreed")
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
# What the fetch says itself, or what would change the meaning of a request.
NO_LOGIN = frozenset(
    (
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "expect", "host", "keep-alive"),
        *("if-modified-since", "if-none-match", "proxy-authorization", "range", "te", "trailer", "transfer-encoding"),
        *("upgrade", "user-agent"),
    )
)
SECRET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
LEAST_REQUESTS = 10  # a day: robots.txt, a start page and where they redirect to must fit into it


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFault:
    """A file in the sites folder that is not watched, and why."""

    path: Path
    reason: str


def read_sites(
    folder: Path, *, kinds: Collection[str] | None = None, laws: Collection[str] | None = None
) -> tuple[Sequence[WatchedSite], Sequence[SiteFault]]:
    """Every *.toml of the folder, by file name: the sites that can be used, and the files that cannot. A missing folder holds none.

    kinds, laws: the rows of crawler.spiders.KINDS and of the regimes; None leaves those names unchecked.
    """
    read: list[tuple[Path, WatchedSite]] = []
    faults: list[SiteFault] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            text = path.read_text(encoding="utf-8")
            read.append((path, parse_site(text, path, kinds=kinds, laws=laws)))
        except (ConfigError, NotAgreed) as error:
            faults.append(SiteFault(path=path, reason=str(error)))
        except (OSError, UnicodeDecodeError):
            faults.append(
                SiteFault(path=path, reason=f"{path}: cannot be read as UTF-8 text; make it readable or remove it")
            )
    faults += [_misnamed(path, site, read) for path, site in read if path.stem != site.name]
    return [site for path, site in read if path.stem == site.name], sorted(faults, key=lambda each: each.path)


def parse_site(
    text: str, path: Path, *, kinds: Collection[str] | None = None, laws: Collection[str] | None = None
) -> WatchedSite:
    """Raises ConfigError, or NotAgreed when the file shows no agreement: with all that is wrong, one fault a line.

    An expired agreement is no fault of the file: `agreement_fault`.
    """
    contents = read_toml(text, path)
    faults = _faults(contents, path, kinds, laws)
    if faults:
        agreed = all(isinstance(fault, ConfigError) for fault in faults)
        words = "\n".join(dict.fromkeys(line for fault in faults for line in str(fault).splitlines()))
        raise ConfigError(words) if agreed else NotAgreed(words)
    table = Table(path, "", contents, SITE_KEYS)
    return WatchedSite(
        name=_name(table),
        kind=_kind(table, kinds),
        start=_starts(table),
        hosts=_page_hosts(table),
        image_hosts=_image_hosts(table),
        allow_private=_private(table),
        agreement=_agreement(table, path),
        politeness=_politeness(table.table("politeness", POLITENESS_KEYS, path)),
        limits=_limits(table.table("limits", LIMITS_KEYS, path)),
        takedown=_takedown(table.table("takedown", TAKEDOWN_KEYS, path), laws),
        login=_login(table, path),
        socks_proxy=_socks_proxy(table, path),
        canary_page=_canary_page(table, path),
    )


def _faults(
    contents: Mapping[str, object], path: Path, kinds: Collection[str] | None, laws: Collection[str] | None
) -> Sequence[ConfigError | NotAgreed]:
    """Each part is read by itself; one that rests on another which is wrong brings the same fault once more."""
    faults: list[ConfigError | NotAgreed] = []
    for part in _parts(contents, path, kinds, laws):
        try:
            part()
        except (ConfigError, NotAgreed) as error:
            faults.append(error)
    return faults


def _parts(
    contents: Mapping[str, object], path: Path, kinds: Collection[str] | None, laws: Collection[str] | None
) -> Iterator[Callable[[], object]]:
    yield partial(Table, path, "", contents, SITE_KEYS)
    table = Table(path, "", {key: value for key, value in contents.items() if key in SITE_KEYS}, SITE_KEYS)
    yield partial(_agreement, table, path)
    yield from _key_by_key(table, "agreement", AGREEMENT_KEYS, path, _agreed)
    yield partial(_name, table)
    yield partial(_kind, table, kinds)
    yield partial(_private, table)
    yield partial(_page_hosts, table)
    yield partial(_image_hosts, table)
    yield partial(_starts, table)
    yield from _key_by_key(table, "politeness", POLITENESS_KEYS, path, _politeness)
    yield from _key_by_key(table, "limits", LIMITS_KEYS, path, _limits)
    yield from _key_by_key(table, "takedown", TAKEDOWN_KEYS, path, partial(_takedown, laws=laws))
    yield partial(_login, table, path)
    yield partial(_socks_proxy, table, path)
    yield partial(_canary_page, table, path)


def _key_by_key(
    site: Table, name: str, known: Sequence[str], path: Path, read: Callable[[Table], object]
) -> Iterator[Callable[[], object]]:
    yield partial(site.table, name, known, path)
    with suppress(ConfigError):  # which the call before tells
        for alone in site.table(name, known, path).each():
            yield partial(read, alone)


def agreement_fault(site: WatchedSite, today: date) -> str | None:
    """Why no request may be made today, not even for robots.txt; None when the agreement holds."""
    agreement = site.agreement
    if agreement.valid_on(today):
        return None
    if today < agreement.agreed_on:
        return f"the agreement {agreement.reference} begins on {agreement.agreed_on}; nothing is asked before that day"
    return (
        f"the agreement {agreement.reference} expired on {agreement.expires_on}; renew it and write the new dates and reference "
        f"into [agreement] of the site's file"
    )


def login_unheard(site: WatchedSite) -> str | None:
    """Where the login would never be said, as it is said over https alone; None: nowhere, as far as the file shows."""
    for host in () if site.login is None else site.login.hosts:
        schemes = {urlsplit(url).scheme for url in site.start if lies_on(url, (host,))}
        if schemes == {"http"}:
            return (
                f"[login] hosts: {host!r}: start reaches it over http alone, where the login is never said; "
                "write https:// into start, or take the host out of [login] hosts"
            )
    return None


def _misnamed(path: Path, site: WatchedSite, read: Sequence[tuple[Path, WatchedSite]]) -> SiteFault:
    """A site is in the file of its name, so two files cannot claim one name: a copy never stops the watching of the original."""
    others = [str(other) for other, holds in read if other != path and holds.name == site.name]
    also = f", which is also in {' and '.join(others)}" if others else ""
    return SiteFault(
        path=path,
        reason=f"{path}: holds the site {site.name!r}{also}; rename the file to {site.name}.toml or write name = {path.stem!r}",
    )


def _agreement(site: Table, path: Path) -> Agreement:
    if "agreement" not in site:
        raise NotAgreed(
            f"{path}: there is no [agreement]; a site is watched only when somebody who may do so agreed. Write down who, when, "
            f"until when, and the reference: {', '.join(AGREEMENT_KEYS)}"
        )
    table = site.table("agreement", AGREEMENT_KEYS, path)
    missing = [key for key in AGREEMENT_KEYS if key not in table]
    if missing:
        raise NotAgreed(f"{table.where}: {', '.join(missing)} missing; an agreement says {', '.join(AGREEMENT_KEYS)}")
    agreement = Agreement(
        agreed_by=table.text("agreed_by"),
        agreed_on=table.day("agreed_on"),
        expires_on=table.day("expires_on"),
        reference=table.text("reference"),
    )
    if agreement.expires_on < agreement.agreed_on:
        raise table.fault(
            "expires_on", f"({agreement.expires_on}) is before agreed_on ({agreement.agreed_on}); correct the dates"
        )
    return agreement


def _agreed(table: Table) -> object:
    """One key of it."""
    return [table.day(key) if key in AGREEMENT_DAYS else table.text(key) for key in AGREEMENT_KEYS if key in table]


def _name(site: Table) -> str:
    name = site.text("name")
    if not name.replace("-", "").isalnum() or not name.isascii() or name != name.lower():
        raise site.fault("name", 'must be lower-case letters, digits and "-"')
    return name


def _kind(site: Table, kinds: Collection[str] | None) -> str:
    return _one_of(site, "kind", site.text("kind"), kinds)


def _private(site: Table) -> bool:
    return site.truth("allow_private", default=False)


def _page_hosts(site: Table) -> tuple[str, ...]:
    return _hosts(site, "hosts", None, _private(site))


def _image_hosts(site: Table) -> tuple[str, ...]:
    return _hosts(site, "image_hosts", (), _private(site))


def _hosts(site: Table, key: str, default: tuple[str, ...] | None, allow_private: bool) -> tuple[str, ...]:
    hosts = []
    for text in site.texts(key, default):
        try:
            host = spelled(text)
        except ValueError as error:
            raise site.fault(key, f"{text!r}: {error}") from error
        if is_private(host) and not allow_private:
            raise site.fault(
                key, f"{text!r}: is this machine or a private network; if that is meant, write allow_private = true"
            )
        hosts.append(host)
    if default is None and not hosts:
        raise site.fault(key, "names no host; nothing could be asked")
    return tuple(dict.fromkeys(hosts))


def _starts(site: Table) -> tuple[str, ...]:
    starts, hosts = tuple(dict.fromkeys(site.texts("start"))), _page_hosts(site)
    if not starts:
        raise site.fault("start", "names no URL to begin with")
    for url in starts:
        try:
            covered = lies_on(url, hosts)
        except ValueError as error:
            raise site.fault("start", f"{url!r}: {error}") from error
        if not covered:
            host = urlsplit(url).netloc
            raise site.fault(
                "start", f"{url!r}: its host is not one of hosts; add {host!r} there if the agreement covers it"
            )
    return starts


def _politeness(table: Table) -> Politeness:
    usual = Politeness()
    robots = table.text("robots", usual.robots)
    if robots not in ROBOTS:
        raise table.fault(
            "robots", f'is {robots!r}; it is "obey", the default, or "agreed", where the agreement names robots.txt'
        )
    return Politeness(
        delay_s=table.number("delay_s", usual.delay_s, 0, 3600),
        concurrency=table.whole_number("concurrency", usual.concurrency, 1, 64),
        robots=robots,
        hours=_hours(table) if "hours" in table else usual.hours,
        every_s=table.number("every_s", usual.every_s, 1, 366 * 86400),
    )


def _hours(table: Table) -> Hours:
    """ "HH:MM-HH:MM ZONE"; 24:00 ends a day; an end before the begin lies on the next day."""
    span, _, zone = table.text("hours").partition(" ")
    begin, dash, end = span.partition("-")
    zone = zone.strip() or "UTC"
    opens, closes = _clock(begin), _clock("00:00" if end == "24:00" else end)
    if not dash or opens is None or closes is None:
        raise table.fault("hours", 'must be like "00:00-24:00 UTC" or "22:00-06:00 Europe/Berlin"')
    if begin == end:
        raise table.fault("hours", 'begins and ends at the same minute; for the whole day write "00:00-24:00"')
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        close = nearest(zone, available_timezones())
        raise table.fault(
            "hours", f"names no time zone: {zone!r}" + (f"; did you mean {close}?" if close else "")
        ) from error
    return Hours(opens=opens, closes=closes, zone=zone)


def _clock(text: str) -> time | None:
    """HH:MM and nothing else."""
    if len(text) != 5 or text[2] != ":":
        return None
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def _limits(table: Table) -> Limits:
    usual = Limits()
    return Limits(
        max_pages=table.whole_number("max_pages", usual.max_pages, 1, 10**9),
        max_images=table.whole_number("max_images", usual.max_images, 1, 10**9),
        max_bytes=table.whole_number("max_bytes", usual.max_bytes, 1, 2**50),
        max_video_bytes=table.whole_number("max_video_bytes", usual.max_video_bytes, 0, usual.max_video_bytes),
        max_rendered=table.whole_number("max_rendered", usual.max_rendered, 1, 10**9),
        requests_per_day=_at_most(table, "requests_per_day", LEAST_REQUESTS, 10**9),
        bytes_per_day=_at_most(table, "bytes_per_day", 1, 2**50),
    )


def _at_most(table: Table, key: str, low: int, high: int) -> int | None:
    return table.whole_number(key, high, low, high) if key in table else None


def _takedown(table: Table, laws: Collection[str] | None) -> TakedownContact:
    email, form, law = (table.optional_text(key) for key in TAKEDOWN_KEYS)
    fault = address_fault(email) if email is not None else None
    if fault is not None:
        raise table.fault("email", fault)
    if form is not None and (urlsplit(form).scheme not in ("http", "https") or not urlsplit(form).hostname):
        raise table.fault("form", "must be the http:// or https:// URL of the site's form")
    return TakedownContact(email=email, form=form, law=None if law is None else _one_of(table, "law", law, laws))


def _login(site: Table, path: Path) -> Login | None:
    if "login" not in site:
        return None
    table = site.table("login", LOGIN_KEYS, path)
    agreed_hosts = _page_hosts(site) + _image_hosts(site)
    if not table.truth("agreed", default=False):
        raise NotAgreed(
            f"{table.where}: the crawler logs in only where the agreement says so; if it does, write agreed = true here"
        )
    header, secret = table.text("header", "Cookie"), table.text("secret")
    if HEADER.fullmatch(header) is None or header.lower() in NO_LOGIN:
        raise table.fault(
            "header", 'must be the name of a header that logs in, for instance "Cookie" or "Authorization"'
        )
    if SECRET_NAME.fullmatch(secret) is None:
        # Not repeated: it may be the secret itself.
        raise table.fault(
            "secret",
            "must be the name of a file in the folder of secrets, of lower-case letters, digits, - and _; never the value",
        )
    hosts = []
    for text in table.texts("hosts"):
        try:
            host = spelled(text)
        except ValueError as error:
            raise table.fault("hosts", f"{text!r}: {error}") from error
        if host not in agreed_hosts:
            raise table.fault(
                "hosts", f"{text!r}: is not one of the site's hosts and image_hosts, exactly as it stands there"
            )
        hosts.append(host)
    if not hosts:
        raise table.fault("hosts", "names no host to log in at")
    return Login(header=header, secret=secret, hosts=tuple(dict.fromkeys(hosts)))


def _socks_proxy(site: Table, path: Path) -> str | None:
    """Names of .onion mean nothing to name servers and must not be asked of them (RFC 7686)."""
    onion = [host for host in _page_hosts(site) + _image_hosts(site) if is_onion(host)]
    table = site.table("network", NETWORK_KEYS, path)
    if "socks_proxy" not in table:
        if onion:
            raise site.fault("hosts", f'{onion[0]!r}: needs [network] socks_proxy = "socks5h://127.0.0.1:9050"')
        return None
    if not onion:
        raise table.fault("socks_proxy", "is for .onion hosts alone, and the site has none")
    proxy = _host_and_port(table.text("socks_proxy"))
    if proxy is None:
        raise table.fault(
            "socks_proxy",
            'must be like "socks5h://127.0.0.1:9050", without a user name: the proxy resolves the name, which the h says',
        )
    return proxy


def _host_and_port(proxy: str) -> str | None:
    try:
        parts = urlsplit(proxy)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if (
        parts.scheme != "socks5h"
        or "@" in parts.netloc
        or parts.path not in ("", "/")
        or parts.query
        or not host
        or not port
    ):
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _canary_page(site: Table, path: Path) -> str | None:
    if "canary" not in site:
        return None
    table = site.table("canary", CANARY_KEYS, path)
    page, hosts = table.text("page"), _page_hosts(site)
    try:
        covered = lies_on(page, hosts)
    except ValueError as error:
        raise table.fault("page", f"{page!r}: {error}") from error
    if not covered:
        raise table.fault("page", f"{page!r}: its host is not one of hosts, so no pass could find the canary there")
    return page


def _one_of(table: Table, key: str, value: str, known: Collection[str] | None) -> str:
    if known is None or value in known:
        return value
    close = nearest(value, known)
    cure = f"did you mean {close!r}?" if close is not None else f"known: {', '.join(sorted(known))}"
    raise table.fault(key, f"is {value!r}, which there is not; {cure}")
