"""The edits of the copy benchmark: each family makes whole files, the same ones for the same numbers."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from benchmarks.edits import FAMILIES, Family, edited

BY_NAME = {family.name: family for family in FAMILIES}


def drawn(seed: int, width: int = 240, height: int = 180) -> Image.Image:
    """Soft blobs of colour, different in every corner."""
    coarse = np.random.default_rng(seed).integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


PHOTOGRAPH = drawn(1)
OTHERS = [drawn(seed, *size) for seed, size in enumerate([(300, 200), (200, 300), (250, 250)], start=2)]


def opened(family: Family, number: int = 0, photograph: Image.Image = PHOTOGRAPH) -> Image.Image:
    file = edited(family, photograph, 4, number, OTHERS)
    picture = Image.open(io.BytesIO(file))
    picture.load()
    return picture


def test_names_differ() -> None:
    assert len(BY_NAME) == len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_same_number_makes_the_same_file_and_another_number_another(family: Family) -> None:
    first, again = (edited(family, PHOTOGRAPH, 4, 0, OTHERS) for _ in range(2))
    others = (edited(family, PHOTOGRAPH, 4, number, OTHERS) for number in (1, 2, 3))

    assert first == again
    assert any(first != other for other in others)  # two may agree where only a whole quality is drawn


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_narrow_photograph_is_edited_too(family: Family) -> None:
    picture = opened(family, photograph=drawn(9, 90, 260))

    assert min(picture.size) > 30


@pytest.mark.parametrize(
    ("name", "form", "mode"),
    [
        ("jpeg-requantised", "JPEG", "RGB"),
        ("gif", "GIF", "P"),
        ("cmyk", "JPEG", "CMYK"),
        ("webp", "WEBP", "RGB"),
        ("palette-png", "PNG", "P"),
    ],
)
def test_a_family_of_files_keeps_its_format(name: str, form: str, mode: str) -> None:
    picture = opened(BY_NAME[name])

    assert (picture.format, picture.mode) == (form, mode)


@pytest.mark.parametrize("number", range(12))
def test_what_is_stored_turned_opens_upright(number: int) -> None:
    stored = opened(BY_NAME["exif-rotated"], number)

    upright = ImageOps.exif_transpose(stored)

    assert stored.getexif()[0x0112] > 1
    assert upright.size == PHOTOGRAPH.size
    assert _apart(upright, PHOTOGRAPH) < 6


@pytest.mark.parametrize("name", ["jpeg-requantised", "webp", "palette-png", "cmyk"])  # 32 colours are the coarsest
def test_another_encoding_shows_the_same(name: str) -> None:
    assert _apart(opened(BY_NAME[name]), PHOTOGRAPH) < 20


def _apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of their pixels, of 255."""
    difference = np.asarray(one.convert("RGB"), np.int16) - np.asarray(other, np.int16)
    return float(np.abs(difference).mean())
