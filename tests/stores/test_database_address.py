from pathlib import Path

import pytest

from core.errors import ConfigError
from stores.sql.address import database


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///var/stillwatch.sqlite3", Path.cwd() / "var/stillwatch.sqlite3"),
        ("sqlite:////srv/still%20watch.sqlite3", Path("/srv/still watch.sqlite3")),
        ("sqlite:////srv/what%3F%23.db", Path("/srv/what?#.db")),
    ],
)
def test_a_sqlite_address_names_a_file(url: str, file: Path) -> None:
    assert database(url)["NAME"] == str(file)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@db.example/stillwatch", ("stillwatch", "u", "p", "db.example", "")),
        ("postgresql://u%40x:p%2F%3A@[::1]:5433/s%20w", ("s w", "u@x", "p/:", "::1", "5433")),
        ("postgres:///stillwatch?host=/run/postgresql", ("stillwatch", "", "", "/run/postgresql", "")),
    ],
)
def test_a_postgres_address_is_taken_apart(url: str, expected: tuple[str, ...]) -> None:
    entry = database(url)

    assert tuple(entry[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == expected


def test_postgres_options_are_handed_on() -> None:
    options = database("postgres://u@h/d?sslmode=verify-full&sslrootcert=/ca.pem")["OPTIONS"]

    assert isinstance(options, dict)
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/ca.pem")


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("mysql://u:geheim@h/d", "postgres://"),
        ("", "sqlite:///"),
        ("/var/stillwatch.sqlite3", "sqlite:///"),
        ("sqlite://var/stillwatch.sqlite3", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///folder/", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a.db?mode=ro", "no options"),
        ("postgres://u:geheim@h/", "names no database"),
        ("postgres://u:geheim@h/a/b", "names no database"),
        ("postgres://u:geheim@h:port/d", "port"),
        ("postgres://u:geheim@[::1/d", "cannot be read"),
        ("postgres://u:geheim@h/d?ssl=1", "sslmode"),
        ("postgres://u:geheim@h/d?sslmode", r"\?name=value"),
    ],
)
def test_an_address_that_is_not_understood_is_refused_with_the_cure_and_without_the_password(
    url: str, cure: str
) -> None:
    with pytest.raises(ConfigError, match=cure) as refused:
        database(url)

    assert "geheim" not in str(refused.value)
    assert "DATABASE_URL" in str(refused.value)
