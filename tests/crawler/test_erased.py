"""A site that is erased while it is crawled: the crawl ends as if nothing were left to do, says why, and keeps its hits."""

from pathlib import Path

import pytest

from tests.crawler.local_site import Answer, picture, serve
from tests.crawler.planted import Crawl
from tests.crawler.test_shared_crawl import EVERY_URL, gallery, shared


@pytest.fixture(params=["sqlite", "redis"])
def crawl(request: pytest.FixtureRequest, tmp_path: Path) -> Crawl:
    planted = [picture("/8.png").body_bytes()]
    if request.param == "sqlite":
        return Crawl(tmp_path, planted=planted)
    return shared(tmp_path, request.getfixturevalue("redis_url"), planted=planted)


def erase(crawl: Crawl) -> None:
    with crawl.services().open_frontier() as frontier:
        frontier.erase("local")


def test_a_crawl_whose_site_is_erased_ends_calmly_and_keeps_the_hit_it_was_looking_at(crawl: Crawl) -> None:
    def answer(path: str) -> Answer | None:
        if path == "/8.png":
            erase(crawl)
        return gallery(path)

    with serve(answer) as site:
        summary = crawl.run(site.watched())
        asked = set(site.asked)

    assert summary["finished"] is False
    assert summary["stopped"] == "what was known of the site was erased"
    assert asked < EVERY_URL
    assert [hit.image_url for hit in crawl.store.hit_log.all()] == [f"{site.url}/8.png"]
    (record,) = crawl.store.site_book.passes("local")
    assert record.finished is None


def test_a_crawl_whose_agreement_ended_says_that_and_not_what_came_of_it(crawl: Crawl) -> None:
    def answer(path: str) -> Answer | None:
        if path == "/8.png":
            crawl.ended_unheard = "the agreement was revoked"
            erase(crawl)
        return gallery(path)

    with serve(answer) as site:
        summary = crawl.run(site.watched())

    assert (summary["finished"], summary["stopped"]) == (False, "the agreement was revoked")
    (record,) = crawl.store.site_book.passes("local")
    assert record.stopped == "the agreement was revoked"


def test_after_an_erasure_a_crawl_begins_anew(crawl: Crawl) -> None:
    with serve(gallery) as site:
        first = crawl.run(site.watched(), max_pages=3)
        erase(crawl)
        again = crawl.run(site.watched())

    assert again["pass"] != first["pass"]
    assert again["resumed"] is False
    assert again["finished"] is True
    assert set(site.asked) == EVERY_URL
