import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from core.model import Limits
from crawler.traps import BARREN_PAGES, picture_key, shape, trap_by_spelling
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


# ------------------------------------------------------------------------------------------- whole sites, really crawled


@dataclass(frozen=True)
class Crawled:
    site: LocalSite
    pages: dict[str, int]
    images: dict[str, int]


@pytest.fixture
def crawled(tmp_path: Path) -> Callable[..., Crawled]:
    """Crawls the site that a function makes, to its end."""

    def crawl(answers: Callable[[str], Answer | None], **changes: object) -> Crawled:
        with serve(answers) as site:
            summary = Crawl(tmp_path).run(site.watched(**changes))
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
