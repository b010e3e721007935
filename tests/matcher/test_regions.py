"""Where another picture may lie in a crawled one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from matcher.planes import lines
from matcher.regions import crawled, fits, rectangles, trimmed
from matcher.views import Box
from tests.matcher.photographs import NAMES, Plane, photograph, plane


def near(box: Box, edges: tuple[float, float, float, float], within: int = 15) -> bool:
    return all(abs(one - other) <= within for one, other in zip(box, edges, strict=True))


@pytest.mark.parametrize("colour", [255, 0, 90])
def test_of_most_framed_pictures_the_frame_is_left_out(colour: int) -> None:
    """Not of all: a plain sky beside a border of its own colour goes with it."""
    found = 0
    for name in NAMES:
        picture = photograph(name)
        width, height = picture.size
        framed = Image.new("L", (width + 160, height + 60), colour)
        framed.paste(picture, (100, 20))
        across, down = framed.size
        inside = (1e5 / across, 2e4 / down, 1e3 * (100 + width) / across, 1e3 * (20 + height) / down)
        found += any(near(view.box, inside, 60) for view in crawled(plane(framed)) if view.kind in {"trim", "cell"})

    assert found >= 4


def test_a_caption_is_cut_with_its_words() -> None:
    picture = photograph("coffee")
    captioned = Image.new("L", (picture.width, picture.height + 90), 255)
    ImageDraw.Draw(captioned).text((30, 20), "somebody wrote something here", fill=0, font_size=40)
    captioned.paste(picture, (0, 90))

    rest = trimmed(plane(captioned))

    assert rest is not None
    assert near(rest, (0, 90_000 / captioned.height, 1000, 1000))


@pytest.mark.parametrize("gutter", [0, 12])
def test_the_cells_of_a_collage_are_found(gutter: int) -> None:
    left, right = photograph("chelsea", 480), photograph("coffee", 480)
    height = min(left.height, right.height)
    collage = Image.new("L", (left.width + gutter + right.width, height), 255)
    collage.paste(left.crop((0, 0, left.width, height)), (0, 0))
    collage.paste(right.crop((0, 0, right.width, height)), (left.width + gutter, 0))

    found = rectangles(plane(collage))

    edge = 1000 * left.width / collage.width
    assert any(near(box, (0, 0, edge, 1000)) for box in found)
    assert any(near(box, (edge + 1000 * gutter / collage.width, 0, 1000, 1000)) for box in found)


def test_a_picture_on_a_page_is_found() -> None:
    picture = photograph("astronaut", 300)
    page = Image.new("L", (800, 600), 250)
    draw = ImageDraw.Draw(page)
    for line in range(12):
        draw.text((40, 30 + 40 * line), "words about something else " * 2, fill=40, font_size=18)
    page.paste(picture, (420, 150))

    found = rectangles(plane(page))

    assert any(
        near(box, (420 / 0.8, 150 / 0.6, (420 + picture.width) / 0.8, (150 + picture.height) / 0.6), 25)
        for box in found
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_found_by_counting_bytes_first_are_those_found_by_counting_everywhere(name: str) -> None:
    small = plane(photograph(name))
    for pixels in (small, small.T, small[::-1, 3:-4], np.kron(small[::16, ::16], np.ones((16, 16), np.uint8))):
        level = np.ascontiguousarray(pixels)

        found = lines.level(level)

        assert found.places.tolist() == counted_everywhere(level)


def counted_everywhere(pixels: Plane) -> list[int]:
    count, length = pixels.shape
    levels = pixels.astype(int)
    step = np.zeros_like(levels)
    step[1:-1] = np.abs(levels[2:] - levels[:-2])
    beside = np.maximum(np.pad(step, ((2, 0), (0, 0)))[:count], np.pad(step, ((0, 2), (0, 0)))[2:])
    steps = (step > 12) & (step // 2 >= beside)
    near = np.pad(steps, ((1, 1), (0, 0)))
    near = near[:-2] | near[1:-1] | near[2:]
    run = max(8, int(0.18 * length))
    clearest = np.array([np.convolve(row, np.ones(run, int), "valid").max() for row in near.astype(int)])
    total = np.where(clearest >= 0.55 * run, clearest * 1000 + steps.sum(axis=1), 0)
    chosen: list[int] = []
    for line in sorted(range(3, count - 3), key=lambda line: -total[line]):
        if total[line] and len(chosen) < 12 and all(abs(line - other) > 2 for other in chosen):
            chosen.append(line)
    return [0, *sorted(chosen), count]


def test_the_middle_shapes_are_in_the_middle_and_never_the_picture_itself() -> None:
    for width, height in ((640, 480), (480, 640), (500, 500), (1600, 900)):
        for box in fits(width, height):
            assert box.left == 1000 - box.right
            assert box.top == 1000 - box.bottom
            assert box.sensible
            assert tuple(box) != (0, 0, 1000, 1000)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_whatever_is_seen_every_view_is_sensible(pixels: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    views = crawled(pixels)

    assert views[0].name == "full"
    assert len(views) <= 13
    assert all(view.box.sensible for view in views)
    assert len({view.name for view in views}) == len(views)


def test_a_dark_photograph_is_not_cut_down_to_a_sliver() -> None:
    rocket = photograph("rocket")
    width, height = rocket.size
    for top in range(0, height // 2, height // 16):
        rest = trimmed(plane(rocket.crop((0, top, width, top + width * 9 // 16))))

        assert rest is None or min(rest.right - rest.left, rest.bottom - rest.top) >= 145
