"""What a body turns out to be, how much of it is taken, and that nobody can make us take more."""

import asyncio
import gzip
import random
import tracemalloc
import zlib

import pytest

from core.model import State
from crawler.body import BodyLimits, Gzip, Intake, Plain, Refused
from crawler.fetch import Fetched, FetchLimits, Kind, NotFetched, Wanted
from matcher.decode.containers.video import is_video
from tests.crawler.test_fetch import found, refused
from tests.crawler.wire import fetched, fetching, response, run, saying, wire

PAGE = b"<!doctype html><title>A page</title>" + b"<p>words</p>" * 500
REST = bytes(range(256)) * 20

PICTURES = {
    "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "GIF": b"GIF89a",
    "WebP": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "BMP": b"BM\x00\x10\x00\x00\x00\x00\x00\x00",
    "TIFF, little end first": b"II*\x00",
    "TIFF, big end first": b"MM\x00*",
    "AVIF": b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1",
    "AVIF behind another brand": b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00miafavif",
    "HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1",
    "JPEG XL": b"\xff\x0a\xfa\x1f",
    "JPEG XL in a box": b"\x00\x00\x00\x0cJXL \r\n\x87\n",
    "ICO": b"\x00\x00\x01\x00\x01\x00",
}
SHOWN_BY_OTHERS = {
    "an SVG drawing": b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg">' + b" " * 1024,
    "a PDF document": b"%PDF-1.7\n",
    "a JPEG 2000 picture": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    "a Photoshop picture": b"8BPS\x00\x01",
}
MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00"
VIDEOS = {
    "MP4": MP4,
    "QuickTime": b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00",
    "QuickTime of old": b"\x00\x00\x0a\x00moov\x00\x00\x00\x6cmvhd",
    "QuickTime of old, film first": b"\x00\x10\x00\x00mdat\x00\x00",
    "WebM": b"\x1aE\xdf\xa3\x01\x00\x00\x00",
    "AVI": b"RIFF\x24\x00\x00\x00AVI LIST",
    "MPEG transport stream": (b"G" + bytes(187)) * 3,
    "MPEG": b"\x00\x00\x01\xba\x44",
    "Flash": b"FLV\x01\x05",
    "Ogg": b"OggS\x00\x02",
    "Windows Media": b"0&\xb2u\x8ef\xcf\x11\xa6\xd9",
}
NO_PICTURES = {
    "an HTML page": PAGE,
    "plain text": b"Sorry, come back later. " * 100,
    "an archive": b"PK\x03\x04" + REST,
    "a font": b"wOF2" + REST,
    "a sound file": b"ID3\x03\x00" + REST,
    "of no known format": b"\x00\x01\x02\x03" + REST,
    "empty": b"",
}


@pytest.mark.parametrize("content_type", ["image/jpeg", "text/html", "application/octet-stream", "nonsense"])
@pytest.mark.parametrize("head", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_known_by_its_first_bytes_whatever_it_is_called(head: bytes, content_type: str) -> None:
    body = head + REST

    outcome = found(fetched(saying(response(body, content_type=content_type)), wanted=Wanted.IMAGE))

    assert (outcome.kind, outcome.body) == (Kind.IMAGE, body)


@pytest.mark.parametrize(("name", "head"), SHOWN_BY_OTHERS.items())
def test_what_shows_something_and_is_not_decoded_here_is_named(name: str, head: bytes) -> None:
    outcome = refused(fetched(saying(response(head + REST, content_type="image/jpeg")), wanted=Wanted.IMAGE))

    assert (outcome.state, outcome.reason) == (State.UNSUPPORTED, f"the body is {name}")


@pytest.mark.parametrize(("name", "body"), NO_PICTURES.items())
def test_what_is_no_picture_is_named(name: str, body: bytes) -> None:
    outcome = refused(fetched(saying(response(body, content_type="image/jpeg")), wanted=Wanted.IMAGE))

    assert (outcome.state, outcome.reason) == (State.NOT_IMAGE, f"the body is {name}")


@pytest.mark.parametrize("content_type", ["video/mp4", "image/jpeg", "text/html"])
@pytest.mark.parametrize("wanted", [Wanted.IMAGE, Wanted.PAGE])
@pytest.mark.parametrize("head", VIDEOS.values(), ids=VIDEOS)
def test_a_video_is_known_by_its_first_bytes_whatever_it_is_called(
    head: bytes, wanted: Wanted, content_type: str
) -> None:
    body = head + REST

    outcome = found(fetched(saying(response(body, content_type=content_type)), wanted=wanted))

    assert (outcome.kind, outcome.body) == (Kind.VIDEO, body)
    assert is_video(body), "what is fetched as a video is read as one"


@pytest.mark.parametrize("body", [b"carefree days " * 100, b"Girls, " * 200, b"somewide open " * 100])
def test_a_text_that_begins_with_the_letters_of_a_video_is_a_text(body: bytes) -> None:
    assert found(fetched(saying(response(body, content_type="text/plain")))).kind is Kind.TEXT
    assert refused(fetched(saying(response(body)), wanted=Wanted.IMAGE)).state is State.NOT_IMAGE


def test_a_page_in_the_place_of_a_picture_says_that_it_is_one() -> None:
    assert refused(fetched(saying(response(PAGE)), wanted=Wanted.IMAGE)).kind is Kind.HTML


def test_a_link_that_leads_to_a_picture_brings_the_picture() -> None:
    assert found(fetched(saying(response(PICTURES["PNG"] + REST)), wanted=Wanted.PAGE)).kind is Kind.IMAGE


@pytest.mark.parametrize("name", ["a Photoshop picture", "a PDF document"])
def test_neither_page_nor_picture_is_not_taken_as_a_page(name: str) -> None:
    outcome = refused(fetched(saying(response(SHOWN_BY_OTHERS[name] + REST)), wanted=Wanted.PAGE))

    assert (outcome.state, outcome.kind) == (State.UNSUPPORTED, Kind.OTHER)


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (b"  \n<!-- hello --><!DOCTYPE HTML><p>", "text/plain", Kind.HTML),
        (b"\xef\xbb\xbf<html>", "", Kind.HTML),
        ("<html>\u4e2d".encode("utf-16"), "", Kind.HTML),
        ("<html>".encode("utf-16-le"), "text/html; charset=utf-16le", Kind.HTML),
        (b"<p>An inline <svg></svg> drawing", "text/html", Kind.HTML),
        (b"no tag at all", "text/html", Kind.HTML),
        (b"BMW and GIF8 are words", "text/plain", Kind.TEXT),
        (b'<?xml version="1.0"?><rss>', "application/rss+xml", Kind.TEXT),
        (b"", "text/html", Kind.EMPTY),
    ],
)
def test_a_page_is_told_from_text(body: bytes, content_type: str, kind: Kind) -> None:
    assert found(fetched(saying(response(body, content_type=content_type)))).kind is kind


def test_an_endless_page_in_the_place_of_a_picture_is_left_after_its_first_bytes() -> None:
    sent = 0

    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(PAGE)
            sent += len(PAGE)
            await writer.drain()
            await asyncio.sleep(0)

    limits = FetchLimits(max_bytes=2**30)

    assert refused(fetched(says, wanted=Wanted.IMAGE, limits=limits)).state is State.NOT_IMAGE
    assert sent < 16 * 2**20  # what the machine's own buffers hold


# ---------------------------------------------------------------------------------------------------------------- sizes


def test_a_body_that_announces_too_much_is_left_at_once() -> None:
    limits = FetchLimits(max_bytes=10_000, max_video_bytes=20_000)

    outcome = refused(fetched(saying(response(PAGE, content_length=str(2**40))), limits=limits))

    assert (outcome.state, outcome.reason) == (State.TOO_LARGE, "the body is larger than 20000 bytes")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_an_end_is_left_at_the_limit(chunked: bool) -> None:
    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"Transfer-Encoding: chunked\r\n" * chunked + b"\r\n")
        while True:
            writer.write(b"%x\r\n%s\r\n" % (len(PAGE), PAGE) if chunked else PAGE)
            await writer.drain()

    assert refused(fetched(says, limits=FetchLimits(max_bytes=2**20))).state is State.TOO_LARGE


@pytest.mark.parametrize(("size", "fits"), [(10_000, True), (10_001, False)])
@pytest.mark.parametrize("packed", [False, True])
def test_the_limit_is_inclusive_and_counts_what_is_unpacked(size: int, fits: bool, packed: bool) -> None:
    body = PAGE[:100].ljust(size)
    answer = response(gzip.compress(body), content_encoding="gzip") if packed else response(body)

    outcome = fetched(saying(answer), limits=FetchLimits(max_bytes=10_000))

    assert found(outcome).body == body if fits else refused(outcome).state is State.TOO_LARGE


VIDEO_LIMITS = FetchLimits(max_bytes=10_000, max_video_bytes=50_000)


@pytest.mark.parametrize("announced", [False, True])
@pytest.mark.parametrize(
    ("head", "size", "fits"),
    [(MP4, 50_000, True), (MP4, 50_001, False), (PICTURES["PNG"], 10_000, True), (PICTURES["PNG"], 10_001, False)],
)
def test_a_video_may_be_larger_than_a_picture(head: bytes, size: int, fits: bool, announced: bool) -> None:
    body = head.ljust(size, b"\xff")
    answer = response(body) if announced else b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body

    outcome = fetched(saying(answer), wanted=Wanted.IMAGE, limits=VIDEO_LIMITS)

    if fits:
        assert found(outcome).body == body
    else:
        kind = Kind.VIDEO if head == MP4 else Kind.IMAGE
        assert (refused(outcome).state, refused(outcome).kind) == (
            State.TOO_LARGE,
            None if announced and size > 50_000 else kind,
        )


def test_what_is_no_video_is_not_read_as_far_as_one() -> None:
    """Of what announces more than a picture may have only the first bytes are read."""
    sent = 0

    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n" + PICTURES["PNG"])
        while True:
            writer.write(b"\xff" * 2**16)
            sent += 2**16
            await writer.drain()
            await asyncio.sleep(0)

    outcome = refused(fetched(says, wanted=Wanted.IMAGE, limits=FetchLimits(max_bytes=20 * 2**20)))

    assert (outcome.state, outcome.kind) == (State.TOO_LARGE, Kind.IMAGE)
    assert sent < 16 * 2**20


def test_a_site_may_allow_no_videos_at_all() -> None:
    outcome = refused(fetched(saying(response(MP4 + REST)), wanted=Wanted.IMAGE, limits=FetchLimits(max_video_bytes=0)))

    assert (outcome.state, outcome.reason) == (State.TOO_LARGE, "the body is larger than 0 bytes")


@pytest.mark.parametrize("wanted", [Wanted.IMAGE, Wanted.PAGE])
def test_a_video_that_nothing_here_can_decode_is_left_after_its_first_bytes_and_says_the_cure(wanted: Wanted) -> None:
    sent = 0

    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + MP4)
        while True:
            writer.write(b"\xff" * 2**16)
            sent += 2**16
            await writer.drain()
            await asyncio.sleep(0)

    outcome = refused(fetched(says, wanted=wanted, no_videos="a video needs the extra"))

    assert (outcome.state, outcome.reason, outcome.kind) == (
        State.UNSUPPORTED,
        "a video needs the extra",
        Kind.VIDEO,
    )
    assert sent < 16 * 2**20


def test_a_video_may_take_longer_than_a_picture() -> None:
    async def says(head: str, writer: asyncio.StreamWriter) -> None:
        first = MP4 if "/video" in head else PICTURES["PNG"]
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + first + REST)
        for _ in range(8):
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(REST)

    limits = FetchLimits(total_s=0.4, video_s=10)

    assert refused(fetched(says, "/picture", wanted=Wanted.IMAGE, limits=limits)).state is State.TIMEOUT
    assert found(fetched(says, "/video", wanted=Wanted.IMAGE, limits=limits)).kind is Kind.VIDEO


# -------------------------------------------------------------------------------------------------------------- packing


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "GZIP", " gzip "])
@pytest.mark.parametrize("wanted", Wanted)
def test_a_packed_body_is_unpacked(wanted: Wanted, packing: str) -> None:
    body = PAGE if wanted is Wanted.PART else PICTURES["PNG"] + REST  # a picture is no part: it is asked for by itself

    outcome = fetched(saying(response(gzip.compress(body), content_encoding=packing)), wanted=wanted)

    assert found(outcome).body == body


def test_a_body_packed_in_several_members_is_unpacked_to_its_end() -> None:
    members = b"".join(gzip.compress(PAGE[at : at + 100]) for at in range(0, len(PAGE), 100))

    assert found(fetched(saying(response(members + b"\0\0 junk", content_encoding="gzip")))).body == PAGE


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_members_are_found_wherever_the_pieces_of_the_answer_end(size: int) -> None:
    members = gzip.compress(PAGE[:50]) + gzip.compress(b"") + gzip.compress(PAGE[50:])
    unpacking = Gzip()

    pieces = [piece for at in range(0, len(members), size) for piece in unpacking.pieces(members[at : at + size])]

    assert b"".join(pieces) == PAGE
    assert unpacking.complete


def test_packing_that_means_nothing_is_ignored() -> None:
    for packing in ("identity", "utf-8", "none", ""):
        assert found(fetched(saying(response(PAGE, content_encoding=packing)))).body == PAGE


@pytest.mark.parametrize("packing", ["br", "zstd", "deflate", "gzip, gzip", "br, gzip"])
def test_packing_that_was_never_asked_for_is_refused(packing: str) -> None:
    outcome = refused(fetched(saying(response(zlib.compress(PAGE), content_encoding=packing))))

    assert (outcome.state, outcome.reason) == (State.UNSUPPORTED, "the body is packed in a way that was not asked for")


def test_a_packed_body_that_ends_early_is_truncated_and_one_that_is_damaged_is_broken() -> None:
    packed = gzip.compress(PAGE)
    for damaged, state in {
        packed[:-9]: State.TRUNCATED,
        packed[:20]: State.TRUNCATED,
        packed[:2]: State.TRUNCATED,
        packed[:-8] + b"12345678": State.BROKEN,  # the checksum
        PAGE: State.BROKEN,
    }.items():
        assert refused(fetched(saying(response(damaged, content_encoding="gzip")))).state is state


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(PAGE[:40])
    return head + b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()


@pytest.mark.parametrize(("wanted", "ends"), [(Wanted.PAGE, False), (Wanted.ROBOTS, True)])
def test_a_gzip_bomb_is_left_at_the_limit_and_takes_no_more_memory_than_that(wanted: Wanted, ends: bool) -> None:
    packed = bomb(300)
    answer = response(packed, content_encoding="gzip")
    tracemalloc.start()
    try:
        outcome = fetched(saying(answer), wanted=wanted, limits=FetchLimits(max_bytes=4 * 2**20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(packed) < 350_000
    if ends:
        assert len(found(outcome).body) == 500 * 1024
    else:
        assert refused(outcome).state is State.TOO_LARGE
    assert peak < 24 * 2**20


def test_a_bomb_of_empty_members_is_bounded_by_what_comes_in() -> None:
    members = gzip.compress(b"") * 1_000

    outcome = fetched(saying(response(members, content_encoding="gzip")), limits=FetchLimits(max_bytes=10_000))

    assert refused(outcome).state is State.TOO_LARGE


# ---------------------------------------------------------------------------------------------------------------- speed


def test_a_slow_body_is_given_time_to_begin_and_then_left() -> None:
    intake = Intake(Wanted.PAGE, BodyLimits(max_bytes=10**6, min_bytes_per_s=1000, cut=False), Plain(), None)

    assert intake.take(b"a", elapsed_s=4.9) is None
    assert intake.take(b"a" * 6_000, elapsed_s=5.9) is None
    slow = intake.take(b"a", elapsed_s=6.1)

    assert isinstance(slow, Refused)
    assert slow.state is State.TIMEOUT


def test_outcomes_are_always_one_of_two() -> None:
    """Whatever the bytes: good answers with pieces taken out and put in."""
    rng = random.Random(20261123)
    good = (
        response(PAGE, content_type="text/html"),
        response(gzip.compress(PAGE), content_encoding="gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>aa\r\n0\r\n\r\n",
        response(status="302 Found", location="/next"),
        response(PICTURES["JPEG"] + REST, content_type="image/jpeg"),
    )

    def mutated() -> bytes:
        answer = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(answer))
            answer[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        return bytes(answer)

    async def says(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(mutated())

    async def ask() -> list[Fetched | NotFetched]:
        async with wire(says) as site, fetching(site.host, limits=FetchLimits(idle_s=1, total_s=2)) as fetch:
            return [await fetch.fetch(site.url(), wanted=rng.choice(tuple(Wanted))) for _ in range(300)]

    outcomes = run(ask())

    assert len({type(outcome) for outcome in outcomes}) == 2
    assert all(isinstance(outcome, Fetched) or (outcome.state and outcome.reason) for outcome in outcomes)
