"""What was seen, in this process's memory: one segment a site and day."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from core.model import SeenBlock, SeenPicture, SeenPlace, SeenSegment, derived_id


class MemorySeen:
    """Implements core.ports.SeenLog and SeenStore."""

    def __init__(self, refresh: timedelta = timedelta(days=7)) -> None:
        self._refresh = refresh
        self._lock = threading.RLock()
        self._segments: dict[str, list[SeenPicture]] = {}
        self._last: dict[tuple[str, str, str], datetime] = {}

    def add(self, pictures: Sequence[SeenPicture]) -> None:
        with self._lock:
            for picture in pictures:
                where = picture.sighting
                at = (where.site, where.image_url, picture.sha256)
                last = self._last.get(at)
                if picture.fingerprints and (last is None or where.seen_at - last >= self._refresh):
                    self._last[at] = where.seen_at
                    name = derived_id("segment", where.site, where.seen_at.date().isoformat())
                    self._segments.setdefault(name, []).append(picture)

    def segments(self, since: datetime | None = None) -> Sequence[SeenSegment]:
        with self._lock:
            found = [_segment(name, pictures) for name, pictures in self._segments.items()]
        return sorted(
            (each for each in found if since is None or each.newest > since), key=lambda each: (each.oldest, each.name)
        )

    @contextmanager
    def blocks(self, segment: str) -> Iterator[Sequence[SeenBlock]]:
        with self._lock:
            places = _by_hasher(self._segments.get(segment, []))
        yield [_block(hasher, seen) for hasher, seen in places.items()]

    def places(self, segment: str, hasher: str, rows: Sequence[int]) -> Sequence[SeenPlace]:
        with self._lock:
            places = _by_hasher(self._segments.get(segment, [])).get(hasher)
        return [] if places is None else [places[row] for row in rows]

    def erase_site(self, site: str) -> int:
        with self._lock:
            return self._drop([each.name for each in self.segments() if each.site == site])

    def forget(self, before: datetime) -> int:
        with self._lock:
            return self._drop([each.name for each in self.segments() if each.newest < before])

    def _drop(self, names: Sequence[str]) -> int:
        gone = [picture for name in names for picture in self._segments.pop(name)]
        for picture in gone:
            self._last.pop((picture.sighting.site, picture.sighting.image_url, picture.sha256), None)
        return sum(len(picture.fingerprints) for picture in gone)


def _segment(name: str, pictures: Sequence[SeenPicture]) -> SeenSegment:
    times = [picture.sighting.seen_at for picture in pictures]
    return SeenSegment(
        name=name,
        site=pictures[0].sighting.site,
        fingerprints=sum(len(picture.fingerprints) for picture in pictures),
        oldest=min(times),
        newest=max(times),
    )


def _by_hasher(pictures: Sequence[SeenPicture]) -> dict[str, list[SeenPlace]]:
    places: dict[str, list[SeenPlace]] = {}
    for picture in pictures:
        for each in picture.fingerprints:
            place = SeenPlace(sighting=picture.sighting, sha256=picture.sha256, fingerprint=replace(each, time_s=None))
            places.setdefault(each.hasher, []).append(place)
    return places


def _block(hasher: str, seen: Sequence[SeenPlace]) -> SeenBlock:
    """Rows as little-endian 64-bit words, the most significant word first."""
    rows = bytearray()
    for place in seen:
        bits = bytes.fromhex(place.fingerprint.bits)
        for at in range(0, len(bits), 8):
            rows += bits[at : at + 8][::-1]
    width = len(seen[0].fingerprint.bits) * 4
    return SeenBlock(hasher=hasher, bits=width, count=len(seen), rows=memoryview(bytes(rows)), slices=None)
