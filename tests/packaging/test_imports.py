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


def test_the_rule_is_kept(pristine: Path) -> None:
    run = lint(pristine)

    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("place", "planted", "reported"),
    [
        ("crawler/planted.py", "import stores", "crawler.planted -> stores"),
        ("matcher/planted.py", "from crawler import fetch", "matcher.planted -> crawler"),
        ("config/planted.py", "import alerts", "config.planted -> alerts"),
        ("core/planted.py", "import matcher", "core.planted -> matcher"),
        ("web/planted.py", "from stillwatch import wiring", "web.planted -> stillwatch.wiring"),
        ("stores/planted.py", "import web", "stores.planted -> web"),
        ("matcher/planted.py", "import django", "matcher.planted -> django"),
        ("stillwatch/planted.py", "from django.db import models", "stillwatch.planted -> django"),
        ("alerts/planted.py", "import aiohttp", "alerts.planted -> aiohttp"),
        ("web/planted.py", "def page():\n    import scrapy", "web.planted -> scrapy"),
        ("config/planted.py", "import twisted.internet", "config.planted -> twisted"),
        ("stores/sql/planted.py", "import elasticsearch", "stores.sql.planted -> elasticsearch"),
        ("crawler/planted.py", "import redis", "crawler.planted -> redis"),
        ("matcher/planted.py", "from PIL import Image", "matcher.planted -> PIL"),
        ("alerts/planted.py", "import imagehash", "alerts.planted -> imagehash"),
    ],
)
def test_a_planted_violation_is_reported(pristine: Path, place: str, planted: str, reported: str) -> None:
    path = pristine / place
    path.write_text(f"{planted}\n")

    try:
        run = lint(pristine)
    finally:
        path.unlink()

    assert run.returncode == 1
    assert reported in run.stdout
