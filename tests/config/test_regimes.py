from datetime import date
from pathlib import Path

import pytest

import config
from config.regimes import parse_regimes, read_regimes
from core.errors import ConfigError
from core.model import Regime

SHIPPED = Path(config.__file__).parent
ROW = """
[xx_law]
name = "A law"
citation = "Law 1, section 2"
elements = ["signature", "contact"]
source = "https://law.example/1"
checked_on = 2026-11-22
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_regimes(text, Path("regimes.toml"))
    return str(caught.value)


@pytest.mark.parametrize("row", read_regimes(Path("/nonexistent"), SHIPPED).values(), ids=lambda row: row.id)
def test_every_shipped_law_says_where_and_when_it_was_read(row: Regime) -> None:
    assert row.source.startswith("https://")
    assert date(2026, 1, 1) < row.checked_on <= date(2026, 11, 22)
    assert row.elements
    assert row.citation


def test_what_is_not_known_of_a_law_is_not_assumed() -> None:
    row = parse_regimes(ROW, Path("regimes.toml"))["xx_law"]

    assert (row.removal_h, row.copies, row.in_force) == (None, "", None)


@pytest.mark.parametrize("key", ["name", "citation", "elements", "source", "checked_on"])
def test_a_law_without_a_required_part_is_refused(key: str) -> None:
    text = "\n".join(line for line in ROW.splitlines() if not line.startswith(key))

    assert refusal(text) == f"regimes.toml: [xx_law]: {key} is missing; write it into the file"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("citation", "citaton", "did you mean 'citation'?"),
        ('"https://law.example/1"', '"a book"', "must be the URL"),
        ('["signature", "contact"]', "[]", "each required element once"),
        ('["signature", "contact"]', '["contact", "contact"]', "each required element once"),
        ("checked_on = 2026-11-22", 'checked_on = "soon"', "must be a date"),
        ("[xx_law]", "[xx_law]\nremoval_h = 0", "removal_h must be a number"),
    ],
)
def test_a_wrong_law_is_refused_with_its_table_and_key(old: str, new: str, said: str) -> None:
    assert said in refusal(ROW.replace(old, new))


def test_an_empty_table_is_refused() -> None:
    assert "no law in it" in refusal("# nothing")


def test_a_row_that_is_no_table_is_refused() -> None:
    assert "must be a table" in refusal("xx_law = 3")


def test_the_operators_table_replaces_the_shipped_one_whole(tmp_path: Path) -> None:
    (tmp_path / "regimes.toml").write_text(ROW, encoding="utf-8")

    assert list(read_regimes(tmp_path, SHIPPED)) == ["xx_law"]
    assert list(read_regimes(tmp_path / "nothing", SHIPPED)) == ["us_tida"]


def test_a_table_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "regimes.toml").write_bytes(b"\xff")

    with pytest.raises(ConfigError, match=r"regimes\.toml"):
        read_regimes(tmp_path, SHIPPED)
