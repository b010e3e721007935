"""Every command, setting, state, hash type and notice type stands in the documentation, and its links lead somewhere."""

import re
from pathlib import Path

import click
import pytest
import typer

from alerts.notices import NOTICES
from config.settings import describe
from core.model import State
from matcher.hashers import HASHERS
from stillwatch.cli import app
from stillwatch.wiring import ROOT as INSTALLED

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def commands(group: click.Group, prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, command in group.commands.items():
        below = getattr(command, "commands", None)
        names += commands(command, f"{prefix}{name} ") if below else [prefix + name]  # type: ignore[arg-type]  # a group has commands
    return names


@pytest.mark.parametrize("command", commands(typer.main.get_command(app)))  # type: ignore[arg-type]  # our app is a group
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in text("reference/commands.md")


@pytest.mark.parametrize("name", [row.name for row in describe({}, INSTALLED)])
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in text("reference/settings.md")


@pytest.mark.parametrize("state", State)
def test_every_state_is_documented(state: State) -> None:
    assert f"| `{state.value}` | {state.meaning} |" in text("reference/states.md")


@pytest.mark.parametrize("hasher", HASHERS)
def test_every_hash_type_is_documented(hasher: str) -> None:
    assert f"`{hasher}`" in text("reference/hash-set.md")


@pytest.mark.parametrize("notice", NOTICES)
def test_every_notice_type_is_documented(notice: str) -> None:
    assert f"`{notice}`" in text("how-to/handle-a-hit.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_library_examples_run() -> None:
    block = re.findall(r"```python\n(.*?)```", text("reference/library.md"), re.DOTALL)[0]

    exec(compile(block, "library.md", "exec"), {})  # noqa: S102  our own documentation
