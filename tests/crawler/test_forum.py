"""Which addresses of forums lead to posts, by the software that makes them."""

from pathlib import Path

import pytest

from crawler.fetch import Fetched, Kind
from crawler.links import PageLinks
from crawler.spiders.forum import ForumSpider

SITE = Path(__file__).parents[1] / "sites" / "forum"
TO_POSTS = (SITE / "leads-to-posts.txt").read_text().split()
TO_NONE = (SITE / "leads-to-none.txt").read_text().split()


def read(html: str, path: str = "/") -> PageLinks:
    url = f"https://login.forum.example{path}"  # a host may be called whatever it likes
    page = Fetched(
        url=url, final_url=url, status=200, headers={}, body=f"<!doctype html>{html}".encode(), kind=Kind.HTML
    )
    return ForumSpider.read_page(page)


def paths(urls: tuple[str, ...]) -> list[str]:
    return [url.removeprefix("https://login.forum.example") for url in urls]


@pytest.mark.parametrize("path", TO_POSTS)
def test_a_list_a_thread_and_a_person_are_pages(path: str) -> None:
    assert paths(read(f'<a href="{path.replace("&", "&amp;")}">').pages) == [path]


@pytest.mark.parametrize("path", TO_NONE)
def test_forms_searches_lists_of_people_and_what_is_read_already_are_not(path: str) -> None:
    assert read(f'<a href="{path.replace("&", "&amp;")}">').pages == ()


@pytest.mark.parametrize(
    "path",
    [
        "/forum/download/file.php?id=41&mode=view",
        "/attachment.php?attachmentid=5&d=1700000000",
        "/attachment.php?aid=5",
        "/filedata/fetch?id=5",
        "/index.php?action=dlattach;topic=12.0;attach=5;image",
        "/attachments/drawing-jpg.12/",
        "/forum.php?mod=attachment&aid=5",
        "/forum/attachment/5/",
    ],
)
def test_an_attachment_is_a_picture_whatever_it_is_called(path: str) -> None:
    found = read(f'<a href="{path}">drawing.jpg</a>')

    assert (paths(found.images), found.pages) == ([path], ())


def test_a_session_is_no_part_of_an_address() -> None:
    sid = "0123456789abcdef0123456789abcdef"

    found = read(
        f'<a href="/viewtopic.php?sid={sid}&t=1"><a href="/viewtopic.php?t=1&sid={sid}"><a href="/showthread.php?s={sid}&t=2">'
        f'<a href="/index.php?PHPSESSID={sid}&topic=3.0"><a href="/index.php?sid={sid}"><img src="/download/file.php?id=4&sid={sid}">'
    )

    assert paths(found.pages) == ["/viewtopic.php?t=1", "/showthread.php?t=2", "/index.php?topic=3.0", "/index.php"]
    assert paths(found.images) == ["/download/file.php?id=4"]


@pytest.mark.parametrize(
    ("here", "further"),
    [
        ("/viewtopic.php?t=12", "/viewtopic.php?t=12&start=20"),
        ("/viewtopic.php?f=3&t=12&start=20", "/viewtopic.php?f=3&t=12"),
        ("/showthread.php?t=7&page=2", "/showthread.php?t=7&page=3"),
        ("/threads/a-drawing.12/", "/threads/a-drawing.12/page-2"),
        ("/threads/7-a-drawing", "/threads/7-a-drawing/page2"),
        ("/thread-4.html", "/thread-4-page-2.html"),
        ("/index.php?topic=12.0", "/index.php?topic=12.15"),
        ("/t/a-drawing/12", "/t/a-drawing/12?page=2"),
        ("/t/a-drawing/12/", "/t/a-drawing/12/2/"),
    ],
)
def test_a_thread_that_was_begun_goes_on_before_others_and_people_come_last(here: str, further: str) -> None:
    found = read(
        f'<a href="/members/drawer.5/">drawer</a><a href="/viewforum.php?f=9">forum</a><a href="{further}">2</a>', here
    )

    assert paths(found.pages) == [further, "/viewforum.php?f=9", "/members/drawer.5/"]
