"""Whatever file a picture comes in, it gets the hash of what people see."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imagehash
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from core.model import State
from matcher.decode.containers import sniff
from matcher.decode.decoder import Decoder
from matcher.hashers import HASHERS
from matcher.views import TURNS, UPRIGHT
from tests.golden.drawn import Rgb, noise, patches
from tests.matcher.pictures import PHOTOGRAPHS, ArrayPicture, animate, apart, by_view, encode

PICTURE = patches()
GREY = PICTURE.mean(axis=2).astype(np.uint8)
HIDDEN = patches(99)


def published(pixels: Rgb) -> str:
    return HASHERS["pdq"].hash(ArrayPicture(np.asarray(pixels)), (UPRIGHT,), True).bits[UPRIGHT]


def transparent(mode: str) -> Image.Image:
    """The picture in the middle, and a hole around it that hides noise."""
    alpha = np.zeros(GREY.shape, np.uint8)
    alpha[60:-60, 80:-80] = 255
    alpha[60:100, 80:120] = 128
    image = Image.fromarray(np.dstack([PICTURE, alpha]))
    return image if mode == "RGBA" else image.convert(mode)


def on_white(image: Image.Image) -> Rgb:
    seen_through = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(seen_through, mask=seen_through.getchannel("A"))
    return np.asarray(white)


def indexed(*, transparent_entry: bool) -> bytes:
    image = Image.fromarray(PICTURE).quantize(64)
    return encode(image, "PNG", **({"transparency": 3} if transparent_entry else {}))


def sixteen_bit_rgb() -> bytes:
    """Pillow writes no 16-bit colour PNG, so this one is written by hand."""
    height, width, _ = PICTURE.shape
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in PICTURE)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 1)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def opened(data: bytes) -> Rgb:
    """As Pillow decodes it, in colour."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@cache
def busy(height: int, width: int) -> Rgb:
    return patches(20, height, width)


GREY_AS_RGB = np.repeat(GREY[:, :, None], 3, axis=2)
WIDE = GREY.astype(np.uint16) * 257

# name → (file, what people see in it)
SEEN: dict[str, Callable[[], tuple[bytes, Rgb]]] = {
    "png": lambda: (encode(PICTURE, "PNG"), PICTURE),
    "png grey": lambda: (encode(GREY, "PNG"), GREY_AS_RGB),
    "png of palette": lambda: (indexed(transparent_entry=False), opened(indexed(transparent_entry=False))),
    "png of palette with a transparent entry": lambda: (
        indexed(transparent_entry=True),
        on_white(Image.open(io.BytesIO(indexed(transparent_entry=True)))),
    ),
    "png rgba": lambda: (encode(transparent("RGBA"), "PNG"), on_white(transparent("RGBA"))),
    "png la": lambda: (encode(transparent("LA"), "PNG"), on_white(transparent("LA"))),
    "png 1 bit": lambda: (
        encode(Image.fromarray(GREY).convert("1"), "PNG"),
        np.asarray(Image.fromarray(GREY).convert("1").convert("RGB")),
    ),
    "png grey 16 bit": lambda: (encode(Image.fromarray(WIDE), "PNG"), GREY_AS_RGB),
    "png rgb 16 bit": lambda: (sixteen_bit_rgb(), PICTURE),
    "png grey with a transparent shade": lambda: (
        encode(GREY, "PNG", transparency=int(GREY[0, 0])),
        np.where(GREY[0, 0] == GREY_AS_RGB, np.uint8(255), GREY_AS_RGB),
    ),
    "gif": lambda: (encode(PICTURE, "GIF"), opened(encode(PICTURE, "GIF"))),
    "bmp": lambda: (encode(PICTURE, "BMP"), PICTURE),
    "webp lossless": lambda: (encode(PICTURE, "WEBP", lossless=True), PICTURE),
    "webp lossy": lambda: (encode(PICTURE, "WEBP", quality=70), opened(encode(PICTURE, "WEBP", quality=70))),
    "webp rgba": lambda: (
        encode(transparent("RGBA"), "WEBP", lossless=True, exact=True),
        on_white(transparent("RGBA")),
    ),
    "avif": lambda: (encode(PICTURE, "AVIF", speed=10), opened(encode(PICTURE, "AVIF", speed=10))),
    "tiff": lambda: (encode(PICTURE, "TIFF"), PICTURE),
    "tiff deflate": lambda: (encode(PICTURE, "TIFF", compression="tiff_adobe_deflate"), PICTURE),
    "tiff grey 16 bit": lambda: (encode(Image.fromarray(WIDE), "TIFF"), GREY_AS_RGB),
    "tiff grey 32 bit": lambda: (encode(Image.fromarray(GREY.astype(np.int32)), "TIFF"), GREY_AS_RGB),
    "tiff float of 0 to 1": lambda: (
        encode(Image.fromarray((GREY / np.float32(255)).astype(np.float32)), "TIFF"),
        GREY_AS_RGB,
    ),
    "tiff cmyk": lambda: (
        encode(Image.fromarray(PICTURE).convert("CMYK"), "TIFF"),
        np.asarray(Image.fromarray(PICTURE).convert("CMYK").convert("RGB")),
    ),
    "jpeg": lambda: (encode(PICTURE, "JPEG"), opened(encode(PICTURE, "JPEG"))),
    "jpeg progressive": lambda: (
        encode(PICTURE, "JPEG", progressive=True),
        opened(encode(PICTURE, "JPEG", progressive=True)),
    ),
    "jpeg grey": lambda: (encode(GREY, "JPEG"), opened(encode(GREY, "JPEG"))),
    "jpeg 4:4:4 with restarts": lambda: (
        encode(PICTURE, "JPEG", subsampling=0, restart_marker_blocks=5),
        opened(encode(PICTURE, "JPEG", subsampling=0, restart_marker_blocks=5)),
    ),
    "jpeg cmyk": lambda: (
        encode(Image.fromarray(PICTURE).convert("CMYK"), "JPEG"),
        opened(encode(Image.fromarray(PICTURE).convert("CMYK"), "JPEG")),
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_enrolment_hashes_what_people_see_to_the_last_bit(decoder: Decoder, name: str) -> None:
    data, pixels = SEEN[name]()

    reading = decoder.read(data, turns=True)

    assert reading.obstacle is None, reading.reason
    assert by_view(reading.fingerprints)["full"] == published(pixels)


@pytest.mark.parametrize("name", SEEN)
def test_a_crawled_copy_is_at_most_12_bits_from_what_people_see(decoder: Decoder, name: str) -> None:
    data, pixels = SEEN[name]()

    reading = decoder.read(data)

    assert reading.obstacle is None, reading.reason
    assert [one.hasher for one in reading.fingerprints if one.view == "full"] == ["pdq", "phash64", "area"]
    assert apart(by_view(reading.fingerprints)["full"], published(pixels)) <= 12


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("factor", [1, 3])
def test_the_scaled_decode_of_a_photograph_is_hardly_off(decoder: Decoder, path: Path, factor: int) -> None:
    """The enlarged one is decoded at a half of its size. The promise is 12 bits; 2 is what the full size's filter gives."""
    image = Image.open(path).convert("RGB")
    data = encode(
        image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC), "JPEG", quality=85
    )

    quick, whole = decoder.read(data), decoder.read(data, turns=True)

    assert apart(by_view(quick.fingerprints)["full"], by_view(whole.fingerprints)["full"]) <= 4
    assert by_view(whole.fingerprints)["full"] == published(opened(data))


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("size", [(816, 612), (1632, 1224), (1637, 1229)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_photograph_of_half_a_million_or_two_million_pixels_is_hardly_off(
    decoder: Decoder, path: Path, size: tuple[int, int], progressive: bool
) -> None:
    """Decoded at a half or a quarter of its size; of a large progressive one only the means of 8 × 8 pixels."""
    image = ImageOps.fit(Image.open(path).convert("RGB"), size, Image.Resampling.BICUBIC)
    data = encode(image, "JPEG", quality=85, progressive=progressive)

    quick, whole = decoder.read(data), decoder.read(data, turns=True)

    off = apart(by_view(quick.fingerprints)["full"], by_view(whole.fingerprints)["full"])
    assert off <= (12 if progressive and min(size) >= 1024 else 4)


def test_the_means_of_a_progressive_jpeg_are_not_changed_by_what_the_decoder_would_guess() -> None:
    """libjpeg-turbo smooths what it knows only the means of: up to 60 grey levels off in these patches."""
    data = encode(busy(1224, 1632), "JPEG", quality=85, progressive=True)
    means = sniff.walk(data).coarse
    assert means is not None

    def an_eighth(jpeg: bytes) -> NDArray[np.int64]:
        image = Image.open(io.BytesIO(jpeg))
        image.draft("L", (204, 153))
        assert image.size == (204, 153)
        return np.asarray(image, np.int64)

    assert np.abs(an_eighth(means) - an_eighth(data)).max() <= 2


def test_phash_is_imagehash_of_the_decoded_picture(decoder: Decoder) -> None:
    reading = decoder.read(encode(PICTURE, "PNG"), turns=True)

    assert by_view(reading.fingerprints, "phash64")["full"] == str(imagehash.phash(Image.fromarray(PICTURE)))


def test_enrolment_stores_eight_turns_by_each_hasher(decoder: Decoder) -> None:
    reading = decoder.read(encode(PICTURE, "PNG"), turns=True)

    for hasher in HASHERS:
        assert list(by_view(reading.fingerprints, hasher))[:8] == ["full", *(f"full/{turn}" for turn in TURNS[1:])]
    assert {one.quality for one in reading.fingerprints} == {100}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("turns", [False, True])
def test_a_picture_is_seen_upright_whatever_exif_says(
    decoder: Decoder, kind: str, orientation: int, turns: bool
) -> None:
    """The camera held it in any of eight ways and wrote down which."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = Image.fromarray(PICTURE)
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"speed": 10} if kind == "AVIF" else {"lossless": True} if kind == "WEBP" else {}
    data = encode(stored, kind, exif=exif, **options)

    reading = decoder.read(data, turns=turns)

    assert apart(by_view(reading.fingerprints)["full"], published(PICTURE)) <= 12
    assert apart(by_view(reading.fingerprints, "phash64")["full"], str(imagehash.phash(upright))) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(1301, 1777), (2049, 2051)])
def test_a_picture_scaled_while_decoded_keeps_its_hash_in_every_orientation(
    decoder: Decoder, orientation: int, size: tuple[int, int]
) -> None:
    """No scale divides these sizes, so which end the odd samples are at matters."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(busy(*size), "JPEG", exif=exif)

    quick, whole = decoder.read(data), decoder.read(data, turns=True)

    assert apart(by_view(quick.fingerprints)["full"], by_view(whole.fingerprints)["full"]) <= 4


def test_exif_is_read_in_either_byte_order_and_never_believed_blindly(decoder: Decoder) -> None:
    jpeg = encode(PICTURE, "JPEG", quality=90)
    upright = by_view(decoder.read(jpeg).fingerprints)["full"]

    def seen(tiff: bytes) -> str:
        segment = b"Exif\0\0" + tiff
        return by_view(
            decoder.read(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]).fingerprints
        )["full"]

    turned = seen(b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 3, 0, 0))

    assert seen(b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 3, 0, 0)) == turned != upright
    for broken in (
        b"",
        b"MM",
        b"XX*\0",
        b"MM\0*" + struct.pack(">I", 2**32 - 1),
        b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 9, 0, 0),
        b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 77, 1, 3, 0, 0),
        b"MM\0*" + struct.pack(">IH", 8, 65535),
    ):
        assert seen(broken) == upright


@pytest.mark.parametrize(
    ("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("AVIF", {"speed": 10}), ("TIFF", {})]
)
def test_a_picture_hidden_in_frame_7_is_found_there(decoder: Decoder, kind: str, options: dict[str, object]) -> None:
    decoys = [patches(seed, 240, 320) for seed in range(30, 37)]
    data = animate([*decoys, patches(99, 240, 320), decoys[0]], kind, **options)

    views = by_view(decoder.read(data).fingerprints)

    hidden = [view for view, bits in views.items() if apart(bits, published(patches(99, 240, 320))) <= 12]
    assert hidden == ["full@7"]
    assert list(views)[:8] == ["full", *(f"full@{frame}" for frame in range(1, 8))]


def test_frames_that_are_alike_are_hashed_once(decoder: Decoder) -> None:
    data = animate([PICTURE, HIDDEN, PICTURE, HIDDEN], "WEBP", lossless=True)

    assert list(by_view(decoder.read(data).fingerprints)) == ["full", "full@1"]


def test_the_still_picture_before_an_animation_is_looked_at_too(decoder: Decoder) -> None:
    data = animate([HIDDEN, PICTURE, patches(5)], "PNG", default_image=True)

    views = by_view(decoder.read(data).fingerprints)

    assert {published(HIDDEN), published(PICTURE), published(patches(5))} == set(views.values())


def test_frames_that_change_a_part_of_the_canvas_are_compared_as_shown(decoder: Decoder) -> None:
    """A GIF stores the part that changed; the hash is of the whole canvas as it then is."""
    half = PICTURE.copy()
    half[:, 320:] = HIDDEN[:, 320:]
    data = animate([PICTURE, half], "GIF", disposal=1)

    views = by_view(decoder.read(data).fingerprints)

    assert apart(views["full@1"], published(half)) <= 12


def test_a_frame_too_plain_does_not_hide_the_others(decoder: Decoder) -> None:
    black = np.zeros_like(PICTURE)

    reading = decoder.read(animate([black, PICTURE, black], "WEBP", lossless=True))

    assert reading.obstacle is None
    assert list(by_view(reading.fingerprints)) == ["full@1"]


@pytest.mark.parametrize("frames", [100, 101])
def test_beyond_a_hundred_frames_the_reading_says_it_is_partial(decoder: Decoder, frames: int) -> None:
    data = animate([noise(64 + seed % 2, 80) for seed in range(frames)], "GIF")

    reading = decoder.read(data)

    assert list(by_view(reading.fingerprints))[:2] == ["full", "full@1"]
    assert (reading.obstacle, reading.reason) == (
        (State.PARTIAL, "only the first 100 frames were compared") if frames > 100 else (None, "")
    )


def test_metadata_never_reaches_a_decoder_and_never_hides_a_picture(decoder: Decoder) -> None:
    """A text that unpacks to 60 MB, a broken profile and a wrong checksum beside the picture: browsers show it."""
    png = encode(PICTURE, "PNG")
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(60 * 2**20), 9))
    profile = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(60 * 2**20), 9))
    damaged = png_chunk(b"tEXt", b"a\0b")[:-1] + b"\0"
    data = png[:33] + bomb + profile + damaged + png[33:]

    reading = decoder.read(data, turns=True)

    assert reading.obstacle is None
    assert by_view(reading.fingerprints)["full"] == published(PICTURE)


def test_only_the_first_picture_of_a_jpeg_with_more_behind_it_counts(decoder: Decoder) -> None:
    """Phones append a depth map or a small film; browsers show the first picture."""
    first = encode(PICTURE, "JPEG")
    both = encode(Image.fromarray(PICTURE), "MPO", save_all=True, append_images=[Image.fromarray(HIDDEN)])

    assert by_view(decoder.read(both).fingerprints) == by_view(decoder.read(first).fingerprints)
    assert by_view(decoder.read(first + b"\0\0\0\x18ftypmp42" + bytes(500)).fingerprints) == by_view(
        decoder.read(first).fingerprints
    )


def test_a_symmetric_drawing_crawled_as_jpeg_is_hashed_like_the_enrolled_one(decoder: Decoder) -> None:
    """Its bits are rounding errors, so the crawled side must round as enrolment did: 67 bits apart otherwise."""
    pixels = np.zeros((900, 1400, 3), np.uint8)
    pixels[200:700, 350:1050] = 255
    data = encode(pixels, "JPEG", quality=85)

    crawled, enrolled = decoder.read(data), decoder.read(data, turns=True)

    assert by_view(crawled.fingerprints)["full"] == by_view(enrolled.fingerprints)["full"]
