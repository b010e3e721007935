"""The banded index in NumPy: built and searched without a compiler, over the layout of `bands.py`.

All probes of a search go side by side through one array operation after another. A probe is a band, a query and the bits that
are turned over in its key; it names a bucket, that is a run in `following`. What most candidates cost is the comparison of
their second band, so that is done in blocks of eight candidates, 16 bytes, which are copied and compared as they lie in memory:
the first and last block of a run also hold lanes of its neighbours, and these are thrown away among the few that are near enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.hamming.bands import BAND_BITS, CHAIN, PAD, Bands, quotas
from matcher.hamming.bands import key_bits as usual_key_bits
from matcher.hamming.pairs import Pairs, Words, no_pairs

_LANES: Final = 8  # candidates of a block: 16 bytes, which NumPy copies in one move
_BLOCKS: Final = 2**16  # compared at once: enough that the interpreter's share is small
_NEAR_BLOCKS: Final = 2**13  # of these, taken on at once to the third band and the whole hash; at worst all their lanes
_PROBES: Final = 2**16  # looked up at once
_QUERIES: Final = 2**12  # turned into bands at once
_FEW_HASHES: Final = 32  # so many are turned into diagonals faster bit by bit
_TURNED_AT_ONCE: Final = 2**13  # hashes: they stay in the cache

_EACH_LANE: Final = np.uint64(0x0001_0001_0001_0001)
_EACH_BYTE: Final = np.uint64(0x0101_0101_0101_0101)
_HIGH_BITS: Final = np.uint64(0x8080_8080_8080_8080)


def build(hashes: Words, key_bits: int | None = None) -> Bands:
    """
    hashes     (n, 4) uint64 for 256 bits, (n, 1) for 64; the row number is the entry
    key_bits   6 to 16; chosen by n if not given
    """
    count, width = hashes.shape
    bands = 4 * width
    key = usual_key_bits(count) if key_bits is None else key_bits
    rows = along_diagonals(hashes)
    columns = np.ascontiguousarray(rows.view("<u2").T)  # band by band
    starts = np.zeros((bands, 2**key + 1), np.uint32)
    following = np.zeros(bands * count + PAD, np.uint16)
    rest = np.empty(bands * count, np.uint64)
    number = np.arange(count, dtype=np.uint64)
    for band in range(bands):
        column = columns[band]
        # NumPy sorts 16-bit numbers stably by their digits: the time is linear.
        order = np.argsort(column, kind="stable")
        sizes = np.bincount(column >> (BAND_BITS - key), minlength=2**key)
        np.cumsum(sizes, out=starts[band, 1:], dtype=np.uint32)
        place = slice(band * count, (band + 1) * count)
        # No row number is out of bounds; "clip" is the mode that does not look for one first.
        np.take(columns[(band + 1) % bands], order, out=following[place], mode="clip")
        packed = columns[(band + 3) % bands].astype(np.uint64) << 16
        packed |= columns[(band + 2) % bands]
        packed <<= 32
        packed |= number
        np.take(packed, order, out=rest[place], mode="clip")
    return Bands(rows=rows, starts=starts, following=following, rest=rest)


def search(bands: Bands, queries: Words, threshold: int, fullest: int = 0) -> Pairs:
    """All pairs at most `threshold` bits apart, each once, in no order; several times with `fullest`.

    queries   (q, w) uint64, bits in the order the hashes were given in
    fullest   as `dispatch.search`
    Exact for every threshold; where a tenth of the entries or more are candidates, comparing every pair is faster (`planner.share`).
    Holds at most about 20 MiB beside its answer.
    """
    found = [no_pairs()]
    if bands.count:
        plan = _plan(threshold, bands.bands, bands.key_bits, fullest)
        for first in range(0, len(queries), _QUERIES):
            asked = _Asked.of(queries[first : first + _QUERIES])
            for near in _near_seconds(bands, plan, asked):
                row, entry, distance = _finish(bands, plan, asked, near, threshold)
                if len(row):
                    found.append(Pairs(row + first, entry, distance))
    return Pairs(*map(np.concatenate, zip(*found, strict=True)))


def along_diagonals(hashes: Words) -> Words:
    """The same as `bands.diagonals`, 20 times faster for many and 4 times for few."""
    width = hashes.shape[1]
    turn = _TURNS.get(width, _turn_bits) if len(hashes) > _FEW_HASHES else _turn_bits
    out = np.empty(hashes.shape, np.uint64)
    for first in range(0, len(hashes), _TURNED_AT_ONCE):
        some = slice(first, first + _TURNED_AT_ONCE)
        turn(hashes[some], out[some])
    return out


# --- What is asked


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """The probes of one query, band by band: p of them. Small numbers, because a large threshold makes a million."""

    band: NDArray[np.uint8]  # (p,)
    turned: NDArray[np.uint16]  # (p,) bits of the key that are turned over
    flips: NDArray[np.uint8]  # (p,) how many: the band differs in so many bits at least
    most: NDArray[np.int16]  # (CHAIN, m) bits in which a chain of 1, 2, 3, 4 bands from each band on may differ
    fullest: int  # entries of a bucket that is looked into; 0: any is


@lru_cache(maxsize=8)
def _plan(threshold: int, bands: int, key_bits: int, fullest: int) -> _Plan:
    quota = np.array(quotas(threshold, bands), np.int16)
    masks = np.arange(2**key_bits, dtype=np.uint16)
    counts = np.bitwise_count(masks)
    fewest_first = np.argsort(counts, kind="stable")
    most = _chains(quota[None])[:, 0] - 1
    if fullest:
        most[0] = np.minimum(most[0], 0)
    some = [fewest_first[: np.count_nonzero(counts <= bits)] for bits in most[0].tolist()]
    every = np.concatenate(some)
    return _Plan(
        band=np.repeat(np.arange(bands, dtype=np.uint8), [len(each) for each in some]),
        turned=masks[every],
        flips=counts[every],
        most=most,
        fullest=fullest,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A block of queries, seen as bands."""

    words: Words  # (q, w) in the order of the diagonals
    bands: NDArray[np.uint16]  # (m, q)
    lanes: NDArray[np.uint64]  # (m, q, 2) the band in each lane of a block

    @classmethod
    def of(cls, queries: Words) -> "_Asked":
        words = along_diagonals(queries)
        bands = np.ascontiguousarray(words.view("<u2").T)
        lanes = np.repeat(bands.astype(np.uint64)[:, :, None] * _EACH_LANE, 2, axis=2)
        return cls(words=words, bands=bands, lanes=lanes)


def _chains(differing: NDArray[np.int16]) -> NDArray[np.int16]:
    """(n, m) bits in each band → (CHAIN, n, m): in the one, two, three, four bands from it on, going round."""
    bands = differing.shape[1]
    round_again = np.concatenate([differing, differing[:, : CHAIN - 1]], axis=1)
    out = np.empty((CHAIN, *differing.shape), np.int16)
    out[0] = differing
    for length in range(1, CHAIN):
        np.add(out[length - 1], round_again[:, length : length + bands], out=out[length])
    return out


# --- The search


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """Candidates whose first two bands are near enough: one row each."""

    query: NDArray[np.intp]
    probe: NDArray[np.intp]  # of the plan
    second: NDArray[np.uint8]  # bits in which the second band differs
    place: NDArray[np.int64]  # in `rest`


def _near_seconds(bands: Bands, plan: _Plan, asked: _Asked) -> Iterator[_Near]:
    """Look up all buckets, some probes × all queries at a time, and compare second bands."""
    count = asked.bands.shape[1]
    step = max(1, _PROBES // count)
    width = bands.starts.shape[1]
    starts = bands.starts.reshape(-1)
    blocks = bands.following[: len(bands.following) // _LANES * _LANES].view(np.uint64).reshape(-1, 2)
    keys = asked.bands >> (BAND_BITS - bands.key_bits)
    for low in range(0, len(plan.band), step):
        some = slice(low, low + step)
        band = plan.band[some].astype(np.intp)
        bucket = (keys.take(band, axis=0) ^ plan.turned[some, None]) + band[:, None] * width
        offset = band[:, None] * bands.count
        first = (starts.take(bucket, mode="clip") + offset).reshape(-1)
        bucket += 1
        last = (starts.take(bucket, mode="clip") + offset).reshape(-1)
        if plan.fullest:
            last = np.where(last - first > plan.fullest, first, last)
        lanes = asked.lanes.take(band + 1, axis=0, mode="wrap").reshape(-1, 2)
        # What is left for the second band, in each byte, beside its high bit.
        room = (plan.most[1].take(band) - plan.flips[some]).astype(np.uint64) * _EACH_BYTE | _HIGH_BITS
        for probe, distance, place in _compare(blocks, first, last, lanes, np.repeat(room, count)):
            near, query = np.divmod(probe, count)
            yield _Near(query=query, probe=near + low, second=distance, place=place)


def _compare(
    blocks: Words, first: NDArray[np.int64], last: NDArray[np.int64], lanes: Words, room: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8], NDArray[np.int64]]]:
    """Which places from `first` to before `last` differ from `lanes` in few enough bits: probe, bits, place.

    first, last, lanes, room   one row for each probe
    """
    start = first // _LANES
    sizes = -(-last // _LANES) - start
    sizes *= last > first
    ends = np.cumsum(sizes)
    start -= ends
    start += sizes
    for low in range(0, int(ends[-1]), _BLOCKS):
        high = min(low + _BLOCKS, int(ends[-1]))
        from_probe, to_probe = np.searchsorted(ends, (low, high - 1), side="right").tolist()
        to_probe += 1
        some = sizes[from_probe:to_probe].copy()
        some[-1] -= ends[to_probe - 1] - high
        some[0] -= low - (ends[from_probe] - sizes[from_probe])
        probe = np.repeat(np.arange(from_probe, to_probe), some)
        block = start.take(probe, mode="clip")
        block += np.arange(low, high)
        differing = blocks.take(block, axis=0, mode="clip")
        differing ^= lanes.take(probe, axis=0, mode="clip")
        apart = np.bitwise_count(differing.view(np.uint16))
        # Eight subtractions at once: a byte keeps its high bit where the second band is near enough, and none borrows.
        near = room.take(probe, mode="clip")
        near -= apart.view(np.uint64).reshape(-1)
        near &= _HIGH_BITS
        near_blocks = np.flatnonzero(near != 0)
        for piece in range(0, len(near_blocks), _NEAR_BLOCKS):
            some_near = near_blocks[piece : piece + _NEAR_BLOCKS]
            at, lane = np.divmod(np.flatnonzero(near.take(some_near).view(np.uint8)), _LANES)
            at = some_near.take(at)
            which = probe.take(at)
            place = block.take(at) * _LANES + lane
            own = np.flatnonzero((place >= first.take(which)) & (place < last.take(which)))
            distance = apart.reshape(-1).take(at * _LANES + lane)
            yield which.take(own), distance.take(own), place.take(own)


def _finish(
    bands: Bands, plan: _Plan, asked: _Asked, near: _Near, threshold: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of these candidates the ones within the threshold that no other band reports: query row, entry, bits."""
    query = near.query
    band = plan.band.take(near.probe).astype(np.intp)
    rest = bands.rest.take(near.place, mode="clip")
    distance = plan.flips.take(near.probe) + near.second
    for length in range(3, CHAIN + 1):
        there = (rest >> np.uint64(16 * (length - 1))).astype(np.uint16)
        here = asked.bands.take((band + (length - 1)) % bands.bands * asked.bands.shape[1] + query)
        distance += np.bitwise_count(there ^ here)
        close = np.flatnonzero(distance <= plan.most[length - 1].take(band))
        query, band, rest, distance = query.take(close), band.take(close), rest.take(close), distance.take(close)
    entry = (rest & np.uint64(0xFFFF_FFFF)).astype(np.int64)
    apart = bands.rows.take(entry, axis=0, mode="clip")
    apart ^= asked.words.take(query, axis=0)
    whole = np.bitwise_count(apart).sum(axis=1, dtype=np.int64)
    # A damaged file may name a row that is not there.
    found = np.flatnonzero((whole <= threshold) & (entry < bands.count))
    # Where some buckets are passed over, the first band that leads to a pair may be one of those.
    if len(found) and not plan.fullest:
        found = found[_first_band(apart.take(found, axis=0), plan) == band.take(found)]
    return query.take(found), entry.take(found), whole.take(found)


def _first_band(apart: Words, plan: _Plan) -> NDArray[np.intp]:
    """The first band from which all chains are short: that one reports the pair. There is one within the threshold.

    Counted with all bits of each band: a probe that turned over key bits knows only part of them, and where that part let
    a pair through that is none of this band's, it is dropped here, and found from its own.
    """
    chains = _chains(np.bitwise_count(apart.view("<u2")).astype(np.int16))
    first: NDArray[np.intp] = np.argmax(np.all(chains <= plan.most[:, None], axis=0), axis=1)
    return first


# --- Diagonals


def _turn_bits(hashes: Words, out: Words) -> None:
    """Bit by bit, for hashes of any width."""
    bits = np.unpackbits(np.ascontiguousarray(hashes, "<u8").view(np.uint8), axis=1, bitorder="little")
    turned = np.packbits(bits.take(_bit_order(4 * hashes.shape[1]), axis=1), axis=1, bitorder="little")
    out[:] = turned.view("<u8")


@lru_cache
def _bit_order(bands: int) -> NDArray[np.intp]:
    """Which bit of the hash comes to each place."""
    band, group = np.divmod(np.arange(BAND_BITS * bands), BAND_BITS)
    order: NDArray[np.intp] = group * bands + (band + group) % bands
    return order


def _turn_16_by_16(hashes: Words, out: Words) -> None:
    """Group j of 16 bits goes round by j bits; then bit j of group i and bit i of group j change places."""
    groups = np.ascontiguousarray(np.ascontiguousarray(hashes, "<u8").view("<u2").T)
    by = np.arange(BAND_BITS, dtype=np.uint16)[:, None]
    groups = groups >> by | groups << (BAND_BITS - by & 15)
    # H. S. Warren, Hacker's Delight, 2nd ed., 7-3: swap the off-diagonal quarters, then those of each quarter, and so on.
    for size, mask in ((8, 0x00FF), (4, 0x0F0F), (2, 0x3333), (1, 0x5555)):
        halves = groups.reshape(-1, 2, size, groups.shape[1])
        swap = (halves[:, 0] >> size ^ halves[:, 1]) & np.uint16(mask)
        halves[:, 1] ^= swap
        halves[:, 0] ^= swap << size
    out[:] = np.ascontiguousarray(groups.T).view("<u8")


def _turn_4_by_4(hashes: Words, out: Words) -> None:
    """The same for 16 groups of four bits, within one word."""
    word = hashes.copy()
    turned = word & np.uint64(0x000F_000F_000F_000F)
    for by, back, ahead in (
        (1, 0x0070_0070_0070_0070, 0x0080_0080_0080_0080),
        (2, 0x0300_0300_0300_0300, 0x0C00_0C00_0C00_0C00),
        (3, 0x1000_1000_1000_1000, 0xE000_E000_E000_E000),
    ):
        turned |= word >> by & np.uint64(back) | word << (4 - by) & np.uint64(ahead)
    # Bit i of group 4 t + c: first c and i change places in each 16 bits, then t and i, which is now a group's place.
    for by, mask in (
        (3, 0x0A0A_0A0A_0A0A_0A0A),
        (6, 0x00CC_00CC_00CC_00CC),
        (12, 0x0000_F0F0_0000_F0F0),
        (24, 0x0000_0000_FF00_FF00),
    ):
        swap = (turned >> by ^ turned) & np.uint64(mask)
        turned ^= swap ^ swap << by
    out[:] = turned


_TURNS: Final = {1: _turn_4_by_4, 4: _turn_16_by_16}  # by width
