"""Scrapy's download handler for http and https: hands every request to the one guarded fetch."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from core.model import Known, State
from crawler.fetch import Copy, Fetched, NotFetched, Unchanged
from crawler.frontier import Leased, What
from crawler.scope import Wanted
from crawler.under_way import UnderWay

WANTED = {What.PAGE: Wanted.PAGE, What.IMAGE: Wanted.IMAGE}


class Looked(Response):
    """What came of one leased URL. Scrapy sees the body, to bound what is in memory; ours is the outcome."""

    __slots__ = ("known", "leased", "outcome")

    def __init__(self, leased: Leased, outcome: Fetched | NotFetched, known: Known | None) -> None:
        super().__init__(leased.url, body=outcome.body if isinstance(outcome, Fetched) else b"")
        self.leased = leased
        self.outcome = outcome
        self.known = known


class GuardedHandler:
    """See scrapy.core.downloader.handlers.DownloadHandlerProtocol."""

    lazy = False

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        under_way = getattr(crawler.spider, "under_way", None)
        assert isinstance(under_way, UnderWay), "started by crawl_site"
        return cls(under_way)

    async def download_request(self, request: Request) -> Response:
        leased: Leased = request.meta["leased"]  # its URL, not the request's: Scrapy may spell that anew
        outcome = request.meta.get("outcome")  # of a page that was asked whether it changed, and has
        return Looked(leased, outcome or await asked(self._under_way, leased), request.meta.get("known"))

    async def close(self) -> None:
        """The fetch is opened and closed by crawl_site, which asks for robots.txt through it too."""


async def asked(under_way: UnderWay, leased: Leased) -> Fetched | NotFetched:
    """What came of asking for it. Never raises: crawl_site raises what went wrong, once what is under way is given back."""
    try:
        return await under_way.asking.ask(leased.url, WANTED[leased.what])
    except Exception as error:  # noqa: BLE001  # as the docstring says
        return _failed(under_way, leased, error)


async def asked_again(under_way: UnderWay, leased: Leased, copy: Copy) -> Fetched | NotFetched | Unchanged:
    """As `asked`, of what was fetched before."""
    try:
        return await under_way.asking.ask_again(leased.url, WANTED[leased.what], copy)
    except Exception as error:  # noqa: BLE001  # as above
        return _failed(under_way, leased, error)


def _failed(under_way: UnderWay, leased: Leased, error: Exception) -> NotFetched:
    under_way.break_off(error)
    return NotFetched(url=leased.url, state=State.PENDING, reason="the asking failed")
