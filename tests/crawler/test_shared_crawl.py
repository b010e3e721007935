"""Whole crawls on the frontier in Redis: several on one pass, one that is killed, a Redis that is emptied, and what was planted there."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from redis import Redis

from core.errors import StoreUnavailable
from core.model import Limits, Politeness, WatchedSite
from crawler.crawl import CrawlServices
from crawler.frontier import Found, What
from crawler.frontier_redis import PAUSES, WORKERS
from tests.contracts.waiting import until
from tests.crawler.local_site import Answer, LocalSite, number, page, picture, serve
from tests.crawler.planted import Crawl
from tests.crawler.shared_frontier import redis_frontier

PAGES, PICTURES_A_PAGE = 30, 8


def gallery(path: str) -> Answer | None:
    """Pages that form a tree, with eight pictures each and one that all of them show."""
    n = number(path)
    if path.endswith(".png"):
        return picture(path)
    if n >= PAGES:
        return None
    further = [f"/page/{m}" for m in (2 * n + 1, 2 * n + 2) if m < PAGES]
    return page(*further, images=("/shared.png", *(f"/{n * PICTURES_A_PAGE + k}.png" for k in range(PICTURES_A_PAGE))))


def slowly(path: str) -> Answer | None:
    """One answer after the other, so slowly that nobody has them all before another comes to it."""
    time.sleep(0.02)
    return gallery(path)


EVERY_URL = {
    "/",
    *(f"/page/{n}" for n in range(1, PAGES)),
    *(f"/{n}.png" for n in range(PAGES * PICTURES_A_PAGE)),
    "/shared.png",
}
PLANTED = ["/shared.png", "/8.png", "/100.png"]


class Shared(Crawl):
    """A crawl on a Redis that others use too. Its folder is another machine's."""

    redis_url: str

    def services(self) -> CrawlServices:
        return replace(super().services(), shared_frontier=partial(redis_frontier, self.redis_url))


def shared(folder: Path, redis_url: str, **fields: object) -> Shared:
    crawl = Shared(folder, **fields)  # type: ignore[arg-type]  # the caller names fields of Crawl
    crawl.redis_url = redis_url
    return crawl


@contextmanager
def all_there(redis_url: str, count: int) -> Iterator[None]:
    """Lets so many workers, which are started inside, begin at the same time."""
    with Redis.from_url(redis_url) as server, redis_frontier(redis_url) as frontier:
        frontier.pause("local", "127.0.0.1", time.time() + 250)
        yield
        until(lambda: len(list(server.scan_iter(f"{WORKERS}*"))) == count, within_s=120)
        server.hdel(f"{PAUSES}local", "127.0.0.1")


def side_by_side(crawls: list[Shared], site: WatchedSite) -> list[dict[str, object]]:
    """Their summaries, once all have ended. None asks for anything before all are there."""
    summaries: list[dict[str, object]] = [{} for _ in crawls]

    def run(n: int) -> None:
        summaries[n] = crawls[n].run(site)

    threads = [threading.Thread(target=run, args=[n]) for n in range(len(crawls))]
    with all_there(crawls[0].redis_url, len(crawls)):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    return summaries


def test_two_crawls_share_one_pass_and_ask_for_each_url_once(redis_url: str, tmp_path: Path) -> None:
    planted = [picture(path).body_bytes() for path in PLANTED]
    crawls = [shared(tmp_path / name, redis_url, planted=planted) for name in ("one", "other")]
    with serve(slowly) as site:
        summaries = side_by_side(crawls, site.watched())
    told = {hit.image_url for crawl in crawls for hit in crawl.store.hit_log.all()}

    assert Counter(site.asked) == Counter(EVERY_URL)
    assert [summary["finished"] for summary in summaries] == [True, True]
    assert summaries[0]["pass"] == summaries[1]["pass"]
    assert summaries[0]["pages"] == summaries[1]["pages"] == {"read": PAGES}
    assert summaries[0]["images"] == summaries[1]["images"] == {"hit": 3, "clear": PAGES * PICTURES_A_PAGE - 2}
    assert all(crawl.lines for crawl in crawls)
    assert told == {site.url + path for path in PLANTED}


def test_requests_of_several_crawls_to_one_host_are_a_delay_apart(redis_url: str, tmp_path: Path) -> None:
    times: list[float] = []

    def small(path: str) -> Answer | None:
        times.append(time.monotonic())
        return picture(path) if path.endswith(".png") else page(images=tuple(f"/{n}.png" for n in range(11)))

    crawls = [shared(tmp_path / name, redis_url) for name in ("one", "other")]
    with serve(small) as site:
        side_by_side(crawls, site.watched(politeness=Politeness(delay_s=0.2, concurrency=8)))

    assert len(times) == 12
    # No two need be exactly so far apart on a busy machine, but all together are.
    assert times[-1] - times[0] >= 10 * 0.2


@pytest.mark.parametrize(
    "answer",
    [Answer(status=429, headers={"Retry-After": "3600"}), Answer(status=403, headers={"cf-mitigated": "challenge"})],
    ids=["refusal", "wall"],
)
def test_what_sends_one_crawl_away_keeps_the_others_from_asking(redis_url: str, tmp_path: Path, answer: Answer) -> None:
    """Each has pictures leased by then, that wait for their turn."""
    pictures = 0

    def busy(path: str) -> Answer | None:
        nonlocal pictures
        if not path.endswith(".png"):
            return page(images=tuple(f"/{n}.png" for n in range(30)))
        pictures += 1
        return picture(path) if pictures < 4 else answer

    crawls = [shared(tmp_path / name, redis_url) for name in ("one", "other")]
    with serve(busy) as site:
        summaries = side_by_side(crawls, site.watched(politeness=Politeness(delay_s=1.0, concurrency=16)))

    assert pictures == 4
    said = {str(summary["stopped"]) for summary in summaries}
    walled = {each for each in said if each.endswith("; the host is left alone for 6 hours")}  # who met it
    assert said - walled == {"the site asked for a pause"}
    assert len(walled) == ("cf-mitigated" in answer.headers)
    assert summaries[0]["images"] == {"clear": 3, "pending": 27}


def test_the_pages_of_a_pass_are_limited_for_all_crawls_together(redis_url: str, tmp_path: Path) -> None:
    crawls = [shared(tmp_path / name, redis_url) for name in ("one", "other")]
    with serve(gallery) as site:
        summaries = side_by_side(crawls, site.watched(limits=Limits(max_pages=7, max_images=20)))

    assert len(site.pages_asked()) == 7
    assert len(site.asked) == 27
    for summary in summaries:
        assert summary["finished"] is True
        assert isinstance(summary["pages"], dict)
        assert "pending" not in summary["pages"]


def test_what_somebody_plants_outside_the_agreement_is_never_asked_for(redis_url: str, tmp_path: Path) -> None:
    with serve(gallery) as site, serve(gallery) as stranger:
        with redis_frontier(redis_url) as frontier:
            current = frontier.begin("local", [Found(What.PAGE, f"{site.url}/")], Crawl(tmp_path).services().clock())
            frontier.push(
                current.id, [Found(What.PAGE, f"{stranger.url}/"), Found(What.IMAGE, f"{stranger.url}/1.png")]
            )
        summary = shared(tmp_path, redis_url).run(site.watched())

    assert summary["resumed"] is True
    assert summary["finished"] is True
    assert summary["pages"] == {"read": PAGES, "out_of_scope": 1}
    assert summary["images"] == {"clear": PAGES * PICTURES_A_PAGE + 1, "out_of_scope": 1}
    assert stranger.asked == []
    assert stranger.robots_asked == 0


def test_what_cannot_be_read_of_a_kept_robots_txt_is_asked_for_again(redis_url: str, tmp_path: Path) -> None:
    with serve(gallery) as site:
        with redis_frontier(redis_url) as frontier:
            frontier.keep_robots("local", site.url, '{"read": true}')
        summary = shared(tmp_path, redis_url).run(site.watched())

    assert site.robots_asked == 1
    assert summary["finished"] is True


def test_a_redis_that_is_emptied_in_the_middle_ends_the_pass_and_the_next_begins_anew(
    redis_url: str, tmp_path: Path
) -> None:
    planted = [picture("/8.png").body_bytes()]

    def answer(path: str) -> Answer | None:
        if path == "/100.png" and not emptied:
            emptied.append(path)
            with Redis.from_url(redis_url) as server:
                server.flushall()
        return gallery(path)

    emptied: list[str] = []
    crawl = shared(tmp_path, redis_url, planted=planted)
    with serve(answer) as site:
        with pytest.raises(StoreUnavailable, match="crawl again"):
            crawl.run(site.watched())
        asked_before = set(site.asked)
        site.asked.clear()
        summary = crawl.run(site.watched())

    assert asked_before < EVERY_URL
    assert summary["finished"] is True
    assert summary["resumed"] is False
    assert set(site.asked) == EVERY_URL
    assert [hit.image_url for hit in crawl.store.hit_log.all()] == [f"{site.url}/8.png"]


def test_a_crawl_without_its_redis_names_the_setting(tmp_path: Path) -> None:
    crawl = shared(tmp_path, "redis://127.0.0.1:1/0")
    with serve(gallery) as site, pytest.raises(StoreUnavailable, match="check REDIS_URL"):
        crawl.run(site.watched())

    assert site.asked == []


# ------------------------------------------------------------------------------------------------------------- kill -9

CONCURRENCY = 4


class Child:
    """A crawl in a process of its own: see crawl_child. A context manager."""

    def __init__(self, folder: Path, site: LocalSite, redis_url: str) -> None:
        self._launcher = subprocess.Popen(
            [sys.executable, "-m", "tests.crawler.crawl_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        call = {
            "folder": str(folder),
            "url": site.url,
            "concurrency": CONCURRENCY,
            "planted": [picture(path).body_bytes().hex() for path in PLANTED],
            "redis_url": redis_url,
        }
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write(json.dumps(call) + "\n")
        self._launcher.stdin.close()
        self.pid = int(self._launcher.stdout.readline())

    def summary(self) -> dict[str, object] | None:
        """Waits for its end; None when it was killed."""
        assert self._launcher.stdout is not None
        summary: dict[str, object] | None = json.loads(self._launcher.stdout.readline())
        return summary

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._launcher:
            pass


@pytest.mark.slow
def test_of_three_crawls_two_are_killed_and_nothing_is_lost(redis_url: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    moments = random.Random(seed)
    with serve(gallery) as site, ExitStack() as stack:
        with all_there(redis_url, 3), Redis.from_url(redis_url) as server:
            started = [stack.enter_context(Child(tmp_path, site, redis_url))]
            until(lambda: bool(list(server.scan_iter(f"{WORKERS}*"))), within_s=120)  # it has made the database
            started += [stack.enter_context(Child(tmp_path, site, redis_url)) for _ in range(2)]
        for child, after in zip(started, sorted(moments.sample(range(5, 150), 2)), strict=False):
            while len(site.asked) < after:
                time.sleep(0.001)
            os.kill(child.pid, signal.SIGKILL)
        summaries = [child.summary() for child in started]
        again = len(site.asked) - len(set(site.asked))
        sys.stdout.write(f"2 kills, {again} of {len(EVERY_URL)} URLs asked for again\n")

    assert summaries[:2] == [None, None]
    assert summaries[2] is not None
    assert set(site.asked) == EVERY_URL
    assert again <= 2 * CONCURRENCY
    assert summaries[2]["finished"] is True
    assert summaries[2]["pages"] == {"read": PAGES}
    assert summaries[2]["images"] == {"hit": 3, "clear": PAGES * PICTURES_A_PAGE - 2}
