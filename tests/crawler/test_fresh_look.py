"""What is at a picture's URL now."""

from pathlib import Path

import pytest

from core.errors import DecoderUnavailable
from core.model import Examination, State
from crawler.fresh_look import SILENT_AT_MOST, FreshLook, look_afresh
from tests.crawler.local_site import Answer, LocalSite, page, picture, serve
from tests.crawler.planted import PERSON, Crawl

GALLERY: dict[str, Answer] = {"/a.png": picture("a"), "/b.png": picture("b")}


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    return Crawl(tmp_path, [picture("a").body_bytes()])


def looks(crawl: Crawl, site: LocalSite, *paths: str) -> list[FreshLook]:
    return list(look_afresh(site.watched(), [site.url + path for path in paths], crawl.services()))


def test_each_url_is_looked_at_once_in_order_and_the_picture_is_examined(crawl: Crawl) -> None:
    with serve(GALLERY.get) as site:
        found = looks(crawl, site, "/b.png", "/a.png")

    assert site.asked == ["/b.png", "/a.png"]
    assert [look.state for look in found] == [State.CLEAR, State.HIT]
    assert found[1].examination is not None
    assert [finding.match.enrolment.person for finding in found[1].examination.findings] == [PERSON]


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (Answer(status=404), State.GONE),
        (Answer(status=500), State.HTTP_ERROR),
        (page("/login"), State.NOT_IMAGE),
        (Answer(status=302, headers={"Location": "https://elsewhere.example/"}), State.OUT_OF_SCOPE),
    ],
    ids=["404", "500", "a page", "a redirect out of the agreement"],
)
def test_what_the_url_answers_is_said_as_it_is(crawl: Crawl, now: Answer, state: State) -> None:
    with serve(lambda _: now) as site:
        (look,) = looks(crawl, site, "/a.png")

    assert (look.state, look.examination) == (state, None)


def test_a_url_outside_of_the_agreement_is_not_asked_for(crawl: Crawl) -> None:
    with serve(GALLERY.get) as site:
        (look,) = look_afresh(site.watched(), ["https://elsewhere.example/a.png"], crawl.services())

    assert (look.state, site.asked) == (State.OUT_OF_SCOPE, [])


def test_without_an_agreement_nothing_is_asked_for(crawl: Crawl) -> None:
    crawl.ended = "revoked"
    with serve(GALLERY.get) as site:
        found = looks(crawl, site, "/a.png", "/b.png")

    assert site.asked == []
    assert [look.state for look in found] == [State.PENDING] * 2


def test_robots_txt_is_obeyed(crawl: Crawl) -> None:
    with serve(GALLERY.get) as site:
        site.robots = Answer("User-agent: *\nDisallow: /a.png\n", content_type="text/plain")
        found = looks(crawl, site, "/a.png", "/b.png")

    assert site.asked == ["/b.png"]
    assert [look.state for look in found] == [State.ROBOTS, State.CLEAR]


def test_a_host_that_asks_for_a_pause_is_asked_for_nothing_more(crawl: Crawl) -> None:
    with serve(lambda _: Answer(status=429, headers={"Retry-After": "120"})) as site:
        found = looks(crawl, site, "/a.png", "/b.png")

    assert site.asked == ["/a.png"]
    assert [look.state for look in found] == [State.HTTP_ERROR, State.PENDING]


def test_a_host_that_stays_silent_is_given_up_for_now(crawl: Crawl) -> None:
    with serve(GALLERY.get) as site:
        site.robots = Answer(status=404)
        looks(crawl, site, "/a.png")  # robots.txt is known from here on

    found = looks(crawl, site, *(f"/{number}.png" for number in range(SILENT_AT_MOST + 2)))

    assert [look.state for look in found] == [State.UNREACHABLE] * SILENT_AT_MOST + [State.PENDING] * 2


def test_a_decoder_that_cannot_be_started_means_that_nobody_looked(crawl: Crawl) -> None:
    class Broken:
        def examine(self, _: bytes) -> Examination:
            raise DecoderUnavailable("no child could be started")

    crawl.examiner = Broken()  # type: ignore[assignment]  # an examiner all the same
    with serve(GALLERY.get) as site:
        (look,) = looks(crawl, site, "/a.png")

    assert (look.state, look.examination) == (State.PENDING, None)


def test_a_look_does_not_print_where_it_went(crawl: Crawl) -> None:
    with serve(GALLERY.get) as site:
        (look,) = looks(crawl, site, "/a.png")

    assert site.url not in repr(look)
