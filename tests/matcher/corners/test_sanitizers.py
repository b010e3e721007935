"""The kernel under the address and the undefined-behaviour sanitizer: it reads pixels that strangers chose."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL = Path(__file__).parents[3] / "matcher" / "corners" / "kernel"
SANITIZED = (
    *("-O1", "-g", "-std=c11", "-Wall", "-Wextra", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gcc() -> str:
    path = shutil.which("gcc")
    if path is None:
        pytest.skip("no C compiler; the cure: sudo apt install gcc")
    return path


def fuzzed(gcc: str, folder: Path, kernel: Path = KERNEL) -> subprocess.CompletedProcess[str]:
    program = folder / "fuzz_corners"
    compiled = subprocess.run(
        [gcc, *SANITIZED, f"-I{kernel}", str(HERE / "fuzz_corners.c"), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([program], capture_output=True, text=True, check=False)


def test_nothing_outside_the_plane_is_touched(gcc: str, tmp_path: Path) -> None:
    run = fuzzed(gcc, tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "corners" in run.stdout


@pytest.mark.parametrize(
    ("check", "instead"),
    [
        pytest.param("BORDER = 19,", "BORDER = 14,", id="a border too narrow"),
        pytest.param("if (rank[at] < quota) starts", "starts", id="more in a cell than are asked for"),
        pytest.param(
            "lower = desk->y[y] + 1 < from->height ? upper + width : upper",
            "lower = upper + 9 * width",
            id="a line below the last",
        ),
    ],
)
def test_a_missing_check_is_noticed(gcc: str, tmp_path: Path, check: str, instead: str) -> None:
    careless = tmp_path / "kernel"
    shutil.copytree(KERNEL, careless)
    text = (careless / "corners.c").read_text()
    assert text.count(check) == 1
    (careless / "corners.c").write_text(text.replace(check, instead))

    run = fuzzed(gcc, tmp_path, careless)

    assert run.returncode != 0
    assert "AddressSanitizer" in run.stderr
