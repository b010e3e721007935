"""The photographs are free, the copies are copies, and the decoys are none: by the measure that the crawler uses."""

import io
import re
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageOps, ImageSequence

from stillwatch.demo.album import FOLDER, OTHERS, PROTECTED, photograph
from stillwatch.demo.drawn import DRAWN, draw
from stillwatch.demo.odds import odds
from stillwatch.demo.site import DemoSite

SMALLER = re.compile(r"^/(thumbs|strip|medium)/|size=small$")
FOUND_AT, UNLIKE_AT = 31, 60  # differing bits of 256


@cache
def enrolled() -> dict[str, list[np.ndarray]]:
    """The published PDQ of each protected photograph in eight turns."""
    pdqhash = pytest.importorskip(
        "pdqhash", reason="no pdqhash; the cure: uv pip install -e .[bench] (needs a compiler)"
    )
    return {name: list(pdqhash.compute_dihedral(np.asarray(photograph(name)))[0]) for name in PROTECTED}


def distances(image_bytes: bytes) -> dict[str, int]:
    """From each protected photograph to the nearest frame, turned as it is."""
    protected = enrolled()
    import pdqhash

    with Image.open(io.BytesIO(image_bytes)) as image:
        bits = [pdqhash.compute(np.asarray(_plain(frame)))[0] for frame in ImageSequence.Iterator(image)]
    return {
        name: min(int(np.count_nonzero(turn != frame)) for turn in turns for frame in bits)
        for name, turns in protected.items()
    }


def _plain(frame: Image.Image) -> Image.Image:
    """As a viewer shows it: upright, on white, eight bits."""
    frame = ImageOps.exif_transpose(frame)
    if frame.mode.startswith("I"):
        frame = Image.fromarray((np.asarray(frame) // 257).astype(np.uint8))
    flat = Image.new("RGBA", frame.size, "white")
    flat.alpha_composite(frame.convert("RGBA"))
    return flat.convert("RGB")


def test_every_photograph_has_its_licence_and_is_small() -> None:
    licences = (FOLDER / "LICENCES.md").read_text(encoding="utf-8")
    files = sorted(FOLDER.glob("*.jpg"))

    assert [file.stem for file in files] == sorted([*PROTECTED, *OTHERS])
    for file in files:
        row = next(line for line in licences.splitlines() if line.startswith(f"| {file.name} "))
        assert "CC0" in row or "public domain" in row
        assert file.stat().st_size <= 150_000
        with Image.open(file) as image:
            assert max(image.size) <= 1024
            assert not image.getexif()


def test_the_ledger_tells_the_copies_from_the_decoys() -> None:
    site = DemoSite()
    ledger = {copy.path: copy for copy in site.planted}
    too_far, too_near = [], []

    for path in site.paths:
        decoy_made_smaller = path not in ledger and SMALLER.search(path)
        if path in odds() or decoy_made_smaller:  # its full size is looked at
            continue
        from_each = distances(site.answer(path, "test")[1].body)
        copy = ledger.get(path)
        if copy is None and min(from_each.values()) < UNLIKE_AT:
            too_near.append(path)
        elif copy is not None and copy.within_recipe and from_each[copy.photograph] > FOUND_AT:
            too_far.append(copy)

    assert too_far == []
    assert too_near == []


def test_the_same_seed_draws_the_same_picture_and_another_draws_another() -> None:
    for seed in range(len(DRAWN)):
        assert draw(seed).tobytes() == draw(seed).tobytes()
        assert draw(seed).tobytes() != draw(seed + len(DRAWN)).tobytes()
