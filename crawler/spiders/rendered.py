"""A site whose pages are put together by scripts: each is read as a browser shows it, scrolled down. What is asked for is as in a gallery.

The browser says which pictures there are; their bytes are fetched by the crawl.
"""

from dataclasses import replace
from typing import ClassVar

from crawler.fetch import Fetched, Kind, NotFetched
from crawler.handler import Looked
from crawler.spiders.gallery import GallerySpider
from crawler.spiders.site import Seen


class RenderedSpider(GallerySpider):
    name: ClassVar[str] = "rendered"  # type: ignore[misc]  # Scrapy reads it from the class and from the object

    async def look_at(self, looked: Looked, page: Fetched) -> Seen:
        if page.kind is not Kind.HTML:
            return await super().look_at(looked, page)
        rendered = await self.under_way.rendering.render(page)
        if isinstance(rendered, NotFetched):
            return Seen(looked.leased, rendered, known=looked.known)
        if rendered.unread is not None:
            came = len(page.body) + rendered.part_bytes
            return Seen(looked.leased, rendered.unread, rendered.links, looked.known, came)
        return Seen(looked.leased, _always_anew(page), rendered.links, looked.known, rendered.part_bytes)


def _always_anew(page: Fetched) -> Fetched:
    """Its HTML may say for ever that it did not change, while what its scripts show is new each day."""
    headers = {name: value for name, value in page.headers.items() if name not in ("etag", "last-modified")}
    return replace(page, headers=headers)
