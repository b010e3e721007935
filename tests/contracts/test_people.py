import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import stores.sql
from core.errors import CallError, UnknownId
from core.model import Fingerprint, HashedPicture, PersonId, PersonState, Topic, derived_id
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, picture


def test_a_person_nobody_enrolled_is_unknown(kept: Stores) -> None:
    assert kept.people.state(ADA) is PersonState.UNKNOWN


def test_enrolling_protects_and_names_the_new_pictures(kept: Stores) -> None:
    assert list(kept.people.enrol(ADA, RECIPE, [picture("a"), picture("b")], NOW)) == ["a", "b"]

    assert kept.people.state(ADA) is PersonState.PROTECTED


def test_a_picture_with_the_same_hashes_is_stored_once(kept: Stores) -> None:
    turned_round = picture("c", hashes="a")
    turned_round = replace(turned_round, fingerprints=turned_round.fingerprints[::-1])

    assert list(kept.people.enrol(ADA, RECIPE, [picture("a"), picture("b", hashes="a")], NOW)) == ["a"]
    assert list(kept.people.enrol(ADA, RECIPE, [turned_round, picture("d")], NOW)) == ["d"]

    assert {each.ref for each in kept.enrolled_hashes.enrolments()[1]} == {"a", "d"}


def test_two_people_may_enrol_the_same_picture(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)

    assert list(kept.people.enrol(EVE, RECIPE, [picture("a")], NOW)) == ["a"]
    assert {each.person for each in kept.enrolled_hashes.enrolments()[1]} == {ADA, EVE}


def test_another_picture_of_the_same_ref_is_protected_all_the_same(kept: Stores) -> None:
    assert list(kept.people.enrol(ADA, RECIPE, [picture("a"), picture("a", hashes="other")], NOW)) == ["a", "a"]

    found = kept.enrolled_hashes.enrolments()[1]
    assert len(found) == 16
    assert len({each.ref for each in found}) == 2
    assert list(kept.people.enrol(ADA, RECIPE, [picture("a", hashes="other")], NOW)) == []


def test_every_fingerprint_comes_back_with_its_hashers_threshold(kept: Stores) -> None:
    offered = HashedPicture(
        ref="a",
        quality=80,
        fingerprints=(
            Fingerprint(hasher="pdq", view="full", bits="0f" * 32, quality=80),
            Fingerprint(hasher="phash64", view="full", bits="0f" * 8, quality=70),
        ),
    )
    kept.people.enrol(ADA, RECIPE, [offered], NOW)

    found = kept.enrolled_hashes.enrolments()[1]

    assert {each.fingerprint for each in found} == set(offered.fingerprints)
    assert {each.fingerprint.hasher: each.threshold for each in found} == {"pdq": 31, "phash64": 0}
    assert {(each.person, each.ref) for each in found} == {(ADA, "a")}


def test_a_short_hash_reaches_farther_where_there_is_no_longer_one_beside_it(kept: Stores) -> None:
    only = Fingerprint(hasher="phash64", view="full", bits="0f" * 8, quality=70)
    kept.people.enrol(ADA, RECIPE, [HashedPicture(ref="a", quality=80, fingerprints=(only,))], NOW)

    assert [each.threshold for each in kept.enrolled_hashes.enrolments()[1]] == [6]


def test_a_fingerprint_keeps_its_time(kept: Stores) -> None:
    frames = tuple(
        Fingerprint(hasher="pdq", view="full", bits="0f" * 32, quality=80, time_s=time_s)
        for time_s in (None, 0.0, 12.48)
    )
    offered = [HashedPicture(ref=str(number), quality=80, fingerprints=(each,)) for number, each in enumerate(frames)]

    assert list(kept.people.enrol(ADA, RECIPE, offered, NOW)) == ["0", "1", "2"]
    assert list(kept.people.enrol(ADA, RECIPE, offered, NOW)) == []

    entries = [row.entry for row in kept.enrolled_hashes.changes(0).changed]
    for found in (kept.enrolled_hashes.enrolments()[1], kept.enrolled_hashes.get(entries).values()):
        assert {each.ref: each.fingerprint for each in found} == {str(n): each for n, each in enumerate(frames)}


def test_a_hash_that_no_threshold_is_known_for_is_refused_and_nothing_is_stored(kept: Stores) -> None:
    strange = HashedPicture(
        ref="b", quality=80, fingerprints=(Fingerprint(hasher="md5", view="full", bits="00", quality=80),)
    )

    with pytest.raises(CallError, match=r"'md5'.*pdq"):
        kept.people.enrol(ADA, RECIPE, [picture("a"), strange], NOW)

    assert kept.people.state(ADA) is PersonState.UNKNOWN
    assert list(kept.enrolled_hashes.enrolments()[1]) == []


def test_the_version_grows_with_each_enrolment_and_withdrawal_and_only_then(kept: Stores) -> None:
    versions = [kept.enrolled_hashes.version()]
    for change in (
        lambda: kept.people.enrol(ADA, RECIPE, [picture("a")], NOW),
        lambda: kept.people.enrol(ADA, RECIPE, [picture("a")], NOW),
        lambda: kept.people.withdraw(ADA, NOW),
        lambda: kept.people.withdraw(ADA, NOW),
    ):
        change()
        versions.append(kept.enrolled_hashes.version())

    first, enrolled, again, withdrawn, twice = versions
    assert first < enrolled == again < withdrawn == twice
    assert kept.enrolled_hashes.enrolments()[0] == versions[-1]


def test_a_withdrawal_deletes_the_hashes_and_tells_the_desk_once(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("b")], NOW)

    kept.people.withdraw(ADA, NOW)
    kept.people.withdraw(ADA, NOW + MINUTE)

    assert kept.people.state(ADA) is PersonState.WITHDRAWN
    assert {each.person for each in kept.enrolled_hashes.enrolments()[1]} == {EVE}
    assert [task.key for task in kept.outbox.due([Topic.PERSON], NOW)] == [ADA]


def test_a_person_who_withdrew_can_enrol_the_same_pictures_again(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    kept.people.withdraw(ADA, NOW)

    assert list(kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)) == ["a"]
    assert kept.people.state(ADA) is PersonState.PROTECTED
    assert len(kept.enrolled_hashes.enrolments()[1]) == 8


def test_who_is_protected_is_told_with_the_moment_since_when(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("b")], NOW + MINUTE)
    kept.people.enrol(ADA, RECIPE, [picture("c")], NOW + 2 * MINUTE)

    everybody = kept.people.protected()

    assert set(everybody) == {ADA, EVE}
    assert NOW <= everybody[ADA] < NOW + MINUTE <= everybody[EVE] < NOW + 2 * MINUTE
    assert kept.people.protected([ADA]) == {ADA: everybody[ADA]}
    assert kept.people.protected([EVE, PersonId("nobody"), ADA]) == everybody
    assert kept.people.protected([]) == {}
    kept.people.withdraw(ADA, NOW + 3 * MINUTE)
    assert kept.people.protected([ADA]) == {}
    assert set(kept.people.protected()) == {EVE}


@pytest.mark.parametrize("clock", [-MINUTE, 0 * MINUTE, MINUTE], ids=["set back", "stopped", "running"])
def test_each_protection_of_a_person_begins_later_than_the_last_ended_whatever_the_clock_says(
    kept: Stores, clock: timedelta
) -> None:
    beginnings = []
    for turn in range(3):
        kept.people.enrol(ADA, RECIPE, [picture("a")], NOW + 2 * turn * clock)
        beginnings.append(kept.people.protected([ADA])[ADA])
        kept.people.withdraw(ADA, NOW + (2 * turn + 1) * clock)

    assert beginnings == sorted(set(beginnings))


def test_nobody_who_is_unknown_can_withdraw_and_the_error_does_not_repeat_the_id(kept: Stores) -> None:
    with pytest.raises(UnknownId) as refused:
        kept.people.withdraw(ADA, NOW)

    assert str(ADA) not in str(refused.value)
    assert "stillwatch enrol" in str(refused.value)


def test_hashes_and_version_belong_together_whatever_changes_meanwhile(kept: Stores) -> None:
    """Each enrolment adds one picture of 8 hashes and makes a version: they must never be seen apart."""
    over = threading.Event()
    versions = [kept.enrolled_hashes.version()]

    def enrol() -> None:
        with stores.sql.released():
            for number in range(15):
                kept.people.enrol(ADA, RECIPE, [picture(f"p{number}")], NOW)
                versions.append(kept.enrolled_hashes.version())
        over.set()

    with ThreadPoolExecutor(1) as threads:
        enrolling = threads.submit(enrol)
        seen = []
        while True:
            last_look = over.is_set()
            version, found = kept.enrolled_hashes.enrolments()
            seen.append((version, len(found)))
            if last_look:
                break
        enrolling.result()

    assert seen[-1] == (versions[-1], 8 * 15)
    assert all(hashes == 8 * versions.index(version) for version, hashes in seen)


def test_threads_that_enrol_the_same_pictures_enrol_them_once(kept: Stores) -> None:
    def enrol(_: int) -> int:
        with stores.sql.released():
            return len(kept.people.enrol(ADA, RECIPE, [picture("a"), picture("b")], NOW))

    with ThreadPoolExecutor(6) as threads:
        new = list(threads.map(enrol, range(6)))

    assert sum(new) == 2
    assert len(kept.enrolled_hashes.enrolments()[1]) == 16


# --- hashing again


def upright(ref: str, *turns: str) -> HashedPicture:
    """Whose upright hash is the same whatever further turns it is held in."""
    return HashedPicture(
        ref=ref,
        quality=90,
        fingerprints=tuple(
            Fingerprint(hasher="pdq", view=view, bits=derived_id("bits", ref[:1], view) * 2, quality=90)
            for view in ("full", *turns)
        ),
    )


def test_pictures_held_by_an_older_recipe_are_counted_of_each_protected_person(kept: Stores) -> None:
    gone = PersonId("gone-0003")
    kept.people.enrol(ADA, "full-1", [upright("a"), upright("b")], NOW)
    kept.people.enrol(ADA, "views-1", [upright("c")], NOW)
    kept.people.enrol(EVE, "views-2", [upright("a")], NOW)
    kept.people.enrol(PersonId("list-0004"), "pdq-list-1", [upright("a")], NOW)
    kept.people.enrol(PersonId("exchange-0005"), "exchange-1", [upright("a")], NOW)
    kept.people.enrol(gone, "full-1", [upright("a")], NOW)
    kept.people.withdraw(gone, NOW)

    assert kept.people.outdated("views-1") == {ADA: 2}
    assert kept.people.outdated("views-2") == {ADA: 3}
    assert kept.people.outdated("views-3") == {ADA: 3, EVE: 1}
    assert kept.people.outdated("full-1") == {}


def test_a_picture_that_was_hashed_again_is_not_counted_any_more(kept: Stores) -> None:
    for person in (ADA, EVE):
        kept.people.enrol(person, "full-1", [upright("a"), upright("b")], NOW)

    kept.people.enrol(ADA, "views-1", [upright("a-again", "full/rot90")], NOW)

    assert kept.people.outdated("views-1") == {ADA: 1, EVE: 2}
    assert kept.people.outdated("views-2") == {ADA: 3, EVE: 2}


def test_a_picture_of_which_the_newer_recipe_makes_the_same_hashes_is_of_that_recipe(kept: Stores) -> None:
    kept.people.enrol(ADA, "full-1", [upright("a"), upright("b")], NOW)
    version = kept.enrolled_hashes.version()

    assert list(kept.people.enrol(ADA, "views-1", [upright("a")], NOW)) == []
    assert list(kept.people.enrol(ADA, "pdq-list-1", [upright("b")], NOW)) == []
    assert list(kept.people.enrol(ADA, "full-1", [upright("a")], NOW)) == []

    assert kept.people.outdated("views-1") == {ADA: 1}
    assert kept.enrolled_hashes.version() == version


def test_who_withdrew_and_comes_back_begins_anew(kept: Stores) -> None:
    kept.people.enrol(ADA, "views-1", [upright("a")], NOW)
    kept.people.withdraw(ADA, NOW)
    kept.people.enrol(ADA, "full-1", [upright("a")], NOW)

    assert kept.people.outdated("views-1") == {ADA: 1}


def test_it_is_known_of_whom_corners_are_kept_and_since_when(kept: Stores) -> None:
    assert kept.people.corners_kept() == {}
    kept.people.enrol(ADA, RECIPE, [picture("a", local=b"one")], NOW)
    first = kept.enrolled_hashes.version()
    kept.people.enrol(EVE, RECIPE, [picture("a"), picture("b")], NOW)
    kept.people.enrol(ADA, RECIPE, [picture("b", local=b"two"), picture("c")], NOW)
    second = kept.enrolled_hashes.version()

    assert kept.people.corners_kept() == {ADA: (first, second)}
    assert kept.people.corners_kept([EVE, ADA]) == {ADA: (first, second)}
    assert kept.people.corners_kept([EVE]) == {}
    assert kept.people.corners_kept([ADA, *(PersonId(f"p{number}") for number in range(2000))]) == {
        ADA: (first, second)
    }


def test_it_is_known_when_corners_came_as_long_as_they_are_kept(kept: Stores) -> None:
    before = datetime.now(UTC)
    assert list(kept.people.corners_came()) == []
    kept.people.enrol(ADA, RECIPE, [picture("a", local=b"one"), picture("b", local=b"two")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("a")], NOW)
    kept.people.enrol(EVE, RECIPE, [picture("b", local=b"one")], NOW)
    kept.people.enrol(ADA, RECIPE, [picture("a", local=b"one")], NOW)

    first, second = kept.people.corners_came()

    assert before - timedelta(seconds=1) < first < second
    kept.people.drop_local(ADA)
    assert list(kept.people.corners_came()) == [second]
    kept.people.withdraw(EVE, NOW)
    assert list(kept.people.corners_came()) == []


def test_corners_that_are_chosen_anew_are_of_a_later_version(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("a", local=b"one")], NOW)
    (_, newest) = kept.people.corners_kept()[ADA]
    kept.people.drop_local(ADA)
    assert kept.people.corners_kept() == {}

    kept.people.enrol(ADA, RECIPE, [picture("a", local=b"one")], NOW)

    (oldest, _) = kept.people.corners_kept()[ADA]
    assert oldest > newest
    kept.people.withdraw(ADA, NOW)
    assert kept.people.corners_kept() == {}
