"""Which frames of a video are looked at, and who is found from when to when."""

import itertools
import random

import pytest

from core.model import Enrolment, Evidence, Fingerprint, Match, PersonId, Tier
from matcher import confirm
from matcher.confirm import Limits
from matcher.sampling import CRAWLED, ENROLLED, Sampling, alike, moments
from matcher.video import findings, ranges
from matcher.views import View

# ----------------------------------------------------------------------------------------------------- what is looked at


def looked_at(begins: list[float], end_s: float, sampling: Sampling = CRAWLED, most: int = 1000) -> list[float]:
    return [round(each, 3) for group in moments(begins, end_s, sampling, most).groups for each in group]


@pytest.mark.parametrize(
    ("begins", "end_s", "expected"),
    [
        ([], 0.0, []),
        ([0.0], 0.0, [0.0]),  # a single frame
        ([0.0], 0.3, [0.0, 0.1, 0.2]),
        ([0.0], 9.0, [0.0, 3.0, 6.0]),  # three frames at least
        ([0.0, 6.0], 9.0, [0.0, 3.0, 6.0]),
        ([0.0, 2.0, 4.0], 6.0, [0.0, 2.0, 4.0]),
        ([0.3 * number for number in range(16)], 4.8, [0.0, 0.9, 1.8, 2.7, 3.6, 4.5]),  # one a second will do
        ([0.0, 0.6, 9.0], 9.5, [0.0, 0.6, 9.0]),  # a shot of eight seconds is not passed over for the half before it
        ([0.0, 25.0], 26.0, [0.0, 8.333, 16.667, 25.0]),  # a long group is looked into
        ([5.0], 30.0, [5.0, 13.333, 21.667]),
    ],
)
def test_a_crawled_video_is_seen_by_its_keyframes_and_by_what_lies_far_from_them(
    begins: list[float], end_s: float, expected: list[float]
) -> None:
    assert looked_at(begins, end_s) == pytest.approx(expected)


def test_an_enrolled_video_is_seen_twice_a_second() -> None:
    assert looked_at([0.0, 2.0, 3.2], 4.0, ENROLLED) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.4, 2.8, 3.2, 3.6]


@pytest.mark.parametrize("seed", range(20))
def test_no_moment_of_a_video_lies_far_from_one_that_is_looked_at(seed: int) -> None:
    chance = random.Random(seed)
    begins = [0.0, *itertools.accumulate(chance.choice((0.04, 0.5, 2.0, 9.0, 33.0)) for _ in range(40))]
    end_s = begins[-1] + chance.uniform(0, 20)

    seen = moments(begins, end_s, CRAWLED, most=30)
    times = [each for group in seen.groups for each in group]

    assert len(times) <= 30
    assert times == sorted(times)
    assert max(later - earlier for earlier, later in itertools.pairwise([*times, end_s])) <= seen.apart_s + 1e-9


def test_more_frames_than_allowed_lie_further_apart_and_it_is_told_how_far() -> None:
    begins = [2.0 * number for number in range(100)]

    assert moments(begins, 200.0, CRAWLED, most=100).apart_s == CRAWLED.farthest_s
    assert len(looked_at(begins, 200.0, most=20)) <= 20
    assert moments(begins, 200.0, CRAWLED, most=10).apart_s > CRAWLED.farthest_s


def test_frames_are_alike_within_ten_bits() -> None:
    assert alike("00" * 32, "00" * 30 + "03ff")
    assert not alike("00" * 32, "00" * 30 + "07ff")


# ----------------------------------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize(
    ("matching", "expected"),
    [
        ([], ()),
        ([(3, 7.5)], ((7.5, 7.5),)),
        ([(0, 0.0), (1, 2.0), (2, 4.0)], ((0.0, 4.0),)),
        ([(2, 4.0), (0, 0.0), (1, 2.0), (1, 2.0)], ((0.0, 4.0),)),  # in any order, as often as it matches
        ([(0, 0.0), (1, 60.0)], ((0.0, 60.0),)),  # nothing else was seen in between
        ([(0, 0.0), (2, 4.0)], ((0.0, 4.0),)),  # one that did not match, for a moment
        ([(0, 0.0), (9, 60.0), (10, 61.0)], ((0.0, 0.0), (60.0, 61.0))),
    ],
)
def test_frames_that_match_make_ranges(
    matching: list[tuple[int, float]], expected: tuple[tuple[float, float], ...]
) -> None:
    assert ranges(matching) == expected


# --------------------------------------------------------------------------------------------------------------- findings


def match(
    distance: int, *, frame: int = 0, time_s: float | None = None, person: str = "anna", enrolled_s: float | None = None
) -> Match:
    def fingerprint(view: View, at_s: float | None) -> Fingerprint:
        return Fingerprint(hasher="area", view=view.name, bits="0" * 64, quality=100, time_s=at_s)

    return Match(
        enrolment=Enrolment(
            person=PersonId(person), ref="r1", fingerprint=fingerprint(View("full"), enrolled_s), threshold=70
        ),
        seen=fingerprint(View("full", frame), time_s),
        distance=distance,
        evidence=Evidence.FRAME,
    )


LIMITS = Limits(frame_probable=58, frame_review=68)  # whatever is shipped


def test_one_finding_a_person_the_best_frame_carries_the_tier_and_all_of_them_the_ranges() -> None:
    found = findings(
        [
            match(40, frame=1, time_s=2.0),
            match(20, frame=2, time_s=4.0, enrolled_s=11.5),
            match(66, frame=3, time_s=6.0),
            match(69, frame=4, time_s=8.0),  # says nothing
            match(50, frame=30, time_s=90.0),
            match(45, frame=8, time_s=16.0, person="ben"),
            match(45, frame=9, time_s=18.0, person="ben"),
        ],
        LIMITS,
        kept=31,
    )

    assert [(str(each.match.enrolment.person), each.tier, each.match.distance, each.ranges) for each in found] == [
        ("anna", Tier.CONFIRMED, 20, ((2.0, 6.0), (90.0, 90.0))),
        ("ben", Tier.PROBABLE, 45, ((16.0, 18.0),)),
    ]


@pytest.mark.parametrize(
    ("distances", "kept", "tier"),
    [
        ([40], 5, Tier.REVIEW),  # one frame alone of many
        ([40], 4, Tier.PROBABLE),  # of few
        ([40, 60], 5, Tier.PROBABLE),  # not alone
        ([40, 66], 5, Tier.PROBABLE),
        ([31], 5, Tier.CONFIRMED),
        ([66], 5, Tier.REVIEW),
    ],
)
def test_one_probable_frame_alone_of_many_is_for_review(distances: list[int], kept: int, tier: Tier) -> None:
    matches = [match(distance, frame=number, time_s=2.0 * number) for number, distance in enumerate(distances)]

    (found,) = findings(matches, LIMITS, kept=kept)

    assert found.tier is tier
    assert found.limit == {Tier.CONFIRMED: 31, Tier.PROBABLE: 58, Tier.REVIEW: 68}[tier]


def test_two_views_of_one_frame_are_one_frame() -> None:
    (found,) = findings([match(40, time_s=0.0), match(41, time_s=0.0)], LIMITS, kept=50)

    assert found.tier is Tier.REVIEW


def test_where_the_count_of_frames_is_unknown_the_numbers_of_those_that_match_tell_it() -> None:
    assert [each.tier for each in findings([match(40, frame=4, time_s=9.0)], LIMITS)] == [Tier.REVIEW]
    assert [each.tier for each in findings([match(40, frame=3, time_s=9.0)], LIMITS)] == [Tier.PROBABLE]


def test_frames_a_little_farther_off_belong_to_a_video_in_which_somebody_was_found_and_find_nobody_themselves() -> None:
    near = [match(58, frame=1, time_s=2.0), match(59, frame=2, time_s=4.0)]

    (found,) = findings([match(20, time_s=0.0), *near], kept=9)

    assert found.ranges == ((0.0, 2.0),)
    assert findings(near, kept=9) == ()


def test_who_is_surer_comes_first_after_lowering_too() -> None:
    found = findings(
        [
            match(33, frame=1, time_s=2.0, person="anna"),
            match(50, frame=6, time_s=9.0, person="ben"),
            match(50, frame=7, time_s=10.0, person="ben"),
        ],
        LIMITS,
        kept=10,
    )

    assert [str(each.match.enrolment.person) for each in found] == ["ben", "anna"]


def test_a_picture_is_judged_as_by_confirm_whether_a_still_or_a_video_was_enrolled() -> None:
    matches = [match(40), match(20, person="ben", enrolled_s=3.0), match(66, frame=7, person="cleo")]
    limits = Limits(frame_confirmed=10)

    assert findings(matches, limits) == confirm.findings(matches, limits)


def test_the_order_of_the_matches_changes_nothing() -> None:
    matches = [match(40, frame=number % 3, time_s=number % 3, person="ab"[number % 2]) for number in range(5)]

    assert len({findings(order, kept=9) for order in itertools.permutations(matches)}) == 1
