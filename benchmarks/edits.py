"""What people do to a picture before they upload it again: families of edits, each with parameters drawn from a continuous range.

Everything is drawn with Pillow: the screens, bars and stickers belong to no product. What a family makes is a whole file, as it would
be uploaded: a JPEG of quality 60 to 92, where the family says nothing else.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from benchmarks.drawing import (
    BLACK,
    KEPT,
    WHITE,
    Chance,
    Pixels,
    Props,
    any_colour,
    as_picture,
    as_pixels,
    filling,
    fitting,
    font_of,
    middle_of,
    one_of,
    readable_on,
    sized,
    some_of,
    within,
    word,
)
from benchmarks.screenshots import browser, phone

Make = Callable[[Image.Image, Chance, Props], bytes]
Edit = Callable[[Image.Image, Chance], Image.Image]
Scene = Callable[[Image.Image, Chance, Props], Image.Image]

SHORT: Final = 200  # pixels: an edit that makes the copy smaller stops here, where the source has as many
LONG: Final = 2400  # pixels: what is made of several pictures is not much larger

_FILTERS: Final = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


@dataclass(frozen=True, slots=True)
class Family:
    """
    name      stable: with the seed and the number it decides what is drawn
    make      the photograph (RGB, upright) → the encoded file, as uploaded
    findable  what is done, with the ranges, for the published table
    """

    name: str
    make: Make
    findable: str


def edited(family: Family, photograph: Image.Image, seed: int, number: int, others: Props) -> bytes:
    """The same file for the same family, seed and number. `others`, all RGB: three or more, or a collage shows one of them twice."""
    chance = np.random.default_rng([seed, crc32(family.name.encode()), number])
    return family.make(photograph, chance, others)


# --- encoded


def _jpegs(edit: Edit, low: int = 60, high: int = 92) -> Make:
    return lambda photograph, chance, _: _jpeg(edit(photograph, chance), chance, low, high)


def _jpeg_scenes(scene: Scene) -> Make:
    return lambda photograph, chance, props: _jpeg(scene(photograph, chance, props), chance)


def _jpeg(picture: Image.Image, chance: Chance, low: int = 60, high: int = 92, exif: Image.Exif | None = None) -> bytes:
    quality = int(chance.integers(low, high + 1))
    subsampling = one_of(chance, (0, 2, 2))  # 4:4:4 or 4:2:0
    return _file(picture, "JPEG", quality=quality, subsampling=subsampling, **({} if exif is None else {"exif": exif}))


def _file(picture: Image.Image, form: str, **settings: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()


def _jpeg_or_png(scene: Scene) -> Make:
    """A phone keeps its screenshots as PNG; whoever passes them on makes JPEG of them."""

    def make(photograph: Image.Image, chance: Chance, props: Props) -> bytes:
        screen = scene(photograph, chance, props)
        if chance.random() < 1 / 3:
            return _file(screen, "PNG", compress_level=1)  # the pixels are the same, and it takes a fifth of the time
        return _jpeg(screen, chance)

    return make


def _gif(photograph: Image.Image, chance: Chance, _: Props) -> bytes:
    small = _smaller(photograph, chance, 0.5, 1.0)
    if chance.random() < 1 / 4:
        return _file(small.convert("P", palette=Image.Palette.WEB), "GIF")  # 216 fixed colours, dithered
    return _file(_quantised(small, chance, 64), "GIF")


def _palette_png(photograph: Image.Image, chance: Chance, _: Props) -> bytes:
    return _file(_quantised(photograph, chance, 32), "PNG")


def _quantised(picture: Image.Image, chance: Chance, fewest: int) -> Image.Image:
    colours = int(chance.integers(fewest, 257))
    method = one_of(chance, (Image.Quantize.MEDIANCUT, Image.Quantize.FASTOCTREE))
    plain = picture.quantize(colours, method)
    if chance.random() < 0.5:
        return plain
    return picture.quantize(colours, palette=plain, dither=Image.Dither.FLOYDSTEINBERG)


def _webp(photograph: Image.Image, chance: Chance, _: Props) -> bytes:
    return _file(photograph, "WEBP", quality=int(chance.integers(30, 81)))


def _turned_by_tag(photograph: Image.Image, chance: Chance, _: Props) -> bytes:
    tag = int(chance.integers(2, 9))
    exif = Image.Exif()
    exif[0x0112] = tag
    return _jpeg(photograph.transpose(_STORED[tag]), chance, exif=exif)


# How the pixels lie that a reader of the EXIF orientation puts upright.
_STORED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


# --- the picture itself


def _unchanged(picture: Image.Image, _: Chance) -> Image.Image:
    return picture


def _cmyk(picture: Image.Image, _: Chance) -> Image.Image:
    return picture.convert("CMYK")


def _smaller(picture: Image.Image, chance: Chance, low: float, high: float) -> Image.Image:
    least = min(max(low, SHORT / min(picture.size)), high)
    scale = chance.uniform(least, high)
    return sized(picture, picture.width * scale, picture.height * scale, one_of(chance, _FILTERS))


def _stretched(picture: Image.Image, chance: Chance) -> Image.Image:
    factor = math.exp(chance.uniform(math.log(0.75), math.log(4 / 3)))
    if chance.random() < 0.5:
        return sized(picture, picture.width * factor, picture.height)
    return sized(picture, picture.width, picture.height * factor)


def _cropped(picture: Image.Image, chance: Chance, low: float, high: float) -> Image.Image:
    keep = chance.uniform(low, high)
    return _window(picture, chance, keep, keep)


def _cropped_apart(picture: Image.Image, chance: Chance) -> Image.Image:
    return _window(picture, chance, chance.uniform(0.6, 1.0), chance.uniform(0.6, 1.0))


def _window(picture: Image.Image, chance: Chance, width: float, height: float) -> Image.Image:
    """So much of its width and height, from anywhere."""
    wide, high = round(picture.width * width), round(picture.height * height)
    left = int(chance.integers(picture.width - wide + 1))
    top = int(chance.integers(picture.height - high + 1))
    return picture.crop((left, top, left + wide, top + high))


def _cut(picture: Image.Image, chance: Chance) -> Image.Image:
    """One side is gone."""
    off = chance.uniform(0.05, 0.45)
    wide, high = round(picture.width * off), round(picture.height * off)
    return picture.crop(
        one_of(
            chance,
            (
                (wide, 0, picture.width, picture.height),
                (0, high, picture.width, picture.height),
                (0, 0, picture.width - wide, picture.height),
                (0, 0, picture.width, picture.height - high),
            ),
        )
    )


def _tilted(picture: Image.Image, chance: Chance) -> Image.Image:
    angle = chance.uniform(-9, 9)
    if chance.random() < 0.5:
        width, height = _inner(picture.size, abs(math.radians(angle)))
        return middle_of(picture.rotate(angle, Image.Resampling.BICUBIC), width, height)
    ground = one_of(chance, (BLACK, WHITE, any_colour(chance)))
    return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=ground)


def _inner(size: tuple[int, int], angle: float) -> tuple[int, int]:
    """The largest upright rectangle in one turned by so many radians, less than an eighth of a turn."""
    long, short = max(size), min(size)
    sine, cosine = math.sin(angle), math.cos(angle)
    if short <= 2 * sine * cosine * long:  # so long that two of its corners touch nothing
        sides = 0.5 * short / sine, 0.5 * short / cosine
    else:
        sides = (
            (long * cosine - short * sine) / math.cos(2 * angle),
            (short * cosine - long * sine) / math.cos(2 * angle),
        )
    wide, high = sides if size[0] >= size[1] else sides[::-1]
    return int(wide), int(high)


def _quarter_turned(picture: Image.Image, chance: Chance) -> Image.Image:
    return picture.transpose(
        one_of(chance, (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270))
    )


def _mirrored(picture: Image.Image, chance: Chance) -> Image.Image:
    return ImageOps.flip(picture) if chance.random() < 1 / 4 else ImageOps.mirror(picture)


def _mirrored_crop(picture: Image.Image, chance: Chance) -> Image.Image:
    return _cropped(ImageOps.mirror(picture), chance, 0.80, 0.95)


def _toned(picture: Image.Image, chance: Chance) -> Image.Image:
    """One to three of them, in any order."""
    for which in chance.permutation(len(_TONES))[: chance.integers(1, 4)]:
        picture = _TONES[which](picture, chance)
    return picture


def _lit(picture: Image.Image, chance: Chance) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(chance.uniform(0.65, 1.5))


def _contrasted(picture: Image.Image, chance: Chance) -> Image.Image:
    return ImageEnhance.Contrast(picture).enhance(chance.uniform(0.6, 1.6))


def _saturated(picture: Image.Image, chance: Chance) -> Image.Image:
    return ImageEnhance.Color(picture).enhance(chance.uniform(0.2, 2.0))


def _gamma(picture: Image.Image, chance: Chance) -> Image.Image:
    power = math.exp(chance.uniform(math.log(0.6), math.log(1.7)))
    return picture.point([round(255 * (value / 255) ** power) for value in range(256)] * 3)


def _tinted(picture: Image.Image, chance: Chance) -> Image.Image:
    """Warmer or colder."""
    warmth = chance.uniform(-0.25, 0.25)
    return as_picture(as_pixels(picture) * np.array([1 + warmth, 1, 1 - warmth], np.float32))


def _greyed(picture: Image.Image, _: Chance) -> Image.Image:
    return ImageOps.grayscale(picture).convert("RGB")


def _sepia(picture: Image.Image, chance: Chance) -> Image.Image:
    old = ImageOps.colorize(ImageOps.grayscale(picture), (20, 10, 0), (255, 240, 205))
    return Image.blend(picture, old, chance.uniform(0.5, 1.0))


_TONES: Final[tuple[Edit, ...]] = (_lit, _contrasted, _saturated, _gamma, _tinted, _greyed, _sepia)


# --- something is added


def _bordered(picture: Image.Image, chance: Chance) -> Image.Image:
    left, top, right, bottom = _margins(min(picture.size), chance)
    colour = one_of(chance, (BLACK, WHITE, any_colour(chance), any_colour(chance)))
    framed = Image.new("RGB", (left + picture.width + right, top + picture.height + bottom), colour)
    if chance.random() < 1 / 3:  # two tones
        inset = chance.uniform(0.2, 0.8)
        within = (
            round(left * inset),
            round(top * inset),
            framed.width - round(right * inset),
            framed.height - round(bottom * inset),
        )
        framed.paste(one_of(chance, (BLACK, WHITE, any_colour(chance))), within)
    framed.paste(picture, (left, top))
    return framed


def _margins(side: int, chance: Chance) -> tuple[int, int, int, int]:
    """Alike on all sides, on two that face each other, or each as it came."""
    thick = round(side * chance.uniform(0.02, 0.35))
    every = [round(side * each) for each in chance.uniform(0.02, 0.35, 4)]
    return one_of(
        chance,
        (
            (thick, thick, thick, thick),
            (thick, thick, thick, thick),
            (0, thick, 0, thick),
            (thick, 0, thick, 0),
            (every[0], every[1], every[2], every[3]),
        ),
    )


def _captioned(picture: Image.Image, chance: Chance) -> Image.Image:
    """A bar of text above or below."""
    bar = round(picture.height * chance.uniform(0.06, 0.22))
    ground = one_of(chance, (BLACK, WHITE, WHITE, any_colour(chance)))
    above = chance.random() < 0.5
    whole = Image.new("RGB", (picture.width, picture.height + bar), ground)
    whole.paste(picture, (0, bar if above else 0))
    lines = int(chance.integers(1, max(1, min(3, bar // 18)) + 1))
    height = 0.88 * bar / lines
    pen = ImageDraw.Draw(whole)
    top = (0 if above else picture.height) + 0.06 * bar
    centred = chance.random() < 0.6
    for line in range(lines):
        text, size = fitting(chance, 0.72 * height, picture.width * chance.uniform(0.5, 0.94))
        at = (picture.width / 2 if centred else 0.03 * picture.width, top + (line + 0.5) * height)
        pen.text(at, text, readable_on(ground), font_of(size), "mm" if centred else "lm")
    return whole


def _texted(picture: Image.Image, chance: Chance) -> Image.Image:
    """Capitals with an outline, over the picture: above, below, or both."""
    picture = picture.copy()
    pen = ImageDraw.Draw(picture)
    places = one_of(chance, ((0.08,), (0.92,), (0.08, 0.92), (0.8, 0.92), (chance.uniform(0.2, 0.8),)))
    height = picture.height * chance.uniform(0.06, 0.12)
    ink = one_of(chance, (WHITE, WHITE, any_colour(chance)))
    for place in places:
        text, size = fitting(chance, height, picture.width * chance.uniform(0.55, 0.94), capitals=True)
        at = (picture.width / 2, picture.height * place)
        outline = max(1, round(size / 12))
        pen.text(at, text, ink, font_of(size), "mm", stroke_width=outline, stroke_fill=readable_on(ink))
    return picture


def _stuck(picture: Image.Image, chance: Chance, low: float, high: float) -> Image.Image:
    """A sticker covers so much of the area, or a spot of it is blurred or pixelated."""
    spot = chance.random() < 0.4
    sticker = one_of(chance, _SPOTS if spot else _STICKERS)(chance)
    covering = float(np.asarray(sticker.getchannel("A")).mean()) / 255
    box = _somewhere(picture.size, chance.uniform(low, high) / covering, chance)
    sticker = sticker.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.LANCZOS)
    under = picture.crop(box)
    ink = one_of(chance, (_blurred, _pixelated))(under, chance) if spot else sticker.convert("RGB")
    picture = picture.copy()
    picture.paste(ink, box, sticker.getchannel("A"))
    return picture


def _cropped_stuck(picture: Image.Image, chance: Chance) -> Image.Image:
    return _stuck(_cropped(picture, chance, 0.80, 0.95), chance, 0.05, 0.10)


def _somewhere(size: tuple[int, int], share: float, chance: Chance) -> tuple[int, int, int, int]:
    """A box of about that share of the area, nearly square if it fits."""
    width, height = size
    wide = math.sqrt(share * width * height) * chance.uniform(0.95, 1.05)
    wide = min(max(wide, share * width / 0.96), 0.96 * width)
    high = share * width * height / wide
    left, top = chance.uniform(0, width - wide), chance.uniform(0, height - high)
    return round(left), round(top), round(left + wide), round(top + high)


def _blurred(under: Image.Image, chance: Chance) -> Image.Image:
    return under.filter(ImageFilter.GaussianBlur(min(under.size) * chance.uniform(0.08, 0.2)))


def _pixelated(under: Image.Image, chance: Chance) -> Image.Image:
    tile = max(under.size) / chance.uniform(5, 12)
    coarse = sized(under, under.width / tile, under.height / tile, Image.Resampling.BOX)
    return coarse.resize(under.size, Image.Resampling.NEAREST)


# Stickers are square, RGBA, and are made smaller when stuck: that smooths their edges.
_STICKER: Final = 512


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sticker = Image.new("RGBA", (_STICKER, _STICKER))
    return sticker, ImageDraw.Draw(sticker)


def _face(chance: Chance) -> Image.Image:
    sticker, pen = _blank()
    pen.ellipse((4, 4, 508, 508), (255, int(chance.integers(190, 225)), 40), (225, 150, 20), 10)
    if chance.random() < 0.5:  # dark glasses
        for left in (90, 275):
            pen.rounded_rectangle((left, 160, left + 150, 260), 40, (25, 25, 25))
        pen.line((90, 180, 425, 180), (25, 25, 25), 16)
    else:
        for left in (145, 305):
            pen.ellipse((left, 150, left + 65, 250), (70, 40, 10))
    pen.chord((130, 230, 385, 430), 0, 180, (110, 40, 20))
    return sticker


def _heart(chance: Chance) -> Image.Image:
    sticker, pen = _blank()
    turn = np.linspace(0, 2 * math.pi, 120)
    across = 16 * np.sin(turn) ** 3
    down = -(13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn))
    points = np.stack([256 + across * 15.6, 226 + down * 15.6], axis=1)
    pen.polygon([(x, y) for x, y in points.tolist()], one_of(chance, ((225, 30, 60), (240, 80, 160), (20, 20, 20))))
    return sticker


def _star(chance: Chance) -> Image.Image:
    sticker, pen = _blank()
    spikes = int(chance.integers(5, 13))
    turn = np.arange(2 * spikes) * math.pi / spikes
    reach = np.where(np.arange(2 * spikes) % 2, chance.uniform(0.5, 0.8), 1.0) * 250
    points = np.stack([256 + reach * np.sin(turn), 256 - reach * np.cos(turn)], axis=1)
    colour = any_colour(chance)
    pen.polygon([(x, y) for x, y in points.tolist()], colour)
    pen.text((256, 256), word(chance).upper()[:5], readable_on(colour), font_of(90), "mm")
    return sticker


def _label(chance: Chance) -> Image.Image:
    sticker, pen = _blank()
    colour = one_of(chance, (BLACK, WHITE, any_colour(chance)))
    pen.rounded_rectangle((0, 0, 511, 511), int(chance.integers(0, 90)), colour)
    lines = int(chance.integers(1, 4))
    for line in range(lines):
        text, size = fitting(chance, min(170, 380 / lines), 430, capitals=True)
        pen.text((256, 512 * (line + 1) / (lines + 1)), text, readable_on(colour), font_of(size), "mm")
    return sticker


def _disc(_: Chance) -> Image.Image:
    sticker, pen = _blank()
    pen.ellipse((0, 0, 511, 511), BLACK)
    return sticker


def _slab(_: Chance) -> Image.Image:
    return Image.new("RGBA", (_STICKER, _STICKER), BLACK)


_STICKERS: Final[tuple[Callable[[Chance], Image.Image], ...]] = (_face, _heart, _star, _label)
_SPOTS: Final[tuple[Callable[[Chance], Image.Image], ...]] = (_disc, _slab)


# --- the copy is a part of another picture


def _two(photograph: Image.Image, chance: Chance, props: Props) -> Image.Image:
    """Side by side or stacked: each as it is, or in two cells of one shape."""
    stacked = chance.random() < 0.5
    copy = within(_smaller(photograph, chance, 0.6, 1.0), LONG / 2)
    other = _everyday(some_of(1, chance, props)[0])
    if chance.random() < 0.5:
        shape = _shape(copy, chance)
        copy = filling(copy, *_cut_to(copy, shape))
        other = filling(other, *copy.size)
    elif stacked:
        other = sized(other, copy.width, other.height * copy.width / other.width)
    else:
        other = sized(other, other.width * copy.height / other.height, copy.height)
    pair = (copy, other) if chance.random() < 0.5 else (other, copy)
    return _laid([[one] for one in pair] if stacked else [pair], chance)


def _four(photograph: Image.Image, chance: Chance, props: Props) -> Image.Image:
    copy = within(_smaller(photograph, chance, 0.5, 1.0), LONG / 2)
    copy = filling(copy, *_cut_to(copy, _shape(copy, chance)))
    cells = [copy, *(filling(other, *copy.size) for other in some_of(3, chance, props))]
    order = chance.permutation(4)
    return _laid([[cells[order[0]], cells[order[1]]], [cells[order[2]], cells[order[3]]]], chance)


def _shape(copy: Image.Image, chance: Chance) -> float:
    """Width by height of a cell: an everyday one, as far as the copy can be cut to it."""
    own = copy.width / copy.height
    return min(max(one_of(chance, (1.0, 1.0, 4 / 3, 3 / 4, 4 / 5, own)), own * KEPT), own / KEPT)


def _cut_to(copy: Image.Image, shape: float) -> tuple[int, int]:
    """The size that is left when it is cut to that shape."""
    return round(min(copy.width, copy.height * shape)), round(min(copy.height, copy.width / shape))


def _everyday(other: Image.Image) -> Image.Image:
    """Cut where it is longer than 16:9 or 9:16."""
    return middle_of(other, *_cut_to(other, min(max(other.width / other.height, 9 / 16), 16 / 9)))


def _laid(rows: Sequence[Sequence[Image.Image]], chance: Chance) -> Image.Image:
    """In rows, all cells of a row of one height and all of a column of one width, with gutters or none, sometimes around it too."""
    width = sum(cell.width for cell in rows[0])
    height = sum(row[0].height for row in rows)
    gutter = round(max(width, height) * one_of(chance, (0.0, chance.uniform(0, 0.03), chance.uniform(0, 0.03))))
    edge = gutter if chance.random() < 0.5 else 0
    size = (
        width + gutter * (len(rows[0]) - 1) + 2 * edge,
        height + gutter * (len(rows) - 1) + 2 * edge,
    )
    collage = Image.new("RGB", size, one_of(chance, (WHITE, WHITE, BLACK, any_colour(chance))))
    top = edge
    for row in rows:
        left = edge
        for cell in row:
            collage.paste(cell, (left, top))
            left += cell.width + gutter
        top += row[0].height + gutter
    return collage


def _inset(photograph: Image.Image, chance: Chance, props: Props) -> Image.Image:
    """Pasted on another photograph, which is made as large as that takes."""
    share = chance.uniform(0.25, 0.5)
    copy = within(_smaller(photograph, chance, 0.4, 1.0), LONG * share)
    ground = _everyday(some_of(1, chance, props)[0])
    scale = max(copy.width / ground.width, copy.height / ground.height) / share
    ground = sized(ground, ground.width * scale, ground.height * scale)
    if chance.random() < 0.5:
        copy = ImageOps.expand(copy, max(1, round(0.012 * max(copy.size))), one_of(chance, (WHITE, WHITE, BLACK)))
    left = int(chance.integers(max(1, ground.width - copy.width)))
    top = int(chance.integers(max(1, ground.height - copy.height)))
    ground.paste(copy, (left, top))
    return ground


def _rephotographed(photograph: Image.Image, chance: Chance) -> Image.Image:
    """Seen by a camera on a screen: not quite from in front, not quite sharp, with the screen's rows and a dark edge."""
    long = chance.uniform(600, 1100)
    scale = max(long / max(photograph.size), min(1.0, 1.25 * SHORT / min(photograph.size)))
    screen = sized(photograph, photograph.width * scale, photograph.height * scale)
    screen = as_picture(as_pixels(screen) * _rows(screen.size, chance))
    room = round(0.2 * max(screen.size))  # more than is ever seen
    scene = ImageOps.expand(screen, room, (int(chance.integers(8, 40)),) * 3)
    seen = _from_aside(scene, room, chance).filter(ImageFilter.GaussianBlur(chance.uniform(0.4, 1.3)))
    return as_picture(_through_a_lens(as_pixels(seen), chance))


def _rows(size: tuple[int, int], chance: Chance) -> Pixels:
    """The rows of a screen, and the slower waves where they beat with those of the sensor, apart for each colour."""
    width, height = size
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    lean, slow = chance.uniform(-0.15, 0.15), chance.uniform(-0.8, 0.8)
    fine = np.sin((down + lean * across) * np.float32(2 * math.pi / chance.uniform(2.5, 6)))
    beat = (down + slow * across) * np.float32(2 * math.pi / chance.uniform(25, 90))
    colours = np.stack([np.sin(beat + np.float32(shift)) for shift in chance.uniform(0, 1.5, 3)], axis=-1)
    waves: Pixels = 1 + chance.uniform(0.01, 0.05) * fine[..., None] + chance.uniform(0.005, 0.03) * colours
    return waves


def _from_aside(scene: Image.Image, room: int, chance: Chance) -> Image.Image:
    """The frame of the camera lies 2–10 % outside of the picture, each corner up to 6 % further out."""
    wide, high = scene.width - 2 * room, scene.height - 2 * room
    outside = chance.uniform(0.02, 0.10, 4)
    shift = chance.uniform(0, 0.06, (4, 2))
    left, top, right, bottom = outside
    far = np.array([[-left, -top], [right, -top], [right, bottom], [-left, bottom]])
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + far + shift * np.sign(far)
    frame = corners * (wide, high) + room
    size = round(wide * (1 + left + right)), round(high * (1 + top + bottom))
    return scene.transform(size, Image.Transform.PERSPECTIVE, _perspective(size, frame), Image.Resampling.BICUBIC)


def _perspective(size: tuple[int, int], frame: NDArray[np.float64]) -> list[float]:
    """Of Pillow's eight numbers those that fetch the corners of a picture of that size from these, clockwise from the upper left."""
    width, height = size
    rows, wanted = [], []
    for (x, y), (u, v) in zip(((0, 0), (width, 0), (width, height), (0, height)), frame.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    return [float(number) for number in np.linalg.solve(np.array(rows), np.array(wanted))]


def _through_a_lens(pixels: Pixels, chance: Chance) -> Pixels:
    """Darker towards the corners, another gamma, a cast, some light on the glass, and noise."""
    height, width, _ = pixels.shape
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    vignette = 1 - chance.uniform(0, 0.35) * (down**2 + across**2) / 2
    glare = chance.uniform(0, 0.1) * (1 + np.sin(chance.uniform(0, 3) * across + chance.uniform(0, 3) * down)) / 2
    cast = chance.uniform(0.92, 1.08, 3).astype(np.float32)
    light = (pixels / 255) ** chance.uniform(0.75, 1.35) * vignette * cast
    noise = chance.uniform(0.004, 0.016) * chance.standard_normal(pixels.shape, np.float32)
    return (light + glare + noise) * 255


FAMILIES: Final[tuple[Family, ...]] = (
    Family("jpeg-requantised", _jpegs(_unchanged, 15, 60), "JPEG again, quality 15 to 60"),
    Family("resized", _jpegs(partial(_smaller, low=0.3, high=0.9)), "made smaller, 30 to 90 % of its sides, at least 200 pixels"),
    Family("crop-85-97", _jpegs(partial(_cropped, low=0.85, high=0.97)), "85 to 97 % of both sides kept, from anywhere"),
    Family("crop-70-85", _jpegs(partial(_cropped, low=0.70, high=0.85)), "70 to 85 % of both sides kept, from anywhere"),
    Family("crop-50-70", _jpegs(partial(_cropped, low=0.50, high=0.70)), "50 to 70 % of both sides kept, from anywhere"),
    Family("crop-axes-apart", _jpegs(_cropped_apart), "60 to 100 % of the width and 60 to 100 % of the height kept"),
    Family("one-side-cut", _jpegs(_cut), "5 to 45 % cut off one side"),
    Family("border", _jpegs(_bordered), "a border of 2 to 35 % of the shorter side around it, or on two sides, or uneven"),
    Family("rotation", _jpegs(_tilted), "turned by up to 9° either way, cut to what is full or filled around"),
    Family("quarter-turn", _jpegs(_quarter_turned), "turned by 90°, 180° or 270°"),
    Family("mirror", _jpegs(_mirrored), "mirrored left to right, one in four upside down"),
    Family("mirror-crop", _jpegs(_mirrored_crop, 40, 60), "mirrored, 80 to 95 % of both sides kept, JPEG quality 40 to 60"),
    Family("caption", _jpegs(_captioned), "a bar of text above or below, 6 to 22 % of the height"),
    Family("text-over", _jpegs(_texted), "outlined text over it, one or two lines of 6 to 12 % of the height"),
    Family("sticker", _jpegs(partial(_stuck, low=0.06, high=0.20)), "a sticker, blur or mosaic over 6 to 20 % of the area"),
    Family("crop-sticker", _jpegs(_cropped_stuck), "80 to 95 % of both sides kept, then 5 to 10 % of the area covered"),
    Family("phone-screenshot", _jpeg_or_png(phone), "in an app on a phone of 9:16 to 9:20, as wide as the screen"),
    Family("browser-screenshot", _jpeg_scenes(browser), "on a page in a window, 35 to 70 % of the window's height"),
    Family("collage-2", _jpeg_scenes(_two), "beside or above another picture, gutter 0 to 3 %"),
    Family("collage-4", _jpeg_scenes(_four), "one of four pictures, cut to the shape of its cell, gutter 0 to 3 %"),
    Family("inset", _jpeg_scenes(_inset), "pasted on another picture, 25 to 50 % of its width or height"),
    Family("rephotographed", _jpegs(_rephotographed), "photographed from a screen, corners off by up to 6 %, edge 2 to 10 %"),
    Family("tone", _jpegs(_toned), "one to three of brightness, contrast, gamma, saturation, warmth, grey, sepia"),
    Family("aspect", _jpegs(_stretched), "one side stretched to 75 to 133 %"),
    Family("gif", _gif, "GIF of 64 to 256 colours or the web's 216, 50 to 100 % of its sides"),
    Family("cmyk", _jpegs(_cmyk), "JPEG in CMYK"),
    Family("exif-rotated", _turned_by_tag, "stored turned or mirrored, and put upright by its EXIF tag"),
    Family("webp", _webp, "WebP, quality 30 to 80"),
    Family("palette-png", _palette_png, "PNG of 32 to 256 colours"),
)  # fmt: skip
