"""What every kind of site has in common: a look is handed to the pipeline, and a page is read on the way. A kind says how to read."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

from scrapy import Request, Spider
from scrapy.http import Response

from core.errors import StillwatchError
from core.model import Known, State
from crawler.fetch import Fetched, Kind, NotFetched, Unchanged
from crawler.frontier import Leased
from crawler.handler import Looked
from crawler.links import PageLinks
from crawler.under_way import UnderWay

log = logging.getLogger(__name__)

LARGE_PAGE = 256 * 1024  # bytes; about 20 ms of reading


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one leased URL, with its links where it was a page."""

    leased: Leased
    outcome: Fetched | NotFetched | Unchanged | None = field(repr=False)  # None: of what is known, and is not asked for
    links: PageLinks | None = field(default=None, repr=False)
    known: Known | None = field(default=None, repr=False)  # from an earlier pass
    part_bytes: int = 0  # of what was asked for to read it


class SiteSpider(Spider):
    name: ClassVar[str]  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    def __init__(self, under_way: UnderWay) -> None:
        super().__init__()
        self.under_way = under_way

    async def start(self) -> AsyncIterator[Request]:
        """Nothing: the start pages are in the frontier, where a pass that was killed has its other URLs too."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def parse(self, response: Response, **_: object) -> AsyncIterator[Seen]:
        assert isinstance(response, Looked)
        outcome = response.outcome
        if not isinstance(outcome, Fetched) or outcome.kind not in (Kind.HTML, Kind.TEXT):
            yield Seen(response.leased, outcome, known=response.known)
            return
        try:
            seen = await self.look_at(response, outcome)
        except StillwatchError as error:  # of ours; crawl_site raises it
            self.under_way.break_off(error)
            given_back = NotFetched(url=outcome.url, state=State.PENDING, reason="the reading failed")
            seen = Seen(response.leased, given_back, known=response.known)
        except Exception as error:  # noqa: BLE001  # one page made to break its reader must not end the watch of the site
            # Without the traceback: it may quote the page.
            log.warning(
                "crawl.page_unreadable", extra={"site": self.under_way.site.name, "error": type(error).__name__}
            )
            unread = NotFetched(url=outcome.url, state=State.BROKEN, reason="could not be read")
            seen = Seen(response.leased, unread, known=response.known)
        yield seen

    async def look_at(self, looked: Looked, page: Fetched) -> Seen:
        """Reads a page. A kind that has to ask for more on the way says here what came of it."""
        if len(page.body) > LARGE_PAGE:
            links = await self.under_way.read(self.read_page, page)
        else:
            links = self.read_page(page)
        return Seen(looked.leased, page, links, looked.known)

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        """The pictures and pages that a page names. Pure: it may run in any thread."""
        raise NotImplementedError
