"""What a crawl compared is kept for later enrolments, before its URL is settled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.model import Examination, SeenPicture, State
from crawler.crawl import crawl_site
from crawler.recheck import RecheckTarget, look_again
from stores.memory import MemorySeen
from stores.seen import LocalShelf, SeenSegments, SeenWriter
from tests.contracts.seen_values import everything
from tests.crawler.local_site import PNG, Answer, page, picture, serve
from tests.crawler.planted import Crawl, PlantedExaminer, sha256


def gallery(path: str) -> Answer | None:
    if path == "/":
        return page("/album", images=("/1.png", "/2.png", "/gone.png"))
    if path == "/album":
        return page(images=("/2.png", "/3.png"))
    return picture(path) if path in ("/1.png", "/2.png", "/3.png") else None


class FullDisk:
    """A log that takes so many pictures. Implements core.ports.SeenLog."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.kept: list[SeenPicture] = []

    def add(self, pictures: Sequence[SeenPicture]) -> None:
        if self.room < len(pictures):
            raise StoreUnavailable("the folder is full; make room")
        self.room -= len(pictures)
        self.kept += pictures


def test_each_picture_compared_is_kept_with_its_place_and_time(tmp_path: Path) -> None:
    logs, shelf = tmp_path / "logs", LocalShelf(tmp_path / "seen")
    with serve(gallery) as site, SeenWriter(logs, shelf, layouts={}) as log:
        crawl = Crawl(tmp_path, [picture("/2.png").body_bytes()], seen=log)
        crawl.now = datetime(2026, 11, 24, 12, tzinfo=UTC)
        summary = crawl.run(site.watched())

    found = {place.sighting.image_url: place for place in everything(SeenSegments(logs, shelf, layouts={}))}
    assert summary["images"] == {"clear": 2, "gone": 1, "hit": 1}
    assert set(found) == {site.url + path for path in ("/1.png", "/2.png", "/3.png")}
    one = found[site.url + "/3.png"]
    assert one.sha256 == sha256(picture("/3.png").body_bytes())
    assert one.fingerprint.bits == one.sha256  # as the planted examiner hashes
    assert one.sighting.page_url == site.url + "/album"
    assert one.sighting.seen_at == crawl.now
    assert one.sighting.site == "local"
    assert not any(PNG in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_second_pass_keeps_only_what_is_new(tmp_path: Path) -> None:
    changed = {"/1.png": Answer(PNG + b"another" * 9, content_type="image/png")}
    seen = MemorySeen(refresh=timedelta(days=7))
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, seen=seen)
        crawl.run(site.watched())
        before = len(everything(seen))
        site.answers = lambda path: changed.get(path) or gallery(path)
        crawl.run(site.watched())

    assert (before, len(everything(seen))) == (3, 4)


def test_a_picture_that_could_not_be_kept_is_not_settled_and_the_crawl_says_why(tmp_path: Path) -> None:
    full = FullDisk(room=1)
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, [picture("/2.png").body_bytes()], seen=full)
        with pytest.raises(StoreUnavailable, match="make room"):
            crawl.run(site.watched())
        full.room = 100
        summary = crawl.run(site.watched())

    assert summary["resumed"] is True
    assert summary["images"] == {"clear": 2, "gone": 1, "hit": 1}
    assert {each.sighting.image_url for each in full.kept} == {
        site.url + path for path in ("/1.png", "/2.png", "/3.png")
    }


def test_a_hit_is_told_even_where_it_cannot_be_kept(tmp_path: Path) -> None:
    everywhere = [picture(path).body_bytes() for path in ("/1.png", "/2.png", "/3.png")]
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, everywhere, seen=FullDisk(room=0))
        with pytest.raises(StoreUnavailable):
            crawl.run(site.watched())

    assert list(crawl.store.hit_log.all())


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    seen = MemorySeen()
    with serve(gallery) as site:
        Crawl(tmp_path, seen=seen).run(site.watched("/", "/1.png"), dry_run=True)

    assert list(seen.segments()) == []


def test_looking_again_keeps_nothing(tmp_path: Path) -> None:
    seen = MemorySeen()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, [picture("/2.png").body_bytes()])
        crawl.run(site.watched())
        (hit,) = crawl.store.hit_log.all()
        crawl.seen = seen
        (look,) = look_again(site.watched(), [RecheckTarget(hit=hit)], crawl.services())

    assert look.image is State.HIT
    assert list(seen.segments()) == []


class EnrolsWhile(MemorySeen):
    """Somebody enrols, and what was kept by then is looked through, just before a picture is kept."""

    def __init__(self, examiner: "Versioned", picture: str) -> None:
        super().__init__()
        self._examiner = examiner
        self._picture = picture

    def add(self, pictures: Sequence[SeenPicture]) -> None:
        if any(each.sighting.image_url.endswith(self._picture) for each in pictures):
            self._examiner.enrolled = 2
        super().add(pictures)


class Versioned:
    """Knows the planted pictures from version 2 on, and hears of it a little later. Implements core.ports.Examiner."""

    def __init__(self, planted: Sequence[bytes], already: Sequence[bytes] = ()) -> None:
        self._before, self._after = PlantedExaminer(already), PlantedExaminer([*planted, *already])
        self.enrolled = 1
        self._asked = 0

    def examine(self, image_bytes: bytes) -> Examination:
        self._asked += self.enrolled == 2
        if self._asked < 2:
            return replace(self._before.examine(image_bytes), version=1)
        return replace(self._after.examine(image_bytes), version=2)


@pytest.mark.parametrize("already", [(), ("/2.png",)], ids=["in nobody's", "in somebody's"])
def test_who_enrols_between_comparing_and_keeping_is_found_all_the_same(tmp_path: Path, already: Sequence[str]) -> None:
    body = picture("/2.png").body_bytes()
    examiner = Versioned([body], [picture(path).body_bytes() for path in already])
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, seen=EnrolsWhile(examiner, "/2.png"))
        services = replace(crawl.services(), examiner=examiner, hash_version=lambda: examiner.enrolled)
        summary = crawl_site(site.watched(), services, on_image=lambda _: None, on_progress=lambda _: None)

    assert [hit.image_url for hit in crawl.store.hit_log.all()] == [site.url + "/2.png"]
    assert summary["images"] == {"clear": 2, "gone": 1, "hit": 1}
    assert examiner._asked >= 2
