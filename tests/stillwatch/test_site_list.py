"""What the command line says of a try, and of a site that was not really looked at."""

from collections.abc import Iterator

import pytest

from tests.crawler.local_site import Answer, LocalSite, page, serve
from tests.installation import Installation, site_toml

PAGES = {"/": "/a", "/a": "/b", "/b": "/c", "/c": ""}


def four_pages(path: str) -> Answer | None:
    """Their pictures are refused, but for one that is gone."""
    if path.endswith(".png"):
        return None if path == "/a.png" else Answer(status=403)
    return page(*filter(None, [PAGES[path]]), images=(f"{path}.png",)) if path in PAGES else None


@pytest.fixture
def site(installation: Installation) -> Iterator[LocalSite]:
    with serve(four_pages) as site:
        text = site_toml("gallery", f"{site.url}/", site.url.removeprefix("http://"))
        installation.watch("gallery", f"{text}[limits]\nrequests_per_day = 500\n")
        yield site


@pytest.mark.usefixtures("site")
def test_a_dry_run_is_not_called_an_unfinished_pass(installation: Installation) -> None:
    done = installation.run("crawl", "gallery", "--dry-run")

    assert "1 read, 1 pending" in done.stdout
    assert "not finished" not in done.stdout


@pytest.mark.usefixtures("site")
def test_a_try_says_that_it_was_cut_and_so_does_the_list_beside_what_is_used_of_the_day(
    installation: Installation,
) -> None:
    tried = installation.run("crawl", "gallery", "--once", "--max-pages", "2")
    listed = installation.run("site", "list")

    assert "the pass is not finished: after 2 pages, as asked" in tried.stdout
    assert "No pass has finished yet; the last pass stopped: after 2 pages, as asked; today " in listed.stdout
    assert " of 500 requests" in listed.stdout


@pytest.mark.usefixtures("site")
def test_a_warning_says_which_state_kept_pictures_from_being_compared(installation: Installation) -> None:
    installation.run("crawl", "gallery", "--once")

    (listed,) = installation.lines("site", "list", "--json")

    assert listed["health"] == "warn"
    assert listed["why"] == ["The last finished pass compared no picture: 1 gone, 3 http_error."]
