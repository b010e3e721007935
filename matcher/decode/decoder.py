"""Hands pictures to disposable child processes and says in one value what came of each."""

import contextlib
import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import time
from enum import Enum
from types import TracebackType
from typing import Final, NamedTuple, Self

from core.errors import DecoderUnavailable
from core.picture import State
from matcher.decode import limits
from matcher.decode.answer import NotAnAnswer, Reading, from_parts
from matcher.decode.containers.video import is_video
from matcher.decode.pipe import Ended, OutOfTime, receive_by, send_by
from matcher.hashers import HASHERS

_COMMAND: Final = ("-I", "-m", "matcher.decode.child")
# Nothing of ours is inherited. One thread: the small products spin when BLAS takes two on a busy machine.
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "LC_ALL": "C.UTF-8",
}
_MAX_ANSWER: Final = 4 * 2**20  # bytes, of each part; a hundred frames in eight turns take 0.4 MiB, four scenes 1 MiB
_PIPE: Final = 2**20  # bytes that fit the pipe at once
_ANSWERS_PIPE: Final = 2**17  # the plane of one scene and the hashes: most answers
_STARTS: Final = 3  # a child that is killed while it starts is no reason to give up

# How many pictures' worth of a child's life one picture takes, by how it ended. What a damaged file leaves behind in a decoder
# is not trusted for long; a fresh child for each would let a site of damaged files cost 0.4 s of CPU a file.
_WEAR: Final = {State.BROKEN: 32, State.EXHAUSTED: limits.PICTURES_A_CHILD}


class _Death(Enum):
    """How a child ended that gave no answer."""

    OUT_OF_TIME = "out of time"
    DIED = "died"


class Wanted(NamedTuple):
    """What is asked of a picture; see `Decoder.read`."""

    turns: bool
    corners: bool


class Child:
    """One process. Used by one thread at a time."""

    def __init__(self) -> None:
        self.worn = 0  # in pictures
        self._ready = False
        self._process = subprocess.Popen(
            [sys.executable, *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the parent; the child goes when its input ends
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        with contextlib.suppress(
            OSError, AttributeError
        ):  # Linux only, and only below the user's limit: fewer handshakes
            fcntl.fcntl(self._requests, fcntl.F_SETPIPE_SZ, _PIPE)
            fcntl.fcntl(self._answers, fcntl.F_SETPIPE_SZ, _ANSWERS_PIPE)
        os.set_blocking(self._requests, False)
        os.set_blocking(self._answers, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> bool:
        """Waits until it takes pictures; False when it never will."""
        if not self._ready:
            with contextlib.suppress(Ended, OutOfTime):
                receive_by(self._answers, time.monotonic() + limits.START_S, 16)
                self._ready = True
        return self._ready and self.alive

    def read(self, image_bytes: bytes, wanted: Wanted, deadline_s: float) -> Reading | _Death:
        deadline = time.monotonic() + deadline_s
        self.worn += 1
        try:
            send_by(self._requests, deadline, json.dumps(wanted._asdict()).encode(), image_bytes)
            text = receive_by(self._answers, deadline, _MAX_ANSWER)
            reading = from_parts(text, receive_by(self._answers, deadline, _MAX_ANSWER), HASHERS)
            self.worn += 0 if reading.obstacle is None else _WEAR.get(reading.obstacle, 0)
            return reading
        except OutOfTime:
            return _Death.OUT_OF_TIME
        except NotAnAnswer:
            return _Death.DIED
        except Ended:
            self._process.wait()
            return _Death.OUT_OF_TIME if self._process.returncode == -signal.SIGXCPU else _Death.DIED

    def end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.kill()
        self._process.wait()


class _Slot:
    """A place for one child at a time."""

    def __init__(self, deadline_s: float, pictures_a_child: int) -> None:
        self.child: Child | None = None
        self._deadline_s = deadline_s
        self._pictures_a_child = pictures_a_child

    def read(self, image_bytes: bytes, wanted: Wanted) -> Reading:
        child = self._running()
        fresh = child.worn == 0
        deadline_s = limits.video_time(enrolling=wanted.turns).deadline_s if is_video(image_bytes) else self._deadline_s
        came = child.read(image_bytes, wanted, deadline_s)
        exhausted = came is _Death.DIED or (isinstance(came, Reading) and came.obstacle is State.EXHAUSTED)
        if not isinstance(came, Reading) or child.worn >= self._pictures_a_child:
            self._replace()
        if exhausted and not fresh:
            # What earlier pictures left behind may be the reason: the answer must not depend on them.
            return self.read(image_bytes, wanted)
        match came:
            case Reading():
                return came
            case _Death.OUT_OF_TIME:
                return Reading(obstacle=State.TIMEOUT, reason=f"decoding took longer than {deadline_s:g} s")
            case _Death.DIED:
                return Reading(obstacle=State.EXHAUSTED, reason="the process that decoded it died")

    def _running(self) -> Child:
        for _ in range(_STARTS):
            if self.child is None or not self.child.alive:
                self._replace()
            assert self.child is not None
            if self.child.ready():
                return self.child
            self.close()
        raise DecoderUnavailable(
            "no decoder process can be started on this machine: "
            f"run `{sys.executable} {' '.join(_COMMAND)} < /dev/null` to see why; it should end without a word"
        )

    def _replace(self) -> None:
        """The next child loads its libraries while the parent is busy elsewhere."""
        self.close()
        try:
            self.child = Child()
        except OSError as error:
            raise DecoderUnavailable(
                f"no decoder process can be started: {error.strerror}; free memory or raise the number of processes allowed"
            ) from error

    def close(self) -> None:
        if self.child is not None:
            self.child.end()
            self.child = None


class Decoder:
    """Reads pictures in up to `children` processes at once. Threads may share it; a thread waits while all are busy.

    Children start with the first picture. After `close()` nothing can be read.
    """

    def __init__(
        self,
        children: int = 1,
        *,
        deadline_s: float = limits.DEADLINE_S,
        pictures_a_child: int = limits.PICTURES_A_CHILD,
    ) -> None:
        self._slots = [_Slot(deadline_s, pictures_a_child) for _ in range(max(1, children))]
        self._free: queue.LifoQueue[_Slot | None] = queue.LifoQueue()  # the last one used is the one that is warm
        for slot in self._slots:
            self._free.put(slot)

    def read(self, image_bytes: bytes, turns: bool = False, corners: bool = False) -> Reading:
        """What came of this picture; an unreadable one is a `Reading` with an obstacle.

        turns: for enrolment: every view of `views.enrolled_views`, decoded in full (0 bits from the published PDQ of the same pixels).
            Else what a crawled picture is seen by, and JPEG decoded in luma at a fraction of its size: up to ten times faster, half a
            bit off on average and 4 at most; a large progressive one from its first scan, 12 at most.
        corners: the corners of the first frames, too
        Raises DecoderUnavailable when no child can be started.
        """
        if len(image_bytes) > limits.MAX_BYTES:
            return Reading(obstacle=State.TOO_LARGE, reason=f"more than {limits.MAX_BYTES // 2**20} MiB")
        slot = self._free.get()
        if slot is None:
            self._free.put(None)
            raise DecoderUnavailable("this decoder was closed: open a new one")
        try:
            return slot.read(image_bytes, Wanted(turns, corners))
        finally:
            self._free.put(slot)

    def pids(self) -> tuple[int, ...]:
        """Of the children that run now."""
        return tuple(slot.child.pid for slot in self._slots if slot.child is not None and slot.child.alive)

    def close(self) -> None:
        """Waits for the pictures under way."""
        for _ in self._slots:
            slot = self._free.get()
            if slot is None:
                break  # closed before
            slot.close()
        self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
