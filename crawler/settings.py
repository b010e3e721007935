"""Scrapy's settings for sites nobody can vouch for. Scrapy's defaults are not; each value here says why it is set.

Live objects are never settings (Scrapy copies them deeply): they reach the components through the spider.
"""

import logging

from scrapy.logformatter import LogFormatter, LogFormatterResult

from core.model import Politeness


def scrapy_settings(politeness: Politeness) -> dict[str, object]:
    return {
        # One loop, no reactor: nothing of Twisted's network is used, and several passes may run in one process, one after the other.
        "TWISTED_REACTOR_ENABLED": False,
        # Every request goes through the one guarded fetch; no other scheme exists (Scrapy's default reads local files).
        "DOWNLOAD_HANDLERS": {
            "http": "crawler.handler.GuardedHandler",
            "https": "crawler.handler.GuardedHandler",
            "data": None,
            "file": None,
            "ftp": None,
            "s3": None,
        },
        "SCHEDULER": "crawler.scheduler.FrontierScheduler",  # with leases: Scrapy's own queues forget what a kill interrupts
        "ITEM_PIPELINES": {"crawler.pipeline.Pipeline": 100},
        # Redirects, cookies, referer, robots, retries, decompression, proxies and caches: the guarded fetch and the frontier decide,
        # hop by hop and within the agreement. A second opinion in between could only let something through.
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES_BASE": {},
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": False,
        "REDIRECT_ENABLED": False,
        "RETRY_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "HTTPCACHE_ENABLED": False,  # would store bodies on disk
        "HTTPPROXY_ENABLED": False,  # would read the environment
        # Telnet and remote control run any Python in this process; the rest of Scrapy's extensions are of no use here.
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "EXTENSIONS_BASE": {},
        "DEPTH_LIMIT": 0,  # chains of 200 "older" pages are real; traps are told by what they bring (crawler.branches)
        "DOWNLOAD_DELAY": 0,  # crawler.asking waits, for redirects and robots.txt too
        "CONCURRENT_REQUESTS": 0,  # no limit of its own: the scheduler hands out what each host may have under way
        "CONCURRENT_REQUESTS_PER_DOMAIN": politeness.concurrency,
        "CONCURRENT_ITEMS": 1,  # one item a response; the default of 100 makes 100 tasks for each (1.6 times the CPU of a crawl)
        "SCRAPER_SLOT_MAX_ACTIVE_SIZE": 64 * 2**20,  # bytes of bodies in memory before nothing more is asked for
        "WARN_ON_GENERATOR_RETURN_VALUE": False,  # parses the spider's source at run time
        "STATS_DUMP": False,  # the summary of the pass says it, by state
        "LOG_FORMATTER": "crawler.settings.WithoutUrls",
        # Never read, as nothing of Scrapy's own speaks to a network; safe all the same should a later version look.
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_MAXSIZE": 48 * 2**20,
        "DOWNLOAD_TIMEOUT": 60,
    }


class WithoutUrls(LogFormatter):
    """Scrapy's log names every URL and item it touches: that is where somebody's pictures are."""

    def crawled(self, *_: object) -> None:  # type: ignore[override]  # None: no line, see LogFormatter's docstring
        return None

    def scraped(self, *_: object) -> None:  # type: ignore[override]  # as above
        return None

    def dropped(self, *_: object) -> None:  # type: ignore[override]  # as above
        return None

    def item_error(self, *_: object) -> LogFormatterResult:
        return {"level": logging.ERROR, "msg": "crawl.item_failed", "args": {}}

    def spider_error(self, *_: object) -> LogFormatterResult:
        return {"level": logging.ERROR, "msg": "crawl.reading_failed", "args": {}}

    def download_error(self, *_: object) -> LogFormatterResult:
        return {"level": logging.ERROR, "msg": "crawl.asking_failed", "args": {}}
