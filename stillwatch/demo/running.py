"""The demo site beside a running `up`: who serves it, and when it is watched.

It is watched only while nothing else is configured and only while its process tree lives: the supervisor holds a lock on a file,
and the port beside it counts only while that lock is held. Nothing is written into the operator's configuration.
"""

import fcntl
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.model import NoticeDetails, PersonId, PersonState, WatchedSite
from stillwatch import own

if TYPE_CHECKING:
    from stillwatch.wiring import House

DEMO_PERSON = PersonId("demo")


def demo_site_if_served(home: Path) -> WatchedSite | None:
    """The demo site, if a supervisor serves it from this home right now."""
    lock = _folder(home) / "lock"
    port = _folder(home) / "port"
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pass  # held: it is served
    except FileNotFoundError:
        return None
    else:
        return None
    from stillwatch.demo.watched import demo_site

    return demo_site(int(port.read_text()))


def _folder(home: Path) -> Path:
    return home / "demo"


class DemoWatch:
    """Held by the supervisor."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._lock: int | None = None
        self._port = 0

    @property
    def running(self) -> bool:
        return self._lock is not None

    def wanted(self) -> bool:
        """No watched site is configured. A faulty file counts as configured: its fault is what should be seen then."""
        from config.sites import read_sites
        from crawler.spiders import KINDS

        sites, faults = read_sites(
            self._house.settings.config / "sites", kinds=tuple(KINDS), laws=tuple(self._house.regimes)
        )
        return not sites and not faults

    def begin(self) -> None:
        """Takes the lock, chooses a port, and protects the demo's person. Another supervisor on this home raises ConfigError."""
        from core.errors import ConfigError

        folder = _folder(self._house.settings.home)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigError(f"`stillwatch up` is running already on {self._house.settings.home}") from None
        # The same port as last time, if it is free: what was found there is found where it was, and not as a new place.
        port = folder / "port"
        last = port.read_text() if port.exists() else ""
        self._port = _free_port(int(last) if last.isdigit() else 0)
        port.write_text(str(self._port))
        self._lock = lock
        self._protect()

    def command(self) -> Sequence[str]:
        return own.part("--port", str(self._port), module="stillwatch.demo.site")

    def end(self) -> None:
        """The demo is over: its person is withdrawn, so that nothing of it mixes with real work."""
        from stillwatch.wiring import utc_now

        self.stop_serving()
        if self._house.people.state(DEMO_PERSON) is PersonState.PROTECTED:
            self._house.people.withdraw(DEMO_PERSON, utc_now())
            self._house.announce_hashes()
            self._house.desk.settle_person(DEMO_PERSON, utc_now())

    def stop_serving(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _protect(self) -> None:
        from stillwatch.demo.setup import demo_hash_set
        from stillwatch.wiring import utc_now

        if self._house.people.state(DEMO_PERSON) is not PersonState.PROTECTED:
            hash_set = demo_hash_set()
            self._house.people.enrol(DEMO_PERSON, hash_set.recipe, hash_set.pictures, utc_now())
            self._house.announce_hashes()
        if self._house.notice_details.details_of(DEMO_PERSON) is None:
            self._house.notice_details.put(
                DEMO_PERSON,
                NoticeDetails(
                    name="Demo Person",
                    contact="demo-person@demo.invalid",
                    capacity="subject",
                    statement="This is the demonstration of Stillwatch. The photographs named here are free ones that ship with it.",
                    signed_at=utc_now(),
                ),
            )


def _free_port(wanted: int) -> int:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            return _free_port(0)
        port: int = listener.getsockname()[1]
        return port
