"""Sweeps in a real house: real stores, a real site, real pictures; what was seen is written down as a crawl would."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

import stores.sql
from core.errors import StoreUnavailable
from core.model import (
    FindState,
    Fingerprint,
    HashedPicture,
    Hit,
    ImageSighting,
    PersonId,
    SeenPicture,
    Standing,
    Sweep,
    SweepProgress,
)
from matcher.examine import fingerprints
from stillwatch.commands.sweeping import sweep
from stillwatch.sweeping import Comparing, Count, Looked, Work, help_out, refresh, waits
from stillwatch.wiring import House, utc_now
from tests import houses
from tests.crawler.local_site import Answer, LocalSite, serve
from tests.installation import site_toml
from tests.stillwatch.pictures import drawn, jpeg

pytestmark = pytest.mark.timeout(240)

ADA, EVE = PersonId("ada"), PersonId("eve")
DAY = timedelta(days=1)


@cache
def copy_of(seed: int) -> bytes:
    return jpeg(drawn(seed), quality=75)


@cache
def hashes_of(seed: int) -> tuple[Fingerprint, ...]:
    return tuple(fingerprints(copy_of(seed)))


def there(*seeds: int) -> Callable[[str], Answer | None]:
    """A site with these pictures and nothing else."""
    answers = {f"/{seed}.jpg": Answer(copy_of(seed), content_type="image/jpeg") for seed in seeds}
    return answers.get


@dataclass
class Scene:
    house: House
    site: LocalSite
    looked: list[Looked] = field(default_factory=list)

    def url(self, seed: int) -> str:
        return f"{self.site.url}/{seed}.jpg"

    def saw(self, *seeds: int, at: datetime | None = None, page: str = "/", sha256: str | None = None) -> None:
        """As a crawl of the site writes it down; a segment a call."""
        at = at or utc_now() - DAY
        with self.house.seen_log() as log:
            log.add(
                [
                    SeenPicture(
                        sighting=ImageSighting(
                            site="local", page_url=self.site.url + page, image_url=self.url(seed), seen_at=at
                        ),
                        sha256=sha256 or f"{seed:064x}",
                        fingerprints=hashes_of(seed),
                    )
                    for seed in seeds
                ]
            )

    def enrols(self, person: PersonId, *seeds: int, name: str = "sweep-1", at: datetime | None = None) -> str:
        """Returns the sweep of the enrolment; nobody has worked on it yet."""
        at = at or utc_now()
        pictures = [HashedPicture(ref=f"ref-{seed}", quality=90, fingerprints=hashes_of(seed)) for seed in seeds]
        sweep = Sweep(id=name, created=at, person=person, refs=tuple(each.ref for each in pictures))
        self.house.sweep_board.post(sweep)
        self.house.people.enrol(person, "test", pictures, at)
        self.house.sweep_board.extend(name, self.house.seen_store.segments(), at)
        return name

    def swept(self, sweep: str, **changes: float) -> Count:
        self.looked.clear()
        return Work(self.house, sweep, on_look=self.looked.append, **changes).run()  # type: ignore[arg-type]  # lease_s

    def hits(self) -> list[Hit]:
        return list(self.house.hit_log.all())


@contextmanager
def scenery(folder: Path, answers: Callable[[str], Answer | None]) -> Iterator[Scene]:
    sites = folder / "config" / "sites"
    sites.mkdir(parents=True)
    with serve(answers) as site, houses.opened(folder / "home") as house:
        sites.joinpath("local.toml").write_text(site_toml("local", site.url + "/", site.url.removeprefix("http://")))
        yield Scene(house, site)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scenery(tmp_path, there(1, 2, 3)) as one:
        yield one


# ---------------------------------------------------------------------------------------------------------------- finding


def test_a_picture_that_was_seen_and_is_there_is_a_hit_found_earlier(scene: Scene) -> None:
    seen_at = utc_now() - DAY
    scene.saw(1, 2, 3, at=seen_at, page="/album")

    count = scene.swept(scene.enrols(ADA, 1))

    (hit,) = scene.hits()
    assert (hit.person, hit.image_url, hit.page_url) == (ADA, scene.url(1), scene.site.url + "/album")
    assert hit.found_earlier == seen_at
    assert hit.first_seen > seen_at
    assert count.fields() == {
        "fingerprints": 3 * len(hashes_of(1)),
        "segments": 1,
        "finds": 1,
        "looked_at": 1,
        "hits": 1,
        "gone": 0,
        "changed": 0,
        "waiting": 0,
        "complete": True,
    }


def test_many_finds_of_one_url_are_one_fetch(scene: Scene) -> None:
    for sha256 in "abc":
        scene.saw(1, sha256=sha256 * 64)
    scene.enrols(ADA, 1)
    scene.enrols(EVE, 1, name="sweep-2")

    help_out(scene.house)

    assert scene.site.asked == ["/1.jpg"]
    assert sorted(hit.person for hit in scene.hits()) == [ADA, EVE]


def test_of_several_sightings_the_earliest_says_since_when_and_all_pages_are_told(scene: Scene) -> None:
    early, late = utc_now() - 3 * DAY, utc_now() - DAY
    scene.saw(1, at=late, page="/late", sha256="a" * 64)
    scene.saw(1, at=early, page="/early", sha256="b" * 64)

    scene.swept(scene.enrols(ADA, 1))

    (hit,) = scene.hits()
    assert hit.found_earlier == early
    assert hit.pages == (scene.site.url + "/late", scene.site.url + "/early")


def test_only_the_new_pictures_of_an_enrolment_are_looked_for(scene: Scene) -> None:
    scene.saw(1, 2)
    scene.enrols(ADA, 1)

    count = scene.swept(scene.enrols(ADA, 2, name="sweep-2"))

    assert [looked.find.sighting.image_url for looked in scene.looked] == [scene.url(2)]
    assert count.fields()["finds"] == 1


def test_what_is_a_hit_already_is_no_find(scene: Scene) -> None:
    scene.saw(1)
    scene.swept(scene.enrols(ADA, 1))
    (hit,) = scene.hits()
    scene.saw(1, sha256=hit.sha256)
    scene.house.sweep_board.post(Sweep(id="everybody", created=utc_now()))
    scene.house.sweep_board.extend("everybody", scene.house.seen_store.segments(), utc_now())
    scene.site.asked.clear()

    scene.swept("everybody")

    assert scene.site.asked == []
    assert scene.hits() == [hit]


# -------------------------------------------------------------------------------------------------------------- the look


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (None, FindState.GONE),
        (Answer(status=410), FindState.GONE),
        (Answer(copy_of(2), content_type="image/jpeg"), FindState.CHANGED),
        (Answer(status=500), FindState.WAITING),
        (Answer(status=403), FindState.WAITING),
        (Answer(status=429, headers={"Retry-After": "120"}), FindState.WAITING),
        (Answer("a wall", content_type="text/html"), FindState.WAITING),
        (Answer(copy_of(1)[:2000], content_type="image/jpeg"), FindState.WAITING),
    ],
    ids=["404", "410", "another picture", "500", "403", "429", "a page", "half of it"],
)
def test_a_find_is_no_hit_unless_the_picture_is_there_now(scene: Scene, now: Answer | None, state: FindState) -> None:
    scene.saw(1)
    scene.site.answers = lambda _: now

    scene.swept(scene.enrols(ADA, 1))

    assert [looked.state for looked in scene.looked] == [state]
    assert scene.hits() == []
    assert scene.house.sweep_finds.waiting()[0] == (state is FindState.WAITING)


def test_what_waits_is_a_hit_as_soon_as_it_can_be_looked_at(scene: Scene) -> None:
    scene.saw(1)
    scene.site.answers = lambda _: Answer(status=500)
    scene.swept(scene.enrols(ADA, 1))
    scene.site.answers = there(1)
    not_yet = waits(scene.house)
    scene.house.sweep_finds.hasten()

    assert not not_yet
    assert waits(scene.house)
    assert help_out(scene.house) == 1
    assert [hit.image_url for hit in scene.hits()] == [scene.url(1)]


def test_robots_txt_that_cannot_be_read_is_no_yes(scene: Scene) -> None:
    scene.saw(1)
    scene.site.robots = Answer(status=503)

    scene.swept(scene.enrols(ADA, 1))

    assert [(looked.state, looked.reason) for looked in scene.looked] == [(FindState.WAITING, "robots_unread")]
    assert scene.site.asked == []


def test_robots_txt_is_obeyed(scene: Scene) -> None:
    scene.saw(1)
    scene.site.robots = Answer("User-agent: *\nDisallow: /1.jpg\n", content_type="text/plain")

    scene.swept(scene.enrols(ADA, 1))

    assert [looked.reason for looked in scene.looked] == ["robots"]
    assert scene.site.asked == []


def test_a_paused_site_is_asked_for_nothing(scene: Scene) -> None:
    scene.saw(1)
    scene.house.site_book.set_standing("local", Standing.PAUSED, "test", utc_now())

    scene.swept(scene.enrols(ADA, 1))

    assert "paused" in scene.looked[0].reason
    assert (scene.site.asked, scene.site.robots_asked) == ([], 0)


def test_a_site_that_is_not_configured_any_more_is_asked_for_nothing(scene: Scene) -> None:
    scene.saw(1)
    (scene.house.settings.config / "sites" / "local.toml").unlink()

    scene.swept(scene.enrols(ADA, 1))

    assert [looked.state for looked in scene.looked] == [FindState.WAITING]
    assert scene.site.asked == []


def test_a_silent_site_is_not_asked_for_each_of_many_finds(tmp_path: Path) -> None:
    with scenery(tmp_path, there()) as scene:
        scene.site.robots = Answer(status=404)
        scene.saw(*range(1, 4), page="/a")
        for number in range(20):
            scene.saw(1, sha256=f"{number:064x}")
        with scene.house.seen_log() as log:
            log.add(
                [
                    SeenPicture(
                        sighting=ImageSighting(
                            site="local",
                            page_url=scene.site.url,
                            image_url=f"{scene.site.url}/many/{number}.jpg",
                            seen_at=utc_now() - DAY,
                        ),
                        sha256="f" * 64,
                        fingerprints=hashes_of(1),
                    )
                    for number in range(40)
                ]
            )
    # The site is down from here on.
    with houses.opened(tmp_path / "home") as house:
        down = Scene(house, scene.site)
        count = down.swept(down.enrols(ADA, 1))

    assert count.fields()["finds"] == count.fields()["waiting"]
    assert count.fields()["hits"] == 0
    assert {looked.state for looked in down.looked} == {FindState.WAITING}


# ------------------------------------------------------------------------------------------------------------ withdrawal


def test_of_who_withdrew_between_the_find_and_the_look_nothing_is_asked(scene: Scene) -> None:
    scene.saw(1)
    sweep = scene.enrols(ADA, 1)
    Comparing(scene.house).one(sweep)
    waiting = scene.house.sweep_finds.waiting()
    scene.house.people.withdraw(ADA, utc_now())

    scene.swept(sweep)

    assert waiting == (1, 1)
    assert scene.house.sweep_finds.waiting() == (0, 0)
    assert scene.site.asked == []
    assert scene.hits() == []


def test_of_who_withdraws_during_the_look_no_hit_is_taken(scene: Scene) -> None:
    scene.saw(1)
    sweep = scene.enrols(ADA, 1)

    def withdraw() -> None:
        with stores.sql.released():
            scene.house.people.withdraw(ADA, utc_now())

    def withdraws(path: str) -> Answer | None:
        with ThreadPoolExecutor(1) as thread:  # not in the site's event loop
            thread.submit(withdraw).result()
        return there(1)(path)

    scene.site.answers = withdraws
    scene.swept(sweep)

    assert scene.site.asked == ["/1.jpg"]
    assert scene.hits() == []
    assert scene.house.sweep_finds.waiting() == (0, 0)


def test_a_revoked_sites_finds_are_gone(scene: Scene) -> None:
    scene.saw(1)
    sweep = scene.enrols(ADA, 1)
    Comparing(scene.house).one(sweep)
    scene.house.site_book.set_standing("local", Standing.REVOKED, "test", utc_now())

    scene.swept(sweep)

    assert scene.site.asked == []
    assert scene.house.sweep_finds.waiting() == (0, 0)


# ----------------------------------------------------------------------------------------------------- many, and the dead

WORKER = """
import sys, time
from stillwatch import sweeping
from stillwatch.wiring import House

real = sweeping.Comparing._looked_for

def slow(self, sweep):
    print("compares", flush=True)
    time.sleep(600)
    return real(self, sweep)

sweeping.Comparing._looked_for = slow
sweeping.Comparing(House.open(), lease_s=2.0).one()
"""


def test_a_killed_workers_segment_is_swept_again_and_its_hit_is_there_once(scene: Scene) -> None:
    scene.saw(1, 2)
    sweep = scene.enrols(ADA, 1)
    environ = houses.environ(scene.house.settings.home) | {"PATH": "/usr/bin:/bin"}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environ, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "compares\n"
    held = scene.house.sweep_board.progress(sweep)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()

    count = scene.swept(sweep)

    assert (held.left, held.under_way) == (1, 1)
    assert count.complete
    assert [hit.image_url for hit in scene.hits()] == [scene.url(1)]


def test_two_workers_share_a_sweep_and_nothing_is_done_twice(scene: Scene) -> None:
    for number in range(8):
        scene.saw(1, sha256=f"{number:064x}")
    sweep = scene.enrols(ADA, 1)

    def works(_: int) -> int:
        with stores.sql.released():
            house = House.open(houses.environ(scene.house.settings.home))
            comparing, tasks = Comparing(house), 0
            while comparing.one(sweep):
                tasks += 1
            return tasks

    with ThreadPoolExecutor(2) as threads:
        tasks = sum(threads.map(works, range(2)))
    count = scene.swept(sweep)

    segments = len(scene.house.seen_store.segments())
    assert tasks == segments == count.progress.segments
    assert count.progress.left == 0
    assert scene.site.asked == ["/1.jpg"]
    assert len(scene.hits()) == 1


def test_a_segment_that_cannot_be_read_is_said_to_be_left_and_is_swept_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.saw(1)
    sweep = scene.enrols(ADA, 1)
    real = scene.house.seen_store

    class Away:
        def segments(self, since: datetime | None = None) -> object:
            return real.segments(since)

        def blocks(self, segment: str) -> object:
            raise StoreUnavailable(f"segment {segment} does not answer; check the store behind seen_url")

    monkeypatch.setitem(vars(scene.house), "seen_store", Away())
    count = scene.swept(sweep)
    monkeypatch.setitem(vars(scene.house), "seen_store", real)

    assert (count.complete, count.progress.left, count.fields()["fingerprints"]) == (False, 1, 0)
    assert "not everything" not in count.words()
    assert scene.hits() == []


def test_what_a_crawl_wrote_down_just_after_the_enrolment_is_swept_too(scene: Scene) -> None:
    """It was examined before the crawl had heard of the new hashes."""
    enrolled = utc_now() - timedelta(minutes=10)
    scene.saw(2, at=enrolled - DAY)
    sweep = scene.enrols(ADA, 1, at=enrolled)
    before = scene.swept(sweep)
    scene.saw(1, at=enrolled + timedelta(seconds=1))

    refresh(scene.house, utc_now())
    help_out(scene.house)

    assert before.fields()["finds"] == 0
    assert [hit.image_url for hit in scene.hits()] == [scene.url(1)]


def test_an_enrolment_that_was_killed_before_its_sweep_began_is_swept_by_a_worker(scene: Scene) -> None:
    scene.saw(1)
    enrolled = utc_now() - timedelta(minutes=10)
    scene.house.sweep_board.post(Sweep(id="sweep-1", created=enrolled, person=ADA))
    picture = HashedPicture(ref="ref-1", quality=90, fingerprints=hashes_of(1))
    scene.house.people.enrol(ADA, "test", [picture], enrolled)

    refresh(scene.house, utc_now())
    help_out(scene.house)

    assert len(scene.hits()) == 1


def test_a_sweep_that_was_just_posted_is_left_to_its_enrolment(scene: Scene) -> None:
    scene.saw(1)
    scene.house.sweep_board.post(Sweep(id="sweep-1", created=utc_now(), person=ADA))

    refresh(scene.house, utc_now())

    assert scene.house.sweep_board.progress("sweep-1") == SweepProgress(segments=0, left=0, fingerprints=0, finds={})


def test_an_enrolment_waits_for_its_sweep_only_so_long(scene: Scene) -> None:
    scene.saw(1)
    sweep = scene.enrols(ADA, 1)

    count = Work(scene.house, sweep).run(until=time.monotonic())

    assert count.complete is False
    assert scene.hits() == []
    assert waits(scene.house)


# ------------------------------------------------------------------------------------------------------------ the command


@pytest.fixture
def command(scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """`stillwatch sweep`, in this process; returns what it said on standard error."""
    for name, value in houses.environ(scene.house.settings.home).items():
        monkeypatch.setenv(name, value)

    def run() -> str:
        capsys.readouterr()
        sweep(since=None, json=True)
        return capsys.readouterr().err

    return run


def test_a_sweep_that_was_interrupted_is_taken_up_and_a_finished_one_is_not(
    scene: Scene, command: Callable[[], str]
) -> None:
    scene.saw(1)
    scene.saw(2)
    scene.enrols(ADA, 1, name="of the enrolment")
    scene.house.sweep_board.post(Sweep(id="interrupted", created=utc_now()))
    scene.house.sweep_board.extend("interrupted", scene.house.seen_store.segments(), utc_now())

    first, second = command(), command()

    everybody = [each.id for each in scene.house.sweep_board.open(utc_now() - DAY) if each.person is None]
    assert "Taking up" in first
    assert "Taking up" not in second
    assert everybody[0] == "interrupted"
    assert len(everybody) == 2
    assert scene.house.sweep_board.progress("of the enrolment").left == 0
    assert len(scene.hits()) == 1


def test_with_nobody_enrolled_nothing_is_called_compared(scene: Scene, command: Callable[[], str]) -> None:
    scene.saw(1)

    assert "Nobody is enrolled" in command()

    assert list(scene.house.sweep_board.open(utc_now() - DAY)) == []
