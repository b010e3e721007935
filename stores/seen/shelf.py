"""Where sealed segments lie: a local folder, which is mapped, or anything that fsspec speaks to, read through a cache."""

import contextlib
import mmap
import os
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import fsspec

from core.errors import ConfigError, StillwatchError, StoreUnavailable
from stores.seen.damage import Damaged
from stores.seen.naming import SealedFile

CACHE_BYTES = 4 * 2**30  # of segments fetched from elsewhere


class Shelf(Protocol):
    """Segments as files that are written once. Raises StoreUnavailable when what is behind it does not answer."""

    place: str  # as people know it, without a secret
    near: bool  # reading all of it moves no byte over a network

    def files(self, folder: str | None = None) -> Sequence[SealedFile]:
        """All, or those of one site's folder."""
        ...

    def put(self, file: SealedFile, pieces: Iterable[bytes]) -> None:
        """It lasts when this returns, and is seen whole or not at all."""
        ...

    def piece(
        self, file: SealedFile, start: int, length: int, checksum: int | None, *, whole: bool = False
    ) -> memoryview:
        """These bytes, or fewer where the file ends before. Stays readable whatever becomes of the file. Raises FileNotFoundError.

        whole   all of it will be read, and at once
        """
        ...

    def remove(self, files: Iterable[SealedFile]) -> None: ...

    def remove_folder(self, folder: str) -> None: ...


def shelf_at(url: str, cache: Path, cache_bytes: int = CACHE_BYTES) -> Shelf:
    """`file://…` is a local folder; every other URL is read through the cache folder."""
    if urlsplit(url).scheme == "file":
        return LocalShelf(Path(unquote(urlsplit(url).path)))
    return RemoteShelf(url, cache, cache_bytes)


class LocalShelf:
    near = True

    def __init__(self, root: Path) -> None:
        self._root = root
        self.place = str(root)

    def files(self, folder: str | None = None) -> Sequence[SealedFile]:
        with _told(self.place, "read"):
            return _sealed(self._root, folder)

    def put(self, file: SealedFile, pieces: Iterable[bytes]) -> None:
        path = self._root / file.path
        with _told(self.place, "written", gone=True):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in path.parent.glob(
                f".{path.name}.*"
            ):  # by a process that was killed while it sealed the same log
                left.unlink(missing_ok=True)
            _write_whole(path, pieces)

    def piece(
        self,
        file: SealedFile,
        start: int,
        length: int,
        checksum: int | None,  # noqa: ARG002  what lies here is checked by who reads it
        *,
        whole: bool = False,
    ) -> memoryview:
        with _told(self.place, "read"):
            return _mapped(self._root / file.path, start, length, ahead=whole)

    def remove(self, files: Iterable[SealedFile]) -> None:
        with _told(self.place, "removed"):
            for file in files:
                (self._root / file.path).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        with _told(self.place, "removed"):
            remove_tree(self._root / folder)


class RemoteShelf:
    """An object store, which shows an object only once it is whole.

    Each part of a segment is fetched when first wanted, compared with its checksum, and kept in the cache folder by the name of the
    segment; the parts used longest ago make room. Several processes may share the folder.
    """

    near = False

    def __init__(self, url: str, cache: Path, cache_bytes: int = CACHE_BYTES) -> None:
        parts = urlsplit(url)
        self.place = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        self._cache = cache
        self._cache_bytes = cache_bytes
        try:
            # Other machines write there too: a listing that was kept would be an old one.
            self._fs, self._root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"STILLWATCH_SEEN_URL: {parts.scheme}:// cannot be spoken to ({error}); install the package that it names "
                "into .venv, or use a folder: file:///path"
            ) from error

    def files(self, folder: str | None = None) -> Sequence[SealedFile]:
        root = self._root if folder is None else f"{self._root}/{folder}"
        with _told(self.place, "read"):
            try:
                self._fs.invalidate_cache()
                found = [str(path).removeprefix(self._root).strip("/") for path in self._fs.find(root)]
            except FileNotFoundError:
                found = []
        files = [file for path in found if (file := SealedFile.of(path)) is not None]
        self._drop_erased(folder, {file.segment for file in files})
        return files

    def put(self, file: SealedFile, pieces: Iterable[bytes]) -> None:
        data = b"".join(pieces)
        with _told(self.place, "written", gone=True):
            self._fs.makedirs(f"{self._root}/{file.folder}", exist_ok=True)
            self._fs.pipe_file(f"{self._root}/{file.path}", data)
            arrived = self._fs.size(f"{self._root}/{file.path}")
        if arrived != len(data):
            raise StoreUnavailable(f"{self.place}: segment {file.segment} did not arrive whole; it is tried again")

    def piece(
        self, file: SealedFile, start: int, length: int, checksum: int | None, *, whole: bool = False
    ) -> memoryview:
        if checksum is None or not length:  # the header, and what is not there
            return memoryview(self._fetch(file, start, length))
        kept = self._cache / f"{file.segment}.{start}.{length}"
        with contextlib.suppress(OSError):
            found = _mapped(kept, 0, length, ahead=whole)
            if len(found) == length:
                os.utime(kept)
                return found
        data = self._fetch(file, start, length)
        if zlib.crc32(data) != checksum:
            raise Damaged(f"segment {file.segment} in {self.place}", f"bytes {start} to {start + length}")
        with contextlib.suppress(OSError):  # full, or another process made room: it is only a cache
            self._make_room(length)
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(kept, [data])
        return memoryview(data)

    def remove(self, files: Iterable[SealedFile]) -> None:
        for file in files:
            with _told(self.place, "removed"), contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(f"{self._root}/{file.path}")
            self._forget(self._cache.glob(f"{file.segment}.*"))

    def remove_folder(self, folder: str) -> None:
        self.remove(self.files(folder))
        with _told(self.place, "removed"), contextlib.suppress(FileNotFoundError):
            self._fs.rm(f"{self._root}/{folder}", recursive=True)
        remove_tree(self._cache / folder)

    def _fetch(self, file: SealedFile, start: int, length: int) -> bytes:
        with _told(self.place, "read"):
            return bytes(self._fs.cat_file(f"{self._root}/{file.path}", start=start, end=start + length))

    def _make_room(self, length: int) -> None:
        held = []
        for path in self._cache.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                held.append((found.st_mtime_ns, found.st_size, path))
        over = sum(size for _, size, _ in held) + length - self._cache_bytes
        for _, size, path in sorted(held):
            if over <= 0:
                return
            path.unlink(missing_ok=True)
            over -= size

    def _drop_erased(self, folder: str | None, there: set[str]) -> None:
        """What another machine erased goes from here as well, as soon as somebody looks."""
        kept = self._cache.glob(f"{folder or '*'}/*")
        self._forget(path for path in kept if f"{path.parent.name}/{path.name.split('.')[0]}" not in there)

    @staticmethod
    def _forget(paths: Iterable[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Also where somebody is writing into it: what comes while it is removed goes, too."""
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
    raise StoreUnavailable(f"{folder} cannot be removed; check its owner, and remove it by hand")


def _sealed(root: Path, folder: str | None) -> list[SealedFile]:
    found = []
    try:
        folders = [folder] if folder is not None else sorted(os.listdir(root))  # noqa: PTH208  names only, and many of them
        for each in folders:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found += [file for name in os.listdir(root / each) if (file := SealedFile.of(f"{each}/{name}"))]  # noqa: PTH208
    except FileNotFoundError:
        return []
    return found


def _mapped(path: Path, start: int, length: int, *, ahead: bool) -> memoryview:
    """ahead: the disk is told at once; reading cold planes then takes half the time that it takes page by page."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if start >= size:
            return memoryview(b"")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if ahead and length:
        page = start - start % mmap.PAGESIZE
        mapped.madvise(mmap.MADV_WILLNEED, page, min(start + length, size) - page)
    return memoryview(mapped)[start : start + length]


def _write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Under another name until it is on the disk: nobody ever reads half a file."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for piece in pieces:
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


@contextmanager
def _told(place: str, what: str, *, gone: bool = False) -> Iterator[None]:
    """Whichever library answers behind the URL, its errors become ours. A file that is gone stays FileNotFoundError, unless `gone`."""
    try:
        yield
    except StillwatchError:
        raise
    except Exception as error:  # the border: fsspec's drivers each raise their own kinds
        if isinstance(error, FileNotFoundError) and not gone:
            raise
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise StoreUnavailable(
            f"{place}: what was seen could not be {what} ({reason}); the cure: check STILLWATCH_SEEN_URL, the room and the rights there"
        ) from error
