"""Every engine finds exactly what comparing every pair finds, each pair once."""

import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.hamming import Bands, Pairs, Words, bands_numpy, near, slices
from matcher.hamming.bands import diagonals, quotas
from matcher.hamming.kernel import Kernel, Level, library
from matcher.hamming.kernel import engine as forced
from tests.matcher.hamming.oracle import Case, cases, every_pair, flipped, listed, told_of

Engine = Callable[[Case], Pairs]
Builder = Callable[[Words, int | None], Bands]
Searcher = Callable[..., Pairs]

NO_KERNEL = "no C kernel beside matcher/hamming/kernel.py; the cure: sudo apt install gcc, then ./test"
MIB = 2**20


def levels() -> list[Level]:
    """Those of this machine, right or wrong: what the kernel's own check leaves out must fail here, not go unseen."""
    built = library()
    return list(Level) if built is None else [level for level in Level if level <= built.kernel_level()]


def kernel(level: Level) -> Kernel:
    built = library()
    if built is None:
        pytest.skip(NO_KERNEL)
    return Kernel(built, level)


# --- The engines

NUMPY = "numpy"
C = [f"c-{level.name.lower()}" for level in levels()]


def builder(name: str) -> Builder:
    return bands_numpy.build if name == NUMPY else kernel(Level[name.removeprefix("c-").upper()]).build


def searcher(name: str) -> Searcher:
    return bands_numpy.search if name == NUMPY else kernel(Level[name.removeprefix("c-").upper()]).search


def bands_engine(built_by: str, searched_by: str) -> Engine:
    build, search = builder(built_by), searcher(searched_by)
    return lambda case: search(build(case.hashes, case.key_bits), case.queries, case.threshold)


def scan_engine(name: str) -> Engine:
    if name == NUMPY:
        return lambda case: near(case.queries, np.ascontiguousarray(case.hashes.T), case.threshold)
    scan = kernel(Level[name.removeprefix("c-").upper()]).scan
    return lambda case: scan(case.hashes, case.queries, case.threshold)


def slices_engine(name: str, *, all_planes: bool) -> Engine:
    """Over the planes that are worth keeping, and over all there are."""
    if name != NUMPY:
        kernel(Level[name.removeprefix("c-").upper()])  # skips where there is none

    def find(case: Case) -> Pairs:
        bits = 64 * case.hashes.shape[1]
        with forced(name.removeprefix("c-")):
            if all_planes:
                planes = slices.make(case.hashes, bits)
                return slices.search(planes, case.hashes, bits, case.queries, case.threshold, threads=2)
            rows = case.hashes.astype("<u8").tobytes()
            return slices.search(slices.planes_of(rows, bits), rows, bits, case.queries, case.threshold)

    return find


ENGINES: dict[str, Callable[[], Engine]] = {
    **{f"scan-{name}": partial(scan_engine, name) for name in (NUMPY, *C)},
    **{f"bands-{name}": partial(bands_engine, name, name) for name in (NUMPY, *C)},
    **{f"slices-{name}": partial(slices_engine, name, all_planes=False) for name in (NUMPY, *C)},
    **{f"slices-of-all-planes-{name}": partial(slices_engine, name, all_planes=True) for name in (NUMPY, *C)},
    # A file is written where there is a kernel and read where there is none, and the other way round.
    **{f"bands-numpy-then-{name}": partial(bands_engine, NUMPY, name) for name in C},
    **{f"bands-{name}-then-numpy": partial(bands_engine, name, NUMPY) for name in C},
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]()


@pytest.fixture(scope="module", params=[NUMPY, *C])
def bands(request: pytest.FixtureRequest) -> tuple[Builder, Searcher]:
    return builder(request.param), searcher(request.param)


# --- What all of them have in common


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_an_engine_finds_what_comparing_every_pair_finds(engine: Engine, case: Case) -> None:
    assert listed(engine(case)) == every_pair(case.hashes, case.queries, case.threshold)


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 513])
def test_sizes_about_a_block(engine: Engine, width: int, size: int) -> None:
    chance = np.random.default_rng(size)
    hashes = chance.integers(0, 2**64, (size, width), np.uint64)
    threshold = 31 if width == 4 else 10
    queries = flipped(hashes[-40:], chance.integers(threshold - 1, threshold + 2, min(size, 40)).tolist(), chance)

    found = listed(engine(Case(hashes, queries, threshold, key_bits=6)))

    assert found == every_pair(hashes, queries, threshold)


def test_each_threshold_of_a_short_hash(engine: Engine) -> None:
    """Where the quotas move from one band to the next."""
    chance = np.random.default_rng(3)
    hashes = chance.integers(0, 2**64, (40, 1), np.uint64)
    for threshold in range(65):
        queries = flipped(hashes[:3], [max(threshold - 1, 0), threshold, min(threshold + 1, 64)], chance)

        found = listed(engine(Case(hashes, queries, threshold, key_bits=7)))

        assert (threshold, found) == (threshold, every_pair(hashes, queries, threshold))


@pytest.mark.parametrize("threshold", [255, 256])
@pytest.mark.parametrize("key_bits", [6, 16])
def test_opposites_are_256_bits_apart(engine: Engine, threshold: int, key_bits: int) -> None:
    hashes = np.array([[0] * 4, [2**64 - 1] * 4], np.uint64)

    found = listed(engine(Case(hashes, hashes, threshold, key_bits)))

    assert found == every_pair(hashes, hashes, threshold)


def test_the_found_arrays_are_whole_numbers_of_one_length(engine: Engine) -> None:
    hashes = np.zeros((3, 4), np.uint64)

    for queries in (hashes, hashes[:0]):
        found = engine(Case(hashes, queries, 31, key_bits=6))
        assert [column.dtype for column in found] == [np.int64] * 3
        assert [len(column) for column in found] == [3 * len(queries)] * 3


# --- The banded index


def test_what_was_built_with_its_own_choice_of_keys_is_right(bands: tuple[Builder, Searcher]) -> None:
    build, search = bands
    chance = np.random.default_rng(1)
    hashes = chance.integers(0, 2**64, (5000, 4), np.uint64)
    queries = flipped(hashes[::100], chance.integers(30, 33, 50).tolist(), chance)

    found = listed(search(build(hashes, None), queries, 31))

    assert found == every_pair(hashes, queries, 31)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), fullest=st.integers(1, 40))
def test_where_full_buckets_are_passed_over_it_finds_what_the_others_tell_of(
    bands: tuple[Builder, Searcher], case: Case, fullest: int
) -> None:
    build, search = bands
    index = build(case.hashes, case.key_bits)

    found = listed(search(index, case.queries, case.threshold, fullest))

    assert sorted(set(found)) == told_of(case.hashes, case.queries, case.threshold, index.key_bits, fullest)


def test_without_full_buckets_what_is_near_is_found_and_most_of_what_is_not(bands: tuple[Builder, Searcher]) -> None:
    """As corners are looked for: see matcher.local."""
    build, search = bands
    chance = np.random.default_rng(3)
    hashes = chance.integers(0, 2**64, (20_000, 4), np.uint64)
    index = build(hashes, None)

    def found(apart: int) -> int:
        return len(set(search(index, flipped(hashes[:1000], [apart] * 1000, chance), 22, 100).rows.tolist()))

    assert found(10) == 1000
    assert found(22) >= 800


def test_more_queries_than_are_taken_at_once(bands: tuple[Builder, Searcher]) -> None:
    build, search = bands
    chance = np.random.default_rng(2)
    hashes = chance.integers(0, 2**64, (500, 4), np.uint64)
    queries = chance.integers(0, 2**64, (9001, 4), np.uint64)
    at = [0, 4095, 4096, 8191, 8192, 9000]
    queries[at] = flipped(hashes[: len(at)], [31] * len(at), chance)

    found = listed(search(build(hashes, 10), queries, 31))

    assert found == [(row, entry, 31) for entry, row in enumerate(at)]


def test_a_bucket_that_holds_everybody_gives_each_once(bands: tuple[Builder, Searcher]) -> None:
    build, search = bands
    count = 150_001
    hashes = np.zeros((count, 4), np.uint64)
    queries = np.array([[1, 0, 0, 0], [2**64 - 1] * 4], np.uint64)

    rows, entries, distances = search(build(hashes, None), queries, 31)

    assert np.sort(entries).tolist() == list(range(count))
    assert set(rows.tolist()) == {0}
    assert set(distances.tolist()) == {1}


@settings(max_examples=60, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_a_damaged_list_of_rows_names_nobody_wrongly(bands: tuple[Builder, Searcher], case: Case, seed: int) -> None:
    """It may miss somebody, which a checksum must tell; what it does report is true."""
    build, search = bands
    index = build(case.hashes, case.key_bits)
    index.rest[:] = np.random.default_rng(seed).integers(0, 2**64, len(index.rest), np.uint64)
    index.rest[::2] &= np.uint64(0xFFFF_FFFF_0000_00FF)  # rows that there are, too

    found = listed(search(index, case.queries, case.threshold))

    assert set(found) <= set(every_pair(case.hashes, case.queries, case.threshold))


@pytest.mark.parametrize(("count", "threshold"), [(200_000, 31), (3, 256)])
def test_the_numpy_search_holds_little_beside_its_answer(count: int, threshold: int) -> None:
    """Everybody in one bucket; and every key turned over in every way."""
    index = bands_numpy.build(np.zeros((count, 4), np.uint64), 16)
    queries = np.zeros((4, 4), np.uint64)

    tracemalloc.start()
    try:
        found = bands_numpy.search(index, queries, threshold)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    answer = sum(column.nbytes for column in found)
    assert len(found.rows) == 4 * count
    assert peak < 32 * MIB + 2 * answer  # its parts, and all of them joined


@pytest.mark.parametrize("count", [0, 1, 32, 33, 8191, 8193])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_diagonals_in_shifts_are_diagonals_bit_by_bit(width: int, count: int) -> None:
    hashes = np.random.default_rng(count).integers(0, 2**64, (count, width), np.uint64)

    assert np.array_equal(bands_numpy.along_diagonals(hashes), diagonals(hashes))


@given(st.lists(st.integers(0, 16), min_size=16, max_size=16) | st.lists(st.integers(0, 16), min_size=4, max_size=4))
def test_some_band_starts_only_short_chains(apart: list[int]) -> None:
    """Why the answer is exact: for every way in which differences may lie, at a threshold they just meet."""
    quota = quotas(sum(apart), len(apart))

    def short(band: int, length: int) -> bool:
        chain = [(band + step) % len(apart) for step in range(length)]
        return sum(apart[each] for each in chain) < sum(quota[each] for each in chain)

    assert any(all(short(band, length) for length in range(1, len(apart) + 1)) for band in range(len(apart)))
