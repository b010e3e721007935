"""What edits and screens are drawn with: picked by chance, resized, coloured, written."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageFont, ImageOps

Chance = np.random.Generator
Props = Sequence[Image.Image]  # unrelated photographs: whatever stands beside, around or behind the copy
Colour = tuple[int, int, int]
Pixels = NDArray[np.float32]
Option = TypeVar("Option")

BLACK: Final = (0, 0, 0)
WHITE: Final = (255, 255, 255)
KEPT: Final = 0.65  # where a copy is cut to fill its frame, at least so much of its side stays


def one_of(chance: Chance, options: Sequence[Option]) -> Option:
    return options[int(chance.integers(len(options)))]


def some_of(count: int, chance: Chance, props: Props) -> list[Image.Image]:
    """Different ones, as long as there are so many."""
    return [props[int(which)] for which in chance.choice(len(props), count, replace=len(props) < count)]


def sized(
    picture: Image.Image, width: float, height: float, by: Image.Resampling = Image.Resampling.BICUBIC
) -> Image.Image:
    return picture.resize((max(1, round(width)), max(1, round(height))), by)


def within(picture: Image.Image, longest: float) -> Image.Image:
    scale = min(1.0, longest / max(picture.size))
    return sized(picture, picture.width * scale, picture.height * scale) if scale < 1 else picture


def filling(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Cut around its middle to that shape, then as large."""
    return ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)


def middle_of(picture: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def as_pixels(picture: Image.Image) -> Pixels:
    """(height, width, 3), 0 … 255."""
    return np.asarray(picture, np.float32)


def as_picture(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def any_colour(chance: Chance) -> Colour:
    """Any that is not grey."""
    hue, saturation, lightness = chance.integers(360), chance.integers(35, 101), chance.integers(25, 81)
    red, green, blue, *_ = ImageColor.getrgb(f"hsl({hue},{saturation}%,{lightness}%)")
    return red, green, blue


def readable_on(ground: Colour) -> Colour:
    red, green, blue = ground
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


@lru_cache(maxsize=256)
def _font_at(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def font_of(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The one that comes with Pillow, so high in pixels."""
    return _font_at(max(6, round(size)))


def fitting(
    chance: Chance, size: float, width: float, *, capitals: bool = False, shrink: bool = True
) -> tuple[str, float]:
    """As many words as fill that width, and the font size at which even a single one does not go beyond it."""
    words = [word(chance)]
    while len(words) < 40 and _length(" ".join(words), size, capitals=capitals) < width:
        words.append(word(chance))
    if len(words) > 1:
        words.pop()
    text = " ".join(words)
    text = text.upper() if capitals else text.capitalize()
    return text, size * min(1.0, width / font_of(size).getlength(text)) if shrink else size


def _length(text: str, size: float, *, capitals: bool) -> float:
    return font_of(size).getlength(text.upper() if capitals else text)


def word(chance: Chance) -> str:
    return one_of(chance, _WORDS)


_WORDS: Final = (
    "a", "the", "one", "my", "your", "this", "that", "when", "where", "nobody", "everybody", "never", "always",
    "again", "today", "tomorrow", "summer", "winter", "morning", "night", "window", "river", "garden", "kitchen",
    "street", "station", "mountain", "bread", "coffee", "letter", "number", "picture", "camera", "friend",
    "brother", "sister", "neighbour", "teacher", "doctor", "looks", "comes", "goes", "says", "knew", "found",
    "lost", "broke", "made", "bought", "forgot", "little", "old", "green", "quiet", "strange", "best", "first",
    "last", "only", "just", "because", "without", "after", "before", "with", "from", "about", "over", "under",
    "really", "maybe", "why", "not",
)  # fmt: skip
