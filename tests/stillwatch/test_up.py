"""The supervised tree: a newcomer sees the demo, a killed part comes back, and nothing stays behind."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.timeout(240)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(installation: Installation, port: int) -> Iterator[subprocess.Popen[str]]:
    supervisor = installation.start("up", "--port", str(port))
    try:
        yield supervisor
    finally:
        if supervisor.poll() is None:
            supervisor.terminate()
            supervisor.wait(60)


def page(port: int, path: str = "/") -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def eventually(found: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found():
            return True
        time.sleep(0.3)
    return False


def children(pid: int) -> dict[int, str]:
    """The processes that descend from this one, with their command lines."""
    below: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in below:
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == pid:
                    below[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
                    below |= children(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return below


def alive(pid: int) -> bool:
    """A zombie that nobody has collected is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_newcomer_sees_a_hit_an_alert_and_a_case_on_the_page(installation: Installation) -> None:
    port = free_port()
    with running(installation, port) as supervisor:
        assert eventually(lambda: "demo" in page(port).lower(), 40)
        assert eventually(lambda: 'href="/hits/' in page(port, "/hits"), 60)
        assert eventually(lambda: re.search(r'href="/cases/\w+', page(port, "/cases")) is not None, 30)
        case = re.search(r'href="(/cases/\w+)', page(port, "/cases"))
        assert case is not None
        assert "TAKE IT DOWN" in page(port, case.group(1))
        below = children(supervisor.pid)
        supervisor.send_signal(signal.SIGINT)

        assert supervisor.wait(60) == 0
    assert not [line for pid, line in below.items() if alive(pid)]


def test_a_killed_part_comes_back_and_a_killed_supervisor_leaves_nothing_behind(installation: Installation) -> None:
    port = free_port()
    with running(installation, port) as supervisor:
        assert eventually(lambda: page(port) != "", 40)
        desk = next(pid for pid, line in children(supervisor.pid).items() if "worker desk" in line)
        os.kill(desk, signal.SIGKILL)
        assert eventually(
            lambda: any("worker desk" in line for pid, line in children(supervisor.pid).items() if pid != desk), 30
        )
        below = children(supervisor.pid)
        supervisor.kill()
        supervisor.wait(10)

        assert eventually(lambda: not any(alive(pid) for pid in below), 40)
