"""What a matcher reads: what changed after a version, and the last word on an entry."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

import stores.sql
from core.errors import CallError, UnknownId
from core.model import Enrolment, Fingerprint, HashChanges, HashedPicture, HashRow
from core.ports import EnrolledHashes
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, NOW, RECIPE, picture


def enrolled(hashes: EnrolledHashes) -> Mapping[int, Enrolment]:
    return hashes.get([row.entry for row in hashes.changes(0).changed])


def row(entry: int, enrolment: Enrolment) -> HashRow:
    return HashRow(entry, enrolment.fingerprint.hasher, enrolment.fingerprint.bits, enrolment.threshold)


def after(held: dict[int, HashRow], changes: HashChanges) -> dict[int, HashRow]:
    """What somebody holds who is told of these changes."""
    now = {} if changes.whole else dict(held)
    now |= {each.entry: each for each in changes.changed}
    return {entry: each for entry, each in now.items() if entry not in set(changes.removed)}


def truth(hashes: EnrolledHashes) -> dict[int, HashRow]:
    return {entry: row(entry, each) for entry, each in enrolled(hashes).items()}


def test_with_nobody_enrolled_there_is_nothing(kept: Stores) -> None:
    told = kept.enrolled_hashes.changes(0)

    assert (list(told.changed), list(told.removed), told.whole) == ([], [], True)
    assert told.version == kept.enrolled_hashes.version()
    assert kept.enrolled_hashes.count() == 0
    assert kept.enrolled_hashes.get([1, 2]) == {}


def test_from_the_beginning_everything_is_told(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("b"), picture("c")], NOW)

    told = kept.enrolled_hashes.changes(0)

    assert told.whole
    assert told.version == kept.enrolled_hashes.version()
    assert len({each.entry for each in told.changed}) == kept.enrolled_hashes.count() == 24
    found = kept.enrolled_hashes.get([each.entry for each in told.changed])
    assert sorted(map(repr, found.values())) == sorted(map(repr, kept.enrolled_hashes.enrolments()[1]))
    assert {each.entry: each for each in told.changed} == {entry: row(entry, each) for entry, each in found.items()}


def test_after_a_version_only_what_is_new_is_told(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    since = kept.enrolled_hashes.version()

    kept.people.enrol(ADA, RECIPE, [picture("a"), picture("b")], NOW)

    told = kept.enrolled_hashes.changes(since)
    assert {each.bits for each in told.changed} == {each.bits for each in picture("b").fingerprints}
    assert (list(told.removed), told.whole) == ([], False)
    assert list(kept.enrolled_hashes.changes(told.version).changed) == []


def test_what_a_withdrawal_took_is_told_by_entry_alone(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("b")], NOW)
    held = enrolled(kept.enrolled_hashes)
    since = kept.enrolled_hashes.version()

    kept.people.withdraw(ADA, NOW)

    told = kept.enrolled_hashes.changes(since)
    gone = {entry for entry, each in held.items() if each.person == ADA}
    assert (list(told.changed), set(told.removed), told.whole) == ([], gone, False)
    assert kept.enrolled_hashes.count() == 8
    assert set(kept.enrolled_hashes.get(sorted(held))) == set(held) - gone


def test_who_comes_back_has_other_entries(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    before = set(enrolled(kept.enrolled_hashes))
    kept.people.withdraw(ADA, NOW)
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)

    assert before.isdisjoint(enrolled(kept.enrolled_hashes))


@pytest.mark.parametrize("never", [-1, 1, 2**53])
def test_a_version_that_never_was_is_told_everything(kept: Stores, never: int) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)

    told = kept.enrolled_hashes.changes(never)

    assert told == kept.enrolled_hashes.changes(0)
    assert told.whole
    assert len(told.changed) == 8


def test_an_entry_asked_for_twice_or_among_very_many_is_answered_once(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture(f"p{number}") for number in range(3)], NOW)
    entries = sorted(enrolled(kept.enrolled_hashes))

    found = kept.enrolled_hashes.get([*range(10**6, 10**6 + 3000), *entries, *entries])

    assert sorted(found) == entries


# --- thresholds

BOTH = HashedPicture(
    ref="both",
    quality=80,
    fingerprints=(
        Fingerprint(hasher="pdq", view="full", bits="0f" * 32, quality=80),
        Fingerprint(hasher="phash64", view="full", bits="0f" * 8, quality=80),
    ),
)


def thresholds(hashes: EnrolledHashes) -> set[tuple[str, str, str, int]]:
    return {(each.person, each.ref, each.fingerprint.hasher, each.threshold) for each in enrolled(hashes).values()}


def test_a_threshold_is_changed_for_one_picture_or_for_all_and_for_one_kind_only(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [BOTH, picture("a", turns=2)], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("a", turns=2)], NOW)

    assert kept.people.set_threshold(ADA, "a", "pdq", 12) == 2
    assert thresholds(kept.enrolled_hashes) == {
        (ADA, "both", "pdq", 31),
        (ADA, "both", "phash64", 0),
        (ADA, "a", "pdq", 12),
        (EVE, "a", "pdq", 31),
    }
    assert kept.people.set_threshold(ADA, None, "pdq", 12) == 1
    assert kept.people.set_threshold(ADA, None, "phash64", -1) == 1
    assert thresholds(kept.enrolled_hashes) == {
        (ADA, "both", "pdq", 12),
        (ADA, "both", "phash64", -1),
        (ADA, "a", "pdq", 12),
        (EVE, "a", "pdq", 31),
    }


def test_a_changed_threshold_is_told_and_one_that_stays_is_not(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [BOTH, picture("a")], NOW)
    since = kept.enrolled_hashes.version()

    assert kept.people.set_threshold(ADA, None, "phash64", 0) == 0
    assert kept.enrolled_hashes.version() == since
    assert kept.people.set_threshold(ADA, None, "phash64", 3) == 1

    told = kept.enrolled_hashes.changes(since)
    assert kept.enrolled_hashes.version() == told.version > since
    assert [(each.hasher, each.bits, each.threshold) for each in told.changed] == [("phash64", "0f" * 8, 3)]
    assert (list(told.removed), told.whole) == ([], False)


def test_a_threshold_of_what_is_not_there_is_refused(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("e")], NOW)
    kept.people.withdraw(EVE, NOW)
    version = kept.enrolled_hashes.version()

    for person, ref in ((EVE, None), (ADA, "e")):
        with pytest.raises(UnknownId) as refused:
            kept.people.set_threshold(person, ref, "pdq", 3)
        assert str(person) not in str(refused.value)
    with pytest.raises(CallError, match=r"'md5'.*pdq"):
        kept.people.set_threshold(ADA, None, "md5", 3)
    with pytest.raises(CallError, match="-1"):
        kept.people.set_threshold(ADA, None, "pdq", -2)

    assert kept.enrolled_hashes.version() == version


# --- several at once


def test_who_follows_the_changes_holds_what_is_there(kept: Stores) -> None:
    """Whatever was under way when they were told: nothing is lost between two versions."""
    over = threading.Event()

    def change(person: int) -> None:
        with stores.sql.released():
            mine = [ADA, EVE][person]
            for number in range(8):
                kept.people.enrol(mine, RECIPE, [picture(f"{person}-{number}", turns=2)], NOW)
                kept.people.set_threshold(mine, None, "pdq", number)
                if number % 3 == 2:
                    kept.people.withdraw(mine, NOW)

    def follow(_: int) -> tuple[dict[int, HashRow], Sequence[int]]:
        with stores.sql.released():
            held: dict[int, HashRow] = {}
            versions = [0]
            while True:
                last_look = over.is_set()
                told = kept.enrolled_hashes.changes(versions[-1])
                held = after(held, told)
                versions.append(told.version)
                if last_look:
                    return held, versions

    with ThreadPoolExecutor(4) as threads:
        changing = [threads.submit(change, person) for person in range(2)]
        following = [threads.submit(follow, number) for number in range(2)]
        for each in changing:
            each.result()
        over.set()
        followed = [each.result() for each in following]

    for held, versions in followed:
        assert held == truth(kept.enrolled_hashes)
        assert list(versions) == sorted(versions)
        assert versions[-1] == kept.enrolled_hashes.version()
