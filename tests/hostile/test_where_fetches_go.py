"""Nothing that a site says makes us connect to where no crawler may go.

Runs alone on its network. There the canary listens at addresses of this machine, of private networks and of clouds, each
truly reachable; and the agreed site listens at a public address. Every test ends with a look at the canary: nobody came.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote

import pytest

from core.model import State
from crawler.connecting import Resolve
from crawler.fetch import Fetched, GuardedFetch, NotFetched, Wanted
from crawler.links import read_page
from crawler.robots import Robots, RobotsNotes
from crawler.scope import Scope
from tests.crawler.wire import QUICK, USER_AGENT, Wire, response, run, saying, watched, wire
from tests.hostile.addresses import take
from tests.namespace import require_own_network

pytestmark = pytest.mark.own_network

PUBLIC = "93.184.216.34"
CANARIES = (
    *(
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
    ),
    *("169.254.169.254", "169.254.0.1", "168.63.129.16", "198.18.0.1", "192.0.2.1"),
    *("::1", "fd00::1", "fd00:ec2::254", "2001:db8::1", "64:ff9b::7f00:1", "2002:7f00:1::1"),
)
PICTURE = b"\x89PNG\r\n\x1a\n" + b"drawn" * 300
REFUSALS = (State.REFUSED, State.OUT_OF_SCOPE)

LITERALS = (
    *("127.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "127.8.8.8", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0x0.0.1"),
    *(
        "0177.0.0.1",
        "017700000001",
        "00000177.1",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
    ),
    *("%31%32%37.0.0.1", "127%2e0%2e0%2e1", "127.0.0.1%00", "0", "0.0.0.0", "000.000.000.000", "[::]", "[::1]"),
    *(
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::1]",
    ),
    *(
        "[::ffff:0:127.0.0.1]",
        "[fd00::1]",
        "[fd00:ec2::254]",
        "[fe80::1%25lo]",
        "10.0.0.1",
        "167772161",
        "0xa.1",
        "172.16.1",
    ),
    *("192.168.1", "0xc0a80001", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
    *(
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
    ),
    *("localhost", "LOCALHOST", "localhost.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "localhost.localdomain", "ip6-localhost"),
)
TRICKS = (
    *(
        "http:\\\\127.0.0.1\\",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "///127.0.0.1/",
        "\\\\127.0.0.1/",
        "//127.0.0.1:80/",
        "HtTp://127.0.0.1",
    ),
    *(
        "ht\ttp://127.\n0.0.1/",
        " \x00http://127.0.0.1/",
        "http://site.example@127.0.0.1/",
        "http://site.example:80@127.0.0.1/",
    ),
    *("http://127.0.0.1\\@site.example/", "http://127.0.0.1#@site.example/", "http://127.0.0.1?@site.example/"),
    *(
        "http://site.example%2f@127.0.0.1/",
        "http://site.example%00.127.0.0.1/",
        "http://127.0.0.1;site.example/",
        "http://127.0.0.1&site.example/",
    ),
    *(
        "http://[::1]%00.site.example/",
        "http://[::ffff:127.0.0.1]:80/",
        "http://127.0.0.1:00080/",
        "http://127.0.0.1.site.example/",
    ),
    *("http://site.example:8080/", "http://site.example.:80/", "http://sub.site.example/", "http://site.example:22/"),
    *(
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:80/_GET%20/",
        "dict://127.0.0.1/",
    ),
    *(
        "data:text/html,<p>",
        "javascript:location='http://127.0.0.1'",
        "blob:http://127.0.0.1/1",
        "view-source:http://127.0.0.1/",
    ),
    *("ws://127.0.0.1/", "s3://127.0.0.1/a", "jar:http://127.0.0.1!/", "http://", "http://:80/", "https://127.0.0.1/"),
)
ANSWERS: tuple[Sequence[str], ...] = (
    *(["127.0.0.1"], ["127.8.8.8"], ["10.0.0.1"], ["172.16.0.1"], ["192.168.0.1"], ["100.64.0.1"], ["100.100.100.200"]),
    *(
        ["169.254.169.254"],
        ["169.254.0.1"],
        ["168.63.129.16"],
        ["192.0.0.192"],
        ["198.18.0.1"],
        ["192.0.2.1"],
        ["0.0.0.0"],
    ),
    *(
        ["224.0.0.1"],
        ["255.255.255.255"],
        ["::"],
        ["::1"],
        ["fd00::1"],
        ["fd00:ec2::254"],
        ["fe80::1%1"],
        ["2001:db8::1"],
    ),
    *(
        ["::ffff:127.0.0.1"],
        ["::ffff:a9fe:a9fe"],
        ["::127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::1"],
        ["2001:0:7f00:1::"],
    ),
    *(
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, "::1"],
        [PUBLIC, PUBLIC, "169.254.169.254"],
        ["127.1"],
        ["2130706433"],
    ),
)


@dataclass
class World:
    """The agreed site at its public address, and whoever came to the canary."""

    site: Wire
    came: list[Wire]

    def hits(self) -> int:
        return sum(len(canary.heads) for canary in self.came)


async def says(head: str, writer: asyncio.StreamWriter) -> None:
    """/to/… redirects there; anything else is a picture."""
    path = head.split()[1]
    if path.startswith("/to/"):
        location = unquote(path.removeprefix("/to/"))
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: "
            + location.encode()
            + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    else:
        writer.write(response(PICTURE))


@pytest.fixture(scope="module", autouse=True)
def addresses() -> None:
    require_own_network()
    for number, address in enumerate((PUBLIC, *CANARIES), start=1):
        if address not in ("127.0.0.1", "::1"):
            take(address, number)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    require_own_network()
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(wire(says, address=PUBLIC, port=80))
        canaries = [
            await stack.enter_async_context(wire(saying(response(PICTURE)), address=address, port=80))
            for address in CANARIES
        ]
        yield World(site, canaries)


@asynccontextmanager
async def guarded(*hosts: str, resolve: Resolve, allow_private: bool = False) -> AsyncIterator[GuardedFetch]:
    site = watched(*hosts, image_hosts=("cdn.example",), allow_private=allow_private)
    async with GuardedFetch(Scope(site), USER_AGENT, QUICK, lambda: None, resolve=resolve) as fetch:
        yield fetch


async def honest(name: str) -> Sequence[str]:
    """What the system would say; our own names are at the public address."""
    if name in ("site.example", "cdn.example"):
        return [PUBLIC]
    return [str(address[0]) for *_, address in await asyncio.get_running_loop().getaddrinfo(name, 80)]


def ends(outcome: Fetched | NotFetched, *states: State) -> bool:
    return isinstance(outcome, NotFetched) and outcome.state in states


def test_the_canary_can_be_reached_from_here_and_so_can_the_site() -> None:
    """Else the tests below would prove nothing."""

    async def ask() -> tuple[int, Fetched | NotFetched]:
        async with world() as there, guarded("site.example", resolve=honest) as fetch:
            for canary in CANARIES:
                reader, writer = await asyncio.open_connection(canary, 80)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                await reader.read()
                writer.close()
            return there.hits(), await fetch.fetch("http://site.example/a", wanted=Wanted.IMAGE)

    hits, outcome = run(ask())

    assert hits == len(CANARIES)
    assert isinstance(outcome, Fetched)


def test_no_spelling_of_an_address_and_no_trick_with_a_url_leads_to_the_canary() -> None:
    urls = [f"http://{host}/" for host in LITERALS] + list(TRICKS)

    async def ask() -> tuple[int, dict[str, Fetched | NotFetched], list[str]]:
        outcomes = {}
        async with world() as there, guarded("site.example", resolve=honest) as fetch:
            for url in urls:
                for wanted in Wanted:
                    outcomes[f"{url} as {wanted.value}"] = await fetch.fetch(url, wanted=wanted)
            return there.hits(), outcomes, there.site.heads

    hits, outcomes, asked = run(ask())

    assert len(urls) >= 90
    assert hits == 0
    assert not asked
    assert {name for name, outcome in outcomes.items() if not ends(outcome, *REFUSALS)} == set()


def test_no_redirect_leads_to_the_canary() -> None:
    locations = [f"http://{host}/" for host in LITERALS] + [f"//{host}/" for host in LITERALS] + list(TRICKS)

    async def ask() -> tuple[int, dict[str, Fetched | NotFetched]]:
        outcomes = {}
        async with world() as there, guarded("site.example", resolve=honest) as fetch:
            for location in locations:
                once = f"/to/{quote(location, safe='')}"
                for path in (once, f"/to/{quote(once, safe='')}"):  # at once, and one hop later
                    outcomes[path] = await fetch.fetch(f"http://site.example{path}", wanted=Wanted.IMAGE)
            return there.hits(), outcomes

    hits, outcomes = run(ask())
    elsewhere = {
        unquote(unquote(path)).rpartition("/to/")[2]
        for path, outcome in outcomes.items()
        if not ends(outcome, *REFUSALS)
    }

    assert len(outcomes) >= 250
    assert hits == 0
    # Relative for a browser, too, or no header that an HTTP answer can hold.
    assert elsewhere <= {"http:/127.0.0.1/", "http:127.0.0.1", "ht\ttp://127.\n0.0.1/", " \x00http://127.0.0.1/"}


def test_an_agreement_that_names_the_canary_does_not_open_the_way_to_it() -> None:
    """A mistake in a site file. Without allow_private it changes nothing; with it, clouds' own addresses stay closed."""
    metadata = [host for host in LITERALS if "169.254" in host or "a9fe" in host] + ["168.63.129.16", "100.100.100.200"]

    async def ask() -> tuple[int, list[Fetched | NotFetched]]:
        async with world() as there:
            async with guarded(*LITERALS, *CANARIES, "localhost", resolve=honest) as fetch:
                outcomes = [await fetch.fetch(f"http://{host}/", wanted=Wanted.IMAGE) for host in LITERALS]
            async with guarded(*LITERALS, *CANARIES, resolve=honest, allow_private=True) as fetch:
                outcomes += [await fetch.fetch(f"http://{host}/", wanted=Wanted.IMAGE) for host in metadata]
            return there.hits(), outcomes

    hits, outcomes = run(ask())

    assert hits == 0
    assert all(ends(outcome, *REFUSALS, State.UNREACHABLE) for outcome in outcomes)


def test_allow_private_opens_the_way_to_this_machine_and_no_further() -> None:
    async def ask() -> tuple[list[Fetched | NotFetched], list[int]]:
        async with world() as there, guarded("127.0.0.1", "site.example", resolve=honest, allow_private=True) as fetch:
            outcomes = [
                await fetch.fetch("http://127.0.0.1/", wanted=Wanted.IMAGE),
                await fetch.fetch("http://127.8.8.8/", wanted=Wanted.IMAGE),
                await fetch.fetch("http://site.example/to/http%3A%2F%2F169.254.169.254", wanted=Wanted.IMAGE),
            ]
            return outcomes, [len(canary.heads) for canary in there.came]

    (agreed, other, metadata), came = run(ask())

    assert isinstance(agreed, Fetched)
    assert ends(other, State.OUT_OF_SCOPE)
    assert ends(metadata, State.REFUSED)
    assert sum(came) == came[CANARIES.index("127.0.0.1")] == 1


@pytest.mark.parametrize("answers", ANSWERS, ids=" ".join)
def test_an_agreed_name_with_any_address_that_is_not_public_is_not_connected_to(answers: Sequence[str]) -> None:
    async def resolve(_: str) -> Sequence[str]:
        return answers

    async def ask() -> tuple[int, list[str], list[Fetched | NotFetched]]:
        async with world() as there, guarded("site.example", resolve=resolve) as fetch:
            outcomes = [await fetch.fetch("http://site.example/", wanted=wanted) for wanted in Wanted]
            return there.hits(), there.site.heads, outcomes

    hits, asked, outcomes = run(ask())

    assert hits == 0
    assert not asked
    assert all(ends(outcome, State.REFUSED) for outcome in outcomes)


@pytest.mark.parametrize("later", [["127.0.0.1"], ["::1"], ["169.254.169.254"], [PUBLIC, "127.0.0.1"]], ids=" ".join)
def test_a_name_that_moves_to_the_canary_after_it_was_checked_is_not_followed_there(later: list[str]) -> None:
    """Rebinding: public when first asked, ours ever after. Each request has a connection of its own here."""
    asked: list[str] = []

    async def resolve(name: str) -> Sequence[str]:
        asked.append(name)
        return [PUBLIC] if len(asked) == 1 else later

    async def ask() -> tuple[int, list[Fetched | NotFetched]]:
        async with world() as there:
            paths = ("/a", "/to/%2Fb", "/to/http%3A%2F%2Fsite.example%2Fc", "/d")
            async with guarded("site.example", resolve=resolve) as fetch:
                outcomes = [await fetch.fetch(f"http://site.example{path}", wanted=Wanted.IMAGE) for path in paths]
            async with guarded("site.example", resolve=resolve) as fetch:  # what was checked is forgotten here
                outcomes.append(await fetch.fetch("http://site.example/e", wanted=Wanted.IMAGE))
            return there.hits(), outcomes

    hits, outcomes = run(ask())

    assert hits == 0
    assert all(isinstance(outcome, Fetched) for outcome in outcomes[:4])
    assert ends(outcomes[4], State.REFUSED)
    assert len(asked) == 2  # once each: what was checked is what was connected to


def test_a_name_is_asked_for_once_for_each_connection_and_never_by_the_library_itself() -> None:
    """The system's own resolver would say loopback for this name. It is not asked."""

    async def resolve(_: str) -> Sequence[str]:
        return [PUBLIC]

    async def ask() -> tuple[int, list[str], Fetched | NotFetched]:
        async with world() as there, guarded("localhost", resolve=resolve) as fetch:
            outcome = await fetch.fetch("http://localhost/", wanted=Wanted.IMAGE)
            return there.hits(), there.site.heads, outcome

    assert socket.gethostbyname("localhost").startswith("127.")
    hits, asked, outcome = run(ask())

    assert hits == 0
    assert isinstance(outcome, Fetched)
    assert "Host: localhost\r\n" in asked[0]


def test_the_robots_file_of_a_site_does_not_lead_there_either() -> None:
    async def ask() -> tuple[int, list[tuple[State, str] | None]]:
        outcomes = []
        async with world() as there:
            for host in LITERALS:

                async def resolve(_: str, host: str = host) -> Sequence[str]:
                    return [host.strip("[]")]

                async with guarded("site.example", resolve=resolve) as fetch:
                    robots = Robots(fetch, watched("site.example"), "Stillwatch", RobotsNotes())
                    outcomes.append(await robots.may_fetch("http://site.example/a"))
            return there.hits(), outcomes

    hits, outcomes = run(ask())

    assert hits == 0
    assert {outcome and outcome[0] for outcome in outcomes} == {State.ROBOTS_UNREAD}


def test_nothing_that_a_page_names_leads_there() -> None:
    page = "".join(
        f"""<img src="{url}" srcset="{url} 1x, //{host}/s 2x" data-src="{url}"><a href="{url}">a</a><video poster="{url}">
        <p style="background:url({url})"><link rel=next href="{url}"><iframe src="{url}"></iframe><object data="{url}">
        <meta property="og:image" content="{url}"><meta http-equiv=refresh content="0;url={url}"><svg><image href="{url}"/></svg>
        <script>var image = "{url}"</script><noscript><img src="{url}/n"></noscript>"""
        for host in LITERALS
        for url in (f"http://{host}/x.jpg",)
    )

    async def ask() -> tuple[int, int, list[Fetched | NotFetched]]:
        outcomes = []
        async with world() as there, guarded("site.example", resolve=honest) as fetch:
            for base in ("", '<base href="http://127.0.0.1/">', '<base href="http://2130706433/"><img src=a.jpg>'):
                links = read_page((base + page).encode(), "http://site.example/", None)
                outcomes += [await fetch.fetch(url, wanted=Wanted.IMAGE) for url in links.images]
                outcomes += [await fetch.fetch(url, wanted=Wanted.PAGE) for url in links.pages]
            return there.hits(), len(there.site.heads), outcomes

    hits, asked, outcomes = run(ask())

    assert len(outcomes) > 60
    assert hits == 0
    assert asked == 0
    assert all(ends(outcome, *REFUSALS) for outcome in outcomes)
