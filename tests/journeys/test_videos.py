"""A video on an agreed site: met, fetched, compared, a hit that says when; kept, and found again for who enrols later."""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.crawler.local_site import Answer, LocalSite, serve
from tests.installation import Installation, site_toml
from tests.stillwatch.films import film
from tests.stillwatch.pictures import drawn, folder_of

pytestmark = pytest.mark.timeout(300)

HERS, ALSO_HERS = 7, 8  # the seeds of her pictures
NO_PYAV = "import sys\nsys.modules['av'] = None\n"  # what an import of something that is not installed comes to

PLACES = ("/clip.mp4", "/stream/9", "/other.mp4", "/card")
START = """<!doctype html><title>Films</title>
<meta name="twitter:player:stream" content="/card">
<a href="/clip.mp4">a clip</a>
<video controls><source src="/stream/9" type="video/webm"></video>
<script>player({"file": "\\/other.mp4"})</script>
"""


@cache
def encoded(path: str) -> bytes:
    match path:
        case "/clip.mp4":
            return film([drawn(1), drawn(2), drawn(HERS), drawn(ALSO_HERS), drawn(3)])
        case "/stream/9":
            return film([drawn(4), drawn(5), drawn(HERS)], "webm", "libvpx")
        case "/other.mp4":
            return film([drawn(1), drawn(2), drawn(3)])
        case _:
            return film([drawn(HERS), drawn(6), drawn(5)], "matroska")


def films(path: str) -> Answer | None:
    if path == "/":
        return Answer(START)
    return Answer(encoded(path), content_type="application/octet-stream") if path in PLACES else None


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def watch(installation: Installation, site: LocalSite, limits: str = "") -> None:
    toml = site_toml("films", site.url + "/", site.url.removeprefix("http://"))
    installation.watch("films", toml + (f"[limits]\n{limits}\n" if limits else ""))


def hash_set(installation: Installation) -> Path:
    output = installation.folder / "SET.json"
    pictures = folder_of(installation.folder / "hers", range(HERS, ALSO_HERS + 1))
    assert installation.run("hash", pictures, "--output", output).returncode == 0
    return output


def states(lines: list[dict[str, object]]) -> dict[str, object]:
    return {urlsplit(str(line["image_url"])).path: line["state"] for line in lines if "image_url" in line}


def found(installation: Installation) -> dict[str, dict[str, object]]:
    return {urlsplit(str(line["image_url"])).path: line for line in installation.lines("hit", "list", "--json")}


WHEN = {"/clip.mp4": [[4.0, 6.0]], "/stream/9": [[4.0, 4.0]], "/card": [[0.0, 0.0]]}
"""Seconds of the first and last keyframe that shows her."""


def assert_found(hits: dict[str, dict[str, object]]) -> None:
    assert set(hits) == set(WHEN)
    for path, line in hits.items():
        assert line["ranges"] == [pytest.approx(span, abs=0.2) for span in WHEN[path]], path


def test_a_video_is_crawled_and_its_hit_says_when(installation: Installation) -> None:
    with serve(films) as site:
        watch(installation, site)
        installation.lines("enrol", hash_set(installation), "--person", "somebody", "--attested", "--json")
        lines = installation.lines("crawl", "films", "--once", "--json")

        assert states(lines) == {"/clip.mp4": "hit", "/stream/9": "hit", "/other.mp4": "clear", "/card": "hit"}
        hits = found(installation)
        assert_found(hits)
        shown = installation.run("hit", "show", str(hits["/clip.mp4"]["id"])).stdout
        assert [line.split() for line in shown.splitlines() if line.startswith("ranges")], shown

        looked = installation.lines("recheck", "--json")

    assert {line["outcome"] for line in looked} <= {"still there"}
    assert [path for path in installation.home.rglob("*") if path.is_file() and b"ftypisom" in path.read_bytes()] == []


def test_who_enrols_later_is_found_in_a_video_that_was_seen_and_the_hit_says_when(installation: Installation) -> None:
    with serve(films) as site:
        watch(installation, site)
        lines = installation.lines("crawl", "films", "--once", "--json")
        assert set(states(lines).values()) == {"not_compared"}

        (enrolled,) = installation.lines(
            "enrol", hash_set(installation), "--person", "somebody", "--attested", "--json"
        )

    assert enrolled["swept"]["hits"] == 3  # type: ignore[index]  # of JSON
    hits = found(installation)
    assert_found(hits)
    assert all(line["found_earlier"] for line in hits.values())


def test_where_pyav_is_missing_a_video_ends_in_a_named_state_that_says_the_cure(installation: Installation) -> None:
    without = installation.folder / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text(NO_PYAV)
    installation.extra["PYTHONPATH"] = str(without)
    cure = "a video needs the extra: pip install 'stillwatch[video]'"
    with serve(films) as site:
        watch(installation, site)
        lines = installation.lines("crawl", "films", "--once", "--json")
        for_people = installation.run("crawl", "films", "--once")

    images = [line for line in lines if "image_url" in line]
    assert {(line["state"], line["reason"], line["sha256"]) for line in images} == {("unsupported", cure, None)}
    assert len(images) == len(PLACES)
    assert f"4 videos were met and not compared: {cure}" in for_people.stderr
    doctor = {line["check"]: line for line in installation.lines("doctor", "--json")}
    assert (doctor["videos"]["health"], doctor["videos"]["cure"]) == ("warn", "pip install 'stillwatch[video]'")


def test_a_site_can_be_watched_without_its_videos(installation: Installation) -> None:
    with serve(films) as site:
        watch(installation, site, "max_video_bytes = 0")
        lines = installation.lines("crawl", "films", "--once", "--json")

    assert set(states(lines).values()) == {"too_large"}
