"""`--all`: what would be skipped fails, with one named exception."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LACKS_REDIS = """
import pytest

def test_with_a_server(redis_url):
    raise AssertionError("there is none")
"""
LACKS_A_MODULE = """
import pytest

pytest.importorskip("a_module_that_nobody_has", reason="no such module; the cure: none")
"""
LACKS_JAVA = """
import pytest

def test_with_a_young_java():
    pytest.skip("no Java for Elasticsearch 9: it needs Java 21")
"""
IS_EXPECTED_TO_FAIL = """
import pytest

@pytest.mark.xfail(reason="known")
def test_known():
    assert False
"""


def run(tmp_path: Path, code: str, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_sample.py").write_text(code)
    environment = {"PYTHONPATH": str(ROOT), "PATH": path or "/usr/bin:/bin"}
    options = [
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        f"--config-file={ROOT}/pyproject.toml",
        f"--rootdir={tmp_path}",
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", [LACKS_REDIS, LACKS_A_MODULE], ids=["server", "module"])
def test_what_is_skipped_otherwise_fails_with_all(tmp_path: Path, code: str) -> None:
    nothing_on_path = str(tmp_path)

    usual = run(tmp_path, code, path=nothing_on_path)
    strict = run(tmp_path, code, "--all", path=nothing_on_path)

    assert "1 skipped" in usual.stdout
    assert "the cure:" in usual.stdout
    assert strict.returncode != 0
    assert "--all allows no skip" in strict.stdout
    assert "the cure:" in strict.stdout


def test_only_elasticsearch_9_without_java_may_be_skipped_with_all(tmp_path: Path) -> None:
    strict = run(tmp_path, LACKS_JAVA, "--all")

    assert strict.returncode == 0
    assert "1 skipped" in strict.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    strict = run(tmp_path, IS_EXPECTED_TO_FAIL, "--all")

    assert strict.returncode == 0
    assert "1 xfailed" in strict.stdout


FAILS_INSIDE = """
import pytest

@pytest.mark.own_network
def test_one():
    pass

@pytest.mark.own_network
def test_two():
    assert "seen inside" == ""
"""


def test_a_failure_in_a_network_of_its_own_is_a_failure_here(tmp_path: Path) -> None:
    from tests.namespace import NO_NAMESPACE, namespaces_work

    if not namespaces_work():
        pytest.skip(NO_NAMESPACE)

    strict = run(tmp_path, FAILS_INSIDE)

    assert strict.returncode == 1
    assert "seen inside" in strict.stdout
    assert "1 failed, 1 passed" in strict.stdout  # what the pytest inside says
