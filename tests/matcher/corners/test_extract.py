"""What corners are found, and that both engines find the same."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from matcher import kernels
from matcher.corners import Corners, extract, kernel, numpy_engine
from matcher.corners.kernel import Kernel
from matcher.corners.numpy_engine import Found
from matcher.corners.tables import TESTS, quotas, tables
from tests.matcher.corners.planes import SHAPES, Plane, drawn, faint, noise, photographs

FULL_TURN = 2 * np.pi


@pytest.fixture(scope="module")
def built() -> Kernel:
    loaded = kernel.library()
    if loaded is None:
        pytest.skip("the kernel is not built here; the cure: sudo apt install gcc, and install Stillwatch again")
    return Kernel(loaded)


def same(one: Found, other: Found) -> bool:
    return np.array_equal(one.corners, other.corners) and np.array_equal(one.descriptors, other.descriptors)


def pairs(one: Corners, other: Corners) -> tuple[list[int], list[int]]:
    """Rows of the corners that lie at the same place on the same level."""
    place = {key: row for row, key in enumerate(keys(one))}
    common = [(place[key], row) for row, key in enumerate(keys(other)) if key in place]
    return [row for row, _ in common], [row for _, row in common]


def keys(corners: Corners) -> list[tuple[float, ...]]:
    return [tuple(row) for row in np.column_stack((corners.points, corners.scales)).round(1).tolist()]


# --------------------------------------------------------------------------------------------------------- two engines


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("make", [noise, drawn, faint])
def test_the_kernel_finds_what_numpy_finds(built: Kernel, make: Callable[..., Plane], shape: tuple[int, int]) -> None:
    plane = make(*shape)

    for count, cells in ((0, 1), (1, 1), (150, 8), (2000, 255)):
        assert same(built.extract(plane, count, cells), numpy_engine.extract(plane, count, cells))


def test_so_it_does_in_photographs(built: Kernel) -> None:
    for plane in photographs(320):
        assert same(built.extract(plane, 400, 10), numpy_engine.extract(plane, 400, 10))


def test_so_it_does_on_a_plane_that_is_a_part_of_another(built: Kernel) -> None:
    part = noise(200, 200)[10:150:2, ::-1]

    assert same(built.extract(part, 100, 4), numpy_engine.extract(part, 100, 4))
    assert same(built.extract(part, 100, 4), built.extract(part.copy(), 100, 4))


def test_the_same_on_every_machine() -> None:
    """What was kept is compared with what will be found: if this changes, packing.VERSION must."""
    rows, columns = np.mgrid[:150, :200]
    plane = ((rows // 17 * 7919 + columns // 13 * 104729) % 251).astype(np.uint8)

    found = numpy_engine.extract(plane, 120, 6)

    assert len(found.corners) == 120
    assert hashlib.sha256(found.corners.astype("<i4").tobytes()).hexdigest()[:16] == "3212be61ee57d39d"
    assert hashlib.sha256(found.descriptors.astype("<u8").tobytes()).hexdigest()[:16] == "eccca4752ed2b222"


def test_without_a_compiler_numpy_does_the_work_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = extract(drawn(100, 100), 50, cells=4)
    forget()
    monkeypatch.setattr(kernels, "EXTENSION_SUFFIXES", [".never-built"])

    try:
        assert "compiler" in kernel.describe()
        assert np.array_equal(extract(drawn(100, 100), 50, cells=4).descriptors, expected.descriptors)
    finally:
        forget()


def test_a_kernel_that_answers_wrongly_is_not_used(built: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr(kernel, "THRESHOLD", 90)

    try:
        assert kernel.current() is None
        assert "wrong answers" in kernel.describe()
    finally:
        forget()


def forget() -> None:
    """What was found out about this machine."""
    kernel.library.cache_clear()
    kernel.current.cache_clear()


# ------------------------------------------------------------------------------------------------------------- corners


def test_corners_lie_on_their_plane_and_no_more_come_than_asked_for() -> None:
    for plane in (noise(97, 54), drawn(240, 320)):
        found = extract(plane, 150, cells=8)

        assert 0 < len(found) <= 150
        assert (found.width, found.height) == plane.shape[::-1]
        assert (found.points >= 0).all()
        assert (found.points <= np.array([found.width - 1, found.height - 1])).all()
        assert (found.angles >= 0).all()
        assert (found.angles < FULL_TURN).all()
        assert [each.dtype.name for each in (found.points, found.angles, found.scales)] == ["float32"] * 3
        assert found.descriptors.dtype.name == "uint64"


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(np.zeros((0, 0), np.uint8), id="nothing"),
        pytest.param(np.zeros((1, 1), np.uint8), id="one pixel"),
        pytest.param(noise(39, 500), id="too narrow"),
        pytest.param(noise(500, 1), id="one column"),
        pytest.param(np.full((300, 300), 255, np.uint8), id="white"),
        pytest.param(np.repeat(np.arange(256, dtype=np.uint8)[None], 100, axis=0), id="a gradient"),
        pytest.param(np.kron(np.eye(1, 9, 4, dtype=np.uint8), np.full((90, 20), 255, np.uint8)), id="a bar"),
    ],
)
def test_a_plane_that_is_too_small_or_too_plain_has_none(plane: Plane) -> None:
    found = extract(plane, 150, cells=8)

    assert len(found) == len(found.descriptors) == len(found.mirrored()) == 0
    assert (found.width, found.height) == plane.shape[::-1]


def test_what_is_no_grey_plane_is_refused() -> None:
    with pytest.raises(ValueError, match="grey plane"):
        extract(np.zeros((50, 50, 3), np.uint8), 10, cells=4)
    with pytest.raises(ValueError, match="grey plane"):
        extract(np.zeros((50, 50), np.float32), 10, cells=4)
    for count, cells in ((-1, 4), (10, 0), (10, 256)):
        with pytest.raises(ValueError, match="cannot be looked for"):
            extract(np.zeros((50, 50), np.uint8), count, cells=cells)


def test_corners_are_spread_over_the_cells() -> None:
    plane = noise(300, 300)
    plane[:, 150:] = plane[:, 150:] // 8 + np.uint8(100)  # weak, but there

    found = extract(plane, 200, cells=4)

    assert (found.points[:, 0] > 160).sum() > 60


def test_coarse_levels_hand_on_what_they_cannot_fill() -> None:
    plane = np.full((300, 300), 128, np.uint8)
    plane[100:200, 100:200] = noise(100, 100)

    assert len(extract(plane, 300, cells=4)) == 300
    assert sum(quotas(300, 6)) == sum(quotas(300, 1)) == 300


def test_a_copy_of_another_size_and_turn_has_the_same_corners() -> None:
    plane = next(photographs(320))

    one, other = (extract(each, 300, cells=8) for each in (plane, np.rot90(plane)))
    distances = np.bitwise_count(one.descriptors[:, None] ^ other.descriptors).sum(axis=2)
    nearest = distances.argmin(axis=1)
    turned = np.column_stack((one.points[:, 1], one.width - 1 - one.points[:, 0]))
    found_again = np.hypot(*(other.points[nearest] - turned).T) < 3

    assert found_again.mean() > 0.8


# ------------------------------------------------------------------------------------------------------------ mirrored


def test_the_pattern_is_its_own_mirror_image() -> None:
    pattern = tables().pattern.astype(np.int64)
    across, down = pattern % 32 - 15, pattern // 32 - 15
    mirrored = (down + 15) * 32 - across + 15
    partner = np.arange(TESTS) ^ 1

    for number in range(64):
        assert np.array_equal(mirrored[(32 - number) % 64], pattern[number][partner])


def test_mirrored_is_what_the_mirrored_plane_has() -> None:
    for plane in photographs(400):
        promised, found = extract(plane, 400, cells=8).mirrored(), extract(plane[:, ::-1], 400, cells=8)
        here, there = pairs(promised, found)
        distances = np.bitwise_count(promised.descriptors[here] ^ found.descriptors[there]).sum(axis=1)

        assert len(here) > 0.85 * len(found)  # of equal scores another one may come first
        assert (distances == 0).mean() > 0.95
        assert (promised.angles[here] == found.angles[there]).mean() > 0.95


def test_mirrored_twice_is_as_before() -> None:
    found = extract(noise(100, 100), 80, cells=4)

    twice = found.mirrored().mirrored()

    assert np.array_equal(twice.descriptors, found.descriptors)
    assert np.array_equal(twice.angles, found.angles)
    assert np.allclose(twice.points, found.points, atol=1e-3)
