"""One decoded frame, read as upright 8-bit rows on white.

The frame stays as the decoder left it; colours, transparency, 16 bits and the orientation are put right for a block of rows
at a time, so that no second whole picture is ever held.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from matcher.hashers import Axis

_T = Image.Transpose
# EXIF orientation → what to do to the pixels (as ImageOps.exif_transpose).
_TURN: Final = {
    2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM,
    5: _T.TRANSPOSE, 6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90,
}  # fmt: skip
_LYING: Final = frozenset({5, 6, 7, 8})  # upright rows are stored columns
_FROM_THE_END: Final = frozenset({3, 4, 7, 8})  # the first upright row is the last stored row or column
_MIRRORED: Final = frozenset({2, 3, 7, 8})  # stored columns are read from the last to the first
_UPSIDE_DOWN: Final = frozenset({3, 4, 6, 7})  # stored rows are

_BLOCK: Final = 256  # rows
_GAP: Final = 3.0  # how many times larger than wanted a picture is that was quickly brought down


class Plane:
    """A `matcher.hashers.Picture`."""

    def __init__(self, image: Image.Image, orientation: int = 1, full_size: tuple[int, int] | None = None) -> None:
        """
        full_size: width and height before the decoder scaled it down, to a half, a quarter or an eighth of both
        """
        self._image = levelled(image)
        self._orientation = orientation
        across, down = (_axis(*sides) for sides in zip(full_size or image.size, image.size, strict=True))
        # In samples, without what the last ones hold beyond the full picture's end: it would stretch what is resampled.
        self._filled = (0.0, 0.0, across.length / across.scale, down.length / down.scale)
        if orientation in _MIRRORED:
            across = across._replace(lead=across.samples * across.scale - across.length)
        if orientation in _UPSIDE_DOWN:
            down = down._replace(lead=down.samples * down.scale - down.length)
        self.down, self.across = (across, down) if orientation in _LYING else (down, across)

    def rows(self, top: int, bottom: int) -> NDArray[np.uint8]:
        return np.asarray(self._block(top, bottom))

    def grey(self, side: int, *, exact: bool) -> NDArray[np.uint8]:
        gap = None if exact else _GAP
        if self._plain:
            # Without a copy where it is grey already.
            grey = self._image if self._image.mode == "L" else self._image.convert("L")
            return np.asarray(self._turned(grey.resize((side, side), Image.Resampling.LANCZOS, self._filled, gap)))
        return np.asarray(self._whole_grey().resize((side, side), Image.Resampling.LANCZOS, reducing_gap=gap))

    def small(self, side: int, *, exact: bool) -> NDArray[np.uint8]:
        width, height = self._image.size
        scale = min(1.0, side / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # Pillow's BOX takes whole pixels only, so that of a picture not much larger it is off by up to half of one. Added up in whole
        # numbers first and then weighed, it is quicker, nearer to the means, and more cells of collages are found: HAMMING keeps edges
        # that BILINEAR blurs. What is enrolled stays as it always was.
        by, gap = (Image.Resampling.BOX, None) if exact else (Image.Resampling.HAMMING, 1.0)
        if self._plain:
            small = self._image.resize(size, by, self._filled, gap)
            # Three channels are brought down before they become one: fewer pixels to weigh.
            return np.asarray(self._turned(small if small.mode == "L" else small.convert("L")))
        upright = size[::-1] if self._orientation in _LYING else size
        return np.asarray(self._whole_grey().resize(upright, by, reducing_gap=gap))

    @property
    def _plain(self) -> bool:
        """In L or RGB and nowhere transparent: resampled as it is."""
        return self._image.mode in {"L", "RGB"} and "transparency" not in self._image.info

    def _whole_grey(self) -> Image.Image:
        """Upright, whatever its colours and transparency were."""
        height = self.down.samples
        grey = Image.new("L", (self.across.samples, height))
        for top in range(0, height, _BLOCK):
            grey.paste(self._block(top, min(top + _BLOCK, height)).convert("L"), (0, top))
        return grey

    def _block(self, top: int, bottom: int) -> Image.Image:
        width, height = self._image.size
        if self._orientation in _LYING:
            left, right = (width - bottom, width - top) if self._orientation in _FROM_THE_END else (top, bottom)
            box = (left, 0, right, height)
        else:
            upper, lower = (height - bottom, height - top) if self._orientation in _FROM_THE_END else (top, bottom)
            box = (0, upper, width, lower)
        # Small pictures are one block: spared a copy.
        return self._turned(plain(self._image if box == (0, 0, width, height) else self._image.crop(box)))

    def _turned(self, image: Image.Image) -> Image.Image:
        turn = _TURN.get(self._orientation)
        return image if turn is None else image.transpose(turn)


def _axis(full: int, samples: int) -> Axis:
    return Axis(full, next(scale for scale in (1, 2, 4, 8) if -(-full // scale) == samples))


def plain(image: Image.Image) -> Image.Image:
    """In L or RGB, on white where it was transparent."""
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        seen_through = image.convert("RGBA")
        on_white = Image.new("RGB", image.size, (255, 255, 255))
        on_white.paste(seen_through, mask=seen_through.getchannel("A"))
        return on_white
    if image.mode in {"L", "RGB"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def levelled(image: Image.Image) -> Image.Image:
    """Samples of more than 8 bits brought down to 8; any other picture as it is."""
    if not image.mode.startswith(("I", "F")):
        return image
    floor, scale = _levels(image)
    grey = Image.new("L", image.size)
    for number, block in enumerate(_blocks(image)):
        samples = np.nan_to_num(block, nan=floor, posinf=floor, neginf=floor)
        grey.paste(Image.fromarray(np.clip((samples - floor) * scale, 0, 255).astype(np.uint8)), (0, number * _BLOCK))
    return grey


def _blocks(image: Image.Image) -> Iterator[NDArray[np.float64]]:
    for top in range(0, image.height, _BLOCK):
        yield np.asarray(image.crop((0, top, image.width, min(top + _BLOCK, image.height))), np.float64)


def _levels(image: Image.Image) -> tuple[float, float]:
    """The sample that is black, and what a step of one is worth of 255."""
    if image.mode.startswith("I;16"):
        return 0.0, 255 / 65535
    low, high = math.inf, -math.inf
    for block in _blocks(image):
        finite = block[np.isfinite(block)]
        low, high = float(finite.min(initial=low)), float(finite.max(initial=high))
    if low > high:
        return 0.0, 0.0  # no number in it
    full = 1.0 if image.mode == "F" and high <= 1 else 255.0 if high <= 255 else 65535.0
    if low >= 0 and high <= full:
        return 0.0, 255 / full
    return low, 255 / (high - low)  # no usual range: from the darkest to the brightest sample
