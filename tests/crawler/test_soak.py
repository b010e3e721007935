"""A day of watching one site, a look every five minutes on an accelerated clock: what is new is found, and memory stays flat."""

import gc
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.model import State
from tests.crawler.local_site import Answer, page, picture, serve
from tests.crawler.planted import Crawl

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)
LOOK = timedelta(minutes=5)
LOOKS = 24 * 12
ON_THE_FIRST_PAGE = 30
THREADS = 40
MOST_MORE_MB = 12  # in the last three quarters of the day


class Forum:
    """A page of the newest pictures, from which they scroll off, and threads, each of which gets a picture now and then."""

    def __init__(self) -> None:
        self.now = BEGAN

    @property
    def uploads(self) -> int:
        """One every ten minutes."""
        return 200 + int((self.now - BEGAN) / timedelta(minutes=10))

    def __call__(self, path: str) -> Answer | None:
        if path.endswith(".png"):
            return picture(path)
        if path == "/":
            newest = range(self.uploads - ON_THE_FIRST_PAGE, self.uploads)
            threads = tuple(f"/thread/{number}" for number in range(THREADS))
            return page(*threads, images=tuple(f"/{number}.png" for number in newest))
        thread = int(path.removeprefix("/thread/"))
        return page("/", images=tuple(f"/{number}.png" for number in range(thread, self.uploads, THREADS)))


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


@pytest.mark.timeout(600)
def test_a_day_of_watching_finds_what_is_new_and_takes_no_more_memory(tmp_path: Path) -> None:
    forum = Forum()
    planted = [picture(f"/{number}.png").body_bytes() for number in (205, 260, 320)]
    early_mb = 0.0
    with serve(forum) as site:
        crawl = Crawl(tmp_path, planted, remembers=True)
        for look in range(LOOKS):
            forum.now = crawl.now = BEGAN + look * LOOK
            summary = crawl.run(site.watched(), only_due=True)
            assert summary["finished"] is True
            assert not any(line.state is State.PENDING for line in crawl.lines)
            crawl.lines.clear()
            crawl.progress.clear()
            crawl.examiner.examined.clear()
            if look == LOOKS // 4:
                early_mb = resident_mb()
        grown_mb = resident_mb() - early_mb
        pages, pictures = len(site.pages_asked()), [path for path in site.asked if path.endswith(".png")]

    assert {hit.image_url.removeprefix(site.url) for hit in crawl.store.hit_log.all()} == {
        "/205.png",
        "/260.png",
        "/320.png",
    }
    assert len(set(pictures)) >= forum.uploads - 2
    assert len(pictures) <= 1.1 * len(set(pictures)), "known pictures were fetched again"
    assert pages < LOOKS * (THREADS + 1) / 4, "pages were asked for although they were not due"
    assert grown_mb < MOST_MORE_MB
