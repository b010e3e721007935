"""Bit planes: the same answer as comparing every pair, however many planes there are and whoever made them."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import CallError
from matcher import hamming
from matcher.hamming import Words, slices
from tests.matcher.hamming.oracle import Case, cases, every_pair, flipped, listed

ANY_SIZE = st.sampled_from([0, 1, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1100])


@pytest.fixture(params=hamming.engines())
def each_engine(request: pytest.FixtureRequest) -> Iterator[None]:
    with hamming.engine(request.param):
        yield


def some(count: int, width: int, seed: int = 0) -> Words:
    return np.random.default_rng(seed).integers(0, 2**64, (count, width), np.uint64)


def in_order(pairs: hamming.Pairs) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in pairs), strict=True))


@pytest.mark.usefixtures("each_engine")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(case=cases(), planes=st.none() | st.integers(0, 256), threads=st.sampled_from([1, 2]))
def test_a_search_finds_what_comparing_every_pair_finds(case: Case, planes: int | None, threads: int) -> None:
    bits = 64 * case.hashes.shape[1]
    laid = None if planes is None else slices.make(case.hashes, min(planes, bits))

    found = slices.search(laid, case.hashes, bits, case.queries, case.threshold, threads=threads)

    assert in_order(found) == every_pair(case.hashes, case.queries, case.threshold)


@pytest.mark.usefixtures("each_engine")
@pytest.mark.parametrize(("bits", "threshold"), [(256, 31), (256, 45), (256, 63), (64, 6), (64, 10), (64, 20)])
@pytest.mark.parametrize("asked", [3, 80])
def test_what_lies_in_a_file_is_searched_as_it_lies(bits: int, threshold: int, asked: int) -> None:
    """Read-only bytes that begin anywhere, as a mapped file gives them; several blocks, the last of them not full."""
    chance = np.random.default_rng(threshold)
    hashes = some(1700, bits // 64)
    queries = flipped(hashes[::20][:asked], chance.integers(threshold - 1, threshold + 2, asked).tolist(), chance)
    rows, planes = hashes.astype("<u8").tobytes(), slices.planes_of(hashes.astype("<u8").tobytes(), bits)
    expected = every_pair(hashes, queries, threshold)

    for lead in (b"", b"?", b"?" * 8):
        mapped_planes, mapped_rows = (memoryview(lead + part)[len(lead) :] for part in (planes, rows))
        assert in_order(slices.search(mapped_planes, mapped_rows, bits, queries, threshold)) == expected


@settings(max_examples=60, deadline=None)
@given(count=ANY_SIZE, width=st.integers(1, 4), planes=st.integers(0, 256), seed=st.integers(0, 2**32))
@example(count=66_000, width=4, planes=24, seed=0)  # more than are made at once
def test_every_engine_makes_the_same_planes(count: int, width: int, planes: int, seed: int) -> None:
    hashes = some(count, width, seed)
    made = []

    for name in hamming.engines():
        with hamming.engine(name):
            made.append(slices.make(hashes, min(planes, 64 * width)))

    assert all(np.array_equal(each, made[0]) for each in made)


@pytest.mark.usefixtures("each_engine")
def test_a_plane_holds_the_bit_that_the_layout_says() -> None:
    hashes = some(700, 4)

    planes = slices.make(hashes, 256)

    assert planes.shape == (2, 256, 8)
    for lane in (0, 63, 64, 511, 512, 699):
        for plane in range(256):
            bit = plane * 159 % 256
            held = int(planes[lane // 512, plane, lane % 512 // 64]) >> lane % 64 & 1
            assert held == int(hashes[lane, bit // 64]) >> bit % 64 & 1
    assert not planes[1, :, 3:].any()


@settings(max_examples=60, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_damaged_planes_name_nobody_wrongly(case: Case, seed: int) -> None:
    """They may miss somebody, which a checksum must tell; what is reported is true."""
    bits = 64 * case.hashes.shape[1]
    shape = slices.make(case.hashes, bits).shape
    damaged = np.random.default_rng(seed).integers(0, 2**64, shape, np.uint64)

    found = listed(slices.search(damaged, case.hashes, bits, case.queries, case.threshold))

    truth = every_pair(case.hashes, case.queries, case.threshold)
    assert set(found) <= set(truth)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("bits", "threshold", "planes"), [(256, 31, 120), (64, 10, 48), (256, 63, 192), (256, 0, 24), (256, 120, None)]
)
def test_a_wider_threshold_wants_more_planes(bits: int, threshold: int, planes: int | None) -> None:
    assert slices.wanted(threshold, bits) == planes


def test_what_is_kept_is_what_the_usual_thresholds_want() -> None:
    assert len(slices.planes_of(bytes(32 * 512), 256)) == 15 * 512
    assert len(slices.planes_of(bytes(8 * 513), 64)) == 6 * 1024
    assert slices.planes_of(b"", 256) == b""


def test_hundreds_of_queries_at_a_wide_threshold_need_no_planes_kept() -> None:
    chance = np.random.default_rng(1)
    hashes = some(70_000, 4)
    queries = some(100, 4, seed=2)
    queries[::10] = flipped(hashes[-10:], [63] * 10, chance)

    found = slices.search(slices.make(hashes, 96), hashes, 256, queries, 63, threads=2)

    assert in_order(found) == [(10 * row, 69_990 + row, 63) for row in range(10)]


def test_more_pairs_than_there_was_room_for_all_come() -> None:
    hashes = np.zeros((9000, 4), np.uint64)

    found = slices.search(slices.make(hashes, 96), hashes, 256, hashes[:7], 0)

    assert in_order(found) == [(row, entry, 0) for row in range(7) for entry in range(9000)]


@pytest.mark.parametrize(
    ("planes", "rows", "bits", "width"),
    [
        pytest.param(bytes(64), bytes(33), 256, 4, id="rows that end in the middle"),
        pytest.param(bytes(64), bytes(32), 250, 4, id="bits that are no words"),
        pytest.param(bytes(64), bytes(32), 0, 4, id="no bits"),
        pytest.param(bytes(64), np.zeros((3, 4), np.int64), 256, 4, id="rows of another type"),
        pytest.param(bytes(64), np.zeros((3, 1), np.uint64), 256, 4, id="rows of another width"),
        pytest.param(bytes(63), bytes(32), 256, 4, id="planes that end in the middle"),
        pytest.param(bytes(64 * 3), bytes(32 * 513), 256, 4, id="planes of one block for hashes of two"),
        pytest.param(bytes(64 * 257), bytes(32), 256, 4, id="more planes than bits"),
        pytest.param(np.zeros((1, 3, 8), np.uint32), bytes(32), 256, 4, id="planes of another type"),
        pytest.param(bytes(64), bytes(32), 256, 1, id="queries of another width"),
    ],
)
def test_what_does_not_belong_together_is_refused(planes: bytes, rows: bytes, bits: int, width: int) -> None:
    with pytest.raises(CallError):
        slices.search(planes, rows, bits, some(2, width), 31)


def test_too_many_planes_are_refused() -> None:
    with pytest.raises(CallError, match="at most as many as bits"):
        slices.make(some(3, 1), 65)


def test_more_hashes_than_can_be_numbered_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("w+b") as file:
        file.truncate(8 * 2**32)
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    with pytest.raises(CallError, match="a part at a time"):
        slices.search(None, memoryview(mapped), 64, some(1, 1), 10)
