"""A TOML table read strictly: every key known, every value of its type, every fault with file, table, key and cure."""

import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from config.nearest import unknown_key
from core.errors import ConfigError


def read_toml(text: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f'{path}: not TOML: {error}; mend it there: a text stands in "quotes", an array and the name of a table in [brackets], '
            "and no key stands twice"
        ) from error


class Table:
    """One table of a file. `where` is what its faults begin with: the path, and the table's name if it has one."""

    def __init__(self, path: Path, name: str, table: object, known: Sequence[str]) -> None:
        self.where = f"{path}: [{name}]" if name else str(path)
        if not isinstance(table, dict):
            raise ConfigError(f"{self.where} must be a table; write it as [{name}]")
        self._path, self._name = path, name
        self._table: dict[str, object] = table
        unknown = [f"{self.where}: {unknown_key(key, known)}" for key in self._table if key not in known]
        if unknown:
            raise ConfigError("\n".join(unknown))

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def each(self) -> "Iterator[Table]":
        """Its keys one by one, each in a table of its own: what is wrong with one hides nothing of the others."""
        for key, value in self._table.items():
            yield Table(self._path, self._name, {key: value}, (key,))

    def fault(self, key: str, reason: str) -> ConfigError:
        return ConfigError(f"{self.where}: {key} {reason}")

    def text(self, key: str, default: str | None = None) -> str:
        """One line, not empty."""
        value = self._get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(key, 'must be text, in "quotes"')
        if not value.isprintable():
            raise self.fault(key, "must be one line of printable text")
        return value.strip()

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self else None

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        value = self._get(key, None if default is None else list(default))
        if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
            raise self.fault(key, 'must be an array of texts, for instance ["one", "two"]')
        return tuple(each.strip() for each in value)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.fault(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def whole_number(self, key: str, default: int, low: int, high: int) -> int:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fault(key, f"must be a whole number from {low} to {high}")
        return value

    def truth(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return value

    def day(self, key: str) -> date:
        value = self._get(key, None)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fault(key, "must be a date without quotes, for instance 2026-11-01")
        return value

    def table(self, key: str, known: Sequence[str], path: Path) -> "Table":
        return Table(path, key, self._table.get(key, {}), known)

    def _get(self, key: str, default: object) -> object:
        if key in self._table:
            return self._table[key]
        if default is None:
            raise self.fault(key, "is missing; write it into the file")
        return default
