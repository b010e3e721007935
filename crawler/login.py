"""What the agreement lets us say to be let in: a header, for exact hosts and over https alone.

The value comes from a file that only its owner can read. It is in no site file, setting, queue, log or error, and in no `repr`.
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.errors import ConfigError
from core.model import Login
from crawler.scope import Wanted
from crawler.urls import Url

LONGEST: Final = 8 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Credential:
    """A login with its value."""

    login: Login
    value: str = field(repr=False)

    def headers_for(self, hop: Url, wanted: Wanted) -> Mapping[str, str]:
        """Asked for each hop anew: a redirect to another host, another port or to http goes without. robots.txt is for everybody."""
        if hop.scheme != "https" or wanted is Wanted.ROBOTS:
            return {}
        at = f"{hop.host}:{hop.port}"
        if at in self.login.hosts or (hop.port == 443 and hop.host in self.login.hosts):
            return {self.login.header: self.value}
        return {}


def read_credential(login: Login, folder: Path) -> Credential:
    """Raises ConfigError, which names the file and never what is in it."""
    path = folder / login.secret
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        value = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise ConfigError(f"{path}: is not there; write the value of the header {login.header} into it") from None
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path}: cannot be read as one line of ASCII text; it holds the value of a header") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read it; the cure: chmod 600 {path}")
    if not value or not value.isprintable() or len(value) > LONGEST:
        raise ConfigError(
            f"{path}: must hold one line of at most {LONGEST} printable characters: the value of {login.header}"
        )
    return Credential(login, value)
