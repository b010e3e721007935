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


def _forum() -> "type[SiteSpider]":
    from crawler.spiders.forum import ForumSpider

    return ForumSpider


def _imageboard() -> "type[SiteSpider]":
    from crawler.spiders.imageboard import ImageboardSpider

    return ImageboardSpider


def _booru() -> "type[SiteSpider]":
    from crawler.spiders.booru import BooruSpider

    return BooruSpider


def _feed() -> "type[SiteSpider]":
    from crawler.spiders.feed import FeedSpider

    return FeedSpider


def _wordpress() -> "type[SiteSpider]":
    from crawler.spiders.wordpress import WordpressSpider

    return WordpressSpider


def _mastodon() -> "type[SiteSpider]":
    from crawler.spiders.mastodon import MastodonSpider

    return MastodonSpider


def _rendered() -> "type[SiteSpider]":
    from crawler.spiders.rendered import RenderedSpider

    return RenderedSpider


KINDS: "dict[str, Callable[[], type[SiteSpider]]]" = {
    "gallery": _gallery,
    "forum": _forum,
    "imageboard": _imageboard,
    "booru": _booru,
    "feed": _feed,
    "wordpress": _wordpress,
    "mastodon": _mastodon,
    "rendered": _rendered,
}
BY_BROWSER = frozenset(("rendered",))  # kinds whose pages say nothing before their scripts have run
