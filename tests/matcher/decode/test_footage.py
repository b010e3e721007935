"""Videos, made here and read as the child reads them."""

import io
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from core.model import Enrolment, Evidence, Fingerprint, Match, PersonId, State, Tier
from matcher import sampling, video
from matcher.decode import footage, hashing, limits
from matcher.decode.answer import Reading
from matcher.decode.containers.video import is_video, walk
from matcher.views import TURNS, parsed
from tests.golden.drawn import flat, patches
from tests.matcher.pictures import PHOTOGRAPHS, apart, encode

av = pytest.importorskip("av", reason="PyAV is not installed; the cure: scripts/environment test")

HEIGHT, WIDTH = 180, 320
Rgb = NDArray[np.uint8]


@cache
def scene(name: str, width: int = WIDTH, height: int = HEIGHT) -> Rgb:
    """The middle of a bundled photograph."""
    (path,) = (path for path in PHOTOGRAPHS if path.stem == name)
    with Image.open(path) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.BOX))


NAMES = ("astronaut", "chelsea", "coffee")
SCENES = [scene(name) for name in NAMES]


def film(
    pictures: Sequence[Rgb],
    kind: str = "mp4",
    codec: str = "libx264",
    *,
    rate: int | Fraction = 10,
    group: int = 20,
    pixels: str = "yuv420p",
    turn: tuple[int, bool] | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """One frame a picture.

    group   frames from one keyframe to the next
    turn    how it is to be shown: degrees to the left, mirrored or not
    """
    file = io.BytesIO()
    with av.open(file, "w", format=kind, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.gop_size = group
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=none"}
        if codec == "libx264":
            stream.options = {"sc_threshold": "0"}  # keyframes where the group ends, and nowhere else
        if turn is not None:
            stream.set_display_rotation(turn[0], hflip=turn[1])
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def lasting(scenes: Sequence[Rgb], frames: int = 20) -> list[Rgb]:
    return [scene for scene in scenes for _ in range(frames)]


def crawled(content: bytes) -> Reading:
    return footage.read_video(content, turns=False)


def enrolled(content: bytes) -> Reading:
    return footage.read_video(content, turns=True)


def still(pixels: Rgb) -> str:
    """The hash of a scene as a picture."""
    reading = hashing.read(encode(pixels, "PNG"), turns=False, corners=False)
    return next(one.bits for one in reading.fingerprints if (one.hasher, one.view) == ("area", "full"))


def assert_shows(reading: Reading, *scenes: Rgb) -> None:
    """These, one after the other."""
    bits = list(upright(reading).values())
    assert len(bits) == len(scenes)
    assert max(apart(one, still(pixels)) for one, pixels in zip(bits, scenes, strict=True)) <= 12


def upright(reading: Reading) -> dict[float, str]:
    """Hashes of whole frames, by their moment."""
    found = {}
    for one in reading.fingerprints:
        view = parsed(one.view)
        assert view is not None
        assert one.time_s is not None
        if view.kind == "full" and not view.turn:
            found[one.time_s] = one.bits
    return found


MP4 = film(lasting(SCENES))

# ------------------------------------------------------------------------------------------------------- what is a video


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is text",
        b"#EXTM3U\n#EXT-X-VERSION:3\nhttp://elsewhere.example/1.ts\n",  # a play list
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        encode(SCENES[0], "PNG"),
        encode(SCENES[0], "WEBP"),
        encode(SCENES[0], "AVIF", speed=10),
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(100),
        bytes(1000),
    ],
)
def test_pictures_texts_and_play_lists_are_no_videos(content: bytes) -> None:
    assert not is_video(content)
    assert crawled(content).obstacle is State.NOT_IMAGE


KINDS = [
    ("mp4", "libx264", "yuv420p", "MP4 video"),
    ("mp4", "libx265", "yuv420p10le", "MP4 video"),
    ("mp4", "mpeg4", "yuv420p", "MP4 video"),
    ("mov", "libx264", "yuv444p", "QuickTime video"),
    ("mov", "prores_ks", "yuv422p10le", "QuickTime video"),
    ("matroska", "libx264", "yuv420p", "Matroska or WebM video"),
    ("webm", "libvpx", "yuv420p", "Matroska or WebM video"),
    ("webm", "libvpx-vp9", "yuv420p", "Matroska or WebM video"),
    ("avi", "mpeg4", "yuv420p", "AVI video"),
    ("avi", "mjpeg", "yuvj420p", "AVI video"),
    ("mpegts", "libx264", "yuv420p", "MPEG transport stream video"),
    ("mpeg", "mpeg2video", "yuv420p", "MPEG video"),
    ("flv", "flv1", "yuv420p", "Flash video"),
    ("asf", "wmv2", "yuv420p", "Windows Media video"),
]


@pytest.mark.parametrize(("kind", "codec", "pixels", "name"), KINDS)
def test_every_kind_of_video_is_known_by_its_first_bytes_and_read_by_its_keyframes(
    kind: str, codec: str, pixels: str, name: str
) -> None:
    """At 25 frames a second, because not all of them can be slower; some begin a frame late."""
    content = film(lasting(SCENES, frames=25), kind, codec, rate=25, group=25, pixels=pixels)

    found = walk(content)
    reading = crawled(content)

    assert found is not None
    assert (found.name, found.complete) == (name, True)
    assert (reading.obstacle, reading.reason) == (None, "")
    assert list(upright(reading)) == pytest.approx([0.0, 1.0, 2.0], abs=0.05)
    assert_shows(reading, *SCENES)


# --------------------------------------------------------------------------------------------------------- what is found


def test_a_crawled_video_is_seen_upright_and_turned_only_for_lists_of_one_turn() -> None:
    reading = crawled(MP4)

    assert [(one.hasher, one.view, one.time_s) for one in reading.fingerprints] == [
        ("area", "full", 0.0),
        ("area", "full@1", 2.0),
        ("area", "full@2", 4.0),
    ]
    assert {one.view for one in reading.turned if one.time_s == 2.0} == {f"full@1/{turn}" for turn in TURNS[1:]}
    again = crawled(MP4)
    assert (again.fingerprints, again.turned) == (reading.fingerprints, reading.turned)


def test_a_few_small_frames_from_all_over_the_video_are_handed_over_when_it_was_crawled() -> None:
    content = film(lasting(SCENES * 3, frames=12), group=12)

    reading = crawled(content)

    assert len(upright(reading)) == 9
    assert [(scene.frame, scene.plane.shape) for scene in reading.scenes] == [
        (number, (HEIGHT, WIDTH)) for number in (0, 2, 4, 6)
    ]
    assert enrolled(content).scenes == ()


def moving() -> list[Rgb]:
    """Six seconds along one large picture."""
    large = scene("coffee", 2 * WIDTH, HEIGHT)
    return [large[:, 5 * number : 5 * number + WIDTH] for number in range(60)]


def test_an_enrolled_video_is_held_twice_a_second_in_all_turns() -> None:
    reading = enrolled(film(moving(), group=60))

    times = list(upright(reading))
    assert times == pytest.approx(np.arange(0, 6, 0.5), abs=0.3)
    assert len(frames(reading)) == len(times) * len(TURNS)
    assert {one.view for one in frames(reading) if one.time_s == times[2]} == {
        "full@2",
        *(f"full@2/{turn}" for turn in TURNS[1:]),
    }
    assert reading.turned == ()


def test_a_cropped_copy_of_an_enrolled_video_is_found() -> None:
    """A twentieth is cut off on every side."""
    inner = slice(HEIGHT // 20, -HEIGHT // 20), slice(WIDTH // 20, -WIDTH // 20)

    cropped = crawled(film([pixels[inner] for pixels in lasting(SCENES)]))

    assert {tier for tier, _ in found(enrolled(MP4), cropped, kinds=("full", "crop"))} == {Tier.CONFIRMED}
    assert {tier for tier, _ in found(enrolled(MP4), cropped)} != {Tier.CONFIRMED}


def test_frames_like_the_one_before_are_held_once() -> None:
    reading = enrolled(film(lasting([SCENES[0], SCENES[1], SCENES[0]])))

    assert list(upright(reading)) == [0.0, 2.0, 4.0]


def test_within_a_long_group_frames_between_its_keyframes_are_seen() -> None:
    content = film(lasting(SCENES, frames=40), rate=4, group=1000)  # half a minute, one keyframe

    reading = crawled(content)

    assert list(upright(reading)) == pytest.approx([0.0, 10.0, 20.0], abs=0.6)
    assert_shows(reading, *SCENES)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_video_is_hashed_as_it_is_shown(degrees: int, mirrored: bool) -> None:
    """As a telephone stores it: lying, and with a word about how to turn it."""
    shown = scene("astronaut", HEIGHT, WIDTH) if degrees % 180 else SCENES[0]
    stored = np.rot90(shown[:, ::-1] if mirrored else shown, -degrees // 90)

    reading = crawled(film([stored] * 3, turn=(degrees, mirrored)))

    assert_shows(reading, shown)


def test_bars_above_and_below_are_left_out() -> None:
    barred = np.full((2 * HEIGHT, WIDTH, 3), 0, np.uint8)
    barred[HEIGHT // 2 : HEIGHT // 2 + HEIGHT] = SCENES[0]

    reading = crawled(film([barred] * 3))

    (trimmed,) = (one for one in reading.fingerprints if one.view.startswith("trim"))
    assert trimmed.time_s == 0.0
    assert apart(trimmed.bits, still(SCENES[0])) <= 12
    assert {one.view.split(":")[0] for one in enrolled(film([barred] * 3)).fingerprints} >= {"full", "trim"}


# ------------------------------------------------------------------------------------------------------------ who is found


def found(
    enrolment: Reading, seen: Reading, kinds: Sequence[str] = ("full",)
) -> list[tuple[Tier, tuple[tuple[float, float], ...]]]:
    """Every pair compared."""
    matches = [
        Match(
            enrolment=Enrolment(person=PersonId("anna"), ref="r", fingerprint=one, threshold=70),
            seen=other,
            distance=apart(one.bits, other.bits),
            evidence=Evidence.FRAME,
        )
        for one in frames(enrolment, kinds)
        for other in frames(seen, kinds)
    ]
    kept = len({one.time_s for one in seen.fingerprints})
    return [(each.tier, each.ranges) for each in video.findings(matches, kept=kept)]


def frames(reading: Reading, kinds: Sequence[str] = ("full",)) -> list[Fingerprint]:
    return [one for one in reading.fingerprints if one.hasher == "area" and one.view.startswith(tuple(kinds))]


def picture(pixels: Rgb, *, turns: bool) -> Reading:
    return hashing.read(encode(pixels, "JPEG", quality=80), turns=turns, corners=False)


def test_an_enrolled_picture_is_found_in_a_video_and_when() -> None:
    (sure,) = found(picture(SCENES[1], turns=True), crawled(MP4))

    assert sure == (Tier.CONFIRMED, ((2.0, 2.0),))


def test_an_enrolled_video_is_found_in_a_picture_of_it() -> None:
    (sure,) = found(enrolled(MP4), picture(SCENES[2][:, ::-1], turns=False))

    assert sure == (Tier.CONFIRMED, ())


def test_a_mirrored_part_of_an_enrolled_video_is_found_with_keyframes_elsewhere() -> None:
    whole = moving()
    part = [frame[:, ::-1] for frame in whole[23:53]]

    (sure,) = found(enrolled(film(whole, group=60)), crawled(film(part, "webm", "libvpx", group=11)))

    ((begin_s, end_s),) = sure[1]
    assert sure[0] is Tier.CONFIRMED
    assert (begin_s, end_s) == pytest.approx((0.0, 2.2), abs=0.6)


def test_another_video_is_not_found() -> None:
    assert found(enrolled(MP4), crawled(film(moving()))) == []


# ------------------------------------------------------------------------------------------------------- what is in the way


def cut(content: bytes, hundredths: int) -> bytes:
    return content[: len(content) * hundredths // 100]


@pytest.mark.parametrize(
    ("made", "state", "words"),
    [
        (lambda: film([flat()[:HEIGHT, :WIDTH]] * 30), State.TOO_PLAIN, "features"),
        (lambda: film([patches(1, 60, 100)] * 5), State.TOO_SMALL, "64 pixels"),
        (lambda: film([patches(1, 3200, 3072)], "avi", "mjpeg", pixels="yuvj420p"), State.TOO_LARGE, "3072 by 3200"),
        (sound, State.NOT_IMAGE, "no picture"),
        (lambda: film([SCENES[0]] * 2, "matroska", "ffv1"), State.UNSUPPORTED, "ffv1"),
        (lambda: cut(MP4, 60), State.TRUNCATED, "ends before"),
        (lambda: b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\x40moov" + b"\x17" * 56, State.BROKEN, "damaged"),
    ],
)
@pytest.mark.parametrize("turns", [False, True])
def test_what_cannot_be_hashed_ends_in_a_named_state(
    made: Callable[[], bytes], state: State, words: str, turns: bool
) -> None:
    reading = footage.read_video(made(), turns=turns)

    assert (reading.obstacle, reading.fingerprints) == (state, ())
    assert words in reading.reason
    assert len(reading.reason) < 120
    assert reading.reason.isprintable()


@pytest.mark.parametrize(("kind", "codec"), [("matroska", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4")])
def test_of_a_video_that_ends_too_early_what_there_is_counts_and_its_end_is_named(kind: str, codec: str) -> None:
    """The last frame may be there in part."""
    content = film(lasting(SCENES), kind, codec)
    whole = upright(crawled(content))

    for hundredths in range(5, 100, 5):
        reading = crawled(cut(content, hundredths))

        assert reading.obstacle is State.TRUNCATED, (hundredths, reading.reason)
        assert set([*upright(reading).items()][:-1]) <= whole.items()
    assert upright(crawled(cut(content, 99))) == whole


def test_a_video_in_fragments_is_read_and_so_is_the_beginning_of_one() -> None:
    content = film(lasting(SCENES), options={"movflags": "frag_keyframe+empty_moov"})

    assert crawled(content).obstacle is None
    assert list(upright(crawled(content))) == [0.0, 2.0, 4.0]
    assert list(upright(crawled(cut(content, 65)))) == [0.0, 2.0]
    assert crawled(cut(content, 65)).obstacle is State.TRUNCATED


def test_a_damaged_keyframe_is_counted_and_the_others_are_compared() -> None:
    at = MP4.index(b"mdat") + 200
    damaged = MP4[:at] + bytes(500) + MP4[at + 500 :]

    reading = crawled(damaged)

    assert reading.obstacle is State.BROKEN
    assert reading.reason == "1 of 3 frames looked at are damaged"
    assert list(upright(reading)) == [2.0, 4.0]


def test_of_more_than_two_hours_the_first_two_are_compared() -> None:
    content = film([SCENES[number % 3] for number in range(130)], rate=Fraction(1, 60), group=5)

    reading = crawled(content)

    assert (reading.obstacle, reading.reason) == (State.PARTIAL, "only the first 120 minutes were compared")
    assert max(upright(reading)) <= limits.MAX_VIDEO_S


def test_a_clock_that_is_set_back_hides_nothing() -> None:
    """Two transport streams, one behind the other: the second begins again at its own zero."""
    first, second = (film(lasting([SCENES[number]] * 2, frames=25), "mpegts", rate=25, group=25) for number in range(2))

    reading = crawled(first + second)

    assert reading.obstacle is None
    assert_shows(reading, *SCENES[:2])
    assert list(upright(reading)) == pytest.approx([0.0, 2.0], abs=0.2)


def test_without_pyav_a_video_says_what_it_needs() -> None:
    program = (
        "import sys\n"
        "sys.modules['av'] = None\n"  # what an import of something that is not installed comes to
        "from matcher.decode.footage import read_video\n"
        "reading = read_video(sys.stdin.buffer.read(), turns=False)\n"
        "print(reading.obstacle, reading.reason)\n"
    )

    told = subprocess.run([sys.executable, "-c", program], input=MP4, stdout=subprocess.PIPE, check=True).stdout

    assert told.decode() == "unsupported MP4 video needs the extra: pip install 'stillwatch[video]'\n"


def test_a_confined_child_has_all_that_a_video_takes() -> None:
    """PyAV is loaded after the confinement, with the first video."""
    program = (
        "import sys\n"
        "from matcher.decode.confine import allow_cpu, confine\n"
        "from matcher.decode.footage import read_video\n"
        "content = sys.stdin.buffer.read()\n"
        "confine()\n"
        "allow_cpu(20)\n"
        "for turns in (False, True):\n"
        "    reading = read_video(content, turns=turns)\n"
        "    print(reading.obstacle, len(reading.fingerprints))\n"
    )

    told = subprocess.run([sys.executable, "-I", "-c", program], input=MP4, stdout=subprocess.PIPE, check=True).stdout

    assert told.decode().split() == ["None", "3", "None", str(3 * (len(TURNS) + 2 * len(sampling.CROPS)))]
