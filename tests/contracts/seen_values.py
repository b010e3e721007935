"""Pictures that were seen, and everything that a store has of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.model import Fingerprint, ImageSighting, SeenPicture, SeenPlace
from core.ports import SeenStore

NOW = datetime(2026, 11, 24, 12, 0, 0, 123457, tzinfo=UTC)
DAY = timedelta(days=1)
REFRESH = 7 * DAY
BITS = {"pdq": 256, "phash64": 64}


def planes(rows: bytes) -> bytes:
    """Stands for bit planes: the store asks nothing of them."""
    return bytes(len(rows) // 2) + rows[:8]


LAYOUTS = {"pdq": planes}


def print_of(number: int, hasher: str = "pdq", view: str = "full") -> Fingerprint:
    bits = (number * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95) % 2 ** BITS[hasher]
    return Fingerprint(hasher=hasher, view=view, bits=f"{bits:0{BITS[hasher] // 4}x}", quality=number % 101)


def seen(number: int, *, at: datetime = NOW, site: str = "gallery", prints: int = 2) -> SeenPicture:
    hashers = ["pdq", "phash64", *["pdq"] * 100]
    return SeenPicture(
        sighting=ImageSighting(
            site=site,
            page_url=f"https://{site}.example/page/{number // 10}?q=ä",
            image_url=f"https://{site}.example/{number}.jpg",
            seen_at=at,
        ),
        sha256=f"{number:064x}",
        fingerprints=tuple(
            print_of(number * 100 + n, hashers[n], "full" if n < 2 else f"full@{n}") for n in range(prints)
        ),
    )


def everything(store: SeenStore, since: datetime | None = None) -> list[SeenPlace]:
    """By all three doors: segments, their blocks, the places of every row, whose bits must be those of the block."""
    found: list[SeenPlace] = []
    for segment in store.segments(since):
        count = 0
        with store.blocks(segment.name) as blocks:
            for block in blocks:
                places = store.places(segment.name, block.hasher, range(block.count))
                assert [place.fingerprint.bits for place in places] == rows_of(block.rows, block.bits)
                assert {place.fingerprint.hasher for place in places} == {block.hasher}
                found += places
                count += block.count
        assert count == segment.fingerprints
        times = [place.sighting.seen_at for place in found[-count:]]
        assert (segment.oldest, segment.newest) == (min(times), max(times))
        assert {place.sighting.site for place in found[-count:]} == {segment.site}
    return found


def rows_of(rows: memoryview, bits: int) -> list[str]:
    """As the port says it: little-endian words, the most significant one first."""
    width = bits // 8
    return [
        "".join(f"{int.from_bytes(rows[at + word : at + word + 8], 'little'):016x}" for word in range(0, width, 8))
        for at in range(0, len(rows), width)
    ]


def flat(pictures: Sequence[SeenPicture]) -> set[SeenPlace]:
    return {
        SeenPlace(sighting=picture.sighting, sha256=picture.sha256, fingerprint=each)
        for picture in pictures
        for each in picture.fingerprints
    }
