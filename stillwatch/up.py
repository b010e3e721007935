"""Everything in one supervised process tree: page, scheduler, crawl worker, desk, and the demo site while nothing else is watched.

A part that dies is started again, with a growing pause when it dies at once. Ctrl-C ends the parts in turn. A supervisor that is
killed takes its parts with it: see part.py.
"""

import logging
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.errors import ConfigError
from stillwatch import own
from stillwatch.output import say
from stillwatch.wiring import House
from stillwatch.workers import Stop, end

log = logging.getLogger("stillwatch.up")

STEADY_S = 30.0  # a part that ran so long has come up well: the next restart is quick again
LONGEST_PAUSE_S = 30.0
SITES_READ_S = 3.0


@dataclass
class Part:
    """One child process and how it has fared."""

    name: str
    command: Sequence[str]
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = 0.0
    not_before: float = field(default=0.0)

    def keep_running(self) -> None:
        now = time.monotonic()
        if self.child is not None and self.child.poll() is None:
            return
        if self.child is not None:
            ran_s = now - self.started
            if self.child.returncode == ConfigError.exit_status:
                raise ConfigError(f"{self.name} cannot run with this configuration; its message stands above")
            self.pause_s = 0.2 if ran_s >= STEADY_S else min(LONGEST_PAUSE_S, max(0.2, self.pause_s * 2))
            self.not_before = now + self.pause_s
            log.warning("part.ended", extra={"part": self.name, "status": self.child.returncode})
            say(f"{self.name} ended (status {self.child.returncode}); starting it again.")
            self.child = None
        if now >= self.not_before:
            self.started = now
            self.child = subprocess.Popen(self.command)


def run(house: House, *, host: str, port: int, with_web: bool, stop: Stop) -> None:
    from stillwatch.demo.running import DemoWatch

    house.connect()  # the tables are there before any part looks for them
    parts = [
        Part("desk", own.part("worker", "desk")),
        Part("crawl worker", own.part("worker", "crawl")),
        Part("scheduler", own.part("scheduler")),
    ]
    if with_web:
        parts.insert(0, Part("page", own.part("web", "--host", host, "--port", str(port))))
    demo = DemoWatch(house)
    try:
        if demo.wanted():
            demo.begin()
            parts.insert(0, Part("demo site", demo.command()))
            say("No watched site is configured yet, so the bundled demo site is watched.")
        if with_web:
            say(f"Stillwatch: http://{host}:{port}   (Ctrl-C ends it)")
        looked = time.monotonic()
        while not stop():
            for part in parts:
                part.keep_running()
            stop.wait(0.2)
            if demo.running and time.monotonic() - looked > SITES_READ_S:
                looked = time.monotonic()
                if not demo.wanted():
                    say("A watched site is configured now: the demo ends.")
                    part = parts.pop(0)
                    end([part.child] if part.child is not None else [])
                    demo.end()
    finally:
        say("Ending.")
        end([part.child for part in parts if part.child is not None])
        demo.stop_serving()
