"""When each page of a site is worth another look. Pure: what was learned of each page goes in, when it is due comes out.

    Learned ── after_visit ─→ Learned ─┐
                                       ├─ plan: visits/h of each page ── due: which to ask for now, longest overdue first
    budget of the site ────────────────┘

A look of a crawl (crawler/memory.py) asks for all that is due. Whoever may ask for one page at a time only takes the first.

What is minimised is how long a new picture is there before it is met. Pages visited at even intervals `r_i` times an hour, on which
`mu_i` new pictures an hour appear, make them wait `sum(mu_i / (2 r_i))` in all; under a budget `sum(c_i r_i) = B` that is least where
`r_i ~ sqrt(mu_i / c_i)` (Cauchy and Schwarz). Rates proportional to `mu_i`, and those that keep copies fresh (Cho and Garcia-Molina,
"Effective page refresh policies for Web crawlers", TODS 28(4), 2003; Azar et al., PNAS 115(32), 2018), give up on pages that change too
rarely or too often for their aim: the pictures on those would wait longest.

New means: not met on any page before. So a thread whose pictures are met earlier on a page of new uploads is seldom asked for, and one
that no such page announces is asked for as often as it brings something. Whom a picture shows, or whether it was a hit, is no part of
any of this: a site is not watched more closely because of what was found there.

Times are seconds of any clock that only goes forward, the same one for everything; rates are visits an hour; a cost of 1 is a full answer.
"""

import enum
import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from crawler.traps import shape

HOUR_S: Final = 3_600.0
UNCHANGED_COST: Final = 0.12  # of a full answer: a conditional GET answered 304, no body and nothing to read


class Kind(enum.StrEnum):
    """What a page is to somebody who looks for new pictures."""

    SECTION = "section"  # lists what is new elsewhere: a start page, a board, "new uploads"
    FEED = "feed"
    OTHER = "other"  # a thread, an album, a picture's own page, the imprint


MOST_PER_H: Final[Mapping[Kind, float]] = {Kind.SECTION: 12.0, Kind.FEED: 12.0, Kind.OTHER: 2.0}  # for politeness


class Rate(NamedTuple):
    """What is believed of how many new things an hour a page brings: a Gamma distribution."""

    events: float  # its shape
    exposure_h: float  # its rate

    @property
    def mean(self) -> float:
        return self.events / self.exposure_h


# Before the first look. A page that seems to list news is taken at its word, and half an hour of nothing halves that.
_ANNOUNCES: Final = Rate(4.0, 0.5)
# Any other page: as the pages of its shape on this site, threads say, which together are believed to bring this much at first.
_PAGES_ALIKE: Final = Rate(0.1, 20.0)
# How much pages of one shape differ: the shape of a Gamma over their rates. Small, for most threads sleep while a few are busy.
_ALIKE: Final = 0.3
_SURE_H: Final = 1_000.0  # however long all of them brought nothing: one that wakes up must be able to say so

# Half of what was learned is forgotten in this time, so that a page which falls asleep, or wakes up, is noticed.
MEMORY_S: Final = 30 * 24 * HOUR_S
_LATEST_COST: Final = 0.1  # weight of the last answer in the mean cost
_MOST_OF_ONE_VISIT: Final = 200  # an archive moved in one night says little of the next one
_ROUNDING: Final = 1e-9  # due is due
_NOT_PLANNED_PER_H: Final = 1 / 24  # met since the plan was made

# Signs of a page that lists news.
_MANY_FIRST_NAMED: Final = 20  # pages first met on it
_FEW_PAGES: Final = (
    5  # less are too few to say what "everywhere" is: the start page and an album that names itself are two of two
)
_EVERYWHERE: Final = 0.8  # of the pages read name it: the menu
# Such a page is none when this much watching brought nothing.
_BARREN_VISITS: Final = 12
_BARREN_H: Final = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is known of one page: a row of numbers. A page just met is `Learned(met=now)`."""

    met: float  # when some page first named it
    last_visit: float | None = None  # asked for, whatever came of it
    last_read: float | None = None  # what was on it then is known; a failed visit changes nothing here
    visits: int = 0
    exposure_s: float = 0.0  # watched so long, between its first reading and its last; old times count less
    events: float = 0.0  # new pictures and pages in that time; old ones count less
    cost: float = 1.0  # mean of the late answers, a full one being 1
    kind: Kind = Kind.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The plain signs of what a page is."""

    start: bool = False  # named by the site's file
    feed: bool = False  # answers with RSS, Atom or a sitemap
    first_named: int = 0  # pages that were first met on it, at one reading
    named_by: int = 0  # of the pages read
    pages_read: int = 0  # of the whole site, or so many of them as there was time for


def kind_of(standing: Standing, learned: Learned) -> Kind:
    """One sign, once seen, makes a page a section until watching it has shown otherwise: the imprint is named everywhere, too."""
    if _barren(learned):
        return Kind.OTHER
    if standing.feed:
        return Kind.FEED
    in_the_menu = standing.pages_read >= _FEW_PAGES and standing.named_by >= _EVERYWHERE * standing.pages_read
    if learned.kind is Kind.OTHER and (standing.start or standing.first_named >= _MANY_FIRST_NAMED or in_the_menu):
        return Kind.SECTION
    return learned.kind


def after_visit(learned: Learned, *, now: float, new: int, at_least: bool = False, cost: float = 1.0) -> Learned:
    """The page was read, or said that it is unchanged.

    new       pictures and pages on it that no page had named before
    at_least  there may have been more: nothing on the page was known, so older new things may have left it
    cost      1 for a full answer, `UNCHANGED_COST` for a 304

    A first reading says nothing of how fast things come. Later ones update a Gamma distribution over the rate of a Poisson process: by the
    count, which is exact, or, where the count is a lower bound, by the Gamma of the same mean and variance as the posterior. One bit,
    "something is new", is the bound 1. Cho and Garcia-Molina ("Estimating frequency of change", ACM TOIT 3(3), 2003) estimate that rate
    from single bits at even intervals; ours come at any interval, and a count tells more than a bit.
    """
    visited = replace(
        learned,
        last_visit=now,
        last_read=now,
        visits=learned.visits + 1,
        cost=cost if learned.last_read is None else learned.cost + _LATEST_COST * (cost - learned.cost),
    )
    if learned.last_read is None:
        return visited
    watched_s = max(0.0, now - learned.last_read)
    kept = 0.5 ** (watched_s / MEMORY_S)
    before = Rate(kept * learned.events, kept * learned.exposure_s / HOUR_S)
    count = min(new, _MOST_OF_ONE_VISIT)
    gained = Rate(count, watched_s / HOUR_S)
    if at_least and count > 0:
        gained = _gained_by_a_bound(_sum(_alone(learned.kind), before), gained)
    after = _sum(before, gained)
    return replace(visited, events=after.events, exposure_s=after.exposure_h * HOUR_S)


def after_failure(learned: Learned, *, now: float) -> Learned:
    """Asked for, and not read: it waits its turn again, and nothing was learned."""
    return replace(learned, last_visit=now, visits=learned.visits + 1)


def plan(pages: Mapping[str, Learned], budget_per_h: float) -> dict[str, float]:
    """Visits an hour for each page, by URL. Their expected cost is the budget, or less where politeness ends them all.

    budget_per_h  full answers an hour that these pages may cost together
    """
    believed = rates(pages)
    return dict(
        zip(
            pages,
            allocation(
                weights=[math.sqrt(believed[url] / _cost_of_one_more(learned.cost)) for url, learned in pages.items()],
                costs=[learned.cost for learned in pages.values()],
                caps=[MOST_PER_H[learned.kind] for learned in pages.values()],
                budget=budget_per_h,
            ),
            strict=True,
        )
    )


def due(pages: Mapping[str, Learned], planned: Mapping[str, float], now: float) -> list[str]:
    """URLs that are due, longest overdue first, measured in the page's own interval. One never asked for is due since it was met.

    So when more is due than may be asked for, everything comes late in the same proportion, and nothing is left out for good.
    """
    late: list[tuple[float, str]] = []
    for url, learned in pages.items():
        per_h = planned.get(url, _NOT_PLANNED_PER_H)
        if learned.last_visit is None:
            if now >= learned.met:
                late.append(((learned.met - now) * per_h / HOUR_S - _scattered(url), url))
            continue
        intervals = (now - learned.last_visit) * per_h / HOUR_S - 1
        if intervals >= -_ROUNDING:
            late.append((-intervals, url))
    late.sort()
    return [url for _, url in late]


def rates(pages: Mapping[str, Learned]) -> dict[str, float]:
    """New things an hour that each page is expected to bring: the posterior means."""
    shapes = {url: shape(url) if learned.kind is Kind.OTHER else "" for url, learned in pages.items()}
    events: dict[str, float] = defaultdict(lambda: _PAGES_ALIKE.events)
    exposure_s: dict[str, float] = defaultdict(lambda: _PAGES_ALIKE.exposure_h * HOUR_S)
    for url, learned in pages.items():
        events[shapes[url]] += learned.events
        exposure_s[shapes[url]] += learned.exposure_s
    priors = {each: _of_pages_alike(events[each] / exposure_s[each] * HOUR_S) for each in events}
    priors[""] = _ANNOUNCES
    return {url: _sum(priors[shapes[url]], _watched(learned)).mean for url, learned in pages.items()}


def allocation(
    *, weights: Sequence[float], costs: Sequence[float], caps: Sequence[float], budget: float
) -> list[float]:
    """`min(cap, level * weight)` for each, with the level at which the costs add up to the budget. All must be above zero.

    Pages at their cap leave what they cannot use to the others (water-filling). Takes n log n.
    """
    if budget <= 0:
        raise ValueError("a budget must be above zero: a site that may not be asked has no plan")
    order = sorted(range(len(weights)), key=lambda number: caps[number] / weights[number])
    # From the last on, each with all that come after it: added up from the small ones, so that none is lost in a large one.
    to_share = list(accumulate(costs[number] * weights[number] for number in reversed(order)))[::-1]
    left, level = budget, math.inf
    for number, shares in zip(order, to_share, strict=True):
        if left / shares * weights[number] <= caps[number]:
            level = left / shares
            break
        left = max(left - costs[number] * caps[number], budget * 1e-12)  # never quite nothing, by rounding
    return [min(cap, level * weight) for weight, cap in zip(weights, caps, strict=True)]


@lru_cache(maxsize=65_536)
def _scattered(url: str) -> float:
    """Between 0 and 1: pages never asked for come in no order of theirs, so that the first few tell of every corner of a site."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=4).digest()) / 2**32


def _cost_of_one_more(cost: float) -> float:
    """What visiting a page slightly more often costs for each further visit, when its answers cost `cost` on average.

    Where a page changes as a Poisson process, `x` times between two visits on average, a share `1 - exp(-x)` of the answers is full. Closer
    visits meet the same changes, so most of the further answers are 304.
    """
    full = min(1.0, max(0.0, (cost - UNCHANGED_COST) / (1 - UNCHANGED_COST)))
    same = 1 - full
    return UNCHANGED_COST + (1 - UNCHANGED_COST) * (full + same * math.log(same) if same > 0 else 1.0)


# ------------------------------------------------------------------------------------------------------ what is believed


def _of_pages_alike(mean_per_h: float) -> Rate:
    """Empirical Bayes: what is believed of a page is centred where the pages of its shape are on average.

    Where that is hardly above nothing the exposure ends at `_SURE_H`, and the shape shrinks with the mean: nearly all of them sleep, and
    one that woke up is believed. A longer exposure would go on saying for months that it sleeps. The whole shape in so short an exposure
    would believe ten times too much of threads whose pictures a page of new uploads shows first, and spend a quarter of the budget on them.
    """
    exposure_h = min(_ALIKE / mean_per_h, _SURE_H)
    return Rate(mean_per_h * exposure_h, exposure_h)


def _alone(kind: Kind) -> Rate:
    """The prior of a page of which nothing else is known."""
    return _of_pages_alike(_PAGES_ALIKE.mean) if kind is Kind.OTHER else _ANNOUNCES


def _watched(learned: Learned) -> Rate:
    return Rate(learned.events, learned.exposure_s / HOUR_S)


def _sum(one: Rate, other: Rate) -> Rate:
    return Rate(one.events + other.events, one.exposure_h + other.exposure_h)


def _barren(learned: Learned) -> bool:
    return learned.visits >= _BARREN_VISITS and learned.exposure_s >= _BARREN_H * HOUR_S and learned.events < 0.5


def _gained_by_a_bound(believed: Rate, bound: Rate) -> Rate:
    """What "at least `bound.events` in `bound.exposure_h`" adds to a belief.

    A count of a Poisson process with a Gamma rate is negative binomial, and weighting the Gamma by its rate raises its shape by one.
    So the moments of the posterior are quotients of that distribution's tails.
    """
    least = int(bound.events)
    missed = believed.exposure_h / (believed.exposure_h + bound.exposure_h)
    if missed == 1.0:
        return Rate(bound.events, 0.0)  # no time has passed: as if counted
    tails = [_tail(believed.events + more, missed, least) for more in range(3)]
    mean = believed.mean * tails[1] / tails[0]
    square = believed.mean * (believed.events + 1) / believed.exposure_h * tails[2] / tails[0]
    variance = square - mean * mean
    after = Rate(mean * mean / variance, mean / variance)
    return Rate(max(0.0, after.events - believed.events), max(0.0, after.exposure_h - believed.exposure_h))


def _tail(size: float, missed: float, least: int) -> float:
    """P(N >= least) of a negative binomial N: `size` and the probability `missed` of its zero being `missed ** size`."""
    term = math.exp(size * math.log(missed))
    below = 0.0
    for count in range(least):
        below += term
        term *= (size + count) / (count + 1) * (1 - missed)
    if below < 0.9:
        return 1 - below
    # Summed upwards, for 1 - below would be rounding. Terms fall, at last by the factor 1 - missed.
    tail, count = 0.0, least
    while term > tail * 1e-12 and count < least + 100_000:
        tail += term
        term *= (size + count) / (count + 1) * (1 - missed)
        count += 1
    return tail
