"""What a view is called, and where the enrolled picture lies in the seen one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Overlay
from matcher.geometry import overlay, registered
from matcher.hashers import area
from matcher.planes.means import means
from matcher.views import CROP_TURNS, CROPS, HALVES, KINDS, TURNS, WHOLE, Box, View, enrolled_views, is_view, parsed
from tests.matcher.photographs import photograph, plane


@given(
    kind=st.sampled_from(KINDS),
    frame=st.integers(0, 999_999),
    edges=st.tuples(*[st.integers(0, 1000)] * 4),
    turn=st.sampled_from(TURNS),
)
def test_a_name_says_all_of_a_view(kind: str, frame: int, edges: tuple[int, int, int, int], turn: str) -> None:
    box = WHOLE if kind == "full" else Box(*edges)

    assert parsed(View(kind, frame, box, turn).name) == (View(kind, frame, box, turn) if box.sensible else None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "full:0,0,1000,1000",
        "crop",
        "crop:1,2,3",
        "crop:0,0,0,10",
        "crop:0,0,1001,10",
        "crop:00,0,9,9",
        "full@0",
        "full/flip",
        "cell@01:0,0,9,9",
    ],
)
def test_what_is_no_name_is_none(name: str) -> None:
    assert not is_view(name)


def test_an_enrolled_picture_is_held_in_eight_turns_and_its_crops_mirrored() -> None:
    views = enrolled_views(None)

    assert [each.name for each in views[:8]] == ["full", *(f"full/{turn}" for turn in TURNS[1:])]
    assert len(views) == 8 + len(CROPS) * len(CROP_TURNS) + len(HALVES) == len(set(views))
    assert {(1000 - box.right, box.top, 1000 - box.left, box.bottom) for box in CROPS} == {tuple(box) for box in CROPS}


@pytest.mark.parametrize("turn", TURNS)
def test_the_overlay_says_how_a_whole_copy_was_turned(turn: str) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned = {
        "": pixels, "rot90": np.rot90(pixels), "rot180": np.rot90(pixels, 2), "rot270": np.rot90(pixels, 3),
        "flip-v": pixels[::-1], "flip-h": pixels[:, ::-1], "transpose": pixels.T, "transverse": np.rot90(pixels, 2).T,
    }[turn]  # fmt: skip
    corners = [pixels[0, 0], pixels[0, -1], pixels[-1, -1], pixels[-1, 0]]

    placed = overlay(View("full", turn=turn), View("full"))

    assert [turned[-1 if y else 0, -1 if x else 0] for x, y in placed] == corners
    assert set(placed) == {(0, 0), (1000, 0), (1000, 1000), (0, 1000)}


@pytest.mark.parametrize("turn", TURNS)
def test_a_seen_part_that_was_turned_to_be_compared_lies_where_it_lies(turn: str) -> None:
    """An upright enrolled hash matches a seen view turned back: the same place as the other way round."""
    back = {"rot90": "rot270", "rot270": "rot90"}.get(turn, turn)

    assert overlay(View("full"), View("cell", box=Box(100, 200, 500, 900), turn=turn)) == overlay(
        View("full", turn=back), View("cell", box=Box(100, 200, 500, 900))
    )


def test_of_a_crop_the_overlay_reaches_beyond_the_seen_picture() -> None:
    placed = overlay(View("crop", box=Box(0, 0, 500, 1000)), View("full"))

    assert placed == ((0, 0), (2000, 0), (2000, 1000), (0, 1000))


def test_a_registered_crop_is_placed_as_the_one_it_began_with() -> None:
    square: Overlay = ((100, 100), (900, 100), (900, 900), (100, 900))

    for turn in TURNS:
        view = View("crop", box=Box(0, 0, 800, 1000), turn=turn)
        assert registered(view, square) == overlay(view, View("cell", box=Box(100, 100, 900, 900)))


def test_area_hashes_hardly_change_with_the_size() -> None:
    picture = photograph("coffee")
    views = enrolled_views(None)
    boxes = list(dict.fromkeys(view.box for view in views))

    large = area.hashes(plane(picture), boxes, [[""]] * len(boxes))
    small = area.hashes(plane(picture, 200), boxes, [[""]] * len(boxes))

    apart = [(int(one[1][""], 16) ^ int(other[1][""], 16)).bit_count() for one, other in zip(large, small, strict=True)]
    assert max(apart) <= 16
    assert float(np.mean(apart)) <= 6


def test_the_squares_are_the_means_of_areas() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (192, 256), dtype=np.uint8)

    whole, half = means(pixels, [(0, 0, 1000, 1000), (0, 0, 500, 1000)])

    assert np.allclose(whole, pixels.reshape(64, 3, 64, 4).mean(axis=(1, 3)), atol=1e-3)
    assert np.allclose(half, pixels[:, :128].reshape(64, 3, 64, 2).mean(axis=(1, 3)), atol=1e-3)


def test_a_turned_hash_is_the_hash_of_the_turned_picture() -> None:
    pixels = plane(photograph("astronaut"))
    ((_, bits),) = area.hashes(pixels, [(0, 0, 1000, 1000)], [TURNS])

    ((_, mirrored),) = area.hashes(pixels[:, ::-1].copy(), [(0, 0, 1000, 1000)], [[""]])
    ((_, quarter),) = area.hashes(np.rot90(pixels).copy(), [(0, 0, 1000, 1000)], [[""]])

    assert (int(bits["flip-h"], 16) ^ int(mirrored[""], 16)).bit_count() <= 2
    assert (int(bits["rot90"], 16) ^ int(quarter[""], 16)).bit_count() <= 2
