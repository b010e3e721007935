"""The engine in NumPy: compare a prefix of every pair, and the rest of the few that are left."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.hamming.pairs import Pairs, Words

_BLOCK_PAIRS: Final = 2**18  # compared at once: large enough that a second thread does not wait for the interpreter
_BLOCK_QUERIES: Final = 16

# (threshold, words): so many words of two unrelated hashes lie within the threshold by chance less than once in a million.
# A word of 64 bits differs in 32 ± 4.
_PREFIX: Final = ((11, 1), (36, 2), (61, 3))


def near(queries: Words, columns: Words, threshold: int) -> Pairs:
    """All pairs at most `threshold` bits apart.

    queries   (q, w) uint64
    columns   (w, n) uint64: the enrolled hashes, word by word
    Holds about 4 MiB beside its answer, whatever q and n.
    """
    rows = [np.empty(0, np.int64)]
    entries = [np.empty(0, np.int64)]
    distances = [np.empty(0, np.int64)]
    for first_row in range(0, len(queries), _BLOCK_QUERIES):
        block = queries[first_row : first_row + _BLOCK_QUERIES]
        width = _BLOCK_PAIRS // len(block)
        for first_entry in range(0, columns.shape[1], width):
            row, entry, distance = _compare(block, columns[:, first_entry : first_entry + width], threshold)
            if len(row):
                rows.append(row + first_row)
                entries.append(entry + first_entry)
                distances.append(distance)
    found = Pairs(np.concatenate(rows), np.concatenate(entries), np.concatenate(distances))
    order = np.lexsort((found.entries, found.rows))
    return Pairs(found.rows[order], found.entries[order], found.distances[order])


def _compare(
    queries: Words, columns: Words, threshold: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    words = len(columns)
    prefix = min(words, next((count for most, count in _PREFIX if threshold <= most), words))
    # Three words differ in at most 192 bits; four in 256, which a byte cannot hold.
    counts = np.uint8 if prefix < 4 else np.uint16

    differing = queries[:, 0, None] ^ columns[0]
    apart = np.bitwise_count(differing).astype(counts, copy=False)
    for word in range(1, prefix):
        np.bitwise_xor(queries[:, word, None], columns[word], out=differing)
        apart += np.bitwise_count(differing)
    at = np.flatnonzero(apart <= threshold)
    row, entry = np.divmod(at, columns.shape[1])
    distances = apart.ravel()[at].astype(np.int64)
    for word in range(prefix, words):
        distances += np.bitwise_count(queries[row, word] ^ columns[word, entry])
    left = distances <= threshold
    return row[left], entry[left], distances[left]
