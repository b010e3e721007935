"""What is installed elsewhere: all of the packages, with their data, the kernel where there is a compiler, and nothing else."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]

# Made by running, or an operator's own.
NOT_PACKED = shutil.ignore_patterns("__pycache__", ".*", "*.so", "settings.toml", "sites")


KERNELS = ("matcher/hamming/kernel/", "matcher/corners/kernel/", "matcher/planes/kernel/")


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=NOT_PACKED)
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tree)
    files = {
        str(path.relative_to(tree)) for package in PACKAGES for path in (tree / package).rglob("*") if path.is_file()
    }
    source = {name for name in files if name.startswith(KERNELS)}  # what the kernels are built from

    (tree / "config" / "settings.toml").write_text("mail_url = 'an operator's own'")
    (tree / "config" / "sites").mkdir(exist_ok=True)
    (tree / "config" / "sites" / "own.toml").write_text("")

    build = "import setuptools.build_meta as backend; backend.build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    built = {name for name in packed if name.endswith(".so")}
    assert all(any(name.startswith(kernel) for name in source) for kernel in KERNELS)
    assert packed - built == files - source
    assert len(built) == (0 if shutil.which("gcc") is None else len(KERNELS))
