"""The hashes are the published ones, to the last bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matcher.hashers import HASHERS, MIN_QUALITY, Hashed
from matcher.views import TURNS, UPRIGHT
from tests import golden
from tests.golden.drawn import DRAWN, Rgb, noise, patches, shapes
from tests.matcher.pictures import PHOTOGRAPHS, ArrayPicture, apart

GOLDEN = json.loads(Path(golden.__file__).with_name("hashes.json").read_text(encoding="utf-8"))


def pdq(pixels: Rgb, *, exact: bool = True) -> Hashed:
    return HASHERS["pdq"].hash(ArrayPicture(pixels), TURNS, exact)


def as_published(pixels: Rgb) -> Hashed:
    """By the reference implementation, where it is installed."""
    pdqhash = pytest.importorskip(
        "pdqhash", reason="pdqhash is not installed: `uv pip install pdqhash` needs a C++ compiler"
    )
    upright, quality = pdqhash.compute(pixels)
    turned, _ = pdqhash.compute_dihedral(pixels)
    turns = zip(TURNS, [upright, *turned[1:]], strict=True)
    return Hashed(
        bits={turn: np.packbits(bits.astype(bool)).tobytes().hex() for turn, bits in turns}, quality=int(quality)
    )


@pytest.mark.parametrize("name", DRAWN)
def test_pdq_is_the_golden_hash_in_all_eight_turns(name: str) -> None:
    hashed = pdq(DRAWN[name]())

    assert hashed.quality == GOLDEN[name]["quality"]
    if GOLDEN[name]["quality"] >= MIN_QUALITY:  # the bits of plain pictures are not used, so rounding is left alone
        assert hashed.bits == GOLDEN[name]["pdq"]


@pytest.mark.parametrize(
    "name", [name for name, row in GOLDEN.items() if HASHERS["phash64"].fault(row["phash64"]) is None]
)
def test_phash_is_the_golden_hash(name: str) -> None:
    """Of pictures with features: in the others exact ties are broken by rounding, which machines do differently."""
    hashed = HASHERS["phash64"].hash(ArrayPicture(DRAWN[name]()), (UPRIGHT,), True)

    assert hashed.bits == {UPRIGHT: GOLDEN[name]["phash64"]}


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_pdq_of_photographs_is_the_published_one(path: Path) -> None:
    pixels = np.asarray(Image.open(path).convert("RGB"))

    ours, theirs = pdq(pixels), as_published(pixels)

    assert ours.bits == theirs.bits
    assert ours.quality == theirs.quality


@settings(max_examples=40, deadline=None)
@given(
    draw=st.sampled_from([shapes, patches]),
    seed=st.integers(0, 2**16),
    height=st.integers(65, 700),
    width=st.integers(65, 700),
)
def test_pdq_of_whatever_is_drawn_is_the_published_one(draw: type, seed: int, height: int, width: int) -> None:
    pixels = draw(seed, height, width)

    ours, theirs = pdq(pixels), as_published(pixels)

    assert ours.quality == theirs.quality
    if theirs.quality is not None and theirs.quality >= MIN_QUALITY:
        assert ours.bits == theirs.bits


@settings(max_examples=30, deadline=None)
@given(margin=st.integers(1, 31), height=st.integers(64, 300), width=st.integers(64, 300), grey=st.integers(0, 255))
def test_pdq_of_symmetric_frames_is_the_published_one(margin: int, height: int, width: int, grey: int) -> None:
    """Nearly every bit is a rounding error: only the published order of additions gives the published ones."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[margin:-margin, margin:-margin] = grey

    ours, theirs = pdq(pixels), as_published(pixels)

    assert ours.quality == theirs.quality
    if theirs.quality is not None and theirs.quality >= MIN_QUALITY:
        assert ours.bits[UPRIGHT] == theirs.bits[UPRIGHT]


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_the_quick_way_differs_in_the_few_bits_that_rounding_decides(path: Path) -> None:
    pixels = np.asarray(Image.open(path).convert("RGB"))

    assert apart(pdq(pixels, exact=False).bits[UPRIGHT], pdq(pixels).bits[UPRIGHT]) <= 4


def test_a_grey_picture_hashes_like_the_same_picture_in_colour() -> None:
    grey = noise()[:, :, 0]

    assert pdq(grey).bits == pdq(np.repeat(grey[:, :, None], 3, axis=2)).bits


@pytest.mark.parametrize("hasher", HASHERS.values(), ids=lambda hasher: hasher.name)
def test_every_hasher_gives_its_width_in_lower_case_hex_for_every_turn_asked_for(hasher) -> None:  # type: ignore[no-untyped-def]  # a row of the table
    hashed = hasher.hash(ArrayPicture(shapes()), TURNS, True)

    assert tuple(hashed.bits) == TURNS
    assert all(hasher.fault(bits) is None for bits in hashed.bits.values())
    assert len(set(hashed.bits.values())) == len(TURNS)


@pytest.mark.parametrize("hasher", HASHERS.values(), ids=lambda hasher: hasher.name)
@pytest.mark.parametrize(
    ("turn", "make"),
    [
        ("rot90", np.rot90),
        ("rot180", lambda a: np.rot90(a, 2)),
        ("rot270", lambda a: np.rot90(a, 3)),
        ("flip-v", lambda a: a[::-1]),
        ("flip-h", lambda a: a[:, ::-1]),
        ("transpose", lambda a: a.transpose(1, 0, 2)),
        ("transverse", lambda a: np.rot90(a, 2).transpose(1, 0, 2)),
    ],
)
def test_a_turn_is_named_after_what_was_done_to_the_copy(hasher, turn, make) -> None:  # type: ignore[no-untyped-def]  # rows of tables
    picture = patches()

    enrolled = hasher.hash(ArrayPicture(picture), TURNS, True).bits
    copy = hasher.hash(ArrayPicture(np.ascontiguousarray(make(picture))), (UPRIGHT,), True).bits[UPRIGHT]

    distances = {name: apart(bits, copy) for name, bits in enrolled.items()}
    assert distances[turn] <= hasher.default_threshold
    assert min(distances, key=distances.__getitem__) == turn
