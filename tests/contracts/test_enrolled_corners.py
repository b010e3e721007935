"""What a matcher reads of people who chose to have corners kept, and how they go."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import stores.sql
from core.errors import UnknownId
from core.model import CornerChanges, Enrolment, Fingerprint, HashedPicture, PersonId
from core.ports import EnrolledCorners
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, NOW, RECIPE, picture

ONE, OTHER = b"corners of one picture", b"corners of another \x00\xff" * 200


def told(corners: EnrolledCorners) -> dict[int, bytes]:
    return {row.entry: row.corners for row in corners.corner_changes(0).changed}


def owners(corners: EnrolledCorners) -> list[tuple[PersonId, str, bytes]]:
    held = told(corners)
    return sorted(
        (each.face.person, each.face.ref, held[entry]) for entry, each in corners.corner_owners(list(held)).items()
    )


def after(held: dict[int, bytes], changes: CornerChanges) -> dict[int, bytes]:
    """What somebody holds who is told of these changes."""
    now = {} if changes.whole else dict(held)
    now |= {each.entry: each.corners for each in changes.changed}
    return {entry: each for entry, each in now.items() if entry not in set(changes.removed)}


def test_with_no_corners_there_is_nothing(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)

    changes = kept.enrolled_corners.corner_changes(0)

    assert (list(changes.changed), list(changes.removed), changes.whole) == ([], [], True)
    assert changes.version == kept.enrolled_corners.version() == kept.enrolled_hashes.version()
    assert kept.enrolled_corners.corner_owners([1, 2]) == {}


def test_corners_come_back_as_they_were_given_with_their_owners(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE), picture("b"), picture("c", local=OTHER)], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("a", local=ONE)], NOW)

    assert owners(kept.enrolled_corners) == [(ADA, "a", ONE), (ADA, "c", OTHER), (EVE, "a", ONE)]


def test_empty_corners_are_corners(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=b"")], NOW)

    assert owners(kept.enrolled_corners) == [(ADA, "a", b"")]


def test_only_what_came_after_a_version_is_told(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)
    since = kept.enrolled_corners.version()

    kept.people.enrol(ADA, RECIPE, [picture("b", local=OTHER)], NOW)

    changes = kept.enrolled_corners.corner_changes(since)
    assert [row.corners for row in changes.changed] == [OTHER]
    assert (list(changes.removed), changes.whole) == ([], False)
    assert list(kept.enrolled_corners.corner_changes(changes.version).changed) == []


@pytest.mark.parametrize("never", [-1, 1, 2**53])
def test_a_version_that_never_was_is_told_everything(kept: Stores, never: int) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)

    assert kept.enrolled_corners.corner_changes(never) == kept.enrolled_corners.corner_changes(0)


def test_a_picture_that_is_enrolled_already_takes_corners_later(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a"), picture("b")], NOW)
    since = kept.enrolled_hashes.version()

    assert list(kept.people.enrol(ADA, RECIPE, [picture("z", hashes="a", local=ONE)], NOW)) == []

    assert kept.enrolled_hashes.version() > since
    assert [row.corners for row in kept.enrolled_corners.corner_changes(since).changed] == [ONE]
    assert list(kept.enrolled_hashes.changes(since).changed) == []
    assert owners(kept.enrolled_corners) == [(ADA, "a", ONE)]


def test_the_same_picture_twice_in_a_set_takes_the_corners_of_either(kept: Stores) -> None:
    both = [picture("a"), picture("b", hashes="a", local=ONE), picture("c", local=OTHER), picture("d", hashes="c")]

    assert list(kept.people.enrol(ADA, RECIPE, both, NOW)) == ["a", "c"]

    assert owners(kept.enrolled_corners) == [(ADA, "a", ONE), (ADA, "c", OTHER)]


def test_corners_stay_when_the_picture_is_enrolled_again_without_or_with_the_same(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)
    before, version = told(kept.enrolled_corners), kept.enrolled_corners.version()

    for local in (None, ONE):
        kept.people.enrol(ADA, RECIPE, [picture("a", local=local)], NOW)

    assert (told(kept.enrolled_corners), kept.enrolled_corners.version()) == (before, version)


def test_other_corners_of_a_picture_take_the_place_of_the_old_ones(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)
    held, since = told(kept.enrolled_corners), kept.enrolled_corners.version()

    kept.people.enrol(ADA, RECIPE, [picture("a", local=OTHER)], NOW)

    assert list(after(held, kept.enrolled_corners.corner_changes(since)).values()) == [OTHER]
    assert list(told(kept.enrolled_corners).values()) == [OTHER]


def test_corners_go_with_a_withdrawal_and_are_told_by_entry_alone(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE), picture("b", local=OTHER)], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("e", local=ONE)], NOW)
    held, since = told(kept.enrolled_corners), kept.enrolled_corners.version()
    gone = {entry for entry, each in kept.enrolled_corners.corner_owners(list(held)).items() if each.face.person == ADA}

    kept.people.withdraw(ADA, NOW)

    changes = kept.enrolled_corners.corner_changes(since)
    assert (list(changes.changed), set(changes.removed), changes.whole) == ([], gone, False)
    assert len(gone) == 2
    assert set(kept.enrolled_corners.corner_owners(list(held))) == set(held) - gone
    assert owners(kept.enrolled_corners) == [(EVE, "e", ONE)]


def enrol_without_corners(kept: Stores) -> None:
    kept.people.withdraw(ADA, NOW)
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)


def take_back(kept: Stores) -> None:
    kept.people.drop_local(ADA)


@pytest.mark.parametrize("go", [enrol_without_corners, take_back])
def test_corners_that_are_given_again_have_another_entry(kept: Stores, go: Callable[[Stores], None]) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)
    before, since = told(kept.enrolled_corners), kept.enrolled_corners.version()
    go(kept)
    assert told(kept.enrolled_corners) == {}

    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)

    assert set(before).isdisjoint(told(kept.enrolled_corners))
    assert after(before, kept.enrolled_corners.corner_changes(since)) == told(kept.enrolled_corners)
    assert list(kept.enrolled_corners.corner_owners(list(before))) == []


def test_an_entry_asked_for_twice_or_among_very_many_is_answered_once(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)
    [entry] = told(kept.enrolled_corners)

    assert list(kept.enrolled_corners.corner_owners([*range(10**6, 10**6 + 3000), entry, entry])) == [entry]


# --- whose they are

UPRIGHT_AREA = Fingerprint(hasher="area", view="full", bits="3c" * 32, quality=80)
UPRIGHT_PDQ = Fingerprint(hasher="pdq", view="full", bits="0f" * 32, quality=90)
OTHERS = (
    Fingerprint(hasher="pdq", view="full/rot90", bits="1f" * 32, quality=90),
    Fingerprint(hasher="area", view="crop:0,0,900,900", bits="2f" * 32, quality=90),
    Fingerprint(hasher="area", view="full@7", bits="4f" * 32, quality=90),
)


@pytest.mark.parametrize(
    ("fingerprints", "stands_for_it"),
    [
        ((*OTHERS, UPRIGHT_PDQ, UPRIGHT_AREA), UPRIGHT_AREA),
        ((*OTHERS, UPRIGHT_PDQ), UPRIGHT_PDQ),
        (OTHERS, OTHERS[0]),
    ],
    ids=["area", "pdq", "the first"],
)
def test_the_upright_whole_picture_stands_for_it(
    kept: Stores, fingerprints: tuple[Fingerprint, ...], stands_for_it: Fingerprint
) -> None:
    kept.people.enrol(ADA, RECIPE, [HashedPicture(ref="a", quality=90, fingerprints=fingerprints, local=ONE)], NOW)
    kept.people.set_threshold(ADA, "a", stands_for_it.hasher, 17)

    [owner] = kept.enrolled_corners.corner_owners(list(told(kept.enrolled_corners))).values()

    assert owner.face == Enrolment(person=ADA, ref="a", fingerprint=stands_for_it, threshold=17)
    assert owner.fingerprints == fingerprints


# --- taking the choice back


def test_who_takes_the_choice_back_stays_protected_by_hashes(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE), picture("b", local=OTHER), picture("c")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("e", local=ONE)], NOW)
    since, hashes = kept.enrolled_corners.version(), kept.enrolled_hashes.count()

    assert kept.people.drop_local(ADA) == 2

    assert kept.enrolled_corners.version() > since
    assert len(kept.enrolled_corners.corner_changes(since).removed) == 2
    assert owners(kept.enrolled_corners) == [(EVE, "e", ONE)]
    assert kept.enrolled_hashes.count() == hashes
    unchanged = kept.enrolled_hashes.changes(since)
    assert (list(unchanged.changed), list(unchanged.removed)) == ([], [])


def test_where_there_are_no_corners_nothing_changes(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    version = kept.enrolled_corners.version()

    assert kept.people.drop_local(ADA) == 0

    assert kept.enrolled_corners.version() == version


def test_who_is_not_protected_has_nothing_to_take_back(kept: Stores) -> None:
    kept.people.enrol(EVE, RECIPE, [picture("e", local=ONE)], NOW)
    kept.people.withdraw(EVE, NOW)

    for person in (ADA, EVE):
        with pytest.raises(UnknownId) as refused:
            kept.people.drop_local(person)
        assert str(person) not in str(refused.value)


# --- several at once


def test_who_follows_the_changes_holds_what_is_there(kept: Stores) -> None:
    over = threading.Event()

    def change(person: int) -> None:
        with stores.sql.released():
            mine = [ADA, EVE][person]
            for number in range(8):
                local = f"{person}-{number}".encode()
                kept.people.enrol(mine, RECIPE, [picture(f"{person}-{number}", turns=2, local=local)], NOW)
                kept.people.enrol(mine, RECIPE, [picture("x", hashes=str(number // 2), turns=2, local=local)], NOW)
                if number % 3 == 0:
                    kept.people.drop_local(mine)
                if number % 5 == 4:
                    kept.people.withdraw(mine, NOW)

    def follow(_: int) -> dict[int, bytes]:
        with stores.sql.released():
            held: dict[int, bytes] = {}
            since = 0
            while True:
                last_look = over.is_set()
                changes = kept.enrolled_corners.corner_changes(since)
                held, since = after(held, changes), changes.version
                if last_look:
                    return held

    with ThreadPoolExecutor(4) as threads:
        changing = [threads.submit(change, person) for person in range(2)]
        following = [threads.submit(follow, number) for number in range(2)]
        for each in changing:
            each.result()
        over.set()
        followed = [each.result() for each in following]

    there = told(kept.enrolled_corners)
    assert there
    assert followed == [there, there]


def test_nothing_prints_corners_by_accident(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=ONE)], NOW)

    assert str(ONE) not in repr(picture("a", local=ONE))
    assert str(ONE) not in repr(kept.enrolled_corners.corner_changes(0))
