"""Each kind of site on saved pages and answers. Which software made them, and which are made by hand: docs/how-to/watch-a-site.md."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from config.sites import parse_site
from core.errors import ConfigError
from crawler.fetch import Fetched, Kind
from crawler.links import PageLinks
from crawler.spiders import KINDS

SITES = Path(__file__).parents[1] / "sites"
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "watch-a-site.md"
SAVED = [
    pytest.param(kind, case, id=f"{kind}/{case['file']}")
    for kind in KINDS
    if kind != "gallery"  # it has a test of its own
    for case in json.loads((SITES / kind / "expected.json").read_text())
]
# What answers may be broken by, and a page that is none of all this.
BROKEN = [
    b"",
    b"{",
    b"[",
    b"null",
    b'[null, 1, [], {}, true, "", 1.5]',
    b'{"posts": 3, "boards": "b", "threads": {"no": []}, "version": 1, "namespaces": null}',
    b'[{"id": [], "no": {}, "tim": {}, "ext": 3, "media_attachments": {"url": 7}, "content": {"rendered": []}}]',
    b'[{"id": 1e400, "no": -1, "threadId": true, "boardUri": "../..", "tim": "../x", "ext": "/../y"}]',
    b'{"type": ["Image", null], "url": [[], null, {"href": 3}], "orderedItems": 1, "first": [1]}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" + b"9" * 10_000 + b"]",
    b'{"version": "https://jsonfeed.org/version/1", "items": [{"url": "\\ud800", "content_html": "<img src="}]}',
    b"<?xml version='1.0'?>",
    b"<?xml version='1.0'?><rss><channel><item><link>",
    b"<rss></feed></rss><urlset>",
    b"<a>" * 10_000,
    b"<rss><link>" + b"&" * 1000 + b"</link><![CDATA[" * 100,
    b"\x00\x01\x02\xff\xfe",
    b"<!doctype html><title>Not here</title><p>Sorry",
]


def saved(url: str, body: bytes, headers: dict[str, str]) -> Fetched:
    return Fetched(url=url, final_url=url, status=200, headers=headers, body=body, kind=Kind.TEXT)


def read(kind: str, url: str, body: bytes, **headers: str) -> PageLinks:
    return KINDS[kind]().read_page(saved(url, body, headers))


@pytest.mark.parametrize(("kind", "case"), SAVED)
def test_a_saved_page_gives_what_it_is_known_to_name(kind: str, case: dict[str, Any]) -> None:
    body = (SITES / kind / case["file"]).read_bytes()

    found = KINDS[kind]().read_page(saved(case["url"], body, case["headers"]))

    assert list(found.images) == case["images"]
    assert list(found.pages) == case["pages"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_whatever_is_broken_names_nothing_and_raises_nothing(kind: str, body: bytes) -> None:
    for path in (
        "posts.json",
        "b/catalog.json",
        "wp-json/wp/v2/media",
        "feed.xml",
        "api/v1/timelines/public",
        "b/res/1.json",
    ):
        found = read(kind, f"https://site.example/{path}", body)

        assert found.images == ()
        assert [url for url in found.pages if "site.example" not in url] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_read_for_its_pictures_by_every_kind(kind: str) -> None:
    page = b'<!doctype html><img src="/one"><a href="/two.jpg">two</a><a rel="next" href="/page?page=2">next</a>'

    found = read(kind, "https://site.example/page", page)

    assert found.images == ("https://site.example/one", "https://site.example/two.jpg")
    assert found.pages == ("https://site.example/page?page=2",)


@pytest.mark.parametrize(
    ("kind", "path", "answer", "headers", "following"),
    [
        (
            "wordpress",
            "wp-json/wp/v2/posts?page=2",
            '[{"id": 1}]',
            {"x-wp-totalpages": "3"},
            "wp-json/wp/v2/posts?page=3",
        ),
        ("wordpress", "wp-json/wp/v2/posts?page=3", '[{"id": 1}]', {"x-wp-totalpages": "3"}, None),
        (
            "mastodon",
            "api/v1/timelines/public",
            "[]",
            {"link": '</api/next?max_id=7>; rel="next"'},
            "api/next?max_id=7",
        ),
        (
            "mastodon",
            "outbox?page=1",
            '{"type": "OrderedCollectionPage", "next": "/outbox?page=2"}',
            {},
            "outbox?page=2",
        ),
        ("booru", "posts.json?page=4", '[{"id": 1}]', {}, "posts.json?page=5"),
        ("booru", "posts.json?page=4", "[]", {}, None),
        ("feed", "feed", '{"version": "https://jsonfeed.org/version/1.1", "next_url": "/feed?p=2"}', {}, "feed?p=2"),
        ("feed", "feed", '<?xml version="1.0"?><feed><link rel="next" href="/feed?p=2"/></feed>', {}, "feed?p=2"),
    ],
)
def test_an_api_says_where_its_list_goes_on(
    kind: str, path: str, answer: str, headers: dict[str, str], following: str | None
) -> None:
    found = read(kind, f"https://site.example/{path}", answer.encode(), **headers)

    assert list(found.following) == ([] if following is None else [f"https://site.example/{following}"])
    assert set(found.following) <= set(found.pages)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_calls_another_one_next_may_be_a_day_of_a_calendar(kind: str) -> None:
    page = b'<!doctype html><link rel="next" href="/cal/2"><a rel="next" href="/cal/2">next</a>'

    assert read(kind, "https://site.example/cal/1", page).following == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_site_file_may_name_it_and_the_how_to_shows_a_file_that_does(kind: str) -> None:
    blocks = [text.split("```")[0] for text in HOW_TO.read_text().split("```toml\n")[1:]]
    examples = [text for text in blocks if "kind =" in text]

    sites = [parse_site(text, Path("example.toml"), kinds=tuple(KINDS)) for text in examples]

    assert kind in {site.kind for site in sites}
    assert f"| `{kind}` |" in HOW_TO.read_text()


def test_a_kind_that_there_is_not_is_refused_with_the_one_that_was_meant() -> None:
    text = HOW_TO.read_text().split("```toml\n")[1].split("```")[0].replace('kind = "gallery"', 'kind = "galery"')

    with pytest.raises(ConfigError, match="did you mean 'gallery'"):
        parse_site(text, Path("example.toml"), kinds=tuple(KINDS))


# ----------------------------------------------------------------------------------------------------------------- feeds


LAUGHS = b'<!DOCTYPE rss [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (ord("b") + n, b"&%c;" % (ord("a") + n) * 10) for n in range(9)
)


@pytest.mark.parametrize("kind", ["feed", "booru"])
@pytest.mark.parametrize(
    "doctype",
    [
        LAUGHS + b"]>",
        b'<!DOCTYPE rss [<!ENTITY j SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE rss [<!ENTITY % j SYSTEM "http://127.0.0.1:9/x.dtd"> %j;]>',
    ],
    ids=["billion laughs", "a file", "a parameter entity"],
)
def test_no_entity_of_a_document_is_expanded(kind: str, doctype: bytes) -> None:
    feed = b'<?xml version="1.0"?>' + doctype + b"<rss><item><link>https://site.example/&j;</link></item></rss>"

    found = read(kind, "https://site.example/feed", feed)

    assert found.pages == ()
    assert found.images == ()


PICTURE = '<img src="/one">'


@pytest.mark.parametrize("kind", ["feed", "booru"])
@pytest.mark.parametrize(
    "beginning",
    [
        "<!doctype html>",
        "<!-- made by hand --><!doctype html><html>",
        "<!-- one --> <!-- <rss> -->\n<html>",
        "<html>",
        "<head><title>Drawings</title></head>",
        "<title>Drawings</title>",
        "<meta charset=utf-8>",
        "<body>",
        "<article>",
        "<x-feed>",
        "<rssfeed>",
        "<img src='/two'>",
        "Drawings: <rss>",
        '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd"><html xmlns="http://www.w3.org/1999/xhtml">',
        "\ufeff<!-- drawn --><body>",
        "<!-- never closed",
    ],
)
def test_a_page_of_html_is_read_for_its_pictures_however_it_begins(kind: str, beginning: str) -> None:
    page = (beginning + ("-->" if beginning.endswith("closed") else "") + PICTURE).encode()

    assert "https://site.example/one" in read(kind, "https://site.example/page", page).images


@pytest.mark.parametrize(
    "beginning",
    [
        "<rss>",
        "<RSS version='2.0'>",
        "<feed>",
        "<urlset>",
        "<sitemapindex>",
        "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>",
        "<sm:urlset xmlns:sm='http://www.sitemaps.org/schemas/sitemap/0.9'>",
        "<?xml version='1.0'?><?xml-stylesheet href='/x.xsl'?>\n<!-- made daily -->\n<rss>",
        "<!-- before the declaration --><feed>",
        '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "x.dtd"><rss>',
        "\ufeff<urlset>",
    ],
)
def test_a_feed_or_site_map_is_known_by_its_first_element(beginning: str) -> None:
    page = f"{beginning}<link>https://site.example/entry</link>".encode()

    assert read("feed", "https://site.example/feed", page).pages == ("https://site.example/entry",)


@pytest.mark.parametrize("before", ["<!--", "<?", " ", "<!-- -->", "<!DOCTYPE x>", "<!DOCTYPE "])
def test_what_stands_before_the_first_element_takes_no_long_time(before: str) -> None:
    began = time.perf_counter()

    read("feed", "https://site.example/feed", (before * 200_000).encode())

    assert time.perf_counter() - began < 5


def test_a_site_map_of_fifty_thousand_pages_is_read_whole() -> None:
    urls = b"".join(b"<url><loc>https://site.example/%d</loc></url>" % number for number in range(50_000))

    found = read("feed", "https://site.example/sitemap.xml", b"<urlset>" + urls + b"</urlset>")

    assert len(found.pages) == 50_000
    assert not found.truncated


# ----------------------------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize(
    ("kind", "url", "body"),
    [
        ("booru", "https://site.example/posts.json?page=9", b"[]"),
        (
            "booru",
            "https://site.example/index.php?page=dapi&s=post&q=index&json=1&pid=9",
            b'{"@attributes": {"count": 0}}',
        ),
        ("wordpress", "https://site.example/wp-json/wp/v2/media?page=9", b"[]"),
        ("mastodon", "https://site.example/api/v1/timelines/public?max_id=9", b"[]"),
        ("feed", "https://site.example/feed.json", b'{"version": "https://jsonfeed.org/version/1.1", "items": []}'),
    ],
)
def test_an_empty_page_is_the_last_one(kind: str, url: str, body: bytes) -> None:
    assert read(kind, url, body).pages == ()


def test_behind_its_thousandth_page_danbooru_is_asked_for_what_came_before() -> None:
    post = b'[{"id": 7, "media_asset": {}}, {"id": 5}]'

    found = read("booru", "https://site.example/posts.json?page=1000&limit=2", post)

    assert found.pages == ("https://site.example/posts.json?page=b5&limit=2",)


@pytest.mark.parametrize(
    ("total", "following"),
    [
        ("3", ("https://site.example/wp-json/wp/v2/media?page=3",)),
        ("2", ()),
        ("", ("https://site.example/wp-json/wp/v2/media?page=3",)),
    ],
)
def test_wordpress_says_how_many_pages_there_are(total: str, following: tuple[str, ...]) -> None:
    headers = {"x-wp-totalpages": total} if total else {}

    page = saved("https://site.example/wp-json/wp/v2/media?page=2", b'[{"id": 1}]', headers)

    assert KINDS["wordpress"]().read_page(page).pages == following


@pytest.mark.parametrize(
    "post",
    [
        b'{"no": 2, "resto": 1, "tim": "", "ext": "deleted", "filename": ""}',  # vichan
        b'{"no": 2, "resto": 1, "tim": 1546294898000, "ext": ".jpg", "filedeleted": 1}',  # 4chan
    ],
)
def test_a_file_that_was_deleted_is_not_asked_for(post: bytes) -> None:
    assert read("imageboard", "https://site.example/b/res/1.json", b'{"posts": [' + post + b"]}").images == ()


API = ("media", "posts", "pages")


@pytest.mark.parametrize(
    ("body", "headers", "pages"),
    [
        (
            b"<p>",
            {"link": '<https://site.example/wp-json/>; rel="https://api.w.org/"'},
            "wp-json/wp/v2/{}?per_page=100",
        ),
        (
            b"<p>",
            {"link": "<https://site.example/?rest_route=/>; rel=https://api.w.org/"},
            "?rest_route=/wp/v2/{}&per_page=100",
        ),
        (b"<link rel='https://api.w.org/' href='/blog/wp-json/' /><p>", {}, "blog/wp-json/wp/v2/{}?per_page=100"),
        (b'{"name": "Drawings", "namespaces": ["wp/v2"]}', {}, "wp-json/wp/v2/{}?per_page=100"),
    ],
    ids=["header", "header without speaking addresses", "element", "the API itself"],
)
def test_the_api_of_a_wordpress_site_is_found(body: bytes, headers: dict[str, str], pages: str) -> None:
    found = KINDS["wordpress"]().read_page(saved("https://site.example/wp-json/", body, headers))

    assert found.pages == tuple("https://site.example/" + pages.format(name) for name in API)


def test_an_upload_that_wordpress_scaled_down_is_looked_at_as_it_was_uploaded() -> None:
    media = b'[{"source_url": "https://site.example/u/a-scaled.jpg", "media_details": {"original_image": "a.jpg"}}]'

    found = read("wordpress", "https://site.example/wp-json/wp/v2/media", media)

    assert found.images == ("https://site.example/u/a-scaled.jpg", "https://site.example/u/a.jpg")
