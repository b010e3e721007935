"""The locks: every package pinned and hashed, no registry named, and each one an extension of the one before."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ["bootstrap", "run", "test", "bench"]
each_lock = pytest.mark.parametrize("name", LOCKS)


def read(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text()


def pins(name: str) -> dict[str, list[str]]:
    """Package → the lines that pin it: more than one where Python versions differ."""
    pinned: dict[str, list[str]] = {}
    for line in re.findall(r"^[a-z0-9].*$", read(name), re.MULTILINE):
        pinned.setdefault(re.split(r"[=\[ ]", line)[0], []).append(line.rstrip(" \\"))
    return pinned


def versions(lines: Iterable[str]) -> set[str]:
    """Without the systems they are for."""
    return {line.partition(" ;")[0] for line in lines}


@each_lock
def test_every_package_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", read(name))[1:]

    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[^ ]+", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@each_lock
def test_no_lock_names_a_registry(name: str) -> None:
    assert "://" not in read(name)
    assert not re.search(r"(?i)^\s*--(extra-)?index-url|^\s*--find-links", read(name), re.MULTILINE)


@pytest.mark.parametrize(("smaller", "larger"), [("run", "test"), ("test", "bench")])
def test_the_tests_run_with_the_versions_that_people_run(smaller: str, larger: str) -> None:
    small, large = pins(smaller), pins(larger)

    # A peer may ask for a package on every system that we ask for on some: the version is what counts.
    assert {package: versions(large.get(package, ())) for package in small} == {
        package: versions(lines) for package, lines in small.items()
    }
    assert len(large) > len(small)


@pytest.mark.parametrize(("name", "extras"), [("run", ["postgres"]), ("test", ["test", "dev"]), ("bench", ["bench"])])
def test_every_declared_dependency_is_locked(name: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + [each for extra in extras for each in project["optional-dependencies"][extra]]

    missing = {re.split(r"[\[<>=~ ]", requirement)[0] for requirement in declared} - set(pins(name))

    assert missing == set()


def test_the_build_backend_is_locked_because_nothing_is_fetched_while_building() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert pyproject["build-system"]["requires"] == pyproject["dependency-groups"]["build"]
    assert "setuptools" in pins("run")


def test_the_locked_elasticsearch_client_speaks_to_servers_8_and_9() -> None:
    assert pins("run")["elasticsearch"][0].startswith("elasticsearch==8.19.")
