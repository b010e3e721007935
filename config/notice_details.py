"""The file that `person set` takes: what a notice must carry about a person."""

import contextlib
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path

from config.nearest import unknown_key
from core.errors import CallError
from core.model import NoticeDetails

CAPACITIES = ("subject", "authorised_representative")
TEXTS = ("name", "contact", "capacity", "statement")


def read_notice_details(path: Path) -> NoticeDetails:
    """Every key may be missing: the notice then says which element it still needs. Raises CallError."""
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise CallError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise CallError(f"{path}: not TOML: {error}") from error
    for key in table:
        if key not in (*TEXTS, "signed_at"):
            raise CallError(f"{path}: {unknown_key(key, (*TEXTS, 'signed_at'))}")
    for key in TEXTS:
        if not isinstance(table.get(key, ""), str):
            raise CallError(f'{path}: {key} must be text, in "quotes"')
    capacity = table.get("capacity", "").strip()
    if capacity and capacity not in CAPACITIES:
        raise CallError(f"{path}: capacity must be one of {', '.join(CAPACITIES)}")
    return NoticeDetails(
        name=table.get("name", "").strip(),
        contact=table.get("contact", "").strip(),
        capacity=capacity,
        statement=table.get("statement", "").strip(),
        signed_at=_moment(path, table.get("signed_at")),
    )


def _moment(path: Path, value: object) -> datetime | None:
    """A TOML date or time, or text that reads as one; without a zone it is UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        with contextlib.suppress(ValueError):  # then it stays text, and is refused below
            value = datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if not isinstance(value, datetime):
        raise CallError(f"{path}: signed_at must be a date or a time, for instance 2026-11-23")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
