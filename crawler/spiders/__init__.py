"""The kinds of site there are: a file of config/sites names one of these.

A spider is loaded by whoever crawls. Whoever only asks which kinds there are, as the page does, is spared Scrapy: a second, and 60 MB.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.spiders.site import SiteSpider


def _gallery() -> "type[SiteSpider]":
    from crawler.spiders.gallery import GallerySpider

    return GallerySpider


KINDS: "dict[str, Callable[[], type[SiteSpider]]]" = {
    "gallery": _gallery,
}
