import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest

from core.model import Limits
from crawler.traps import (
    BARREN_PAGES,
    REPEATING_PAGES,
    SPELLINGS_KEPT,
    Spellings,
    picture_key,
    shape,
    trap_by_spelling,
    without_session,
)
from tests.crawler.local_site import Answer, LocalSite, number, page, picture, serve
from tests.crawler.planted import Crawl

UNDER_WAY = 4  # pages that may be under way when a branch is found to be a trap


# ------------------------------------------------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/photo/17", "https://a.example/photo/2024"),
        ("https://a.example/cal/2024-05", "https://a.example/cal/2024-05-31"),
        ("https://a.example/2024/05/31/", "https://a.example/1999/12/01"),
        (
            "https://a.example/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "https://a.example/u/9b2504e0-4f89-11d3-9a0c-0305e82c3301",
        ),
        ("https://a.example/list;jsessionid=8A7F", "https://a.example/list;jsessionid=99B1"),
        ("https://a.example/list?b=1&a=2", "https://a.example/list?a=x&b=y"),
        ("https://a.example/a/b/a/b/x", "https://a.example/a/b/x"),
        ("https://a.example/1/2/3/4", "https://a.example/9/8/7/6/5/4"),
        ("https://a.example/s/k3j4h5k3j4", "https://a.example/s/0z9y8x7w6v"),
        ("https://a.example/Photo/1", "https://a.example/photo/2"),
        ("https://a.example/list?page=1&sort=new&dir=asc", "https://a.example/list?page=2"),
        ("https://a.example/list?a=1&b=2&c=3", "https://a.example/list?d=1&e=2&f=3&g=4"),
    ],
)
def test_numbers_dates_ids_and_order_do_not_make_another_shape(one: str, other: str) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/photo/1", "https://a.example/thread/1"),
        ("https://a.example/photo/1", "https://b.example/photo/1"),
        ("https://a.example/list?page=2", "https://a.example/list?thread=2"),
        ("https://a.example/album/5", "https://a.example/album/5/12"),
        ("https://a.example/", "https://a.example/index"),
    ],
)
def test_different_templates_have_different_shapes(one: str, other: str) -> None:
    assert shape(one) != shape(other)


@pytest.mark.parametrize(
    ("url", "is_trap"),
    [
        ("https://a.example/" + "x" * 1_982, False),
        ("https://a.example/" + "x" * 1_983, True),
        ("https://a.example/a/b/a/b/a/b/a/b", False),
        ("https://a.example/a/b/a/b/a/b/a/b/a", True),
        ("https://a.example/one/two/three/four/five/six", False),
    ],
)
def test_overlong_and_repeating_urls_are_traps_by_their_spelling(url: str, is_trap: bool) -> None:
    assert (trap_by_spelling(url) is not None) is is_trap


def test_a_cache_buster_makes_no_new_picture_and_a_parameter_of_a_script_does() -> None:
    assert picture_key("https://a.example/p.gif?r=1") == picture_key("https://a.example/p.gif?r=2")
    assert picture_key("https://a.example/p.php?id=1") != picture_key("https://a.example/p.php?id=2")


@pytest.mark.parametrize(
    ("met", "shared"),
    [
        ("/list?PHPSESSID=8a7f&page=2", "/list?page=2"),
        ("/list?page=2&phpsessid=", "/list?page=2"),
        ("/list?PHPSESSID=8a7f", "/list"),
        ("/a.jsp;jsessionid=8A7F.node1?x=1", "/a.jsp?x=1"),
        ("/a;jsessionid=8A7F/b", "/a/b"),
        ("/(S(lit3py55t21z5v55vlm25s55))/orders.aspx", "/orders.aspx"),
        ("/t.php?t=7&sid=d41d8cd98f00b204e9800998ecf8427e", "/t.php?t=7"),
        ("/t.php?s=d41d8cd98f00b204e9800998ecf8427e&t=7", "/t.php?t=7"),
        ("/p.jpg?sid=d41d8cd98f00b204e9800998ecf8427e", "/p.jpg"),
        ("/news?sid=1234", None),
        ("/find?s=sunset", None),
        ("/find?s=abcdefabcdefabcdefabcdefabcdefgh", None),
        ("/talks?session=opening-of-the-conference", None),
        ("/a?b=1&&c=2", None),
        ("/a;v=2/b?c", None),
        ("/wiki/Cat_(S(x))/b", None),
    ],
)
def test_a_session_is_no_part_of_what_a_page_is_called(met: str, shared: str | None) -> None:
    host = "https://a.example"

    expected = met if shared is None else shared
    assert without_session(host + met) == host + expected
    assert without_session(host + expected) == host + expected


def test_of_spellings_that_differ_in_order_alone_the_first_is_asked_for() -> None:
    spellings = Spellings()
    one, other = "https://a.example/l?b=2&a=1", "https://a.example/l?a=1&b=2"

    assert [spellings.first(each) for each in (one, other, one)] == [one] * 3
    for different in (
        "https://a.example/l?a=2&b=1",
        "https://a.example/m?a=1&b=2",
        "https://a.example/l?a=1",
        "https://a.example/l",
    ):
        assert spellings.first(different) == different


def test_few_spellings_are_remembered_however_many_there_are() -> None:
    spellings = Spellings()
    for number_ in range(SPELLINGS_KEPT + 10):
        spellings.first(f"https://a.example/l?b={number_}&a=1")

    assert spellings.first("https://a.example/l?a=1&b=0") == "https://a.example/l?a=1&b=0"
    assert spellings.first(f"https://a.example/l?a=1&b={SPELLINGS_KEPT}").endswith(f"?b={SPELLINGS_KEPT}&a=1")


# ------------------------------------------------------------------------------------------- whole sites, really crawled


@dataclass(frozen=True)
class Crawled:
    site: LocalSite
    pages: dict[str, int]
    images: dict[str, int]


@pytest.fixture
def crawled(tmp_path: Path) -> Callable[..., Crawled]:
    """Crawls the site that a function makes, to its end."""

    def crawl(answers: Callable[[str], Answer | None], *, start: Sequence[str] = (), **changes: object) -> Crawled:
        with serve(answers) as site:
            summary = Crawl(tmp_path).run(site.watched(*start, **changes))
        pages, images = summary["pages"], summary["images"]
        assert summary["finished"] is True
        assert isinstance(pages, dict)
        assert isinstance(images, dict)
        assert sum(pages.values()) + sum(images.values()) == summary["urls"]
        assert "pending" not in pages
        return Crawled(site, pages, images)

    return crawl


def test_200_older_pages_with_pictures_are_all_read(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        n = number(path)
        return page(f"/older/{n + 1}", images=(f"/{n}.png",)) if n < 200 else page(images=("/end.png",))

    done = crawled(answers)

    assert done.pages == {"read": 201}
    assert done.images == {"clear": 201}


def test_200_older_index_pages_without_thumbnails_are_read_when_their_albums_bring_pictures(
    crawled: Callable[..., Crawled],
) -> None:
    def answers(path: str) -> Answer | None:
        n = number(path)
        if path.endswith(".png"):
            return picture(path)
        if "album" in path:
            return page(images=(f"/{n}.png",))
        return page(f"/list?page={n + 1}", *(f"/album/{n * 3 + each}" for each in range(3))) if n < 200 else page()

    done = crawled(answers)

    assert done.pages == {"read": 1 + 200 + 600}
    assert done.images == {"clear": 600}


def test_a_calendar_without_pictures_ends(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if path == "/":
            return page("/cal/2026-11-23", images=("/a.png",))
        if path.endswith(".png"):
            return picture(path)
        day = date.fromisoformat(path.removeprefix("/cal/"))
        return page(f"/cal/{day + timedelta(days=1)}", f"/cal/{day - timedelta(days=1)}", images=("/a.png",))

    done = crawled(answers)

    assert done.pages == {"read": 1 + 1 + BARREN_PAGES, "trap": 2}  # the start, the day it lists, the days around it
    assert len(done.site.pages_asked()) == done.pages["read"]


def test_a_calendar_whose_months_and_days_take_turns_ends(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        n = number(path)
        if path.startswith("/month"):
            return page(*(f"/day/{n * 30 + day}" for day in range(3)), f"/month/{n + 1}")
        return page(f"/month/{n // 30 + 1}", f"/day/{n + 1}") if path.startswith("/day") else page("/month/1")

    done = crawled(answers)

    assert done.pages["read"] <= 5 * (BARREN_PAGES + UNDER_WAY)  # months, days that months list, days that days list
    assert done.pages["trap"] >= 1


def test_a_loop_of_session_ids_over_known_pictures_ends(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        session = secrets.token_hex(8)
        return page(f"/gallery?sid={session}", f"/about?sid={session}", images=("/1.png", "/2.png"))

    done = crawled(answers)

    assert done.pages["read"] <= 6 * (BARREN_PAGES + UNDER_WAY)  # three for each of the two that the start page lists
    assert done.images == {"clear": 2}


def test_a_maze_in_which_each_page_links_to_ten_new_ones_ends_soon(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if path == "/":
            return page("/maze/1")
        return page(*(f"/maze/{number(path) * 10 + n}" for n in range(10)))

    done = crawled(answers)

    assert done.pages == {"read": 1 + 1 + BARREN_PAGES, "trap": 10 * (1 + BARREN_PAGES) - BARREN_PAGES}


def test_relative_links_that_pile_up_end(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        return page(f"{path.rstrip('/')}/news/", f"{path.rstrip('/')}/archive/")

    done = crawled(answers)

    assert len(done.site.asked) <= 100
    assert done.pages["trap"] >= 1


def test_a_page_that_grows_its_query_for_ever_ends(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        return page(f"{path}{'&' if '?' in path else '?'}p{'abcdefgh'[len(path) % 8]}{len(path)}={'x' * 50}")

    done = crawled(answers)

    assert len(done.site.asked) <= 60
    assert done.pages["trap"] == 1


def test_an_index_of_1000_threads_without_pictures_is_read_to_its_end(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        return page(*(f"/thread/{n}" for n in range(1_000))) if path == "/" else page("/", "/thread/5")

    done = crawled(answers)

    assert done.pages == {"read": 1_001}


def test_a_page_left_out_as_a_trap_is_read_when_a_productive_page_links_to_it(
    crawled: Callable[..., Crawled],
) -> None:
    """The show is longer than the trap, so the page is left out first and found again at the end of the show."""

    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        n = number(path)
        if path == "/":
            return page("/plain/1", "/show/1")
        if path.startswith("/plain"):
            return page(*(f"/plain/{10 * n + each}" for each in range(10)), *(["/plain/777"] if n == 19 else []))
        return page(f"/show/{n + 1}", images=(f"/{n}.png",)) if n < 60 else page("/plain/777", images=("/last.png",))

    done = crawled(answers)

    assert done.site.asked.count("/plain/777") == 1
    assert done.site.asked.index("/plain/777") > done.site.asked.index("/show/60")
    assert done.pages["read"] == 1 + 60 + 2 * (1 + BARREN_PAGES)  # what it leads to has its own chance


def test_what_no_rule_sees_ends_at_the_limits_of_the_pass(crawled: Callable[..., Crawled]) -> None:
    def word() -> str:
        return "".join(secrets.choice("bcdfgklmnprst") for _ in range(8))

    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        return page(f"/{word()}/{word()}", f"/{word()}", images=(f"/{word()}.png", f"/{word()}.png"))

    done = crawled(answers, limits=Limits(max_pages=50, max_images=30))

    assert done.pages["read"] == 50
    assert done.pages["over_limit"] >= 1
    assert done.images["clear"] == 30
    assert len(done.site.asked) == 80


def of_a_booru(path: str, *, last: int, per_page: int) -> Answer:
    """An API that answers its last page for every later number, as one does that clamps it."""
    if path.endswith(".png"):
        return picture(path)
    given = re.search(r"page=(\d+)", path)
    at = min(int(given[1]) if given else 1, last)
    posts = [{"id": 10 * at + each, "file_url": f"/{at}-{each}.png"} for each in range(per_page)]
    return Answer(json.dumps(posts), content_type="application/json")


def test_a_list_of_an_api_that_repeats_its_last_page_for_ever_ends(crawled: Callable[..., Crawled]) -> None:
    done = crawled(
        partial(of_a_booru, last=5, per_page=3), start=("/posts.json",), kind="booru", limits=Limits(max_pages=150)
    )

    assert done.pages == {"read": 5 + REPEATING_PAGES, "trap": 1}
    assert done.images == {"clear": 15}


def test_of_a_long_list_that_is_known_from_an_earlier_pass_every_page_is_read(tmp_path: Path) -> None:
    pages = REPEATING_PAGES + 20
    crawl = Crawl(tmp_path, remembers=True)
    with serve(partial(of_a_booru, last=pages, per_page=2)) as site:
        booru = site.watched("/posts.json", kind="booru", limits=Limits(max_pages=2 * pages))
        first, second = crawl.run(booru), crawl.run(booru)
        pictures_asked = sum(path.endswith(".png") for path in site.asked)

    assert first["pages"] == second["pages"] == {"read": pages + REPEATING_PAGES, "trap": 1}
    assert first["images"] == second["images"] == {"clear": 2 * pages}
    assert pictures_asked == 2 * pages  # in the second pass they are known


FACETS = ("author", "brand", "colour", "decade", "edition", "format", "genre", "holder")


def test_filters_that_may_be_put_together_in_any_way_end(crawled: Callable[..., Crawled]) -> None:
    """256 subsets of eight filters, in three orders, each in every order of its parameters: of the same twelve pictures."""

    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        chosen = dict(part.split("=") for part in path.partition("?")[2].split("&") if part)
        toggled = [{**chosen, name: "1"} for name in FACETS if name not in chosen]
        toggled += [{name: value for name, value in chosen.items() if name != gone} for gone in chosen]
        toggled += [{"sort": order, **chosen} for order in ("new", "old", "best")]
        links = [f"/list?{'&'.join(f'{name}={value}' for name, value in each.items())}" for each in toggled]
        return page(*links, images=tuple(f"/{n}.png" for n in range(12)))

    done = crawled(answers)

    assert done.images == {"clear": 12}
    shapes = 1 + 8 + 28 + 1  # no filter, one, two, more
    assert len(done.site.pages_asked()) <= shapes * (BARREN_PAGES + UNDER_WAY)
    assert done.pages["trap"] > 0


def test_one_page_under_many_session_ids_is_asked_for_once(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if ".png" in path:
            return picture(path.partition("?")[0])
        session = secrets.token_hex(16)
        return page(
            f"/gallery?PHPSESSID={session}",
            f"/about;jsessionid={session}",
            f"/thread?t=1&sid={session}",
            images=(f"/1.png?s={session}",),
        )

    done = crawled(answers)

    assert sorted(done.site.asked) == ["/", "/1.png", "/about", "/gallery", "/thread?t=1"]
    assert done.images == {"clear": 1}


def test_a_site_that_only_speaks_to_sessions_is_read_all_the_same(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        if "sid=" not in path:
            where = f"{path}{'&' if '?' in path else '?'}sid={secrets.token_hex(16)}"
            return Answer(status=302, headers={"Location": where})
        n = number(path.partition("sid=")[0])
        return page(f"/{n + 1}?{path.partition('?')[2]}", images=(f"/{n}.png",)) if n < 5 else page()

    done = crawled(answers)

    assert done.images == {"clear": 5}
    assert done.pages == {"read": 6}


def test_the_same_parameters_in_any_order_are_one_page(crawled: Callable[..., Crawled]) -> None:
    def answers(path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        orders = permutations(("a=1", "b=2", "c=3", "d=4"))
        return page(*(f"/list?{'&'.join(order)}" for order in orders), images=("/1.png",))

    done = crawled(answers)

    assert done.pages == {"read": 2}


# ------------------------------------------------------------------------------------------------------------ lists of an API


def wordpress(path: str) -> Answer | None:
    """60 pages of posts that are words alone, and a calendar on each page of HTML."""
    if path == "/":
        return Answer('<!doctype html><link rel="https://api.w.org/" href="/wp-json/"><a href="/cal/1">today</a>')
    if path.startswith("/cal/"):
        n = number(path)
        return page(f"/cal/{n + 1}", f"/cal/{n + 1000}")
    if "/wp/v2/posts" in path:
        n = number(path.partition("&page=")[2]) or 1
        headers = {"X-WP-TotalPages": "60", "ETag": f'"{n}"'}
        return Answer(json.dumps([{"id": n}]), content_type="application/json", headers=headers)
    return None


def test_a_list_that_an_api_gives_is_read_to_its_end_and_a_calendar_beside_it_is_not(tmp_path: Path) -> None:
    with serve(wordpress) as site:
        crawl = Crawl(tmp_path, remembers=True)
        summary = crawl.run(site.watched(kind="wordpress"))
        first = site.pages_asked()
        crawl.run(site.watched(kind="wordpress"))
        second = site.pages_asked()[len(first) :]

    for asked in (first, second):
        assert len([path for path in asked if "/posts" in path]) == 60
        assert 0 < len([path for path in asked if "/cal/" in path]) <= 2 * (BARREN_PAGES + UNDER_WAY)
    assert len(site.unchanged) == 60
    assert summary["finished"] is True


def test_a_list_that_an_api_gives_is_bounded_by_what_a_pass_may_ask_for(crawled: Callable[..., Crawled]) -> None:
    done = crawled(wordpress, kind="wordpress", limits=Limits(max_pages=30))

    assert len(done.site.pages_asked()) == 30
