"""The log of one worker for one site: records, each with its length and CRC-32, only ever appended.

    record = "\\xa5SW1" │ length of the body │ CRC-32 of length and body │ body
    body   = seen at (µs) │ key (see known.py) │ number of fingerprints │ JSON
    JSON   = [page URL, image URL, SHA-256, [[hasher, view, quality, bits] …]]

The first record names the site instead. One write() a batch: a killed process leaves a torn last record at most, which is cut off by
whoever reads. A worker holds an flock on its log: a log that nobody holds was left by a worker that ended.
"""

import errno
import fcntl
import json
import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from core.errors import StoreUnavailable
from core.model import Fingerprint, ImageSighting, SeenPicture
from stores.seen.naming import LOG, micros, moment

MAGIC = b"\xa5SW1"
FRAME = struct.Struct("<4sII")
HEAD = struct.Struct("<qQH")
LONGEST = 16 * 2**20  # no record is: a length beyond it is damage


class Record(NamedTuple):
    """One picture, its text not parsed yet."""

    seen_us: int
    key: int
    fingerprints: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    site: str
    began_us: int
    records: Sequence[Record] = field(repr=False)
    whole: int  # bytes up to the end of the last whole record
    lost: int  # bytes that are no record any more, with whole records behind them: damage, and no torn end

    @property
    def fingerprints(self) -> int:
        return sum(record.fingerprints for record in self.records)

    @property
    def oldest_us(self) -> int:
        return min((record.seen_us for record in self.records), default=self.began_us)

    @property
    def newest_us(self) -> int:
        return max((record.seen_us for record in self.records), default=self.began_us)


def framed(body: bytes) -> bytes:
    return FRAME.pack(MAGIC, len(body), _checksum(len(body), body)) + body


def record_of(picture: SeenPicture, key: int) -> bytes:
    where = picture.sighting
    prints = [[each.hasher, each.view, each.quality, each.bits] for each in picture.fingerprints]
    text = json.dumps([where.page_url, where.image_url, picture.sha256, prints], separators=(",", ":"))
    return framed(HEAD.pack(micros(where.seen_at), key, len(prints)) + text.encode())


def picture_of(record: Record, site: str) -> SeenPicture:
    page_url, image_url, sha256, prints = json.loads(record.text)
    return SeenPicture(
        sighting=ImageSighting(site=site, page_url=page_url, image_url=image_url, seen_at=moment(record.seen_us)),
        sha256=sha256,
        fingerprints=tuple(
            Fingerprint(hasher=hasher, view=view, quality=quality, bits=bits) for hasher, view, quality, bits in prints
        ),
    )


def read(data: bytes) -> Contents | None:
    """What stands in a log, without its torn end; None where not even the site's name was written."""
    whole, lost, records = 0, 0, []
    site: str | None = None
    began_us = 0
    for start, end in _frames(data):
        seen_us, key, fingerprints = HEAD.unpack_from(data, start + FRAME.size)
        text = data[start + FRAME.size + HEAD.size : end]
        lost += start - whole
        whole = end
        if site is None:
            if start or fingerprints:  # the first record is gone, and with it the site's name
                return Contents("", seen_us, (), whole, max(lost, 1))
            site, began_us = text.decode(), seen_us
        else:
            records.append(Record(seen_us, key, fingerprints, text))
    return None if site is None else Contents(site, began_us, records, whole, lost)


def read_file(path: Path) -> Contents | None:
    """None when it is not there either: sealed or erased meanwhile."""
    try:
        return read(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read ({error.strerror}); check the folder and its owner") from error


def _frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each whole record; what lies between two of them is damage."""
    start = 0
    while 0 <= start < len(data):
        end = _end(data, start)
        if end:
            yield start, end
            start = end
        else:
            start = data.find(MAGIC, start + 1)


def _end(data: bytes, start: int) -> int:
    """Where the record that begins here ends; 0 when none does."""
    if len(data) - start < FRAME.size + HEAD.size:
        return 0
    magic, length, checksum = FRAME.unpack_from(data, start)
    end = start + FRAME.size + int(length)
    if magic != MAGIC or not HEAD.size <= length <= LONGEST or end > len(data):
        return 0
    return end if _checksum(length, data[start + FRAME.size : end]) == checksum else 0


def _checksum(length: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(length.to_bytes(4, "little")))


class Log:
    """A log held by this process. Not for several threads at once."""

    def __init__(self, path: Path, fd: int, contents: Contents) -> None:
        self.path = path
        self.site = contents.site
        self.began_us = contents.began_us
        self.fingerprints = contents.fingerprints
        self._fd = fd
        self._size = contents.whole
        self._dirty = True

    @classmethod
    def begin(cls, folder: Path, site: str, now_us: int) -> Self:
        body = HEAD.pack(now_us, 0, 0) + site.encode()
        try:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(exist_ok=True, mode=0o700)
            path = folder / f"{secrets.token_hex(16)}{LOG}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritten(folder, error) from error
        fcntl.flock(fd, fcntl.LOCK_EX)
        log = cls(path, fd, Contents(site, now_us, (), 0, 0))
        try:
            log._write(framed(body))
            _sync_folder(folder)
        except BaseException:
            log.remove()
            raise
        return log

    @classmethod
    def take(cls, path: Path) -> "tuple[Self, Contents] | None":
        """Somebody else's log, when they have ended; its torn end is cut off. None while they live, and when not even its site is in it."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unwritten(path.parent, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        contents = read_file(path)
        if contents is None or os.fstat(fd).st_nlink == 0:
            # Born this moment and not yet locked by its worker, or killed before its first record: a few bytes, and nobody's picture.
            os.close(fd)
            return None
        log = cls(path, fd, contents)
        log._cut()
        return log, contents

    @property
    def token(self) -> str:
        return self.path.name.removesuffix(LOG)

    @property
    def erased(self) -> bool:
        """The site's folder was removed while we write: what is written from now on vanishes with us."""
        return os.fstat(self._fd).st_nlink == 0

    def append(self, records: Sequence[bytes], fingerprints: int) -> None:
        """All of them or none."""
        self._write(b"".join(records))
        self.fingerprints += fingerprints

    def sync(self) -> None:
        if self._dirty:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                raise _unwritten(self.path.parent, error) from error
            self._dirty = False

    def contents(self) -> Contents:
        contents = read_file(self.path)
        return contents if contents is not None else Contents(self.site, self.began_us, (), self._size, 0)

    def close(self) -> None:
        """Lets go of it: whoever comes next takes it up."""
        os.close(self._fd)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> None:
        """Out of the way, for somebody to look at: it was damaged."""
        self.path.rename(self.path.with_suffix(".damaged"))
        self.close()

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            if written != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._cut()
            raise _unwritten(self.path.parent, error) from error
        self._size += written
        self._dirty = True

    def _cut(self) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError as error:
            raise _unwritten(self.path.parent, error) from error


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unwritten(folder: Path, error: OSError) -> StoreUnavailable:
    reason = error.strerror or type(error).__name__
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    cure = "make room on that disk" if full else "check the folder and its owner"
    return StoreUnavailable(f"{folder}: what was seen could not be written ({reason}); the cure: {cure}")
