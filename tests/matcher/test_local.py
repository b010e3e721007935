"""Whose corners are in a picture, and that nobody's are who took them back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest
from PIL import Image

from core.model import CornerChanges, CornerRow, EnrolledPicture, Enrolment, Evidence, Fingerprint, Match, PersonId
from matcher.agreement import agreement
from matcher.corners import Corners, extract, packed
from matcher.hashers import area
from matcher.local import CornerIndex
from matcher.views import CORNERS_CRAWLED, CORNERS_ENROLLED, enrolled_views
from tests.matcher.photographs import NAMES, photograph, plane


def enrolled(image: Image.Image) -> Corners:
    return extract(plane(image, CORNERS_ENROLLED.side), CORNERS_ENROLLED.most, cells=CORNERS_ENROLLED.cells)


def crawled(image: Image.Image) -> Corners:
    return extract(plane(image, CORNERS_CRAWLED.side), CORNERS_CRAWLED.most, cells=CORNERS_CRAWLED.cells)


@cache
def hashes(entry: int) -> tuple[Fingerprint, ...]:
    views = [each for each in enrolled_views(None) if each.turn == ""]
    hashed = area.hashes(plane(photograph(NAMES[entry % 10])), [each.box for each in views], [[""] for _ in views])
    return tuple(
        Fingerprint(hasher="area", view=each.name, bits=bits[""], quality=quality)
        for each, (quality, bits) in zip(views, hashed, strict=True)
    )


@dataclass
class Shelf:
    """core.ports.EnrolledCorners, changed by hand."""

    rows: dict[int, bytes]
    log: list[tuple[int, int]] = field(default_factory=list)  # (version, entry)
    number: int = 1

    def version(self) -> int:
        return self.number

    def corner_changes(self, since: int) -> CornerChanges:
        touched = set(self.rows) if since == 0 else {entry for version, entry in self.log if version > since}
        return CornerChanges(
            version=self.number,
            changed=[CornerRow(entry, self.rows[entry]) for entry in sorted(touched & self.rows.keys())],
            removed=sorted(touched - self.rows.keys()),
            whole=since == 0,
        )

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        return {
            entry: EnrolledPicture(
                face=Enrolment(person=PersonId(f"person {entry}"), ref="r", fingerprint=hashes(entry)[0], threshold=70),
                fingerprints=hashes(entry),
            )
            for entry in entries
            if entry in self.rows
        }

    def put(self, entry: int, corners: bytes | None) -> None:
        self.number += 1
        self.log.append((self.number, entry))
        if corners is None:
            del self.rows[entry]
        else:
            self.rows[entry] = corners


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({number: packed(enrolled(photograph(name))) for number, name in enumerate(NAMES)})


def seen_in(image: Image.Image, followed: CornerIndex) -> list[Match]:
    return followed.matches(crawled(image), plane(image), quality=100)


def index(shelf: Shelf) -> CornerIndex:
    return CornerIndex(shelf, ask_every_s=0)


@pytest.mark.parametrize("number", range(len(NAMES)))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_part_is_found_and_where_it_lies(shelf: Shelf, number: int, mirrored: bool) -> None:
    picture = photograph(NAMES[number])
    width, height = picture.size
    part = picture.crop((round(0.2 * width), round(0.1 * height), round(0.9 * width), round(0.8 * height)))
    if mirrored:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    (found,) = seen_in(part, index(shelf))

    assert found.enrolment.person == f"person {number}"
    assert found.evidence is Evidence.LOCAL
    assert found.agreeing >= 10
    assert found.distance <= 60
    assert found.overlay is not None
    left, right = (-286, 1143) if not mirrored else (1286, -143)
    for (x, y), (at_x, at_y) in zip(
        found.overlay, ((left, -143), (right, -143), (right, 1286), (left, 1286)), strict=True
    ):
        assert abs(x - at_x) <= 60
        assert abs(y - at_y) <= 60


def test_a_small_copy_on_another_picture_is_found(shelf: Shelf) -> None:
    scene = photograph("coffee")
    scene.paste(photograph("astronaut", 260), (40, 60))

    people = {match.enrolment.person for match in seen_in(scene, index(shelf)) if match.agreeing >= 10}

    assert people == {"person 0", "person 2"}


def test_strangers_agree_in_next_to_nothing() -> None:
    corners = {name: (enrolled(photograph(name)), crawled(photograph(name))) for name in NAMES}

    most = max(
        agreement(corners[one][0], corners[other][1]).corners for one in NAMES for other in NAMES if one != other
    )

    assert most <= 6


def test_who_took_the_corners_back_is_not_found_and_they_leave_the_index(shelf: Shelf) -> None:
    followed = index(shelf)
    assert seen_in(photograph("coffee"), followed)

    shelf.put(2, None)

    assert seen_in(photograph("coffee"), followed) == []
    snapshot = followed.now()
    assert 2 not in snapshot.corners
    assert 2 not in snapshot.base.entries.tolist() + snapshot.tail.entries.tolist()


def test_who_comes_is_found_at_the_next_look(shelf: Shelf) -> None:
    late = shelf.rows.pop(0)
    followed = index(shelf)
    assert seen_in(photograph("astronaut"), followed) == []

    shelf.put(10, late)

    assert [match.enrolment.person for match in seen_in(photograph("astronaut"), followed)] == ["person 10"]


def test_the_store_has_the_last_word(shelf: Shelf) -> None:
    followed = index(shelf)
    followed.now()
    del shelf.rows[2]  # the version has not moved yet

    assert seen_in(photograph("coffee"), followed) == []


def test_damaged_corners_protect_nobody_and_stop_nobody(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.rows[9] = b"no corners"

    (found,) = seen_in(photograph("rocket"), index(shelf))

    assert found.enrolment.person == "person 3"
    assert "entry 9" in caplog.text


def test_with_nobody_nothing_is_compared() -> None:
    assert seen_in(photograph("rocket"), index(Shelf({}))) == []
    assert seen_in(Image.new("L", (300, 300)), index(Shelf({}))) == []
