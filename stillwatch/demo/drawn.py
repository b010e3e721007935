"""Pictures drawn by code: the decoys of the demo site. The same seed draws the same picture.

Each has features enough for a perceptual hash that means something, and looks like none of the photographs.
"""

import math
import random
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Size = tuple[int, int]  # width, height in pixels

WORDS = (
    "harbour", "lantern", "tide", "heather", "gull", "pier", "meadow", "thunder", "copper", "orchard",
    "granite", "ferry", "willow", "beacon", "saddle", "cedar", "market", "ribbon", "voyage", "kettle",
)  # fmt: skip


def draw(seed: int, size: Size = (480, 360)) -> Image.Image:
    """An RGB picture. Takes a few milliseconds."""
    dice = random.Random(seed)  # noqa: S311  # nothing secret hangs on it
    kinds = list(DRAWN.values())
    return kinds[seed % len(kinds)](dice, size)


def landscape(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = _gradient(dice, size)
    pen = ImageDraw.Draw(picture)
    sun_x, sun_y, sun_r = dice.randrange(width), dice.randrange(height // 2), dice.randrange(height // 16, height // 6)
    pen.ellipse((sun_x - sun_r, sun_y - sun_r, sun_x + sun_r, sun_y + sun_r), fill=_bright(dice))
    ridges = dice.randrange(3, 6)
    for ridge in range(ridges):
        base = height * (0.35 + 0.6 * ridge / ridges)
        waves = [(dice.uniform(0.5, 4), dice.uniform(0, 6.3), dice.uniform(0.02, 0.1)) for _ in range(4)]
        line = [
            (x, base + height * sum(a * math.sin(6.3 * f * x / width + p) for f, p, a in waves))
            for x in range(0, width + 8, 8)
        ]
        colour = _shade(_any(dice), 0.9 - 0.7 * ridge / ridges)
        pen.polygon([(0, height), *line, (width, height)], fill=colour)
        for _ in range(dice.randrange(2, 9)):
            x, y = dice.choice(line)
            tall = dice.uniform(0.05, 0.2) * height
            pen.polygon([(x - tall / 4, y + 4), (x, y - tall), (x + tall / 4, y + 4)], fill=_shade(colour, 0.6))
    return _grain(dice, picture)


def skyline(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = _gradient(dice, size)
    pen = ImageDraw.Draw(picture)
    x = 0
    while x < width:
        wide, tall = dice.randrange(width // 20, width // 6), int(height * dice.uniform(0.15, 0.85))
        colour = _shade(_any(dice), dice.uniform(0.2, 0.7))
        pen.rectangle((x, height - tall, x + wide, height), fill=colour)
        for row in range(height - tall + 6, height - 8, 14):
            for column in range(x + 4, x + wide - 6, 12):
                if dice.random() < 0.45:
                    pen.rectangle((column, row, column + 6, row + 8), fill=_bright(dice))
        x += wide + dice.randrange(0, 6)
    return _grain(dice, picture)


def bubbles(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = _gradient(dice, size)
    for _ in range(dice.randrange(12, 26)):
        r = int(dice.uniform(0.04, 0.22) * height)
        x, y = dice.randrange(width), dice.randrange(height)
        disc = Image.new("RGB", (2 * r, 2 * r), _any(dice))
        mask = Image.new("L", (2 * r, 2 * r), 0)
        ImageDraw.Draw(mask).ellipse((0, 0, 2 * r - 1, 2 * r - 1), fill=dice.randrange(120, 256))
        picture.paste(disc, (x - r, y - r), mask)
    return _grain(dice, picture)


def weave(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    waves = np.zeros((height, width), np.float32)
    for _ in range(6):
        angle, pitch, phase = dice.uniform(0, 3.2), dice.uniform(8, 40), dice.uniform(0, 6.3)
        bend = dice.uniform(0, 2) * np.sin(3 * x * math.sin(angle) + phase)
        waves += np.sin(pitch * (x * math.cos(angle) + y * math.sin(angle)) + bend + phase)
    share = (waves - waves.min()) / np.ptp(waves)
    return _grain(dice, _between(_shade(_any(dice), 0.4), _bright(dice), share))


def tiles(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = Image.new("RGB", size, _any(dice))
    pen = ImageDraw.Draw(picture)
    side = dice.randrange(height // 9, height // 4)
    colours = [_any(dice) for _ in range(5)]
    for top in range(0, height, side):
        for left in range(0, width, side):
            box = (left, top, left + side, top + side)
            pen.rectangle(box, fill=dice.choice(colours))
            pen.pieslice(box, *dice.choice([(0, 90), (90, 180), (180, 360), (270, 360)]), fill=dice.choice(colours))
            if dice.random() < 0.4:
                pen.line((left, top, left + side, top + side), fill=_bright(dice), width=max(2, side // 8))
    return _grain(dice, picture)


def card(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = _gradient(dice, size)
    pen = ImageDraw.Draw(picture)
    for number in range(dice.randrange(7, 12)):
        left, top = dice.randrange(-width // 8, width), dice.randrange(-height // 8, height)
        wide, tall = dice.randrange(width // 6, width // 2), dice.randrange(height // 8, height // 2)
        colour = _bright(dice) if number % 2 else _shade(_any(dice), 0.5)
        pen.rounded_rectangle((left, top, left + wide, top + tall), radius=16, fill=colour)
    font = ImageFont.load_default(size=height // 6)
    for line in range(3):
        text = " ".join(dice.sample(WORDS, 2))
        pen.text((dice.randrange(width // 8), height * (0.12 + 0.28 * line)), text, font=font, fill=_any(dice))
    return _grain(dice, picture)


def strokes(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = _gradient(dice, size)
    pen = ImageDraw.Draw(picture)
    for _ in range(dice.randrange(10, 22)):
        points = [(dice.randrange(width), dice.randrange(height)) for _ in range(dice.randrange(2, 5))]
        pen.line(points, fill=_any(dice), width=dice.randrange(6, max(8, height // 9)), joint="curve")
    return _grain(dice, picture)


DRAWN: dict[str, Callable[[random.Random, Size], Image.Image]] = {
    "landscape": landscape,
    "skyline": skyline,
    "bubbles": bubbles,
    "weave": weave,
    "tiles": tiles,
    "card": card,
    "strokes": strokes,
}


def _any(dice: random.Random) -> Colour:
    return dice.randrange(20, 236), dice.randrange(20, 236), dice.randrange(20, 236)


def _bright(dice: random.Random) -> Colour:
    return dice.randrange(190, 256), dice.randrange(180, 256), dice.randrange(130, 256)


def _shade(colour: Colour, share: float) -> Colour:
    return int(colour[0] * share), int(colour[1] * share), int(colour[2] * share)


def _gradient(dice: random.Random, size: Size) -> Image.Image:
    width, height = size
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    share = (x / width * dice.uniform(-1, 1) + y / height * dice.choice((-1, 1)) + 1) % 1.0
    return _between(_any(dice), _any(dice), np.abs(2 * share - 1))


def _between(low: Colour, high: Colour, share: npt.NDArray[np.float32]) -> Image.Image:
    """From one colour to the other: a plane at a time, which is quicker than a pixel at a time."""
    pixels = np.empty((*share.shape, 3), np.uint8)
    for plane, (least, most) in enumerate(zip(low, high, strict=True)):
        pixels[..., plane] = np.float32(least) + share * np.float32(most - least)
    return Image.fromarray(pixels, "RGB")


def _grain(dice: random.Random, picture: Image.Image) -> Image.Image:
    """A little noise, as a camera adds it: flat areas would make flat hashes."""
    pixels: npt.NDArray[np.int16] = np.asarray(picture, np.int16)
    noise = np.random.default_rng(dice.randrange(2**32)).integers(-7, 8, pixels.shape[:2], np.int16)
    grainy = pixels.reshape(len(pixels), -1) + np.repeat(noise, 3, axis=1)
    np.clip(grainy, 0, 255, out=grainy)
    return Image.fromarray(grainy.astype(np.uint8).reshape(pixels.shape), "RGB")
