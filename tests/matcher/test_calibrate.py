"""From a known tail back to its slope, and from a budget to limits that keep within it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.model import Evidence, Fingerprint
from matcher.calibrate import (
    ENOUGH,
    MOST_DECADES,
    RADIUS,
    Budget,
    Calibration,
    Histogram,
    Pictures,
    Tally,
    as_if_seen,
    calibrate,
    most,
    nearest,
    tail,
)
from matcher.confirm import DEFAULT, Limits
from matcher.views import CROPS, View, enrolled_views

FRAME, REGION = Evidence.FRAME, Evidence.REGION
YEAR = Budget(alerts=1, pictures=10, crawled=100_000)


def histogram(pairs: int, within: float, bits_per_decade: float, seed: int = 1) -> Histogram:
    """So many pairs, of which the share `within` lies within the radius, falling off by so many bits a decade."""
    dice = np.random.default_rng(seed)
    ratio = 10 ** (-1 / bits_per_decade)
    below = dice.geometric(1 - ratio, dice.poisson(pairs * within)) - 1
    return Histogram(pairs, np.bincount(RADIUS - below[below <= RADIUS], minlength=RADIUS + 1))


def both(pairs: int, seed: int = 1) -> dict[Evidence, Histogram]:
    return {FRAME: histogram(pairs, 3e-4, 10.6, seed), REGION: histogram(pairs, 1e-2, 8.6, seed)}


def nothing(pairs: int) -> Histogram:
    return Histogram(pairs, np.zeros(RADIUS + 1, np.int64))


def limit(calibration: Calibration, name: str) -> int:
    return calibration.limits[name]


# ------------------------------------------------------------------------------------------------------------- the tail


@pytest.mark.parametrize("bits_per_decade", [6.0, 8.6, 10.6, 14.0, 20.0])
@pytest.mark.parametrize("pairs", [10**6, 10**8])
@pytest.mark.parametrize("step", [1, 2], ids=["all distances", "even distances"])
def test_the_slope_of_a_known_tail_is_found(bits_per_decade: float, pairs: int, step: int) -> None:
    known = histogram(pairs, 2e-3, bits_per_decade)
    if step == 2:  # as between hashes that have 128 ones each
        counts = known.counts.copy()
        counts[2::2] += counts[1::2]
        counts[1::2] = 0
        known = Histogram(pairs, counts)

    found = tail(known, FRAME)

    assert found.here == pytest.approx(bits_per_decade, rel=0.15)


def test_a_line_never_falls_faster_than_the_reference() -> None:
    """What is near the bulk does; the few pairs beyond do not, and they are not seen with few pairs."""
    steep, flat = (tail(histogram(10**7, 1e-2, slope), FRAME) for slope in (4.0, 15.0))

    assert steep.here is not None
    assert steep.here < 5
    assert (steep.bits_per_decade, steep.fitted) == (10.6, False)
    assert steep.share(steep.edge - 106) >= steep.share(steep.edge) * 0.9e-10
    assert flat.here == flat.bits_per_decade > 13
    assert flat.fitted


def test_where_the_nearest_pairs_fall_off_more_slowly_they_decide() -> None:
    bulk, few = histogram(10**7, 1e-3, 8.0), histogram(10**7, 2e-5, 30.0)
    both_ = Histogram(10**7, bulk.counts + few.counts)

    found = tail(both_, FRAME)

    assert found.bits_per_decade > 15
    true = 2e-5 * 10 ** ((40 - RADIUS) / 30)
    assert found.at_most(40) > true


def test_what_is_drawn_on_is_the_known_tail_where_nothing_was_observed() -> None:
    found = tail(histogram(10**7, 3e-4, 10.6), FRAME)

    for bits in (30, 40, 50):
        true = 3e-4 * 10 ** ((bits - RADIUS) / 10.6)
        assert found.histogram.within(bits) == 0
        assert true / 3 < found.share(bits) < true * 3
        assert true < found.at_most(bits) < true * 6


def test_the_upper_bound_holds_in_nineteen_of_twenty_runs() -> None:
    true = 3e-4 * 10 ** ((63 - RADIUS) / 10.6)

    held = [tail(histogram(10**7, 3e-4, 10.6, seed), FRAME).at_most(63) >= true for seed in range(100)]

    assert sum(held) >= 90


def test_a_share_never_shrinks_with_the_distance() -> None:
    for pairs in (0, 50, 10**4, 10**6):
        found = tail(histogram(pairs, 1e-2, 8.6), REGION)
        for values in ([of(bits) for bits in range(RADIUS + 1)] for of in (found.share, found.at_most)):
            assert values == sorted(values)


def test_with_few_near_pairs_the_line_is_as_steep_as_the_reference_and_hangs_at_the_bound() -> None:
    found = tail(nothing(10**6), FRAME)

    assert not found.fitted
    assert found.bits_per_decade == 10.6
    assert found.at_most(RADIUS) == pytest.approx(3.0 / 10**6, rel=0.01)
    assert found.at_most(RADIUS - 106) == pytest.approx(3.0 / 10**16, rel=0.01)


def test_a_pair_that_was_observed_counts_even_where_the_line_says_less() -> None:
    known = histogram(10**6, 3e-4, 10.6)
    counts = known.counts.copy()
    counts[35] += 4

    found = tail(Histogram(known.pairs, counts), FRAME)

    assert found.share(35) == 4e-6
    assert found.at_most(35) >= 4e-6


@pytest.mark.parametrize(("count", "bound"), [(0, 2.996), (1, 4.744), (5, 10.513), (20, 29.062), (500, 538.5)])
def test_the_poisson_bound_is_the_published_one(count: int, bound: float) -> None:
    assert most(count) == pytest.approx(bound, rel=0.002)


# --------------------------------------------------------------------------------------------------------------- advice


def test_a_known_tail_gives_the_limit_that_its_line_gives() -> None:
    found = calibrate(both(10**8, seed=2), YEAR)

    # a budget of 1 in 365 million pairs: 3e-4 · 10^((d - 96) / 10.6) = 2.7e-9 at 42.6 bits, 1e-2 · 10^((d - 96) / 8.6) there at 39.5
    assert 37 <= limit(found, "frame_probable") <= 42
    assert 34 <= limit(found, "region_probable") <= 39
    for advice in found.advice:
        assert advice.then_at_most <= advice.budget
        assert advice.expected <= advice.at_most
        assert advice.current == getattr(DEFAULT, advice.name)
    assert found.supported


def test_with_too_few_pairs_the_shipped_limits_stay_and_it_says_so() -> None:
    found = calibrate(both(ENOUGH - 1), YEAR, Limits(frame_probable=40, frame_review=45))

    assert not found.supported
    assert found.limits == {name: getattr(DEFAULT, name) for name in found.limits}
    assert all("too few" in advice.note for advice in found.advice)
    assert found.advice[0].current == 40


def test_with_no_pair_at_all_there_is_an_answer_too() -> None:
    found = calibrate({FRAME: nothing(0), REGION: nothing(0)}, YEAR)

    assert not found.supported
    assert found.limits["frame_probable"] == DEFAULT.frame_probable
    assert all(advice.closest is None and advice.at_most == YEAR.pairs for advice in found.advice)


@pytest.mark.parametrize("pairs", [ENOUGH, 10**6, 10**8])
def test_a_larger_budget_never_gives_a_smaller_limit(pairs: int) -> None:
    histograms = both(pairs)

    found = [
        calibrate(histograms, Budget(alerts=alerts, pictures=10, crawled=100_000))
        for alerts in (0.001, 0.1, 1, 10, 100, 10_000, 1e9)
    ]

    for name in found[0].limits:
        limits = [limit(each, name) for each in found]
        assert limits == sorted(limits)


def test_more_pictures_crawled_never_give_a_larger_limit() -> None:
    histograms = both(10**7)

    limits = [
        limit(calibrate(histograms, Budget(alerts=1, pictures=10, crawled=crawled)), "frame_probable")
        for crawled in (100, 10_000, 1_000_000)
    ]

    assert limits == sorted(limits, reverse=True)
    assert limits[0] > limits[-1]


def test_limits_stand_in_their_order() -> None:
    for pairs in (10, ENOUGH, 10**7):
        for alerts in (1e-6, 1.0, 1e6):
            found = calibrate(both(pairs), Budget(alerts=alerts, pictures=50, crawled=10**6)).limits
            assert DEFAULT.frame_confirmed <= found["frame_probable"] <= found["frame_review"] <= 70
            assert DEFAULT.region_confirmed <= found["region_probable"] <= found["region_review"] <= 70


def test_nothing_is_drawn_on_farther_than_the_pairs_support(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matcher.calibrate.DEFAULT", Limits(frame_probable=58, frame_review=68))
    histograms = both(ENOUGH)
    shown = most(0) / ENOUGH / 10**MOST_DECADES

    found = calibrate(histograms, Budget(alerts=1e-9, pictures=1000, crawled=10**7))

    assert tail(histograms[FRAME], FRAME).at_most(limit(found, "frame_probable")) <= shown
    assert tail(histograms[FRAME], FRAME).at_most(limit(found, "frame_probable") + 1) > shown
    assert "can show" in found.advice[0].note


def test_a_limit_is_raised_only_by_what_was_counted() -> None:
    """A tail so far away that the line alone would allow any limit."""
    far = histogram(10**6, 1e-4, 3.0)
    budget = Budget(
        alerts=1, pictures=1, crawled=1000
    )  # 2.7e-6 of the pairs; none in a million is known to no less than 3e-6

    kept = calibrate({FRAME: far, REGION: far}, budget)
    raised = calibrate({FRAME: far, REGION: far}, Budget(alerts=100, pictures=1, crawled=1000))

    assert limit(kept, "frame_probable") == DEFAULT.frame_probable
    assert "counted" in kept.advice[0].note
    assert limit(raised, "frame_probable") == 70


# ------------------------------------------------------------------------------------------------------------ comparing


def bits_of(dice: np.random.Generator) -> str:
    return dice.bytes(32).hex()


def near(bits: str, flips: int, dice: np.random.Generator) -> str:
    value = int(bits, 16)
    for bit in dice.choice(256, size=flips, replace=False):
        value ^= 1 << int(bit)
    return f"{value:064x}"


def one(bits: str, view: str = "full", quality: int = 90, hasher: str = "area") -> Fingerprint:
    return Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality)


CROP = View("crop", box=CROPS[0]).name


def test_each_pair_counts_once_at_its_smallest_distance_by_frames_and_by_regions() -> None:
    dice = np.random.default_rng(3)
    base = bits_of(dice)
    seen = Pictures.of([[one(near(base, 60, dice)), one(near(base, 50, dice), "fit:100,0,900,1000")]])
    enrolled = Pictures.of([[one(base), one(near(base, 90, dice), "full/flip-h"), one(bits_of(dice), CROP)]])

    found = nearest(seen, enrolled)

    assert [each.tolist() for each in found[FRAME]] == [[0], [0], [60]]
    assert [each.tolist() for each in found[REGION]] == [[0], [0], [50]]


def test_every_near_pair_is_found_as_by_comparing_all() -> None:
    dice = np.random.default_rng(4)
    centres = [bits_of(dice) for _ in range(3)]

    def some(count: int) -> list[list[Fingerprint]]:
        return [
            [
                one(near(centres[int(dice.integers(3))], int(dice.integers(20, 90)), dice), view)
                for view in ("full", "trim:10,10,990,990", CROP, "cell:0,0,500,1000")
            ]
            for _ in range(count)
        ]

    seen, enrolled = some(20), some(15)

    found = nearest(Pictures.of(seen), Pictures.of(enrolled))

    for evidence in (FRAME, REGION):
        expected = {}
        for s, left in enumerate(seen):
            for e, right in enumerate(enrolled):
                distances = [
                    (int(a.bits, 16) ^ int(b.bits, 16)).bit_count()
                    for a in left
                    for b in right
                    if (a.view.startswith(("full", "trim")) and b.view.startswith(("full", "trim")))
                    is (evidence is FRAME)
                ]
                if min(distances) <= RADIUS:
                    expected[s, e] = min(distances)
        rows = zip(*(column.tolist() for column in found[evidence]), strict=True)
        assert {(s, e): bits for s, e, bits in rows} == expected


def test_what_is_too_plain_or_of_another_hasher_is_not_compared() -> None:
    pictures = Pictures.of([[one("0" * 64, quality=49), one("0" * 64, hasher="pdq")]])

    assert pictures.count == 1
    assert len(pictures.hashes) == 0
    assert len(nearest(pictures, pictures)[FRAME].bits) == 0


# ------------------------------------------------------------------------------------------------------------- counting


def counts(tally: Tally, evidence: Evidence = FRAME) -> list[int]:
    return np.flatnonzero(tally.histogram(evidence).counts).tolist()


def scene(seen_bits: int) -> tuple[Pictures, Pictures, str]:
    """A seen picture so many bits from the first of two pictures of person 0, and 60 from the second; person 1 is 70 away."""
    dice = np.random.default_rng(seen_bits)
    seen = bits_of(dice)
    enrolled = [near(seen, flips, dice) for flips in (seen_bits, 60, 70)]
    return Pictures.of([[one(seen)]]), Pictures.of([[one(each)] for each in enrolled]), seen


def test_who_is_in_a_picture_is_left_out_with_all_their_pictures() -> None:
    seen, enrolled, _ = scene(31)
    tally = Tally(enrolled, [0, 0, 1], 2, confirmed=31)

    tally.add(seen)

    assert counts(tally) == [70]
    assert (tally.pairs, tally.own, tally.seen) == (1, 1, 1)


def test_beyond_the_confirmed_limit_a_pair_counts_as_wrong() -> None:
    seen, enrolled, _ = scene(32)
    tally = Tally(enrolled, [0, 0, 1], 2, confirmed=31)

    tally.add(seen)

    assert counts(tally) == [32, 60, 70]
    assert tally.pairs == 3


def test_what_an_analyst_said_goes_before_the_distance() -> None:
    seen, enrolled, _ = scene(20)
    rejected, confirmed = (Tally(enrolled, [0, 0, 1], 2, confirmed=31) for _ in range(2))

    rejected.add(seen, strangers=[(0, 0)])
    confirmed.add(seen, own=[(0, 1)])

    assert counts(rejected) == [20, 60, 70]
    assert counts(confirmed) == []
    assert confirmed.pairs == 0


def test_only_the_pairs_that_are_asked_for_are_compared() -> None:
    seen, enrolled, _ = scene(40)
    tally = Tally(enrolled, [0, 0, 1], 2, confirmed=31)
    compared: NDArray[np.bool_] = np.array([[False, True, True]])

    tally.add(seen, compared=compared)

    assert counts(tally) == [60, 70]
    assert tally.pairs == 2


def test_an_enrolled_picture_stands_for_a_seen_one_upright_and_with_its_middles() -> None:
    views = [each.name for each in enrolled_views(None)]

    chosen = [each.view for each in as_if_seen([one("0" * 64, view) for view in views])]

    assert chosen[0] == "full"
    assert len(chosen) == 7
    assert all("/" not in view for view in chosen)
