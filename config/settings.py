"""Every setting there is, each with its meaning; read once, at the top, from the environment and `settings.toml`.

A name in the environment wins over the file, the file over the default. Each NAME may be given as NAME_FILE instead, the path of a
file that holds the value, so that secrets need not stand in the environment. An empty value is the same as none.
"""

import dataclasses
import ipaddress
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from config.nearest import nearest, unknown_key
from config.values import (
    Reader,
    Unfit,
    address_fault,
    folder,
    folder_or_url,
    line,
    lines,
    mail_address,
    masked,
    number,
    on_or_off,
    scheme_only,
    url,
    whole_number,
)
from core.errors import ConfigError

FILE = "settings.toml"
PREFIX = "STILLWATCH_"
# Names that begin like ours and are no settings: those of the test suite, and where scripts/ keeps what it downloads.
NOT_SETTINGS = ("STILLWATCH_TEST_", "STILLWATCH_CACHE")


def mail_url(value: object) -> str:
    """A letter names a person and what was done to them: it leaves this machine over TLS or not at all."""
    text = str(url("smtp", "smtp+starttls", "starttls", "smtps")(value))
    parts = urlsplit(text)
    if parts.scheme == "smtp" and not _loopback(parts.hostname or ""):
        raise Unfit("would send letters unencrypted to another machine; begin it with smtp+starttls:// or smtps://")
    sender = parse_qs(parts.query).get("from")
    if sender and (fault := address_fault(sender[0])):
        raise Unfit(f"has a `from` that {fault}")
    return text


def user_agent(value: object) -> str:
    text = line(value)
    if "stillwatch" not in text.lower():
        raise Unfit("must say who is asking: keep the word Stillwatch in it")
    return text


def told(
    meaning: str, read: Reader, *, env: str | None = None, unit: str = "", secret: bool = False
) -> Mapping[str, Any]:
    """What a field of Settings says of itself. `env` is its name in the environment where it is not STILLWATCH_<FIELD>."""
    return {"meaning": meaning, "read": read, "env": env, "unit": unit, "secret": secret}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Fields without a default here have one that follows from the others: see `_COMPUTED`."""

    home: Path = field(metadata=told("the data folder: database, frontier, keys, locks", folder))
    config: Path = field(
        metadata=told(
            "the configuration folder: sites/*.toml, settings.toml, and tables that replace the shipped ones", folder
        )
    )
    database_url: str = field(
        repr=False,
        metadata=told(
            "where the truth is kept: sqlite:///path or postgres://…",
            url("sqlite", "postgres", "postgresql"),
            env="DATABASE_URL",
            secret=True,
        ),
    )
    withdrawals: Path = field(
        metadata=told(
            "the folder of the ledger of withdrawals, which outlives a restored database: no backup may bring back an older one",
            folder,
        )
    )
    redis_url: str | None = field(
        default=None,
        repr=False,
        metadata=told(
            "Redis, for several machines; without it one machine does all",
            url("redis", "rediss", "unix"),
            env="REDIS_URL",
            secret=True,
        ),
    )
    elasticsearch_url: str | None = field(
        default=None,
        repr=False,
        metadata=told(
            "Elasticsearch, the searchable copy of the hits; without it SQL answers searches",
            url("http", "https"),
            env="ELASTICSEARCH_URL",
            secret=True,
        ),
    )
    secrets: Path = field(
        metadata=told(
            "the folder of secrets that site files name: one file each, which its owner alone may read", folder
        )
    )
    contact_url: str | None = field(
        default=None,
        metadata=told(
            "a page or mailto: that says who runs this crawler; it becomes part of the user agent",
            url("https", "http", "mailto"),
        ),
    )
    user_agent: str = field(metadata=told("how requests name themselves", user_agent))
    mail_url: str | None = field(
        default=None,
        repr=False,
        metadata=told(
            "the mail server for approved notices: smtp+starttls://user:password@host:587?from=address, smtps://…, or smtp://localhost",
            mail_url,
            secret=True,
        ),
    )
    mail_from: str = field(metadata=told("the sender of notices; by default the `from` of the mail URL", mail_address))
    channels: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata=told(
            "Apprise URLs that tell the desk there is something to look at; `tag=URL` gives one its own tag",
            lines,
            secret=True,
        ),
    )
    channel_tag: str = field(
        default="desk", metadata=told("which channels are told; a URL without a tag of its own has this one", line)
    )
    recheck_every_s: float = field(
        default=6 * 3600.0,
        metadata=told("how long after one look at a location the next is due", number(1, 30 * 86400), unit="seconds"),
    )
    seen_url: str = field(
        repr=False,
        metadata=told(
            "where the fingerprints of everything seen are kept: a folder, or the URL of an object store that all machines share",
            folder_or_url,
            secret=True,
        ),
    )
    seen_days: int = field(
        default=180,
        metadata=told("how long what was seen is kept for later enrolments", whole_number(1, 3650), unit="days"),
    )
    seen_refresh_days: float = field(
        default=7.0,
        metadata=told("how long after a picture was kept it is kept anew when it is seen", number(0, 365), unit="days"),
    )
    known_days: float = field(
        default=30.0,
        metadata=told(
            "how long a picture that was compared is not asked for again while its URL stays the same; 0: it is fetched in each pass",
            number(0, 365),
            unit="days",
        ),
    )
    web_port: int = field(default=8080, metadata=told("the port of the page, on 127.0.0.1", whole_number(0, 65535)))
    decoder_children: int = field(default=1, metadata=told("child processes that decode pictures", whole_number(1, 64)))
    browser_sandbox: bool = field(
        default=True,
        metadata=told(
            "on or off: the sandbox of the browser that reads sites of kind rendered. Root cannot have it; off is for containers that "
            "hold nothing else of worth",
            on_or_off,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One line of `stillwatch settings`; `value` is masked where it could hold a secret."""

    name: str
    value: str
    origin: str
    meaning: str


def read(environ: Mapping[str, str], defaults_root: Path) -> Settings:
    """`defaults_root` is the folder that `var/` and `config/` lie in by default. Raises ConfigError."""
    values, _ = _resolved(environ, defaults_root)
    return Settings(**values)


def describe(environ: Mapping[str, str], defaults_root: Path) -> Sequence[SettingRow]:
    """Every setting, in the order they are declared. Raises ConfigError like `read`."""
    values, origins = _resolved(environ, defaults_root)
    return [
        SettingRow(
            name=_env_name(each),
            value=_shown(each, values[each.name]),
            origin=origins[each.name],
            meaning=each.metadata["meaning"] + (f" ({each.metadata['unit']})" if each.metadata["unit"] else ""),
        )
        for each in dataclasses.fields(Settings)
    ]


def _resolved(environ: Mapping[str, str], defaults_root: Path) -> tuple[dict[str, Any], dict[str, str]]:
    fields = {each.name: each for each in dataclasses.fields(Settings)}
    _refuse_unknown(environ, [_env_name(each) for each in fields.values()])
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, value, origin in _given(environ, fields):
        values[name], origins[name] = value, origin
    values.setdefault("config", (defaults_root / "config").absolute())
    for name, value, origin in _in_file(values["config"] / FILE, fields):
        if name not in values:  # the environment wins
            values[name], origins[name] = value, origin
    for name, each in fields.items():
        if name not in values:
            values[name] = (
                each.default if each.default is not dataclasses.MISSING else _COMPUTED[name](values, defaults_root)
            )
        origins.setdefault(name, "default")
    if values["mail_url"] is not None and not values["mail_from"]:
        raise ConfigError(
            f"{_env_name(fields['mail_url'])} is set and nothing says who the letters come from; set {_env_name(fields['mail_from'])}, "
            "or end the URL with ?from=address"
        )
    return values, origins


def _refuse_unknown(environ: Mapping[str, str], names: Sequence[str]) -> None:
    known = {name for each in names for name in (each, f"{each}_FILE")}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(NOT_SETTINGS):
            continue
        bare = name.removeprefix(PREFIX)
        close = bare if bare in known else nearest(name, known)
        cure = f"did you mean {close}?" if close is not None else "`stillwatch settings` lists all there are"
        raise ConfigError(f"environment: there is no setting {name}; {cure}")


def _given(
    environ: Mapping[str, str], fields: Mapping[str, "dataclasses.Field[Any]"]
) -> Iterator[tuple[str, object, str]]:
    for name, each in fields.items():
        env = _env_name(each)
        text, path = environ.get(env, ""), environ.get(f"{env}_FILE", "")
        if text and path:
            raise ConfigError(f"environment: {env} and {env}_FILE are both set; keep one of them")
        if text:
            yield name, _checked(each, text, f"environment {env}"), f"environment {env}"
        elif path:
            try:
                text = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"environment {env}_FILE: {path} cannot be read as text; give a readable file or set {env}"
                ) from error
            if not text:
                raise ConfigError(f"environment {env}_FILE: {path} is empty; write the value into it")
            yield name, _checked(each, text, f"file {path}"), f"file {path}"


def _in_file(path: Path, fields: Mapping[str, "dataclasses.Field[Any]"]) -> Iterator[tuple[str, object, str]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text; make it readable or remove it") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    known = [name for name in fields if name != "config"]
    for key, value in table.items():
        if key == "config":
            raise ConfigError(
                f"{path}: config: this file lies in that folder already; set {PREFIX}CONFIG in the environment"
            )
        if key not in fields:
            raise ConfigError(f"{path}: {unknown_key(key, known)}")
        if value != "":
            yield key, _checked(fields[key], value, f"{path}: {key}"), f"file {path}"


def _checked(each: "dataclasses.Field[Any]", value: object, where: str) -> object:
    read: Reader = each.metadata["read"]
    try:
        return read(value)
    except Unfit as error:
        raise ConfigError(f"{where}: {error}") from None


def _sender(values: Mapping[str, Any], _: Path) -> str:
    given = parse_qs(urlsplit(values["mail_url"] or "").query).get("from")
    return given[0] if given else ""


def _own_user_agent(values: Mapping[str, Any], _: Path) -> str:
    contact = values["contact_url"]
    return f"Stillwatch/{version()}" + (f" (+{contact})" if contact else "")


def version() -> str:
    try:
        return metadata.version("stillwatch")
    except metadata.PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


# Defaults that follow from other settings, which stand before them in the class.
_COMPUTED = {
    "home": lambda _, root: (root / "var").absolute(),
    "withdrawals": lambda values, _: values["home"] / "withdrawals",
    "database_url": lambda values, _: f"sqlite:///{quote(str(values['home']))}/stillwatch.sqlite3",
    "secrets": lambda values, _: values["home"] / "secrets",
    "user_agent": _own_user_agent,
    "seen_url": lambda values, _: (values["home"] / "seen").as_uri(),
    "mail_from": _sender,
}


def _env_name(each: "dataclasses.Field[Any]") -> str:
    env: str | None = each.metadata["env"]
    return env or PREFIX + each.name.upper()


def _shown(each: "dataclasses.Field[Any]", value: object) -> str:
    match value:
        case None | "":
            return "not set"
        case tuple():
            return scheme_only(value) or "none"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case str() if each.metadata["secret"]:
            return masked(value)
        case _:
            return str(value)


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
