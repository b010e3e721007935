"""Screens on which a picture is seen: an app on a phone, a page in a window. Of no product.

Drawn anew each time; what is drawn is decided by `chance` alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.drawing import (
    KEPT,
    Chance,
    Colour,
    Props,
    any_colour,
    filling,
    fitting,
    font_of,
    one_of,
    sized,
    some_of,
    word,
)


class Theme(NamedTuple):
    paper: Colour
    panel: Colour  # bars, fields, cards
    ink: Colour
    faint: Colour


_LIGHT: Final = Theme((255, 255, 255), (240, 242, 245), (20, 22, 26), (130, 136, 145))
_DARK: Final = Theme((12, 13, 15), (34, 37, 42), (236, 238, 241), (140, 146, 155))


@dataclass(frozen=True, slots=True)
class Screen:
    """A screenshot while it is drawn. Lengths are in hundredths of a phone's width, or of a window's height."""

    image: Image.Image
    pen: ImageDraw.ImageDraw
    theme: Theme
    unit: float  # pixels
    chance: Chance

    def text(
        self, at: tuple[float, float], text: str, size: float, ink: Colour | None = None, anchor: str = "lm"
    ) -> float:
        """Where it is, in pixels. Returns where it ends."""
        font = font_of(size * self.unit)
        self.pen.text(at, text, ink or self.theme.ink, font, anchor)
        return at[0] + self.pen.textlength(text, font)

    def lines(self, left: float, top: float, width: float, count: int, size: float) -> float:
        """So many lines of words, the last one shorter. Returns where the next would begin."""
        for line in range(count):
            room = width * (self.chance.uniform(0.3, 0.8) if line == count - 1 else 1.0)
            text, _ = fitting(self.chance, size * self.unit, room, shrink=False)
            self.text((left, top + 0.7 * size * self.unit), text, size)
            top += 1.4 * size * self.unit
        return top


def _screen(width: int, height: int, unit: float, chance: Chance) -> Screen:
    theme = _LIGHT if chance.random() < 0.6 else _DARK
    image = Image.new("RGB", (width, height), theme.paper)
    return Screen(image, ImageDraw.Draw(image), theme, unit, chance)


def phone(photograph: Image.Image, chance: Chance, props: Props) -> Image.Image:
    """An app shows the picture as wide as the screen."""
    width = one_of(chance, (720, 828, 1080))
    screen = _screen(width, round(width * chance.uniform(16, 20) / 9), width / 100, chance)
    top = _post(screen, photograph, _header(screen, _status_bar(screen)), props)
    if chance.random() < 0.5:
        _post(screen, some_of(1, chance, props)[0], top + 2 * screen.unit, props)
    else:
        _comments(screen, top + 2 * screen.unit)
    _navigation_bar(screen)
    return screen.image


def _status_bar(screen: Screen) -> int:
    """The time; reception and battery. Returns where the app begins."""
    unit, ink, pen, chance = screen.unit, screen.theme.ink, screen.pen, screen.chance
    height = round(unit * chance.uniform(6, 11))
    middle = height / 2
    screen.text((5 * unit, middle), f"{chance.integers(0, 24)}:{chance.integers(0, 60):02}", 4)
    above, below = middle - 1.6 * unit, middle + 1.6 * unit
    pen.rounded_rectangle((88 * unit, above, 95 * unit, below), unit, None, ink, max(1, round(0.3 * unit)))
    charged = (88.7 + 5.6 * chance.uniform(0.1, 1)) * unit
    pen.rectangle((88.7 * unit, above + 0.7 * unit, charged, below - 0.7 * unit), ink)
    for bar in range(4):
        left = (78 + 1.5 * bar) * unit
        pen.rectangle((left, middle + (0.9 - 0.8 * bar) * unit, left + unit, below), ink)
    if chance.random() < 0.7:
        pen.pieslice((71 * unit, middle - 2 * unit, 76.5 * unit, middle + 3.5 * unit), 225, 315, ink)
    return height


def _header(screen: Screen, top: int) -> int:
    """The app's own bar: a way back, its name, or a field to search in. Returns where it ends."""
    unit, width = screen.unit, screen.image.width
    bottom = top + round(unit * screen.chance.uniform(9, 14))
    middle = (top + bottom) / 2
    match int(screen.chance.integers(3)):
        case 0:
            screen.text((5 * unit, middle), "<", 6)
            screen.text((width / 2, middle), word(screen.chance).title(), 4.6, anchor="mm")
        case 1:
            screen.text((4 * unit, middle), word(screen.chance).title(), 6)
            _glyph(screen, width - 8 * unit, middle, "bubble")
        case _:
            field = (4 * unit, top + unit, width - 4 * unit, bottom - unit)
            screen.pen.rounded_rectangle(field, 2 * unit, screen.theme.panel)
            screen.text((8 * unit, middle), "Search", 4, screen.theme.faint)
    screen.pen.line((0, bottom, width, bottom), screen.theme.panel, 2)
    return bottom


def _post(screen: Screen, picture: Image.Image, top: float, props: Props) -> float:
    """Who, the picture, what to do with it, and what is said about it. Returns where it ends."""
    unit, width = screen.unit, screen.image.width
    top = _who(screen, top, props)
    high = width * picture.height / picture.width
    shown = filling(picture, width, round(max(min(high, 0.62 * screen.image.height), KEPT * high)))
    screen.image.paste(shown, (0, round(top)))
    top = _icons(screen, top + shown.height)
    if screen.chance.random() < 0.7:
        screen.text((4 * unit, top + 2 * unit), f"{screen.chance.integers(2, 9_000):,} likes", 3.8)
        top += 5.5 * unit
    return screen.lines(4 * unit, top, 90 * unit, int(screen.chance.integers(1, 4)), 3.7)


def _comments(screen: Screen, top: float) -> None:
    unit = screen.unit
    for _ in range(int(screen.chance.integers(12))):
        left = screen.text((4 * unit, top + 2.6 * unit), word(screen.chance), 3.7, screen.theme.faint)
        top = screen.lines(left + 2 * unit, top, 92 * unit - left, int(screen.chance.integers(1, 4)), 3.7) + 2 * unit


def _who(screen: Screen, top: float, props: Props) -> float:
    unit = screen.unit
    side = screen.chance.uniform(8, 11)
    middle = top + (side / 2 + 2) * unit
    avatar = filling(some_of(1, screen.chance, props)[0], round(side * unit), round(side * unit))
    mask = Image.new("L", (4 * avatar.width, 4 * avatar.width))
    ImageDraw.Draw(mask).ellipse((0, 0, *mask.size), 255)
    screen.image.paste(avatar, (round(4 * unit), round(top + 2 * unit)), mask.resize(avatar.size, Image.Resampling.BOX))
    left = (7 + side) * unit
    name = f"{word(screen.chance)}_{word(screen.chance)}"
    screen.text((left, middle - 2 * unit), name, 3.9)
    screen.text((left, middle + 2.6 * unit), f"{screen.chance.integers(2, 24)} h", 3.1, screen.theme.faint)
    for dot in range(3):
        x = 92 * unit + dot * 1.6 * unit
        screen.pen.ellipse((x, middle - 0.5 * unit, x + unit, middle + 0.5 * unit), screen.theme.ink)
    return top + (side + 4) * unit


def _icons(screen: Screen, top: float) -> float:
    unit = screen.unit
    middle = top + 6 * unit
    spread = screen.chance.uniform(10, 14)
    for place, kind in enumerate(("heart", "bubble", "arrow")):
        _glyph(screen, (7 + place * spread) * unit, middle, kind)
    if screen.chance.random() < 0.7:
        _glyph(screen, 93 * unit, middle, "flag")
    return top + 11 * unit


def _navigation_bar(screen: Screen) -> None:
    unit, width, height = screen.unit, screen.image.width, screen.image.height
    if screen.chance.random() < 0.5:  # a line to swipe, and the app's own places above it
        top = height - 17 * unit
        screen.pen.rectangle((0, top, width, height), screen.theme.paper)
        screen.pen.line((0, top, width, top), screen.theme.panel, 2)
        for place, kind in enumerate(("house", "ring", "square", "heart", "bubble")):
            _glyph(screen, (10 + 20 * place) * unit, top + 6 * unit, kind)
        bar = (32 * unit, height - 3 * unit, 68 * unit, height - 2 * unit)
        screen.pen.rounded_rectangle(bar, 0.5 * unit, screen.theme.ink)
    else:
        screen.pen.rectangle((0, height - 12 * unit, width, height), screen.theme.panel)
        for place, kind in enumerate(("back", "ring", "square")):
            _glyph(screen, (25 + 25 * place) * unit, height - 6 * unit, kind)


def _glyph(screen: Screen, x: float, y: float, kind: str) -> None:
    """An icon, about five units wide."""
    half, line = 2.6 * screen.unit, max(2, round(0.55 * screen.unit))
    points = [(x + across * half, y + down * half) for across, down in _GLYPHS[kind]]
    screen.pen.line([*points, *points[:2]], screen.theme.ink, line, "curve")


_ROUND: Final = tuple((math.sin(turn), -math.cos(turn)) for turn in np.linspace(0, 2 * math.pi, 40).tolist())

# Outlines, from -1 to 1.
_GLYPHS: Final[dict[str, Sequence[tuple[float, float]]]] = {
    "heart": (
        (0, 0.95), (-0.9, 0.1), (-1, -0.4), (-0.7, -0.85), (-0.3, -0.85),
        (0, -0.5), (0.3, -0.85), (0.7, -0.85), (1, -0.4), (0.9, 0.1),
    ),
    "arrow": ((-1, -0.8), (1, -0.8), (0, 1), (-0.2, -0.1)),
    "flag": ((-0.7, -1), (0.7, -1), (0.7, 1), (0, 0.3), (-0.7, 1)),
    "house": ((0, -1), (1, -0.1), (1, 1), (-1, 1), (-1, -0.1)),
    "back": ((-0.9, 0), (0.8, -0.9), (0.8, 0.9)),
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "ring": _ROUND,
    "bubble": (*_ROUND[:13], (1.0, 1.0), *_ROUND[16:]),
}  # fmt: skip


def browser(photograph: Image.Image, chance: Chance, props: Props) -> Image.Image:
    """A window on a page with the picture somewhere in it."""
    width = int(chance.integers(1280, 1921))
    height = round(width / chance.uniform(16 / 10, 16 / 9))
    screen = _screen(width, height, height / 100, chance)
    top = _tabs(screen)
    side = width * one_of(chance, (0.0, chance.uniform(0.1, 0.2)))
    if side:
        _sidebar(screen, top, side)
    left = side + width * chance.uniform(0.02, 0.1)
    right = _article(screen, photograph, left, top)
    if chance.random() < 0.6:
        _thumbnails(screen, right + 3 * screen.unit, top + 4 * screen.unit, props)
    return screen.image


def _tabs(screen: Screen) -> float:
    """The strip of tabs, and the bar with the address. Returns where the page begins."""
    unit, width, theme = screen.unit, screen.image.width, screen.theme
    strip, bar = 4.5 * unit, 5.5 * unit
    screen.pen.rectangle((0, 0, width, strip), theme.panel)
    left = unit * screen.chance.uniform(1, 9)
    shown = int(screen.chance.integers(4))
    for tab in range(int(screen.chance.integers(1, 5))):
        wide = 26 * unit
        if tab == shown:
            screen.pen.rounded_rectangle((left, 0.8 * unit, left + wide, strip + unit), unit, theme.paper)
        screen.pen.ellipse((left + unit, 1.8 * unit, left + 3 * unit, 3.8 * unit), any_colour(screen.chance))
        screen.text((left + 4 * unit, 2.8 * unit), " ".join(word(screen.chance) for _ in range(2)).title(), 1.7)
        left += wide + unit
    screen.pen.rectangle((0, strip, width, strip + bar), theme.paper)
    for place, kind in enumerate((">", "<")):
        screen.text(((6 - 3 * place) * unit, strip + bar / 2), kind, 2.4, anchor="mm")
    screen.pen.rounded_rectangle(
        (10 * unit, strip + unit, width - 14 * unit, strip + bar - unit), 2 * unit, theme.panel
    )
    address = f"{word(screen.chance)}.example/{word(screen.chance)}/{screen.chance.integers(10_000)}"
    screen.text((12 * unit, strip + bar / 2), address, 1.8)
    screen.pen.ellipse(
        (width - 6 * unit, strip + unit, width - 2.5 * unit, strip + bar - unit), any_colour(screen.chance)
    )
    screen.pen.line((0, strip + bar, width, strip + bar), theme.panel, 2)
    return strip + bar


def _sidebar(screen: Screen, top: float, width: float) -> None:
    unit = screen.unit
    screen.pen.rectangle((0, top, width, screen.image.height), screen.theme.panel)
    for item in range(int(screen.chance.integers(4, 11))):
        y = top + (5 + 5 * item) * unit
        screen.pen.rounded_rectangle((2 * unit, y - unit, 4 * unit, y + unit), 0.4 * unit, screen.theme.faint)
        screen.text((6 * unit, y), word(screen.chance).title(), 2)


def _article(screen: Screen, photograph: Image.Image, left: float, top: float) -> float:
    """A headline, the picture, and text around it. Returns where the column ends at the right."""
    unit, chance = screen.unit, screen.chance
    shape = photograph.width / photograph.height
    room = screen.image.width - left - 2 * unit
    high = min(screen.image.height * chance.uniform(0.35, 0.70), room / shape)
    wide = high * shape
    column = min(max(wide, 60 * unit), room)
    y = top + 3 * unit
    if chance.random() < 0.7:
        y = screen.lines(left, y, column * 0.8, 1, 4) + 0.5 * unit
    spare = screen.image.height - y - high - unit
    while spare > 8 * unit and chance.random() < 0.5:
        y = screen.lines(left, y, column, 2, 1.9) + 1.5 * unit
        spare = screen.image.height - y - high - unit
    y = min(y, screen.image.height - high - unit)
    screen.image.paste(sized(photograph, wide, high), (round(left), round(y)))
    y += high + 2 * unit
    while y < screen.image.height:
        y = screen.lines(left, y, column, int(chance.integers(1, 5)), 1.9) + 2 * unit
    return left + column


def _thumbnails(screen: Screen, left: float, top: float, props: Props) -> None:
    """Beside the column, as many as there is room for."""
    unit, chance = screen.unit, screen.chance
    side = round(unit * chance.uniform(12, 22))
    for row in range(math.ceil((screen.image.height - top) / (side + 5 * unit))):
        for column in range(int((screen.image.width - left - 2 * unit) // (side + 2 * unit))):
            x, y = left + column * (side + 2 * unit), top + row * (side + 5 * unit)
            screen.image.paste(filling(some_of(1, chance, props)[0], side, side), (round(x), round(y)))
            screen.text((x, y + side + 1.6 * unit), word(chance).title(), 1.6, screen.theme.faint)
