"""Every file ends in one named state with one plain sentence, the same on every run."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import PIL
import pytest
from PIL import Image

from core.model import State
from matcher.decode import limits
from matcher.decode.decoder import Decoder
from tests.golden.drawn import chessboard, flat, patches, slope
from tests.matcher.pictures import animate, encode

PICTURE = patches(1, 240, 320)

FILES: dict[str, bytes] = {
    "JPEG": encode(PICTURE, "JPEG", quality=80),
    "JPEG progressive": encode(PICTURE, "JPEG", quality=80, progressive=True),
    "PNG": encode(PICTURE, "PNG"),
    "GIF": encode(PICTURE, "GIF"),
    "BMP": encode(PICTURE, "BMP"),
    "WEBP": encode(PICTURE, "WEBP", quality=70),
    "WEBP lossless": encode(PICTURE, "WEBP", lossless=True),
    "AVIF": encode(PICTURE, "AVIF", speed=10),
    "TIFF": encode(PICTURE, "TIFF"),
    "TIFF deflate": encode(PICTURE, "TIFF", compression="tiff_adobe_deflate"),
}


def ftyp(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + brand + b"miaf" + bytes(100)


@pytest.mark.parametrize(
    ("data", "state", "words"),
    [
        (b"", State.NOT_IMAGE, "no bytes"),
        (b"hello, this is text", State.NOT_IMAGE, "not a picture"),
        (b"<!doctype html><html><body><svg></svg></body></html>", State.NOT_IMAGE, "not a picture"),
        (b"BMW builds cars", State.NOT_IMAGE, "not a picture"),
        (b"P1 is the first name of it", State.NOT_IMAGE, "not a picture"),
        (bytes(1000), State.NOT_IMAGE, "not a picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', State.UNSUPPORTED, "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE svg PUBLIC "x">\n<svg>', State.UNSUPPORTED, "SVG"),
        (b"%PDF-1.7\n", State.UNSUPPORTED, "PDF"),
        (ftyp(b"heic"), State.UNSUPPORTED, "HEIC"),
        (ftyp(b"mif1"), State.UNSUPPORTED, "HEIF"),
        (ftyp(b"isom"), State.BROKEN, "MP4 video"),
        (ftyp(b"qt  "), State.BROKEN, "QuickTime video"),
        (b"\xff\x0a" + bytes(50), State.UNSUPPORTED, "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", State.UNSUPPORTED, "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", State.UNSUPPORTED, "JPEG 2000"),
        (b"\x1aE\xdf\xa3" + bytes(50), State.TRUNCATED, "WebM"),
        (b"\0\0\1\0\1\0" + bytes(50), State.UNSUPPORTED, "icon"),
        (b"8BPS\0\1" + bytes(50), State.UNSUPPORTED, "Photoshop"),
        (b"P6\n# a comment\n10 10\n255\n" + bytes(300), State.UNSUPPORTED, "bitmap"),
        (encode(np.zeros((63, 500, 3), np.uint8), "PNG"), State.TOO_SMALL, "64 pixels"),
        (encode(patches(1, 500, 63), "JPEG"), State.TOO_SMALL, "64 pixels"),
        (encode(patches(1, 60, 60), "GIF"), State.TOO_SMALL, "64 pixels"),
        (animate([patches(n, 60, 60) for n in range(3)], "WEBP"), State.TOO_SMALL, "64 pixels"),
        (encode(flat(), "PNG"), State.TOO_PLAIN, "features"),
        (encode(slope(), "JPEG"), State.TOO_PLAIN, "features"),
        (animate([flat(), flat() + np.uint8(9)], "GIF"), State.TOO_PLAIN, "features"),
        (encode(Image.new("RGBA", (300, 300), (7, 7, 7, 0)), "PNG"), State.TOO_PLAIN, "features"),
        (bytes(limits.MAX_BYTES + 1), State.TOO_LARGE, "MiB"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("turns", [False, True])
def test_what_cannot_be_hashed_ends_in_a_named_state(
    decoder: Decoder, data: bytes, state: State, words: str, turns: bool
) -> None:
    reading = decoder.read(data, turns=turns)

    assert (reading.obstacle, reading.fingerprints) == (state, ())
    assert words in reading.reason
    assert len(reading.reason) < 120
    assert "." not in reading.reason.removesuffix(".")


def test_64_pixels_are_enough(decoder: Decoder) -> None:
    assert decoder.read(encode(chessboard()[:64, :500], "PNG")).obstacle in {None, State.TOO_PLAIN}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ends_too_early_is_truncated_and_never_hashed_in_part(decoder: Decoder, name: str) -> None:
    """At every hundredth of it. A few bytes may be too few to know what it was; without its last few it may be whole."""
    data = FILES[name]
    whole = decoder.read(data).fingerprints

    for hundredth in range(1, 100):
        reading = decoder.read(data[: len(data) * hundredth // 100])

        allowed = {State.TRUNCATED} if len(data) * hundredth // 100 >= 32 else {State.TRUNCATED, State.NOT_IMAGE}
        assert reading.obstacle in allowed, (name, hundredth, reading.reason)
        assert reading.fingerprints in {(), whole}, (name, hundredth)


def test_a_jpeg_without_its_end_marker_is_not_taken_for_whole(decoder: Decoder) -> None:
    reading = decoder.read(FILES["JPEG"][:-2])

    assert reading.obstacle is State.TRUNCATED


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_the_whole_frames_of_a_truncated_animation_are_compared_and_it_still_says_truncated(
    decoder: Decoder, kind: str, options: dict[str, object]
) -> None:
    frames = [patches(seed, 240, 320) for seed in range(6)]
    data = animate(frames, kind, **options)
    whole = decoder.read(data).fingerprints

    reading = decoder.read(data[: len(data) * 2 // 3])

    assert reading.obstacle is State.TRUNCATED
    assert reading.fingerprints == whole[: len(reading.fingerprints)]
    if kind != "WEBP":  # libwebp opens no animation that is not all there
        assert len({one.view for one in reading.fingerprints if one.view.startswith("full")}) in {3, 4}


# -------------------------------------------------------------------------------------------------------------- bombs


def png_of(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: 3,000 of them take 39 s of CPU."""
    jpeg = FILES["JPEG progressive"]
    last = jpeg.rfind(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * count + jpeg[-2:]


def jpeg_of(width: int, height: int, *, progressive: bool = False) -> bytes:
    """Only the header is as large as it says."""
    jpeg = bytearray(FILES["JPEG progressive" if progressive else "JPEG"])
    at = jpeg.find(b"\xff\xc2" if progressive else b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(jpeg)


def gif_of(width: int, height: int) -> bytes:
    gif = bytearray(FILES["GIF"])
    gif[6:10] = struct.pack("<HH", width, height)
    return bytes(gif)


def webp_of(width: int, height: int) -> bytes:
    extended = (
        b"VP8X" + struct.pack("<II", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    body = b"WEBP" + extended + FILES["WEBP"][12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: png_of(30_000, 30_000, rows=zlib.compress(bytes(30_001 * 100), 9)),
        lambda: png_of(2**31 - 1, 1, rows=b""),
        lambda: png_of(65_535, 65_535, depth=1, colour=0, rows=zlib.compress(bytes(8192 * 2000), 9)),
        lambda: many_scans(150),
        lambda: many_scans(3000),
        lambda: jpeg_of(65_500, 65_500),
        lambda: jpeg_of(12_000, 12_000, progressive=True),
        lambda: jpeg_of(65_500, 1000),
        lambda: gif_of(65_535, 65_535),
        lambda: webp_of(16_384, 16_384),
        lambda: encode(Image.new("1", (20_000, 20_000)), "TIFF", compression="group4"),
        lambda: encode(Image.new("P", (9_000, 9_000)), "BMP")[:1100] + bytes(1000),
    ],
)  # fmt: skip
def test_a_bomb_is_refused_or_bounded(decoder: Decoder, bomb: Callable[[], bytes]) -> None:
    reading = decoder.read(bomb(), turns=True)

    assert reading.fingerprints == ()
    assert reading.obstacle in {State.TOO_LARGE, State.TRUNCATED, State.BROKEN, State.TOO_PLAIN}
    assert decoder.read(FILES["PNG"]).obstacle is None


@pytest.mark.parametrize(
    ("bomb", "words"),
    [
        (lambda: png_of(30_000, 30_000), "30000 by 30000 pixels"),
        (lambda: many_scans(150), "scans"),
        (lambda: jpeg_of(65_500, 65_500), "65500 by 65500 pixels"),
        (lambda: jpeg_of(12_000, 12_000, progressive=True), "several scans"),
        (lambda: gif_of(65_535, 65_535), "65535 by 65535 pixels"),
        (lambda: webp_of(16_384, 16_384), "16384 by 16384 pixels"),
    ],
)
def test_what_is_too_large_says_in_what(decoder: Decoder, bomb: Callable[[], bytes], words: str) -> None:
    reading = decoder.read(bomb())

    assert reading.obstacle is State.TOO_LARGE
    assert words in reading.reason


def test_a_jpeg_too_large_to_decode_in_full_is_still_enrolled_scaled_down(decoder: Decoder) -> None:
    """A telephone of today takes 108 megapixels."""
    large = Image.fromarray(patches(3, 500, 700)).resize((12_000, 9_000), Image.Resampling.NEAREST)

    reading = decoder.read(encode(large, "JPEG", quality=60), turns=True)

    assert reading.obstacle is None
    assert len({one.view for one in reading.fingerprints if one.view.startswith("full")}) == 8


# --------------------------------------------------------------------------------------------------------------- fuzz


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """A few bytes changed, cut out or said twice."""
    copy = bytearray(data)
    for _ in range(int(random.integers(1, 6))):
        at = int(random.integers(0, len(copy)))
        match random.integers(0, 4):
            case 0:
                copy[at] ^= 1 << int(random.integers(0, 8))
            case 1:
                copy[at] = int(random.integers(0, 256))
            case 2:
                del copy[at : at + int(random.integers(1, 50))]
            case _:
                copy[at:at] = copy[at : at + int(random.integers(1, 50))]
        if not copy:
            return b""
    return bytes(copy)


@pytest.mark.parametrize("name", [*FILES, "animated GIF", "animated WEBP", "animated PNG"])
def test_a_damaged_file_ends_in_a_named_state_and_the_decoder_lives(decoder: Decoder, name: str) -> None:
    seed = zlib.crc32(name.encode())
    random = np.random.default_rng(seed)
    frames = [patches(seed, 100, 120) for seed in range(4)]
    data = FILES[name] if name in FILES else animate(frames, name.split()[1])

    for turn in range(60):
        reading = decoder.read(damaged(data, random))

        assert reading.obstacle is not None or reading.fingerprints, f"seed {seed}, file {turn}"
        assert reading.obstacle not in {State.TIMEOUT, State.EXHAUSTED}, f"seed {seed}, file {turn}: {reading.reason}"
    assert decoder.read(FILES["PNG"]).obstacle is None


def test_the_same_bytes_end_the_same_way_every_time(decoder: Decoder) -> None:
    random = np.random.default_rng(4)
    files = [damaged(data, random) for data in FILES.values() for _ in range(3)]

    first = [decoder.read(data) for data in files]
    with Decoder() as fresh:
        again = [fresh.read(data) for data in reversed(files)][::-1]

    assert again == first


def test_the_pillow_that_decodes_is_recent_enough() -> None:
    """13.0 fixed a heap overflow in the one decoder that cannot be refused."""
    assert int(PIL.__version__.split(".")[0]) >= 13
