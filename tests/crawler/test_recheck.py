from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import DecoderUnavailable
from core.model import Examination, Hit, Look, Politeness, State
from crawler.recheck import RecheckTarget, look_again
from tests.crawler.local_site import Answer, LocalSite, page, picture, serve
from tests.crawler.planted import Crawl

GALLERY: dict[str, Answer] = {
    "/": page("/album", images=("/a.png",)),
    "/album": page("/", images=("/a.png", "/b.png")),
    "/a.png": picture("a"),
    "/b.png": picture("b"),
}


@pytest.fixture
def found(tmp_path: Path) -> Callable[[LocalSite], tuple[Crawl, list[Hit]]]:
    """The site was crawled, and its two pictures were hits; what it was asked for is forgotten."""

    def crawl(site: LocalSite) -> tuple[Crawl, list[Hit]]:
        crawl = Crawl(tmp_path, [picture("a").body_bytes(), picture("b").body_bytes()])
        crawl.run(site.watched(politeness=Politeness(delay_s=0.0, concurrency=1)))
        hits = sorted(crawl.store.hit_log.all(), key=lambda hit: hit.image_url)
        assert len(hits) == 2
        site.asked.clear()
        return crawl, hits

    return crawl


def looks(crawl: Crawl, site: LocalSite, hits: list[Hit]) -> list[Look]:
    return list(look_again(site.watched(), [RecheckTarget(hit=hit) for hit in hits], crawl.services()))


Found = Callable[[LocalSite], tuple[Crawl, list[Hit]]]


def test_a_picture_that_is_still_there_still_matches_and_its_page_shows_it(found: Found) -> None:
    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        seen = looks(crawl, site, hits)

    assert [look.hit for look in seen] == [hit.id for hit in hits]
    assert [(look.image, look.page, look.still_matches, look.page_shows_image) for look in seen] == [
        (State.HIT, State.READ, True, True)
    ] * 2


def test_pages_of_several_pictures_are_asked_for_once_and_robots_txt_not_again(found: Found) -> None:
    with serve(GALLERY.get) as site:
        crawl, (one, other) = found(site)
        looks(crawl, site, [one, one, other])

    assert sorted(site.asked) == ["/", "/a.png", "/a.png", "/album", "/b.png"]
    assert site.robots_asked == 1


@pytest.mark.parametrize(
    ("now", "image", "still_matches"),
    [
        (Answer(status=404), State.GONE, None),
        (Answer(status=410), State.GONE, None),
        (Answer(status=403), State.HTTP_ERROR, None),
        (Answer(status=500), State.HTTP_ERROR, None),
        (picture("another"), State.CLEAR, False),
        (page("/login"), State.NOT_IMAGE, None),
        (Answer(status=302, headers={"Location": "https://elsewhere.example/"}), State.OUT_OF_SCOPE, None),
    ],
    ids=["404", "410", "403", "500", "another picture", "a page", "a redirect out of the agreement"],
)
def test_what_the_image_url_answers_is_said_as_it_is(
    found: Found, now: Answer, image: State, still_matches: bool | None
) -> None:
    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        site.answers = (GALLERY | {"/b.png": now}).get
        look = looks(crawl, site, hits)[1]

    assert (look.image, look.still_matches) == (image, still_matches)
    assert look.page is State.READ


@pytest.mark.parametrize(
    ("now", "state", "shows"),
    [
        (page("/", images=("/other.png",)), State.READ, False),
        (Answer("<title>Are you human?</title>"), State.READ, None),
        (Answer(""), State.READ, None),
        (Answer(status=404), State.GONE, None),
        (Answer(status=503), State.HTTP_ERROR, None),
    ],
    ids=["without the picture", "a wall", "empty", "gone", "busy"],
)
def test_what_the_page_says_of_the_picture_is_said_as_it_is(
    found: Found, now: Answer, state: State, shows: bool | None
) -> None:
    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        site.answers = (GALLERY | {"/album": now}).get
        look = looks(crawl, site, hits)[1]

    assert (look.page, look.page_shows_image) == (state, shows)
    assert look.still_matches is True


def test_a_site_that_does_not_answer_was_not_looked_at(found: Found) -> None:
    with serve(GALLERY.get) as site:
        crawl, hits = found(site)

    look = looks(crawl, site, hits)[0]

    assert (look.image, look.page, look.still_matches, look.page_shows_image) == (
        State.UNREACHABLE,
        State.UNREACHABLE,
        None,
        None,
    )


def test_without_an_agreement_nothing_is_asked_for_and_nothing_is_known(found: Found) -> None:
    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        crawl.ended = "revoked"
        look = looks(crawl, site, hits)[0]

    assert site.asked == []
    assert (look.image, look.page, look.still_matches, look.page_shows_image) == (
        State.PENDING,
        State.PENDING,
        None,
        None,
    )


def test_a_host_that_asks_for_a_pause_is_asked_for_nothing_more(found: Found) -> None:
    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        site.answers = lambda _: Answer(status=429, headers={"Retry-After": "120"})
        first = looks(crawl, site, hits)
        second = looks(crawl, site, hits)

    assert site.asked == ["/a.png"]
    assert [look.image for look in first] == [State.HTTP_ERROR, State.PENDING]
    assert [look.image for look in second] == [State.PENDING, State.PENDING]


def test_a_person_who_is_not_enrolled_any_more_is_not_said_to_be_gone(found: Found) -> None:
    class Nobody:
        def examine(self, _: bytes) -> Examination:
            return Examination(sha256="0" * 64, state=State.NOT_COMPARED)

    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        crawl.examiner = Nobody()  # type: ignore[assignment]  # an examiner all the same
        look = looks(crawl, site, hits)[0]

    assert (look.image, look.still_matches) == (State.NOT_COMPARED, None)


def test_a_decoder_that_cannot_be_started_loses_no_look(found: Found) -> None:
    class Broken:
        def examine(self, _: bytes) -> Examination:
            raise DecoderUnavailable("no child could be started")

    with serve(GALLERY.get) as site:
        crawl, hits = found(site)
        crawl.examiner = Broken()  # type: ignore[assignment]  # as above
        seen = looks(crawl, site, hits)

    assert [(look.image, look.still_matches) for look in seen] == [(State.PENDING, None)] * 2


def test_looking_again_needs_no_earlier_crawl(tmp_path: Path) -> None:
    with serve(GALLERY.get) as site:
        crawl = Crawl(tmp_path / "elsewhere", [picture("a").body_bytes()])
        crawl.run(site.watched())
        hits = list(crawl.store.hit_log.all())
        fresh = Crawl(tmp_path / "new", [picture("a").body_bytes()], now=datetime(2026, 11, 23, tzinfo=UTC))
        (look,) = looks(fresh, site, hits)

    assert look.still_matches is True
    assert look.at == fresh.now


def test_a_video_that_is_a_page_of_its_own_is_looked_at_again(tmp_path: Path) -> None:
    film = Answer(b"\x1aE\xdf\xa3" + bytes(range(256)) * 8, content_type="video/webm")

    def gallery(path: str) -> Answer | None:
        return {"/": page("/watch"), "/watch": film}.get(path)

    with serve(gallery) as site:
        crawl = Crawl(tmp_path, [film.body_bytes()])
        summary = crawl.run(site.watched())
        (hit,) = crawl.store.hit_log.all()
        (seen,) = looks(crawl, site, [hit])

    assert summary["images"] == {"hit": 1}
    assert (hit.image_url, hit.page_url) == (site.url + "/watch", site.url + "/")
    assert (seen.image, seen.page, seen.still_matches, seen.page_shows_image) == (
        State.HIT,
        State.READ,
        True,
        True,
    )
