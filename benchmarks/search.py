"""Search among enrolled PDQ hashes: `HashIndex`, beside comparing every pair with numpy's bitwise_count. Seed 1."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import best_s
from matcher.index import HashIndex

THRESHOLD = 31
QUERIES = 32
SIZES = (10_000, 100_000, 1_000_000)


def measure() -> None:
    chance = np.random.default_rng(1)
    print(
        f"{'enrolled':>10} {'HashIndex':>14} {'every pair':>14}   (µs a query, {QUERIES} queries, threshold {THRESHOLD})"
    )
    for size in SIZES:
        enrolled = chance.integers(0, 2**64, size=(size, 4), dtype=np.uint64)
        # Half of the queries lie near an entry, at distances on both sides of the threshold.
        queries = chance.integers(0, 2**64, size=(QUERIES, 4), dtype=np.uint64)
        for row in range(0, QUERIES, 2):
            queries[row] = flipped(enrolled[chance.integers(size)], 20 + row, chance)
        index = HashIndex.build(enrolled, max_threshold=THRESHOLD)

        rows, entries, _ = index.search(queries, threshold=THRESHOLD)
        expected = every_pair(queries, enrolled)
        if list(zip(rows.tolist(), entries.tolist(), strict=True)) != expected:
            raise SystemExit(f"{size} enrolled: the answers differ")

        ours = best_s(index.search, queries, THRESHOLD)
        peer = best_s(every_pair, queries, enrolled)
        print(
            f"{size:>10,} {ours / QUERIES * 1e6:>14,.0f} {peer / QUERIES * 1e6:>14,.0f}   {len(rows)} pairs, the same ones"
        )


def flipped(words: NDArray[np.uint64], count: int, chance: np.random.Generator) -> NDArray[np.uint64]:
    bits = np.unpackbits(words.view(np.uint8))
    bits[chance.choice(bits.size, count, replace=False)] ^= 1
    return np.packbits(bits).view(np.uint64)


def every_pair(queries: NDArray[np.uint64], enrolled: NDArray[np.uint64]) -> list[tuple[int, int]]:
    return [
        (row, int(entry))
        for row, query in enumerate(queries)
        for entry in np.flatnonzero(np.bitwise_count(enrolled ^ query).sum(axis=1) <= THRESHOLD)
    ]


if __name__ == "__main__":
    measure()
