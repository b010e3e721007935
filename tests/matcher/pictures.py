"""Pictures for these tests, and ways to look at hashes."""

import io
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import stillwatch
from core.model import Fingerprint
from matcher.hashers import Axis

PHOTOGRAPHS: Final = sorted(
    path
    for path in (Path(stillwatch.__file__).parent / "demo" / "photographs").iterdir()
    if path.suffix in {".jpg", ".png"}
)


class ArrayPicture:
    """A `matcher.hashers.Picture` that is already decoded."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels
        self.down, self.across = (Axis(length) for length in pixels.shape[:2])

    def rows(self, top: int, bottom: int) -> NDArray[np.uint8]:
        return self._pixels[top:bottom]

    def grey(self, side: int, *, exact: bool) -> NDArray[np.uint8]:  # noqa: ARG002 – always exact
        return np.asarray(Image.fromarray(self._pixels).convert("L").resize((side, side), Image.Resampling.LANCZOS))

    def small(self, side: int, *, exact: bool) -> NDArray[np.uint8]:  # noqa: ARG002 – always exact
        grey = Image.fromarray(self._pixels).convert("L")
        scale = min(1.0, side / max(grey.size))
        size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
        return np.asarray(grey.resize(size, Image.Resampling.BOX))


def encode(picture: NDArray[np.uint8] | Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, kind, **options)
    return file.getvalue()


def animate(pictures: list[NDArray[np.uint8]], kind: str, **options: object) -> bytes:
    first, *others = (Image.fromarray(picture) for picture in pictures)
    return encode(first, kind, save_all=True, append_images=others, duration=100, **options)


def apart(left: str, right: str) -> int:
    """Differing bits."""
    assert len(left) == len(right)
    return (int(left, 16) ^ int(right, 16)).bit_count()


def by_view(fingerprints: tuple[Fingerprint, ...], hasher: str = "pdq") -> dict[str, str]:
    return {one.view: one.bits for one in fingerprints if one.hasher == hasher}
