"""A site that nothing here was written for: each planted copy is found, and each address accounted for."""

import json
from collections import Counter
from pathlib import Path

import pytest

from core.model import State
from tests.journeys.folders import installation, pictures_in
from tests.journeys.foreign_site import IMAGES, Market

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Market, list[dict[str, object]], Path]:
    folder = tmp_path_factory.mktemp("foreign")
    with Market().serve() as market:
        do = installation(folder, "market", market.toml(), {})
        return market, do.run("crawl", "market", "--once", "--json"), folder


def test_every_planted_copy_is_found_and_nothing_else_is(
    crawled: tuple[Market, list[dict[str, object]], Path],
) -> None:
    market, lines, _ = crawled
    found = {line["image_url"] for line in lines if line.get("hit")}

    planted = {url: image.planted for url, image in market.urls().items() if image.planted}
    missed = {url: what for url, what in planted.items() if url not in found}

    assert len(planted) > 70
    assert missed == {}
    assert found <= planted.keys()


def test_every_image_ends_in_the_state_that_is_true_of_it(
    crawled: tuple[Market, list[dict[str, object]], Path],
) -> None:
    market, lines, _ = crawled
    ended = {line["image_url"]: line["state"] for line in lines if "image_url" in line}

    wrong = {
        (url, image.state): ended.get(url)
        for url, image in market.urls().items()
        if ended.get(url) != image.state.value
    }

    assert len(market.urls()) == IMAGES
    assert wrong == {}


def test_the_summary_accounts_for_every_address_once(
    crawled: tuple[Market, list[dict[str, object]], Path],
) -> None:
    _, lines, _ = crawled
    images = [line for line in lines if "image_url" in line]
    summary = json.loads(json.dumps(lines[-1]["summary"]))

    assert len({line["image_url"] for line in images}) == len(images)
    assert summary["images"] == Counter(line["state"] for line in images)
    assert summary["pages"][State.READ] == 100
    assert summary["urls"] == sum(summary["images"].values()) + sum(summary["pages"].values())
    assert State.PENDING not in {**summary["images"], **summary["pages"]}


def test_no_picture_touched_the_disk(crawled: tuple[Market, list[dict[str, object]], Path]) -> None:
    assert pictures_in(crawled[2]) == []
