"""Houses in this process, on SQLite: for tests that look at every part of one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import stores.sql
from stillwatch.wiring import House

DATABASE = "stillwatch.sqlite3"


def environ(home: Path) -> dict[str, str]:
    return {"STILLWATCH_HOME": str(home), "STILLWATCH_CONFIG": str(home.with_name("config"))}


@contextmanager
def opened(home: Path, **settings: str) -> Iterator[House]:
    """The house as a process would find it that starts now. One at a time: this process has one connection."""
    home.mkdir(parents=True, exist_ok=True)
    if not any(home.glob(f"{DATABASE}*")):
        shutil.copyfile(_empty(), home / DATABASE)
    with stores.sql.released():
        yield House.open(environ(home) | settings)


@cache
def _empty() -> Path:
    """A database with empty tables, to be copied: migrating takes longer than most tests."""
    home = Path(tempfile.mkdtemp(prefix="stillwatch-tests-")) / "home"
    home.mkdir()
    with stores.sql.released():
        House.open(environ(home)).connect()
    return home / DATABASE
