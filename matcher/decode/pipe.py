"""Messages over a pipe: a length and that many bytes. Nothing is unpickled on either side."""

import os
import select
import struct
import time
from typing import BinaryIO, Final

_LENGTH: Final = struct.Struct(">I")


class Ended(Exception):
    """The other side is gone, or says more than it may."""


class OutOfTime(Exception):
    """The deadline passed first."""


def send(stream: BinaryIO, *parts: bytes) -> None:
    """Blocks."""
    for part in parts:
        stream.write(_LENGTH.pack(len(part)))
        stream.write(part)
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
    for part in parts:
        for piece in (_LENGTH.pack(len(part)), part):
            left = memoryview(piece)
            while left:
                _wait(fd, select.POLLOUT, deadline)
                try:
                    left = left[os.write(fd, left) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise Ended from error


def receive_by(fd: int, deadline: float, limit: int) -> bytes:
    """As `receive`, likewise."""
    (length,) = _LENGTH.unpack(_exactly_by(fd, deadline, _LENGTH.size))
    if length > limit:
        raise Ended
    return _exactly_by(fd, deadline, length)


def _exactly_by(fd: int, deadline: float, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        _wait(fd, select.POLLIN, deadline)
        try:
            piece = os.read(fd, count - len(data))
        except BlockingIOError:
            continue
        except OSError as error:
            raise Ended from error
        if not piece:
            raise Ended
        data += piece
    return bytes(data)


def _wait(fd: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise OutOfTime
