"""Segments in files, so that a start maps them instead of reading everybody from the database.

    <folder>/manifest                      one line of JSON, one of its checksum: the version, and the segments that make it up
    <folder>/<hasher>/<token>.segment      written once: a header, then arrays at multiples of 64 bytes, little-endian
    <folder>/lock                          held by whoever writes

The manifest's segments together are everything that is enrolled at its version. A segment is written under another name, synced and
renamed before the manifest names it; what no manifest names is cleared away by the next writer. So a kill at any moment leaves the old
manifest whole or the new one. Only hashes, thresholds and entry numbers are in there, and only the owner may read them.
"""

import fcntl
import json
import mmap
import os
import secrets
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.hashers import HASHERS
from matcher.index import HashIndex, WrongHashes
from matcher.segments import Rows, Segment, Shelf

FORMAT: Final = 1
MAGIC: Final = b"SWINDEX1"
ALIGNED: Final = 64
_HEAD: Final = struct.Struct("<8sII")  # magic, length of the header, its CRC-32
_DTYPES: Final = {name: np.dtype(name) for name in ("<u8", "<u4", "<u2", "<i8", "<i2")}
_CHUNK: Final = 4 * 2**20  # checked at once: a check in the background is to leave the processor to others
_TRIES: Final = (
    5  # a writer may clear a segment away between the reading of a manifest and the opening of what it names
)


class Damaged(Exception):
    """A file is not what was written, and is named. Everything in it can be had from the database again."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Everything that was enrolled at one version, in segments.

    token    of the manifest that says so; empty where there is none
    floor    no manifest of an older version may take its place: it would bring back what was purged
    """

    version: int = 0
    segments: tuple[Segment, ...] = field(default=(), repr=False)
    token: str = ""
    floor: int = 0
    files: Mapping[str, Segment] = field(default_factory=dict, repr=False)  # by name


class IndexFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writing(self, wait_s: float = 0.0) -> Iterator[bool]:
        """At most one process at a time; False when another is at it and does not end within `wait_s`."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _locked(held, wait_s)
        finally:
            os.close(held)  # lets go of the lock, as does being killed

    # ---------------------------------------------------------------------------------------------------------- reading

    def open(self) -> Base | None:
        """The newest base, mapped; None when there is none yet. Looks at the structure, not at each byte: see `check`.

        Raises Damaged, which names the file.
        """
        for left in reversed(range(_TRIES)):
            try:
                text = (self.path / "manifest").read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                raise Damaged(f"{self.path / 'manifest'} cannot be read ({error.strerror})") from error
            try:
                return self._opened(text)
            except FileNotFoundError as error:
                if not left:
                    raise Damaged(f"{error.filename} is missing") from error
        return None

    def _opened(self, manifest: bytes) -> Base:
        try:
            line, checksum = manifest.splitlines()
            if int(checksum, 16) != zlib.crc32(line):
                raise ValueError("its checksum does not fit")
            said = json.loads(line)
            if said["format"] != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            files = {
                str(each["file"]): self._segment(str(each["file"]), int(each["header"])) for each in said["segments"]
            }
            return Base(
                version=int(said["version"]),
                segments=tuple(files.values()),
                token=str(said["token"]),
                floor=int(said["floor"]),
                files=files,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{self.path / 'manifest'} is damaged ({error})") from error

    def _segment(self, name: str, header_crc: int) -> Segment:
        path = self._path(name)
        try:
            mapped = _map(path)
            header, start = _header(mapped)
            if zlib.crc32(header) != header_crc:
                raise ValueError("another file has taken its place")
            said = json.loads(header)
            parts = _parts(mapped, said["parts"], start)
            return _assembled(Shelf(str(said["hasher"]), int(said["reach"])), int(said["radius"]), parts)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Damaged(f"{path} cannot be read ({error.strerror})") from error
        except (WrongHashes, ValueError, KeyError, TypeError, IndexError, struct.error) as error:
            raise Damaged(f"{path} is damaged ({error})") from error

    def _path(self, name: str) -> Path:
        hasher, _, file = name.partition("/")
        if hasher not in HASHERS or Path(file).name != file or not file.endswith(".segment"):
            raise ValueError("it names a file that is none of ours")
        return self.path / hasher / file

    def check(self, base: Base, go_on: Callable[[], bool] = lambda: True) -> None:
        """Every byte against its checksum. Raises Damaged. Files that were cleared away meanwhile are not looked at.

        go_on   asked every 4 MiB; when it says no, the rest stays unchecked
        """
        for name in base.files:
            path = self._path(name)
            try:
                mapped = _map(path)
                header, start = _header(mapped)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, struct.error) as error:
                raise Damaged(f"{path} cannot be read ({error})") from error
            for part in json.loads(header)["parts"]:
                crc, at, end = 0, start + int(part["at"]), start + int(part["at"]) + int(part["bytes"])
                while at < end:
                    if not go_on():
                        return
                    crc = zlib.crc32(mapped[at : min(at + _CHUNK, end)], crc)
                    at += _CHUNK
                if crc != int(part["crc"]):
                    raise Damaged(f"{path} is damaged (the checksum of {part['name']!r} does not fit)")

    # ---------------------------------------------------------------------------------------------------------- writing

    def write(self, version: int, segments: Sequence[Segment], *, floor: int = 0, known: Base | None = None) -> Base:
        """Under `writing` only. Makes these segments the newest base and clears away what is not part of it.

        known   the base whose files may be kept as they are; None: none of those that are there are to be trusted
        """
        there = {id(segment): name for name, segment in known.files.items()} if known is not None else {}
        names = [there.get(id(segment)) or self._write_segment(segment) for segment in segments]
        lines = []
        for name in names:
            header, _ = _header(_map(self._path(name)))
            lines.append({"file": name, "header": zlib.crc32(header)})
        token = secrets.token_hex(8)
        said = {"format": FORMAT, "version": version, "floor": floor, "token": token, "segments": lines}
        line = json.dumps(said, separators=(",", ":")).encode()
        _write_whole(self.path / "manifest", [line, b"\n", b"%08x" % zlib.crc32(line), b"\n"])
        self._clear({self._path(name) for name in names})
        base = self.open()
        assert base is not None  # the lock is ours
        return base

    def _write_segment(self, segment: Segment) -> str:
        arrays: dict[str, NDArray[np.generic]] = {
            "entries": segment.rows.entries,
            "thresholds": segment.rows.thresholds,
            "bits": segment.rows.bits,
        }
        arrays |= {f"index/{name}": part for name, part in segment.index.parts().items()}
        parts = []
        pieces: list[bytes | memoryview] = []
        at = 0
        for name, array in arrays.items():
            raw = np.ascontiguousarray(array).data.cast("B") if array.size else memoryview(b"")
            part = {"name": name, "dtype": array.dtype.str, "shape": array.shape, "at": at, "bytes": len(raw)}
            parts.append(part | {"crc": zlib.crc32(raw)})
            pieces += [raw, bytes(-len(raw) % ALIGNED)]
            at += len(raw) + -len(raw) % ALIGNED
        said = {"hasher": segment.shelf.hasher, "reach": segment.shelf.reach, "radius": segment.radius, "parts": parts}
        header = json.dumps(said, separators=(",", ":")).encode()
        head = _HEAD.pack(MAGIC, len(header), zlib.crc32(header)) + header
        name = f"{segment.shelf.hasher}/{secrets.token_hex(8)}.segment"
        path = self._path(name)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        _write_whole(path, [head, bytes(-len(head) % ALIGNED), *pieces])
        return name

    def _clear(self, keep: set[Path]) -> None:
        for pattern in ("manifest.*", "*/*.segment*"):
            for path in self.path.glob(pattern):
                if path not in keep:
                    path.unlink(missing_ok=True)  # whoever has it mapped keeps it until they let go


def _locked(held: int, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


def _write_whole(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """There whole under its name, and on the disk, or not at all."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _map(path: Path) -> mmap.mmap:
    """Raises ValueError for an empty file."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _header(mapped: mmap.mmap) -> tuple[bytes, int]:
    """The header, and where the arrays begin."""
    magic, length, crc = _HEAD.unpack(mapped[: _HEAD.size])
    header = mapped[_HEAD.size : _HEAD.size + length]
    if magic != MAGIC or len(header) != length or zlib.crc32(header) != crc:
        raise ValueError("its header is none of ours")
    end = _HEAD.size + length
    return header, end + -end % ALIGNED


def _parts(mapped: mmap.mmap, said: Sequence[Mapping[str, object]], start: int) -> dict[str, NDArray[np.generic]]:
    parts: dict[str, NDArray[np.generic]] = {}
    end = start
    for part in said:
        shape = part["shape"]
        if not isinstance(shape, list) or not all(isinstance(side, int) and side >= 0 for side in shape):
            raise ValueError("an array has no shape")
        dtype = _DTYPES[str(part["dtype"])]
        at, count = start + int(str(part["at"])), int(np.prod(shape, dtype=object))
        if (
            at < start
            or at % ALIGNED
            or at + count * dtype.itemsize > len(mapped)
            or int(str(part["bytes"])) != count * dtype.itemsize
        ):
            raise ValueError("an array lies outside of it")
        parts[str(part["name"])] = np.frombuffer(mapped, dtype, count, at).reshape(shape)
        end = max(end, at + count * dtype.itemsize)
    if len(mapped) != end + -end % ALIGNED:
        raise ValueError("it is longer than what it holds")
    return parts


def _assembled(shelf: Shelf, radius: int, parts: Mapping[str, NDArray[np.generic]]) -> Segment:
    """What is checked here keeps a search inside of the arrays, whatever the bytes in them are."""
    entries, thresholds, bits = parts["entries"], parts["thresholds"], parts["bits"]
    count, hasher = len(entries), HASHERS[shelf.hasher]
    if (
        (entries.dtype, thresholds.dtype, bits.dtype) != (np.dtype("<i8"), np.dtype("<i2"), np.dtype("<u8"))
        or count == 0
        or entries.shape != (count,)
        or thresholds.shape != (count,)
        or bits.shape != (count, hasher.word_count)
        or not 0 <= radius <= hasher.bit_count
    ):
        raise ValueError("its columns do not fit together")
    rows = Rows(
        entries.astype(np.int64, copy=False),
        thresholds.astype(np.int16, copy=False),
        bits.astype(np.uint64, copy=False),
    )
    if np.any(rows.entries[1:] <= rows.entries[:-1]):
        raise ValueError("its entries are in no order")
    index = HashIndex.of_parts(
        {name.removeprefix("index/"): part for name, part in parts.items() if name.startswith("index/")}, radius
    )
    if len(index) != count:
        raise ValueError("its index is of other rows")
    return Segment(shelf, rows, radius, index)
