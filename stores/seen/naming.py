"""What files are called, and what their names say: counts and times, so that a listing answers which segments there are."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from core.model import derived_id

SEALED = ".seen"
LOG = ".unsealed"  # not ".log": what a program says of itself is kept and passed on by other rules
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def site_folder(site: str) -> str:
    return derived_id("seen-site", site)


def micros(at: datetime) -> int:
    """Since 1970, exactly: a float of seconds would lose the last digits."""
    return (at - EPOCH) // MICROSECOND


def moment(at_us: int) -> datetime:
    return EPOCH + at_us * MICROSECOND


class SealedFile(NamedTuple):
    """A segment's file, as its path on the shelf tells of it: FOLDER/TOKEN.FINGERPRINTS.OLDEST.NEWEST.seen"""

    folder: str
    token: str
    fingerprints: int
    oldest_us: int
    newest_us: int

    @property
    def path(self) -> str:
        return f"{self.segment}.{self.fingerprints}.{self.oldest_us}.{self.newest_us}{SEALED}"

    @property
    def segment(self) -> str:
        """The name that the segment had as a log already."""
        return f"{self.folder}/{self.token}"

    @classmethod
    def of(cls, path: str) -> Self | None:
        """None for a file that is not one of ours."""
        folder, _, name = path.rpartition("/")
        parts = name.removesuffix(SEALED).split(".")
        if not name.endswith(SEALED) or "/" in folder or not folder or len(parts) != 4:
            return None
        if not all(number.removeprefix("-").isdecimal() for number in parts[1:]):
            return None
        return cls(folder, parts[0], *(int(number) for number in parts[1:]))
