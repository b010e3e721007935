"""Pages too long, too deep, made to take long, or never pages: each is read, as far as it goes, and none makes us stumble."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.links import LONGEST_PAGE, MOST_IMAGES, MOST_PAGES
from crawler.urls import canonical
from tests.crawler.test_links import AT, URL, read


def test_there_is_no_depth_at_which_pictures_are_hidden() -> None:
    for depth in (255, 499, 501, 5_000, 50_000):
        links = read("<div>" * depth + "<img src=/1>" + "</div>" * depth + "<img src=/2>")

        assert links.images == (f"{AT}/1", f"{AT}/2")


def test_at_most_so_many_are_kept_and_the_page_says_so() -> None:
    exactly = read("".join(f"<img src=/{number}><a href=/{number}>" for number in range(MOST_IMAGES)))
    more = read("".join(f"<img src=/{number}><a href=/{number}>" for number in range(30_000)))

    assert (len(exactly.images), len(exactly.pages), exactly.truncated) == (MOST_IMAGES, MOST_PAGES, False)
    assert (len(more.images), len(more.pages), more.truncated) == (MOST_IMAGES, MOST_PAGES, True)


def test_what_is_beyond_the_longest_page_is_not_read_and_the_page_says_so() -> None:
    links = read(b"<img src=/1>" + b" " * LONGEST_PAGE + b"<img src=/2>")

    assert (links.images, links.truncated) == ((f"{AT}/1",), True)


MEGABYTE = 2**20
HOSTILE = {
    "open elements and other ends": b"<b>" * (MEGABYTE // 6) + b"</i>" * (MEGABYTE // 8),
    "attributes": b"<img " + b" ".join(b"data-%d=x" % number for number in range(MEGABYTE // 12)) + b">",
    "comments": b"<!--<a href=x>-->" * (MEGABYTE // 16),
    "endless comment": b"<!--" + b"<a " * (MEGABYTE // 3),
    "markup in attributes": b"<i srcdoc='<img src=x>'>" * (MEGABYTE // 24),
    "file endings": b"<script>" + b"a.jpg " * (MEGABYTE // 6),
    "file endings in one word": b"<script>" + b"(.jpg" * (MEGABYTE // 5),
    "nothing but endings": b"<script>" + b".jpg" * (MEGABYTE // 4),
    "quotes": b"<script>" + b'"/' * (MEGABYTE // 2),
    "names": b"<script>" + b'src="/a" ' * (MEGABYTE // 9),
    "long names": b"<script>" + b'"/aaaaaaaaaaaaaaaaaaaaaaaa' * (MEGABYTE // 26),
    "objects": b"<script>x" + b"={[" * (MEGABYTE // 3),
    "escapes": b"<script>" + b"\\\\u0041" * (MEGABYTE // 7),
    "deep JSON": b"<script type=application/json>" + b"[" * MEGABYTE,
    "CSS": b"<p style='" + b"url( " * (MEGABYTE // 5) + b"'>",
    "CSS in quotes": b"<p style='" + b'url("' * (MEGABYTE // 5) + b"'>",
    "escapes in CSS": b"<p style='" + b"url(\\a" * (MEGABYTE // 6) + b"'>",
    "nothing but escapes in CSS": b"<p style='url(" + b"\\a" * (MEGABYTE // 2) + b"'>",
    "comments in CSS": b"<style>" + b"/*" * (MEGABYTE // 2),
    "lists in attributes": b"<p data-x='" + b"/a.jpg , " * (MEGABYTE // 9) + b"'>",
    "spaces in attributes": b"<p data-x='/a.jpg" + b" ,;" * (MEGABYTE // 3) + b"'>",
    "spaces before endings": b"<script>" + b"'/a a.jpg' " * (MEGABYTE // 11),
    "quotes before endings": b'<script>"/' + b"a b.jpg'" * (MEGABYTE // 8),
    "backslashes": b"<script>'" + b"\\" * MEGABYTE,
    "base64 of base64": b"<p data-x='" + b"eyJleUpl" * (MEGABYTE // 8) + b"'>",
    "keys": b"<script>x = {" + b",".join(b'"image%d":"a/b"' % number for number in range(MEGABYTE // 20)) + b"}",
    "srcset": b"<img srcset='" + b"a 1x," * (MEGABYTE // 5) + b"'>",
    "brackets in srcset": b"<img srcset='a " + b"(" * MEGABYTE + b"'>",
    "entities": b"<a href='" + b"&amp;" * (MEGABYTE // 5) + b"'>",
    "dots": b"<a href='" + b"/a/.." * (MEGABYTE // 5) + b"'>",
    "names of files": b"<a href='" + b"/a.jpg:" * (MEGABYTE // 7) + b"'>",
    "tags": b"<" * MEGABYTE,
    "ends": b"</" * (MEGABYTE // 2),
    "declarations": b"<!" * (MEGABYTE // 2),
    "refreshes": b"<meta http-equiv=refresh content='" + b"0 " * (MEGABYTE // 2) + b"'>",
    "encodings": b"<meta " + b"charset" * 140 + b"<img src=/1>",
}


@pytest.mark.parametrize("page", HOSTILE.values(), ids=HOSTILE)
def test_a_page_that_was_made_to_take_long_is_read(page: bytes) -> None:
    """The runner ends a test that hangs; what grew faster than the page would take hours here."""
    assert read(page).base == URL


PIECES = st.sampled_from(
    [
        *(
            "<",
            ">",
            "</",
            "<!--",
            "-->",
            "<img ",
            "<a ",
            "<script>",
            "</script>",
            "<style>",
            "<base ",
            "<meta ",
            "<svg>",
            "<![CDATA[",
        ),
        *(
            "src=",
            "href=",
            "srcset=",
            "data-src=",
            "style=",
            "content=",
            "srcdoc=",
            "http-equiv=refresh ",
            "property=og:image ",
        ),
        *(
            '"',
            "'",
            "=",
            " ",
            "/",
            "\\",
            ",",
            "1x",
            "url(",
            ")",
            "{",
            "}",
            "[",
            "]",
            ":",
            "&amp;",
            "&#xD800;",
            "&#0;",
            "\0",
            "\ufffd",
        ),
        *(
            '"image":',
            "/a.jpg",
            "https://x.example/b",
            "//y.example/c?d=e",
            "\\u002f",
            "javascript:",
            "data:",
            "#",
            "?",
            "é",
            "\U0001f600",
        ),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["utf-8", "utf-16", "latin-1", "cp1251"]))
def test_no_page_makes_us_stumble_and_all_that_is_named_is_canonical(page: str, encoding: str) -> None:
    links = read(page.encode(encoding, "replace"), f"text/html; charset={encoding}")

    for urls in (links.images, links.pages):
        assert len(set(urls)) == len(urls)
        assert all(canonical(url) == url for url in urls)


@given(st.binary(max_size=400), st.text(max_size=40) | st.none())
def test_no_bytes_make_us_stumble(body: bytes, content_type: str | None) -> None:
    read(body, content_type)
    read(b"<script>" + body + b"</script><style>" + body + b"</style><img srcset='" + body + b"'>", content_type)


CANDIDATES = st.lists(
    st.tuples(
        st.text("abc/.,()%?=:", min_size=1, max_size=12).filter(
            lambda url: not url.startswith(",") and not url.endswith(",")
        ),
        st.sampled_from(["", " 1x", "  2.5x ", " 40w", "\n7w 8h"]),
    ),
    min_size=1,
    max_size=6,
)


@given(CANDIDATES)
def test_every_candidate_of_a_srcset_is_found(candidates: list[tuple[str, str]]) -> None:
    written = ", ".join(f"/p/{url}{descriptor}" for url, descriptor in candidates)

    plain = [read(f'<img src="/p/{url}">').images for url, _ in candidates]

    assert read(f'<img srcset="{written}">').images == tuple(
        dict.fromkeys(image for images in plain for image in images)
    )
