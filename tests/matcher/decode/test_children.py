"""The child processes: confined, replaced, and never a reason for a wrong answer."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from core.errors import DecoderUnavailable
from core.model import State
from matcher.decode.decoder import Decoder
from tests.golden.drawn import patches
from tests.matcher.pictures import encode

PNG = encode(patches(1, 240, 320), "PNG")


@cache
def slow() -> bytes:
    """Takes a few hundred milliseconds, and as many megabytes to make."""
    return encode(patches(2, 3000, 4000), "PNG", compress_level=1)


@pytest.fixture
def own() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


def only_pid(decoder: Decoder) -> int:
    (pid,) = decoder.pids()
    return pid


def status(pid: int, field: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return line.split(":")[1].strip()
    raise AssertionError(f"no {field}")


def limit(pid: int, name: str) -> list[str]:
    for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return line.removeprefix(name).split()[:2]
    raise AssertionError(f"no {name}")


def test_no_child_runs_before_the_first_picture() -> None:
    with Decoder(children=2) as decoder:
        assert decoder.pids() == ()


def test_a_child_has_given_up_files_cores_memory_and_new_rights(own: Decoder) -> None:
    own.read(PNG)
    pid = only_pid(own)

    assert limit(pid, "Max file size") == ["0", "0"]
    assert limit(pid, "Max core file size") == ["0", "0"]
    assert int(limit(pid, "Max open files")[1]) <= 16
    assert int(limit(pid, "Max address space")[1]) < 2 * 2**30
    assert int(limit(pid, "Max cpu time")[0]) < 60
    assert status(pid, "NoNewPrivs") == "1"


def test_a_child_inherits_no_secret_from_the_environment() -> None:
    program = (
        "import sys\n"
        "from matcher.decode.decoder import Decoder\n"
        "def told(event, arguments):\n"
        "    if event == 'subprocess.Popen': print(sorted(arguments[3]))\n"
        "sys.addaudithook(told)\n"
        "with Decoder() as decoder: decoder.read(b'')\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DATABASE_URL": "postgres://user:secret@db/x"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()

    assert "OPENBLAS_NUM_THREADS" in told
    assert "DATABASE_URL" not in told


def test_a_child_opens_no_socket_holds_no_file_and_lets_nobody_look_in(own: Decoder) -> None:
    own.read(PNG)
    inside = Path(f"/proc/{only_pid(own)}/fd")

    try:
        held = {str(fd.readlink()).split(":")[0] for fd in inside.iterdir()}
    except PermissionError:
        assert os.geteuid() != 0, "only root may look in"
    else:
        assert held <= {"pipe", "/dev/null"}


def test_many_pictures_need_one_child_and_it_is_replaced_in_time() -> None:
    with Decoder(pictures_a_child=5) as decoder:
        pids = []
        for _ in range(11):
            assert decoder.read(PNG).obstacle is None
            pids.append(only_pid(decoder))

    assert len(set(pids)) == 3


def test_a_child_killed_between_two_pictures_costs_none(own: Decoder) -> None:
    expected = own.read(PNG)

    os.kill(only_pid(own), signal.SIGKILL)

    assert own.read(PNG) == expected


@pytest.mark.parametrize("pictures_before", [0, 1])
def test_a_child_killed_in_mid_work_is_named_or_made_good(own: Decoder, pictures_before: int) -> None:
    """Its first picture may be the reason; with a later one a fresh child is asked, so that the answer is the picture's own."""
    for _ in range(pictures_before):
        own.read(PNG)

    picture = slow()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(own.read, picture, turns=True)
        killed = _pid_at_work(own)
        os.kill(killed, signal.SIGKILL)
        reading = waiting.result()

    assert reading.obstacle is (None if pictures_before else State.EXHAUSTED)
    assert own.read(PNG).obstacle is None
    assert only_pid(own) != killed


def _pid_at_work(decoder: Decoder) -> int:
    """Of the child, once it holds the large picture."""
    while True:
        for pid in decoder.pids():
            with contextlib.suppress(OSError):
                if int(status(pid, "VmHWM").split()[0]) > 90_000:  # KiB; started it has 60,000
                    return pid
        time.sleep(0.001)


def test_a_child_that_is_stopped_ends_in_a_timeout_and_is_replaced() -> None:
    with Decoder(deadline_s=0.5) as decoder:
        decoder.read(PNG)
        stopped = only_pid(decoder)
        os.kill(stopped, signal.SIGSTOP)

        reading = decoder.read(PNG)

        assert (reading.obstacle, reading.fingerprints) == (State.TIMEOUT, ())
        assert "0.5 s" in reading.reason
        assert decoder.read(PNG).obstacle is None
        assert only_pid(decoder) != stopped


def test_a_picture_that_takes_too_long_is_a_timeout() -> None:
    with Decoder(deadline_s=0.05) as decoder:
        decoder.read(b"")

        assert decoder.read(slow(), turns=True).obstacle is State.TIMEOUT


@pytest.mark.parametrize(
    ("kind", "mode", "size"),
    [("PNG", "RGBA", (7_000, 7_100)), ("TIFF", "RGB", (6_000, 5_900)), ("WEBP", "RGB", (4_000, 3_900))],
)
def test_the_largest_picture_allowed_takes_at_most_400_mib(
    own: Decoder, kind: str, mode: str, size: tuple[int, int]
) -> None:
    drawn = Image.linear_gradient("L").convert(mode).resize(size, Image.Resampling.NEAREST)
    data = encode(drawn, kind, compression="tiff_adobe_deflate", compress_level=1, method=0)

    reading = own.read(data, turns=True)

    assert reading.obstacle is State.TOO_PLAIN, reading.reason
    assert int(status(only_pid(own), "VmHWM").split()[0]) <= 400 * 1024


def test_threads_share_the_children_that_are_free() -> None:
    with Decoder(children=2) as decoder, ThreadPoolExecutor(6) as pool:
        readings = list(pool.map(decoder.read, [PNG] * 30))

        assert len(decoder.pids()) == 2
        assert len(set(readings)) == 1


def test_a_child_ends_when_its_parent_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from matcher.decode.decoder import Decoder\n"
        "decoder = Decoder()\n"
        "decoder.read(b'')\n"
        "print(*decoder.pids(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_closing_ends_the_children_and_reading_afterwards_says_so() -> None:
    decoder = Decoder(children=2)
    decoder.read(PNG)
    pid = only_pid(decoder)

    decoder.close()
    decoder.close()

    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(DecoderUnavailable, match="closed"):
        decoder.read(PNG)


def test_closing_waits_for_the_picture_under_way(own: Decoder) -> None:
    own.read(b"")
    readings = []
    reader = threading.Thread(target=lambda: readings.append(own.read(slow())))
    reader.start()
    time.sleep(0.05)

    own.close()
    reader.join()

    assert readings[0].obstacle is None


def test_the_child_module_ends_quietly_without_input() -> None:
    """The cure that DecoderUnavailable names."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "matcher.decode.child"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == b"\0\0\0\5ready"
    assert done.stderr == b""
