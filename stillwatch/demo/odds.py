"""Files on the demo site that are no clean picture: what every real site has."""

from collections.abc import Mapping
from functools import cache

from PIL import Image, ImageDraw

from stillwatch.demo.catalogue import MEMBERS
from stillwatch.demo.copies import JPEG, PNG, Encoded
from stillwatch.demo.drawn import draw

ICONS = 7


@cache
def odds() -> Mapping[str, Encoded]:
    """By path. Lost pictures and those of other hosts are not among them: they are only named."""
    whole = JPEG.encode(draw(77))
    files = {
        "/odd/plain.png": PNG.encode(Image.new("RGB", (468, 120), (240, 236, 226))),  # too plain to compare
        "/odd/half.jpg": Encoded(whole.body[: len(whole.body) // 2], "image/jpeg"),  # cut off
        "/odd/letter.jpg": Encoded(b"<!doctype html><title>Sorry</title><p>This image moved.</p>", "image/jpeg"),
        "/office/map.jpg": JPEG.encode(draw(78)),  # robots.txt asks not to fetch it
    }
    files |= {f"/icon/{number}.png": _disc(number, 32) for number in range(ICONS)}
    files |= {f"/avatar/{member}.png": _disc(number, 48) for number, member in enumerate(MEMBERS)}
    return files


def _disc(number: int, side_px: int) -> Encoded:
    picture = Image.new("RGB", (side_px, side_px), (32, 65, 79))
    colour = (80 + 17 * number % 170, 220 - 13 * number, 120 + 29 * number % 130)
    ImageDraw.Draw(picture).ellipse((3, 3, side_px - 4, side_px - 4), fill=colour)
    return PNG.encode(picture)
