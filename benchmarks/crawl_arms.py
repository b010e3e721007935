"""One crawler over one site, in a process of its own: `python -m benchmarks.crawl_arms ARM URL FOLDER`; run by `benchmarks.crawl`.

Prints one JSON object: pictures, and CPU seconds from the beginning of the crawl to its end, of this process and all that it started.
What an arm imports and sets up before is not counted, for any of them.
"""

import asyncio
import hashlib
import io
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: on a busy machine two threads spin
CONCURRENCY: Final = 16
USER_AGENT: Final = "Stillwatch/0 (+https://example.org/benchmark)"

Count = Callable[[], None]
Hash = Callable[[Any], object]  # of a Pillow image


def phash(image: Any) -> object:
    import imagehash

    return imagehash.phash(image)


def pdq(image: Any) -> object:
    import numpy as np
    import pdqhash

    return pdqhash.compute(np.asarray(image.convert("RGB")))


# ------------------------------------------------------------------------------------------------------ Scrapy's pipeline


def images_pipeline(url: str, folder: Path, hash_: Hash | None) -> Callable[[], int]:
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.pipelines.images import ImagesPipeline

    got = [0]

    class Counted(ImagesPipeline):
        def get_images(self, response: Any, request: Any, info: Any, *, item: Any = None) -> Iterator[Any]:
            for path, image, buffer in super().get_images(response, request, info, item=item):
                if hash_ is not None:
                    hash_(image)
                got[0] += 1
                yield path, image, buffer

    class Albums(scrapy.Spider):
        name = "albums"
        allowed_domains = ("127.0.0.1",)

        async def start(self) -> Any:
            yield scrapy.Request(url + "/")

        def parse(self, response: Any) -> Any:
            images = [response.urljoin(src) for src in response.css("img::attr(src)").getall()]
            if images:
                yield {"image_urls": images}
            for link in response.css("a::attr(href)").getall():
                yield response.follow(link, self.parse)

    settings = {
        "ITEM_PIPELINES": {Counted: 1},
        "IMAGES_STORE": str(folder / "images"),
        "CONCURRENT_REQUESTS": CONCURRENCY,
        "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "ROBOTSTXT_OBEY": True,
        "USER_AGENT": USER_AGENT,
    }

    def run() -> int:
        process = AsyncCrawlerProcess(settings)
        process.crawl(Albums)
        process.start()
        return got[0]

    return run


# --------------------------------------------------------------------------------------------------------------- Crawlee


def crawlee(url: str, folder: Path, hash_: Hash | None, *, in_memory: bool = False) -> Callable[[], int]:
    """As it comes, its queue is in files. `in_memory`: it is not, and is lost with the process."""
    os.environ["CRAWLEE_STORAGE_DIR"] = str(folder / "crawlee")
    import logging
    from datetime import timedelta

    from crawlee import ConcurrencySettings, Request
    from crawlee.crawlers import HttpCrawler, HttpCrawlingContext
    from crawlee.storage_clients import FileSystemStorageClient, MemoryStorageClient
    from parsel import Selector
    from PIL import Image

    got = [0]

    async def crawl() -> None:
        crawler = HttpCrawler(
            concurrency_settings=ConcurrencySettings(
                min_concurrency=CONCURRENCY, desired_concurrency=CONCURRENCY, max_concurrency=CONCURRENCY
            ),
            storage_client=MemoryStorageClient() if in_memory else FileSystemStorageClient(),
            configure_logging=False,
            respect_robots_txt_file=False,
            request_handler_timeout=timedelta(minutes=5),
        )

        @crawler.router.default_handler
        async def handle(context: HttpCrawlingContext) -> None:
            body = await context.http_response.read()
            if context.request.label == "image":
                got[0] += 1
                if hash_ is not None:
                    hash_(Image.open(io.BytesIO(body)))
                return
            page = Selector(body.decode("utf-8"))
            images = [Request.from_url(url + src, label="image") for src in page.css("img::attr(src)").getall()]
            pages = [Request.from_url(url + href) for href in page.css("a::attr(href)").getall()]
            await context.add_requests([*images, *pages])

        await crawler.run([url + "/"])

    def run() -> int:
        logging.disable(logging.CRITICAL)
        asyncio.run(crawl())
        return got[0]

    return run


# ------------------------------------------------------------------------------------------------------------------ ours


def ours(url: str, folder: Path, examining: str, *, remembering: bool = False) -> Callable[[], int]:
    """examining   "nothing", "pdq" (the interchange hash alone, in a thread), "all" (the shipped recipe, in the child that decodes)"""
    import stores.sql
    from core.model import Agreement, Examination, Fingerprint, HashedPicture, PersonId, Politeness, State, WatchedSite
    from crawler.crawl import CrawlServices, crawl_site

    stores.sql.connect(f"sqlite:///{folder}/hits.sqlite3")
    stores.sql.migrate()
    enrolled = Fingerprint(
        hasher="pdq", view="full", bits="5a" * 32, quality=90
    )  # with nobody, nothing would be compared
    picture = HashedPicture(ref="ref-1", quality=90, fingerprints=(enrolled,))
    stores.sql.SqlPeople().enrol(PersonId("somebody"), "views-1", [picture], datetime(2026, 1, 1, tzinfo=UTC))
    site = WatchedSite(
        name="local",
        kind="gallery",
        start=(url + "/",),
        hosts=(url.removeprefix("http://"),),
        allow_private=True,
        agreement=Agreement(agreed_by="us", agreed_on=date(2026, 1, 1), expires_on=date(2099, 1, 1), reference="B-1"),
        politeness=Politeness(delay_s=0.0, concurrency=CONCURRENCY),
    )

    if examining != "nothing":
        from matcher.confirm import Limits
        from matcher.decode.containers import sniff
        from matcher.decode.decoder import Decoder
        from matcher.decode.frames import Frame, frames
        from matcher.examine import MatchingExaminer
        from matcher.hashers import HASHERS

    class Nothing:
        def examine(self, image_bytes: bytes) -> Examination:  # noqa: ARG002  # that is the point
            return Examination(sha256="0" * 64, state=State.CLEAR)

    class Pdq:
        def examine(self, image_bytes: bytes) -> Examination:
            digest = hashlib.sha256(image_bytes).hexdigest()
            for frame in frames(sniff.walk(image_bytes), whole=False, coarse=True):
                if isinstance(frame, Frame):
                    HASHERS["pdq"].hash(frame.plane, ("",), False)
            return Examination(sha256=digest, state=State.CLEAR)

    def run() -> int:
        decoder = Decoder() if examining == "all" else None
        if decoder is not None:
            hashes = stores.sql.SqlEnrolledHashes()
            examiner: Any = MatchingExaminer(hashes, decoder, folder=folder / "index", limits=Limits())
        else:
            examiner = {"nothing": Nothing, "pdq": Pdq}[examining]()
        services = CrawlServices(
            frontier_path=folder / "frontier.sqlite3",
            lock_folder=folder / "locks",
            examiner=examiner,
            hit_log=stores.sql.SqlHitLog(),
            site_book=stores.sql.SqlSiteBook(),
            user_agent=USER_AGENT,
            still_agreed=lambda: None,
            clock=lambda: datetime.now(UTC),
            memory=stores.sql.SqlSiteMemory() if remembering else None,
            recipe="views-1",
        )
        summary = crawl_site(site, services, on_image=lambda _: None, on_progress=lambda _: None)
        if decoder is not None:
            examiner.close()
            decoder.close()
        images = summary["images"]
        assert isinstance(images, Mapping)
        return sum(images.values())

    return run


ARMS: Final[dict[str, Callable[[str, Path], Callable[[], int]]]] = {
    "Scrapy ImagesPipeline": lambda url, folder: images_pipeline(url, folder, None),
    "Scrapy ImagesPipeline + imagehash.phash": lambda url, folder: images_pipeline(url, folder, phash),
    "Scrapy ImagesPipeline + pdqhash": lambda url, folder: images_pipeline(url, folder, pdq),
    "Crawlee": lambda url, folder: crawlee(url, folder, None),
    "Crawlee, its queue in memory": lambda url, folder: crawlee(url, folder, None, in_memory=True),
    "Crawlee + imagehash.phash": lambda url, folder: crawlee(url, folder, phash),
    "Crawlee + pdqhash": lambda url, folder: crawlee(url, folder, pdq),
    "Stillwatch, fetch alone": lambda url, folder: ours(url, folder, "nothing"),
    "Stillwatch, remembering": lambda url, folder: ours(url, folder, "nothing", remembering=True),
    "Stillwatch, PDQ": lambda url, folder: ours(url, folder, "pdq"),
    "Stillwatch, full recipe": lambda url, folder: ours(url, folder, "all"),
    "Stillwatch, full recipe, remembering": lambda url, folder: ours(url, folder, "all", remembering=True),
}


def cpu_s() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    arm, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    run = ARMS[arm](url, folder)
    before, began = cpu_s(), time.perf_counter()
    images = run()
    print(
        json.dumps(
            {
                "images": images,
                "cpu_s": cpu_s() - before,
                "wall_s": time.perf_counter() - began,
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "threads": threading.active_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
