"""What enrolled hashes are found in, quarantine, and the bank of pictures that analysts said no to."""

import pytest

from core.errors import UnknownId
from core.model import FoundIn, HashName, PersonId, Standing
from stores.rules import FOUND_IN_KEPT
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, hit, picture

VIEW = "full/0"
OF_ADA = HashName(ADA, "ref-1", "pdq", VIEW)
NOBODY = PersonId("nobody")


def found(number: int, *, sha256: str | None = None, whole: str | None = None, site: str = "gallery") -> FoundIn:
    return FoundIn(
        sha256=f"{number:064x}" if sha256 is None else sha256,
        whole=f"{number:064x}" if whole is None else whole,
        matched=f"{number + 1:064x}",
        at=NOW + number * MINUTE,
        site=site,
    )


@pytest.fixture
def enrolled(kept: Stores) -> Stores:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1"), picture("ref-2")], NOW)
    return kept


def thresholds(stores: Stores) -> dict[tuple[str, str], int]:
    _, held = stores.enrolled_hashes.enrolments()
    return {(each.ref, each.fingerprint.view): each.threshold for each in held}


# ---------------------------------------------------------------------------------------------------------------- noted


def test_what_a_hash_is_found_in_comes_back_the_newest_first(enrolled: Stores) -> None:
    enrolled.collision_book.note(OF_ADA, found(1))
    enrolled.collision_book.note(OF_ADA, found(3))

    assert list(enrolled.collision_book.note(OF_ADA, found(2))) == [found(3), found(2), found(1)]


def test_a_picture_that_is_met_again_is_kept_once_and_is_the_newest(enrolled: Stores) -> None:
    enrolled.collision_book.note(OF_ADA, found(1))
    enrolled.collision_book.note(OF_ADA, found(2))

    again = found(9, sha256=found(1).sha256)

    assert list(enrolled.collision_book.note(OF_ADA, again)) == [again, found(2)]


def test_of_one_hash_the_newest_twenty_are_kept(enrolled: Stores) -> None:
    kept = [enrolled.collision_book.note(OF_ADA, found(number)) for number in range(FOUND_IN_KEPT + 5)]

    assert list(kept[-1]) == [found(number) for number in range(FOUND_IN_KEPT + 4, 4, -1)]
    assert len(enrolled.collision_book.note(OF_ADA, found(50))) == FOUND_IN_KEPT


def test_each_hash_has_its_own(enrolled: Stores) -> None:
    enrolled.collision_book.note(OF_ADA, found(1))

    assert list(enrolled.collision_book.note(OF_ADA._replace(view="full/1"), found(2))) == [found(2)]
    assert list(enrolled.collision_book.note(OF_ADA._replace(ref="ref-2"), found(3))) == [found(3)]


def test_of_who_is_not_protected_nothing_is_kept(enrolled: Stores) -> None:
    enrolled.people.enrol(EVE, RECIPE, [picture("e")], NOW)
    of_eve = HashName(EVE, "e", "pdq", VIEW)
    enrolled.collision_book.note(of_eve, found(1))
    enrolled.people.withdraw(EVE, NOW)

    assert list(enrolled.collision_book.note(of_eve, found(2))) == []
    assert list(enrolled.collision_book.note(HashName(NOBODY, "e", "pdq", VIEW), found(2))) == []

    enrolled.people.enrol(EVE, RECIPE, [picture("e")], NOW + MINUTE)
    assert list(enrolled.collision_book.note(of_eve, found(3))) == [found(3)]


# ----------------------------------------------------------------------------------------------------------- quarantine


def test_a_hash_in_quarantine_matches_nothing_and_the_others_go_on(enrolled: Stores) -> None:
    before = enrolled.enrolled_hashes.version()

    assert enrolled.collision_book.quarantine(OF_ADA, NOW) is True

    held = thresholds(enrolled)
    assert held["ref-1", VIEW] == -1
    assert {threshold for at, threshold in held.items() if at != ("ref-1", VIEW)} == {31}
    changes = enrolled.enrolled_hashes.changes(before)
    assert [row.threshold for row in changes.changed] == [-1]
    assert changes.version > before
    (only,) = enrolled.collision_book.quarantined()
    assert (only.name, only.since, only.threshold) == (OF_ADA, NOW, 31)


def test_what_is_in_quarantine_or_gone_is_not_put_there_again(enrolled: Stores) -> None:
    enrolled.collision_book.quarantine(OF_ADA, NOW)
    version = enrolled.enrolled_hashes.version()

    assert enrolled.collision_book.quarantine(OF_ADA, NOW + MINUTE) is False
    assert enrolled.collision_book.quarantine(OF_ADA._replace(ref="gone"), NOW) is False
    assert enrolled.collision_book.quarantine(HashName(NOBODY, "ref-1", "pdq", VIEW), NOW) is False
    assert enrolled.enrolled_hashes.version() == version


def test_a_release_gives_back_the_threshold_and_holds(enrolled: Stores) -> None:
    enrolled.people.set_threshold(ADA, "ref-1", "pdq", 17)
    enrolled.collision_book.quarantine(OF_ADA, NOW)
    before = enrolled.enrolled_hashes.version()

    assert enrolled.collision_book.release(ADA, "ref-1", NOW + MINUTE) == 1

    assert thresholds(enrolled)["ref-1", VIEW] == 17
    assert [row.threshold for row in enrolled.enrolled_hashes.changes(before).changed] == [17]
    assert list(enrolled.collision_book.quarantined()) == []
    assert enrolled.collision_book.quarantine(OF_ADA, NOW + 2 * MINUTE) is False
    assert enrolled.collision_book.release(ADA, "ref-1", NOW + MINUTE) == 0


def test_only_the_pictures_that_are_named_are_released(enrolled: Stores) -> None:
    enrolled.collision_book.quarantine(OF_ADA, NOW)
    enrolled.collision_book.quarantine(OF_ADA._replace(ref="ref-2"), NOW + MINUTE)

    assert enrolled.collision_book.release(ADA, "ref-2", NOW + MINUTE) == 1

    assert [each.name.ref for each in enrolled.collision_book.quarantined()] == ["ref-1"]


def test_a_threshold_that_somebody_set_since_holds(enrolled: Stores) -> None:
    enrolled.collision_book.quarantine(OF_ADA, NOW)
    enrolled.people.set_threshold(ADA, "ref-1", "pdq", 5)

    assert list(enrolled.collision_book.quarantined()) == []
    assert enrolled.collision_book.release(ADA, "ref-1", NOW) == 0
    assert thresholds(enrolled)["ref-1", VIEW] == 5


def test_who_or_what_is_unknown_cannot_be_released(enrolled: Stores) -> None:
    with pytest.raises(UnknownId):
        enrolled.collision_book.release(NOBODY, "ref-1", NOW)
    with pytest.raises(UnknownId):
        enrolled.collision_book.release(ADA, "no-such-ref", NOW)


def test_who_is_in_quarantine_is_in_no_repr(enrolled: Stores) -> None:
    enrolled.collision_book.quarantine(OF_ADA, NOW)

    assert str(ADA) not in repr(list(enrolled.collision_book.quarantined()))
    assert str(ADA) not in repr(OF_ADA)


# ----------------------------------------------------------------------------------------------------------------- bank


def test_a_rejected_picture_is_known_by_what_was_found_in_it(enrolled: Stores) -> None:
    wrong = hit(1)
    enrolled.collision_book.note(OF_ADA, found(1, sha256=wrong.sha256, whole="ab" * 32))

    assert enrolled.negative_bank.add(wrong, NOW) is True
    assert enrolled.negative_bank.add(wrong, NOW + MINUTE) is True

    assert list(enrolled.negative_bank.pictures()) == ["ab" * 32]


def test_a_picture_of_which_nothing_is_known_is_not_in_the_bank(enrolled: Stores) -> None:
    wrong = hit(1)
    enrolled.collision_book.note(OF_ADA, found(1))  # another picture
    enrolled.collision_book.note(OF_ADA, found(2, sha256=wrong.sha256, whole=""))

    assert enrolled.negative_bank.add(wrong, NOW) is False
    assert enrolled.negative_bank.add(hit(1, person=NOBODY), NOW) is False
    assert list(enrolled.negative_bank.pictures()) == []


def test_what_is_taken_back_is_out_of_the_bank(enrolled: Stores) -> None:
    first, second = hit(1), hit(2)
    for number, each in enumerate((first, second)):
        enrolled.collision_book.note(OF_ADA, found(number, sha256=each.sha256))
        enrolled.negative_bank.add(each, NOW)

    enrolled.negative_bank.take_out([first.id, "never-there"])
    enrolled.negative_bank.take_out([])

    assert list(enrolled.negative_bank.pictures()) == [found(1).whole]


def test_everything_goes_with_the_person(enrolled: Stores) -> None:
    enrolled.people.enrol(EVE, RECIPE, [picture("ref-1")], NOW)
    of_eve = HashName(EVE, "ref-1", "pdq", VIEW)
    for name, each in ((OF_ADA, hit(1)), (of_eve, hit(1, person=EVE))):
        enrolled.collision_book.note(name, found(len(each.person), sha256=each.sha256, whole=each.id * 2))
        enrolled.negative_bank.add(each, NOW)
        enrolled.collision_book.quarantine(name, NOW)

    enrolled.people.withdraw(ADA, NOW)

    assert [each.name.person for each in enrolled.collision_book.quarantined()] == [EVE]
    assert list(enrolled.negative_bank.pictures()) == [hit(1, person=EVE).id * 2]
    enrolled.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW + MINUTE)
    assert [each.name.person for each in enrolled.collision_book.quarantined()] == [EVE]
    assert list(enrolled.collision_book.note(OF_ADA, found(9))) == [found(9)]


# ------------------------------------------------------------------------------------------------------------- the site


def test_what_was_found_on_a_site_goes_when_it_is_revoked(enrolled: Stores) -> None:
    other = found(2, site="other")
    enrolled.collision_book.note(OF_ADA, found(1))
    enrolled.collision_book.note(OF_ADA, other)
    enrolled.collision_book.note(OF_ADA, found(3, site=""))  # a file on this machine

    enrolled.site_book.set_standing("gallery", Standing.PAUSED, "operator", NOW)
    assert list(enrolled.collision_book.note(OF_ADA, other)) == [found(3, site=""), other, found(1)]
    enrolled.site_book.set_standing("gallery", Standing.REVOKED, "operator", NOW)

    assert list(enrolled.collision_book.note(OF_ADA, other)) == [found(3, site=""), other]


def test_a_picture_that_two_sites_show_is_the_last_ones(enrolled: Stores) -> None:
    again = found(2, sha256=found(1).sha256, site="other")
    enrolled.collision_book.note(OF_ADA, found(1))
    enrolled.collision_book.note(OF_ADA, again)

    enrolled.site_book.set_standing("gallery", Standing.REVOKED, "operator", NOW)

    assert list(enrolled.collision_book.note(OF_ADA, found(5, site=""))) == [found(5, site=""), again]


def test_of_a_revoked_site_nothing_is_kept_any_more(enrolled: Stores) -> None:
    enrolled.collision_book.note(OF_ADA, found(1, site="other"))
    enrolled.site_book.set_standing("gallery", Standing.REVOKED, "operator", NOW)

    assert list(enrolled.collision_book.note(OF_ADA, found(2))) == [found(1, site="other")]
    assert enrolled.collision_book.forget_revoked() == 0


def test_pictures_that_were_said_no_to_go_with_their_site(enrolled: Stores) -> None:
    here, there = hit(1, site="gallery"), hit(2, site="other")
    for each in (here, there):
        enrolled.hit_log.add(each)
        enrolled.collision_book.note(OF_ADA, found(1, sha256=each.sha256, whole=each.id * 2, site=each.site))
        assert enrolled.negative_bank.add(each, NOW) is True

    enrolled.site_book.set_standing("gallery", Standing.REVOKED, "operator", NOW)

    assert list(enrolled.negative_bank.pictures()) == [there.id * 2]
    enrolled.collision_book.note(OF_ADA, found(1, sha256=here.sha256, site="other"))
    assert enrolled.negative_bank.add(here, NOW) is False
