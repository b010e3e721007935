"""The dependency rule is enforced: what breaks it is reported."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
LINT_IMPORTS = ROOT / ".venv" / "bin" / "lint-imports"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, without their data."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=only_code)
    return tree


def only_code(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False)


PLANTED = {
    "crawler/planted_room.py": ("import stores", "crawler.planted_room -> stores"),
    "matcher/planted_room.py": ("from crawler import fetch", "matcher.planted_room -> crawler.fetch"),
    "config/planted_room.py": ("import alerts", "config.planted_room -> alerts"),
    "stores/planted_top.py": ("import web", "stores.planted_top -> web"),
    "web/planted_top.py": ("from stillwatch import wiring", "web.planted_top -> stillwatch.wiring"),
    "core/planted_top.py": ("import matcher", "core.planted_top -> matcher"),
    "matcher/planted_django.py": ("import django", "matcher.planted_django -> django"),
    "stillwatch/planted_django.py": ("from django.db import models", "stillwatch.planted_django -> django"),
    "alerts/planted_fetch.py": ("import aiohttp", "alerts.planted_fetch -> aiohttp"),
    "web/planted_fetch.py": ("def page():\n    import scrapy", "web.planted_fetch -> scrapy"),
    "config/planted_fetch.py": ("import twisted.internet", "config.planted_fetch -> twisted"),
    "stores/sql/planted_search.py": ("import elasticsearch", "stores.sql.planted_search -> elasticsearch"),
    "crawler/planted_redis.py": ("import redis", "crawler.planted_redis -> redis"),
    "matcher/planted_picture.py": ("from PIL import Image", "matcher.planted_picture -> PIL"),
    "alerts/planted_picture.py": ("import imagehash", "alerts.planted_picture -> imagehash"),
}


def test_the_rule_is_kept(pristine: Path) -> None:
    run = lint(pristine)

    assert run.returncode == 0, run.stdout


@pytest.fixture(scope="module")
def report(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is reported when all of them are planted at once."""
    tree = tmp_path_factory.mktemp("planted") / "tree"
    shutil.copytree(pristine, tree)
    for path, (code, _) in PLANTED.items():
        (tree / path).write_text(f"{code}\n")
    run = lint(tree)
    assert run.returncode == 1
    return run.stdout


@pytest.mark.parametrize("path", PLANTED)
def test_a_planted_violation_is_reported(report: str, path: str) -> None:
    _, line = PLANTED[path]

    assert f"{line} (l." in report
