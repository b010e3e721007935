"""Corners as bytes, and bytes that are no corners."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.corners import Corners, extract, packed, unpacked
from tests.matcher.corners.planes import drawn, noise

HEAD = 11  # bytes


@pytest.mark.parametrize("plane", [noise(240, 320), drawn(500, 60), noise(44, 40)])
def test_unpacked_is_what_was_packed_on_a_coarse_grid(plane: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    found = extract(plane, 150, cells=8)

    back = unpacked(packed(found))

    assert len(back) == len(found) > 0
    assert np.abs(back.points - found.points).max() <= max(plane.shape) / 512 + 1e-3
    for name in ("angles", "scales", "descriptors", "width", "height"):
        assert np.array_equal(getattr(back, name), getattr(found, name))


def test_packing_again_changes_nothing() -> None:
    once = packed(extract(noise(240, 320), 150, cells=8))

    assert packed(unpacked(once)) == once


def test_mirrored_corners_can_be_packed() -> None:
    found = extract(noise(131, 240), 150, cells=8).mirrored()

    assert np.array_equal(unpacked(packed(found)).descriptors, found.descriptors)


def test_no_corners_are_packed_too() -> None:
    back = unpacked(packed(extract(np.zeros((9, 7), np.uint8), 150, cells=8)))

    assert (len(back), back.width, back.height) == (0, 7, 9)


def test_a_corner_takes_36_bytes() -> None:
    assert len(packed(extract(noise(240, 320), 150, cells=8))) == HEAD + 36 * 150


def test_too_many_corners_are_refused() -> None:
    many = 2**16
    corners = Corners(
        points=np.zeros((many, 2), np.float32),
        angles=np.zeros(many, np.float32),
        scales=np.zeros(many, np.float32),
        descriptors=np.zeros((many, 4), np.uint64),
        width=9,
        height=9,
    )

    with pytest.raises(ValueError, match="65535"):
        packed(corners)


def of_one(*, width: int = 100, height: int = 50, x: int = 0, y: int = 0, angle: int = 0, level: int = 0) -> bytes:
    return struct.pack("<BHII4B4Q", 1, 1, width, height, x, y, angle, level, 1, 2, 3, 4)


def test_the_layout_is_as_described() -> None:
    back = unpacked(of_one(x=128, y=64, angle=16, level=2))

    assert back.points.tolist() == [[49.6953125, 24.6953125]]  # the middle of a cell of 100 / 256 pixels
    assert back.angles.tolist() == [np.float32(np.pi / 2)]
    assert back.descriptors.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("damaged", "complaint"),
    [
        pytest.param(b"", "too short", id="nothing"),
        pytest.param(of_one()[: HEAD - 1], "too short", id="half a head"),
        pytest.param(b"\x02" + of_one()[1:], "version", id="of a later version"),
        pytest.param(of_one()[:-1], "cannot hold", id="cut off"),
        pytest.param(of_one() + b"\0", "cannot hold", id="too long"),
        pytest.param(of_one(angle=64), "angle", id="no such angle"),
        pytest.param(of_one(level=6), "level", id="no such level"),
        pytest.param(of_one(y=128), "outside", id="below the plane"),
        pytest.param(of_one(width=0), "0 by 50", id="no width"),
        pytest.param(of_one(height=2**32 - 1), "4294967295", id="too high"),
    ],
)
def test_malformed_bytes_are_refused(damaged: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        unpacked(damaged)


@given(st.binary(max_size=200) | st.binary(min_size=44, max_size=44).map(lambda rest: b"\x01\x01\x00" + rest))
def test_any_bytes_are_corners_or_refused(some: bytes) -> None:
    try:
        back = unpacked(some)
    except ValueError:
        return

    assert packed(back) == some
