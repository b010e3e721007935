"""A page that was read only in part is known as one until it is read anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.model import State
from crawler.links import MOST_IMAGES
from tests.crawler.local_site import Answer, page, picture, serve
from tests.crawler.planted import Crawl


def answers(path: str) -> Answer | None:
    """One page, of more pictures than are kept of one, elsewhere: none of them is asked for."""
    if path != "/":
        return picture(path)
    full = page("/a.png", images=tuple(f"http://elsewhere.example/{n}.png" for n in range(MOST_IMAGES + 1)))
    return Answer(full.body, headers={"ETag": '"1"'})


def test_a_page_that_did_not_change_since_it_was_cut_is_cut(tmp_path: Path) -> None:
    with serve(answers) as site:
        crawl = Crawl(tmp_path, remembers=True)
        cuts = [crawl.run(site.watched())["cut_pages"] for _ in range(2)]

    assert site.unchanged == ["/"]
    assert cuts == [1, 1]
    assert crawl.store.site_memory.recall("local", [f"{site.url}/"])[f"{site.url}/"].state is State.PARTIAL


def test_a_cut_page_that_is_not_due_names_what_it_named_and_is_said_to_be_cut(tmp_path: Path) -> None:
    with serve(answers) as site:
        crawl = Crawl(tmp_path, remembers=True, now=datetime(2026, 11, 23, 12, tzinfo=UTC))
        first = crawl.run(site.watched())
        crawl.pass_time(timedelta(seconds=1))
        second = crawl.run(site.watched(), only_due=True)

    assert [path for path in site.asked if path == "/"] == ["/"]
    assert first["pages"] == second["pages"] == {"read": 1}
    assert second["images"] == first["images"]
    assert second["cut_pages"] == 1
