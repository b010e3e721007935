"""A gallery: pages that show pictures and link to further pages. Everything a page names is followed, as far as the agreement goes."""

from typing import ClassVar

from crawler import links
from crawler.fetch import Fetched
from crawler.links import PageLinks
from crawler.spiders.site import SiteSpider


class GallerySpider(SiteSpider):
    name: ClassVar[str] = "gallery"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    @staticmethod
    def read_page(page: Fetched) -> PageLinks:
        return links.read_page(page.body, page.final_url, page.headers.get("content-type"))
