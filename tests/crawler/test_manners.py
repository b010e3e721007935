"""How a site is asked that sends us away, wants a proof of being human, or agreed to so much a day. Whole passes, real servers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.model import DayUse, Limits, State
from crawler.frontier_sqlite import SqliteFrontier
from crawler.pace import WALLED_S
from tests.crawler.local_site import Answer, LocalSite, page, picture, serve
from tests.crawler.planted import Crawl

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
CAPTCHA = Answer("<html><body><form><div class='g-recaptcha'></div></form></body></html>")
CLOUDFLARE = Answer(
    "<title>Just a moment...</title>", status=403, headers={"cf-mitigated": "challenge", "Server": "cloudflare"}
)


def album(path: str) -> Answer | None:
    """An index of thirty pages with a picture each."""
    if path == "/":
        return page(*(f"/{number}" for number in range(30)))
    return picture(path) if path.endswith(".png") else page(images=(f"{path}.png",))


def paused_for(crawl: Crawl, site: LocalSite) -> float:
    host = site.url.removeprefix("http://").partition(":")[0]
    with SqliteFrontier(crawl.folder / "frontier.sqlite3") as frontier:
        return frontier.paused_until("local", host) - datetime.now(UTC).timestamp()


# ---------------------------------------------------------------------------------------------------------------- walls


@pytest.mark.parametrize("wall", [CAPTCHA, CLOUDFLARE], ids=["captcha", "challenge"])
def test_a_host_with_a_wall_is_left_alone_for_hours_and_the_pass_says_so(tmp_path: Path, wall: Answer) -> None:
    crawl = Crawl(tmp_path)
    with serve(lambda path: album(path) if path == "/" else wall) as site:
        summary = crawl.run(site.watched())
        asked = len(site.asked)
        again = crawl.run(site.watched())

        assert summary["finished"] is False
        assert str(summary["stopped"]).endswith("; the host is left alone for 6 hours")
        assert asked <= 1 + 4  # what was under way when the first wall was met
        assert len(site.asked) == asked
        assert WALLED_S - 60 < paused_for(crawl, site) <= WALLED_S
    assert again["finished"] is False
    assert str(again["stopped"]).endswith("; the host is left alone for 6 hours")
    (record,) = crawl.store.site_book.passes("local")
    assert record.walled == ("127.0.0.1",)
    assert record.pages[State.PENDING] == 30
    assert State.READ in record.pages


def test_a_wall_where_robots_txt_should_be_is_no_permission(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    with serve(album) as site:
        site.robots = CLOUDFLARE
        crawl.run(site.watched())

        assert site.asked == []
    (record,) = crawl.store.site_book.passes("local")
    assert record.walled == ("127.0.0.1",)
    assert record.pages == {State.ROBOTS_UNREAD: 1}


def test_a_page_that_has_a_captcha_in_a_form_is_a_page(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        if path == "/":
            return Answer("<a href='/1'>one</a><form><div class='g-recaptcha'></div></form>")
        return album(path)

    with serve(answers) as site:
        summary = Crawl(tmp_path).run(site.watched())

    assert summary["finished"] is True
    assert summary["images"] == {"clear": 1}


# ------------------------------------------------------------------------------------------------------------- refusals


class Busy:
    """Says 429 to so many requests for pictures, then answers."""

    def __init__(self, times: int, status: int = 429) -> None:
        self._left = times
        self._status = status

    def __call__(self, path: str) -> Answer | None:
        if path.endswith(".png") and self._left:
            self._left -= 1
            return Answer(status=self._status, headers={})
        return album(path)


def test_a_429_without_a_word_of_when_is_waited_out_and_nothing_is_lost(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, now=NOON)
    crawl.each_second = lambda _: crawl.pass_time(timedelta(minutes=1))
    with serve(Busy(1)) as site:
        summary = crawl.run(site.watched())

    assert summary["finished"] is True
    assert summary["images"] == {"clear": 30}


def test_a_503_for_one_url_does_not_stop_the_others(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        return Answer(status=503) if path == "/7" else album(path)

    crawl = Crawl(tmp_path)
    with serve(answers) as site:
        crawl.run(site.watched(), max_pages=30)

        assert paused_for(crawl, site) < 0
        assert len([path for path in site.asked if path.endswith(".png")]) >= 28


# --------------------------------------------------------------------------------------------------------- a day's budget


def test_a_pass_stops_at_the_day_s_requests_and_goes_on_the_next_day(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    crawl.now = NOON
    with serve(album) as site:
        limited = site.watched(limits=Limits(requests_per_day=25))
        first, at_first = crawl.run(limited), len(site.asked) + site.robots_asked
        second, at_second = crawl.run(limited), len(site.asked) + site.robots_asked
        crawl.now += timedelta(days=1)
        third, at_third = crawl.run(limited), len(site.asked) + site.robots_asked
        crawl.now += timedelta(days=1)
        last = crawl.run(limited)

        assert (at_first, at_second, at_third) == (25, 25, 50)
        assert len(site.asked) == 61
    assert [each["finished"] for each in (first, second, third, last)] == [False, False, False, True]
    assert first["stopped"] == second["stopped"] == "the day's 25 requests are used up; it goes on tomorrow (UTC)"
    assert last["images"] == {"clear": 30}
    assert crawl.store.daily_use.used("local", crawl.now.date()) == DayUse(
        requests=62 + 2 - 50, byte_count=crawl.store.daily_use.used("local", crawl.now.date()).byte_count
    )


def heavy(path: str) -> Answer | None:
    if path.endswith(".png"):
        return Answer(picture(path).body_bytes() + bytes(20_000), content_type="image/png")
    return album(path)


def test_a_pass_stops_at_the_day_s_bytes(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    with serve(heavy) as site:
        summary = crawl.run(site.watched(limits=Limits(bytes_per_day=100_000)))

    used = crawl.store.daily_use.used("local", datetime.now(UTC).date()).byte_count
    assert summary["stopped"] == "the day's 100,000 bytes are used up; it goes on tomorrow (UTC)"
    assert 100_000 <= used <= 100_000 + 5 * 20_000
