"""The canary: a drawn picture that the operator puts on a page of a site, and that each pass has to find there.

It is no enrolment. Its hashes lie in a table of their own and are compared beside the examiner, by the same exact search, so that it can
raise no hit, no alert and no case; what the examiner says of the picture that shows it is what it says of any picture.
"""

import secrets
import struct
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import StillwatchError
from core.model import Canary, Examination, Fingerprint
from core.ports import Examiner
from matcher.decode.decoder import Decoder
from matcher.index import HashIndex, words

HASHER: Final = "pdq"
WHOLE: Final = "full"
THRESHOLD: Final = 31  # bits of 256: what PDQ's authors give for the same picture, scaled and saved anew
WIDTH, HEIGHT = 800, 600
PATCHES: Final = (200, 100, 50, 25)  # pixels: structure that survives any scaling, and detail


def drawn() -> bytes:
    """A PNG of colour patches on top of each other, like no other that was or will be drawn."""
    dice = np.random.default_rng(secrets.randbits(128))
    picture = np.zeros((HEIGHT, WIDTH, 3), np.int64)
    for size in PATCHES:
        rows, columns = -(-HEIGHT // size), -(-WIDTH // size)
        patch = np.kron(dice.integers(0, 64, (rows, columns, 3)), np.ones((size, size, 1), np.int64))
        picture += patch[:HEIGHT, :WIDTH]
    return _png(picture.astype(np.uint8))


def canary_for(site: str, picture: bytes, decoder: Decoder, now: datetime) -> Canary:
    """What is kept of the picture: the hash of the whole, by which copies that a site scaled or saved anew are known."""
    prints = tuple(
        Fingerprint(hasher=each.hasher, view=each.view, bits=each.bits, quality=each.quality)
        for each in decoder.read(picture, turns=False).fingerprints
        if each.hasher == HASHER and each.view == WHOLE
    )
    if not prints:
        raise StillwatchError("the drawn picture could not be hashed; see: stillwatch doctor, line decoder")
    return Canary(site=site, made=now, fingerprints=prints)


class CanaryExaminer:
    """Implements core.ports.Examiner around another one. Threads may share it."""

    def __init__(self, examiner: Examiner, canary: Canary, now: Callable[[], datetime]) -> None:
        self._examiner = examiner
        self._index = HashIndex.build(words([each.bits for each in canary.fingerprints]), max_threshold=THRESHOLD)
        self._now = now
        self._found: datetime | None = None

    def examine(self, image_bytes: bytes) -> Examination:
        examination = self._examiner.examine(image_bytes)
        seen = [each.bits for each in examination.fingerprints if each.hasher == HASHER]
        if seen and len(self._index.search(words(seen), THRESHOLD)[0]):
            self._found = self._now()
        return examination

    def found(self) -> datetime | None:
        """When it was found last; None: not yet."""
        return self._found


def _png(picture: NDArray[np.uint8]) -> bytes:
    """Written by hand (RFC 2083): pictures are opened by the matcher's child process alone, and this one needs nothing of it."""
    height, width, _ = picture.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, width * 3)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits a channel, red, green, blue
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*parts, strict=True)))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
