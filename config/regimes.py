"""The laws a notice can rest on: config/regimes.toml, or the table the operator put in its place."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config.tables import Table, read_toml
from core.errors import ConfigError
from core.model import Regime

FILE = "regimes.toml"
KEYS = ("name", "citation", "elements", "removal_h", "copies", "in_force", "source", "checked_on")


def read_regimes(folder: Path, shipped: Path) -> Mapping[str, Regime]:
    """The table in `folder` if there is one, else the shipped one: whole, never mixed. Raises ConfigError."""
    path = folder / FILE
    if not path.is_file():
        path = shipped / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read as text; make it readable, or remove it to use the shipped table"
        ) from error
    return parse_regimes(text, path)


def parse_regimes(text: str, path: Path) -> Mapping[str, Regime]:
    rows = read_toml(text, path)
    if not rows:
        raise ConfigError(f"{path}: no law in it; remove the file to use the shipped table")
    return {name: _regime(name, row, path) for name, row in rows.items()}


def _regime(name: str, row: object, path: Path) -> Regime:
    table = Table(path, name, row, KEYS)
    source = table.text("source")
    if urlsplit(source).scheme not in ("http", "https"):
        raise table.fault("source", "must be the URL where the law was read")
    elements = table.texts("elements")
    if not elements or len(set(elements)) != len(elements):
        raise table.fault("elements", "must name each required element once")
    return Regime(
        id=name,
        name=table.text("name"),
        citation=table.text("citation"),
        elements=elements,
        # A law without a fixed time, or whose commencement is not known, leaves the key out: nothing is then assumed.
        removal_h=table.number("removal_h", 0, 0.1, 24 * 365) if "removal_h" in table else None,
        copies=table.text("copies") if "copies" in table else "",
        in_force=table.day("in_force") if "in_force" in table else None,
        source=source,
        checked_on=table.day("checked_on"),
    )
