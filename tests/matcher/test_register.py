"""A part is moved until its hash lies nearest; a stranger's stays away."""

import itertools

import pytest
from PIL import Image

from matcher.hashers import area
from matcher.register import Ground, register
from matcher.views import WHOLE
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


def test_the_same_call_gives_the_same_answer() -> None:
    ground, bits = Ground(plane(photograph("rocket"))), whole(photograph("rocket").rotate(4))

    assert register(ground, WHOLE, bits) == register(ground, WHOLE, bits)


@pytest.mark.parametrize("size", [(8, 8), (8, 320), (320, 8)])
def test_a_sliver_is_no_reason_to_fail(size: tuple[int, int]) -> None:
    sliver = plane(photograph("coffee").resize(size))

    assert 0 <= register(Ground(sliver), WHOLE, whole(photograph("coffee"))).distance <= 256
