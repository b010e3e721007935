"""Was this picture kept already, and lately? Asked for every picture, so it reads a few words of sorted, mapped arrays.

A picture is 64 bits of a digest of site, image URL and SHA-256. Two pictures share a key about once in 2^64 / pictures kept: one in a
trillion at ten million. Then the second is not kept until the first has grown old.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from core.model import SeenPicture, derived_id


def key_of(picture: SeenPicture) -> int:
    digest = derived_id("seen", picture.sighting.site, picture.sighting.image_url, picture.sha256)
    return int(digest[:16], 16)


class KeptKeys(NamedTuple):
    """The keys of one segment, sorted, and beside each when it was seen. Mapped."""

    newest_us: int
    keys: memoryview  # of unsigned 64-bit words
    seen_us: memoryview  # of signed ones

    def seen(self, key: int) -> int | None:
        at = bisect_left(self.keys, key)
        return self.seen_us[at] if at < len(self.keys) and self.keys[at] == key else None


class Known:
    """What is kept of one site and not yet due to be written again."""

    def __init__(self, sealed: Iterable[KeptKeys], logged: dict[int, int]) -> None:
        self._sealed = list(sealed)
        self._logged = logged  # key → seen at (µs), of the log that is being written: bounded by its length

    def since(self, key: int, since_us: int) -> bool:
        """Kept, and seen after `since_us`."""
        if self._logged.get(key, since_us) > since_us:
            return True
        self._sealed = [each for each in self._sealed if each.newest_us > since_us]
        return any((each.seen(key) or since_us) > since_us for each in self._sealed)

    def add(self, keys: Iterable[tuple[int, int]]) -> None:
        self._logged.update(keys)

    def sealed(self, segment: KeptKeys | None) -> None:
        """The log became a segment. None: it could not be read back, and its pictures may be kept twice."""
        self._logged = {}
        if segment is not None:
            self._sealed.append(segment)
