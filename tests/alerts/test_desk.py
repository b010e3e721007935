import threading
from dataclasses import replace

import pytest

from alerts.notices import NOTICES
from alerts.notices.kind import NoticeKind
from core.errors import UnknownId
from core.model import (
    Added,
    AlertStatus,
    CaseStatus,
    Decision,
    HitStatus,
    LocationState,
    Look,
    NoticeStatus,
    PersonId,
    State,
    Topic,
)
from tests.alerts.facts import ANN, EVERY_S, REGIMES, START, Room, hit, look, picture, site


def test_a_confirmed_hit_makes_alert_case_location_and_draft() -> None:
    room = Room()

    found = room.found(hit())

    (alert,) = room.alerts()
    (notice,) = room.notices
    assert (alert.status, alert.hits) == (AlertStatus.NEW, (found.id,))
    assert (room.case.status, room.state(found)) == (CaseStatus.OPEN, LocationState.LIVE)
    assert (notice.status, notice.hits, notice.missing) == (NoticeStatus.DRAFT, (found.id,), ())
    assert notice.recipient == "abuse@gallery.example"
    assert notice.letter is not None
    assert found.image_url in notice.letter.body
    assert found.case == room.case.id
    assert room.waiting(Topic.DESK) == 0


def test_a_candidate_is_only_shown_to_a_person() -> None:
    room = Room()

    found = room.found(hit(status=HitStatus.CANDIDATE))

    (alert,) = room.alerts()
    assert alert.hits == (found.id,)
    assert room.store.case_book.case_of(ANN) is None


def test_settling_twice_changes_nothing() -> None:
    room = Room()
    found = room.found(hit())
    before = (room.case, room.alerts())

    for _ in range(3):
        room.desk.settle(found.id, room.later())

    assert (room.case, room.alerts()) == before


def test_settling_what_is_not_there_says_so() -> None:
    with pytest.raises(UnknownId, match="stillwatch hit list"):
        Room().desk.settle("nothing", Room().now)


def test_hits_of_one_site_share_alert_and_draft_and_sites_do_not() -> None:
    room = Room()
    hits = [room.found(hit(1)), room.found(hit(2)), room.found(hit(3, at="board"))]

    assert [len(alert.hits) for alert in room.alerts()] in ([2, 1], [1, 2])
    assert [(notice.site, len(notice.hits)) for notice in room.notices] == [("gallery", 2), ("board", 1)]
    assert len(room.case.locations) == len(hits)


def test_one_person_has_one_case() -> None:
    room = Room()
    bob = PersonId("person-bob")
    room.store.people.enrol(bob, "test", [picture(2)], room.now)

    room.found(hit(1))
    room.found(hit(2))
    room.found(hit(3, person=bob))

    assert len(room.store.case_book.cases()) == 2


def test_a_rejected_hit_takes_back_alert_case_and_draft() -> None:
    room = Room()
    found = room.found(hit())

    room.store.hit_log.decide(found.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    assert [(alert.status, alert.hits) for alert in room.alerts()] == [(AlertStatus.TAKEN_BACK, ())]
    assert (room.case.status, room.state(found)) == (CaseStatus.DISMISSED, LocationState.DISMISSED)
    assert [(notice.status, notice.letter) for notice in room.notices] == [(NoticeStatus.RETRACTED, None)]
    assert not room.desk.due_locations(room.now, all_=True)


def test_rejecting_one_of_two_keeps_the_other() -> None:
    room = Room()
    first, second = room.found(hit(1)), room.found(hit(2))

    room.store.hit_log.decide(first.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    (alert,) = room.alerts()
    (notice,) = room.notices
    assert (alert.status, alert.hits, notice.hits) == (AlertStatus.NEW, (second.id,), (second.id,))
    assert room.case.status is CaseStatus.OPEN
    assert notice.letter is not None
    assert first.image_url not in notice.letter.body


def test_confirming_after_all_brings_everything_back() -> None:
    room = Room()
    found = room.found(hit())
    for decision in (Decision.REJECT, Decision.UNDO, Decision.CONFIRM):
        room.store.hit_log.decide(found.id, decision, "desk", room.later())
        room.desk.work(room.now)

    assert room.state(found) is LocationState.LIVE
    assert [alert.hits for alert in room.standing_alerts()] == [(found.id,)]
    assert len(room.sent(NoticeStatus.DRAFT)) == 1
    assert room.case.status is CaseStatus.OPEN


def test_a_decision_that_was_undone_waits_for_a_person_without_a_case() -> None:
    room = Room()
    found = room.found(hit(status=HitStatus.CANDIDATE))
    for decision in (Decision.CONFIRM, Decision.UNDO):
        room.store.hit_log.decide(found.id, decision, "desk", room.later())
        room.desk.work(room.now)

    assert room.state(found) is LocationState.DISMISSED
    assert not room.sent(NoticeStatus.DRAFT)
    assert [alert.hits for alert in room.standing_alerts()] == [(found.id,)]


def test_an_acknowledged_alert_is_not_opened_again_by_its_hit() -> None:
    room = Room()
    found = room.found(hit(status=HitStatus.CANDIDATE))
    room.desk.acknowledge(room.alerts()[0].id, room.later())

    room.store.hit_log.decide(found.id, Decision.CONFIRM, "desk", room.later())
    room.desk.work(room.now)

    assert [alert.status for alert in room.alerts()] == [AlertStatus.ACKNOWLEDGED]


def test_after_an_acknowledgement_a_new_hit_opens_a_new_alert() -> None:
    room = Room()
    room.found(hit(1))
    room.desk.acknowledge(room.alerts()[0].id, room.later())

    second = room.found(hit(2))

    assert [alert.hits for alert in room.alerts() if alert.status is AlertStatus.NEW] == [(second.id,)]


def test_acknowledging_twice_is_the_same_as_once() -> None:
    room = Room()
    room.found(hit())
    (alert,) = room.alerts()

    assert room.desk.acknowledge(alert.id, room.later()) == room.desk.acknowledge(alert.id, room.later())
    with pytest.raises(UnknownId):
        room.desk.acknowledge("nothing", room.now)


# -------------------------------------------------------------------------------------------------------------- looks


def test_gone_everywhere_is_quiet_and_keeps_being_looked_at() -> None:
    room = Room()
    found = room.found(hit())

    room.looked(found, State.GONE)

    assert (room.case.status, room.state(found)) == (CaseStatus.QUIET, LocationState.GONE)
    assert not room.sent(NoticeStatus.DRAFT)  # there is nothing left to ask for
    assert len(room.desk.due_locations(room.now, all_=True)) == 1


@pytest.mark.parametrize("state", [State.TIMEOUT, State.HTTP_ERROR, State.NOT_IMAGE, State.ROBOTS, State.UNREACHABLE])
def test_a_look_that_could_not_tell_never_closes_a_case(state: State) -> None:
    room = Room()
    found = room.found(hit())

    for _ in range(5):
        room.looked(found, state, page=State.GONE)

    assert (room.case.status, room.state(found)) == (CaseStatus.OPEN, LocationState.UNKNOWN)
    assert len(room.sent(NoticeStatus.DRAFT)) == 1


def test_a_picture_that_comes_back_where_it_was_reopens_the_case() -> None:
    room = Room()
    found = room.found(hit())
    room.desk.acknowledge(room.alerts()[0].id, room.later())
    room.looked(found, State.GONE)

    room.later()
    room.found(hit())

    assert (room.case.status, room.state(found)) == (CaseStatus.REOPENED, LocationState.RELAPSED)
    assert [alert.status for alert in room.alerts()] == [AlertStatus.ACKNOWLEDGED, AlertStatus.NEW]
    assert [notice.hits for notice in room.sent(NoticeStatus.DRAFT)] == [(found.id,)]


def test_a_relapse_is_told_once_however_often_its_row_is_worked() -> None:
    room = Room()
    found = room.found(hit())
    room.looked(found, State.GONE)
    room.later()
    room.found(hit())
    before = (room.case, room.alerts())

    for _ in range(3):
        room.desk.settle(found.id, room.later())
        room.found(hit())

    assert (room.case, room.alerts()) == before


def test_a_look_that_finds_it_again_reopens_the_case_as_well() -> None:
    room = Room()
    found = room.found(hit())
    room.looked(found, State.GONE)
    room.looked(found, State.TIMEOUT)

    room.looked(found, State.HIT)

    assert (room.case.status, room.state(found)) == (CaseStatus.REOPENED, LocationState.RELAPSED)
    assert len(room.standing_alerts()) == 2
    assert len(room.sent(NoticeStatus.DRAFT)) == 1


def test_a_sighting_after_unknown_looks_is_no_news() -> None:
    room = Room()
    found = room.found(hit())
    room.looked(found, State.TIMEOUT)

    room.later()
    room.found(hit())

    assert (room.case.status, room.state(found)) == (CaseStatus.OPEN, LocationState.LIVE)
    assert len(room.alerts()) == 1


def test_a_sighting_from_before_the_look_does_not_bring_it_back() -> None:
    room = Room()
    found = room.found(hit())
    room.looked(found, State.GONE)

    room.desk.settle(found.id, room.later())

    assert room.state(found) is LocationState.GONE


def test_a_sighting_newer_than_the_look_that_missed_it_wins() -> None:
    room = Room()
    found = room.found(hit())
    before = room.later()
    room.later()
    assert (
        room.store.hit_log.add(replace(hit(), last_seen=room.now)) is Added.KNOWN
    )  # no row: nothing is thought gone yet

    (followed,) = room.desk.follow(
        [replace(_look(found.id), at=before)],
        room.later(),
    )

    assert followed[2].status is CaseStatus.REOPENED
    assert room.state(found) is LocationState.RELAPSED


def test_another_copy_after_all_was_quiet_reopens_the_case() -> None:
    room = Room()
    room.looked(room.found(hit(1)), State.GONE)

    room.found(hit(2))

    assert room.case.status is CaseStatus.REOPENED


def test_looks_at_what_is_rejected_or_unknown_are_left_out() -> None:
    room = Room()
    found = room.found(hit())
    room.store.hit_log.decide(found.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    followed = room.desk.follow([replace(_look(found.id), at=room.later()), _look("nothing")], room.now)

    assert not followed
    assert room.state(found) is LocationState.DISMISSED


def test_locations_are_due_in_the_order_of_their_dates() -> None:
    room = Room()
    first = room.found(hit(1))
    room.later()
    second = room.found(hit(2))

    assert not room.desk.due_locations(room.now, all_=False)
    assert [each.hit for each in room.desk.due_locations(room.now, all_=True)] == [first.id, second.id]
    assert [each.hit for each in room.desk.due_locations(room.later(EVERY_S - 60), all_=False)] == [first.id]


def _look(hit_id: str) -> Look:
    return look(hit_id, START, State.GONE)


# ---------------------------------------------------------------------------------------------------------- withdrawal


def test_a_withdrawal_ends_everything_that_has_not_left() -> None:
    room = Room()
    found = room.found(hit(1))
    room.desk.approve(room.case.id, "Kim", room.later())
    room.found(hit(2))

    room.store.people.withdraw(ANN, room.later())
    room.desk.work(room.now)

    assert room.case.status is CaseStatus.WITHDRAWN
    assert {notice.status for notice in room.notices} == {NoticeStatus.RETRACTED}
    assert not any(notice.letter for notice in room.notices)
    assert not room.standing_alerts()
    assert not room.desk.due_locations(room.later(10**9), all_=True)
    assert room.store.case_book.claim_sending(room.case.id, room.notices[0].id, room.now) is None
    assert not room.desk.follow([replace(_look(found.id), at=room.now)], room.now)


def test_a_hit_that_is_worked_after_the_withdrawal_opens_nothing() -> None:
    room = Room()
    room.store.hit_log.add(hit())
    room.store.people.withdraw(ANN, room.later())

    room.desk.work(room.now)

    assert not room.store.case_book.cases()
    assert not room.alerts()


def test_a_person_who_comes_back_is_watched_again() -> None:
    room = Room()
    gone, live = room.found(hit(1)), room.found(hit(2))
    room.looked(gone, State.GONE)
    room.store.people.withdraw(ANN, room.later())
    room.desk.work(room.now)
    room.store.people.enrol(ANN, "test", [picture(9)], room.later())

    room.later()
    room.found(hit(2))

    assert (room.case.status, room.state(live)) == (CaseStatus.OPEN, LocationState.LIVE)
    assert [alert.hits for alert in room.standing_alerts()] == [(live.id,)]
    assert [notice.hits for notice in room.sent(NoticeStatus.DRAFT)] == [(live.id,)]
    assert [each.hit for each in room.desk.due_locations(room.now, all_=False)] == [gone.id]

    room.looked(gone, State.HIT)

    assert (room.case.status, room.state(gone)) == (CaseStatus.REOPENED, LocationState.RELAPSED)
    assert len([notice for notice in room.notices if notice.status is NoticeStatus.DRAFT]) == 1
    assert {each for alert in room.standing_alerts() for each in alert.hits} == {gone.id, live.id}


def test_what_was_decided_while_the_person_was_away_holds_when_they_are_back() -> None:
    room = Room()
    rejected, confirmed = room.found(hit(1)), room.found(hit(2, status=HitStatus.CANDIDATE))
    room.store.people.withdraw(ANN, room.later())
    for each, decision in ((rejected, Decision.REJECT), (confirmed, Decision.CONFIRM)):
        room.store.hit_log.decide(each.id, decision, "desk", room.later())
    room.desk.work(room.now)
    room.store.people.enrol(ANN, "test", [picture(9)], room.later())

    room.found(hit(3))

    assert room.state(rejected) is LocationState.DISMISSED
    assert room.state(confirmed) is LocationState.LIVE
    assert {each for alert in room.standing_alerts() for each in alert.hits} == {confirmed.id, hit(3).id}


def test_a_candidate_waits_for_a_person_again_when_its_person_is_back() -> None:
    room = Room()
    found = room.found(hit(status=HitStatus.CANDIDATE))
    room.store.people.withdraw(ANN, room.later())
    room.desk.work(room.now)
    assert not room.standing_alerts()
    room.store.people.enrol(ANN, "test", [picture(9)], room.later())

    room.desk.settle_person(ANN, room.now)

    assert [alert.hits for alert in room.standing_alerts()] == [(found.id,)]


def test_what_nobody_has_seen_since_the_person_is_back_is_in_no_letter() -> None:
    room = Room()
    old = room.found(hit(1))
    room.store.people.withdraw(ANN, room.later())
    room.desk.work(room.now)
    room.store.people.enrol(ANN, "test", [picture(9)], room.later())

    new = room.found(hit(2))

    assert [notice.hits for notice in room.sent(NoticeStatus.DRAFT)] == [(new.id,)]
    room.looked(old, State.HIT)
    assert {each for notice in room.sent(NoticeStatus.DRAFT) for each in notice.hits} == {new.id, old.id}


def test_settling_a_person_who_is_back_takes_the_case_up_at_once() -> None:
    room = Room()
    found = room.found(hit())
    room.store.people.withdraw(ANN, room.later())
    room.desk.settle_person(ANN, room.now)
    room.store.people.enrol(ANN, "test", [picture(9)], room.later())

    room.desk.settle_person(ANN, room.now)

    assert room.case.status is CaseStatus.OPEN
    assert [each.hit for each in room.desk.due_locations(room.now, all_=False)] == [found.id]


# ------------------------------------------------------------------------------------------------------------- channels


def test_channels_are_told_of_new_alerts_and_relapses_only() -> None:
    room = Room(tell_channels=True)
    found = room.found(hit(1))
    room.found(hit(2))
    assert room.waiting(Topic.CHANNEL) == 1

    room.looked(found, State.GONE)
    room.later()
    room.found(hit(1))

    assert room.waiting(Topic.CHANNEL) == 2


def test_without_channels_no_row_waits_for_them() -> None:
    room = Room()
    room.found(hit())

    assert room.waiting(Topic.CHANNEL) == 0


# ------------------------------------------------------------------------------------------------------------- bad rows


def test_one_hit_that_cannot_be_settled_never_holds_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOTICES, "broken", NoticeKind(template="no such template", elements={}))
    room = Room(sites=[site(), site("board", law="broken")], regimes={**REGIMES, "broken": REGIMES["us_tida"]})
    bob = PersonId("person-bob")
    room.store.people.enrol(bob, "test", [picture(2)], room.now)

    room.store.hit_log.add(hit(1, at="board"))
    good = room.found(hit(2, person=bob))

    assert good.case is not None
    for _ in range(10):
        room.desk.work(room.later(10**5))
    assert room.store.outbox.waiting()["dead"] == 1
    assert room.waiting(Topic.DESK) == 0


def test_two_desks_at_the_same_rows_come_to_one_case_and_one_alert() -> None:
    room = Room()
    hits = [hit(n) for n in range(1, 9)]
    for each in hits:
        room.store.hit_log.add(each)

    def settle_all() -> None:
        for each in hits:
            room.desk.settle(each.id, room.now)

    desks = [threading.Thread(target=settle_all) for _ in range(4)]
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join()

    assert len(room.case.locations) == len(hits)
    assert [len(notice.hits) for notice in room.notices] == [len(hits)]
    told = [each for alert in room.alerts() for each in alert.hits]
    assert sorted(told) == sorted(each.id for each in hits)
