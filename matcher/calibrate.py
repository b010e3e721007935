"""From a budget of wrong alerts to limits: how far unrelated pictures lie from each other here, and so how far a match may be.

    pairs        every picture that was seen against every picture that is enrolled: at the whole frames' smallest distance, and at the
                 smallest distance where either is a part
    copies       are left out: a person is in a picture that lies within the confirmed limit of one of theirs, unless an analyst said no
    histogram    what is left, by distance
    tail         its near end on a logarithmic scale is a straight line. It is fitted to the nearest pairs and drawn on to where no pair
                 was observed; never steeper than 142.7 million pairs of photographs gave: 10.6 bits a decade for whole frames, 8.6 for
                 regions
    advice       the largest limit whose upper bound keeps within the budget

What is drawn on is no observation. So a limit is never moved beyond the shipped one by it, and is drawn on by three decades at most: where
the budget asks for more, the advice is what three decades allow, and says so. With fewer pairs than `ENOUGH` there is no advice at all.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.model import Evidence, Fingerprint
from matcher.confirm import DEFAULT, Limits
from matcher.hamming import Words, slices
from matcher.hashers import HASHERS, MIN_QUALITY
from matcher.index import words
from matcher.views import CROPS, REGION_HASHER, UPRIGHT, parsed

RADIUS: Final = 96  # bits: what is farther away says nothing of the tail
ENOUGH: Final = 100_000  # pairs: with fewer nothing is advised
MOST_DECADES: Final = 3.0  # that a line is drawn on beyond what was counted
REVIEW_BUDGETS: Final = 10  # what a person is only asked to look at may come so many times as often
DAYS: Final = 365

_FITTED_TO: Final = (
    1000,
    500,
    200,
    100,
    50,
)  # nearest pairs: the first that the rest agrees with. The slope is known to 3 … 14 %
_BULK: Final = (
    0.8  # of the reference's slope: what falls off faster is still the bulk, and the line hangs on what is nearer
)
_REFERENCE: Final = {Evidence.FRAME: 10.6, Evidence.REGION: 8.6}  # bits a decade
_Z: Final = 1.645  # one-sided 95 %
_SLAB: Final = 2**22  # pairs of hashes compared at once
_FARTHEST: Final = HASHERS[REGION_HASHER].default_threshold  # nothing enrolled is looked for beyond
_MIDDLES: Final = frozenset((*CROPS[:2], *CROPS[-4:]))

Integers = NDArray[np.int64]


# ------------------------------------------------------------------------------------------------------------ comparing


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The area hashes of several pictures side by side, those that could be a hit."""

    count: int
    hashes: Words = field(repr=False)  # (n, 4)
    owners: Integers = field(repr=False)  # (n,): whose, 0 … count - 1
    whole: NDArray[np.bool_] = field(repr=False)  # (n,): of the picture, not of a part

    @classmethod
    def of(cls, pictures: Sequence[Iterable[Fingerprint]]) -> "Pictures":
        rows = [(owner, each) for owner, picture in enumerate(pictures) for each in picture if usable(each)]
        views = {each.view: parsed(each.view) for _, each in rows}
        return cls(
            count=len(pictures),
            hashes=words([each.bits for _, each in rows]) if rows else np.empty((0, 4), np.uint64),
            owners=np.array([owner for owner, _ in rows], np.int64),
            whole=np.array([(view := views[each.view]) is not None and view.whole for _, each in rows], bool),
        )


def usable(one: Fingerprint) -> bool:
    return one.hasher == REGION_HASHER and one.quality >= MIN_QUALITY


def as_if_seen(enrolled: Iterable[Fingerprint]) -> Sequence[Fingerprint]:
    """Of an enrolled picture about what a crawl would have hashed: it upright, and its middles in place of cells and fits."""
    views = [(each, parsed(each.view)) for each in enrolled]
    return [
        each
        for each, view in views
        if view is not None and view.turn == UPRIGHT and (view.whole or view.box in _MIDDLES)
    ]


class Nearest(NamedTuple):
    """Pairs of pictures within the radius, each once: rows of `seen` and `enrolled`, and the smallest distance."""

    seen: Integers
    enrolled: Integers
    bits: Integers


def nearest(seen: Pictures, enrolled: Pictures, radius: int = RADIUS) -> Mapping[Evidence, Nearest]:
    """By whole frames and by regions. Takes about a nanosecond for a pair of hashes."""
    found: dict[Evidence, list[Nearest]] = {Evidence.FRAME: [], Evidence.REGION: []}
    some = max(1, _SLAB // max(1, len(enrolled.hashes)))
    for start in range(0, len(seen.hashes), some):
        pairs = slices.search(None, enrolled.hashes, 256, seen.hashes[start : start + some], radius)
        rows = pairs.rows + start
        frames = seen.whole[rows] & enrolled.whole[pairs.entries]
        for evidence, chosen in ((Evidence.FRAME, frames), (Evidence.REGION, ~frames)):
            one = Nearest(seen.owners[rows[chosen]], enrolled.owners[pairs.entries[chosen]], pairs.distances[chosen])
            found[evidence].append(_smallest([one], enrolled.count))
    return {evidence: _smallest(each, enrolled.count) for evidence, each in found.items()}


def _smallest(found: Sequence[Nearest], width: int) -> Nearest:
    if not found:
        empty = np.empty(0, np.int64)
        return Nearest(empty, empty, empty)
    seen, enrolled, bits = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((bits, seen * width + enrolled))
    keys = (seen * width + enrolled)[order]
    first = order[np.flatnonzero(np.diff(keys, prepend=-1))]
    return Nearest(seen[first], enrolled[first], bits[first])


# ------------------------------------------------------------------------------------------------------------- counting


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Pairs of unrelated pictures.

    pairs    all that were compared
    counts   (RADIUS + 1,): how many of them are so many bits apart
    """

    pairs: int
    counts: Integers = field(repr=False)

    def within(self, bits: int) -> int:
        return int(self.counts[: bits + 1].sum()) if bits >= 0 else 0

    @property
    def closest(self) -> int | None:
        """The smallest distance observed; None: no pair within the radius."""
        found = np.flatnonzero(self.counts)
        return int(found[0]) if len(found) else None


class Tally:
    """Histograms that grow with every block of pictures compared.

    person_of   of each enrolled picture a number that stands for its person, 0 … people - 1
    confirmed   bits up to which a picture is the person's own
    """

    def __init__(self, enrolled: Pictures, person_of: Sequence[int], people: int, confirmed: int) -> None:
        self._enrolled = enrolled
        self._person_of = np.array(person_of, np.int64)
        self._people = people
        self._confirmed = confirmed
        self._counts = {evidence: np.zeros(RADIUS + 1, np.int64) for evidence in _REFERENCE}
        self.seen = 0
        self.pairs = 0
        self.own = 0  # people in pictures of their own: left out

    def add(
        self,
        seen: Pictures,
        *,
        own: Collection[tuple[int, int]] = (),
        strangers: Collection[tuple[int, int]] = (),
        compared: NDArray[np.bool_] | None = None,
    ) -> None:
        """
        own         (picture, person): an analyst said that it is they
        strangers   (picture, person): an analyst said that it is not
        compared    (seen, enrolled): which pairs; None: all. Holds as many bytes in any case
        """
        found = nearest(seen, self._enrolled)
        pairs = np.ones((seen.count, self._enrolled.count), bool) if compared is None else compared.copy()
        theirs = np.zeros((seen.count, self._people), bool)
        for near in found.values():
            close = (near.bits <= self._confirmed) & pairs[near.seen, near.enrolled]
            theirs[near.seen[close], self._person_of[near.enrolled[close]]] = True
        for said, value in ((own, True), (strangers, False)):
            for picture, person in said:
                theirs[picture, person] = value
        pairs &= ~theirs[:, self._person_of]
        for evidence, near in found.items():
            bits = near.bits[pairs[near.seen, near.enrolled]]
            self._counts[evidence] += np.bincount(bits, minlength=RADIUS + 1)
        self.seen += seen.count
        self.own += int(theirs.sum())
        self.pairs += int(pairs.sum())

    def histogram(self, evidence: Evidence) -> Histogram:
        return Histogram(self.pairs, self._counts[evidence].copy())


# ----------------------------------------------------------------------------------------------------------- the tail


@dataclass(frozen=True)
class Tail:
    """How often an unrelated pair lies within so many bits: counted from the edge on, on the line below it.

    edge        the smallest distance within which there are as many pairs as the line was fitted to
    here        bits a decade as fitted to them: so many bits nearer, a tenth of the pairs; None: too few pairs
    reference   bits a decade as measured on many more. The line never falls faster: what is near the bulk does, and the far tail does not
    """

    histogram: Histogram
    edge: int
    here: float | None
    reference: float

    @property
    def fitted(self) -> bool:
        """False: the line has the reference's slope."""
        return self.here is not None and self.here >= self.reference

    @property
    def bits_per_decade(self) -> float:
        return max(self.here or 0.0, self.reference)

    def share(self, bits: int) -> float:
        """Of all pairs: the best guess."""
        if self.histogram.pairs == 0:
            return 1.0
        counted = self.histogram.within(bits) / self.histogram.pairs
        held = self.histogram.within(self.edge)
        line = self._line(bits, most(held) if self.here is None else held, self.bits_per_decade)
        return counted if bits >= self.edge and self.here is not None else max(counted, line)

    def at_most(self, bits: int) -> float:
        """No more than this, by all odds but 5 %, as far as the tail is a line. Where more was counted than fits on it, it is none."""
        if self.histogram.pairs == 0:
            return 1.0
        if bits >= self.edge and self.here is not None:
            return self.counted_at_most(bits)
        off = max((self.counted_at_most(each) for each in self.off_the_line if each <= bits), default=0.0)
        return max(self.histogram.within(bits) / self.histogram.pairs, self._upper(bits), off)

    def counted_at_most(self, bits: int) -> float:
        """No more than this, by all odds but 5 %, whatever the tail is like: three pairs where none was observed."""
        return most(self.histogram.within(bits)) / self.histogram.pairs if self.histogram.pairs else 1.0

    @cached_property
    def off_the_line(self) -> Sequence[int]:
        """Distances within which more pairs were counted than even the upper line has, by all odds but 1 %."""
        counted = ((bits, self.histogram.within(bits)) for bits in range(self.edge))
        upper = self.histogram.pairs
        return [bits for bits, count in counted if count and _at_least(count, self._upper(bits) * upper) < 0.01]

    def _upper(self, bits: int) -> float:
        slope = 0.0 if self.here is None else self.here * (1 + _Z / math.sqrt(self.histogram.within(self.edge)))
        return self._line(bits, most(self.histogram.within(self.edge)), max(slope, self.reference))

    def _line(self, bits: int, held: float, bits_per_decade: float) -> float:
        return min(1.0, held / self.histogram.pairs * 10 ** ((min(bits, self.edge) - self.edge) / bits_per_decade))


def tail(histogram: Histogram, evidence: Evidence) -> Tail:
    """The line through as many of the nearest pairs as lie on one. Where the nearest fall off more slowly than the others they decide."""
    found = Tail(histogram, RADIUS, None, _REFERENCE[evidence])
    for wanted in _FITTED_TO:
        found = _fitted(histogram, evidence, wanted) or found
        if found.here is not None and found.here >= _BULK * found.reference and not found.off_the_line:
            break
    return found


def _fitted(histogram: Histogram, evidence: Evidence, wanted: int) -> Tail | None:
    """By maximum likelihood: distances below the edge fall off like a geometric series. None: there are not so many pairs.

    Counted by twos: hashes with 128 ones, which most are, differ in an even number of bits.
    """
    sums = np.cumsum(histogram.counts)
    edge = int(np.searchsorted(sums, wanted))
    edge += edge % 2
    if edge > RADIUS:
        return None
    steps = (edge - np.arange(edge + 1)) // 2
    mean = float((histogram.counts[: edge + 1] * steps).sum()) / int(sums[edge])
    if mean == 0:
        return None
    return Tail(histogram, edge, -2 / math.log10(mean / (1 + mean)), _REFERENCE[evidence])


def _at_least(count: int, expected: float) -> float:
    """The odds of so many or more where so many are expected: Poisson's."""
    if count > expected + 10 * math.sqrt(expected + 1):
        return 0.0
    return 1.0 - sum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count))


@lru_cache(maxsize=4096)
def most(count: int) -> float:
    """So many there may be, by all odds but 5 %, where so many were counted: the upper Poisson bound. 3.0 where there were none."""
    if count > 200:  # Wilson and Hilferty's is as good there
        degrees = count + 1
        return float(degrees * (1 - 1 / (9 * degrees) + _Z / (3 * math.sqrt(degrees))) ** 3)
    low, high = float(count), count + 5 + 3 * math.sqrt(count + 1)
    for _ in range(60):
        middle = (low + high) / 2
        terms = (math.exp(k * math.log(middle) - middle - math.lgamma(k + 1)) for k in range(count + 1))
        low, high = (middle, high) if sum(terms) > 0.05 else (low, middle)
    return high


# -------------------------------------------------------------------------------------------------------------- advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """
    alerts     wrong ones, for one person and year; ten times as many that only ask for a look
    pictures   enrolled of one person
    crawled    pictures a day
    """

    alerts: float
    pictures: float
    crawled: float

    @property
    def pairs(self) -> float:
        """Of one person and year."""
        return self.pictures * self.crawled * DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about one limit. Alerts are wrong ones, for one person and year."""

    name: str  # of the field of matcher.confirm.Limits
    evidence: Evidence
    current: int
    expected: float  # alerts at the current limit
    at_most: float  # the same, the upper bound of 95 %
    recommended: int
    then_at_most: float  # at the recommended limit
    budget: float
    pairs: int  # observed
    closest: int | None  # of them, the smallest distance
    note: str = ""  # why it is no more or no less; empty: it is what the budget allows

    @property
    def supported(self) -> bool:
        return self.pairs >= ENOUGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    budget: Budget
    tails: Mapping[Evidence, Tail]
    advice: tuple[Advice, ...]
    current: Limits

    @property
    def supported(self) -> bool:
        return all(each.supported for each in self.advice)

    @property
    def limits(self) -> Mapping[str, int]:
        return {each.name: each.recommended for each in self.advice}


# limit, evidence, how many budgets it may use up, the limit that it may not lie below
_ASKED: Final = (
    ("frame_probable", Evidence.FRAME, 1, "frame_confirmed"),
    ("frame_review", Evidence.FRAME, REVIEW_BUDGETS, "frame_probable"),
    ("region_probable", Evidence.REGION, 1, "region_confirmed"),
    ("region_review", Evidence.REGION, REVIEW_BUDGETS, "region_probable"),
)


def calibrate(histograms: Mapping[Evidence, Histogram], budget: Budget, current: Limits = DEFAULT) -> Calibration:
    tails = {evidence: tail(histogram, evidence) for evidence, histogram in histograms.items()}
    advice: list[Advice] = []
    for name, evidence, times, below in _ASKED:
        known = {each.name: each.recommended for each in advice}
        least = known[below] if below in known else int(getattr(current, below))
        limit, note = _limit(tails[evidence], times * budget.alerts / budget.pairs, int(getattr(DEFAULT, name)), least)
        now = int(getattr(current, name))
        of = tails[evidence]
        advice.append(
            Advice(
                name=name,
                evidence=evidence,
                current=now,
                expected=of.share(now) * budget.pairs,
                at_most=of.at_most(now) * budget.pairs,
                recommended=limit,
                then_at_most=of.at_most(limit) * budget.pairs,
                budget=times * budget.alerts,
                pairs=of.histogram.pairs,
                closest=of.histogram.closest,
                note=f"no less than {below}, which already is over the budget" if note is None else note,
            )
        )
    return Calibration(budget=budget, tails=tails, advice=tuple(advice), current=current)


def _limit(of: Tail, share: float, shipped: int, least: int) -> tuple[int, str | None]:
    """The largest limit within this share of all pairs, and what stood against another one; None: that it may not be less."""
    if of.histogram.pairs < ENOUGH:
        return shipped, f"the shipped limit: {of.histogram.pairs:,} pairs are too few, {ENOUGH:,} are needed"
    shown = most(0) / of.histogram.pairs / 10**MOST_DECADES
    drawn = _largest(shipped, lambda bits: of.at_most(bits) <= max(share, shown))
    counted = _largest(_FARTHEST, lambda bits: of.counted_at_most(bits) <= share)
    limit = max(drawn, counted)
    if limit < least:
        return least, None
    if share < shown:
        return limit, f"as near as {of.histogram.pairs:,} pairs can show; the budget asks for less"
    if limit == shipped and of.at_most(shipped + 1) <= share:
        return limit, "the shipped limit: only what was counted may raise it, not what is drawn on"
    return limit, ""


def _largest(most_bits: int, fits: Callable[[int], bool]) -> int:
    return next((bits for bits in range(most_bits, -1, -1) if fits(bits)), -1)
