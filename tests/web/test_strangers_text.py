"""Addresses, file names and letters carry text of people who mean harm. It stays text, and every character of it can be seen."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from core.errors import StoreUnavailable
from core.model import HitQuery, NoticeStatus
from tests.web.scene import ADA, NOW, Scene, full_scene
from tests.web.visitor import Page, Visitor, pages_of

HOSTILE = (
    "<script>alert(1)</script>'\"><img src=x onerror=alert(2)>{{ 7|add:7 }}{% now 'Y' %}&lt;b&gt;\u202egpj.\u200b\x07"
)
MARK = "<script>alert(1)</script>"


def harmed(text: str) -> str:
    return text + HOSTILE


def skeleton(page: Page) -> Counter[tuple[str, tuple[str, ...]]]:
    """The elements and the names of their attributes: all that markup in a text could change. Lists may be in another order."""
    return Counter((tag, tuple(attributes)) for tag, attributes in page.elements)


def sent(scene: Scene, by: str, failure: str) -> Scene:
    """The scene with a letter that was approved, and one that failed."""
    scene.desk.approve(scene.case_of(ADA).id, "Jo", NOW)
    case = scene.case_of(ADA)
    first, *others = case.notices
    failed = replace(first, status=NoticeStatus.FAILED, failure=failure, approved_by=by)
    scene.store.case_book.save(case=replace(case, notices=(failed, *others)), now=NOW + timedelta(seconds=1))
    return scene


@pytest.mark.parametrize("page", ["overview", "hits", "hit", "alerts", "cases", "case", "case without details"])
def test_hostile_text_in_every_field_leaves_a_page_built_as_it_was(page: str) -> None:
    kind, hostile = full_scene(), full_scene(harmed)

    usual = Visitor(kind.services()).page(pages_of(kind)[page])
    attacked = Visitor(hostile.services()).page(pages_of(hostile)[page])

    assert skeleton(attacked) == skeleton(usual)
    if page != "cases":  # which shows no text from outside
        assert MARK in attacked.text, "the hostile text was shown, as text"


def test_hostile_text_in_a_sent_letter_leaves_the_page_built_as_it_was() -> None:
    kind = sent(full_scene(), "Jo", "refused")
    hostile = sent(full_scene(harmed), harmed("Jo"), harmed("refused"))

    usual = Visitor(kind.services()).page(pages_of(kind)["case"])
    attacked = Visitor(hostile.services()).page(pages_of(hostile)["case"])

    assert skeleton(attacked) == skeleton(usual)
    assert f"refused{MARK}" in attacked.text
    assert f"Jo{MARK}" in attacked.text


@pytest.mark.parametrize("name", ["site", "text"])
def test_hostile_text_in_a_filter_stays_in_its_field(visitor: Visitor, name: str) -> None:
    usual = visitor.page(f"/hits?{name}=nothing-like-it")
    attacked = visitor.page(f"/hits?{name}={quote(HOSTILE)}")

    assert skeleton(attacked) == skeleton(usual)
    assert any(MARK in each.get("value", "") for _, each in attacked.elements)


@pytest.mark.parametrize(
    "query", ["status=<script>", "page=-1", "page=²", "page=99999999999999999999", "page=1e3", "page=0"]
)
def test_a_filter_that_is_nonsense_is_left_out(visitor: Visitor, query: str) -> None:
    assert visitor.page(f"/hits?{quote(query, safe='=')}").words == visitor.page("/hits").words


def test_hostile_text_in_an_unknown_id_is_not_repeated(visitor: Visitor) -> None:
    for path in (f"/hits/{quote(HOSTILE, safe='')}", f"/cases/{quote(HOSTILE, safe='')}"):
        assert "alert(" not in visitor.page(path).markup


class Silent:
    def search(self, query: HitQuery) -> list[str]:
        raise StoreUnavailable(f"{HOSTILE} {query.limit}")


def test_hostile_text_in_an_error_stays_text(scene: Scene) -> None:
    page = Visitor(replace(scene.services(), hit_search=Silent())).page("/hits")

    assert MARK in page.text
    assert not page.all("img")


@pytest.mark.parametrize("unseen", ["\u202e", "\u200b", "\x07"])
def test_no_character_that_hides_or_turns_text_reaches_a_page(unseen: str) -> None:
    hostile = full_scene(harmed)
    visitor = Visitor(hostile.services())

    for name, path in pages_of(hostile).items():
        page = visitor.page(path)
        attributes = "".join(value for _, each in page.elements for key, value in each.items() if key != "value")
        assert unseen not in page.text + attributes, name
    assert f"\\u{{{ord(unseen):x}}}" in visitor.page(pages_of(hostile)["hit"]).text


def test_an_address_is_never_a_link(scene: Scene, visitor: Visitor) -> None:
    addresses = {each for hit in scene.hits().values() for each in (hit.image_url, hit.page_url)}

    shown = set()
    for path in pages_of(scene).values():
        page = Linked(visitor.page(path).markup)
        shown |= {each for each in addresses if each in page.everything}
        assert [each for each in addresses if each in page.linked] == []
    assert shown == addresses


class Linked(HTMLParser):
    """The text of a page, and what of it stands inside links."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.linked, self.everything, self.inside = "", "", False
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.inside = True
            self.linked += " ".join(value or "" for _, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.inside = False

    def handle_data(self, data: str) -> None:
        self.everything += data
        if self.inside:
            self.linked += data
