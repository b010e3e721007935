"""Folders of an installation for a journey, somebody protected in it, and what may be found there afterwards."""

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from stillwatch.demo.album import PROTECTED, path_of
from stillwatch.demo.commands import Commands

PERSON = "somebody"
SERVERS = ("DATABASE_URL", "REDIS_URL", "ELASTICSEARCH_URL")
DETAILS = """name = "Somebody Protected"
contact = "somebody@example.invalid"
capacity = "subject"
statement = "I am the person shown and did not agree to this."
signed_at = 2026-11-23
"""
PICTURE = re.compile(rb"\xff\xd8\xff[\xdb\xe0\xe1\xee]|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|ftypavif", re.DOTALL)


def without_servers(environ: Mapping[str, str]) -> dict[str, str]:
    """The embedded defaults, whatever the machine's environment names."""
    return {name: value for name, value in environ.items() if name.removesuffix("_FILE") not in SERVERS}


def installation(folder: Path, site: str, toml: str, settings: Mapping[str, str]) -> Commands:
    """Commands on embedded defaults, with one watched site and the photographs' person protected."""
    do = Commands(folder, settings)
    do.environ = {**without_servers(do.environ), **settings}
    (do.config / "sites" / f"{site}.toml").write_text(toml, encoding="utf-8")
    hash_set, details = folder / "SET.json", folder / "details.toml"
    do.run("hash", *(str(path_of(name)) for name in PROTECTED), "--output", str(hash_set))
    do.run("enrol", str(hash_set), "--person", PERSON, "--attested", "--json")
    details.write_text(DETAILS, encoding="utf-8")
    do.run("person", "set", PERSON, "--notice-details", str(details))
    return do


def pictures_in(folder: Path) -> list[Path]:
    """Files that hold a picture's first bytes, anywhere in them."""
    return [path for path in folder.rglob("*") if path.is_file() and PICTURE.search(path.read_bytes())]


def strays(folder: Path, patience_s: float = 5.0) -> list[int]:
    """Processes that still work on this installation once everything was ended, decoder children included."""
    until = time.monotonic() + patience_s
    while (found := _working_on(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _working_on(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
            ended = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if os.fsencode(folder) in environ and not ended:
            found.append(int(process.name))
    return found
