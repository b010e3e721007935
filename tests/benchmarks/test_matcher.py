"""The search benchmark: every part of it at a tiny size, what it compares, and what it is made of."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray

from matcher.hamming import Pairs
from matcher.hashers import HASHERS
from matcher.index import digits
from matcher.views import UPRIGHT
from tests.matcher.pictures import ArrayPicture

pytest.importorskip("faiss", reason="no faiss; the cure: uv pip install -e .[bench] (needs a compiler)")

from benchmarks import contest, corpus, peers  # they import faiss
from benchmarks.contest import Contest, Pace
from benchmarks.corpus import Corpus, Hashes
from benchmarks.peers import Answer, Peer, Searching

ROOT = Path(__file__).parents[2]
TINY = """
from pathlib import Path
from benchmarks.contest import Pace
from benchmarks.matcher import Extent, measure

measure(
    Extent(
        sizes=(300, 3_000), photographs=(400,), queries=64, regions=300, corners=300, short=300, mixed=300,
        pace=Pace(rounds=1, at_least_s=0.001, at_most_s=60.0),
    ),
    plot=Path({plot!r}),
)
"""
SWIFT = Pace(rounds=1, at_least_s=0.001)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """In a process of its own: what it does to threads and to the garbage collector stays there."""
    plot = tmp_path_factory.mktemp("plot") / "growth.svg"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", TINY.format(plot=str(plot))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, plot


def test_every_part_is_printed_as_a_table(tiny_run: tuple[str, Path]) -> None:
    printed, _ = tiny_run

    headings = re.findall(r"^### (.*)$", printed, re.MULTILINE)

    assert [re.split(r"[:,] ", heading)[0] for heading in headings] == [
        "300 hashes of 256 bits",
        "3,000 hashes of 256 bits",
        "400 hashes of 256 bits",
        "Regions",
        "Local descriptors",
        "Local descriptors",
        "pHash",
        "pHash",
        "Thresholds of their own",
        "Stillwatch beside faiss",
    ]
    for table in re.findall(r"(?:^\|.*\n)+", printed, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1


def test_every_exact_engine_is_compared_over_the_whole_batch(tiny_run: tuple[str, Path]) -> None:
    printed, _ = tiny_run

    answers = re.findall(r"^\| (\D.*?) \|.*\| ([^|]*), (\d+) \|$", printed, re.MULTILINE)

    assert {name for name, _, _ in answers} >= {
        "Stillwatch",
        "faiss IndexBinaryFlat",
        "faiss IndexBinaryMultiHash 16x16, 1 flipped",
        "usearch, exact",
        "python-threatexchange PDQIndex",
        "NumPy, every pair",
    }
    assert {queries for _, _, queries in answers} == {"64"}
    assert {said for name, said, _ in answers if "BinaryHash" not in name} == {"the same"}
    assert all(said.endswith("% found") for name, said, _ in answers if "BinaryHash" in name)


def test_the_growth_is_drawn(tiny_run: tuple[str, Path]) -> None:
    _, plot = tiny_run

    drawing = ET.fromstring(plot.read_text(encoding="utf-8"))  # noqa: S314  # we have just written it

    names = {text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")}
    lines = drawing.findall("{http://www.w3.org/2000/svg}polyline")
    assert {"Stillwatch", "faiss IndexBinaryFlat", "faiss IndexBinaryMultiHash, best setting"} <= names
    assert all(len(str(line.get("points")).split()) == 2 for line in lines)  # one point for each size


# --- Who answers wrongly is found out


class Changed:
    """An index whose answers are altered."""

    def __init__(self, inner: Searching, alter: Callable[[Pairs], Pairs]) -> None:
        self._inner = inner
        self._alter = alter

    def search(self, queries: Hashes, threshold: int, threads: int) -> Answer:
        answer = self._inner.search(queries, threshold, threads)
        return lambda: self._alter(answer())


def altered(alter: Callable[[Pairs], Pairs]) -> Peer:
    flat = peers.flat()
    return replace(flat, name="somebody", build=lambda hashes, largest: Changed(flat.build(hashes, largest), alter))


def without_the_last(pairs: Pairs) -> Pairs:
    return Pairs(pairs.rows[:-1], pairs.entries[:-1], pairs.distances[:-1])


def with_another_distance(pairs: Pairs) -> Pairs:
    return pairs._replace(distances=np.maximum(pairs.distances - 1, 0))


@pytest.mark.parametrize("alter", [without_the_last, with_another_distance])
def test_a_wrong_answer_stops_the_run(alter: Callable[[Pairs], Pairs]) -> None:
    running = Contest(corpus.random(500, 32, 31, seed=1), 31, SWIFT)
    running.enter([peers.flat(), altered(alter)])

    with pytest.raises(SystemExit, match="somebody answers otherwise than faiss IndexBinaryFlat: 500 random"):
        running.compete(31, 32)


def test_of_an_approximate_engine_the_share_found_is_told() -> None:
    running = Contest(corpus.random(500, 32, 31, seed=1), 31, SWIFT)
    running.enter([peers.flat(), replace(altered(without_the_last), exact=False)])

    running.compete(31, 32)

    told = running.built[1]
    assert (told.checked, told.found, told.expected) == (32, told.expected - 1, len(running.expected(31).rows))


def test_who_would_take_too_long_is_left_out_but_never_the_one_all_are_compared_with() -> None:
    running = Contest(corpus.random(500, 32, 31, seed=1), 31, Pace(rounds=1, at_least_s=0.001, at_most_s=0.0))
    running.enter([peers.flat(), altered(lambda pairs: pairs)])

    first = running.compete(31, 1)
    then = running.compete(31, 32)

    assert set(first) == {peers.FLAT, "somebody"}
    assert set(then) == {peers.FLAT}


def test_every_setting_of_the_multi_hash_is_exact_at_the_threshold() -> None:
    for count, bits, flipped in (peers.AS_THREATEXCHANGE, *peers.SETTINGS, *peers.SETTINGS_OF_MILLIONS):
        assert count * (flipped + 1) > 31
        assert count * bits <= 256


# --- What is searched


MAKERS: dict[str, Callable[[int], Corpus]] = {
    "random": lambda seed: corpus.random(300, 40, 31, seed),
    "random, 64 bits": lambda seed: corpus.random(300, 40, 10, seed, width=1),
    "pdq": lambda seed: corpus.pdq(300, 40, seed),
    "phash": lambda seed: corpus.phash(300, 40, seed),
    "descriptors": lambda seed: corpus.descriptors(300, 40, seed),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_seed_always_gives_the_same_corpus_and_another_seed_another(make: Callable[[int], Corpus]) -> None:
    one, again, other = make(1), make(1), make(2)

    assert (len(one.enrolled), len(one.queries)) == (300, 40)
    assert np.array_equal(one.enrolled.words, again.enrolled.words)
    assert np.array_equal(one.queries.words, again.queries.words)
    assert not np.array_equal(one.enrolled.words, other.enrolled.words)


def nearest(made: Corpus) -> NDArray[np.int64]:
    """How far each query is from the entry nearest to it."""
    differing = np.bitwise_count(made.queries.words[:, None] ^ made.enrolled.words)
    return np.asarray(differing.sum(axis=2, dtype=np.int64).min(axis=1))


def test_near_copies_lie_on_both_sides_of_every_threshold_and_the_others_far_off() -> None:
    made = corpus.random(300, 40, 9, seed=1)

    assert nearest(made)[::2].tolist() == [*range(10), *range(10)]
    assert nearest(made)[1::2].min() > 60


@pytest.mark.parametrize(("name", "threshold"), [("pdq", 31), ("phash", 10), ("descriptors", 31)])
def test_what_is_rendered_holds_near_copies_and_others(name: str, threshold: int) -> None:
    made = MAKERS[name](1)

    found = np.count_nonzero(nearest(made) <= threshold)

    assert 0 < found < len(made.queries)


def test_the_blended_hashes_are_pdq() -> None:
    """Of a picture of 64 × 64, which is not filtered: the same frequencies, the same median, the same order of bits."""
    chance = np.random.default_rng(1)
    pixels = chance.integers(0, 256, (64, 64), dtype=np.uint8)

    made = corpus.hashes(corpus.long_waves(pixels.astype(np.float32))[None], 127)

    assert digits(made) == [HASHERS["pdq"].hash(ArrayPicture(pixels), (UPRIGHT,), True).bits[UPRIGHT]]


def test_the_blended_short_hashes_are_phash() -> None:
    chance = np.random.default_rng(1)
    small = np.kron(chance.integers(0, 256, (8, 8)), np.ones((4, 4), np.int64)).astype(np.uint8)

    made = corpus.hashes(corpus.short_waves(small.astype(np.float32))[None], None)

    assert digits(made) == [HASHERS["phash64"].hash(ArrayPicture(small), (UPRIGHT,), True).bits[UPRIGHT]]


def test_octets_are_the_published_digits() -> None:
    made = corpus.random(5, 1, 0, seed=1).enrolled

    assert [row.tobytes().hex() for row in made.octets] == made.digits


@pytest.mark.parametrize(("value", "written"), [(0.1234, "0.12"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")])
def test_numbers_are_written_with_three_digits(value: float, written: str) -> None:
    assert contest.number(value) == written
