"""Looking back finds what judging every picture again would find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Enrolment, Fingerprint, ImageSighting, Match, PersonId, SeenBlock, SeenPlace, Tier
from matcher import confirm
from matcher.hamming import slices
from matcher.index import words
from matcher.sweep import Asked, Found, find

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BITS = {"pdq": 256, "phash64": 64}
PEOPLE = ("ada", "eve", "ida")


@dataclass(frozen=True)
class Seen:
    """A picture as a segment holds it."""

    url: str
    sha256: str
    at: datetime
    fingerprints: tuple[Fingerprint, ...]

    @property
    def sighting(self) -> ImageSighting:
        return ImageSighting(site="gallery", page_url="https://gallery.example/", image_url=self.url, seen_at=self.at)


def fingerprint(hasher: str, value: int, *, view: str = "full", quality: int = 90) -> Fingerprint:
    return Fingerprint(hasher=hasher, view=view, bits=f"{value:0{BITS[hasher] // 4}x}", quality=quality)


def segment(pictures: Sequence[Seen]) -> tuple[list[SeenBlock], Mapping[str, list[SeenPlace]]]:
    places: dict[str, list[SeenPlace]] = {}
    for picture in pictures:
        for each in picture.fingerprints:
            place = SeenPlace(sighting=picture.sighting, sha256=picture.sha256, fingerprint=each)
            places.setdefault(each.hasher, []).append(place)
    blocks = []
    for hasher, rows in places.items():
        packed = words([row.fingerprint.bits for row in rows]).astype("<u8").tobytes()
        blocks.append(
            SeenBlock(hasher=hasher, bits=BITS[hasher], count=len(rows), rows=memoryview(packed), slices=None)
        )
    return blocks, places


def sealed(block: SeenBlock) -> SeenBlock:
    planes = memoryview(slices.planes_of(block.rows, block.bits))
    return SeenBlock(hasher=block.hasher, bits=block.bits, count=block.count, rows=block.rows, slices=planes)


def swept(
    enrolled: Sequence[Enrolment], pictures: Sequence[Seen], *, many: int = 4096, seal: bool = False
) -> Sequence[Found]:
    blocks, places = segment(pictures)
    blocks = [sealed(block) for block in blocks] if seal else blocks
    return find(Asked(enrolled, many=many), blocks, lambda hasher, rows: [places[hasher][row] for row in rows])


def judged(enrolled: Sequence[Enrolment], pictures: Sequence[Seen]) -> list[Found]:
    """The obvious way: every picture again, every pair."""
    found = []
    for key in sorted({(each.url, each.sha256) for each in pictures}):
        same = [each for each in pictures if (each.url, each.sha256) == key]
        matches = [
            Match(enrolment=entry, seen=each, distance=distance)
            for picture in same
            for each in picture.fingerprints
            for entry in enrolled
            if entry.fingerprint.hasher == each.hasher
            and (distance := (int(entry.fingerprint.bits, 16) ^ int(each.bits, 16)).bit_count()) <= entry.threshold
        ]
        first = min(same, key=lambda each: each.at)
        found += [
            Found(finding=finding, sighting=first.sighting, sha256=first.sha256)
            for finding in confirm.findings(matches)
        ]
    return found


def near(centre: int, flips: int, dice: np.random.Generator, bits: int) -> int:
    for bit in dice.choice(bits, size=flips, replace=False):
        centre ^= 1 << int(bit)
    return centre


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Enrolment], list[Seen]]:
    """People and pictures around a few centres, so that distances lie on both sides of every threshold."""
    dice = np.random.default_rng(draw(st.integers(0, 2**32)))
    centres = {hasher: [int.from_bytes(dice.bytes(bits // 8)) for _ in range(3)] for hasher, bits in BITS.items()}

    def some(hasher: str, number: int, quality: int) -> Fingerprint:
        value = near(centres[hasher][int(dice.integers(3))], int(dice.integers(0, 40)), dice, BITS[hasher])
        return fingerprint(hasher, value, view=f"full/{number}", quality=quality)

    enrolled = [
        Enrolment(
            person=PersonId(PEOPLE[int(dice.integers(3))]),
            ref=f"ref-{number}",
            fingerprint=some(hasher, number, draw(st.sampled_from((49, 50, 90)))),
            threshold=draw(st.sampled_from((0, 6, 31, 64))),
        )
        for hasher in BITS
        for number in range(draw(st.integers(0, 12)))
    ]
    pictures = [
        Seen(
            url=f"https://gallery.example/{int(dice.integers(6))}.jpg",
            sha256=f"{int(dice.integers(2)):064x}",
            at=NOW + timedelta(minutes=int(dice.integers(100))),
            fingerprints=tuple(
                some(hasher, number, int(dice.integers(48, 52)))
                for hasher in BITS
                for number in range(int(dice.integers(0, 4)))
            ),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]
    # The same picture at the same URL is seen at one moment with one set of hashes, or at another with the same.
    return enrolled, [each for each in pictures if each.fingerprints]


def same(found: Sequence[Found], expected: Sequence[Found]) -> bool:
    """But for the order of equal moments: of two sightings at one moment either may be called the first."""
    return [(each.finding, each.sha256, each.sighting.image_url, each.sighting.seen_at) for each in found] == [
        (each.finding, each.sha256, each.sighting.image_url, each.sighting.seen_at) for each in expected
    ]


@pytest.mark.parametrize(
    ("many", "seal"), [(1, False), (4096, False), (4096, True)], ids=["index", "rows", "bit planes"]
)
def test_a_sweep_judges_as_a_crawl_would_have_judged(many: int, seal: bool) -> None:
    @given(scenes())
    def check(scene: tuple[list[Enrolment], list[Seen]]) -> None:
        enrolled, pictures = scene

        found, expected = swept(enrolled, pictures, many=many, seal=seal), judged(enrolled, pictures)

        assert [(each.finding, each.sha256, each.sighting.image_url) for each in found] == [
            (each.finding, each.sha256, each.sighting.image_url) for each in expected
        ]

    check()


def enrolment(value: int, *, hasher: str = "pdq", threshold: int = 31, person: str = "ada") -> Enrolment:
    return Enrolment(person=PersonId(person), ref="ref", fingerprint=fingerprint(hasher, value), threshold=threshold)


def seen(*values: int, url: str = "https://gallery.example/1.jpg", at: datetime = NOW) -> Seen:
    return Seen(url=url, sha256="0" * 64, at=at, fingerprints=tuple(fingerprint("pdq", each) for each in values))


@pytest.mark.parametrize("many", [1, 4096])
@pytest.mark.parametrize(("distance", "found"), [(30, 1), (31, 1), (32, 0)])
def test_the_threshold_is_inclusive(distance: int, found: int, many: int) -> None:
    assert len(swept([enrolment(0)], [seen(2**distance - 1)], many=many)) == found


@pytest.mark.parametrize("many", [1, 4096])
def test_each_enrolment_has_its_own_threshold(many: int) -> None:
    enrolled = [enrolment(0, threshold=5), enrolment(0, threshold=40, person="eve")]

    (only,) = swept(enrolled, [seen(2**20 - 1)], many=many)

    assert only.finding.match.enrolment.person == "eve"


def test_of_a_picture_seen_twice_the_earliest_moment_is_told() -> None:
    pictures = [seen(1, at=NOW), seen(1, at=NOW - timedelta(days=3)), seen(1, at=NOW + timedelta(days=1))]

    (only,) = swept([enrolment(0)], pictures)

    assert only.sighting.seen_at == NOW - timedelta(days=3)
    assert only.finding.tier is Tier.CONFIRMED


def test_only_what_was_seen_since_a_moment_counts() -> None:
    blocks, places = segment(
        [seen(1, at=NOW), seen(1, url="https://gallery.example/2.jpg", at=NOW - timedelta(days=3))]
    )

    found = find(Asked([enrolment(0)]), blocks, lambda hasher, rows: [places[hasher][row] for row in rows], since=NOW)

    assert [each.sighting.seen_at for each in found] == [NOW]


def test_a_segment_that_was_erased_meanwhile_holds_nothing() -> None:
    blocks, _ = segment([seen(1)])

    assert find(Asked([enrolment(0)]), blocks, lambda _hasher, _rows: []) == []


def test_nobody_and_nothing_seen_make_no_find() -> None:
    assert swept([], [seen(1)]) == []
    assert swept([enrolment(0)], []) == []
    assert Asked([]).nothing


def test_a_hash_of_another_width_is_never_compared() -> None:
    odd = SeenBlock(hasher="pdq", bits=64, count=1, rows=memoryview(bytes(8)), slices=None)

    assert find(Asked([enrolment(0)]), [odd], lambda _hasher, _rows: pytest.fail("nothing is near")) == []


def test_a_person_is_not_in_the_repr_of_a_find() -> None:
    (only,) = swept([enrolment(0)], [seen(1)])

    assert "ada" not in repr(only)
    assert "gallery.example" not in repr(only)
