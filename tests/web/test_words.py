"""How things are said."""

import enum
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import AlertStatus, CaseStatus, Decision, HitStatus, LocationState, NoticeStatus, PersonId, Tier, Topic
from tests.web.scene import NOW
from web.desk.words import BADGES, DECIDED, WAITING_WORK, ago, badge, person_words, view_words, visible


@pytest.mark.parametrize("kind", [HitStatus, Tier, AlertStatus, LocationState, NoticeStatus, CaseStatus])
def test_every_status_has_words(kind: type[enum.StrEnum]) -> None:
    assert set(BADGES[kind]) == set(kind)
    assert len({badge(each).words for each in kind}) == len(kind)


def test_every_decision_and_every_kind_of_work_has_words() -> None:
    assert set(DECIDED) == set(Decision)
    assert set(WAITING_WORK) == set(Topic)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (1, "just now"),
        (2, "2 seconds ago"),
        (119, "119 seconds ago"),
        (120, "2 minutes ago"),
        (7199, "120 minutes ago"),
        (7200, "2 hours ago"),
        (-21_590, "in 6 hours"),
        (172_800, "2 days ago"),
        (-90, "in 90 seconds"),
        (-7200, "in 2 hours"),
    ],
)
def test_a_time_is_said_in_the_largest_unit_of_which_there_are_two(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.example/ü/日本/😀?q=1&r=%20", "https://a.example/ü/日本/😀?q=1&r=%20"),
        ("gpj.\u202eexe", "gpj.\\u{202e}exe"),
        ("a\u200bb\u2066c\ufeff", "a\\u{200b}b\\u{2066}c\\u{feff}"),
        ("line\nbreak\r\x00\x1b[31m", "line\\u{a}break\\u{d}\\u{0}\\u{1b}[31m"),
        ("wide\u3000space\u00a0here", "wide\\u{3000}space\\u{a0}here"),
        ("half \ud83d", "half \\u{d83d}"),
    ],
)
def test_what_cannot_be_seen_is_written_as_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_shown_can_always_be_seen_and_sent(text: str) -> None:
    shown = visible(text)

    assert all(each == " " or each.isprintable() for each in shown)
    shown.encode()
    assert visible(shown) == shown


def test_a_letter_keeps_its_lines() -> None:
    assert visible("Dear\n\tsite", keep="\n") == "Dear\n\\u{9}site"


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("full", "as enrolled"),
        ("full/rot90", "turned by 90°"),
        ("full/rot180", "turned upside down"),
        ("full/flip", "mirrored"),
        ("tile/3", "tile/3"),
    ],
)
def test_a_view_is_said_in_words(view: str, words: str) -> None:
    assert view_words(view) == words


def test_a_person_is_named_by_six_characters_and_never_by_the_whole_id() -> None:
    assert person_words(PersonId("3f9a2c81d0aa4411")) == "person 3f9a2c…"
    assert person_words(PersonId("anna")) == "person an…"
    assert person_words(PersonId("x")) == "person …"
