"""What a rejection puts into the bank: the picture that was decided on, wherever it is, and nothing that nobody decided on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.model import Decision, FoundIn, HashName, Hit, HitStatus, Standing
from stillwatch.banking import BankingHitLog
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
