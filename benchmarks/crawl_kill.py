"""What a crawler that is killed loses, and what it asks for again: run by `benchmarks.crawl`, or alone: `python -m benchmarks.crawl_kill`.

A site of pages that form a tree, served by nginx on loopback. Each crawler is ended with SIGKILL when the site has answered two thirds of
the pages, started again as its documentation says, and left to end by itself. The site's own log says what was asked for.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import crawl_site
from benchmarks.crawl_site import Site

PAGES: Final = 720
FURTHER: Final = 6  # links of each page to pages of its own
CONCURRENCY: Final = 16
KILLED_AT: Final = 2 / 3
ENDS_IN_S: Final = 300.0


# ----------------------------------------------------------------------------------------------------------- the crawlers


def albums(base: type, url: str, folder: Path) -> type:
    handled = os.open(folder / "handled", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    class Albums(base):  # type: ignore[misc]  # Scrapy's spider, or scrapy-redis's
        name = "albums"
        allowed_domains = ("127.0.0.1",)
        redis_key = "albums:start_urls"
        max_idle_time = 3

        def parse(self, response: Any) -> Any:
            os.write(handled, f"{response.url}\n".encode())
            for link in response.css("a::attr(href)").getall():
                yield response.follow(link, self.parse)

    if base.__name__ == "Spider":
        Albums.start_urls = [url + "/"]
    return Albums


def scrapy_with(spider: type, settings: dict[str, object]) -> None:
    from scrapy.crawler import AsyncCrawlerProcess

    process = AsyncCrawlerProcess(
        {
            "CONCURRENT_REQUESTS": CONCURRENCY,
            "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
            "LOG_LEVEL": "ERROR",
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            **settings,
        }
    )
    process.crawl(spider)
    process.start()


def jobdir(url: str, folder: Path, _: str) -> None:
    from scrapy import Spider

    scrapy_with(albums(Spider, url, folder), {"JOBDIR": str(folder / "job")})


def scrapy_redis(url: str, folder: Path, redis_url: str) -> None:
    from redis import Redis
    from scrapy_redis.spiders import RedisSpider  # type: ignore[import-untyped,unused-ignore]

    with Redis.from_url(redis_url) as server:
        if not server.exists("albums:dupefilter"):
            server.lpush("albums:start_urls", url + "/")
    settings = {
        "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
        "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
        "SCHEDULER_PERSIST": True,
        "REDIS_URL": redis_url,
    }
    scrapy_with(albums(RedisSpider, url, folder), settings)


def ours(url: str, folder: Path, redis_url: str, *, shared: bool) -> None:
    import stores.sql
    from core.model import Agreement, Examination, Politeness, State, WatchedSite
    from crawler.crawl import CrawlServices, crawl_site
    from crawler.frontier_redis import RedisFrontier
    from stores.redis import client

    stores.sql.connect(f"sqlite:///{folder}/hits.sqlite3")
    stores.sql.migrate()

    class Nothing:
        def examine(self, image_bytes: bytes) -> Examination:  # noqa: ARG002  # there are no pictures
            return Examination(sha256="0" * 64, state=State.CLEAR)

    site = WatchedSite(
        name="local",
        kind="gallery",
        start=(url + "/",),
        hosts=(url.removeprefix("http://"),),
        allow_private=True,
        agreement=Agreement(agreed_by="us", agreed_on=date(2026, 1, 1), expires_on=date(2099, 1, 1), reference="B-1"),
        politeness=Politeness(delay_s=0.0, concurrency=CONCURRENCY),
    )
    services = CrawlServices(
        frontier_path=folder / "frontier.sqlite3",
        shared_frontier=partial(RedisFrontier, partial(client, redis_url)) if shared else None,
        lock_folder=folder / "locks",
        examiner=Nothing(),
        hit_log=stores.sql.SqlHitLog(),
        site_book=stores.sql.SqlSiteBook(),
        user_agent="Stillwatch/0 (+https://example.org/benchmark)",
        still_agreed=lambda: None,
        clock=lambda: datetime.now(UTC),
    )
    summary = crawl_site(site, services, on_image=lambda _: None, on_progress=lambda _: None)
    pages = summary["pages"]
    assert isinstance(pages, dict)
    (folder / "handled").write_text("".join(f"{number}\n" for number in range(pages["read"])), encoding="ascii")


ARMS: Final[dict[str, Callable[[str, Path, str], None]]] = {
    "Scrapy, JOBDIR": jobdir,
    "scrapy-redis": scrapy_redis,
    "Stillwatch, one machine (SQLite)": partial(ours, shared=False),
    "Stillwatch, many machines (Redis)": partial(ours, shared=True),
}


# -------------------------------------------------------------------------------------------------------- the measurement


def measure(rounds: int = 3) -> None:
    print(f"\nKilled after {PAGES * KILLED_AT:.0f} of {PAGES} pages, {CONCURRENCY} requests at once; {rounds} rounds")
    print("\n| crawler | pages never read | asked for again |\n| --- | --- | --- |")
    for arm in ARMS:
        lost, again = zip(*(killed_once(arm) for _ in range(rounds)), strict=True)
        print(f"| {arm} | {_of(lost)} | {_of(again)} |", flush=True)


def killed_once(arm: str) -> tuple[int, int]:
    """How many pages were never read in the end, and how many requests were for pages answered before."""
    with tempfile.TemporaryDirectory() as folder, redis_server() as redis_url:
        site = tree(Path(folder) / "site")
        own = Path(folder) / "own"
        own.mkdir()
        with crawl_site.served(site, slowly=True) as url:
            command = [sys.executable, "-m", "benchmarks.crawl_kill", arm, url, str(own), redis_url]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as victim:
                until(lambda: len(pages_asked(site)) >= PAGES * KILLED_AT or victim.poll() is not None)
                victim.send_signal(signal.SIGKILL)
            subprocess.run(command, stderr=subprocess.DEVNULL, timeout=ENDS_IN_S, check=True)
            counts = Counter(pages_asked(site))
        handled = set((own / "handled").read_text(encoding="ascii").split())
    return PAGES - len(handled), sum(counts.values()) - len(counts)


def tree(folder: Path) -> Site:
    (folder / "tmp").mkdir(parents=True)
    root = folder / "site"
    root.mkdir()
    words = " ".join(random.Random(1).choices(("light", "water", "stone", "field"), k=1_500))  # noqa: S311  # no secret
    for number in range(PAGES):
        links = "".join(
            f'<li><a href="/{child}.html">Album {child}</a></li>'
            for child in range(number * FURTHER + 1, number * FURTHER + FURTHER + 1)
            if child < PAGES
        )
        name = "index.html" if number == 0 else f"{number}.html"
        # A picture that is not there: pages that bring none at all would be a trap to us.
        picture = f'<img src="/{number}.jpg" alt="">'
        (root / name).write_text(f"<!doctype html><ul>{links}</ul>{picture}<p>{words}</p>", encoding="utf-8")
    return Site(folder, PAGES)


def pages_asked(site: Site) -> list[str]:
    log = site.folder / "access.log"
    return (
        [path for status, path in crawl_site.asked(site) if status == 200 and path.endswith((".html", "/"))]
        if log.exists()
        else []
    )


@contextmanager
def redis_server() -> Iterator[str]:
    """On a socket of its own, gone at the end."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("benchmarks.crawl_kill needs redis-server; the cure: apt install redis-server")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        command = [binary, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            try:
                until(path.exists)
                yield f"unix://{path}"
            finally:
                server.terminate()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + ENDS_IN_S
    while not true():
        if time.monotonic() > end:
            raise SystemExit("it took too long")
        time.sleep(0.005)


def _of(counts: tuple[int, ...]) -> str:
    low, high = min(counts), max(counts)
    percent = f"{100 * low / PAGES:.1f}" if low == high else f"{100 * low / PAGES:.1f}-{100 * high / PAGES:.1f}"
    return f"{percent} %"


if __name__ == "__main__":
    if len(sys.argv) == 5:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        ARMS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        measure()
