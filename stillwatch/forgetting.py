"""What crawls of a site were about to do goes with its agreement: at once, and each day what a crawl wrote after that, or is too old."""

from datetime import datetime

from core.model import Standing
from stillwatch.wiring import House


def forget_crawl(house: House, site: str) -> int:
    """Of a site whose agreement has ended. Returns how many URLs."""
    with house.frontier() as frontier:
        return frontier.erase(site)


def forget_crawls(house: House, begun_before: datetime) -> int:
    """Of every site that was revoked, and of those that nobody crawled since then: their files may be gone. Returns how many URLs."""
    gone = 0
    with house.frontier() as frontier:
        for site in frontier.sites():
            revoked = house.site_book.standing(site) is Standing.REVOKED
            gone += frontier.erase(site, None if revoked else begun_before)
    return gone
