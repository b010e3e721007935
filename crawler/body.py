"""Reads the body of one answer: bounded in bytes after unpacking, in slowness, and by what it turns out to be."""

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from aiohttp import ClientResponse

from core.model import State
from crawler.scope import Wanted
from crawler.sniff import SNIFF_BYTES, Form, Kind, form_of

PIECE = 64 * 1024  # bytes unpacked at once
SLOW_START_S = 5.0  # nothing is called too slow before
GZIP_MAGIC = b"\x1f\x8b"
GZIP = frozenset(("gzip", "x-gzip"))
NEVER_ASKED_FOR = frozenset(("br", "zstd", "deflate", "compress", "dcb", "dcz"))  # any other word here means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    max_bytes: int
    min_bytes_per_s: float
    cut: bool  # keep what fits, instead of refusing a body that does not


@dataclass(frozen=True, slots=True)
class Body:
    content: bytes
    form: Form


@dataclass(frozen=True, slots=True)
class Refused:
    state: State
    reason: str
    kind: Kind | None = None


async def read_body(response: ClientResponse, wanted: Wanted, limits: BodyLimits) -> Body | Refused:
    """aiohttp's own errors pass through: the body broke off, or the site fell silent."""
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing in NEVER_ASKED_FOR or "," in packing:
        return Refused(State.UNSUPPORTED, "the body is packed in a way that was not asked for")
    intake = Intake(wanted, limits, Gzip() if packing in GZIP else Plain(), response.headers.get("Content-Type"))
    if not limits.cut and (response.content_length or 0) > limits.max_bytes:
        return intake.too_large()
    loop = asyncio.get_running_loop()
    started = loop.time()
    async for chunk in response.content.iter_any():
        outcome = intake.take(chunk, elapsed_s=loop.time() - started)
        if outcome is not None:
            return outcome
    return intake.end()


class Unpacking(Protocol):
    @property
    def complete(self) -> bool:
        """What has been taken in is whole."""
        ...

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What the chunk unpacks to, so much at a time that the taker can stop in between. Raises zlib.error."""
        ...


class Intake:
    """What has come of one body so far."""

    def __init__(self, wanted: Wanted, limits: BodyLimits, unpacking: Unpacking, content_type: str | None) -> None:
        self._wanted = wanted
        self._limits = limits
        self._unpacking = unpacking
        self._content_type = content_type
        self._pieces: list[bytes] = []  # joined once, at the end: most bodies come as a few large ones
        self._length = 0
        self._received = 0  # bytes on the wire
        self._form: Form | None = None

    def take(self, chunk: bytes, elapsed_s: float) -> Body | Refused | None:
        """None: go on."""
        self._received += len(chunk)
        try:
            fits = self._unpack(chunk)
        except zlib.error:
            return Refused(State.BROKEN, "the body is said to be gzip, and is not")
        if self._form is None and self._length >= SNIFF_BYTES:
            unfit = self._recognise()
            if unfit is not None:
                return unfit
        if not fits:
            return self._body() if self._limits.cut else self.too_large()
        if elapsed_s > SLOW_START_S and self._received < elapsed_s * self._limits.min_bytes_per_s:
            return Refused(
                State.TIMEOUT, f"the body came in slower than {self._limits.min_bytes_per_s:g} bytes a second"
            )
        return None

    def end(self) -> Body | Refused:
        if not self._unpacking.complete:
            return Refused(State.TRUNCATED, "the packed body ends before it is complete")
        unfit = self._recognise() if self._form is None else None
        return unfit or self._body()

    def too_large(self) -> Refused:
        return Refused(State.TOO_LARGE, f"the body is larger than {self._limits.max_bytes} bytes")

    def _unpack(self, chunk: bytes) -> bool:
        for piece in self._unpacking.pieces(chunk):
            self._pieces.append(piece)
            self._length += len(piece)
            if self._length > self._limits.max_bytes:
                return False
        return self._received <= self._limits.max_bytes  # a packing may also be larger than what is in it

    def _recognise(self) -> Refused | None:
        self._form = self._form_now()
        reason = f"the body is {self._form.name}"
        if self._wanted is Wanted.IMAGE and not self._form.supported:
            return Refused(State.UNSUPPORTED if self._form.visual else State.NOT_IMAGE, reason, self._form.kind)
        if self._wanted is Wanted.PAGE and self._form.kind is Kind.OTHER:
            return Refused(State.UNSUPPORTED, f"{reason}, neither a page nor a picture", self._form.kind)
        return None

    def _body(self) -> Body:
        content = b"".join(self._pieces)
        if len(content) > self._limits.max_bytes:
            content = content[: self._limits.max_bytes]
        return Body(content, self._form or self._form_now())

    def _form_now(self) -> Form:
        head, length = [], 0
        for piece in self._pieces:
            head.append(piece[:SNIFF_BYTES])
            length += len(head[-1])
            if length >= SNIFF_BYTES:
                break
        return form_of(b"".join(head), self._content_type)


class Plain:
    complete = True

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk


class Gzip:
    """One or more gzip members; whatever follows them is ignored, as browsers do."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False
        self._after_the_last = False

    @property
    def complete(self) -> bool:
        return self._member.eof or not self._begun

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        while chunk and not self._after_the_last:
            self._begun = True
            piece = self._member.decompress(chunk, PIECE)
            if piece:
                yield piece
            chunk = self._member.unconsumed_tail
            if self._member.eof:
                chunk = self._next_member(self._member.unused_data)

    def _next_member(self, rest: bytes) -> bytes:
        if rest.startswith(GZIP_MAGIC):
            self._member = zlib.decompressobj(wbits=31)
            return rest
        self._after_the_last = not GZIP_MAGIC.startswith(rest)  # else the next piece may make it one
        return b""
