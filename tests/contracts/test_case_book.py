from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import stores.sql
from core.errors import Conflict, UnknownId
from core.model import (
    AlertStatus,
    CaseStatus,
    Letter,
    LocationState,
    NoticeStatus,
    Topic,
)
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, alert, case, hit, location, notice, picture

ADAS = case().id


# --- cases


def test_a_case_comes_back_as_it_was_saved(kept: Stores) -> None:
    sent = replace(
        notice(hit(1), hit(2), status=NoticeStatus.SENT),
        missing=("signature",),
        letter=Letter(subject="Takedown", body="Please remove\nat once “this” — ö 🌊."),
        approved_by="Grace",
        approved=NOW,
        sent=NOW + MINUTE,
        deadline=NOW + 48 * 60 * MINUTE,
        failure="greylisted once",
    )
    no_contact = replace(notice(hit(2), id="notice-2"), recipient=None)
    whole = replace(
        case(hit(2), hit(1), notices=(sent, no_contact), state=LocationState.UNKNOWN), status=CaseStatus.REOPENED
    )

    kept.case_book.save(case=whole, now=NOW)

    saved = replace(whole, revision=1)
    assert kept.case_book.case(whole.id) == saved
    assert kept.case_book.case_of(ADA) == saved
    assert kept.case_book.cases() == [saved]


def test_a_case_that_changed_comes_back_changed(kept: Stores) -> None:
    kept.case_book.save(case=case(hit(1), hit(2), hit(3), notices=(notice(hit(1)), notice(id="notice-2"))), now=NOW)
    first = kept.case_book.case(ADAS)
    changed = replace(
        first,
        status=CaseStatus.QUIET,
        locations=(
            location(hit(3), LocationState.GONE),
            replace(first.locations[0], next_look=None, last_look=NOW, unknown_streak=2),
            location(hit(4)),
        ),
        notices=(replace(first.notices[1], status=NoticeStatus.RETRACTED), notice(id="notice-3")),
    )

    kept.case_book.save(case=changed, now=NOW)

    assert kept.case_book.case(ADAS) == replace(changed, revision=2)


def test_cases_come_newest_first(kept: Stores) -> None:
    kept.case_book.save(case=case(), now=NOW)
    kept.case_book.save(case=replace(case(person=EVE), opened=NOW + MINUTE), now=NOW)

    assert [each.person for each in kept.case_book.cases()] == [EVE, ADA]


def test_a_case_or_alert_that_is_not_there_is_named(kept: Stores) -> None:
    with pytest.raises(UnknownId, match=r"'none'.*case list"):
        kept.case_book.case("none")
    with pytest.raises(UnknownId, match=r"'none'.*alert list"):
        kept.case_book.alert("none")

    assert kept.case_book.case_of(ADA) is None


def test_a_save_of_what_somebody_else_saved_meanwhile_is_a_conflict_and_changes_nothing(kept: Stores) -> None:
    kept.case_book.save(case=case(), now=NOW)
    mine = kept.case_book.case(ADAS)
    kept.case_book.save(case=replace(mine, status=CaseStatus.QUIET), now=NOW)
    theirs = kept.case_book.case(ADAS)

    with pytest.raises(Conflict, match="read it again"):
        kept.case_book.save(
            case=replace(mine, locations=(location(hit(1)),)),
            alerts=[alert(hit(1))],
            outgoing=[(Topic.CHANNEL, "x")],
            now=NOW,
        )

    assert kept.case_book.case(ADAS) == theirs
    assert list(kept.case_book.alerts()) == []
    assert kept.outbox.waiting() == {"dead": 0}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept.case_book.save(case=case(), now=NOW),  # a first save, but it is there
        lambda kept: kept.case_book.save(case=replace(case(), id="second case of one person"), now=NOW),
        lambda kept: kept.case_book.save(case=replace(case(person=EVE), revision=3), now=NOW),  # never saved before
        lambda kept: kept.case_book.save(alerts=[alert(hit(1))], now=NOW),
        lambda kept: kept.case_book.save(alerts=[replace(alert(hit(1)), revision=2)], now=NOW),
    ],
)
def test_a_wrong_revision_is_a_conflict(kept: Stores, spoil: Callable[[Stores], None]) -> None:
    kept.case_book.save(case=case(), alerts=[alert(hit(1))], now=NOW)
    before = (kept.case_book.cases(), kept.case_book.alerts())

    with pytest.raises(Conflict):
        spoil(kept)

    assert (kept.case_book.cases(), kept.case_book.alerts()) == before


def test_of_many_who_save_at_once_each_revision_is_saved_by_one(kept: Stores) -> None:
    kept.case_book.save(case=case(), now=NOW)

    def add_location(number: int) -> None:
        with stores.sql.released():
            while True:
                read = kept.case_book.case(ADAS)
                try:
                    return kept.case_book.save(
                        case=replace(read, locations=(*read.locations, location(hit(number)))), now=NOW
                    )
                except Conflict:
                    continue

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_location, range(12)))

    stored = kept.case_book.case(ADAS)
    assert {each.hit for each in stored.locations} == {hit(number).id for number in range(12)}
    assert stored.revision == 13


def test_a_large_case_is_saved_and_read_whole(kept: Stores) -> None:
    many = tuple(location(hit(number)) for number in range(1500))
    kept.case_book.save(case=replace(case(), locations=many), now=NOW)
    kept.case_book.save(case=replace(kept.case_book.case(ADAS), locations=many[:2]), now=NOW)

    assert kept.case_book.case(ADAS).locations == many[:2]


def test_a_hit_that_joins_a_case_is_indexed_again(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    for number in (1, 2):
        kept.hit_log.add(hit(number))
    kept.case_book.save(case=case(hit(1)), now=NOW)
    kept.outbox.done([task.id for task in kept.outbox.due(list(Topic), NOW)])

    kept.case_book.save(
        case=replace(kept.case_book.case(ADAS), locations=(location(hit(1)), location(hit(2)))), now=NOW
    )

    assert [task.key for task in kept.outbox.due(list(Topic), NOW)] == [hit(2).id]


# --- alerts


def test_an_alert_comes_back_as_it_was_saved(kept: Stores) -> None:
    kept.case_book.save(alerts=[alert(hit(2), hit(1))], now=NOW)

    saved = replace(alert(hit(2), hit(1)), revision=1)
    assert kept.case_book.alert(saved.id) == saved


def test_an_alert_that_changed_comes_back_changed(kept: Stores) -> None:
    kept.case_book.save(alerts=[alert(hit(1))], now=NOW)
    for hits in ((hit(1), hit(2)), (hit(3), hit(1)), ()):
        stored = kept.case_book.alert(alert().id)
        changed = replace(stored, hits=tuple(each.id for each in hits), status=AlertStatus.TAKEN_BACK)
        kept.case_book.save(alerts=[changed], now=NOW)

        assert kept.case_book.alert(alert().id) == replace(changed, revision=stored.revision + 1)


def test_alerts_come_newest_first_and_of_one_person_when_asked(kept: Stores) -> None:
    kept.case_book.save(
        alerts=[
            alert(hit(1), number=1),
            alert(hit(2), number=2, created=NOW + MINUTE),
            alert(hit(3), number=3, person=EVE, created=NOW + 2 * MINUTE),
        ],
        now=NOW,
    )

    assert [each.hits for each in kept.case_book.alerts()] == [(hit(3).id,), (hit(2).id,), (hit(1).id,)]
    assert [each.hits for each in kept.case_book.alerts(ADA)] == [(hit(2).id,), (hit(1).id,)]


# --- all or nothing with the outbox


def test_what_is_done_and_what_follows_are_saved_together(kept: Stores) -> None:
    kept.case_book.save(outgoing=[(Topic.DESK, "h1")], now=NOW)
    [task] = kept.outbox.due([Topic.DESK], NOW)

    kept.case_book.save(
        case=case(),
        alerts=[alert(hit(1))],
        done=[task.id],
        outgoing=[(Topic.CHANNEL, "a"), (Topic.CHANNEL, "a")],
        now=NOW,
    )

    assert kept.outbox.waiting() == {"channel": 1, "dead": 0}


def test_a_conflict_leaves_the_work_undone(kept: Stores) -> None:
    kept.case_book.save(case=case(), outgoing=[(Topic.DESK, "h1")], now=NOW)
    [task] = kept.outbox.due([Topic.DESK], NOW)

    with pytest.raises(Conflict):
        kept.case_book.save(case=case(), done=[task.id], now=NOW)

    assert kept.outbox.due([Topic.DESK], NOW) == [task]


# --- sending


def approved(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    kept.case_book.save(case=case(hit(1), notices=(notice(hit(1), status=NoticeStatus.APPROVED),)), now=NOW)


def test_an_approved_notice_is_claimed_once(kept: Stores) -> None:
    approved(kept)

    claimed = kept.case_book.claim_sending(ADAS, "notice-1", NOW)

    assert claimed == kept.case_book.case(ADAS)
    assert claimed is not None
    assert [each.status for each in claimed.notices] == [NoticeStatus.SENDING]
    assert claimed.revision == 2
    assert kept.case_book.claim_sending(ADAS, "notice-1", NOW) is None


@pytest.mark.parametrize("status", [status for status in NoticeStatus if status is not NoticeStatus.APPROVED])
def test_only_an_approved_notice_can_be_claimed(kept: Stores, status: NoticeStatus) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    kept.case_book.save(case=case(notices=(notice(status=status),)), now=NOW)

    assert kept.case_book.claim_sending(ADAS, "notice-1", NOW) is None
    assert kept.case_book.case(ADAS).notices[0].status is status


def test_nothing_is_sent_for_a_person_who_withdrew(kept: Stores) -> None:
    approved(kept)
    kept.people.withdraw(ADA, NOW)

    assert kept.case_book.claim_sending(ADAS, "notice-1", NOW) is None


def test_a_notice_or_case_that_is_not_there_is_not_claimed(kept: Stores) -> None:
    approved(kept)

    assert kept.case_book.claim_sending(ADAS, "notice-2", NOW) is None
    assert kept.case_book.claim_sending("no such case", "notice-1", NOW) is None


def test_of_many_senders_one_claims(kept: Stores) -> None:
    approved(kept)

    def claim(_: int) -> bool:
        with stores.sql.released():
            return kept.case_book.claim_sending(ADAS, "notice-1", NOW) is not None

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(claim, range(12))) == 1


def test_a_claim_is_a_save_so_that_an_older_copy_of_the_case_cannot_undo_it(kept: Stores) -> None:
    approved(kept)
    read_before = kept.case_book.case(ADAS)
    kept.case_book.claim_sending(ADAS, "notice-1", NOW)

    with pytest.raises(Conflict):
        kept.case_book.save(case=read_before, now=NOW)
