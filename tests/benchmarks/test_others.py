"""The other search benchmarks run, and find what was planted. Each stops by itself when an answer is wrong."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("faiss", reason="no faiss; the cure: uv pip install -e .[bench] (needs a compiler)")

from benchmarks import disk, plan, sizes, start, sweep  # they import faiss


def test_the_plan_compares_bands_with_every_pair(capsys: pytest.CaptureFixture[str]) -> None:
    plan.measure(sizes=(300,), wide=600)

    printed = capsys.readouterr().out

    assert printed.count("### numpy") == 3
    assert printed.count("| 300 |") == printed.count(": how many times faster")


def test_the_live_index_starts_from_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    start.measure(sizes=(20_000,), starts=1)

    printed = capsys.readouterr().out

    assert [line.split(" | ")[1] for line in printed.splitlines() if line.startswith("| 20,000")] == [
        "from files, in memory",
        "from files, on disk",
        "no files yet",
    ]


def test_a_start_from_too_few_for_files_is_refused() -> None:
    with pytest.raises(SystemExit, match="300 enrolled: too few"):
        start.measure(sizes=(300,), starts=1)


def test_the_sweep_finds_what_was_planted_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep.measure(2_000, tmp_path, rounds=1)
    sweep.measure(2_000, tmp_path, rounds=1)  # of the same segments

    printed = capsys.readouterr().out

    assert printed.count("Segments written") == 1
    assert printed.count("| 1 x 8 turns |") == 2


def test_a_sweep_that_misses_a_copy_stops_the_run(tmp_path: Path) -> None:
    """The segments are of other pictures than those that are said to be in them."""
    folder = tmp_path / "seen-2000"
    sweep.write(folder, 2_000)
    folder.rename(tmp_path / "seen-4000")

    with pytest.raises(SystemExit, match=r"ours: \d of 8 planted copies"):
        sweep.measure(4_000, tmp_path, rounds=1)


def test_files_are_forgotten_and_stay_what_they_are(tmp_path: Path) -> None:
    content = np.arange(10_000, dtype=np.uint8).tobytes()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(content)

    assert disk.forget(tmp_path) == len(content)
    assert (tmp_path / "inner" / "file").read_bytes() == content


@pytest.mark.parametrize(("text", "size"), [("10k", 10_000), ("1M", 1_000_000), ("300", 300)])
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert sizes.size_of(text) == size
