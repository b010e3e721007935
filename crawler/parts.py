"""Scripts and styles that many pages of a site have: asked for once a crawl, as far as memory is allowed."""

from collections import OrderedDict
from typing import Final

from crawler.fetch import Fetched

MOST_BYTES: Final = 32 * 2**20


class Parts:
    """Those that were wanted last stay."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, Fetched] = OrderedDict()
        self._byte_count = 0

    def get(self, url: str) -> Fetched | None:
        if url in self._kept:
            self._kept.move_to_end(url)
        return self._kept.get(url)

    def keep(self, url: str, part: Fetched) -> None:
        if url in self._kept:
            return
        self._kept[url] = part
        self._byte_count += len(part.body)
        while self._byte_count > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._byte_count -= len(oldest.body)
