"""What changes for people reaches pictures that are known already and are not fetched again: in a real house, by its commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.model import Hit
from crawler.crawl import ImageLine, crawl_site
from stillwatch.wiring import utc_now
from tests import houses
from tests.crawler.local_site import Answer, LocalSite, page, serve
from tests.installation import Installation, site_toml
from tests.stillwatch.pictures import drawn, jpeg

pytestmark = pytest.mark.timeout(240)

DAY = timedelta(days=1)
OWN = drawn(0, (640, 480))
PART = jpeg(OWN.crop((60, 40, 476, 352)), 85)  # too little of it for hashes


@dataclass
class Scene:
    do: Installation
    site: LocalSite

    def crawl(self, at: datetime | None = None) -> list[ImageLine]:
        """A pass at that time."""
        lines: list[ImageLine] = []
        with houses.opened(self.do.home) as house, house.crawl_services(house.site("local")) as services:
            services = services if at is None else replace(services, clock=lambda: at)
            crawl_site(house.site("local"), services, on_image=lines.append, on_progress=lambda _: None)
        return lines

    def enrol(self, *options: str) -> None:
        (self.do.folder / "own.jpg").write_bytes(jpeg(OWN, 92))
        assert self.do.run("hash", "own.jpg", "--output", "set.json", *options).returncode == 0
        self.do.lines("enrol", "set.json", "--attested", "--person", "ada", "--json")

    def hits(self) -> list[Hit]:
        with houses.opened(self.do.home) as house:
            return list(house.hit_log.all())


@contextmanager
def watched(folder: Path, shown: dict[str, bytes]) -> Iterator[Scene]:
    answers = {path: Answer(body, content_type="image/jpeg") for path, body in shown.items()}
    answers["/"] = page(images=tuple(shown))
    do = Installation(folder)
    with serve(answers.get) as site:
        do.watch("local", site_toml("local", site.url + "/", site.url.removeprefix("http://")))
        yield Scene(do, site)


# ---------------------------------------------------------------------------------------------------- corners that come later


def test_corners_that_are_added_later_find_a_part_in_a_known_picture_within_a_week(tmp_path: Path) -> None:
    with watched(tmp_path, {"/part.jpg": PART, "/1.jpg": jpeg(drawn(1))}) as scene:
        scene.enrol()
        scene.crawl()
        scene.enrol("--local")
        before = scene.hits()
        scene.site.asked.clear()

        scene.crawl(utc_now() + 8 * DAY)
        asked = sorted(scene.site.asked)
        (hit,) = scene.hits()
        scene.site.asked.clear()
        scene.crawl(utc_now() + 8 * DAY)

    assert before == []
    assert {"/1.jpg", "/part.jpg"} <= set(asked)
    assert hit.image_url == scene.site.url + "/part.jpg"
    assert not [path for path in scene.site.asked if path.endswith(".jpg")]
