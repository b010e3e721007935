"""The kernel under the address and the undefined-behaviour sanitizer, on inputs that are damaged on purpose.

fuzz_bands.c and fuzz_slices.c hold the kernel's source, compare it with the slow and obvious way at every level this processor has, and
then search arrays of noise: what is found must still be true, and nothing outside of the arrays may be touched. AVX-512 is played by
SIMDe, so that it is tested where no processor has it.
"""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL = Path(__file__).parents[3] / "matcher" / "hamming" / "kernel"
SANITIZED = (
    *("-O1", "-g", "-std=c11", "-Wall", "-Wextra", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
PLAYED = (
    "-mavx2",
    "-mpopcnt",
    "-mbmi",
    "-mbmi2",
    "-Wno-psabi",
    "-Wno-unused-function",
    "-include",
    str(HERE / "simde.h"),
)
BESIDE = {"fuzz_bands.c": (), "fuzz_slices.c": ("bands.c",)}  # which knows what the processor can do
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # seconds: a busy machine compiles SIMDe for a minute
each_fuzzer = pytest.mark.parametrize("fuzzer", BESIDE)


@pytest.fixture(scope="module")
def gcc() -> str:
    path = shutil.which("gcc")
    if path is None:
        pytest.skip("no C compiler; the cure: sudo apt install gcc")
    return path


def fuzzed(
    gcc: str, fuzzer: str, folder: Path, *options: str, kernel: Path = KERNEL
) -> subprocess.CompletedProcess[str]:
    program = folder / fuzzer.removesuffix(".c")
    others = [] if "-include" in options else [str(kernel / name) for name in BESIDE[fuzzer]]
    compiled = subprocess.run(
        [gcc, *SANITIZED, *options, f"-I{kernel}", str(HERE / fuzzer), *others, "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([program], capture_output=True, text=True, check=False)


@each_fuzzer
def test_nothing_outside_the_arrays_is_touched_and_every_level_is_right(gcc: str, fuzzer: str, tmp_path: Path) -> None:
    run = fuzzed(gcc, fuzzer, tmp_path)

    assert run.returncode == 0, run.stderr
    assert "rounds at" in run.stdout


@each_fuzzer
def test_so_it_is_at_the_level_that_this_processor_may_lack(gcc: str, fuzzer: str, tmp_path: Path) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("AVX-512 is no level of this kind of processor; the cure: run it on x86-64")
    found = subprocess.run(
        [gcc, "-E", "-include", "simde/x86/avx512.h", "-xc", "/dev/null"], capture_output=True, check=False
    )
    if found.returncode != 0:
        pytest.skip("no SIMDe; the cure: sudo apt install libsimde-dev")

    run = fuzzed(gcc, fuzzer, tmp_path, *PLAYED)

    assert run.returncode == 0, run.stderr
    assert "rounds at 3 levels" in run.stdout


@pytest.mark.parametrize(
    ("fuzzer", "source", "check", "complaint"),
    [
        pytest.param(
            "fuzz_bands.c",
            "bands_level.h",
            "if (row >= search->index->count) continue;",
            "AddressSanitizer",
            id="a row that is not there",
        ),
        pytest.param(
            "fuzz_slices.c",
            "slices_level.h",
            "if (left < 64) near &= ((uint64_t)1 << left) - 1;",
            "AddressSanitizer",
            id="a lane that is nobody",
        ),
        pytest.param(
            "fuzz_slices.c",
            "slices_level.h",
            "if (distance <= search->threshold)",
            "does not hold",
            id="a distance that nobody looked at",
        ),
    ],
)
def test_a_missing_check_is_noticed(
    gcc: str, tmp_path: Path, *, fuzzer: str, source: str, check: str, complaint: str
) -> None:
    careless = tmp_path / "kernel"
    shutil.copytree(KERNEL, careless)
    text = (careless / source).read_text()
    assert text.count(check) == 1
    (careless / source).write_text(text.replace(check, ""))

    run = fuzzed(gcc, fuzzer, tmp_path, "-O0", kernel=careless)  # compiled in a third of the time, and soon at its end

    assert run.returncode != 0
    assert complaint in run.stderr
