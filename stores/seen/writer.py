"""What a crawl writes: implements core.ports.SeenLog."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import StoreUnavailable
from core.model import SeenPicture
from stores.seen.known import KeptKeys, Known, key_of
from stores.seen.log import Log, read_file, record_of
from stores.seen.naming import LOG, MICROSECOND, micros, site_folder
from stores.seen.sealing import SEAL_AFTER, SEAL_AT, Sealing, seal_if_possible
from stores.seen.segment import Layout, Segment
from stores.seen.shelf import Shelf

log = logging.getLogger(__name__)

SYNC_S = 3.0  # a machine that loses power loses what was written since; a killed process loses nothing
REFRESH = timedelta(days=7)


class SeenWriter:
    """Writes a log a site. A context manager: leaving it lets go of the logs, for the next pass to go on with.

    logs        a local folder, shared by the workers of this machine
    layouts     hasher → what turns rows into bit planes
    refresh     a picture is written again when it was kept longer ago
    seal_end    leaving seals what was written, because machines that read the shelf do not see our logs
    """

    def __init__(
        self,
        logs: Path,
        shelf: Shelf,
        *,
        layouts: Mapping[str, Layout],
        refresh: timedelta = REFRESH,
        seal_at: int = SEAL_AT,
        seal_after: timedelta = SEAL_AFTER,
        seal_end: bool = False,
    ) -> None:
        self._logs = logs
        self._sealing = Sealing(shelf, layouts, seal_at, seal_after)
        self._refresh_us = refresh // MICROSECOND
        self._seal_end = seal_end
        self._sites: dict[str, _Site] = {}
        self._newest_us = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._syncing = threading.Thread(target=self._keep_synced, name="seen sync", daemon=True)

    def __enter__(self) -> Self:
        self._syncing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, pictures: Sequence[SeenPicture]) -> None:
        with self._lock:
            for site, group in groupby(
                sorted(pictures, key=lambda one: one.sighting.site), key=lambda one: one.sighting.site
            ):
                of_site = [picture for picture in group if picture.fingerprints]
                if of_site:
                    self._site(site, micros(of_site[0].sighting.seen_at)).add(of_site)
                    self._newest_us = max(self._newest_us, *(micros(each.sighting.seen_at) for each in of_site))

    def close(self) -> None:
        self._ended.set()
        with suppress(RuntimeError):  # never started
            self._syncing.join()
        with self._lock, ExitStack() as all_of_them:  # one that fails does not keep the others open
            if self._newest_us:
                all_of_them.callback(self._sealing.seal_left, self._logs, self._newest_us, young_too=self._seal_end)
            for site in self._sites.values():
                all_of_them.callback(site.close, seal=self._seal_end)
            self._sites = {}

    def _site(self, site: str, now_us: int) -> "_Site":
        if site not in self._sites:
            self._sites[site] = _Site(self._logs / site_folder(site), site, self._sealing, self._refresh_us, now_us)
        return self._sites[site]

    def _keep_synced(self) -> None:
        while not self._ended.wait(SYNC_S):
            with self._lock:
                for site in self._sites.values():
                    site.sync()


class _Site:
    """The log of one site, and what is known to be kept of it."""

    def __init__(self, folder: Path, site: str, sealing: Sealing, refresh_us: int, now_us: int) -> None:
        self._folder = folder
        self._name = site
        self._sealing = sealing
        self._refresh_us = refresh_us
        self._erased = False
        self._failed: StoreUnavailable | None = None
        self._log = self._left_by_another(now_us)
        self._known = Known(self._kept(now_us - refresh_us), self._logged())

    def add(self, pictures: Iterable[SeenPicture]) -> None:
        if self._failed is not None:
            raise self._failed
        fresh: dict[int, SeenPicture] = {}
        for picture in pictures:
            key, seen_us = key_of(picture), micros(picture.sighting.seen_at)
            if key not in fresh and not self._known.since(key, seen_us - self._refresh_us):
                fresh[key] = picture
        if not fresh or self._was_erased():
            return
        now_us = max(micros(picture.sighting.seen_at) for picture in fresh.values())
        if self._log is None:
            self._log = Log.begin(self._folder, self._name, now_us)
        self._log.append(
            [record_of(picture, key) for key, picture in fresh.items()],
            sum(len(picture.fingerprints) for picture in fresh.values()),
        )
        self._known.add((key, micros(picture.sighting.seen_at)) for key, picture in fresh.items())
        if self._sealing.due(self._log, now_us):
            self._seal()

    def sync(self) -> None:
        """What could not be brought to the disk is told to the next who writes: it may be lost."""
        try:
            if self._log is not None:
                self._log.sync()
        except StoreUnavailable as error:
            self._failed = error

    def close(self, *, seal: bool) -> None:
        if self._log is None:
            return
        if seal or self._log.erased:
            self._seal()
            return
        self.sync()
        self._log.close()
        self._log = None
        if self._failed is not None:
            raise self._failed

    # --------------------------------------------------------------------------------------------------------- within

    def _was_erased(self) -> bool:
        """Whoever erased a site while it was crawled does not get it back from this crawl."""
        self._erased = self._erased or (self._log is not None and self._log.erased)
        return self._erased

    def _seal(self) -> None:
        held, self._log = self._log, None
        segment = None if held is None else seal_if_possible(self._sealing, held)
        self._known.sealed(None if segment is None else _keys(segment))

    def _left_by_another(self, now_us: int) -> Log | None:
        """The log of a worker that ended: gone on with, so that many short passes do not make many small segments."""
        for path in sorted(self._folder.glob(f"*{LOG}")):
            held = self._sealing.take_left(path, now_us)
            if held is not None:
                return held
        return None

    def _logged(self) -> dict[int, int]:
        contents = None if self._log is None else read_file(self._log.path)
        return {} if contents is None else {record.key: record.seen_us for record in contents.records}

    def _kept(self, since_us: int) -> list[KeptKeys]:
        """Not knowing costs room, and no more: what cannot be read is kept once more."""
        try:
            files = self._sealing.shelf.files(self._folder.name)
        except StoreUnavailable as error:
            log.warning("seen.known_unread", extra={"reason": str(error)})
            return []
        found = (_keys(Segment(file, self._sealing.shelf)) for file in files if file.newest_us > since_us)
        return [keys for keys in found if keys is not None]


def _keys(segment: Segment) -> KeptKeys | None:
    try:
        return segment.known()
    except FileNotFoundError:
        return None
    except StoreUnavailable as error:
        log.warning("seen.known_unread", extra={"reason": str(error)})
        return None
