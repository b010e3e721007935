"""A picture that the crawler met before its person was enrolled: found by looking back, and a hit only if it is there now."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests import houses
from tests.contracts.waiting import until
from tests.crawler.local_site import Answer, LocalSite, page, serve
from tests.installation import Installation, site_toml
from tests.stillwatch.pictures import drawn, folder_of, jpeg

pytestmark = pytest.mark.timeout(180)

COPY = "/copy.jpg"


def picture(seed: int) -> Answer:
    return Answer(jpeg(drawn(seed), quality=75), content_type="image/jpeg")


# Of the person's one picture, a copy, and pictures of strangers.
GALLERY = {
    "/": page("/album", images=("/1.jpg", "/2.jpg")),
    "/album": page("/", images=(COPY, "/3.jpg")),
    COPY: picture(0),
    **{f"/{seed}.jpg": picture(seed) for seed in (1, 2, 3)},
}


@dataclass
class Scene:
    do: Installation
    site: LocalSite
    summary: dict[str, object]

    def enrol(self) -> dict[str, object]:
        (line,) = self.do.lines("enrol", "set.json", "--attested", "--person", "p1", "--json")
        swept = line["swept"]
        assert isinstance(swept, dict)
        return swept

    def hits(self) -> list[dict[str, object]]:
        return self.do.lines("hit", "list", "--json")

    def sweep(self) -> tuple[list[dict[str, object]], dict[str, object]]:
        *looks, last = self.do.lines("sweep", "--json")
        summary = last["summary"]
        assert isinstance(summary, dict)
        return looks, summary


@contextmanager
def watched(folder: Path) -> Iterator[Scene]:
    """Crawled once, with nobody enrolled; what it was asked for is forgotten."""
    do = Installation(folder)
    do.run("hash", folder_of(folder / "pictures", range(1)), "--output", "set.json")
    with serve(GALLERY.get) as site:
        do.watch("local", site_toml("local", site.url + "/", site.url.removeprefix("http://")))
        summary = do.lines("crawl", "local", "--once", "--json")[-1]
        site.asked.clear()
        yield Scene(do, site, summary)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with watched(tmp_path) as one:
        yield one


def test_what_was_seen_before_the_enrolment_is_a_hit_without_another_crawl(scene: Scene) -> None:
    assert json.loads(json.dumps(scene.summary))["summary"]["hits"] == 0

    swept = scene.enrol()
    (hit,) = scene.hits()

    assert (swept["finds"], swept["looked_at"], swept["hits"], swept["waiting"]) == (1, 1, 1, 0)
    assert swept["complete"] is True
    assert int(str(swept["fingerprints"])) >= 4
    assert scene.site.asked == [COPY]
    assert (hit["image_url"], hit["page_url"]) == (scene.site.url + COPY, scene.site.url + "/album")
    assert hit["person"] == "p1"
    scene.do.run("worker", "desk", "--once")
    (alert,) = scene.do.lines("alert", "list", "--json")
    assert (alert["person"], alert["hits"]) == ("p1", [hit["id"]])
    earlier, first = (datetime.fromisoformat(str(hit[name])) for name in ("found_earlier", "first_seen"))
    assert earlier < first
    scene.site.asked.clear()
    looks, summary = scene.sweep()
    assert (looks, summary["finds"], summary["complete"]) == ([], 0, True)
    assert scene.site.asked == []


def test_a_hit_of_an_ordinary_crawl_was_not_found_earlier(scene: Scene) -> None:
    scene.site.answers = lambda path: None if path == COPY else GALLERY.get(path)
    scene.enrol()
    scene.site.answers = GALLERY.get

    scene.do.lines("crawl", "local", "--once", "--json")

    (hit,) = scene.hits()
    assert hit["found_earlier"] is None


def test_what_could_not_be_looked_at_waits_and_is_a_hit_when_it_can_be(scene: Scene) -> None:
    scene.site.answers = lambda path: Answer(status=500) if path == COPY else GALLERY.get(path)
    swept = scene.enrol()
    before = scene.hits()
    scene.site.answers = GALLERY.get

    (look,), summary = scene.sweep()

    assert (swept["looked_at"], swept["waiting"], swept["hits"]) == (0, 1, 0)
    assert before == []
    assert look["state"] == "hit"
    assert (summary["hits"], summary["waiting"]) == (1, 0)
    (hit,) = scene.hits()
    assert hit["id"] == look["hit"]
    assert hit["found_earlier"] is not None


def test_the_crawl_worker_looks_at_what_waits(scene: Scene) -> None:
    scene.do.run("site", "pause", "local")
    scene.enrol()
    scene.do.run("site", "resume", "local")
    with houses.opened(scene.do.home) as house:
        house.sweep_finds.hasten()
    worker = scene.do.start("worker", "crawl")
    try:
        until(lambda: len(scene.hits()) == 1, within_s=120)
    finally:
        worker.terminate()
        worker.wait(60)

    assert scene.hits()[0]["found_earlier"] is not None


def test_a_revoked_site_is_asked_for_nothing_ever(scene: Scene) -> None:
    scene.do.run("site", "pause", "local")
    scene.enrol()

    scene.do.run("site", "revoke", "local")
    looks, summary = scene.sweep()

    assert looks == []
    assert (summary["finds"], summary["fingerprints"]) == (0, 0)
    assert scene.site.asked == []


def test_of_who_withdraws_in_between_nothing_is_found(scene: Scene) -> None:
    scene.site.answers = lambda path: Answer(status=500) if path == COPY else GALLERY.get(path)
    scene.enrol()
    scene.do.run("withdraw", "p1")
    scene.site.answers = GALLERY.get
    scene.site.asked.clear()

    looks, summary = scene.sweep()

    assert looks == []
    assert (summary["finds"], summary["hits"]) == (0, 0)
    assert scene.site.asked == []
    assert scene.hits() == []


def test_a_day_that_is_none_is_refused_with_the_cure(scene: Scene) -> None:
    done = scene.do.run("sweep", "--since", "yesterday")

    assert done.returncode == 2
    assert "2026-11-24" in done.stderr


def test_without_json_one_line_says_what_came_of_it(scene: Scene) -> None:
    done = scene.do.run("enrol", "set.json", "--attested", "--person", "p1")

    assert done.returncode == 0
    assert "1 found, 1 hits" in done.stderr
    assert "receipt" in done.stdout
