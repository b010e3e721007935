import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alerts.mail import ORPHANED
from core.model import NoticeStatus
from tests.alerts.couriers import NOTICES
from tests.alerts.sink import Sink


def courier(act: str, folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.alerts.couriers", act, str(folder / "truth.sqlite3"), str(folder), *more]


def killed_or_done(folder: Path, port: int, after_s: float) -> bool:
    """Lets a courier send, and kills it after a while; whether it was done by then."""
    with subprocess.Popen(courier("send", folder, str(port)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.kill()
        return process.stdout.read() == "done\n"


@pytest.mark.timeout(300)  # seconds: forty processes are started, one after the other
def test_a_courier_killed_at_any_moment_sends_no_letter_twice_and_hides_none(tmp_path: Path) -> None:
    chance = random.Random(1)  # moments to be killed at
    subprocess.run(courier("prepare", tmp_path), check=True, timeout=60)
    kills = 0
    # An answer takes a while, so that a kill meets every part of the dialogue.
    with Sink(slow_s=0.03) as sink:
        for _ in range(40):
            if killed_or_done(tmp_path, sink.port, chance.uniform(0, 0.4)):
                break
            kills += 1
        else:  # on a busy machine they come to little before they are killed
            subprocess.run(courier("send", tmp_path, str(sink.port)), check=True, timeout=100)
        received = [message["Message-ID"] for message in sink.messages]
    said = subprocess.run(courier("report", tmp_path), check=True, capture_output=True, text=True, timeout=60)
    notices = [json.loads(line) for line in said.stdout.splitlines()]

    assert kills
    assert len(notices) == NOTICES
    assert len(set(received)) == len(received)
    for notice in notices:
        assert notice["status"] in (NoticeStatus.SENT, NoticeStatus.UNCONFIRMED)
        if notice["status"] == NoticeStatus.SENT:
            assert notice["id"] in received
        else:
            assert notice["failure"] == ORPHANED
