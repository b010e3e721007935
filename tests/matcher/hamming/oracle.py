"""The slow and obvious answer, and hashes that lie where an engine goes wrong."""

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.hamming import Pairs, Words
from matcher.hamming.bands import BAND_BITS, CHAIN, diagonals, quotas

Found = list[tuple[int, int, int]]  # query row, entry, distance


def every_pair(hashes: Words, queries: Words, threshold: int) -> Found:
    """Compares every pair. In order."""
    entries = list(enumerate(_numbers(hashes)))
    found = []
    for row, query in enumerate(_numbers(queries)):
        for entry, number in entries:
            distance = (query ^ number).bit_count()
            if distance <= threshold:
                found.append((row, entry, distance))
    return found


def told_of(hashes: Words, queries: Words, threshold: int, key_bits: int, fullest: int) -> Found:
    """Of those pairs the ones with one key in a bucket of at most `fullest`, and a short chain of what comes after the key."""
    quota = quotas(threshold, 4 * hashes.shape[1])
    rows, asked = (diagonals(each).view("<u2").tolist() for each in (hashes, queries))
    held = [Counter(each[band] >> BAND_BITS - key_bits for each in rows) for band in range(len(quota))]

    def told(row: int, entry: int) -> bool:
        apart = [(one ^ other).bit_count() for one, other in zip(asked[row], rows[entry], strict=True)]
        for band, allowed in enumerate(quota):
            key = rows[entry][band] >> BAND_BITS - key_bits
            chains = range(2, CHAIN + 1)
            if (
                allowed
                and key == asked[row][band] >> BAND_BITS - key_bits
                and held[band][key] <= fullest
                and all(sum((apart * 2)[band + 1 : band + n]) < sum((quota * 2)[band : band + n]) for n in chains)
            ):
                return True
        return False

    return [pair for pair in every_pair(hashes, queries, threshold) if told(*pair[:2])]


def listed(pairs: Pairs) -> Found:
    """In order; a pair that was reported twice is there twice."""
    return sorted(zip(*(column.tolist() for column in pairs), strict=True))


def _numbers(hashes: Words) -> list[int]:
    return [int.from_bytes(row.tobytes(), "big") for row in hashes.astype(">u8")]


# --- Hashes


def flipped(hashes: Words, counts: list[int], random: np.random.Generator) -> Words:
    """Each hash with so many of its bits turned over, anywhere."""
    width = hashes.shape[1]
    out = hashes.copy()
    for row, count in enumerate(counts):
        for bit in random.choice(64 * width, count, replace=False).tolist():
            out[row, bit // 64] ^= np.uint64(1 << bit % 64)
    return out


def differing(counts: list[int], random: np.random.Generator) -> Words:
    """(1, w): bits that differ in so many places of each band: XOR it with a hash."""
    places = _places(len(counts))
    out = np.zeros((1, len(counts) // 4), np.uint64)
    for band, count in enumerate(counts):
        for bit in random.choice(BAND_BITS, count, replace=False).tolist():
            word, shift = divmod(int(places[band, bit]), 64)
            out[0, word] ^= np.uint64(1 << shift)
    return out


@cache
def _places(bands: int) -> NDArray[np.int64]:
    """(m, 16): which bit of a hash comes to each place, seen by turning hashes of one bit."""
    width = bands // 4
    units = np.zeros((64 * width, width), np.uint64)
    for bit in range(64 * width):
        units[bit, bit // 64] = 1 << bit % 64
    came_from = np.unpackbits(diagonals(units).astype("<u8").view(np.uint8), axis=1, bitorder="little").argmax(axis=1)
    places = np.empty(64 * width, np.int64)
    places[came_from] = np.arange(64 * width)
    return places.reshape(bands, BAND_BITS)


# --- Cases


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One search. Shown by its shape: the hashes follow from Hypothesis' numbers."""

    hashes: Words
    queries: Words
    threshold: int
    key_bits: int

    def __repr__(self) -> str:
        return f"Case({self.hashes.shape}, {self.queries.shape}, threshold={self.threshold}, key_bits={self.key_bits})"


def _any(count: int, width: int, random: np.random.Generator) -> Words:
    return random.integers(0, 2**64, (count, width), np.uint64)


def _all_zero(count: int, width: int, _: np.random.Generator) -> Words:
    return np.zeros((count, width), np.uint64)


def _all_one(count: int, width: int, _: np.random.Generator) -> Words:
    return np.full((count, width), 2**64 - 1, np.uint64)


def _zero_or_one(count: int, width: int, random: np.random.Generator) -> Words:
    return np.repeat(random.integers(0, 2, (count, 1), np.uint64) * np.uint64(2**64 - 1), width, axis=1)


def _clustered(count: int, width: int, random: np.random.Generator) -> Words:
    """A few flips around a few centres."""
    centres = _any(4, width, random)[random.integers(0, 4, count)]
    return flipped(centres, random.integers(0, 13, count).tolist(), random)


def _duplicates(count: int, width: int, random: np.random.Generator) -> Words:
    return _any(3, width, random)[random.integers(0, 3, count)]


def _sparse(count: int, width: int, random: np.random.Generator) -> Words:
    """Few bits set, so that many share a bucket."""
    return _any(count, width, random) & _any(count, width, random) & _any(count, width, random)


KINDS = (_any, _all_zero, _all_one, _zero_or_one, _clustered, _duplicates, _sparse)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Searches of all sizes, with queries that lie at the threshold, one below and one above."""
    width = draw(st.sampled_from([1, 4]))
    size = draw(st.sampled_from([0, 1, 2, 3, 31, 255, 256, 257, 513]))
    asked = draw(st.sampled_from([0, 1, 2, 9, 40]))
    edges = [0, 1, 3, 4, 5, 6, 10, 11, 12, 14, 15, 16, 17, 30, 31, 32, 33, 47, 48, 63, 64]
    wide = [64 * width - 1, 64 * width, *([45, 57, 80, 128] if width == 4 else [])]
    threshold = draw(st.sampled_from(edges) | st.sampled_from(wide) | st.integers(0, 64 * width))
    key_bits = draw(st.integers(6, 16))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    hashes = draw(st.sampled_from(KINDS))(size, width, random)
    # A wide threshold turns over every key: a million lookups a query where keys have 16 bits.
    if threshold > 24 * width:
        asked = min(asked, 2)
    queries = _any(asked, width, random)
    for row in range(asked if size else 0):
        queries[row] = hashes[random.integers(size)] ^ draw(st.sampled_from(NEIGHBOURS))(threshold, width, random)[0]
    return Case(hashes, queries, threshold, key_bits)


def _anywhere(threshold: int, width: int, random: np.random.Generator) -> Words:
    count = int(np.clip(threshold + random.integers(-1, 2), 0, 64 * width))
    return flipped(np.zeros((1, width), np.uint64), [count], random)


def _in_one_place(threshold: int, width: int, random: np.random.Generator) -> Words:
    """Band after band is full of differences, until there are as many as the threshold, or one more."""
    left = min(threshold + int(random.integers(0, 2)), 64 * width)
    counts = [0] * (4 * width)
    first = int(random.integers(4 * width))
    for step in range(4 * width):
        counts[(first + step) % len(counts)] = min(left, BAND_BITS)
        left -= counts[(first + step) % len(counts)]
    return differing(counts, random)


def _barely(threshold: int, width: int, random: np.random.Generator) -> Words:
    """Every band differs by its whole quota, and one by a bit less: the only one that finds the pair. Or by none: not found."""
    counts = [min(quota, BAND_BITS) for quota in quotas(threshold, 4 * width)]
    if random.integers(0, 4):
        with_quota = [band for band, count in enumerate(counts) if count]
        counts[with_quota[random.integers(len(with_quota))]] -= 1
    # Bits moved on to the next band leave that one a chain of, and make the first band's chain tight further on.
    for band in random.integers(0, len(counts), int(random.integers(0, 6))).tolist():
        if counts[band] and counts[(band + 1) % len(counts)] < BAND_BITS:
            counts[band] -= 1
            counts[(band + 1) % len(counts)] += 1
    return differing(counts, random)


def _itself(_: int, width: int, __: np.random.Generator) -> Words:
    return np.zeros((1, width), np.uint64)


NEIGHBOURS = (_anywhere, _in_one_place, _barely, _itself)
