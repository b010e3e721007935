"""The demo site is what its ledger says, and behaves as sites do."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from config.sites import parse_site
from stillwatch.demo.odds import odds
from stillwatch.demo.site import DemoSite, one_spelling, site_toml

IS_PAGE = re.compile(
    r"/$|/(gallery|latest|new|tag|member|picture|news|about)\b(?!.*\.(jpg|png))", re.ASCII
)  # not the calendar: it has no end


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite() as site:
        yield site


@pytest.fixture
def own_site() -> Iterator[DemoSite]:
    """For tests that change it."""
    with DemoSite() as site:
        yield site


def get(site: DemoSite, path: str, **headers: str) -> tuple[int, bytes]:
    asked = urllib.request.Request(site.url + path, headers=headers)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def pages(site: DemoSite) -> dict[str, str]:
    """Every page that the front page leads to, by path."""
    read: dict[str, str] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        if path in read:
            continue
        status, body = get(site, path)
        if status != 200:
            continue
        read[path] = body.decode()
        links = [urljoin(site.url + path, unescape(link)) for link in re.findall(r"""href=['"]([^'"]+)""", read[path])]
        waiting += [one_spelling(link) for link in links if IS_PAGE.search(urlsplit(link).path)]
    return read


def named(site: DemoSite, path: str, html: str) -> set[str]:
    """What a page names, as paths: attributes, CSS, and script text with its escapes undone."""
    base = re.search(r'<base href="([^"]+)"', html)
    at = urljoin(site.url + path, base[1] if base else path)
    texts = re.findall(r"""["'( ,]([^"'() ,\n]+)""", html.replace("\\/", "/"))
    return {one_spelling(urljoin(at, unescape(text))) for text in texts}


def test_a_few_hundred_pages_name_every_picture_there_is(site: DemoSite) -> None:
    read = pages(site)

    names = set().union(*(named(site, path, html) for path, html in read.items()))
    lost = [path for path in site.paths if path not in names]

    assert 250 <= len(read) <= 400
    assert 400 <= len(site.paths) <= 900
    assert lost == []


def test_the_same_seed_makes_the_same_site() -> None:
    with DemoSite(seed=9) as first, DemoSite(seed=9) as second:
        paths = [*first.paths[:40], "/picture/7", "/latest?page=2"]

        assert first.paths == second.paths
        assert first.planted == second.planted
        for path in paths:
            bodies = [get(site, path)[1].replace(site.url.encode(), b"") for site in (first, second)]
            assert bodies[0] == bodies[1], path


def test_every_way_of_editing_is_planted_and_most_are_within_the_recipe(site: DemoSite) -> None:
    edits = {copy.edit for copy in site.planted if "made smaller" not in copy.edit}
    within = [copy for copy in site.planted if copy.within_recipe]

    assert len(edits) == 24
    assert len({copy.photograph for copy in within}) == 6
    assert len(within) > len(site.planted) / 2


def test_a_picture_that_was_taken_down_is_gone_and_named_nowhere(own_site: DemoSite) -> None:
    copies = [copy.path for copy in own_site.planted][:30]

    gone = {path for copy in copies for path in own_site.delete(copy)}

    assert {get(own_site, path)[0] for path in gone} == {404, 410}
    for path, html in pages(own_site).items():
        assert not named(own_site, path, html) & gone, path


def test_a_restored_picture_is_back_at_its_address(own_site: DemoSite) -> None:
    path = own_site.planted[0].path
    before = get(own_site, path)
    own_site.delete(path)

    own_site.restore(path)

    assert get(own_site, path) == before


def test_a_new_upload_has_a_new_address_and_the_front_page_leads_to_it(own_site: DemoSite) -> None:
    before = {copy.path for copy in own_site.planted}

    path = own_site.upload_again("coffee", "mirrored")

    assert path not in before
    assert path in {copy.path for copy in own_site.planted if copy.edit == "mirrored" and copy.within_recipe}
    assert any(path in named(own_site, page, html) for page, html in pages(own_site).items())
    assert get(own_site, path)[0] == 200


def test_the_disallowed_folder_holds_nothing_that_is_needed(site: DemoSite) -> None:
    _, robots = get(site, "/robots.txt")
    folder = re.findall(r"Disallow: (\S+)", robots.decode())

    assert folder == ["/office/"]
    assert not [copy for copy in site.planted if copy.path.startswith("/office/")]


def test_the_calendar_goes_on_for_ever(site: DemoSite) -> None:
    path = "/calendar/2026-11"
    for _ in range(30):
        _, body = get(site, path)
        path = re.findall(r'href="(/calendar/[^"]+)">After', body.decode())[0]

    assert path == "/calendar/2029-05"


def test_a_missing_picture_page_claims_to_be_fine_and_a_missing_file_does_not(site: DemoSite) -> None:
    assert get(site, "/picture/99999")[0] == 200
    assert get(site, "/odd/lost.jpg")[0] == 404


def test_an_unchanged_picture_is_not_sent_again(site: DemoSite) -> None:
    path = site.paths[0]
    with urllib.request.urlopen(site.url + path) as answer:
        tag = answer.headers["ETag"]
        kind = answer.headers["Content-Type"]

    assert kind.startswith("image/")
    assert get(site, path, **{"If-None-Match": tag}) == (304, b"")


def test_the_site_knows_what_it_was_asked_for(own_site: DemoSite) -> None:
    get(own_site, "/image?size=full&id=5", **{"User-Agent": "somebody"})
    get(own_site, "/image?id=5&size=full", **{"User-Agent": "somebody"})

    assert own_site.counts() == {"/image?id=5&size=full": 2}
    assert [asked.user_agent for asked in own_site.requests()] == ["somebody"] * 2
    assert all(first.at <= second.at for first, second in pairwise(own_site.requests()))


def test_the_site_file_is_one_that_is_read() -> None:
    watched = parse_site(site_toml(8765), Path("demo.toml"), kinds=("gallery",), laws=("us_tida",))

    assert watched.hosts == ("127.0.0.1:8765",)
    assert watched.allow_private
    assert watched.takedown.email == "takedown@demo.invalid"


def test_icons_and_broken_files_are_there_too(site: DemoSite) -> None:
    statuses = {path: get(site, path)[0] for path in odds()}

    assert set(statuses.values()) == {200}
    assert len(statuses) == 21
