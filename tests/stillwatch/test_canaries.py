"""A canary is found whatever the site made of its file, by every pass, and is nobody."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from alerts.watching import CanaryState
from core.model import Canary, Examination, Fingerprint, HashedPicture, PersonId, State, Topic, TroubleKind, WatchedSite
from crawler.crawl import crawl_site
from matcher.decode.decoder import Decoder
from stillwatch.canaries import CanaryExaminer, canary_for, drawn
from stillwatch.watchfulness import look_at, note_troubles
from stillwatch.wiring import House
from tests import houses
from tests.crawler.local_site import Answer, LocalSite, page, serve
from tests.installation import Installation, site_toml
from tests.stillwatch import pictures


def drawn_picture(seed: int) -> bytes:
    return pictures.jpeg(pictures.drawn(seed))


NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


class Reading:
    """Implements core.ports.Examiner: decodes and hashes, and knows nobody."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def examine(self, image_bytes: bytes) -> Examination:
        prints = tuple(self._decoder.read(image_bytes, turns=False).fingerprints)
        return Examination(sha256="0" * 64, state=State.NOT_COMPARED, fingerprints=prints)


def saved(picture: bytes, change: Callable[[Image.Image], Image.Image], form: str, **how: int) -> bytes:
    with Image.open(BytesIO(picture)) as opened:
        written = BytesIO()
        change(opened.convert("RGB")).save(written, form, **how)
    return written.getvalue()


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda picture: picture,
    "a small JPEG": lambda picture: saved(picture, lambda each: each.resize((200, 150)), "JPEG", quality=40),
    "a WebP": lambda picture: saved(picture, lambda each: each.resize((1280, 960)), "WEBP", quality=60),
    "grey": lambda picture: saved(picture, lambda each: each.convert("L").convert("RGB"), "JPEG", quality=70),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_canary_is_found_whatever_the_site_made_of_its_file(decoder: Decoder, change: str) -> None:
    picture = drawn()
    examiner = CanaryExaminer(Reading(decoder), canary_for("here", picture, decoder, NOW), lambda: NOW)

    examination = examiner.examine(CHANGES[change](picture))

    assert examiner.found() == NOW
    assert examination.findings == ()


def test_no_other_picture_is_taken_for_it_and_no_two_canaries_are_alike(decoder: Decoder) -> None:
    examiner = CanaryExaminer(Reading(decoder), canary_for("here", drawn(), decoder, NOW), lambda: NOW)

    for other in [drawn_picture(seed) for seed in range(5)] + [drawn() for _ in range(5)] + [b"no picture"]:
        examiner.examine(other)

    assert examiner.found() is None


# ------------------------------------------------------------------------------------------------------- a whole house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with houses.opened(tmp_path / "home", STILLWATCH_CHANNELS="json://127.0.0.1:9/desk") as house:
        yield house


def plant(house: House, picture: bytes, site: str = "local") -> Canary:
    with house.decoder() as decoder:
        canary = canary_for(site, picture, decoder, datetime.now(UTC))
    house.canary_book.plant(canary)
    return canary


def gallery(shown: dict[str, bytes]) -> Callable[[str], Answer | None]:
    def answer(path: str) -> Answer | None:
        if path == "/":
            return page("/canary", images=("/one.png",))
        if path == "/canary":
            return page(images=("/canary.png",))
        return Answer(shown[path], content_type="image/png") if path in shown else None

    return answer


def crawled(house: House, site: WatchedSite) -> None:
    with house.crawl_services(site) as services:
        crawl_site(site, services, on_image=lambda _: None, on_progress=lambda _: None)


def watched(house: House, site: LocalSite) -> WatchedSite:
    """By a file of its own, which others read as well."""
    text = site_toml("local", f"{site.url}/", site.url.removeprefix("http://"))
    folder = house.settings.config / "sites"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "local.toml").write_text(f'{text}\n[canary]\npage = "{site.url}/canary"\n')
    return house.site("local")


def test_each_pass_says_whether_it_found_the_canary_and_nobody_is_found_in_it(house: House) -> None:
    canary = drawn()
    shown = {"/one.png": drawn_picture(1), "/canary.png": canary}
    plant(house, canary)
    with serve(gallery(shown)) as site:
        crawled(house, watched(house, site))
        found = look_at(house, watched(house, site), datetime.now(UTC))
        del shown["/canary.png"]
        crawled(house, watched(house, site))
        gone = look_at(house, watched(house, site), datetime.now(UTC))

        assert found.canary_state is CanaryState.FOUND
        assert gone.canary_state is CanaryState.OVERDUE
        assert [each.canary is not None for each in gone.passes] == [False, True]
    assert list(house.hit_log.all()) == []
    assert house.case_book.alerts() == []
    assert house.enrolled_hashes.count() == 0


def test_what_is_known_from_earlier_passes_is_no_reason_not_to_look_for_the_canary(house: House) -> None:
    somebody = Fingerprint(hasher="pdq", view="full", bits="5a" * 32, quality=100)
    picture = HashedPicture(ref="one", quality=100, fingerprints=(somebody,))
    house.people.enrol(
        PersonId("somebody"), "views", [picture], datetime.now(UTC)
    )  # else nothing is compared, nor known
    canary = drawn()
    shown = {"/one.png": drawn_picture(1), "/canary.png": canary}
    plant(house, canary)
    with serve(gallery(shown)) as site:
        for _ in range(4):
            crawled(house, watched(house, site))

        assert site.asked.count("/canary.png") == 4
        assert site.asked.count("/one.png") < 4  # is known, and not due
    assert all(each.canary is not None for each in house.site_book.passes("local"))


def test_a_missed_canary_is_told_once_and_its_return_ends_it(house: House) -> None:
    canary = drawn()
    shown = {"/one.png": drawn_picture(1)}
    plant(house, canary)
    with serve(gallery(shown)) as site:
        crawled(house, watched(house, site))
        note_troubles(house, datetime.now(UTC))
        assert house.trouble_book.open() == []

        tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
        for minute in range(3):
            note_troubles(house, tomorrow + minute * MINUTES)
        (trouble,) = house.trouble_book.open()
        assert trouble.kind is TroubleKind.CANARY_MISSED
        assert [task.key for task in house.outbox.due([Topic.TROUBLE], tomorrow)] == [trouble.id]
        assert look_at(house, watched(house, site), tomorrow).health == "bad"

        shown["/canary.png"] = canary
        crawled(house, watched(house, site))
        note_troubles(house, datetime.now(UTC))
        assert house.trouble_book.open() == []


# --------------------------------------------------------------------------------------------------------- by command


def test_an_operator_makes_a_canary_and_is_told_what_to_do_with_it(tmp_path: Path) -> None:
    do = Installation(tmp_path)
    do.watch("here", site_toml("here", "http://127.0.0.1:9/", "127.0.0.1:9"))
    file = tmp_path / "canary.png"

    made = do.run("site", "canary", "here", "--output", file)
    again = do.run("site", "canary", "here", "--output", file)
    (site,) = do.lines("site", "list", "--json")
    checks = {str(line["check"]): line for line in map(json.loads, do.run("doctor", "--json").stdout.splitlines())}

    assert made.returncode == 0, made.stderr
    assert file.read_bytes().startswith(b"\x89PNG")
    assert "[canary]" in made.stderr
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert site["canary"]["state"] == "not named"  # type: ignore[index]  # a JSON object
    assert checks["site here: canary"]["health"] == "warn"
    assert checks["contact"]["health"] == "warn"


def test_site_list_says_what_was_compared_and_when_the_next_visit_is(tmp_path: Path) -> None:
    do = Installation(tmp_path)
    shown = {"/one.png": drawn_picture(1), "/canary.png": drawn_picture(2)}
    with serve(gallery(shown)) as site:
        do.watch("here", site_toml("here", f"{site.url}/", site.url.removeprefix("http://")))
        do.run("crawl", "here", "--once")
        (said,) = do.lines("site", "list", "--json")

    assert said["coverage"] == {
        "last": {
            "pages_read": 2,
            "cut_pages": 0,
            "met": 2,
            "looked_at": 2,
            "compared": 0,
            "errors": 0,
            "bytes": said["last_pass"]["bytes"],  # type: ignore[index]  # a JSON object
        },
        "usual": None,
        "passes_before": 0,
        "fell": False,
    }
    assert said["last_good_look"] is None
    assert said["health"] == "warn"
    assert str(said["next_visit"]) > str(said["last_pass"]["started"])  # type: ignore[index]  # a JSON object
