"""The matcher's kernel is built where there is a C compiler; where there is none, the install goes on and NumPy does the work."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Says which engine runs, and whether it finds a hash that is 31 bits away, and none that is 32.
ASK = """
from matcher import hamming
from matcher.index import HashIndex, words

found = HashIndex.build(words(["00" * 32] * 3000)).search(words(["00" * 28 + "7fffffff", "00" * 28 + "ffffffff"]))
print(hamming.describe())
print(len(found.rows), set(found.rows.tolist()), set(found.distances.tolist()))
"""


def clone(tmp_path: Path) -> Path:
    """What somebody who gets the repository has: nothing that was built here."""
    tree = tmp_path / "clone"
    for name in ("core", "matcher"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tree)
    return tree


def engine_of(tree: Path, tmp_path: Path, **environment: str) -> list[str]:
    """Installs it the way scripts/environment does, but into a folder, and asks which engine runs there."""
    folder = tmp_path / "installed"
    command = ["pip", "install", "--quiet", "--offline", "--no-cache", "--no-deps", "--no-build-isolation"]
    installed = subprocess.run(
        [ROOT / ".venv/bin/uv", *command, "--python", sys.executable, "--target", folder, tree],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    answer = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.splitlines()


@pytest.mark.parametrize(
    "environment", [{"CC": "/bin/false"}, {"PATH": "/nowhere"}], ids=["a compiler that fails", "no compiler"]
)
def test_without_a_compiler_the_install_goes_on_and_numpy_does_the_work(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    engine, found = engine_of(clone(tmp_path), tmp_path, **environment)

    assert engine.startswith("NumPy")
    assert "compiler" in engine
    assert found == "3000 {0} {31}"


def test_with_a_compiler_the_kernel_is_built_and_used(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler; the cure: sudo apt install gcc")

    engine, found = engine_of(clone(tmp_path), tmp_path)

    assert engine.startswith("C kernel")
    assert found == "3000 {0} {31}"


def test_a_source_archive_holds_all_that_the_kernels_are_built_from(tmp_path: Path) -> None:
    build = "import setuptools.build_meta as backend; backend.build_sdist('..')"
    subprocess.run([sys.executable, "-c", build], cwd=clone(tmp_path), check=True, capture_output=True)

    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        packed = {Path(*Path(name).parts[1:]) for name in opened.getnames()}
    sources = [path.relative_to(ROOT) for path in (ROOT / "matcher").glob("*/kernel/*") if path.suffix in {".c", ".h"}]
    assert {path.parts[1] for path in sources} == {"corners", "hamming", "planes"}
    assert packed.issuperset(sources)
