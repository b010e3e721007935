"""The kernel computes what NumPy computes, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from matcher import kernels
from matcher.hashers import area
from matcher.planes import describe, engine, frequencies, kernel
from matcher.planes.kernel import Kernel
from matcher.planes.lines import LEAST_SIDE
from matcher.planes.means import Boxes, Plane
from matcher.planes.numpy_engine import NumPy
from tests.matcher.photographs import NAMES, photograph, plane

NUMPY = NumPy()
TURNS = list(frequencies.NUMBER)
WHOLE = (0, 0, 1000, 1000)


@pytest.fixture(scope="module")
def built() -> Kernel:
    loaded = kernel.library()
    if loaded is None:
        pytest.skip("the kernel is not built here; the cure: sudo apt install gcc, and install Stillwatch again")
    return Kernel(loaded)


# -------------------------------------------------------------------------------------------------------------- planes


@st.composite
def planes(draw: st.DrawFn, least: int = 1, most: int = 150) -> Plane:
    """Noise of any contrast, flat, black and white, patches with sharp edges; some with a frame, some a part of another."""
    height, width = draw(st.integers(least, most)), draw(st.integers(least, most))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "flat", "extremes", "patches", "gradient"]))
    if kind == "noise":
        low, high = sorted(draw(st.tuples(st.integers(0, 255), st.integers(0, 255))))
        made = chance.integers(low, high + 1, (height, width), np.uint8)
    elif kind == "flat":
        made = np.full((height, width), draw(st.integers(0, 255)), np.uint8)
    elif kind == "extremes":
        made = chance.integers(0, 2, (height, width), np.uint8) * np.uint8(255)
    elif kind == "gradient":
        made = (np.arange(height)[:, None] * 3 + np.arange(width) * 2).astype(np.uint8)
    else:
        made = np.full((height, width), 200, np.uint8)
        for _ in range(20):
            top, left = chance.integers(0, height), chance.integers(0, width)
            made[top : top + chance.integers(2, 99), left : left + chance.integers(2, 99)] = chance.integers(0, 256)
    border = draw(st.integers(0, max(height, width) // 3))
    if draw(st.booleans()):
        colour = draw(st.sampled_from([0, 7, 120, 250, 255]))
        made[:border] = made[height - border // 2 :] = colour
        made[:, :border] = made[:, width - border // 3 :] = colour
    if draw(st.booleans()):
        made = np.repeat(np.repeat(made, 2, axis=0), 2, axis=1)[::-2, ::2]
    return made


def boxes() -> st.SearchStrategy[Boxes]:
    edges = st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted)
    box = st.tuples(edges, edges).map(lambda both: (both[0][0], both[1][0], both[0][1], both[1][1]))
    return st.lists(st.one_of(st.just(WHOLE), box), min_size=0, max_size=4)


def same(one: object, other: object) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.tobytes() == other.tobytes()


# --------------------------------------------------------------------------------------------------------- two engines


@settings(max_examples=150, deadline=None)
@given(seen=planes(), parts=boxes())
def test_means_and_qualities_are_those_of_numpy(built: Kernel, seen: Plane, parts: Boxes) -> None:
    found, expected = built.means(seen, parts), NUMPY.means(seen, parts)

    assert all(same(one, other) for one, other in zip(found, expected, strict=True))


@settings(max_examples=150, deadline=None)
@given(seen=planes())
def test_what_is_inside_a_border_is_what_numpy_finds(built: Kernel, seen: Plane) -> None:
    assert built.inside(seen) == NUMPY.inside(seen)


@settings(max_examples=150, deadline=None)
@given(seen=planes(least=LEAST_SIDE, most=340))
def test_lines_are_those_of_numpy(built: Kernel, seen: Plane) -> None:
    for found, expected in zip(built.lines(seen), NUMPY.lines(seen), strict=True):
        assert same(found.places, expected.places)
        assert same(found.seen, expected.seen)


@settings(max_examples=100, deadline=None)
@given(
    waves=arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 3), st.just(16), st.just(16)),
        elements=st.floats(allow_nan=False, width=32),
        fill=st.sampled_from([0.0, -0.0, 1.0, -3.5]),
    ),
    wanted=st.lists(st.lists(st.sampled_from(TURNS), max_size=9), min_size=3, max_size=3),
)
def test_bits_are_those_of_numpy(built: Kernel, waves: NDArray[np.float32], wanted: list[list[str]]) -> None:
    """Ties, negative zeros and infinities, too."""
    turns = wanted[: len(waves)]

    assert same(built.bits(waves, turns), NUMPY.bits(waves, turns))


@settings(max_examples=100, deadline=None)
@given(
    square=arrays.arrays(
        np.float32, (64, 64), elements=st.floats(-300, 600, width=32), fill=st.sampled_from([0.0, 2.55, 100.0])
    ),
    tie=st.sampled_from([0.004, 0.3, 0.0]),
)
def test_steepness_is_that_of_numpy(built: Kernel, square: NDArray[np.float32], tie: float) -> None:
    assert built.steepness(square, tie) == NUMPY.steepness(square, tie)


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it_is_the_same_of_photographs(built: Kernel, name: str) -> None:
    small = plane(photograph(name))
    for seen in (small, np.ascontiguousarray(small.T), small[::-1, 3:-4]):
        parts = [WHOLE, (0, 100, 777, 901), (333, 1, 334, 1000)]
        means, qualities = built.means(seen, parts)
        waves, turns = area.waves(means), [TURNS, TURNS[::-1], TURNS[:1]]

        assert same(means, NUMPY.means(seen, parts)[0])
        assert same(qualities, NUMPY.means(seen, parts)[1])
        assert same(built.bits(waves, turns), NUMPY.bits(waves, turns))
        assert built.inside(seen) == NUMPY.inside(seen)
        assert [built.steepness(each, 0.004) for each in means] == [NUMPY.steepness(each, 0.004) for each in means]
        for found, expected in zip(built.lines(seen), NUMPY.lines(seen), strict=True):
            assert same(found.places, expected.places)
            assert same(found.seen, expected.seen)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (48, 1025), (1500, 60), (7, 9)])
def test_what_is_unusually_large_or_small_is_the_same(built: Kernel, shape: tuple[int, int]) -> None:
    seen = np.random.default_rng(2).integers(0, 256, shape, np.uint8)

    assert all(
        same(one, other) for one, other in zip(built.means(seen, [WHOLE]), NUMPY.means(seen, [WHOLE]), strict=True)
    )
    assert built.inside(seen) == NUMPY.inside(seen)
    if min(shape) >= LEAST_SIDE:
        assert all(same(one.seen, other.seen) for one, other in zip(built.lines(seen), NUMPY.lines(seen), strict=True))


def test_a_part_that_is_none_never_reaches_the_kernel(built: Kernel) -> None:
    seen = np.random.default_rng(2).integers(0, 256, (90, 70), np.uint8)
    for box in ((-900_000, 0, 10, 10), (0, 0, 10**9, 1000), (0, 0, 1000, 5000)):
        assert same(built.means(seen, [box])[0], NUMPY.means(seen, [box])[0])


def test_what_does_not_fit_is_refused(built: Kernel) -> None:
    with pytest.raises(ValueError, match="2 pictures"):
        built.bits(np.zeros((1, 16, 16), np.float32), [TURNS, TURNS])
    with pytest.raises(ValueError, match="64 by 64"):
        built.steepness(np.zeros((64, 63), np.float32), 0.1)


# ----------------------------------------------------------------------------------------------------------- which one


def test_without_a_compiler_numpy_does_the_work_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = plane(photograph(NAMES[0]))
    expected = area.hashes(seen, [WHOLE], [TURNS])
    forget()
    monkeypatch.setattr(kernels, "EXTENSION_SUFFIXES", [".never-built"])

    try:
        assert "compiler" in describe()
        assert isinstance(engine(), NumPy)
        assert area.hashes(seen, [WHOLE], [TURNS]) == expected
    finally:
        forget()


@pytest.mark.parametrize("name", ["means", "inside", "lines", "bits", "steepness"])
def test_a_kernel_that_answers_wrongly_is_not_used(built: Kernel, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    honest = getattr(Kernel, name)

    def wrong(self: Kernel, plane: NDArray[np.generic], *others: object) -> object:
        return honest(self, plane[::-1] // 2, *others)

    forget()
    monkeypatch.setattr(Kernel, name, wrong)

    try:
        assert kernel.current() is None
        assert "wrong answers" in describe()
    finally:
        forget()


def forget() -> None:
    """What was found out about this machine."""
    kernel.library.cache_clear()
    kernel.current.cache_clear()
