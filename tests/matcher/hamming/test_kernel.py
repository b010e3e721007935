"""Which engine does the work, and what happens where there is none."""

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from core.errors import CallError
from matcher import hamming, kernels
from matcher.hamming import kernel
from matcher.index import HashIndex
from tests.matcher.test_index import every_pair, searched


@pytest.fixture
def fresh() -> Iterator[None]:
    """What was found out about this machine is forgotten before and after."""
    found_out = (kernel.library, kernel._proven, kernel._fastest)
    for each in found_out:
        each.cache_clear()
    yield
    for each in found_out:
        each.cache_clear()


def some_hashes(count: int) -> hamming.Words:
    return np.random.default_rng(3).integers(0, 2**64, (count, 4), np.uint64)


def test_every_engine_gives_the_same_answer() -> None:
    hashes = some_hashes(1500)
    queries = hashes[:40] ^ np.uint64(0b1011)
    expected = every_pair(hashes[:60], queries, 31)
    assert len(expected) == 40

    for name in hamming.engines():
        with hamming.engine(name):
            assert searched(HashIndex.build(hashes), queries, 31) == expected, name


def test_an_index_built_by_one_engine_is_searched_by_another() -> None:
    hashes = some_hashes(6000)
    built = {}
    for name in hamming.engines():
        with hamming.engine(name):
            built[name] = HashIndex.build(hashes)

    for builder, index in built.items():
        for name in hamming.engines():
            with hamming.engine(name):
                assert searched(index, hashes[:20], 31) == [(row, row, 0) for row in range(20)], (builder, name)


def test_an_engine_that_this_machine_lacks_is_refused_by_name() -> None:
    with pytest.raises(CallError, match="there are: numpy"), hamming.engine("abacus"):
        pass


def test_without_a_compiler_numpy_does_the_work_and_says_so(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "EXTENSION_SUFFIXES", [".never-built"])

    assert hamming.engines() == ("numpy",)
    assert hamming.describe().startswith("NumPy")
    assert "compiler" in hamming.describe()
    assert searched(HashIndex.build(some_hashes(5000)), some_hashes(5000)[7:8], 31) == [(0, 7, 0)]


def test_a_kernel_that_answers_wrongly_is_not_used(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    if kernel.library() is None:
        pytest.skip("the kernel is not built here")
    honest = kernel.Kernel.search
    monkeypatch.setattr(
        kernel.Kernel, "search", lambda self, bands, queries, threshold: honest(self, bands, queries, threshold - 1)
    )

    assert hamming.engines() == ("numpy",)
    assert "wrong answers" in hamming.describe()


def test_a_library_that_is_not_ours_is_not_used(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())

    assert kernel.library() is None
    assert hamming.engines() == ("numpy",)
    assert "install" in hamming.describe()


@pytest.mark.parametrize("name", hamming.engines())
def test_more_pairs_than_there_was_room_for_all_come(name: str) -> None:
    hashes = np.zeros((1500, 4), np.uint64)
    hashes[:, 3] = np.arange(1500)  # all within 11 bits of each other

    with hamming.engine(name):
        found = HashIndex.build(hashes).search(hashes[:8], 31)

    assert len(found.rows) == 8 * 1500


@pytest.mark.parametrize("name", hamming.engines())
def test_equal_hashes_are_held_once_and_all_found(name: str) -> None:
    hashes = some_hashes(2000)
    hashes[1000:] = hashes[:1000]
    hashes[5] = hashes[6]

    with hamming.engine(name):
        index = HashIndex.build(hashes)
        assert len(index) == 2000
        assert len(index.parts()["rows"]) == 1000  # 5 lives on at 1005
        assert searched(index, hashes[6:7], 0) == [(0, 5, 0), (0, 6, 0), (0, 1006, 0)]
        assert searched(index, hashes[1999:], 31) == [(0, 999, 0), (0, 1999, 0)]
