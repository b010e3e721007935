"""The root packages: ours, all of them declared, and nobody else's name."""

import ast
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
ONLY_FOR_TYPES = {"_typeshed"}  # there for the type checker, never at run time
USED_WITHOUT_A_NAME = {"tzdata"}  # zoneinfo reads it where the system has none
each_package = pytest.mark.parametrize("package", PACKAGES)


@each_package
def test_a_root_package_is_ours(package: str) -> None:
    spec = importlib.util.find_spec(package)

    assert spec is not None
    assert spec.origin == str(ROOT / package / "__init__.py")


@each_package
def test_no_dependency_ships_a_top_level_name_of_ours(package: str) -> None:
    others = [
        f"{distribution.name}: {path}"
        for distribution in distributions()
        if distribution.name != "stillwatch"
        for path in distribution.files or ()
        if path.parts[0] in {package, f"{package}.py"}
    ]

    assert others == []


def test_every_folder_with_code_is_a_declared_package() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}

    assert folders == set(PACKAGES)
    patterns = PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(patterns) == {pattern for package in PACKAGES for pattern in (package, f"{package}.*")}
    assert set(PACKAGES) < set(PYPROJECT["tool"]["mypy"]["packages"])


@each_package
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}

    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_core_imports_only_the_standard_library() -> None:
    imported = dict(imports_of("core"))

    assert imported, "core was not read"
    assert set(imported) <= set(sys.stdlib_module_names) | {"core"}, imported


def test_what_we_import_is_declared() -> None:
    shipped_by = packages_distributions()
    project = PYPROJECT["project"]
    declared = {
        re.split(r"[\[<>=~ ]", requirement)[0].lower()
        for requirement in (
            *project["dependencies"],
            *project["optional-dependencies"]["postgres"],
            *project["optional-dependencies"]["video"],
            *project["optional-dependencies"]["rendered"],
        )
    }

    undeclared = {
        f"{where} imports {name}"
        for package in PACKAGES
        for name, where in imports_of(package)
        if name not in {*sys.stdlib_module_names, *PACKAGES, *ONLY_FOR_TYPES}
        and not {each.lower() for each in shipped_by.get(name, ())} & declared
    }

    assert undeclared == set()


def test_what_is_declared_is_used() -> None:
    names_of: dict[str, set[str]] = {}
    for name, shippers in packages_distributions().items():
        for shipper in shippers:
            names_of.setdefault(shipper.lower(), set()).add(name)
    code = "\n".join(path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

    unused = {
        requirement
        for requirement in PYPROJECT["project"]["dependencies"]
        for distribution in (re.split(r"[\[<>=~ ]", requirement)[0].lower(),)
        if distribution not in USED_WITHOUT_A_NAME
        and not any(re.search(rf"(import|from) {name}\b|[\"']{name}\.", code) for name in names_of[distribution])
    }

    assert unused == set()


def imports_of(package: str) -> Iterator[tuple[str, str]]:
    """(top-level name, file) of each import in a package."""
    for path in sorted((ROOT / package).rglob("*.py")):
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    yield from ((name.name.split(".")[0], where) for name in names)
                case ast.ImportFrom(module=str(module), level=0):
                    yield module.split(".")[0], where
                case _:
                    pass  # any other node
