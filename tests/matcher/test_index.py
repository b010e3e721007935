"""The index finds exactly what comparing every pair finds."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import CallError
from matcher import hamming
from matcher.hamming import Words
from matcher.index import HashIndex, WrongHashes, digits, words

ONES = 2**64 - 1


def every_pair(bits: Words, queries: Words, threshold: int) -> list[tuple[int, int, int]]:
    """The slow and obvious way."""
    found = []
    for row, query in enumerate(queries.tolist()):
        for entry, hash_ in enumerate(bits.tolist()):
            distance = sum((left ^ right).bit_count() for left, right in zip(query, hash_, strict=True))
            if distance <= threshold:
                found.append((row, entry, distance))
    return found


def searched(index: HashIndex, queries: Words, threshold: int, threads: int = 1) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in index.search(queries, threshold, threads)), strict=True))


def flipped(hashes: Words, counts: list[int], seed: int) -> Words:
    """Each hash with so many of its bits turned over."""
    random = np.random.default_rng(seed)
    out = hashes.copy()
    for row, count in enumerate(counts):
        for bit in random.choice(64 * hashes.shape[1], count, replace=False).tolist():
            out[row, bit // 64] ^= np.uint64(1 << bit % 64)
    return out


@settings(max_examples=80, deadline=None)
@given(
    width=st.sampled_from([1, 4]),
    size=st.sampled_from([0, 1, 2, 255, 256, 257]),
    asked=st.integers(0, 40),
    threshold=st.sampled_from([0, 1, 6, 10, 11, 12, 30, 31, 32, 36, 37, 61, 62, 64]),
    threads=st.sampled_from([1, 2, 3]),
    seed=st.integers(0, 2**32),
)
def test_it_answers_as_comparing_every_pair_does(
    *, width: int, size: int, asked: int, threshold: int, threads: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2**64, (size, width), dtype=np.uint64)
    if size > 3:
        bits[1], bits[2], bits[3] = bits[0], 0, ONES  # a duplicate, all zero, all one
    queries = random.integers(0, 2**64, (asked, width), dtype=np.uint64)
    near = min(asked, size)
    # At the threshold, one below and one above, which is where an engine goes wrong.
    counts = [max(0, min(64 * width, threshold + step)) for step in random.integers(-1, 2, near).tolist()]
    queries[:near] = flipped(bits[random.integers(0, max(size, 1), near)], counts, seed) if near else queries[:near]

    index = HashIndex.build(bits, max_threshold=64)

    assert searched(index, queries, threshold, threads) == every_pair(bits, queries, threshold)


@pytest.mark.parametrize("threshold", [31, 63, 128, 255, 256])
def test_opposite_hashes_are_256_bits_apart_and_not_none(threshold: int) -> None:
    bits = np.array([[0] * 4, [ONES] * 4], np.uint64)

    found = searched(HashIndex.build(bits, max_threshold=256), bits, threshold)

    assert found == every_pair(bits, bits, threshold)


@pytest.mark.parametrize(("asked", "size"), [(1, 600_000), (40, 20_000)])
def test_blocks_meet_without_a_gap(asked: int, size: int) -> None:
    random = np.random.default_rng(5)
    bits = random.integers(0, 2**64, (size, 4), dtype=np.uint64)
    planted = np.linspace(0, size - 1, 1000).astype(int)
    query = flipped(bits[planted[:asked]], [31] * asked, 1)
    bits[planted] = bits[planted[0]]

    rows, entries, distances = HashIndex.build(bits).search(query)

    assert entries[rows == 0].tolist() == planted.tolist()
    assert set(distances[rows == 0].tolist()) == {31}


def test_all_answers_of_one_search_have_one_length_and_are_whole_numbers() -> None:
    bits = words(["00" * 32, "ff" * 32])

    rows, entries, distances = HashIndex.build(bits).search(words(["0f" + "00" * 31]))

    assert (rows.tolist(), entries.tolist(), distances.tolist()) == ([0], [0], [4])
    assert {rows.dtype.kind, entries.dtype.kind, distances.dtype.kind} == {"i"}


def test_an_empty_index_finds_nothing_and_an_empty_query_asks_nothing() -> None:
    nobody = HashIndex.build(words([]))
    somebody = HashIndex.build(words(["ab" * 32]))

    assert searched(nobody, words(["ab" * 32]), 31) == []
    assert searched(somebody, words([]), 31) == []
    assert (len(nobody), len(somebody)) == (0, 1)


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=20))
def test_words_and_digits_are_each_other_turned_round(hashes: list[str]) -> None:
    assert digits(words(hashes)) == hashes


def test_the_first_digit_is_the_highest_bit_of_the_first_word() -> None:
    assert words(["8" + "0" * 63]).tolist() == [[1 << 63, 0, 0, 0]]
    assert words(["0" * 15 + "1"]).tolist() == [[1]]


@pytest.mark.parametrize("bad", [["ab"], ["ab" * 32, "ab" * 8], ["zz" * 32], ["a b " * 16], [""]])
def test_words_refuses_what_is_not_a_hash(bad: list[str]) -> None:
    with pytest.raises(CallError, match=r"hex digits|digits 0-9"):
        words(bad)


def test_a_threshold_above_what_the_index_was_built_for_names_the_cure() -> None:
    index = HashIndex.build(words(["ab" * 32]), max_threshold=31)

    with pytest.raises(ValueError, match="build it with max_threshold=40"):
        index.search(words(["ab" * 32]), threshold=40)


@pytest.mark.parametrize(
    "call",
    [
        lambda index: index.search(words(["ab" * 8])),
        lambda index: index.search(np.zeros((1, 4), np.int64)),
        lambda index: index.search(np.zeros(4, np.uint64)),
        lambda index: index.search([[1, 2, 3, 4]]),
        lambda index: index.search(words([]), threshold=-1),
        lambda index: index.search(words([]), threads=0),
        lambda _: HashIndex.build(np.zeros((3, 0), np.uint64)),
        lambda _: HashIndex.build(words([]), max_threshold=257),
    ],
)
def test_a_wrong_call_is_an_error_that_says_what_is_right(call) -> None:  # type: ignore[no-untyped-def]  # rows of a table
    with pytest.raises(CallError, match=r"uint64|bits|one does the work"):
        call(HashIndex.build(words(["ab" * 32])))


@pytest.mark.parametrize("name", hamming.engines())
@pytest.mark.parametrize("size", [0, 3, 5000])
def test_its_parts_make_it_again(name: str, size: int, tmp_path: Path) -> None:
    bits = np.random.default_rng(2).integers(0, 2**64, (size, 4), np.uint64)
    bits[size // 2 :] = bits[: size - size // 2]
    queries = flipped(bits[:5], [0, 5, 31, 32, 60][: min(5, size)], 4)
    with hamming.engine(name):
        index = HashIndex.build(bits)

        for part, array in index.parts().items():
            np.save(tmp_path / part, array)
        mapped = {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.iterdir()}
        again = HashIndex.of_parts(mapped, max_threshold=31)

        assert len(again) == size
        assert searched(again, queries, 31) == searched(index, queries, 31)


DAMAGES: dict[str, tuple[str, Callable[[NDArray[np.uint32]], NDArray[np.generic]]]] = {
    "a bucket beyond the end": ("starts", lambda a: a + np.uint32(1)),
    "buckets going backwards": ("starts", lambda a: np.where(np.arange(a.shape[1]) == 9, a[:, -1:], a).astype(a.dtype)),
    "too few candidates": ("following", lambda a: a[:-1]),
    "another type": ("rest", lambda a: a.astype(np.int64)),
    "fewer rows": ("rows", lambda a: a[:-1]),
    "owners of others": ("owner_starts", lambda a: a[1:]),
    "fewer owners": ("owners", lambda a: a[:-1]),
    "owners beyond the end": ("owners", lambda a: a + np.uint32(1)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_parts_that_do_not_belong_together_are_refused(damage: str) -> None:
    bits = np.random.default_rng(2).integers(0, 2**64, (5000, 4), np.uint64)
    bits[7] = bits[8]
    name, change = DAMAGES[damage]
    parts = HashIndex.build(bits).parts()

    with pytest.raises(WrongHashes, match="build it again"):
        HashIndex.of_parts(parts | {name: change(cast("NDArray[np.uint32]", parts[name]))}, max_threshold=31)


@pytest.mark.parametrize("name", hamming.engines())
def test_thresholds_too_wide_for_bands_are_answered_as_well(name: str) -> None:
    bits = np.random.default_rng(5).integers(0, 2**64, (3000, 4), np.uint64)
    bits[9] = bits[8]
    queries = flipped(bits[:12], [0, 31, 32, 63, 64, 79, 80, 81, 80, 100, 128, 3], 6)
    with hamming.engine(name):
        index = HashIndex.build(bits, max_threshold=80)
        again = HashIndex.of_parts(index.parts(), max_threshold=80)

        for threshold in (31, 63, 72, 80):
            expected = every_pair(bits, queries, threshold)
            assert searched(index, queries, threshold) == expected
            assert searched(again, queries, threshold) == expected
