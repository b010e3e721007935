"""Two crawlers on one Redis share one pass of one site, and one of them is killed in the middle: nothing lost, little asked for twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stillwatch.demo.commands import Commands
from stillwatch.demo.site import DemoSite, site_toml
from tests.contracts.waiting import until
from tests.journeys.folders import installation, strays

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

CRAWL = ("crawl", "demo", "--once", "--json")
PICTURES = 160
CONCURRENCY = 4  # of the demo's site, which is one host: so much the killed one may have had under way
KILLED_AFTER = 80  # requests


@contextmanager
def crawling(do: Commands, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    with do.log.open("ab") as log, (do.home / name).open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "stillwatch", *CRAWL], env=do.environ, stdout=output, stderr=log
        )
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def lines(do: Commands, name: str) -> list[dict[str, object]]:
    """Without what a kill cut off."""
    return [
        json.loads(text)
        for text in (do.home / name).read_text(encoding="utf-8").splitlines(keepends=True)
        if text.endswith("\n")
    ]


def asked(site: DemoSite) -> dict[str, int]:
    return {path: n for path, n in site.counts().items() if path != "/robots.txt" and not path.startswith("/calendar")}


def hits(do: Commands, site: DemoSite) -> list[str]:
    return sorted(str(hit["image_url"]).removeprefix(site.url) for hit in do.run("hit", "list", "--json"))


def test_a_killed_crawler_of_two_costs_no_url_and_no_hit(redis_url: str, tmp_path: Path) -> None:
    with DemoSite(pictures=PICTURES) as site:
        alone = installation(tmp_path / "alone", "demo", site_toml(site.port), {})
        summary_alone = alone.run(*CRAWL)[-1]["summary"]
        asked_alone, hits_alone = set(asked(site)), hits(alone, site)
    with DemoSite(pictures=PICTURES) as site:
        do = installation(tmp_path / "two", "demo", site_toml(site.port), {"REDIS_URL": redis_url})
        with crawling(do, "one") as one, crawling(do, "other") as other:
            until(lambda: sum(asked(site).values()) > KILLED_AFTER and bool(lines(do, "one")), within_s=120)
            os.kill(one.pid, signal.SIGKILL)
            assert other.wait(timeout=180) == 0
        counted, found = asked(site), hits(do, site)
    again = sum(counted.values()) - len(counted)
    summary = lines(do, "other")[-1]["summary"]
    print(f"{again} of {len(counted)} addresses asked for again")  # noqa: T201  # shown with a failure

    assert isinstance(summary, dict)
    assert isinstance(summary_alone, dict)
    assert one.returncode == -signal.SIGKILL
    assert summary["finished"] is True
    assert set(counted) >= asked_alone
    assert found == hits_alone
    assert again <= CONCURRENCY
    assert {name: summary[name] for name in ("pages", "images")} == {
        name: summary_alone[name] for name in ("pages", "images")
    }
    assert len(lines(do, "other")) > 1
    assert not list(do.home.glob("frontier.sqlite3"))
    assert strays(tmp_path) == []
