"""What a child answers is read as carefully as the picture: whatever it cannot have made is no answer."""

from collections.abc import Callable

import numpy as np
import pytest

from core.model import Fingerprint
from matcher import corners as corner
from matcher.corners import packed
from matcher.decode.answer import NotAnAnswer, Reading, Scene, from_parts, to_parts
from matcher.hashers import HASHERS
from tests.matcher.photographs import photograph, plane

PLANE = plane(photograph("coffee"))
CORNERS = packed(corner.extract(PLANE, 40, cells=8))
ONE = Fingerprint(hasher="area", view="full", bits="0f" * 32, quality=90)


def reading(corners: bytes | None) -> Reading:
    return Reading(fingerprints=(ONE,), scenes=(Scene(0, PLANE, corners),))


@pytest.mark.parametrize("corners", [None, CORNERS])
def test_what_was_read_comes_back(corners: bytes | None) -> None:
    again = from_parts(*to_parts(reading(corners)), HASHERS)

    (scene,) = again.scenes
    assert again.fingerprints == (ONE,)
    assert (scene.frame, scene.corners) == (0, corners)
    assert np.array_equal(scene.plane, PLANE)


@pytest.mark.parametrize(
    "damage",
    [
        lambda corners: corners[:-1],
        lambda corners: b"\x07" + corners[1:],
        lambda _: b"",
        lambda corners: corners[:11] + b"\xff" * (len(corners) - 11),
    ],
    ids=["cut", "version", "nothing", "outside"],
)
def test_corners_that_cannot_be_read_are_no_answer_and_do_not_pass_for_none(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(NotAnAnswer):
        from_parts(*to_parts(reading(damage(CORNERS))), HASHERS)


def test_more_or_fewer_bytes_than_were_named_are_no_answer() -> None:
    text, pixels = to_parts(reading(CORNERS))

    for wrong in (pixels[:-1], pixels + b"\0", b""):
        with pytest.raises(NotAnAnswer):
            from_parts(text, wrong, HASHERS)
