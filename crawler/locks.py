"""Locks that end with the process that holds them, however it ends: no timeout, nothing to clean up by hand."""

import contextlib
import fcntl
import os
import weakref
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An flock on a file that carries the holder's process id. A context manager; not to be entered twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self, *, wait: bool) -> bool:
        """False when another holds it and `wait` is false."""
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                # Whoever found a dead holder's lock removes the file: a lock on a removed file is seen by nobody.
                if _same_file(fd, self.path):
                    break
            except BlockingIOError:
                os.close(fd)
                return False
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd
        # An flock belongs to the open file, which a forked child shares: without this it would outlive us in that child.
        os.register_at_fork(after_in_child=partial(_drop, weakref.ref(self)))
        return True

    def release(self, *, remove: bool = False) -> None:
        if self._fd is None:
            return
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None

    def __enter__(self) -> Self:
        self.take(wait=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def held_by(path: Path) -> int | None:
    """The process that holds the lock at this path, or None when nobody does."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(fd, 32) or b"0")  # 0: taken this very moment, its number not written yet
    finally:
        os.close(fd)
    return None


def sweep(folder: Path, pattern: str) -> None:
    """Removes the lock files that nobody holds any more."""
    for path in folder.glob(pattern):
        lock = FileLock(path)
        if lock.take(wait=False):
            lock.release(remove=True)


def _same_file(fd: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        there, ours = path.stat(), os.fstat(fd)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
    return False


def _drop(lock: "weakref.ref[FileLock]") -> None:
    held = lock()
    if held is not None:
        held.release()
