"""Everything seen: fingerprints of each picture that was compared, with place and time; never the picture.

    crawl ── SeenWriter.add ──→ a log of this worker ── sealed ──→ a segment on a shelf ──→ SeenSegments.blocks ──→ sweep

A log (`log.py`) is a local file of records, written before the crawl settles the URL. Once large or old it becomes a segment
(`segment.py`): one file that never changes, laid out to be mapped, each part with its checksum. Segments lie on a shelf (`shelf.py`): a
local folder, or an object store behind a cache. Logs and segments hold one site each and lie in a folder of that site, so that a site
is erased with its folder. The folder is named by a digest: no file name says what is watched.
"""

from stores.seen.segments import SeenSegments
from stores.seen.shelf import LocalShelf, RemoteShelf, Shelf, shelf_at
from stores.seen.writer import SeenWriter

__all__ = ["LocalShelf", "RemoteShelf", "SeenSegments", "SeenWriter", "Shelf", "shelf_at"]
