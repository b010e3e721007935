"""Messages over a pipe: a length and that many bytes. Nothing is unpickled on either side."""

import os
import select
import struct
import time
from collections.abc import Sequence
from typing import BinaryIO, Final

_LENGTH: Final = struct.Struct(">I")


class Ended(Exception):
    """The other side is gone, or says more than it may."""


class OutOfTime(Exception):
    """The deadline passed first."""


def send(stream: BinaryIO, *parts: bytes) -> None:
    """Blocks."""
    stream.write(b"".join(_framed(parts)))  # at once: the other side wakes once
    stream.flush()


def receive(stream: BinaryIO, limit: int) -> bytes:
    """Blocks. Raises Ended."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if length > limit:
        raise Ended
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise Ended
    return data


def send_by(fd: int, deadline: float, *parts: bytes) -> None:
    """As `send`, on a non-blocking descriptor, until `time.monotonic()` reaches the deadline. Raises Ended, OutOfTime."""
    left = [memoryview(piece) for piece in _framed(parts) if piece]
    while left:
        try:
            written = os.writev(fd, left)
        except BlockingIOError:
            _wait(fd, select.POLLOUT, deadline)
            continue
        except OSError as error:
            raise Ended from error
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


def _framed(parts: Sequence[bytes]) -> list[bytes]:
    return [piece for part in parts for piece in (_LENGTH.pack(len(part)), part)]


def receive_by(fd: int, deadline: float, limit: int) -> bytes:
    """As `receive`, likewise."""
    (length,) = _LENGTH.unpack(_exactly_by(fd, deadline, _LENGTH.size))
    if length > limit:
        raise Ended
    return _exactly_by(fd, deadline, length)


def _exactly_by(fd: int, deadline: float, count: int) -> bytes:
    pieces, missing = [], count
    while missing:
        try:
            piece = os.read(fd, missing)
        except BlockingIOError:
            _wait(fd, select.POLLIN, deadline)
            continue
        except OSError as error:
            raise Ended from error
        if not piece:
            raise Ended
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _wait(fd: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise OutOfTime
