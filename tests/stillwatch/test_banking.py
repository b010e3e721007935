"""What a rejection puts into the bank: the picture that was decided on, wherever it is, and nothing that nobody decided on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.model import (
    Decision,
    Enrolment,
    Evidence,
    Examination,
    Finding,
    Fingerprint,
    FoundIn,
    HashName,
    Hit,
    HitStatus,
    Match,
    Standing,
    State,
    Tier,
)
from matcher.views import view
from stillwatch.banking import BankingHitLog
from stillwatch.collisions import WatchfulExaminer
from stores.memory import MemoryStore
from tests.contracts.values import ADA, MINUTE, NOW, RECIPE, hit, picture

OF_ADA = HashName(ADA, "ref-1", "pdq", "full/0")
WRONG, TRUE = "ab" * 32, "cd" * 32  # whole frames of the two pictures of the cluster


@pytest.fixture
def store() -> MemoryStore:
    """One cluster: the same bytes on two sites, and another picture."""
    store = MemoryStore()
    store.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    for each, whole in ((here(), WRONG), (there(), WRONG), (other(), TRUE)):
        store.hit_log.add(each)
        found = FoundIn(sha256=each.sha256, whole=whole, matched=whole, at=NOW, site="other site")
        store.collision_book.note(OF_ADA, found)
    return store


def here() -> Hit:
    return hit(1, site="here")


def there() -> Hit:
    return replace(hit(2, site="there"), sha256=here().sha256)


def other() -> Hit:
    return hit(3, site="here")


def reject(store: MemoryStore) -> BankingHitLog:
    log = BankingHitLog(store.hit_log, store.negative_bank)
    changed = log.decide(here().id, Decision.REJECT, "analyst", NOW + MINUTE)
    assert {each.id for each in changed} == {here().id, there().id, other().id}
    assert {each.status for each in changed} == {HitStatus.REJECTED}
    return log


def test_another_picture_of_the_cluster_follows_the_decision_and_stays_out_of_the_bank(store: MemoryStore) -> None:
    reject(store)

    assert set(store.negative_bank.pictures()) == {WRONG}


def test_the_same_bytes_on_another_site_outlive_the_revocation_of_the_first(store: MemoryStore) -> None:
    reject(store)

    store.site_book.set_standing("here", Standing.REVOKED, "operator", NOW + MINUTE)
    assert list(store.negative_bank.pictures()) == [WRONG]
    store.site_book.set_standing("there", Standing.REVOKED, "operator", NOW + MINUTE)

    assert list(store.negative_bank.pictures()) == []


@pytest.mark.parametrize("decision", [Decision.UNDO, Decision.CONFIRM])
@pytest.mark.parametrize("by_way_of", [here, there, other])
def test_whichever_hit_takes_it_back_takes_all_of_it_back(
    store: MemoryStore, decision: Decision, by_way_of: Callable[[], Hit]
) -> None:
    log = reject(store)

    log.decide(by_way_of().id, decision, "analyst", NOW + 2 * MINUTE)

    assert list(store.negative_bank.pictures()) == []


# ---------------------------------------------------------------------------------------------------------------- videos


class Showing:
    """Implements core.ports.Examiner: a video whose second frame matches an enrolled picture in a part of it."""

    def __init__(self, enrolment: Enrolment, first: str, second: str) -> None:
        self._frames = [
            Fingerprint(hasher="area", view=view(number, ""), bits=bits, quality=90, time_s=2.0 * number)
            for number, bits in enumerate((first, second))
        ]
        seen = replace(self._frames[1], view="trim@1:5,5,995,995")
        match = Match(enrolment=enrolment, seen=seen, distance=40, evidence=Evidence.REGION)
        self._found = Finding(match=match, tier=Tier.PROBABLE, limit=45)

    def examine(self, image_bytes: bytes) -> Examination:
        return Examination(
            sha256=image_bytes.hex(), state=State.HIT, findings=(self._found,), fingerprints=tuple(self._frames)
        )


def test_of_a_video_the_frame_in_which_somebody_was_found_is_said_no_to_and_not_its_beginning() -> None:
    store = MemoryStore()
    store.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    _, (enrolment, *_) = store.enrolled_hashes.enrolments()
    beginning, wrong, another = (digits * 32 for digits in ("0f", "3c", "a5"))  # 128 bits apart

    def tier_in(second: str, name: bytes) -> Tier:
        examiner = WatchfulExaminer(
            Showing(enrolment, beginning, second), store.collision_book, store.negative_bank, now=lambda: NOW
        )
        (finding,) = examiner.examine(name).findings
        return finding.tier

    assert tier_in(wrong, b"one") is Tier.PROBABLE
    found = replace(hit(1), sha256=b"one".hex())
    store.hit_log.add(found)
    BankingHitLog(store.hit_log, store.negative_bank).decide(found.id, Decision.REJECT, "analyst", NOW)

    assert list(store.negative_bank.pictures()) == [wrong]
    assert tier_in(another, b"two") is Tier.PROBABLE, "it only begins in the same way"
    assert tier_in(wrong, b"three") is Tier.REVIEW
