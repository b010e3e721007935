"""The kernel under the address and the undefined-behaviour sanitizer: it reads pixels that strangers chose."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL = Path(__file__).parents[3] / "matcher" / "planes" / "kernel"
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
    program = folder / "fuzz_planes"
    compiled = subprocess.run(
        [gcc, *SANITIZED, f"-I{kernel}", str(HERE / "fuzz_planes.c"), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([program], capture_output=True, text=True, check=False)


def test_nothing_outside_the_plane_is_touched(gcc: str, tmp_path: Path) -> None:
    run = fuzzed(gcc, tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "lines" in run.stdout


@pytest.mark.parametrize(
    ("check", "instead"),
    [
        pytest.param("PAD = 2,", "PAD = 0,", id="nothing around the plane"),
        pytest.param("while (chosen < most)", "while (chosen < count)", id="more lines than there is room for"),
        pytest.param(
            "(part->count - 1) * part->next, -part->next",
            "part->count * part->next, -part->next",
            id="backwards from beyond the end",
        ),
        pytest.param("size_t)height + 1) * sizeof *sums", "size_t)height) * sizeof *sums", id="a table too small"),
    ],
)
def test_a_missing_check_is_noticed(gcc: str, tmp_path: Path, check: str, instead: str) -> None:
    careless = tmp_path / "kernel"
    shutil.copytree(KERNEL, careless)
    text = (careless / "planes.c").read_text()
    assert text.count(check) == 1
    (careless / "planes.c").write_text(text.replace(check, instead))

    run = fuzzed(gcc, tmp_path, careless)

    assert run.returncode != 0
    assert "AddressSanitizer" in run.stderr
