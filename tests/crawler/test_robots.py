"""robots.txt as RFC 9309 reads it: what it says is done, and what could not be read is not allowed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Politeness, State
from crawler.fetch import FetchLimits
from crawler.robots import Robots, RobotsCopy, RobotsMemory, RobotsNotes
from tests.crawler.wire import Says, Wire, by_path, fetching, response, run, saying, watched, wire

RULES = b"""User-agent: *
Disallow: /

User-agent: Stillwatch
Crawl-delay: 2.5
Disallow: /private
Allow: /private/shown
Disallow: /*.php$
Disallow: /list?page=
"""
UNREAD = (State.ROBOTS_UNREAD, "robots.txt could not be read")
REFUSED = (State.ROBOTS, "robots.txt asks us not to")


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 12, 1, 10, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Reading:
    site: Wire
    robots: Robots
    clock: Clock
    memory: RobotsMemory

    async def may_fetch(self, path: str = "/a") -> tuple[State, str] | None:
        return await self.robots.may_fetch(self.site.url(path))


@asynccontextmanager
async def reading(
    says: Says, *, rule: str = "obey", memory: RobotsMemory | None = None, limits: FetchLimits | None = None
) -> AsyncIterator[Reading]:
    memory, clock = memory or RobotsNotes(), Clock()
    async with wire(says) as site, fetching(site.host, limits=limits or FetchLimits(idle_s=0.3)) as fetch:
        agreed = watched(site.host, politeness=Politeness(robots=rule))
        yield Reading(site, Robots(fetch, agreed, "Stillwatch", memory, clock=clock), clock, memory)


def answer(says: Says, *paths: str) -> list[tuple[State, str] | None]:
    async def ask() -> list[tuple[State, str] | None]:
        async with reading(says) as read:
            return [await read.may_fetch(path) for path in paths]

    return run(ask())


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/private", False),
        ("/private/a", False),
        ("/private/shown/a", True),
        ("/a.php", False),
        ("/a.php?b", True),
        ("/list", True),
        ("/list?page=2", False),
        ("/%70rivate/a", False),
        ("/robots.txt", True),
    ],
)
def test_the_rules_for_us_are_kept_and_those_for_all_others_are_not_ours(path: str, allowed: bool) -> None:
    assert answer(saying(response(RULES)), path) == [None if allowed else REFUSED]


def test_without_rules_for_us_those_for_all_are_ours() -> None:
    assert answer(saying(response(b"User-agent: Other\nDisallow:\n\nUser-agent: *\nDisallow: /")), "/a") == [REFUSED]


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("Stillwatch", True),
        ("stillwatch", True),
        ("STILLWATCH/2.1", True),
        ("Stillwatch/2.1 (+https://who.example)", True),
        ("Stillwatch # us", True),
        ("Still", False),
        ("watch", False),
        ("Stillwatcher", False),
        ("Stillwatch-Images", False),
        ("Stillwatch*", True),
        ("s*", False),
        ("", False),
    ],
)
def test_we_are_meant_by_our_product_token_whole_and_without_its_version(line: str, ours: bool) -> None:
    rules = f"User-agent: {line}\nDisallow: /private\n\nUser-agent: *\nDisallow: /all".encode()

    expected = [REFUSED, None] if ours else [None, REFUSED]
    assert answer(saying(response(rules)), "/private", "/all") == expected


def test_rules_for_several_agents_are_ours_if_we_are_one_of_them() -> None:
    rules = b"user-agent: Other/1\nUseragent: STILLWATCH/3\nuser agent: Third\nDisallow: /private\n\nUser-agent: *  # all\nDisallow: /"

    assert answer(saying(response(rules)), "/private", "/a") == [REFUSED, None]


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("403 Forbidden", {"cf_mitigated": "challenge"}, b""),
        ("503 Later", {"server": "cloudflare"}, b"<title>Just a moment...</title>"),
        ("200 OK", {}, b"<div class=g-recaptcha></div>"),
    ],
)
def test_a_wall_instead_of_the_file_is_no_permission_and_the_host_is_named(
    status: str, headers: dict[str, str], body: bytes
) -> None:
    walled: list[str] = []

    async def ask() -> tuple[State, str] | None:
        async with wire(saying(response(body, status=status, **headers))) as site, fetching(site.host) as fetch:
            robots = Robots(fetch, watched(site.host), "Stillwatch", RobotsNotes(), on_wall=walled.append)
            return await robots.may_fetch(site.url())

    assert run(ask()) == UNREAD
    assert walled == ["127.0.0.1"]


def test_a_file_that_was_not_asked_for_because_nothing_may_be_is_not_remembered() -> None:
    async def full(_: str) -> tuple[State, str] | None:
        return State.PENDING, "the day is used up"

    async def ask() -> tuple[RobotsCopy | None, int]:
        memory = RobotsNotes()
        async with wire(saying(response(RULES))) as site, fetching(site.host) as fetch:
            await Robots(fetch, watched(site.host), "Stillwatch", memory, may_ask=full).may_fetch(site.url())
            return memory.get(site.url("")), len(site.heads)

    assert run(ask()) == (None, 0)


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "400 Bad", "401 No", "403 No", "451 No", "499 X"])
def test_without_a_robots_file_everything_is_allowed(status: str) -> None:
    assert answer(saying(response(b"User-agent: *\nDisallow: /", status=status)), "/a") == [None]


@pytest.mark.parametrize(
    "status", ["429 Slow", "500 Oh", "502 Oh", "503 Later", "599 X", "301 Without", "304 Not Modified"]
)
def test_where_the_file_cannot_be_had_now_nothing_is_allowed(status: str) -> None:
    assert answer(saying(response(status=status)), "/a") == [UNREAD]


@pytest.mark.parametrize(
    "broken",
    [b"", b"nonsense\r\n\r\n", response(b"User-agent", content_length="100"), response(RULES, content_encoding="br")],
    ids=["no answer", "no HTTP", "cut off", "packed otherwise"],
)
def test_where_the_answer_cannot_be_read_nothing_is_allowed(broken: bytes) -> None:
    assert answer(saying(broken), "/a") == [UNREAD]


def test_where_the_site_is_silent_nothing_is_allowed() -> None:
    async def says(_: str, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    assert answer(says, "/a") == [UNREAD]


@pytest.mark.parametrize("body", [b"", b"<!doctype html><p>Welcome", b"\xff\xfe\x00\x01", b"\xef\xbb\xbf" + RULES])
def test_whatever_comes_with_a_200_is_read_for_rules(body: bytes) -> None:
    assert answer(saying(response(body)), "/a", "/private") == [None, REFUSED if RULES in body else None]


def test_five_redirects_to_the_rules_are_followed() -> None:
    hops = {f"/{hop}": response(status="302 X", location=f"/{hop + 1}") for hop in range(1, 5)}
    hops |= {"/robots.txt": response(status="301 X", location="/1"), "/5": response(RULES)}

    assert answer(by_path(hops), "/a", "/private") == [None, REFUSED]


@pytest.mark.parametrize(
    "location", ["/robots.txt", "http://other.example/robots.txt", "http://169.254.169.254/", "file:///etc/passwd"]
)
def test_a_redirect_that_is_not_followed_leaves_the_rules_unread(location: str) -> None:
    assert answer(saying(response(status="302 X", location=location)), "/a") == [UNREAD]


def test_a_packed_file_larger_than_is_read_is_read_as_far_as_that() -> None:
    rules = b"User-agent: *\nDisallow: /private\n" + b"# words\n" * 70_000 + b"Disallow: /late\n"

    assert answer(saying(response(rules)), "/private", "/late") == [REFUSED, None]


def test_a_site_that_agreed_to_be_read_without_it_is_not_asked_for_it() -> None:
    async def ask() -> tuple[list[tuple[State, str] | None], list[str]]:
        async with reading(saying(response(b"User-agent: *\nDisallow: /")), rule="agreed") as read:
            return [await read.may_fetch()], read.site.paths()

    assert run(ask()) == ([None], [])


def test_the_delay_that_the_rules_ask_for_is_told_once_they_are_read() -> None:
    async def ask() -> tuple[float | None, float | None]:
        async with reading(saying(response(RULES))) as read:
            before = read.robots.crawl_delay(read.site.url())
            await read.may_fetch()
            return before, read.robots.crawl_delay(read.site.url("/b"))

    assert run(ask()) == (None, 2.5)


@pytest.mark.parametrize(("asked", "kept"), [(b"60", 60.0), (b"61", 60.0), (b"86400", 60.0)])
def test_a_delay_is_kept_up_to_a_minute(asked: bytes, kept: float) -> None:
    async def ask() -> float | None:
        async with reading(saying(response(b"User-agent: *\nCrawl-delay: " + asked))) as read:
            await read.may_fetch()
            return read.robots.crawl_delay(read.site.url())

    assert run(ask()) == kept


@pytest.mark.parametrize("delay", [b"nan", b"inf", b"-3", b"soon", b""])
def test_a_delay_that_is_no_number_of_seconds_is_none(delay: bytes) -> None:
    async def ask() -> float | None:
        async with reading(saying(response(b"User-agent: *\nCrawl-delay: " + delay))) as read:
            await read.may_fetch()
            return read.robots.crawl_delay(read.site.url())

    assert run(ask()) is None


# ----------------------------------------------------------------------------------------------------- asking and memory


def test_however_many_ask_at_once_the_site_is_asked_once() -> None:
    async def ask() -> tuple[set[tuple[State, str] | None], list[str]]:
        async with reading(saying(response(RULES))) as read:
            answers = await asyncio.gather(*(read.may_fetch(f"/private/{number}") for number in range(50)))
            return set(answers), read.site.paths()

    assert run(ask()) == ({REFUSED}, ["/robots.txt"])


def test_who_is_called_off_while_asking_does_not_call_off_the_others() -> None:
    async def ask() -> tuple[tuple[State, str] | None, list[str]]:
        async def says(_: str, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.1)
            writer.write(response(RULES))

        async with reading(says) as read:
            first = asyncio.create_task(read.may_fetch())
            second = asyncio.create_task(read.may_fetch("/private"))
            await asyncio.sleep(0.02)
            first.cancel()
            return await second, read.site.paths()

    assert run(ask()) == (REFUSED, ["/robots.txt", "/robots.txt"])


def asked_again_after(says: Says, wait: timedelta) -> bool:
    async def ask() -> int:
        async with reading(says) as read:
            await read.may_fetch()
            read.clock.now += wait
            await read.may_fetch()
            return len(read.site.heads)

    return run(ask()) == 2


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_rules_are_used_for_a_day(status: str) -> None:
    says = saying(response(RULES, status=status))

    assert not asked_again_after(says, timedelta(hours=23, minutes=59))
    assert asked_again_after(says, timedelta(hours=24))


def test_an_unread_file_is_asked_for_again_in_ten_minutes_or_when_the_site_says() -> None:
    busy = saying(response(status="503 Later"))
    busy_for_long = saying(response(status="429 Slow", retry_after="3600"))
    hasty = saying(response(status="503 Later", retry_after="1"))

    assert not asked_again_after(busy, timedelta(minutes=9))
    assert asked_again_after(busy, timedelta(minutes=10))
    assert not asked_again_after(hasty, timedelta(minutes=9))
    assert not asked_again_after(busy_for_long, timedelta(minutes=59))
    assert asked_again_after(busy_for_long, timedelta(minutes=60))


def test_what_was_unread_and_is_read_later_is_used() -> None:
    async def ask() -> list[tuple[State, str] | None]:
        async def says(_: str, writer: asyncio.StreamWriter) -> None:
            writer.write(response(RULES) if len(read.site.heads) > 1 else response(status="500 Oh"))

        async with reading(says) as read:
            before = await read.may_fetch()
            read.clock.now += timedelta(minutes=11)
            return [before, await read.may_fetch(), await read.may_fetch("/private")]

    assert run(ask()) == [UNREAD, None, REFUSED]


@pytest.mark.parametrize(
    ("says", "outcome"),
    [(saying(response(b"User-agent: *\nDisallow: /")), REFUSED), (saying(response(status="503 Later")), UNREAD)],
    ids=["read", "unread"],
)
def test_a_memory_that_survives_spares_the_site_the_question(says: Says, outcome: tuple[State, str]) -> None:
    async def ask() -> list[str]:
        async with reading(says) as first:
            assert await first.may_fetch() == outcome
            origin = first.site.url("")
            copy = first.memory.get(origin)
            assert copy is not None
        memory = RobotsNotes()
        async with reading(says, memory=memory) as second:
            memory.put(second.site.url(""), copy)
            assert await second.may_fetch() == outcome
            return second.site.paths()

    assert run(ask()) == []


def test_a_copy_from_the_future_is_not_trusted() -> None:
    async def ask() -> list[str]:
        memory = RobotsNotes()
        async with reading(saying(response(RULES)), memory=memory) as read:
            later = read.clock.now + timedelta(days=365)
            memory.put(
                read.site.url(""),
                RobotsCopy(fetched_at=later, again_at=later + timedelta(days=1), status=404, read=True),
            )
            assert await read.may_fetch("/private") == REFUSED
            return read.site.paths()

    assert run(ask()) == ["/robots.txt"]


def test_an_agreement_that_has_ended_is_not_remembered_as_an_unread_file() -> None:
    async def ask() -> tuple[tuple[State, str] | None, RobotsCopy | None, int]:
        memory = RobotsNotes()
        async with wire(saying(response(RULES))) as site, fetching(site.host, still_agreed=lambda: "ended") as fetch:
            outcome = await Robots(fetch, watched(site.host), "Stillwatch", memory).may_fetch(site.url())
            return outcome, memory.get(site.url("")), len(site.heads)

    assert run(ask()) == (UNREAD, None, 0)


LINES = st.lists(
    st.sampled_from(
        ["User-agent: ", "Disallow: ", "Allow: ", "Crawl-delay: ", "*", "/", "$", "#", ":", "%", "%zz", "é", "a", " "]
    ),
    max_size=6,
).map("".join)


@given(st.lists(LINES, max_size=12).map("\n".join) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_robots_file_makes_us_stumble(text: str) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    memory = RobotsNotes()
    copy = RobotsCopy(
        fetched_at=now, again_at=now + timedelta(days=1), status=200, read=True, body=text.encode("utf-8", "replace")
    )
    memory.put("http://gallery.example", copy)

    async def ask() -> tuple[State, str] | None:
        async with fetching("gallery.example") as fetch:
            robots = Robots(fetch, watched("gallery.example"), "Stillwatch", memory, clock=lambda: now)
            return await robots.may_fetch("http://gallery.example/a%zz/\u00e9?b=*&c=$")

    assert run(ask()) in (None, REFUSED)
