"""./run and ./test: what they do on a machine that lacks something, that is offline, or that has it all already."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.namespace import NO_NAMESPACE, in_own_network, namespaces_work

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh checkout, with as much of it as the set-up reads."""
    tree = tmp_path / "checkout"
    for path in ("run", "test", "scripts/environment", "pyproject.toml", "requirements", "matcher/__init__.py"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, tree / path)
    return tree


def programs(folder: Path, script: str) -> dict[str, str]:
    """An environment in which every Python that could be found is this shell script."""
    folder.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:/usr/bin:/bin"}


def offline(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    if not namespaces_work():
        pytest.skip(NO_NAMESPACE)
    return in_own_network("env", "--chdir", str(checkout), "PIP_RETRIES=0", "UV_HTTP_RETRIES=0", *command)


def test_without_the_venv_module_it_names_the_one_line_that_cures(checkout: Path, tmp_path: Path) -> None:
    environment = programs(tmp_path / "bin", 'case "$*" in *version_info*) exit 0 ;; *) exit 1 ;; esac')

    run = subprocess.run([checkout / "run"], env=environment, capture_output=True, text=True, check=False)

    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == "stillwatch: needs Python's venv module; the cure: sudo apt install python3-venv\n"
    assert not (checkout / ".venv").exists()


def test_without_a_new_enough_python_it_says_which(checkout: Path, tmp_path: Path) -> None:
    environment = programs(tmp_path / "bin", "exit 1")

    run = subprocess.run([checkout / "test"], env=environment, capture_output=True, text=True, check=False)

    assert run.returncode == 2
    assert "Python 3.11 or newer; the cure: sudo apt install" in run.stderr


def test_a_set_up_that_broke_off_is_taken_up_by_the_next_call(checkout: Path) -> None:
    first = offline(checkout, "./run")
    second = offline(checkout, "./run")

    for run in (first, second):
        assert run.returncode == 1
        assert run.stdout == ""
        assert "the set-up broke off" in run.stderr
    assert "making .venv" in first.stderr
    assert "making .venv" not in second.stderr
    assert not list((checkout / ".venv").glob(".stillwatch-*"))


def test_an_environment_that_was_only_half_made_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)

    run = offline(checkout, "./run")

    assert "making .venv" in run.stderr
    assert (checkout / ".venv" / "bin" / "pip").exists()


def test_of_two_at_once_the_second_waits_for_the_first(checkout: Path, tmp_path: Path) -> None:
    environment = programs(tmp_path / "bin", "exit 1")
    folder = os.open(checkout, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    with subprocess.Popen([checkout / "run"], env=environment, stderr=subprocess.PIPE, text=True) as second:
        assert second.stderr is not None
        assert second.stderr.readline() == "stillwatch: another set-up is running here; waiting for it\n"
        os.close(folder)

        assert "needs Python 3.11" in second.stderr.read()


def test_when_nothing_changed_nothing_is_done_and_no_network_is_needed() -> None:
    set_up = offline(ROOT, "scripts/environment", "run")
    again = offline(ROOT, "scripts/environment", "run")

    assert set_up.returncode == 0, f"{set_up.stderr}; the cure: ./test"
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.parametrize("package", ["django", "numpy", "scrapy", "typer"])
def test_what_is_installed_is_compiled_once_and_not_by_every_process(package: str) -> None:
    found = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", f"import {package}; print({package}.__file__, {package}.__cached__)"],
        capture_output=True,
        text=True,
        check=True,
    )

    file, compiled = map(Path, found.stdout.split())
    assert (file.is_file(), compiled.is_file()) == (True, True), "the cure: scripts/environment run"


def test_run_hands_its_arguments_on_and_adds_nothing_to_standard_output() -> None:
    straight = subprocess.run([ROOT / ".venv/bin/stillwatch", "settings", "--json"], capture_output=True, check=True)

    run = subprocess.run([ROOT / "run", "settings", "--json"], capture_output=True, check=True)

    assert run.stdout == straight.stdout


def test_an_unknown_level_is_refused() -> None:
    run = subprocess.run([ROOT / "scripts/environment", "all"], capture_output=True, text=True, check=False)

    assert run.returncode == 2
    assert "run, test or bench, not 'all'" in run.stderr
