"""How people change a picture before they upload it again: what the demo site's copies went through.

An edit has two halves: what is done to the pixels, and how the result is stored. `within_recipe` says whether hashes alone are meant to
find it every time. Of the others they find some; they are there so that the demo shows honestly what is missed without corners.
"""

# ruff: noqa: ARG001, ARG005  # rows of one table share a signature; not every row needs all of it

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from stillwatch.demo.drawn import draw

Change = Callable[[Image.Image, random.Random], Image.Image]
Flip = Image.Transpose


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file as a site serves it."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How pixels become a file."""

    suffix: str
    content_type: str
    write: Callable[[Image.Image], bytes]

    def encode(self, picture: Image.Image) -> Encoded:
        return Encoded(self.write(picture), self.content_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    name: str
    within_recipe: bool
    change: Change
    storage: Storage


# ------------------------------------------------------------------------------------------------------------- storages


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _jpeg(quality: int, **options: object) -> Storage:
    return Storage(
        suffix="jpg", content_type="image/jpeg", write=lambda p: _saved(p, "JPEG", quality=quality, **options)
    )


def _turned_by_exif(picture: Image.Image) -> bytes:
    """Pixels on their side, and the tag that says so: as a phone stores them."""
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn a quarter clockwise to view
    return _saved(picture.transpose(Flip.ROTATE_90), "JPEG", quality=85, exif=exif)


def _animated(picture: Image.Image) -> bytes:
    """The copy comes as the third frame."""
    frames = [draw(number, picture.size) for number in (5, 8)] + [picture]
    small = [frame.quantize(128) for frame in frames]
    return _saved(small[0], "GIF", save_all=True, append_images=small[1:], duration=600, loop=0)


def _with_alpha(picture: Image.Image) -> bytes:
    """Transparent at the corners, as an avatar is."""
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *picture.size), radius=min(picture.size) // 40, fill=255)
    changed = picture.convert("RGBA")
    changed.putalpha(mask)
    return _saved(changed, "PNG")


def _sixteen_bits(picture: Image.Image) -> bytes:
    return _saved(Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257), "PNG")


JPEG = _jpeg(82)
THUMBNAIL = _jpeg(80)
WEAK_JPEG = _jpeg(38)
PROGRESSIVE = _jpeg(75, progressive=True)
CMYK = Storage(suffix="jpg", content_type="image/jpeg", write=lambda p: _saved(p.convert("CMYK"), "JPEG", quality=82))
EXIF_TURNED = Storage(suffix="jpeg", content_type="image/jpeg", write=_turned_by_exif)
PNG = Storage(suffix="png", content_type="image/png", write=lambda p: _saved(p, "PNG"))
ALPHA_PNG = Storage(suffix="png", content_type="image/png", write=_with_alpha)
DEEP_PNG = Storage(suffix="png", content_type="image/png", write=_sixteen_bits)
GIF = Storage(suffix="gif", content_type="image/gif", write=lambda p: _saved(p.quantize(128), "GIF"))
ANIMATION = Storage(suffix="gif", content_type="image/gif", write=_animated)
WEBP = Storage(suffix="webp", content_type="image/webp", write=lambda p: _saved(p, "WEBP", quality=70))


# -------------------------------------------------------------------------------------------------------------- changes


def unchanged(picture: Image.Image, dice: random.Random) -> Image.Image:
    return picture


def turned(how: Flip) -> Change:
    return lambda picture, dice: picture.transpose(how)


def scaled(share: float) -> Change:
    return lambda picture, dice: picture.resize(
        (round(picture.width * share), round(picture.height * share)), Image.Resampling.LANCZOS
    )


def grey(picture: Image.Image, dice: random.Random) -> Image.Image:
    return ImageOps.grayscale(picture).convert("RGB")


def brightened(picture: Image.Image, dice: random.Random) -> Image.Image:
    return ImageEnhance.Color(ImageEnhance.Brightness(picture).enhance(1.15)).enhance(1.3)


def cropped(picture: Image.Image, dice: random.Random) -> Image.Image:
    """A quarter to a third of each side is cut off, unevenly."""
    wide, tall = dice.uniform(0.66, 0.76), dice.uniform(0.66, 0.76)
    left, top = dice.uniform(0, 1 - wide), dice.uniform(0, 1 - tall)
    box = (left, top, left + wide, top + tall)
    width, height = picture.size
    return picture.crop((int(box[0] * width), int(box[1] * height), int(box[2] * width), int(box[3] * height)))


def bordered(picture: Image.Image, dice: random.Random) -> Image.Image:
    return ImageOps.expand(picture, border=int(min(picture.size) * dice.uniform(0.14, 0.2)), fill="white")


def collaged(picture: Image.Image, dice: random.Random) -> Image.Image:
    width, height = picture.size
    sheet = Image.new("RGB", (2 * width + 12, 2 * height + 12), "white")
    own = dice.randrange(4)
    for place in range(4):
        part = picture if place == own else draw(dice.randrange(10_000), picture.size)
        sheet.paste(part, ((place % 2) * (width + 12), (place // 2) * (height + 12)))
    return sheet.resize((width + 6, height + 6), Image.Resampling.LANCZOS)


def screenshot(picture: Image.Image, dice: random.Random) -> Image.Image:
    """As seen in a phone's app: bars, a name, buttons."""
    width = 400
    shown = ImageOps.contain(picture, (width, 520))
    screen = Image.new("RGB", (width, 780), (17, 20, 24))
    pen = ImageDraw.Draw(screen)
    font = ImageFont.load_default(size=18)
    pen.text((16, 10), f"{dice.randrange(8, 23):02}:{dice.randrange(60):02}", font=font, fill="white")
    pen.ellipse((16, 52, 52, 88), fill=(90, 140, 200))
    pen.text((64, 58), "somebody", font=font, fill="white")
    screen.paste(shown, ((width - shown.width) // 2, 110))
    below = 110 + shown.height
    for line in range(3):
        pen.rounded_rectangle((16, below + 24 + 34 * line, 330 - 60 * line, below + 44 + 34 * line), 8, (70, 76, 84))
    pen.rectangle((0, 724, width, 780), fill=(30, 34, 40))
    return screen


def tilted(picture: Image.Image, dice: random.Random) -> Image.Image:
    angle = dice.choice((-1, 1)) * dice.uniform(9, 14)
    return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(240, 240, 240))


def captioned(picture: Image.Image, dice: random.Random) -> Image.Image:
    width, height = picture.size
    bar = int(height * dice.uniform(0.18, 0.25))
    sheet = Image.new("RGB", (width, height + 2 * bar), "white")
    sheet.paste(picture, (0, bar))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=bar // 2)
    pen.text((width // 2, bar // 2), "look at this", font=font, fill="black", anchor="mm")
    pen.text((width // 2, height + bar * 3 // 2), "and tell me more", font=font, fill="black", anchor="mm")
    return sheet


EDITS: tuple[Edit, ...] = (
    Edit(name="re-encoded", within_recipe=True, change=unchanged, storage=WEAK_JPEG),
    Edit(name="resized", within_recipe=True, change=scaled(0.6), storage=JPEG),
    Edit(name="mirrored", within_recipe=True, change=turned(Flip.FLIP_LEFT_RIGHT), storage=JPEG),
    Edit(name="rotated 90°", within_recipe=True, change=turned(Flip.ROTATE_90), storage=JPEG),
    Edit(name="rotated 180°", within_recipe=True, change=turned(Flip.ROTATE_180), storage=JPEG),
    Edit(name="mirrored and rotated", within_recipe=True, change=turned(Flip.TRANSVERSE), storage=JPEG),
    Edit(name="PNG", within_recipe=True, change=scaled(0.8), storage=PNG),
    Edit(name="GIF", within_recipe=True, change=unchanged, storage=GIF),
    Edit(name="WebP", within_recipe=True, change=scaled(0.9), storage=WEBP),
    Edit(name="turned by EXIF", within_recipe=True, change=unchanged, storage=EXIF_TURNED),
    Edit(name="frame of an animation", within_recipe=True, change=scaled(0.6), storage=ANIMATION),
    Edit(name="CMYK", within_recipe=True, change=unchanged, storage=CMYK),
    Edit(name="rounded corners", within_recipe=True, change=scaled(0.7), storage=ALPHA_PNG),
    Edit(name="16 bits a pixel", within_recipe=True, change=scaled(0.7), storage=DEEP_PNG),
    Edit(name="progressive", within_recipe=True, change=unchanged, storage=PROGRESSIVE),
    Edit(name="enlarged", within_recipe=True, change=scaled(1.4), storage=JPEG),
    Edit(name="black and white", within_recipe=True, change=grey, storage=JPEG),
    Edit(name="brightened", within_recipe=True, change=brightened, storage=JPEG),
    Edit(name="cropped", within_recipe=False, change=cropped, storage=JPEG),
    Edit(name="bordered", within_recipe=False, change=bordered, storage=JPEG),
    Edit(name="collaged", within_recipe=False, change=collaged, storage=JPEG),
    Edit(name="screenshot", within_recipe=False, change=screenshot, storage=JPEG),
    Edit(name="tilted", within_recipe=False, change=tilted, storage=JPEG),
    Edit(name="captioned", within_recipe=False, change=captioned, storage=JPEG),
)  # fmt: skip
BY_NAME: dict[str, Edit] = {edit.name: edit for edit in EDITS}
