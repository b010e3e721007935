import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.model import HitStatus
from tests.crawler.local_site import Answer, LocalSite, number, page, picture, serve

PAGES, PICTURES_A_PAGE = 60, 10
KILLS = 10
CONCURRENCY = 2  # so many URLs at most are asked for again after a kill
SHARED = "/shared.png"  # on every page, and planted


def gallery(path: str) -> Answer | None:
    """60 pages in a chain, ten pictures each, and one picture that all of them show."""
    n = number(path)
    if path.endswith(".png"):
        return picture(path)
    further = [f"/page/{n + 1}"] if n + 1 < PAGES else []
    return page(*further, images=(SHARED, *(f"/{n * PICTURES_A_PAGE + each}.png" for each in range(PICTURES_A_PAGE))))


EVERY_URL = {
    "/",
    *(f"/page/{n}" for n in range(1, PAGES)),
    *(f"/{n}.png" for n in range(PAGES * PICTURES_A_PAGE)),
    SHARED,
}
PLANTED = [SHARED, *(f"/{n}.png" for n in range(0, PAGES * PICTURES_A_PAGE, 37))]


class Launcher:
    """Starts crawls one after the other, and kills them."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, site: LocalSite) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._site = site
        planted = [picture(path).body_bytes().hex() for path in PLANTED]
        self._call = {"folder": str(folder), "url": site.url, "concurrency": CONCURRENCY, "planted": planted}

    def crawl(self, kill_after: int | None, pause_s: float) -> dict[str, object] | None:
        """The summary; None when it was killed, a moment after the site was asked `kill_after` times more."""
        target = len(self._site.asked) + kill_after if kill_after is not None else None
        self._to.write(json.dumps(self._call) + "\n")
        self._to.flush()
        child = int(self._from.readline())
        if target is not None:
            while len(self._site.asked) < target:
                time.sleep(0.001)
            time.sleep(pause_s)
            os.kill(child, signal.SIGKILL)
        summary: dict[str, object] | None = json.loads(self._from.readline())
        return summary


@contextmanager
def launcher(folder: Path, site: LocalSite) -> Iterator[Launcher]:
    command = [sys.executable, "-m", "tests.crawler.crawl_child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Launcher(process, folder, site)


def stored_hits(folder: Path) -> Mapping[str, Sequence[str]]:
    """Image path → the pages its hit knows, by asking the database itself."""
    script = """
import json, sys
import stores.sql
stores.sql.connect(f"sqlite:///{sys.argv[1]}/hits.sqlite3")
print(json.dumps({hit.image_url: [hit.status, *hit.pages] for hit in stores.sql.SqlHitLog().all()}))
"""
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    hits = json.loads(done.stdout)
    assert all(status == HitStatus.CONFIRMED for status, *_ in hits.values())
    return {url: pages for url, (_, *pages) in hits.items()}


@pytest.mark.slow
def test_a_crawl_killed_ten_times_loses_no_url_and_no_hit_and_asks_little_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    moments = random.Random(seed)
    with serve(gallery) as site:
        with launcher(tmp_path, site) as launched:
            killed = [launched.crawl(moments.randint(1, 45), moments.random() * 0.01) for _ in range(KILLS)]
            summary = launched.crawl(None, 0.0)
        asked_again = len(site.asked) - len(set(site.asked))
        sys.stdout.write(f"{KILLS} kills, {asked_again} of {len(EVERY_URL)} URLs asked for again\n")
        hits = stored_hits(tmp_path)

    assert killed == [None] * KILLS
    assert summary is not None
    assert set(site.asked) == EVERY_URL
    assert asked_again <= 0.05 * len(EVERY_URL)
    assert asked_again <= KILLS * CONCURRENCY
    assert site.robots_asked <= 2
    assert {url.removeprefix(site.url) for url in hits} == set(PLANTED)
    assert len(hits[site.url + SHARED]) == PAGES
    assert summary["finished"] is True
    assert summary["resumed"] is True
    assert summary["pages"] == {"read": PAGES}
    assert summary["images"] == {"hit": len(PLANTED), "clear": PAGES * PICTURES_A_PAGE + 1 - len(PLANTED)}
    with sqlite3.connect(tmp_path / "frontier.sqlite3") as db:
        assert db.execute("SELECT count(*) FROM urls WHERE lease <> '' OR state = ''").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM passes").fetchone() == (1,)
    db.close()
