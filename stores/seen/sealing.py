"""From log to segment, by whoever holds the log: its worker, the next one, or the daily round."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from core.errors import StoreUnavailable
from stores.seen.damage import Damaged
from stores.seen.log import Contents, Log
from stores.seen.naming import LOG, MICROSECOND, SealedFile
from stores.seen.segment import Layout, Segment, layout, sealed_file
from stores.seen.shelf import Shelf

log = logging.getLogger(__name__)

SEAL_AT = 200_000  # fingerprints: 8 MB of rows and planes, a task of a sweep that takes milliseconds
SEAL_AFTER = timedelta(days=1)  # so that what is forgotten by age goes a day late at most


class Sealing(NamedTuple):
    """How logs become segments."""

    shelf: Shelf
    layouts: Mapping[str, Layout]
    seal_at: int = SEAL_AT
    seal_after: timedelta = SEAL_AFTER

    def due(self, held: Log, now_us: int) -> bool:
        return held.fingerprints >= self.seal_at or now_us - held.began_us >= self.seal_after // MICROSECOND

    def seal(self, held: Log) -> Segment | None:
        """The log is gone afterwards, and its segment there; None when nothing was in it, or its site was erased meanwhile.

        Raises StoreUnavailable: then the log is as it was, still held, and can be sealed later.
        """
        contents = held.contents()
        file = self._put(held, contents) if contents.records and not held.erased else None
        if held.erased:
            # Logs are erased before segments: whoever erased did it either before this look, or finds the segment.
            if file is not None:
                self.shelf.remove([file])
            held.close()
            log.info("seen.erased_while_written")
            return None
        if contents.lost:
            log.error("seen.log_damaged", extra={"segment": held.token, "bytes": contents.lost})
            held.set_aside()
        else:
            held.remove()
        return None if file is None else Segment(file, self.shelf)

    def _put(self, held: Log, contents: Contents) -> SealedFile:
        held.sync()
        file = sealed_file(contents, held.path.parent.name, held.token)
        self.shelf.put(file, layout(contents, self.layouts))
        return file

    def sealed_already(self, held: Log) -> bool:
        """A worker died between sealing its log and removing it."""
        for file in self.shelf.files(held.path.parent.name):
            if file.token == held.token:
                try:
                    Segment(file, self.shelf).check()
                except (Damaged, FileNotFoundError):
                    continue  # it never arrived whole: the log writes it again
                return True
        return False

    def take_left(self, path: Path, now_us: int) -> Log | None:
        """A log that nobody holds, to be gone on with. None: it is held, or there was no more to be done than sealing it.

        A shelf that does not answer only puts this off: what lies in a log is safe.
        """
        taken = Log.take(path)
        if taken is None:
            return None
        held, contents = taken
        try:
            if self.sealed_already(held):
                held.remove()
                return None
        except StoreUnavailable as error:
            log.warning("seen.not_sealed", extra={"reason": str(error)})
            held.close()
            return None
        if contents.lost or self.due(held, now_us):
            seal_if_possible(self, held)
            return None
        return held

    def seal_left(self, logs: Path, now_us: int, *, young_too: bool = False) -> None:
        """Seals what dead workers left and nobody goes on with, of any site. Young logs wait for a next pass, unless `young_too`."""
        for path in sorted(logs.glob(f"*/*{LOG}")):
            held = self.take_left(path, now_us)
            if held is not None and young_too:
                seal_if_possible(self, held)
            elif held is not None:
                held.close()


def seal_if_possible(sealing: Sealing, held: Log) -> Segment | None:
    """Its segment, or None; the log is let go of either way.

    What was seen lies safe in the log: a full disk, or a store that is away, only puts off the sealing.
    """
    try:
        return sealing.seal(held)
    except StoreUnavailable as error:
        log.warning("seen.not_sealed", extra={"reason": str(error)})
        held.close()
        return None
