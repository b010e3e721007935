"""What a crawl saw is kept without the pictures, counted by `doctor`, and erased with its site and by its age."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.crawler.local_site import Answer, page, serve
from tests.installation import Installation, site_toml
from tests.journeys.folders import pictures_in
from tests.stillwatch.pictures import drawn, jpeg

pytestmark = pytest.mark.timeout(240)

IN_THE_HOUSE = """
import sys
from datetime import timedelta
from core.model import Fingerprint, ImageSighting, SeenPicture
from stillwatch.schedule import Clockwork
from stillwatch.wiring import House, utc_now

house = House.open()

def seen(site, days):
    at = utc_now() - timedelta(days=days)
    where = ImageSighting(site=site, page_url="http://x/", image_url=f"http://x/{days}", seen_at=at)
    print_ = Fingerprint(hasher="pdq", view="full", bits=f"{days:064x}", quality=90)
    return SeenPicture(sighting=where, sha256=f"{days:064x}", fingerprints=(print_,))

def see(site, days_ago):
    with house.seen_log() as log:
        log.add([seen(site, days) for days in days_ago])

def daily():
    Clockwork(house, "test", None).forget_seen()

def count():
    print(sum(segment.fingerprints for segment in house.seen_store.segments()))

"""


def in_the_house(installation: Installation, code: str) -> str:
    done = subprocess.run(
        [installation.command()[0], "-P", "-c", IN_THE_HOUSE + code],
        env=installation.environ,
        cwd=installation.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gallery(path: str) -> Answer | None:
    if path == "/":
        return page(images=("/1.jpg", "/2.jpg", "/no.jpg"))
    if path in ("/1.jpg", "/2.jpg"):
        return Answer(jpeg(drawn(ord(path[1]))), content_type="image/jpeg")
    return None


def seen_line(installation: Installation) -> dict[str, object]:
    done = installation.run("doctor", "--json")
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    (line,) = [line for line in lines if line["check"] == "seen"]
    return dict(line)


def crawl(installation: Installation) -> None:
    done = installation.run("crawl", "here", "--once", "--json")
    assert done.returncode == 0, done.stderr


def test_what_was_seen_is_kept_counted_and_erased_with_its_site(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with serve(gallery) as site:
        installation.watch("here", site_toml("here", site.url + "/", site.url.removeprefix("http://")))
        assert "nothing was seen yet" in str(seen_line(installation)["what"])
        crawl(installation)
        first = seen_line(installation)
        crawl(installation)

    assert first["health"] == "ok"
    assert str(first["what"]).startswith(
        "18 fingerprints in 1 segments"
    )  # three hashers' of two pictures and their parts
    assert str(seen_line(installation)["what"]).startswith("18 fingerprints in 1 segments")
    assert pictures_in(installation.home) == []

    revoked = installation.run("site", "revoke", "here")
    assert revoked.returncode == 0, revoked.stderr
    assert "18 fingerprints" in revoked.stdout
    assert "4 URLs of its last crawl" in revoked.stdout
    assert site.url.encode() not in (installation.home / "frontier.sqlite3").read_bytes()
    assert "nothing was seen yet" in str(seen_line(installation)["what"])
    assert [path for path in installation.home.glob("seen*/**/*") if path.is_file()] == []


def test_the_daily_round_forgets_by_age_and_erases_what_came_after_a_revocation(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.watch("here", site_toml("here", "http://127.0.0.1:9/", "127.0.0.1:9"))
    assert installation.run("site", "revoke", "here").returncode == 0

    kept = in_the_house(
        installation,
        """
see("here", [0])
see("there", [200])
see("elsewhere", [100])
see("elsewhere", [3])
count()
daily()
count()
see("here", [1])
daily()
count()
""",
    )

    assert kept.split() == ["4", "2", "3"]  # the last one waits: a day's round is run once


def test_the_daily_round_empties_the_frontier_of_revoked_sites_and_of_those_nobody_crawls_any_more(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path)
    installation.watch("here", site_toml("here", "http://127.0.0.1:9/", "127.0.0.1:9"))
    assert installation.run("site", "revoke", "here").returncode == 0

    kept = in_the_house(
        installation,
        """
from crawler.frontier import Found, What

with house.frontier() as frontier:
    for site, days_ago in ("here", 0), ("there", 200), ("elsewhere", 3):
        frontier.begin(site, [Found(What.PAGE, f"http://{site}/")], utc_now() - timedelta(days=days_ago))
    print(*frontier.sites())
    daily()
    print(*frontier.sites())
""",
    )

    assert kept.splitlines() == ["elsewhere here there", "elsewhere"]


def test_bit_planes_lie_beside_sealed_rows_and_are_searched(tmp_path: Path) -> None:
    installation = Installation(tmp_path, {"STILLWATCH_SEEN_URL": str(tmp_path / "elsewhere")})

    found = in_the_house(
        installation,
        """
from matcher.hamming import slices
from matcher.index import words

see("there", range(300))
(segment,) = house.seen_store.segments()
with house.seen_store.blocks(segment.name) as (block,):
    found = slices.search(block.slices, block.rows, block.bits, words([f"{7:064x}"]), 0)
    print(block.slices is not None, found.rows.tolist(), found.entries.tolist())
""",
    )

    assert "[7]" in found
    assert found.startswith("True")
    assert list((tmp_path / "elsewhere").glob("*/*.seen"))
