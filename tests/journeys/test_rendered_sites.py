"""A site of kind `rendered` by the command line: with a browser it is crawled, without one the cure is said before anything is asked."""

import json
from pathlib import Path

import pytest

from tests.conftest import Chromium
from tests.crawler.local_site import LocalSite, serve
from tests.crawler.test_rendered import small
from tests.installation import Installation, site_toml

pytestmark = pytest.mark.timeout(300)

NO_DRIVER = (
    "import sys\nsys.modules['playwright'] = None\n"  # what an import of something that is not installed comes to
)
CURE = "pip install 'stillwatch[rendered]'"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def watch(installation: Installation, site: LocalSite) -> None:
    for kind in ("gallery", "rendered"):
        toml = site_toml(kind, site.url + "/", site.url.removeprefix("http://"))
        installation.watch(kind, toml.replace('kind = "gallery"', f'kind = "{kind}"'))


def test_the_pictures_that_scripts_show_are_looked_at(chromium: Chromium, installation: Installation) -> None:
    installation.extra["STILLWATCH_BROWSER_SANDBOX"] = "off"
    with serve(small) as site:
        watch(installation, site)
        checked = installation.run("site", "check")
        lines = installation.lines("crawl", "rendered", "--once", "--json")
        by_words = installation.lines("crawl", "gallery", "--once", "--json")
    doctor = {line["check"]: line for line in installation.lines("doctor", "--json")}

    assert checked.returncode == 0
    assert {str(line["image_url"]).removeprefix(site.url) for line in lines if "image_url" in line} == {
        "/of/.png",
        "/of/two.png",
    }
    assert not [line for line in by_words if "image_url" in line]
    assert doctor["browser"]["health"] == "ok"


def test_without_the_extra_the_cure_is_said_and_other_sites_are_crawled(installation: Installation) -> None:
    without = installation.folder / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text(NO_DRIVER)
    installation.extra["PYTHONPATH"] = str(without)
    with serve(small) as site:
        watch(installation, site)
        checked = installation.run("site", "check", "--json")
        crawled = installation.run("crawl", "rendered", "--once")
        asked = list(site.asked)
        other = installation.run("crawl", "gallery", "--once")
    told = installation.run("doctor", "--json").stdout.splitlines()
    doctor = {line["check"]: line for line in map(json.loads, told)}

    verdicts = {line["site"]: line for line in map(json.loads, checked.stdout.splitlines())}
    assert (checked.returncode, verdicts["gallery"]["ok"], verdicts["rendered"]["ok"]) == (2, True, False)
    assert CURE in verdicts["rendered"]["reason"]
    assert crawled.returncode == 2
    assert CURE in crawled.stderr
    assert asked == []
    assert other.returncode == 0
    assert (doctor["browser"]["health"], doctor["browser"]["cure"]) == ("bad", CURE)
