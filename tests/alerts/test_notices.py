from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notices import NOTICES, draw
from alerts.notices.kind import one_line, paragraphs, plain_url
from core.model import NoticeDetails
from tests.alerts.facts import ANN, DETAILS, REGIMES, hit, site
from tests.alerts.letters import GOLDEN, LETTERS, a_case, a_notice, text_of

# What leaves each element without what it needs, in each way it can be missing.
GAPS: dict[str, list[NoticeDetails | None]] = {
    "signature": [
        replace(DETAILS, name=" "),
        replace(DETAILS, signed_at=None),
        replace(DETAILS, capacity=""),
        replace(DETAILS, capacity="friend"),
    ],
    "nonconsent_statement": [replace(DETAILS, statement=" \n ")],
    "contact": [replace(DETAILS, contact="")],
    "locate": [DETAILS],
}


def drawn_missing(kind: str, details: NoticeDetails | None, *, located: bool = True) -> tuple[str, ...]:
    hits = (hit(1),) if located else ()
    notice = replace(a_notice(*hits), kind=kind)
    return draw(a_case(*hits), notice, details, REGIMES[kind], site(law=kind)).missing


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_is_word_for_word_the_one_that_was_read_and_kept(name: str) -> None:
    assert text_of(LETTERS[name]()) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", NOTICES)
def test_every_kind_of_notice_has_a_law_and_can_say_all_that_it_asks(kind: str) -> None:
    assert set(REGIMES[kind].elements) <= set(NOTICES[kind].elements)
    assert drawn_missing(kind, DETAILS) == ()


@pytest.mark.parametrize(
    ("kind", "element"), [(kind, element) for kind in NOTICES for element in REGIMES[kind].elements]
)
def test_a_notice_names_the_one_element_that_it_lacks(kind: str, element: str) -> None:
    for details in GAPS[element]:
        assert drawn_missing(kind, details, located=element != "locate") == (element,)


@pytest.mark.parametrize("kind", NOTICES)
def test_with_nothing_supplied_everything_of_the_person_is_missing(kind: str) -> None:
    assert set(drawn_missing(kind, None)) == set(REGIMES[kind].elements) - {"locate"}


def test_a_site_without_an_address_or_without_a_file_lacks_the_recipient() -> None:
    for recipient in (site(email=None), None):
        assert draw(a_case(hit()), a_notice(hit()), DETAILS, REGIMES["us_tida"], recipient).missing == ("recipient",)


def test_an_element_that_the_letter_cannot_say_is_missing() -> None:
    stricter = replace(REGIMES["us_tida"], elements=(*REGIMES["us_tida"].elements, "perjury_statement"))

    assert draw(a_case(hit()), a_notice(hit()), DETAILS, stricter, site()).missing == ("perjury_statement",)


def test_a_letter_says_every_element_and_no_more_of_the_person() -> None:
    the_hit = hit(7)
    text = text_of(draw(a_case(the_hit), a_notice(the_hit), DETAILS, REGIMES["us_tida"], site()).letter)

    for said in (
        the_hit.page_url,
        the_hit.image_url,
        "/s/ Ann Example",
        "Signed on 2026-11-20",
        "good faith belief",
        DETAILS.statement,
        "ann@example.org",
        "48 hours",
        "identical copies",
        "47 U.S.C. 223a",
        "reference",
    ):
        assert said in text
    for kept in (ANN, the_hit.sha256, the_hit.id, the_hit.ref, the_hit.cluster, "pdq", "distance", "Stillwatch"):
        assert kept not in text


def test_a_law_without_a_fixed_time_or_a_copies_duty_is_not_said_to_have_one() -> None:
    vague = replace(REGIMES["us_tida"], removal_h=None, copies="")
    text = text_of(draw(a_case(hit()), a_notice(hit()), DETAILS, vague, site()).letter)

    assert "hours" not in text
    assert "also requires" not in text
    assert "as soon as possible" in text


def test_names_and_addresses_cannot_forge_lines_of_the_letter() -> None:
    details = replace(
        DETAILS,
        name="Ann\r\nBcc: everyone@example.org\n\nDear site, keep it",
        contact="ann@example.org\x1b[2J\u202etxt",
        signed_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    hostile = replace(
        hit(), image_url="https://gallery.example/a b\r\n\r\nKeep it.\u202egpj", page_url="https://x/\u2028y"
    )
    letter = draw(a_case(hostile), a_notice(hostile), details, REGIMES["us_tida"], site()).letter

    assert "/s/ Ann Bcc: everyone@example.org Dear site, keep it\n" in letter.body
    assert "Image:  https://gallery.example/a%20b%0D%0A%0D%0AKeep%20it.%E2%80%AEgpj\n" in letter.body
    assert "Page:   https://x/%E2%80%A8y\n" in letter.body
    assert all(char.isprintable() or char == "\n" for char in letter.body)
    assert letter.subject.isprintable()


def test_a_template_in_a_statement_is_only_text() -> None:
    details = replace(DETAILS, statement="{{ law.name }} {% for x in y %} {{ 7 * 7 }}")
    body = draw(a_case(hit()), a_notice(hit()), details, REGIMES["us_tida"], site()).letter.body

    assert "   {{ law.name }} {% for x in y %} {{ 7 * 7 }}\n" in body


def test_a_further_copy_cites_the_earlier_notice() -> None:
    text = LETTERS["a_relapse"]().body

    assert "reference FEDCBA987654" in text
    assert "published again" in text


@given(st.text())
def test_nothing_makes_more_than_one_line_of_a_name(text: str) -> None:
    line = one_line(text)

    assert line.isprintable()
    assert line == line.strip()


@given(st.text())
def test_nothing_makes_more_than_one_word_of_an_address(text: str) -> None:
    word = plain_url(text)

    assert word.isprintable()
    assert not any(char.isspace() for char in word)


@given(st.text(alphabet="ab \n\t\r\u2028\x1b\u202e"))
def test_paragraphs_keep_the_words_and_never_begin_or_end_empty(text: str) -> None:
    lines = paragraphs(text)

    assert " ".join(" ".join(lines).split()) == one_line(text)
    assert not lines or (lines[0] and lines[-1])


def test_the_shipped_law_says_what_the_statute_says() -> None:
    law = REGIMES["us_tida"]

    assert law.elements == ("signature", "locate", "nonconsent_statement", "contact")
    assert (law.removal_h, law.in_force) == (48.0, date(2026, 5, 19))
