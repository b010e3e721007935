"""A host that wants a pause has it from everybody, with a real frontier."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.model import Politeness, State, WatchedSite
from crawler import looking
from crawler.fetch import Fetched, NotFetched
from crawler.frontier_sqlite import SqliteFrontier
from crawler.pauses import BUSY_S, keeping_pauses
from crawler.scope import Wanted
from tests.crawler.asker import asking
from tests.crawler.local_site import Answer, LocalSite, page, picture, serve
from tests.crawler.planted import Crawl
from tests.crawler.wire import run

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
URL = "https://site.example/a"


LATER_S = 1000


def asked(frontier: SqliteFrontier, outcome: NotFetched) -> tuple[list[str], NotFetched]:
    """Which URLs were asked for, and what came of it."""
    urls: list[str] = []

    async def ask(url: str, _: Wanted) -> NotFetched:
        urls.append(url)
        return outcome

    async def found() -> NotFetched:
        outcome = await keeping_pauses(ask, "site", frontier, lambda: NOW)(URL, Wanted.PART)
        assert isinstance(outcome, NotFetched)
        return outcome

    return urls, run(found())


@pytest.mark.parametrize(
    ("status", "retry_after_s", "wall", "pause_s"),
    [
        (429, 90.0, False, 90.0),
        (503, 90.0, False, 90.0),
        (429, None, False, BUSY_S),
        (503, None, False, None),
        (403, 90.0, True, 90.0),
        (404, 90.0, False, None),
        (None, None, False, None),
    ],
)
def test_a_pause_that_a_host_asks_for_is_noted_for_all(
    status: int | None, retry_after_s: float | None, wall: bool, pause_s: float | None, tmp_path: Path
) -> None:
    answer = NotFetched(
        url=URL, state=State.HTTP_ERROR, reason="", status=status, retry_after_s=retry_after_s, wall=wall
    )
    with SqliteFrontier(tmp_path / "frontier") as frontier:
        urls, found = asked(frontier, answer)
        until = frontier.paused_until("site", "site.example")

    assert (urls, found) == ([URL], answer)
    assert until == (0.0 if pause_s is None else NOW.timestamp() + pause_s)


def test_a_pause_is_of_the_host_that_asked_for_it_behind_a_redirect(tmp_path: Path) -> None:
    answer = NotFetched(
        url=URL, state=State.HTTP_ERROR, reason="", status=429, retry_after_s=90.0, final_url="https://cdn.example/a"
    )
    with SqliteFrontier(tmp_path / "frontier") as frontier:
        asked(frontier, answer)

        assert frontier.paused_until("site", "cdn.example") == NOW.timestamp() + 90.0
        assert frontier.paused_until("site", "site.example") == 0.0


def test_a_host_that_wants_a_pause_is_not_asked_until_its_end(tmp_path: Path) -> None:
    gone = NotFetched(url=URL, state=State.GONE, reason="", status=404)
    with SqliteFrontier(tmp_path / "frontier") as frontier:
        frontier.pause("site", "site.example", NOW.timestamp() + 60)
        urls, found = asked(frontier, gone)
        frontier.pause("other", "site.example", NOW.timestamp() + 60)

        assert (urls, found.state, found.retry_after_s) == ([], State.PENDING, 60.0)

    with SqliteFrontier(tmp_path / "another") as frontier:
        frontier.pause("site", "site.example", NOW.timestamp())

        assert asked(frontier, gone) == ([URL], gone)


# ------------------------------------------------------------------------------------------------- behind a redirect, served


@dataclass
class Redirecting:
    """Pictures on 127.0.0.1 that lie on localhost, which is another host with the same server."""

    site: LocalSite
    behind: Callable[[str], Answer] = picture  # what localhost answers

    def answers(self, path: str) -> Answer:
        if path == "/":
            return page(images=("/1.png", "/2.png", "/3.png"))
        if path.startswith("/behind/"):
            return self.behind(path)
        return Answer(status=302, headers={"Location": f"{self.elsewhere}/behind{path}"})

    @property
    def elsewhere(self) -> str:
        return self.site.url.replace("127.0.0.1", "localhost")

    def watched(self) -> WatchedSite:
        hosts = tuple(url.removeprefix("http://") for url in (self.site.url, self.elsewhere))
        return self.site.watched(hosts=hosts, politeness=Politeness(delay_s=0.0, concurrency=4))

    def asked(self) -> tuple[int, int]:
        """How many pictures of either host."""
        behind = sum(path.startswith("/behind/") for path in self.site.asked)
        return sum(path.endswith(".png") for path in self.site.asked) - behind, behind


@pytest.fixture
def redirecting() -> Iterator[Redirecting]:
    with serve(lambda _: None) as site:
        redirecting = Redirecting(site)
        site.answers = redirecting.answers
        yield redirecting


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    return Crawl(tmp_path)


@pytest.fixture
def frontier(crawl: Crawl) -> Iterator[SqliteFrontier]:
    with SqliteFrontier(crawl.services().frontier_path) as frontier:
        yield frontier


def pauses_s(frontier: SqliteFrontier) -> dict[str, float]:
    now = time.time()
    return {host: max(0.0, frontier.paused_until("local", host) - now) for host in ("127.0.0.1", "localhost")}


def test_a_pause_holds_behind_a_redirect_and_what_leads_there_waits_for_its_end(
    redirecting: Redirecting, crawl: Crawl, frontier: SqliteFrontier
) -> None:
    frontier.pause("local", "localhost", time.time() + LATER_S)
    summary = crawl.run(redirecting.watched())

    assert redirecting.asked() == (3, 0)  # each once: not again and again until the pause has ended
    assert redirecting.site.robots_asked == 1  # nor is robots.txt
    assert summary["images"] == {"pending": 3}
    assert summary["stopped"] == "the site asked for a pause"


def test_what_waited_behind_a_redirect_is_fetched_after_the_pause(
    redirecting: Redirecting, crawl: Crawl, frontier: SqliteFrontier
) -> None:
    frontier.pause("local", "localhost", time.time() + 3.0)
    summary = crawl.run(redirecting.watched())

    assert redirecting.asked() == (6, 3)
    assert summary["images"] == {"clear": 3}


def test_a_429_behind_a_redirect_pauses_the_host_that_said_it(
    redirecting: Redirecting, crawl: Crawl, frontier: SqliteFrontier
) -> None:
    redirecting.behind = lambda _: Answer(status=429, headers={"Retry-After": str(LATER_S)})
    crawl.run(redirecting.watched())

    pauses = pauses_s(frontier)
    assert pauses["127.0.0.1"] == 0.0
    assert LATER_S - 60 < pauses["localhost"] <= LATER_S


def test_a_wall_behind_a_redirect_stands_on_its_own_host(
    redirecting: Redirecting, crawl: Crawl, frontier: SqliteFrontier
) -> None:
    redirecting.behind = lambda _: Answer(status=403, headers={"cf-mitigated": "challenge"})
    crawl.run(redirecting.watched())

    (record,) = crawl.store.site_book.passes("local")
    assert record.walled == ("localhost",)
    assert pauses_s(frontier)["127.0.0.1"] == 0.0


def test_a_single_look_is_not_led_to_a_host_that_wants_a_pause(
    redirecting: Redirecting, crawl: Crawl, frontier: SqliteFrontier
) -> None:
    site = redirecting.watched()

    async def look() -> Fetched | NotFetched:
        async with looking.asking(site, crawl.services(), frontier) as ask:
            return await ask(f"{redirecting.site.url}/1.png", Wanted.IMAGE)

    frontier.pause("local", "localhost", time.time() + LATER_S)
    found = run(look())

    assert redirecting.asked() == (1, 0)
    assert isinstance(found, NotFetched)
    assert found.state is State.PENDING
    assert LATER_S - 60 < (found.retry_after_s or 0.0) <= LATER_S


# --------------------------------------------------------------------------------------------------------------- robots.txt


def test_robots_txt_is_not_asked_for_during_a_pause(redirecting: Redirecting, frontier: SqliteFrontier) -> None:
    site, url = redirecting.watched(), f"{redirecting.site.url}/1.png"

    async def ask() -> Fetched | NotFetched:
        async with asking(site, frontier) as asker:
            return await asker.ask(url, Wanted.IMAGE)

    frontier.pause("local", "127.0.0.1", time.time() + LATER_S)
    found = run(ask())

    assert (redirecting.site.robots_asked, redirecting.site.asked) == (0, [])
    assert isinstance(found, NotFetched)
    assert found.state is State.PENDING


def test_a_robots_txt_that_lies_on_a_host_that_wants_a_pause_is_not_taken_for_unread(
    redirecting: Redirecting, crawl: Crawl, frontier: SqliteFrontier
) -> None:
    redirecting.site.robots = Answer(status=302, headers={"Location": f"{redirecting.elsewhere}/behind/robots"})
    redirecting.behind = lambda path: picture(path) if path.endswith(".png") else Answer("User-agent: *\nDisallow:\n")
    frontier.pause("local", "localhost", time.time() + 3.0)
    summary = crawl.run(redirecting.watched())

    assert redirecting.site.asked[:2] == ["/behind/robots", "/"]
    assert summary["pages"] == {"read": 1}
