"""A part is moved until its hash lies nearest; a stranger's stays away."""

import itertools
from dataclasses import replace

import pytest
from PIL import Image

from core.model import UNTOLD, Fingerprint, Overlay
from matcher.hashers import area
from matcher.register import Ground, laid, register
from matcher.views import UPRIGHT, WHOLE, enrolled_views
from tests.matcher.photographs import NAMES, photograph, plane


def whole(image: Image.Image) -> str:
    ((_, bits),) = area.hashes(plane(image), [(0, 0, 1000, 1000)], [[""]])
    return bits[""]


def apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("name", NAMES)
def test_a_tilted_copy_is_moved_into_place(name: str) -> None:
    picture = photograph(name)
    tilted = picture.rotate(3, Image.Resampling.BICUBIC, fillcolor=128)

    found = register(Ground(plane(tilted)), WHOLE, whole(picture))

    assert found.distance <= 30 < apart(whole(tilted), whole(picture))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "rocket"])  # its sky holds nothing to lie on
def test_where_a_larger_picture_lies_is_told(name: str) -> None:
    """The enrolled hash is of a part of what is seen: the seen picture has a border of more scenery."""
    picture = photograph(name)
    width, height = picture.size
    part = picture.crop((round(0.05 * width), round(0.04 * height), round(0.97 * width), round(0.95 * height)))

    found = register(Ground(plane(picture)), WHOLE, whole(part))

    assert found.distance <= 24
    for (x, y), wanted in zip(found.corners, ((50, 40), (970, 40), (970, 950), (50, 950)), strict=True):
        assert abs(x - wanted[0]) <= 20
        assert abs(y - wanted[1]) <= 20


def test_strangers_stay_away_wherever_they_are_moved() -> None:
    distances = [
        register(Ground(plane(photograph(seen))), WHOLE, whole(photograph(known))).distance
        for seen, known in itertools.permutations(NAMES, 2)
    ]

    assert min(distances) > 60


# ------------------------------------------------------------------------------------------------- laid where corners say


def views_of(image: Image.Image) -> list[Fingerprint]:
    views = [each for each in enrolled_views(None) if each.turn == UPRIGHT]
    hashed = area.hashes(plane(image), [each.box for each in views], [[UPRIGHT] for _ in views])
    return [
        Fingerprint(hasher="area", view=each.name, bits=bits[UPRIGHT], quality=quality)
        for each, (quality, bits) in zip(views, hashed, strict=True)
    ]


HERE: Overlay = ((0, 0), (1000, 0), (1000, 1000), (0, 1000))


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_where_it_was_laid_is_near_and_what_does_not_is_far(name: str) -> None:
    picture = photograph(name)
    turned = picture.transpose(Image.Transpose.ROTATE_90)  # its upper left corner lies lower left
    lies: Overlay = ((0, 1000), (0, 0), (1000, 0), (1000, 1000))
    stranger = photograph(next(other for other in NAMES if other != name))

    assert laid(Ground(plane(picture)), HERE, views_of(picture)) <= 8
    assert laid(Ground(plane(turned)), lies, views_of(picture)) <= 12
    assert laid(Ground(plane(turned)), HERE, views_of(picture)) > 50
    assert laid(Ground(plane(stranger)), HERE, views_of(picture)) > 50


def test_of_a_part_the_views_that_are_seen_are_compared() -> None:
    picture = photograph("coffee")
    width, height = picture.size
    part = picture.crop((0, height // 2, width // 2, height))

    assert laid(Ground(plane(part)), ((0, -1000), (2000, -1000), (2000, 1000), (0, 1000)), views_of(picture)) <= 24


def test_where_no_view_is_seen_nothing_is_told() -> None:
    picture = photograph("coffee")
    far: Overlay = ((-5000, 0), (3000, 0), (3000, 8000), (-5000, 8000))

    assert laid(Ground(plane(picture)), far, views_of(picture)) == UNTOLD
    assert laid(Ground(plane(picture)), HERE, []) == UNTOLD
    assert laid(Ground(plane(picture)), HERE, [replace(views_of(picture)[0], hasher="pdq")]) == UNTOLD


def test_the_same_call_gives_the_same_answer() -> None:
    ground, bits = Ground(plane(photograph("rocket"))), whole(photograph("rocket").rotate(4))

    assert register(ground, WHOLE, bits) == register(ground, WHOLE, bits)


@pytest.mark.parametrize("size", [(8, 8), (8, 320), (320, 8)])
def test_a_sliver_is_no_reason_to_fail(size: tuple[int, int]) -> None:
    sliver = plane(photograph("coffee").resize(size))

    assert 0 <= register(Ground(sliver), WHOLE, whole(photograph("coffee"))).distance <= 256
