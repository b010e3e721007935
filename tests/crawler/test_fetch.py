"""The guarded fetch against real local sites: what it says of itself, where it goes, and how each answer ends."""

import asyncio

import pytest

from core.model import State
from crawler.fetch import Fetched, FetchLimits, Kind, NotFetched, Wanted
from tests.crawler.wire import QUICK, USER_AGENT, by_path, fetched, fetching, response, run, saying, wire

PNG = b"\x89PNG\r\n\x1a\n" + b"drawn" * 10
PAGE = b"<!doctype html><title>A page</title>"


def found(outcome: Fetched | NotFetched) -> Fetched:
    assert isinstance(outcome, Fetched), outcome
    return outcome


def refused(outcome: Fetched | NotFetched) -> NotFetched:
    assert isinstance(outcome, NotFetched), outcome
    return outcome


# ------------------------------------------------------------------------------------------------ what is asked and kept


def test_a_page_comes_with_its_status_its_headers_in_lower_case_and_its_kind() -> None:
    outcome = found(fetched(saying(response(PAGE, content_type="text/html", X_One="1")), "/a?b=c#d"))

    assert (outcome.status, outcome.body, outcome.kind) == (200, PAGE, Kind.HTML)
    assert outcome.headers["content-type"] == "text/html"
    assert outcome.headers["x-one"] == "1"
    assert outcome.url.endswith("/a?b=c#d")
    assert outcome.final_url.endswith("/a?b=c")


@pytest.mark.parametrize(
    ("wanted", "packing"), [(Wanted.PAGE, "gzip"), (Wanted.ROBOTS, "gzip"), (Wanted.IMAGE, "identity")]
)
def test_a_request_says_who_we_are_and_nothing_that_tells_more(
    wanted: Wanted, packing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    async def ask() -> list[str]:
        body = response(PNG, set_cookie="id=1; Path=/")
        async with wire(saying(body)) as site, fetching(site.host) as fetch:
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
            for _ in range(2):
                found(await fetch.fetch(site.url("/a b"), wanted=wanted))
            return site.heads

    first, second = run(ask())

    request, *fields = first.strip().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    assert request == "GET /a%20b HTTP/1.1"
    assert headers.keys() == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert headers["User-Agent"] == USER_AGENT
    assert headers["Accept-Encoding"] == packing
    assert second == first


def test_neither_body_nor_url_is_in_what_is_printed() -> None:
    for outcome in (
        fetched(saying(response(b"secret body")), "/secret"),
        fetched(saying(response(status="404 Not Found")), "/secret"),
        fetched(saying(response(status="302 Found", location="http://secret.example/")), "/secret"),
    ):
        assert "secret" not in repr(outcome)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n" + PAGE, PAGE),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PAGE, PAGE),
        (b"HTTP/1.1 200 \r\nContent-Length: 5\r\nConnection: close\r\n\r\n<p>aa", b"<p>aa"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(PAGE), PAGE),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\n<p>\r\n2;x=y\r\naa\r\n0\r\nA: b\r\n\r\n",
            b"<p>aa",
        ),
        (response(status="204 No Content"), b""),
    ],
    ids=["HTTP/1.0 without a length", "without a length", "without words", "early hints", "chunks", "nothing"],
)
def test_the_many_ways_to_say_a_body_are_understood(answer: bytes, body: bytes) -> None:
    assert found(fetched(saying(answer))).body == body


# ------------------------------------------------------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("404 Not Found", State.GONE),
        ("410 Gone", State.GONE),
        ("206 Partial Content", State.TRUNCATED),
        *(
            (status, State.HTTP_ERROR)
            for status in ("300 Choose", "301 Moved", "304 Not Modified", "401 No", "403 No", "418 Tea")
        ),
        *(
            (status, State.HTTP_ERROR)
            for status in ("429 Slow", "451 No", "500 Oh", "503 Later", "599 X", "999 Denied")
        ),
    ],
)
def test_a_status_that_brings_no_content_is_named(status: str, state: State) -> None:
    outcome = refused(fetched(saying(response(status=status))))

    assert outcome.state is state
    assert outcome.status == int(status[:3])
    assert status[:3] in outcome.reason
    assert outcome.retry_after_s is None


def test_when_to_come_again_is_read_from_busy_sites() -> None:
    date, later = "Tue, 01 Dec 2026 10:00:00 GMT", "Tue, 01 Dec 2026 10:02:00 GMT"

    assert refused(fetched(saying(response(status="503 Later", date=date, retry_after=later)))).retry_after_s == 120
    assert refused(fetched(saying(response(status="429 Slow", retry_after="7")))).retry_after_s == 7


@pytest.mark.parametrize("status", [200, 301, 404, 410, 429, 500, 503])
def test_of_robots_every_status_is_an_answer(status: int) -> None:
    outcome = found(fetched(saying(response(b"User-agent: *", status=f"{status} X")), wanted=Wanted.ROBOTS))

    assert (outcome.status, outcome.body) == (status, b"User-agent: *")


def test_of_a_large_robots_file_the_first_500_kib_are_kept() -> None:
    rules = b"Disallow: /a\n" * 100_000

    assert found(fetched(saying(response(rules)), wanted=Wanted.ROBOTS)).body == rules[: 500 * 1024]


# ------------------------------------------------------------------------------------------------------------ redirects


def test_redirects_are_followed_within_the_agreement_and_relative_to_each_hop() -> None:
    hops = {
        "/a/1": response(status="301 X", location="2"),
        "/a/2": response(status="302 X", location="../b/3?q=\xe4"),
        "/b/3?q=%E4": response(status="303 X", location="/4#part"),
        "/4": response(status="307 X", location="?5"),
        "/4?5": response(status="308 X", location="./6"),
        "/6": response(PAGE),
    }

    outcome = found(fetched(by_path(hops), "/a/1"))

    assert outcome.url.endswith("/a/1")
    assert outcome.final_url.endswith("/6")


@pytest.mark.parametrize(
    ("location", "state"),
    [
        ("/start", State.REFUSED),
        ("", State.REFUSED),
        ("#top", State.REFUSED),
        ("file:///etc/passwd", State.REFUSED),
        ("data:text/html,<p>", State.REFUSED),
        ("ftp://127.0.0.1/", State.REFUSED),
        ("http://user:word@127.0.0.1/", State.REFUSED),
        ("http://[::1", State.REFUSED),
        ("http://169.254.169.254/latest/", State.REFUSED),
        ("//other.example/", State.OUT_OF_SCOPE),
        ("http://127.0.0.1:1/", State.OUT_OF_SCOPE),
    ],
)
def test_a_redirect_that_leaves_the_agreement_or_goes_in_circles_is_refused(location: str, state: State) -> None:
    answer = response(status="302 Found", location=location)

    outcome = refused(fetched(by_path({"/start": answer}), "/start"))

    assert outcome.state is state
    assert outcome.reason.startswith("redirected: ")
    assert outcome.status == 302


@pytest.mark.parametrize(("hops", "arrives"), [(5, True), (6, False)])
def test_five_redirects_are_followed_and_not_a_sixth(hops: int, arrives: bool) -> None:
    async def says(head: str, writer: asyncio.StreamWriter) -> None:
        left = int(head.split()[1][1:])
        writer.write(response(PAGE) if left == 0 else response(status="302 X", location=f"/{left - 1}"))

    outcome = fetched(says, f"/{hops}")

    assert isinstance(outcome, Fetched) is arrives
    if isinstance(outcome, NotFetched):
        assert (outcome.state, outcome.reason) == (State.REFUSED, "redirected: more than 5 in a row")


def test_a_redirect_in_a_circle_is_refused_before_it_is_closed() -> None:
    async def ask() -> tuple[Fetched | NotFetched, list[str]]:
        circle = {"/1": response(status="302 X", location="/2"), "/2": response(status="302 X", location="/1")}
        async with wire(by_path(circle)) as site, fetching(site.host) as fetch:
            return await fetch.fetch(site.url("/1"), wanted=Wanted.PAGE), site.paths()

    outcome, paths = run(ask())

    assert refused(outcome).state is State.REFUSED
    assert paths == ["/1", "/2"]


def test_each_hop_is_asked_about_before_it_is_taken() -> None:
    async def ask() -> tuple[Fetched | NotFetched, list[str], list[str]]:
        asked: list[str] = []

        async def may_fetch(url: str) -> tuple[State, str] | None:
            asked.append(url.rpartition("/")[2])
            return (State.ROBOTS, "robots.txt asks us not to") if url.endswith("/2") else None

        answers = {"/1": response(status="302 X", location="/2"), "/2": response(PAGE)}
        async with wire(by_path(answers)) as site, fetching(site.host) as fetch:
            outcome = await fetch.fetch(site.url("/1"), wanted=Wanted.PAGE, may_fetch=may_fetch)
            return outcome, asked, site.paths()

    outcome, asked, paths = run(ask())

    assert refused(outcome).state is State.ROBOTS
    assert asked == ["1", "2"]
    assert paths == ["/1"]


def test_an_agreement_that_ends_between_two_hops_ends_the_fetch() -> None:
    async def ask() -> tuple[Fetched | NotFetched, list[str]]:
        def still_agreed() -> str | None:
            return "the site was revoked" if site.heads else None

        answers = {"/1": response(status="302 X", location="/2"), "/2": response(PAGE)}
        async with wire(by_path(answers)) as site, fetching(site.host, still_agreed=still_agreed) as fetch:
            return await fetch.fetch(site.url("/1"), wanted=Wanted.PAGE), site.paths()

    outcome, paths = run(ask())

    assert refused(outcome).state is State.OUT_OF_SCOPE
    assert refused(outcome).reason == "redirected: the site was revoked"
    assert paths == ["/1"]


def test_without_an_agreement_nothing_is_asked_not_even_about_robots() -> None:
    async def ask() -> tuple[NotFetched, list[str], list[str]]:
        asked: list[str] = []

        async def may_fetch(url: str) -> tuple[State, str] | None:
            asked.append(url)
            return None

        async with wire(saying(response(PAGE))) as site, fetching(site.host, still_agreed=lambda: "expired") as fetch:
            outcome = await fetch.fetch(site.url(), wanted=Wanted.PAGE, may_fetch=may_fetch)
            return refused(outcome), asked, site.heads

    outcome, asked, heads = run(ask())

    assert (outcome.state, outcome.reason) == (State.OUT_OF_SCOPE, "expired")
    assert not asked
    assert not heads


def test_an_agreement_that_ends_while_we_wait_for_our_turn_is_noticed() -> None:
    async def ask() -> tuple[NotFetched, list[str]]:
        ended: list[str] = []

        async def may_fetch(_: str) -> tuple[State, str] | None:
            ended.append("expired")
            return None

        def still_agreed() -> str | None:
            return ended[0] if ended else None

        async with wire(saying(response(PAGE))) as site, fetching(site.host, still_agreed=still_agreed) as fetch:
            return refused(await fetch.fetch(site.url(), wanted=Wanted.PAGE, may_fetch=may_fetch)), site.heads

    outcome, heads = run(ask())

    assert outcome.state is State.OUT_OF_SCOPE
    assert not heads


def test_waiting_for_our_turn_is_not_the_sites_slowness() -> None:
    async def may_fetch(_: str) -> tuple[State, str] | None:
        await asyncio.sleep(0.4)
        return None

    found(fetched(saying(response(PAGE)), limits=FetchLimits(total_s=0.3), may_fetch=may_fetch))


# ------------------------------------------------------------------------------------------------- when it does not work


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"", State.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Le", State.UNREACHABLE),
        (b"\x00\x01\x02 nonsense\r\n\r\n", State.HTTP_ERROR),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", State.HTTP_ERROR),
        (b"HTTP/9.9 200 OK\r\n\r\n", State.HTTP_ERROR),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc", State.HTTP_ERROR),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg", State.HTTP_ERROR),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", State.HTTP_ERROR),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n", State.HTTP_ERROR),
        (response(PAGE, content_length="1000"), State.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>aa\r\n", State.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n<p>aa", State.TRUNCATED),
    ],
)
def test_an_answer_that_breaks_off_or_makes_no_sense_is_named(answer: bytes, state: State) -> None:
    outcome = refused(fetched(saying(answer)))

    assert outcome.state is state
    assert "127.0.0.1" not in outcome.reason


@pytest.mark.parametrize(
    "chunk", [b"zz\r\n<p>\r\n", b"ffffffffffffffffffff\r\n<p>", b"-3\r\n<p>\r\n", b"3\n<p>\n", b"3\r\n<p>xx"]
)
def test_a_body_in_chunks_that_are_none_is_never_taken_for_whole(chunk: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"

    assert refused(fetched(saying(answer))).state in (State.HTTP_ERROR, State.TRUNCATED)


def test_a_connection_that_is_reset_within_the_body_leaves_it_truncated() -> None:
    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(response(PAGE, content_length="1000"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    assert refused(fetched(says)).state is State.TRUNCATED


@pytest.mark.parametrize("when", ["before the answer", "within the head", "within the body"])
def test_a_site_that_falls_silent_is_not_waited_for(when: str) -> None:
    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        if when != "before the answer":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n")
        if when == "within the body":
            writer.write(b"\r\n<p>")
        await writer.drain()
        await asyncio.sleep(5)

    outcome = refused(fetched(says, limits=FetchLimits(idle_s=0.2)))

    assert (outcome.state, outcome.reason) == (State.TIMEOUT, "the site fell silent for longer than allowed")


def test_a_site_that_dribbles_is_given_the_total_time_and_no_more() -> None:
    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"<")
            await writer.drain()
            await asyncio.sleep(0.02)

    outcome = refused(fetched(says, limits=FetchLimits(total_s=0.4, idle_s=5)))

    assert (outcome.state, outcome.reason) == (State.TIMEOUT, "the answer took longer than allowed")


def test_all_hops_together_have_the_total_time() -> None:
    async def says(head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(response(status="302 X", location=head.split()[1] + "a"))

    outcome = refused(fetched(says, limits=FetchLimits(total_s=0.4)))

    assert outcome.state is State.TIMEOUT


def test_where_nobody_listens_nothing_is_reached() -> None:
    async def ask() -> NotFetched:
        async with wire(saying()) as site:
            url, host = site.url(), site.host
        async with fetching(host) as fetch:
            return refused(await fetch.fetch(url, wanted=Wanted.PAGE))

    assert run(ask()).state is State.UNREACHABLE


@pytest.mark.parametrize("name", ["nowhere.example", "a" * 64 + ".example", "a..example", "."])
def test_a_name_without_an_address_is_unreachable(name: str) -> None:
    async def resolve(host: str) -> list[str]:
        host.encode("idna")  # as the system does
        raise OSError("no such name")

    async def ask() -> NotFetched:
        async with fetching(name, resolve=resolve) as fetch:
            return refused(await fetch.fetch(f"http://{name}/", wanted=Wanted.PAGE))

    assert run(ask()).state in (State.UNREACHABLE, State.REFUSED)


def test_a_name_server_that_does_not_answer_is_not_waited_for() -> None:
    async def resolve(_: str) -> list[str]:
        await asyncio.sleep(60)
        return []

    async def ask() -> NotFetched:
        async with fetching("slow.example", limits=FetchLimits(connect_s=0.2), resolve=resolve) as fetch:
            return refused(await fetch.fetch("http://slow.example/", wanted=Wanted.PAGE))

    outcome = run(ask())

    assert (outcome.state, outcome.reason) == (State.TIMEOUT, "no connection in the time allowed")


def test_long_headers_are_read_as_browsers_read_them() -> None:
    policy = "img-src " + "https://cdn.example " * 1_000

    assert found(fetched(saying(response(PAGE, content_security_policy=policy)))).body == PAGE


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "javascript:1", "http://127.0.0.1:99999/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    async def ask() -> NotFetched:
        async with fetching("127.0.0.1") as fetch:
            return refused(await fetch.fetch(url, wanted=Wanted.PAGE))

    assert run(ask()).state is State.REFUSED


def test_a_fetch_that_is_given_up_closes_its_connection() -> None:
    async def ask() -> bool:
        closed = asyncio.Event()

        async def says(_: str, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n<p>")
            await writer.drain()
            while not writer.is_closing():
                writer.write(b"a" * 1000)
                try:
                    await writer.drain()
                except ConnectionError:
                    break
                await asyncio.sleep(0.01)
            closed.set()

        async with wire(says) as site, fetching(site.host) as fetch:
            task = asyncio.create_task(fetch.fetch(site.url(), wanted=Wanted.PAGE))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(closed.wait(), 10)
            return True

    assert run(ask())


def test_many_fetches_at_once_do_not_mix() -> None:
    async def ask() -> bool:
        async def says(head: str, writer: asyncio.StreamWriter) -> None:
            path = head.split()[1]
            await asyncio.sleep(int(path[1:]) % 7 / 100)
            writer.write(response(f"<p>{path}".encode()))

        async with wire(says) as site, fetching(site.host, limits=QUICK) as fetch:
            urls = [site.url(f"/{number}") for number in range(60)]
            outcomes = await asyncio.gather(*(fetch.fetch(url, wanted=Wanted.PAGE) for url in urls))
        bodies = [found(outcome).body.decode() for outcome in outcomes]
        return bodies == [f"<p>/{number}" for number in range(60)]

    assert run(ask())
