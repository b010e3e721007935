"""DATABASE_URL → what Django calls a database. Pure, and strict: what is not understood is refused, never guessed."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from core.errors import ConfigError

FORMS = "sqlite:///folder/file.sqlite3, sqlite:////absolute/file.sqlite3 or postgres://user:password@host:5432/name"
POSTGRES_OPTIONS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "connect_timeout", "host"}
)

SQLITE_START = ";".join(
    (
        "PRAGMA journal_mode = WAL",  # readers do not wait for a writer
        "PRAGMA synchronous = FULL",  # a commit that returned outlives a power cut
        "PRAGMA secure_delete = ON",  # what a withdrawal deletes is overwritten in the file
    )
)
# A worker that is frozen inside a transaction must not hold up a withdrawal; one that waits for a lock says so as on SQLite.
POSTGRES_SESSION = "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000"


def database(database_url: str) -> dict[str, object]:
    """One entry of Django's DATABASES. Never repeats the URL in an error: it may hold a password."""
    try:
        parts = urlsplit(database_url)
        form = FORMS_BY_SCHEME[parts.scheme]
    except KeyError:
        raise ConfigError(
            f"DATABASE_URL begins with {urlsplit(database_url).scheme + '://'!r}; write {FORMS}"
        ) from None
    except ValueError as error:
        raise ConfigError(f"DATABASE_URL cannot be read ({error}); write {FORMS}") from error
    return form(parts)


def _sqlite(parts: SplitResult) -> dict[str, object]:
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc:
        raise ConfigError(f"DATABASE_URL: a file needs three slashes, or four when its path is absolute; write {FORMS}")
    if not path or path.endswith("/") or path == ":memory:":
        raise ConfigError(f"DATABASE_URL names no file; write {FORMS}")
    if parts.query or parts.fragment:
        raise ConfigError("DATABASE_URL: a SQLite file takes no options; write '?' and '#' in its path as %3F and %23")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(path).absolute()),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_START},
    }


def _postgres(parts: SplitResult) -> dict[str, object]:
    if importlib.util.find_spec("psycopg") is None:
        raise ConfigError(
            "DATABASE_URL names Postgres, but psycopg is not installed; the cure: pip install 'stillwatch[postgres]'"
        )
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name:
        raise ConfigError("DATABASE_URL names no database; write postgres://user:password@host:5432/name")
    given = _options(parts.query)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError("DATABASE_URL: the port is not a number from 0 to 65535") from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": given.pop("host", unquote(parts.hostname or "")),
        "PORT": "" if port is None else str(port),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,  # one SELECT 1 a call, and a restarted server is noticed before anything fails
        "OPTIONS": {"connect_timeout": 10, "tcp_user_timeout": 30_000, "options": POSTGRES_SESSION, **given},
    }


def _options(query: str) -> dict[str, str]:
    try:
        given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise ConfigError("DATABASE_URL: options are written ?name=value&name=value") from error
    unknown = sorted(set(given) - POSTGRES_OPTIONS)
    if unknown:
        raise ConfigError(
            f"DATABASE_URL: no option is called {unknown[0]!r}; known: {', '.join(sorted(POSTGRES_OPTIONS))}"
        )
    return given


FORMS_BY_SCHEME = {"sqlite": _sqlite, "postgres": _postgres, "postgresql": _postgres}


def sqlite_file(entry: Mapping[str, object]) -> Path | None:
    """The file, where the database is one."""
    return Path(str(entry["NAME"])) if str(entry["ENGINE"]).endswith("sqlite3") else None
