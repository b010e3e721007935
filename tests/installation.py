"""An installation of one's own for a test: an empty home, an empty configuration, and the real command line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

# What a developer's own shell may say about their installation must not reach a test's.
OURS = ("STILLWATCH_", "DATABASE_URL", "REDIS_URL", "ELASTICSEARCH_URL")


@dataclass
class Installation:
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.config / "sites").mkdir(parents=True, exist_ok=True)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return kept | {"STILLWATCH_HOME": str(self.home), "STILLWATCH_CONFIG": str(self.config)} | self.extra

    def run(self, *arguments: str | Path, timeout_s: float = 120, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environ | extra,
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str | Path, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def lines(self, *arguments: str | Path) -> list[dict[str, object]]:
        """The JSON lines of a command that must end well."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(text) for text in done.stdout.splitlines()]

    @staticmethod
    def command(*arguments: str | Path) -> list[str]:
        return [sys.executable, "-P", "-m", "stillwatch", *map(str, arguments)]

    def watch(self, name: str, text: str) -> Path:
        path = self.config / "sites" / f"{name}.toml"
        path.write_text(text)
        return path


def site_toml(name: str, start: str, hosts: str, **agreement: str) -> str:
    """A watched site on this machine; `agreement` replaces single lines of the agreement."""
    agreed = {
        "agreed_by": '"The owner"',
        "agreed_on": "2026-01-01",
        "expires_on": "2099-01-01",
        "reference": '"T-1"',
    } | agreement
    lines = "\n".join(f"{key} = {value}" for key, value in agreed.items() if value)
    return (
        f'name = "{name}"\nkind = "gallery"\nstart = ["{start}"]\nhosts = ["{hosts}"]\nallow_private = true\n'
        f'[agreement]\n{lines}\n[politeness]\ndelay_s = 0.0\n[takedown]\nemail = "takedown@site.invalid"\n'
    )
