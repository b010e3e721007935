"""What changes for people reaches pictures that are known already and are not fetched again: in a real house, by its commands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.model import HashName, Hit, State, Sweep
from crawler.crawl import ImageLine, crawl_site
from stillwatch.calibration import FILE
from stillwatch.wiring import utc_now
from tests import houses
from tests.crawler.local_site import Answer, LocalSite, page, serve
from tests.installation import Installation, site_toml
from tests.stillwatch.pictures import drawn, jpeg

pytestmark = pytest.mark.timeout(240)

DAY = timedelta(days=1)
OWN = drawn(0, (640, 480))
COPY = jpeg(OWN, 75)
CUT = jpeg(OWN.crop((24, 12, 640, 480)), 85)  # 56 bits away: more than the shipped 46
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

    def narrow(self, **limits: int) -> None:
        """As an operator writes it by hand; nothing is moved into place, so that only the distance counts."""
        moved = {"registered_probable": -1, "registered_review": -1}
        text = json.dumps({"stillwatch_calibration": 1, "limits": {**moved, **limits}})
        (self.do.home / FILE).write_text(text)

    def quarantine(self) -> str:
        """All hashes of the one picture; returns its ref."""
        with houses.opened(self.do.home) as house:
            _, enrolled = house.enrolled_hashes.enrolments()
            for each in enrolled:
                one = each.fingerprint
                house.collision_book.quarantine(HashName(each.person, each.ref, one.hasher, one.view), utc_now())
        (ref,) = {each.ref for each in enrolled}
        return ref

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


# ------------------------------------------------------------------------------------------- hashes that are let go again


def test_a_hash_that_is_released_finds_what_it_was_silent_about(tmp_path: Path) -> None:
    with watched(tmp_path, {"/copy.jpg": COPY, "/1.jpg": jpeg(drawn(1))}) as scene:
        scene.enrol()
        ref = scene.quarantine()
        lines = scene.crawl()
        before = scene.hits()
        scene.site.asked.clear()

        (released,) = scene.do.lines("person", "quarantine", "--release", "ada", ref, "--json")
        (hit,) = scene.hits()
        (again,) = scene.do.lines("person", "quarantine", "--release", "ada", ref, "--json")

    assert {line.state for line in lines} == {State.CLEAR}
    assert before == []
    swept = released["swept"]
    assert isinstance(swept, dict)
    assert (swept["finds"], swept["hits"], swept["complete"]) == (1, 1, True)
    assert scene.site.asked == ["/copy.jpg"]
    assert (hit.image_url, hit.found_earlier is not None) == (scene.site.url + "/copy.jpg", True)
    assert again == {"person": "ada", "ref": ref, "released": 0, "swept": None}


def test_a_release_says_what_was_swept(tmp_path: Path) -> None:
    with watched(tmp_path, {"/copy.jpg": COPY}) as scene:
        scene.enrol()
        ref = scene.quarantine()
        scene.crawl()

        done = scene.do.run("person", "quarantine", "--release", "ada", ref)

    assert done.stdout.endswith(" hashes released\n")
    assert "What was seen before:" in done.stderr
    assert "1 found, 1 hits" in done.stderr


def test_nothing_is_swept_for_a_person_nobody_knows(tmp_path: Path) -> None:
    do = Installation(tmp_path)
    done = do.run("person", "quarantine", "--release", "nobody", "ref")

    with houses.opened(do.home) as house:
        assert list(house.sweep_board.open(utc_now() - DAY)) == []
    assert done.returncode == 2


# --------------------------------------------------------------------------------------------------- limits that are widened


def test_a_sweep_finds_by_wider_limits_what_a_crawl_passed_by(tmp_path: Path) -> None:
    with watched(tmp_path, {"/cut.jpg": CUT, "/1.jpg": jpeg(drawn(1))}) as scene:
        scene.enrol()
        scene.narrow()
        lines = scene.crawl()
        passed_by = scene.do.lines("sweep", "--json")[-1]
        before = scene.hits()

        scene.narrow(frame_review=60)
        *_, last = scene.do.lines("sweep", "--json")
        (hit,) = scene.hits()

    assert {line.state for line in lines} == {State.CLEAR}
    assert (before, summary(passed_by)["finds"]) == ([], 0)
    assert summary(last)["hits"] == 1
    assert hit.image_url == scene.site.url + "/cut.jpg"


def test_a_sweep_that_was_interrupted_under_other_limits_is_not_taken_up(tmp_path: Path) -> None:
    with watched(tmp_path, {"/cut.jpg": CUT}) as scene:
        scene.enrol()
        scene.narrow()
        scene.crawl()
        with houses.opened(scene.do.home) as house:
            old = Sweep(id="interrupted", created=utc_now())
            house.sweep_board.post(old)
            house.sweep_board.extend(old.id, house.seen_store.segments(), utc_now())
        scene.narrow(frame_review=60)

        done = scene.do.run("sweep", "--json")

    assert done.returncode == 0
    assert "Taking up" not in done.stderr
    assert len(scene.hits()) == 1


def summary(line: dict[str, object]) -> dict[str, object]:
    fields = line["summary"]
    assert isinstance(fields, dict)
    return fields
