"""The front door: bytes in, whose picture it is out."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.errors import StoreUnavailable
from core.model import Enrolment, Fingerprint, HashChanges, HashRow, PersonId, State, Tier
from core.ports import Examiner
from matcher.decode.decoder import Decoder
from matcher.examine import MatchingExaminer, fingerprints
from matcher.hashers import HASHERS
from matcher.views import UPRIGHT, parsed
from tests.golden.drawn import Rgb, flat, patches
from tests.matcher.pictures import PHOTOGRAPHS, animate, encode

PICTURE = patches(1, 480, 640)
STRANGER = patches(2, 480, 640)


class Shelf:
    """Enrolled hashes in a list; `down` while its store does not answer."""

    def __init__(self) -> None:
        self.held: list[Enrolment] = []
        self.at = 0
        self.asked = 0
        self.down = False

    def version(self) -> int:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("the database does not answer: start it")
        return self.at

    def changes(self, since: int) -> HashChanges:  # noqa: ARG002 – whatever was known, it tells everything
        rows = [
            HashRow(entry, one.fingerprint.hasher, one.fingerprint.bits, one.threshold)
            for entry, one in enumerate(self.held)
        ]
        return HashChanges(version=self.at, changed=rows, removed=[], whole=True)

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        return {entry: self.held[entry] for entry in entries if entry < len(self.held)}

    def count(self) -> int:
        return len(self.held)

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        return self.at, tuple(self.held)

    def enrol(self, person: str, prints: Sequence[Fingerprint], *, threshold: int | None = None) -> None:
        self.held += [
            Enrolment(
                person=PersonId(person),
                ref=f"ref of {person}",
                fingerprint=one,
                threshold=HASHERS[one.hasher].default_threshold if threshold is None else threshold,
            )
            for one in prints
        ]
        self.at += 1

    def withdraw(self, person: str) -> None:
        self.held = [one for one in self.held if one.person != person]
        self.at += 1


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def examiner(shelf: Shelf, decoder: Decoder, clock: Clock) -> Examiner:
    return MatchingExaminer(shelf, decoder, clock)


def prints_of(decoder: Decoder, picture: Rgb) -> tuple[Fingerprint, ...]:
    return decoder.read(encode(picture, "PNG"), turns=True).fingerprints


def test_a_copy_is_a_hit_and_a_stranger_is_clear(shelf: Shelf, decoder: Decoder, examiner: Examiner) -> None:
    shelf.enrol("anna", prints_of(decoder, PICTURE))
    copy = encode(Image.fromarray(PICTURE).resize((500, 375)), "JPEG", quality=60)

    hit, clear = examiner.examine(copy), examiner.examine(encode(STRANGER, "JPEG"))

    assert (hit.state, hit.reason, hit.sha256) == (State.HIT, "", hashlib.sha256(copy).hexdigest())
    assert [(str(one.match.enrolment.person), one.tier) for one in hit.findings] == [("anna", Tier.CONFIRMED)]
    assert hit.findings[0].match.distance <= 31
    assert (clear.state, clear.findings, clear.reason) == (State.CLEAR, (), "")
    assert clear.ms > 0


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_a_photograph_is_found_however_it_was_turned_and_encoded(
    shelf: Shelf, decoder: Decoder, examiner: Examiner, path: Path
) -> None:
    for other in PHOTOGRAPHS:
        shelf.enrol(other.stem, decoder.read(other.read_bytes(), turns=True).fingerprints)
    image = Image.open(path).convert("RGB")
    small = image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.LANCZOS)

    copies = {UPRIGHT: encode(image, "JPEG", quality=50)}
    # PDQ's own limit: its windows fall elsewhere in a resized or turned copy, which nothing but texture does not survive.
    if path.stem not in {"brick", "grass", "gravel"}:
        copies = {
            UPRIGHT: encode(small, "JPEG", quality=50),
            "flip-h": encode(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "WEBP", quality=60),
            "rot90": encode(small.transpose(Image.Transpose.ROTATE_90), "PNG"),
        }

    for turn, copy in copies.items():
        (found,) = examiner.examine(copy).findings
        assert str(found.match.enrolment.person) == path.stem
        assert found.tier is Tier.CONFIRMED
        view = parsed(found.match.enrolment.fingerprint.view)
        assert view is not None
        # Not by name: a plain sky is trimmed from both, and what is left may be nearer than the whole.
        assert (view.whole, view.turn) == (True, turn)


def test_with_nobody_enrolled_nothing_is_called_clear(examiner: Examiner) -> None:
    assert examiner.examine(encode(PICTURE, "PNG")).state is State.NOT_COMPARED
    assert examiner.examine(encode(flat(), "PNG")).state is State.TOO_PLAIN
    assert examiner.examine(b"not a picture").state is State.NOT_IMAGE


def test_a_hit_beats_partial_and_truncated_and_without_one_they_stay(
    shelf: Shelf, decoder: Decoder, examiner: Examiner
) -> None:
    frames = [patches(seed, 200, 240) for seed in range(10, 20)]
    many = animate([*frames, *(patches(number % 2, 200, 240) for number in range(94))], "GIF")
    cut = animate(frames, "PNG")
    cut = cut[: len(cut) * 2 // 3]

    shelf.enrol("anna", prints_of(decoder, STRANGER))
    without = [examiner.examine(data) for data in (many, cut)]
    with_ = MatchingExaminer(shelf, decoder)
    shelf.enrol("ben", prints_of(decoder, frames[1]))
    hits = [with_.examine(data) for data in (many, cut)]

    assert [one.state for one in without] == [State.PARTIAL, State.TRUNCATED]
    assert all(one.reason for one in without)
    assert [one.state for one in hits] == [State.HIT, State.HIT]
    assert {str(one.findings[0].match.enrolment.person) for one in hits} == {"ben"}


def test_each_entry_keeps_its_own_threshold(shelf: Shelf, decoder: Decoder, examiner: Examiner) -> None:
    (pdq, *_) = prints_of(decoder, PICTURE)
    bits = f"{int(pdq.bits, 16) ^ 0b1111_1111:064x}"  # 8 bits away
    shelf.enrol("strict", [replace(pdq, bits=bits)], threshold=7)
    shelf.enrol("usual", [replace(pdq, bits=bits)], threshold=8)

    found = examiner.examine(encode(PICTURE, "PNG")).findings

    assert [(str(one.match.enrolment.person), one.match.distance) for one in found] == [("usual", 8)]


def test_a_64_bit_hash_alone_asks_for_review(shelf: Shelf, decoder: Decoder, examiner: Examiner) -> None:
    shelf.enrol("anna", [one for one in prints_of(decoder, PICTURE) if one.hasher == "phash64"])

    result = examiner.examine(encode(PICTURE, "PNG"))

    assert result.state is State.HIT
    assert [one.tier for one in result.findings] == [Tier.REVIEW]


def test_an_entry_that_allows_nothing_matches_nothing(shelf: Shelf, decoder: Decoder, examiner: Examiner) -> None:
    shelf.enrol("anna", prints_of(decoder, PICTURE), threshold=-1)

    assert examiner.examine(encode(PICTURE, "PNG")).state is State.CLEAR


def test_an_enrolment_and_a_withdrawal_are_felt_within_a_quarter_of_a_second(
    shelf: Shelf, decoder: Decoder, examiner: Examiner, clock: Clock
) -> None:
    picture = encode(PICTURE, "PNG")
    states = [examiner.examine(picture).state]

    shelf.enrol("anna", prints_of(decoder, PICTURE))
    shelf.enrol("ben", prints_of(decoder, STRANGER))
    clock.now += 0.25
    states.append(examiner.examine(picture).state)
    shelf.withdraw("anna")
    clock.now += 0.25
    states.append(examiner.examine(picture).state)

    assert states == [State.NOT_COMPARED, State.HIT, State.CLEAR]


def test_an_entry_that_has_come_to_be_another_hash_is_not_matched_by_the_old_one(
    shelf: Shelf, decoder: Decoder, examiner: Examiner
) -> None:
    """Within the quarter of a second in which nobody asks: the store has the last word all the same."""
    shelf.enrol("anna", prints_of(decoder, PICTURE))
    picture = encode(PICTURE, "PNG")
    states = [examiner.examine(picture).state]

    shelf.withdraw("anna")
    states.append(examiner.examine(picture).state)
    shelf.enrol("ben", prints_of(decoder, STRANGER))
    states.append(examiner.examine(picture).state)

    assert states == [State.HIT, State.CLEAR, State.CLEAR]


def test_the_store_is_asked_at_most_every_quarter_of_a_second(shelf: Shelf, examiner: Examiner, clock: Clock) -> None:
    for _ in range(5):
        examiner.examine(b"")
        clock.now += 0.1

    assert shelf.asked == 2


def test_a_store_that_does_not_answer_is_never_a_clear_picture(
    shelf: Shelf, decoder: Decoder, examiner: Examiner, clock: Clock
) -> None:
    shelf.enrol("anna", prints_of(decoder, PICTURE))
    picture = encode(STRANGER, "PNG")
    assert examiner.examine(picture).state is State.CLEAR

    shelf.down = True
    clock.now += 0.25
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            examiner.examine(picture)
    shelf.down = False

    assert examiner.examine(picture).state is State.CLEAR


def test_fingerprints_are_those_of_a_crawled_picture_and_none_for_what_is_no_picture(decoder: Decoder) -> None:
    picture = encode(PICTURE, "JPEG")

    assert tuple(fingerprints(picture)) == decoder.read(picture).fingerprints
    assert [one.hasher for one in fingerprints(picture) if one.view == "full"] == ["pdq", "phash64", "area"]
    assert fingerprints(b"nothing") == ()
    assert fingerprints(encode(flat(), "PNG")) == ()
