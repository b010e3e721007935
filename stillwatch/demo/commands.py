"""Runs `stillwatch` commands as a user would: in processes of their own, on folders of their own."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.errors import StillwatchError
from stillwatch import own

LOG = "commands.log"


class CommandBroke(StillwatchError):
    """A command of the journey ended otherwise than it should."""


class Commands:
    """`folder` holds everything the commands write: home/, config/, and what they said on standard error."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.home, self.config, self.log = folder / "home", folder / "config", folder / LOG
        (self.config / "sites").mkdir(parents=True)
        self.home.mkdir()
        # Servers the environment names are used; our own settings of some other installation are not.
        kept = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self.environ = {
            **kept,
            "STILLWATCH_HOME": str(self.home),
            "STILLWATCH_CONFIG": str(self.config),
            **settings,
        }

    def run(self, *arguments: str) -> list[dict[str, object]]:
        """Waits for the end; the JSON lines of standard output. Raises CommandBroke."""
        return self.follow(None, *arguments)

    def follow(self, heard: Callable[[dict[str, object]], None] | None, *arguments: str) -> list[dict[str, object]]:
        """The same, and each line is handed to `heard` when it comes."""
        lines = []
        with self._started(*arguments) as child:
            assert child.stdout is not None
            for text in child.stdout:
                if text.startswith("{"):
                    lines.append(json.loads(text))
                    if heard is not None:
                        heard(lines[-1])
            status = child.wait()
        if status != 0:
            raise CommandBroke(f"`stillwatch {arguments[0]}` ended with status {status}; it said: {self._last_words()}")
        return lines

    @contextmanager
    def _started(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        with self.log.open("a", encoding="utf-8") as log:
            child = subprocess.Popen(
                own.part(*arguments),
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        try:
            yield child
        finally:
            if child.poll() is None:
                child.terminate()
            child.communicate()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(line.strip() for line in lines[-3:]) or "nothing"


def _is_ours(name: str) -> bool:
    return name.startswith("STILLWATCH_") and not name.startswith("STILLWATCH_TEST_")
