"""PNG and APNG: chunks (W3C PNG, third edition, sections 5 and 11)."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from core.picture import State
from matcher.decode.containers.container import Container, Obstacle
from matcher.decode.containers.exif import orientation

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# What makes the pixels. The rest (texts and profiles that unpack to gigabytes, dates, broken extras) never reaches the decoder.
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"})


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int

    def body(self, data: bytes) -> bytes:
        return data[self.start + 8 : self.end - 4]


def walk(data: bytes) -> Container:
    chunks = list(_chunks(data))
    first: dict[bytes, _Chunk] = {}
    for chunk in chunks:
        first.setdefault(chunk.kind, chunk)
    if b"CgBI" in first:
        raise Obstacle(State.UNSUPPORTED, "Apple's variant of PNG is not decoded here")

    width = height = frames = 0
    if (header := first.get(b"IHDR")) is not None and len(header.body(data)) >= 8:
        width, height = struct.unpack_from(">II", header.body(data))
    if (animation := first.get(b"acTL")) is not None and len(animation.body(data)) >= 4:
        (frames,) = struct.unpack_from(">I", animation.body(data))
    if frames and _still_first(first):
        frames += 1
    turn = orientation(first[b"eXIf"].body(data)) if b"eXIf" in first else 1

    kept = [SIGNATURE, *(data[chunk.start : chunk.end] for chunk in chunks if chunk.kind in _KEPT)]
    complete = b"IEND" in first
    if not complete:
        kept.append(data[chunks[-1].end if chunks else len(SIGNATURE) :])
    return Container(
        format="PNG",
        content=b"".join(kept),
        complete=complete,
        width=width,
        height=height,
        orientation=turn,
        frames=max(frames, 1),
    )


def _still_first(first: dict[bytes, _Chunk]) -> bool:
    """A picture before the first frame is no part of the animation: one more to look at."""
    still, moving = first.get(b"IDAT"), first.get(b"fcTL")
    return still is not None and moving is not None and still.start < moving.start


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """The whole ones, up to the end of the picture."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            return
        yield _Chunk(kind, at, end)
        at = end
        if kind == b"IEND":
            return
