"""Who is found, and how sure it is."""

import itertools

import pytest

from core.model import UNTOLD, Enrolment, Evidence, Fingerprint, Match, PersonId, Tier
from matcher.confirm import Limits, farthest, finding, findings
from matcher.hashers import HASHERS


def match(
    distance: int,
    *,
    hasher: str = "pdq",
    threshold: int | None = None,
    enrolled_quality: int = 100,
    seen_quality: int = 100,
    person: str = "anna",
    ref: str = "r1",
    view: str = "full",
    evidence: Evidence = Evidence.FRAME,
    agreeing: int = 0,
    visible: int = 0,
) -> Match:
    def fingerprint(quality: int, name: str) -> Fingerprint:
        return Fingerprint(hasher=hasher, view=name, bits="0" * HASHERS[hasher].digits, quality=quality)

    return Match(
        enrolment=Enrolment(
            person=PersonId(person),
            ref=ref,
            fingerprint=fingerprint(enrolled_quality, view),
            threshold=HASHERS[hasher].default_threshold if threshold is None else threshold,
        ),
        seen=fingerprint(seen_quality, "full"),
        distance=distance,
        evidence=evidence,
        agreeing=agreeing,
        visible=visible,
    )


def tier(found: Match, limits: Limits | None = None) -> Tier | None:
    judged = finding(found) if limits is None else finding(found, limits)
    return None if judged is None else judged.tier


@pytest.mark.parametrize(
    ("found", "sure"),
    [
        (match(0), Tier.CONFIRMED),
        (match(31), Tier.CONFIRMED),
        (match(32), None),
        (match(32, threshold=63), Tier.PROBABLE),
        (match(44, threshold=256), Tier.PROBABLE),
        (match(45, threshold=256), Tier.REVIEW),
        (match(46, threshold=256), Tier.REVIEW),
        (match(47, threshold=256), None),
        (match(31, hasher="area", evidence=Evidence.REGION), Tier.CONFIRMED),
        (match(34, hasher="area", evidence=Evidence.REGION), Tier.PROBABLE),
        (match(36, hasher="area", evidence=Evidence.REGION), Tier.REVIEW),
        (match(37, hasher="area", evidence=Evidence.REGION), None),
        (match(0, hasher="area", evidence=Evidence.REGISTERED), Tier.PROBABLE),
        (match(18, hasher="area", evidence=Evidence.REGISTERED), Tier.PROBABLE),
        (match(20, hasher="area", evidence=Evidence.REGISTERED), Tier.REVIEW),
        (match(21, hasher="area", evidence=Evidence.REGISTERED), None),
        (match(18, hasher="area", threshold=15, evidence=Evidence.REGISTERED), None),
        (match(40, hasher="area", evidence=Evidence.LOCAL, agreeing=8, visible=150), Tier.PROBABLE),
        (match(40, hasher="area", evidence=Evidence.LOCAL, agreeing=7, visible=150), Tier.REVIEW),
        (match(0, hasher="area", evidence=Evidence.LOCAL, agreeing=5, visible=150), None),
        (match(41, hasher="area", evidence=Evidence.LOCAL, agreeing=30, visible=150), None),
        (match(31, hasher="area", threshold=31, evidence=Evidence.LOCAL, agreeing=8, visible=150), Tier.PROBABLE),
        (match(32, hasher="area", threshold=31, evidence=Evidence.LOCAL, agreeing=8, visible=150), None),
        (match(UNTOLD, hasher="area", evidence=Evidence.LOCAL, agreeing=31, visible=150), Tier.PROBABLE),
        (match(UNTOLD, hasher="area", evidence=Evidence.LOCAL, agreeing=8, visible=39), Tier.PROBABLE),
        (match(UNTOLD, hasher="area", evidence=Evidence.LOCAL, agreeing=6, visible=29), Tier.REVIEW),
        (match(UNTOLD, hasher="area", evidence=Evidence.LOCAL, agreeing=5, visible=5), None),
        (match(0, hasher="area", evidence=Evidence.LOCAL, agreeing=90, threshold=-1), None),
        (match(0, threshold=-1), None),
        (match(20, threshold=20), Tier.CONFIRMED),
        (match(21, threshold=20), None),
        (match(0, enrolled_quality=49), None),
        (match(0, seen_quality=49), None),
        (match(0, enrolled_quality=50, seen_quality=50), Tier.CONFIRMED),
        (match(0, hasher="phash64"), Tier.REVIEW),
        (match(6, hasher="phash64"), Tier.REVIEW),
        (match(7, hasher="phash64", threshold=31), None),
        (match(5, hasher="phash64", threshold=4), None),
        (match(0, hasher="phash64", seen_quality=49), None),
    ],
)
def test_the_tier_follows_distance_threshold_and_quality(found: Match, sure: Tier | None) -> None:
    assert tier(found) is sure


def test_only_hashers_that_may_confirm_ever_do() -> None:
    for name, hasher in HASHERS.items():
        tiers = {
            tier(match(distance, hasher=name, threshold=hasher.bit_count)) for distance in range(hasher.bit_count + 1)
        }

        assert (Tier.CONFIRMED in tiers) == hasher.may_confirm
        assert 0 <= hasher.default_threshold <= farthest(name)


def test_one_finding_a_person_and_it_is_the_best() -> None:
    matches = [
        match(9, person="anna", ref="r2"),
        match(2, person="anna", hasher="phash64"),
        match(4, person="anna", view="full/rot90"),
        match(4, person="anna", view="full/flip-h"),
        match(40, person="ben", threshold=63),
        match(3, person="ben", hasher="phash64"),
        match(0, person="cleo", seen_quality=10),
    ]

    found = findings(matches)

    assert [(str(one.match.enrolment.person), one.tier, one.match.distance) for one in found] == [
        ("anna", Tier.CONFIRMED, 4),
        ("ben", Tier.PROBABLE, 40),
    ]
    assert found[0].match.enrolment.fingerprint.view == "full/flip-h"


def test_the_order_of_the_matches_changes_nothing() -> None:
    matches = [match(4, ref="b"), match(4, ref="a"), match(4, ref="a", view="full/rot90"), match(4, person="ben")]

    assert len({findings(order) for order in itertools.permutations(matches)}) == 1


def test_no_match_no_finding() -> None:
    assert findings([]) == ()


def test_the_limit_of_a_finding_is_the_one_that_let_it_pass() -> None:
    probable, narrowed = finding(match(40, hasher="area")), finding(match(40, hasher="area", threshold=42))

    assert probable is not None
    assert narrowed is not None
    assert (probable.limit, narrowed.limit) == (44, 42)


def test_calibrated_limits_hold_instead_of_the_shipped_ones() -> None:
    strict = Limits(frame_probable=40, frame_review=45)

    assert tier(match(44, hasher="area"), strict) is Tier.REVIEW
    assert tier(match(46, hasher="area"), strict) is None
