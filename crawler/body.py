"""Reads the body of one answer: bounded in bytes after unpacking, in slowness, and by what it turns out to be."""

import asyncio
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from aiohttp import ClientResponse

from core.model import State
from crawler.scope import Wanted
from crawler.sniff import SNIFF_BYTES, Form, Kind, form_of

PIECE = 64 * 1024  # bytes unpacked at once
SLOW_START_S = 5.0  # nothing is called too slow before
GZIP_MAGIC = b"\x1f\x8b"
BEFORE_XML = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space
GZIP = frozenset(("gzip", "x-gzip"))
NEVER_ASKED_FOR = frozenset(("br", "zstd", "deflate", "compress", "dcb", "dcz"))  # any other word here means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """
    max_bytes         of what is no video
    max_video_bytes   of a video; None: no more than of anything else
    no_videos         why no video is read further than to tell that it is one; None: they are read
    cut               keep what fits, instead of refusing a body that does not
    """

    max_bytes: int
    min_bytes_per_s: float
    cut: bool
    max_video_bytes: int | None = None
    no_videos: str | None = None

    def most(self, form: Form) -> int:
        if form.kind is Kind.VIDEO and self.max_video_bytes is not None:
            return self.max_video_bytes
        return self.max_bytes

    @property
    def most_of_any(self) -> int:
        return max(self.max_bytes, self.max_video_bytes or 0)


@dataclass(frozen=True, slots=True)
class Body:
    content: bytes
    form: Form


@dataclass(frozen=True, slots=True)
class Refused:
    state: State
    reason: str
    kind: Kind | None = None


async def read_body(
    response: ClientResponse, wanted: Wanted, limits: BodyLimits, on_video: Callable[[], None] = lambda: None
) -> Body | Refused:
    """aiohttp's own errors pass through: the body broke off, or the site fell silent.

    on_video   called once where the body turns out to be a video that is read: it may take longer
    """
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing in NEVER_ASKED_FOR or "," in packing:
        return Refused(State.UNSUPPORTED, "the body is packed in a way that was not asked for")
    intake = Intake(
        wanted,
        limits,
        _unpacking(packing, wanted),
        response.headers.get("Content-Type"),
        declared=response.content_length or 0,
    )
    if intake.declared_too_large:
        return intake.too_large()
    loop = asyncio.get_running_loop()
    started = loop.time()
    async for chunk in response.content.iter_any():
        known = intake.form is not None
        outcome = intake.take(chunk, elapsed_s=loop.time() - started)
        if outcome is not None:
            return outcome
        if not known and intake.form is not None and intake.form.kind is Kind.VIDEO:
            on_video()
    return intake.end()


def _unpacking(packing: str, wanted: Wanted) -> "Unpacking":
    sent = Gzip() if packing in GZIP else Plain()
    return PackedXml(sent) if wanted is Wanted.PAGE else sent


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

    def __init__(
        self,
        wanted: Wanted,
        limits: BodyLimits,
        unpacking: Unpacking,
        content_type: str | None,
        declared: int = 0,
    ) -> None:
        """declared   bytes on the wire, as the site says; 0: it does not"""
        self.form: Form | None = None  # not known yet
        self._declared = declared
        self._wanted = wanted
        self._limits = limits
        self._unpacking = unpacking
        self._content_type = content_type
        self._pieces: list[bytes] = []  # joined once, at the end: most bodies come as a few large ones
        self._length = 0
        self._received = 0  # bytes on the wire

    def take(self, chunk: bytes, elapsed_s: float) -> Body | Refused | None:
        """None: go on."""
        self._received += len(chunk)
        known = self.form is not None
        try:
            fits = self._unpack(chunk)
        except zlib.error:
            return Refused(State.BROKEN, "the body is said to be gzip, and is not")
        unfit = None if known or self.form is None else self._unfit(self.form)
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
        if self.form is None:
            self.form = self._form_now()
            unfit = self._unfit(self.form)
            if unfit is not None:
                return unfit
        return self._body()

    def too_large(self) -> Refused:
        most, kind = (self._limits.most_of_any, None) if self.form is None else (self._most, self.form.kind)
        return Refused(State.TOO_LARGE, f"the body is larger than {most} bytes", kind)

    @property
    def declared_too_large(self) -> bool:
        most = self._limits.most_of_any if self.form is None else self._most
        return not self._limits.cut and self._declared > most

    def _unpack(self, chunk: bytes) -> bool:
        for piece in self._unpacking.pieces(chunk):
            self._pieces.append(piece)
            self._length += len(piece)
            if self.form is None and self._length >= SNIFF_BYTES:
                self.form = self._form_now()
            if self._length > self._most:
                return False
        return self._received <= self._most  # a packing may also be larger than what is in it

    @property
    def _most(self) -> int:
        return self._limits.max_bytes if self.form is None else self._limits.most(self.form)

    def _unfit(self, form: Form) -> Refused | None:
        if self._wanted is Wanted.ROBOTS:
            return None
        reason = f"the body is {form.name}"
        if self._wanted is Wanted.PART and form.kind.compared:
            return Refused(State.UNSUPPORTED, f"{reason}, which is asked for by itself", form.kind)
        if form.kind is Kind.VIDEO and self._limits.no_videos is not None:
            return Refused(State.UNSUPPORTED, self._limits.no_videos, form.kind)
        if self._wanted is Wanted.IMAGE and not form.supported:
            return Refused(State.UNSUPPORTED if form.visual else State.NOT_IMAGE, reason, form.kind)
        if self._wanted is Wanted.PAGE and form.kind is Kind.OTHER:
            return Refused(State.UNSUPPORTED, f"{reason}, neither a page nor a picture", form.kind)
        return self.too_large() if self._length > self._most or self.declared_too_large else None

    def _body(self) -> Body:
        content = b"".join(self._pieces)
        if len(content) > self._most:
            content = content[: self._most]
        return Body(content, self.form or self._form_now())

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


class PackedXml:
    """A site map may be a gzip file (https://www.sitemaps.org/protocol.html): it is unpacked once more. Any other archive stays one."""

    def __init__(self, sent: Unpacking) -> None:
        self._sent = sent
        self._way: Unpacking | None = None  # not known yet
        self._held = b""  # until it is

    @property
    def complete(self) -> bool:
        return self._sent.complete and (not self._held if self._way is None else self._way.complete)

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        for piece in self._sent.pieces(chunk):
            if self._way is None:
                self._held += piece
                self._way = _packed_xml(self._held)
                if self._way is None:
                    continue
                piece, self._held = self._held, b""
            yield from self._way.pieces(piece)


def _packed_xml(head: bytes) -> Unpacking | None:
    """How to go on from here; None: more has to be known."""
    if not head.startswith(GZIP_MAGIC):
        return None if GZIP_MAGIC.startswith(head) else Plain()
    try:
        text = zlib.decompressobj(wbits=31).decompress(head, SNIFF_BYTES).lstrip(BEFORE_XML)
    except zlib.error:
        return Plain()
    if not text:
        return None if len(head) < PIECE else Plain()
    return Gzip() if text.startswith(b"<") else Plain()
