"""A sealed segment: one file that never changes, laid out to be mapped.

    "SWSEEN1\\n" │ length and CRC-32 of the header │ header (JSON) │ parts, each beginning at a multiple of 64 bytes

    HASHER/rows      each hash as little-endian 64-bit words, the most significant word first
    HASHER/slices    the same turned into bit planes, where a layout is known for the hasher
    HASHER/origins   for each row: number of its picture, number of its view in the header, quality
    known            keys, sorted; then, in their order, when each was seen (known.py)
    places           where each picture was seen, 256 pictures a compressed block
    places/index     where each block begins, its length and its CRC-32

All numbers are little-endian, and read as they lie there: this runs on little-endian machines only. Each part has its CRC-32 in the
header. What is read whole (slices, origins, known, blocks of places) is checked whenever it is read; rows are read here and there by a
scan, so they are checked when they arrive from elsewhere and by `doctor`.
"""

import json
import struct
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from core.model import Fingerprint, ImageSighting, SeenBlock, SeenPlace
from stores.seen.damage import Damaged
from stores.seen.known import KeptKeys
from stores.seen.log import Contents, Record
from stores.seen.naming import SealedFile, moment
from stores.seen.shelf import Shelf

MAGIC = b"SWSEEN1\n"
PREFIX = struct.Struct("<8sII")
ORIGIN = struct.Struct("<IHBx")
BLOCK = struct.Struct("<QII")
ALIGNED = 64  # bytes: a cache line, and the widest register
PLACES_A_BLOCK = 256
FIRST_READ = 4096  # holds most headers: an object store is asked once
LONGEST_HEADER = 16 * 2**20  # it names every view there is: a length beyond is damage

Layout = Callable[[bytes], bytes]  # rows → bit planes


class Part(NamedTuple):
    offset: int  # from the end of the header
    length: int
    checksum: int


# -------------------------------------------------------------------------------------------------------------- writing


def sealed_file(contents: Contents, folder: str, token: str) -> SealedFile:
    return SealedFile(folder, token, contents.fingerprints, contents.oldest_us, contents.newest_us)


def layout(contents: Contents, layouts: Mapping[str, Layout]) -> Iterator[bytes]:
    """The file, piece by piece. Rows stand in the order of the log: a row's number holds from its first writing on."""
    gathered = _Gathered()
    for number, record in enumerate(contents.records):
        gathered.take(number, record)
    known = _known({record.key: record.seen_us for record in contents.records})
    parts = gathered.parts(layouts, known)
    table, offset = {}, 0
    for name, data in parts.items():
        table[name] = Part(offset, len(data), zlib.crc32(data))
        offset += _padded(len(data))
    header = {
        "site": contents.site,
        "pictures": len(contents.records),
        "views": list(gathered.views),
        "blocks": [[hasher, width * 4, len(hashes)] for (hasher, width), hashes in gathered.hashes.items()],
        "parts": table,
    }
    text = json.dumps(header).encode()
    text += b" " * (_padded(PREFIX.size + len(text)) - PREFIX.size - len(text))
    yield PREFIX.pack(MAGIC, len(text), zlib.crc32(text)) + text
    for data in parts.values():
        yield bytes(data) + bytes(_padded(len(data)) - len(data))


class _Gathered:
    """A log's pictures, sorted into what becomes parts."""

    def __init__(self) -> None:
        self.hashes: dict[tuple[str, int], list[str]] = {}  # by hasher and digits
        self.views: dict[str, int] = {}
        self._origins: dict[str, bytearray] = {}
        self._places = bytearray()
        self._index = bytearray()
        self._block: list[list[object]] = []

    def take(self, number: int, record: Record) -> None:
        """Works on the record's bare text: a log of 100,000 is laid out while its worker waits."""
        page_url, image_url, sha256, prints = json.loads(record.text)
        for hasher, view, quality, bits in prints:
            self.hashes.setdefault((hasher, len(bits)), []).append(bits)
            self._origins.setdefault(hasher, bytearray()).extend(
                ORIGIN.pack(number, self.views.setdefault(view, len(self.views)), quality)
            )
        self._block.append([page_url, image_url, sha256, record.seen_us])
        if len(self._block) == PLACES_A_BLOCK:
            self._end_block()

    def parts(self, layouts: Mapping[str, Layout], known: bytes) -> dict[str, bytes | bytearray]:
        self._end_block()
        rows = {hasher: rows_of(hashes) for (hasher, _), hashes in self.hashes.items()}
        parts: dict[str, bytes | bytearray] = {}
        for hasher, data in rows.items():
            if hasher in layouts:
                parts[f"{hasher}/slices"] = layouts[hasher](data)
        for hasher, data in rows.items():
            parts[f"{hasher}/rows"] = data
            parts[f"{hasher}/origins"] = self._origins[hasher]
        return parts | {"known": known, "places": self._places, "places/index": self._index}

    def _end_block(self) -> None:
        if self._block:
            packed = zlib.compress(json.dumps(self._block, separators=(",", ":")).encode())
            self._index += BLOCK.pack(len(self._places), len(packed), zlib.crc32(packed))
            self._places += packed
            self._block = []


def rows_of(hashes: Iterable[str]) -> bytes:
    """Hex, as in Fingerprints → little-endian words, the most significant first."""
    words = array("Q", bytes.fromhex("".join(hashes)))
    words.byteswap()
    return words.tobytes()


def bits_of(row: bytes) -> str:
    return "".join(row[at : at + 8][::-1].hex() for at in range(0, len(row), 8))


def _known(seen_us: Mapping[int, int]) -> bytes:
    keys = sorted(seen_us)
    return array("Q", keys).tobytes() + array("q", map(seen_us.__getitem__, keys)).tobytes()


def _padded(length: int) -> int:
    return -(-length // ALIGNED) * ALIGNED


# -------------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class Segment:
    """A sealed segment on a shelf. Its buffers stay readable after it was erased; nothing is read before it is asked for.

    Raises FileNotFoundError where it is gone, Damaged where it is not as it was written.
    """

    file: SealedFile
    shelf: Shelf = field(repr=False)

    @property
    def site(self) -> str:
        return str(self._header["site"])

    def blocks(self) -> Sequence[SeenBlock]:
        return [self._seen_block(*block) for block in self._header["blocks"]]

    def known(self) -> KeptKeys:
        words = self._part("known")
        half = len(words) // 2
        return KeptKeys(self.file.newest_us, words[:half].cast("Q"), words[half:].cast("q"))

    def places(self, hasher: str, rows: Sequence[int]) -> Sequence[SeenPlace]:
        width = next((bits // 8 for kind, bits, _ in self._header["blocks"] if kind == hasher), None)
        if width is None:
            return ()
        hashes = self._part(f"{hasher}/rows", check=False)
        origins = self._part(f"{hasher}/origins")
        found = []
        for row in rows:
            picture, view, quality = ORIGIN.unpack_from(origins, row * ORIGIN.size)
            found.append(self._place(picture, hasher, view, quality, bytes(hashes[row * width : (row + 1) * width])))
        return found

    def check(self) -> None:
        """Reads everything; of what is far away, its beginning and its end. Raises Damaged."""
        if not self.shelf.near:
            self._part("places/index")
            return
        for name in self._parts:
            self._part(name)
        for block in range(len(self._part("places/index")) // BLOCK.size):
            self._packed(block)

    # --------------------------------------------------------------------------------------------------------- within

    def _seen_block(self, hasher: str, bits: int, count: int) -> SeenBlock:
        sliced = f"{hasher}/slices" in self._parts
        return SeenBlock(
            hasher=hasher,
            bits=bits,
            count=count,
            rows=self._part(f"{hasher}/rows", check=not sliced),
            slices=self._part(f"{hasher}/slices") if sliced else None,
        )

    def _place(self, picture: int, hasher: str, view: int, quality: int, row: bytes) -> SeenPlace:
        page_url, image_url, sha256, seen_us = self._block(picture // PLACES_A_BLOCK)[picture % PLACES_A_BLOCK]
        return SeenPlace(
            sighting=ImageSighting(site=self.site, page_url=page_url, image_url=image_url, seen_at=moment(seen_us)),
            sha256=sha256,
            fingerprint=Fingerprint(
                hasher=hasher, view=self._header["views"][view], quality=quality, bits=bits_of(row)
            ),
        )

    def _block(self, number: int) -> list[Any]:
        if number not in self._blocks:
            self._blocks[number] = json.loads(zlib.decompress(self._packed(number)))
        return self._blocks[number]

    def _packed(self, number: int) -> memoryview:
        start, length, checksum = BLOCK.unpack_from(self._part("places/index"), number * BLOCK.size)
        packed = self.shelf.piece(self.file, self._start + self._parts["places"].offset + start, length, checksum)
        if zlib.crc32(packed) != checksum:
            raise Damaged(self._where, f"block {number} of its places")
        return packed

    def _part(self, name: str, *, check: bool = True) -> memoryview:
        if name not in self._read:
            part = self._parts[name]
            self._read[name] = self.shelf.piece(
                self.file, self._start + part.offset, part.length, part.checksum, whole=check
            )
            if len(self._read[name]) != part.length:
                raise Damaged(self._where, f"it ends before its {name}")
        if check and name not in self._checked:
            if zlib.crc32(self._read[name]) != self._parts[name].checksum:
                raise Damaged(self._where, f"its {name} are not what was written")
            self._checked.add(name)
        return self._read[name]

    @property
    def _where(self) -> str:
        return f"segment {self.file.segment} in {self.shelf.place}"

    @cached_property
    def _head(self) -> tuple[dict[str, Any], int]:
        """The header, and where it ends."""
        start = self.shelf.piece(self.file, 0, FIRST_READ, None)
        if len(start) >= PREFIX.size:
            magic, length, checksum = PREFIX.unpack_from(start)
            if magic == MAGIC and length < LONGEST_HEADER:
                end = PREFIX.size + length
                text = (start if end <= len(start) else self.shelf.piece(self.file, 0, end, None))[PREFIX.size : end]
                if zlib.crc32(text) == checksum:
                    return json.loads(bytes(text)), end
        raise Damaged(self._where, "its header is not what was written")

    @property
    def _header(self) -> dict[str, Any]:
        return self._head[0]

    @property
    def _start(self) -> int:
        return self._head[1]

    @cached_property
    def _parts(self) -> dict[str, Part]:
        return {name: Part(*part) for name, part in self._header["parts"].items()}

    @cached_property
    def _read(self) -> dict[str, memoryview]:
        return {}

    @cached_property
    def _checked(self) -> set[str]:
        return set()

    @cached_property
    def _blocks(self) -> dict[int, list[Any]]:
        return {}
