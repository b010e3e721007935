"""From a container to its decoded frames, by Pillow. The only place where pixels of strangers are decoded."""

import io
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.picture import State
from matcher.decode import limits
from matcher.decode.containers.container import Container, Obstacle
from matcher.decode.plane import Plane
from matcher.hashers.area import SIDE

# Opened by class and not through Image.open: no other decoder can be talked into looking at the bytes.
_OPENERS: Final[dict[str, type[ImageFile.ImageFile]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}

_ALLOWED: Final[dict[str, int]] = {
    "JPEG": limits.MAX_PIXELS_SCALED,
    "PNG": limits.MAX_PIXELS,
    "BMP": limits.MAX_PIXELS,
    "TIFF": limits.MAX_PIXELS_TIFF,
    # these keep whole pictures beside the one they hand out
    "WEBP": limits.MAX_PIXELS_BUFFERED,
    "AVIF": limits.MAX_PIXELS_BUFFERED,
    "GIF": limits.MAX_PIXELS_BUFFERED,
}


class _Least(NamedTuple):
    """A JPEG is scaled down to no less than this. In pixels."""

    shorter: int
    longer: int


_FINE: Final = _Least(512, 512)  # corners are looked for in what is left
# Four for each of the 64 samples of a hash, and no cell is lost that a small plane would show.
_COARSE: Final = _Least(256, SIDE)
_COARSEST: Final = _Least(128, 0)  # where all there is are means of 8 × 8: two for each of the 64 samples
_STRIP_OFFSETS, _STRIP_SIZES, _TILE_OFFSETS, _TILE_SIZES = 273, 279, 324, 325


@dataclass(frozen=True, slots=True)
class Frame:
    """`scaled`: decoded smaller or in luma only, so a few bits of its hash may differ from the full decode."""

    number: int
    plane: Plane
    scaled: bool = False


@dataclass(frozen=True, slots=True)
class TooSmall:
    """A frame with a side too short to hash."""

    number: int


def frames(container: Container, *, whole: bool, coarse: bool = False) -> Iterator[Frame | TooSmall]:
    """Each frame in turn; a frame is read before the next is asked for, and all share one canvas.

    whole: decode JPEG in full where its size allows, instead of luma at a fraction of the size.
    coarse: hashes will do, no corners: scaled down further, and a large progressive JPEG is read up to its first scan.
    Raises Obstacle, after the frames before it, and whatever Pillow raises.
    """
    _check_size(container, container.width, container.height)
    means = container.coarse if coarse and not whole and container.complete else None
    if means is not None and _scale(container, _COARSEST) == 8:
        # All scans of a progressive JPEG take four times as long as a baseline one, its first takes half as long.
        image, least = _OPENERS[container.format](io.BytesIO(means)), _COARSEST
    else:
        image, least = _OPENERS[container.format](io.BytesIO(container.content)), _COARSE if coarse else _FINE
    scaled = _draft(image, container, whole=whole, least=least)
    pixels, no_more_after = 0, time.monotonic() + limits.FRAMES_S
    for number in itertools.count():
        if number == limits.MAX_FRAMES:
            raise Obstacle(State.PARTIAL, f"only the first {limits.MAX_FRAMES} frames were compared")
        width, height = image.size
        if not scaled:
            _check_size(container, width, height)
        pixels += width * height
        if number > 0 and (pixels > limits.MAX_FRAME_PIXELS or time.monotonic() > no_more_after):
            raise Obstacle(
                State.PARTIAL, f"only the first {number} frames were compared, the rest is too much to decode"
            )
        if min(container.width or width, container.height or height) < limits.MIN_SIDE:
            yield TooSmall(number)
        else:
            _check_strips(image)
            image.load()
            orientation = 1 if container.format == "TIFF" else _orientation(image, container)
            full_size = (container.width, container.height) if scaled else None
            yield Frame(number, Plane(image, orientation, full_size), scaled)
        try:
            image.seek(number + 1)
        except EOFError:
            if number + 1 < container.frames or not container.complete:
                raise Obstacle(State.TRUNCATED, f"the {container.format} ends before its last frame") from None
            return


def _orientation(image: ImageFile.ImageFile, container: Container) -> int:
    """AVIF turns by properties of its own, which only its decoder reads."""
    return image.getexif().get(0x0112, 1) if container.format == "AVIF" else container.orientation


def _check_size(container: Container, width: int, height: int) -> None:
    moving = container.format == "PNG" and container.frames > 1
    allowed = limits.MAX_PIXELS_BUFFERED if moving else _ALLOWED[container.format]
    if width * height > allowed:
        raise Obstacle(
            State.TOO_LARGE, f"{width} by {height} pixels; a {container.format} may have {allowed // 1_000_000} million"
        )
    if container.coefficient_bytes > limits.MAX_COEFFICIENT_BYTES:
        raise Obstacle(State.TOO_LARGE, f"{width} by {height} pixels in several scans would not fit the memory allowed")


def _scale(container: Container, least: _Least) -> int:
    """The largest by which a JPEG can be divided."""
    shorter, longer = sorted((container.width, container.height))
    return next(
        (scale for scale in (8, 4, 2) if shorter >= scale * least.shorter and longer >= scale * least.longer), 1
    )


def _draft(image: ImageFile.ImageFile, container: Container, *, whole: bool, least: _Least) -> bool:
    """Only JPEG can be decoded at a fraction of its size."""
    if container.format != "JPEG":
        return False
    if whole and container.width * container.height * 4 + container.coefficient_bytes <= limits.MAX_JPEG_BYTES:
        return False
    scale = _scale(container, least)
    image.draft("L", (image.width // scale, image.height // scale))
    if image.size[0] * image.size[1] > limits.MAX_PIXELS:
        raise Obstacle(
            State.TOO_LARGE, f"{container.width} by {container.height} pixels, too long and narrow to be scaled down"
        )
    return True


def _check_strips(image: ImageFile.ImageFile) -> None:
    """A TIFF whose strips lie beyond its end would be decoded with what happens to be in memory."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.fp is None:
        return
    size = len(image.fp.getvalue()) if isinstance(image.fp, io.BytesIO) else 0
    for offsets, sizes in ((_STRIP_OFFSETS, _STRIP_SIZES), (_TILE_OFFSETS, _TILE_SIZES)):
        places = zip(image.tag_v2.get(offsets, ()), image.tag_v2.get(sizes, ()), strict=False)
        if any(offset + length > size for offset, length in places):
            raise Obstacle(State.TRUNCATED, "the TIFF ends before its last strip")
