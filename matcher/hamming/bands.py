"""Multi-index hashing with pigeonring chains: the index that is searched without comparing every pair. Exact.

A hash of 256 bits is cut into 16 bands of 16 bits, one of 64 bits into 4. To keep neighbouring bits, which resemble each other, apart,
band b takes bit (b + j) mod m of each group j of m bits: the wrapped diagonals of the hash seen as a matrix of 16 × m bits.

If two hashes differ in at most r bits, the r + 1 quotas q_b that are spread over the bands (their sum is r + 1) leave at least one
band from which every chain is short: for that b, and all lengths l, the distances of bands b … b+l-1 (going round) add up to less
than the quotas of the same bands do. That is the cycle lemma; J. Qin and C. Xiao, "Pigeonring: A Principle for Faster Thresholded
Similarity Search", PVLDB 12(1), 2018. So it is enough to look, for each band b with a quota, at the entries whose band b differs from the
query's in fewer than q_b bits, and to go on only with those whose chains of two, three and four bands are short enough too.

The entries are held once for each band, in the order of that band's value, with the next bands' bits at hand: the second band of the
chain in an array of its own (`following`), which is all that most candidates touch; the third and fourth beside the row number
(`rest`), one cache line for what is left; the whole hash (`rows`) for the very few that are left then.

    rows       (n, w) uint64           each hash with its bits in the order of the diagonals: seen as (n, m) uint16 it is its bands
    starts     (m, 2**key_bits + 1) uint32   in band b the entries with key k are at starts[b, k] … starts[b, k + 1]; the key is
                                       the topmost key_bits bits of the band
    following  (m * n + PAD,) uint16   at b * n + place: band b + 1 (going round) of the entry at that place of band b
    rest       (m * n,) uint64         at the same place: row number | band b + 2 << 32 | band b + 3 << 48

w is 4 or 1, m = 4 w bands. Little-endian, so that a file can be mapped as it is. n < 2**32.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.hamming.pairs import Words

BAND_BITS: Final = 16
PAD: Final = 32  # lanes behind `following` that may be read and are never looked at
CHAIN: Final = 4  # bands of a chain that are compared before the whole hash is


@dataclass(frozen=True, eq=False)
class Bands:
    """The arrays above. Read-only, and possibly memory-mapped."""

    rows: Words
    starts: NDArray[np.uint32]
    following: NDArray[np.uint16]
    rest: NDArray[np.uint64]

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def bands(self) -> int:
        return len(self.starts)

    @property
    def key_bits(self) -> int:
        return int(self.starts.shape[1] - 1).bit_length() - 1

    @cached_property
    def addresses(self) -> tuple[int, int, int, int]:
        """Of the arrays, for C; they live as long as this does."""
        return self.rows.ctypes.data, self.starts.ctypes.data, self.following.ctypes.data, self.rest.ctypes.data

    def fault(self) -> str | None:
        """Why these arrays could lead a search outside of them, or None. Milliseconds: it reads the tables, not the entries."""
        count, width = self.rows.shape
        bands, columns = 4 * width, self.starts.shape[-1]
        if [self.rows.dtype, self.starts.dtype, self.following.dtype, self.rest.dtype] != list(_TYPES):
            return "a type is wrong"
        if width not in {1, 4} or self.starts.shape != (bands, columns) or columns - 1 not in _BUCKETS:
            return "the table of buckets has a wrong shape"
        if self.following.shape != (bands * count + PAD,) or self.rest.shape != (bands * count,) or count >= 2**32:
            return "the bands have a wrong length"
        if not all(array.flags.c_contiguous for array in (self.rows, self.starts, self.following, self.rest)):
            return "an array is not contiguous"
        if np.any(self.starts[:, 0] != 0) or np.any(self.starts[:, -1] != count):
            return "the table of buckets does not span the entries"
        if np.any(self.starts[:, 1:] < self.starts[:, :-1]):
            return "the table of buckets goes backwards"
        return None


_TYPES: Final = (np.dtype("<u8"), np.dtype("<u4"), np.dtype("<u2"), np.dtype("<u8"))
_BUCKETS: Final = frozenset(2**bits for bits in range(6, BAND_BITS + 1))


def key_bits(count: int) -> int:
    """How many bits of a band choose the bucket: so many that a bucket holds 4 to 8 of `count` entries, but 6 to 16."""
    return min(BAND_BITS, max(6, (count // 4).bit_length() - 1))


def quotas(threshold: int, bands: int) -> list[int]:
    """One more than `threshold`, spread evenly over the bands."""
    total = threshold + 1
    return [total * (band + 1) // bands - total * band // bands for band in range(bands)]


def diagonals(hashes: Words) -> Words:
    """(n, w) uint64 hashes with their bits in the order of the bands. Distances stay what they are."""
    count, width = hashes.shape
    bands = 4 * width
    if count == 0:
        return np.empty((0, width), np.uint64)
    # Bit k of a hash is bit k % 64 of word k // 64, least significant first.
    bits = np.unpackbits(np.ascontiguousarray(hashes, "<u8").view(np.uint8), axis=1, bitorder="little")
    matrix = bits.reshape(count, BAND_BITS, bands)
    group, band = np.meshgrid(np.arange(BAND_BITS), np.arange(bands), indexing="ij")
    turned = matrix[:, group, (band + group) % bands].transpose(0, 2, 1)
    packed = np.packbits(turned.reshape(count, BAND_BITS * bands), axis=1, bitorder="little")
    return packed.view("<u8").astype(np.uint64, copy=False)
