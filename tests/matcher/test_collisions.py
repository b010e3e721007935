"""What is found in everything is told from what goes around; what is plain is told at enrolment."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.model import Fingerprint, HashedPicture
from matcher import plain
from matcher.collisions import FEWEST, KEPT, NEAR, REACH, Standing, drawn, judged, unrelated
from matcher.hashers import MIN_QUALITY, area
from matcher.views import TURNS, WHOLE, view
from stores.rules import FOUND_IN_KEPT
from tests.matcher.pictures import PHOTOGRAPHS

Grey = NDArray[np.uint8]


def near(bits: str, flips: int, dice: np.random.Generator) -> str:
    value = int(bits, 16)
    for bit in dice.choice(256, size=flips, replace=False):
        value ^= 1 << int(bit)
    return f"{value:064x}"


def bits_of(dice: np.random.Generator) -> str:
    return dice.bytes(32).hex()


def picture(plane: Grey, *, hasher: str = "area") -> HashedPicture:
    """As enrolled, of its whole frame."""
    ((quality, bits),) = area.hashes(plane, [WHOLE], [TURNS])
    prints = [Fingerprint(hasher=hasher, view=view(0, turn), bits=bits[turn], quality=quality) for turn in TURNS]
    return HashedPicture(ref="ref", quality=quality, fingerprints=tuple(prints))


def photograph(number: int) -> Grey:
    image = Image.open(PHOTOGRAPHS[number]).convert("L")
    image.thumbnail((320, 320), Image.Resampling.BOX)
    return np.asarray(image)


def frame(width: int, colour: int = 0, inner: int = 230) -> Grey:
    plane = np.full((240, 240), colour, np.uint8)
    plane[width:-width, width:-width] = inner
    return plane


# ------------------------------------------------------------------------------------------------------------ unrelated


@pytest.mark.parametrize("count", [FEWEST, 12, KEPT])
@pytest.mark.parametrize(("low", "high"), [(58, 68), (55, 60)], ids=["whole frames", "regions"])
def test_pictures_that_only_just_match_and_have_nothing_in_common_are_unrelated(
    count: int, low: int, high: int
) -> None:
    dice = np.random.default_rng(count)
    enrolled = bits_of(dice)

    assert unrelated([near(enrolled, int(dice.integers(low, high + 1)), dice) for _ in range(count)])


def test_seven_pictures_tell_nothing() -> None:
    dice = np.random.default_rng(1)

    assert not unrelated([bits_of(dice) for _ in range(FEWEST - 1)])
    assert unrelated([bits_of(dice) for _ in range(FEWEST)])
    assert not unrelated([])


@pytest.mark.parametrize("spread", [0, 8, 20, 31])
@pytest.mark.parametrize("edited", [0, 40, 60])
def test_copies_of_one_picture_are_never_unrelated_however_many(spread: int, edited: int) -> None:
    dice = np.random.default_rng(spread)
    copy = near(bits_of(dice), edited, dice)

    for count in (FEWEST, KEPT, 50):
        assert not unrelated([near(copy, int(dice.integers(spread + 1)), dice) for _ in range(count)])


def test_whatever_lies_within_forty_bits_of_the_enrolled_hash_is_never_unrelated() -> None:
    dice = np.random.default_rng(2)
    enrolled = bits_of(dice)

    for _ in range(50):
        assert not unrelated([near(enrolled, int(dice.integers(41)), dice) for _ in range(KEPT)])


def test_a_hash_that_finds_copies_beside_strangers_goes_on() -> None:
    dice = np.random.default_rng(3)
    enrolled = bits_of(dice)
    strangers = [near(enrolled, 63, dice) for _ in range(14)]
    copies = [near(enrolled, 10, dice) for _ in range(6)]

    assert unrelated(strangers)
    assert not unrelated([*strangers, *copies])


def test_only_the_newest_twenty_count() -> None:
    dice = np.random.default_rng(4)
    strangers = [bits_of(dice) for _ in range(KEPT)]
    copy = bits_of(dice)

    assert unrelated([*strangers, *[copy] * 30])
    assert KEPT == FOUND_IN_KEPT


# ------------------------------------------------------------------------------------------------------- drawn pictures


def test_there_are_two_thousand_drawn_pictures_that_a_hasher_takes() -> None:
    ones = np.bitwise_count(drawn()).sum(axis=1)

    assert len(drawn()) >= 2000
    assert ones.min() >= area.AREA.ones.start
    assert ones.max() < area.AREA.ones.stop


def test_the_file_of_drawn_pictures_is_what_is_drawn() -> None:
    """Save what another processor rounds otherwise. The cure: `python -m matcher.plain`, and a look at the difference."""
    kept, made = plain.kept(), plain.made()

    here = plain.hashed(made)
    apart = np.bitwise_count(kept.hashes[:, None] ^ here[None]).sum(axis=2).min(axis=1)
    assert np.mean(apart <= 2) > 0.99
    pictures = {each.tobytes() for each in made.levels}
    assert np.mean([each.tobytes() in pictures for each in kept.levels]) > 0.9
    assert 0.95 < len(here) / len(drawn()) < 1.05


@pytest.mark.parametrize("number", range(len(PHOTOGRAPHS)))
def test_a_photograph_is_fine(number: int) -> None:
    verdict = judged(picture(photograph(number)))

    assert (verdict.standing, verdict.drawn, verdict.seen, verdict.reason) == (Standing.FINE, 0, 0, "")


@pytest.mark.parametrize("number", range(len(PHOTOGRAPHS)))
def test_a_photograph_with_a_border_around_it_is_fine(number: int) -> None:
    plane = photograph(number)

    for thick in (0.05, 0.2, 0.35):
        edge = round(thick * min(plane.shape))
        assert judged(picture(np.pad(plane, edge, constant_values=255))).standing is Standing.FINE


def test_plain_frames_whose_hashes_lie_near_each_other_are_refused_or_marked_in_plain_words() -> None:
    frames = [
        each
        for width in range(12, 84)
        for inner in (90, 160, 230)
        if (each := picture(frame(width, inner=inner))).quality >= MIN_QUALITY
    ]
    bits = np.array([[int(word, 16) for word in _words(each.fingerprints[0].bits)] for each in frames], np.uint64)
    neighbours = (np.bitwise_count(bits[:, None] ^ bits[None]).sum(axis=2) <= NEAR).sum(axis=1) - 1

    verdicts = [judged(each) for each, others in zip(frames, neighbours.tolist(), strict=True) if others >= 3]

    assert len(verdicts) >= 3
    assert {verdict.standing for verdict in verdicts} <= {Standing.REFUSED, Standing.MARKED}
    told = {verdict.standing: verdict.reason for verdict in verdicts}
    assert told[Standing.REFUSED] == "it resembles many plain or framed pictures and would be found where it is not"


def _words(bits: str) -> list[str]:
    return [bits[at : at + 16] for at in range(0, 64, 16)]


def test_a_turned_plain_frame_is_as_plain() -> None:
    refused = next(
        plane
        for width in range(12, 84)
        if judged(picture(plane := frame(width, inner=200))).standing is Standing.REFUSED
    )

    assert judged(picture(255 - refused)).drawn > 0
    assert judged(picture(refused[::-1])).standing is Standing.REFUSED


def test_a_picture_that_partners_hashed_is_judged_by_their_hash() -> None:
    refused = next(
        each for width in range(12, 84) if judged(each := picture(frame(width))).standing is Standing.REFUSED
    )
    prints = tuple(
        Fingerprint(hasher="pdq", view=each.view, bits=each.bits, quality=each.quality) for each in refused.fingerprints
    )

    assert judged(HashedPicture(ref="r", quality=90, fingerprints=prints)).standing is Standing.REFUSED
    assert judged(HashedPicture(ref="r", quality=90, fingerprints=())).standing is Standing.FINE


def test_an_animation_with_one_plain_frame_is_marked_and_not_refused() -> None:
    even = next(each for width in range(12, 84) if judged(each := picture(frame(width))).standing is Standing.REFUSED)
    later = [
        Fingerprint(hasher="area", view=each.view.replace("full", "full@3"), bits=each.bits, quality=each.quality)
        for each in even.fingerprints
    ]
    moving = HashedPicture(ref="r", quality=90, fingerprints=(*picture(photograph(0)).fingerprints, *later))

    assert judged(moving).standing is Standing.MARKED


# ------------------------------------------------------------------------------------------------------------- seen ones


def common(count: int, flips: int, seed: int = 5) -> tuple[HashedPicture, list[str]]:
    dice = np.random.default_rng(seed)
    one = picture(photograph(0))
    upright = one.fingerprints[0].bits
    return one, [near(upright, flips, dice) for _ in range(count)]


def test_a_picture_that_much_that_was_seen_resembles_is_marked() -> None:
    one, seen = common(30, NEAR)

    verdict = judged(one, seen)

    assert verdict.standing is Standing.MARKED
    assert verdict.seen == 30
    assert "30 other pictures" in verdict.reason


def test_copies_that_were_seen_make_no_picture_common() -> None:
    one, copies = common(500, REACH)
    dice = np.random.default_rng(6)
    edited = near(one.fingerprints[3].bits, 50, dice)  # turned, and far from the others

    verdict = judged(one, [*copies, *(near(edited, 5, dice) for _ in range(500))])

    assert (verdict.standing, verdict.seen) == (Standing.FINE, 1)


def test_a_few_that_resemble_it_may_be_chance() -> None:
    one, seen = common(FEWEST - 1, NEAR)

    assert judged(one, seen).standing is Standing.FINE


def test_what_is_far_away_says_nothing() -> None:
    one, _ = common(0, 0)
    dice = np.random.default_rng(7)

    assert judged(one, [bits_of(dice) for _ in range(1000)]).seen == 0
