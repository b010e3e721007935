from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import CallError, NotReady, UnknownId
from core.model import Decision, LocationState, Notice, NoticeStatus, State, Topic
from tests.alerts.facts import ANN, DETAILS, REGIMES, Room, hit, site


def refused(room: Room, again: bool = False) -> str:
    before = room.case
    with pytest.raises(NotReady) as caught:
        room.desk.approve(room.case.id, "Kim", room.later(), again=again)
    assert [notice.status for notice in room.notices] == [notice.status for notice in before.notices]
    assert room.waiting(Topic.MAIL) == 0
    return str(caught.value)


def marked(room: Room, status: NoticeStatus) -> Notice:
    """The only notice as a courier would leave it."""
    (notice,) = room.notices
    room.store.case_book.save(
        case=replace(room.case, notices=(replace(notice, status=status, failure="x"),)), now=room.now
    )
    return room.notices[0]


def test_an_approval_freezes_the_letter_and_lets_it_leave() -> None:
    room = Room()
    found = room.found(hit())

    case = room.desk.approve(room.case.id, "  Kim\t Desk ", room.later())

    (notice,) = case.notices
    assert (notice.status, notice.approved_by, notice.approved) == (NoticeStatus.APPROVED, "Kim Desk", room.now)
    assert notice.deadline == room.now + timedelta(hours=48)
    assert room.waiting(Topic.MAIL) == 1
    assert room.store.outbox.due([Topic.MAIL], room.now)[0].key == f"{case.id}/{notice.id}"
    room.store.notice_details.put(ANN, replace(DETAILS, statement="Other words."))
    assert room.desk.redraw(case.id, room.later()) == case
    assert room.state(found) is LocationState.LIVE


def test_nothing_waits_for_the_mail_before_an_approval() -> None:
    room = Room()
    room.found(hit())

    assert room.waiting(Topic.MAIL) == 0


@pytest.mark.parametrize("by", ["", "  ", "Kim\x00"])
def test_an_approval_needs_a_name(by: str) -> None:
    room = Room()
    room.found(hit())

    with pytest.raises(CallError, match="--as NAME"):
        room.desk.approve(room.case.id, by, room.now)


def test_an_approval_of_what_is_not_there_says_so() -> None:
    with pytest.raises(UnknownId):
        Room().desk.approve("nothing", "Kim", Room().now)


def test_a_refusal_names_every_missing_element_and_the_command_that_supplies_it() -> None:
    room = Room(details=None)
    room.found(hit())

    said = refused(room)

    for element in ("signature", "nonconsent_statement", "contact"):
        assert f"notice to gallery: {element} missing" in said
    assert "stillwatch person set PERSON --notice-details FILE.toml" in said
    assert "locate missing" not in said
    assert ANN not in said


def test_details_that_come_later_complete_the_draft() -> None:
    room = Room(details=None)
    room.found(hit())
    room.store.notice_details.put(ANN, DETAILS)

    case = room.desk.redraw(room.case.id, room.later())

    assert [notice.missing for notice in case.notices] == [()]
    assert room.desk.approve(case.id, "Kim", room.now).notices[0].status is NoticeStatus.APPROVED


def test_a_site_without_an_address_is_named_with_its_file_and_key() -> None:
    room = Room(sites=[site(email=None)])
    room.found(hit())

    said = refused(room)

    assert "recipient missing" in said
    assert "email in [takedown] of config/sites/gallery.toml" in said


def test_a_site_without_an_address_never_holds_back_the_letter_to_another() -> None:
    room = Room(sites=[site(email=None), site("board", "abuse@board.example")])
    room.found(hit(1))
    room.found(hit(2, at="board"))

    case = room.desk.approve(room.case.id, "Kim", room.later())

    assert {notice.site: notice.status for notice in case.notices} == {
        "gallery": NoticeStatus.DRAFT,
        "board": NoticeStatus.APPROVED,
    }


def test_one_incomplete_letter_leaves_all_unapproved_and_names_what_each_site_lacks() -> None:
    room = Room(sites=[site(email=None), site("board", "abuse@board.example")], details=replace(DETAILS, contact=""))
    room.found(hit(1))
    room.found(hit(2, at="board"))

    said = refused(room)

    assert "notice to board: contact missing" in said
    assert "notice to gallery: contact missing" in said
    assert "notice to gallery: recipient missing" in said


@pytest.mark.parametrize(("in_force", "said"), [(None, "not certain"), (date(2026, 11, 23), "only from 2026-11-23")])
def test_a_law_that_is_not_in_force_is_not_relied_on(in_force: date | None, said: str) -> None:
    room = Room(regimes={"us_tida": replace(REGIMES["us_tida"], in_force=in_force)})
    room.found(hit())

    assert said in refused(room)


def test_a_law_is_relied_on_from_its_first_day() -> None:
    room = Room(regimes={"us_tida": replace(REGIMES["us_tida"], in_force=date(2026, 11, 22))})
    room.found(hit())

    assert room.desk.approve(room.case.id, "Kim", room.now).notices[0].status is NoticeStatus.APPROVED


def test_a_law_that_there_is_no_letter_for_is_named_with_those_there_are() -> None:
    room = Room(sites=[site(law="de_netzdg")])
    room.found(hit())

    said = refused(room)

    assert "'de_netzdg'" in said
    assert "us_tida" in said


def test_approving_twice_says_that_nothing_waits_and_sends_nothing_twice() -> None:
    room = Room()
    room.found(hit())
    case = room.desk.approve(room.case.id, "Kim", room.later())

    with pytest.raises(NotReady, match="no notice waits for approval"):
        room.desk.approve(case.id, "Kim", room.later())

    assert room.waiting(Topic.MAIL) == 1
    assert room.case == case


def test_a_withdrawn_person_is_written_about_no_more() -> None:
    room = Room()
    room.found(hit())
    room.store.people.withdraw(ANN, room.later())

    assert "withdrew" in refused(room)  # the desk has not settled it yet
    room.desk.work(room.now)
    assert "withdrew" in refused(room)


def test_a_rejected_picture_takes_its_approved_letter_back_to_draft() -> None:
    room = Room()
    first, second = room.found(hit(1)), room.found(hit(2))
    approved = room.desk.approve(room.case.id, "Kim", room.later()).notices[0]

    room.store.hit_log.decide(first.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    (notice,) = room.notices
    assert (notice.id, notice.status, notice.hits) == (approved.id, NoticeStatus.DRAFT, (second.id,))
    assert (notice.approved, notice.approved_by, notice.deadline) == (None, None, None)
    assert room.store.case_book.claim_sending(room.case.id, notice.id, room.now) is None
    assert room.desk.approve(room.case.id, "Lee", room.later()).notices[0].approved_by == "Lee"
    assert room.waiting(Topic.MAIL) == 1


def test_a_taken_back_approval_and_a_later_draft_become_one() -> None:
    room = Room()
    first = room.found(hit(1))
    room.found(hit(2))
    room.desk.approve(room.case.id, "Kim", room.later())
    room.found(hit(3))
    assert len(room.sent(NoticeStatus.DRAFT)) == 1

    room.store.hit_log.decide(first.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    assert sorted(notice.status for notice in room.notices) == ["draft", "retracted"]
    assert set(room.sent(NoticeStatus.DRAFT)[0].hits) == {hit(2).id, hit(3).id}


def test_what_was_sent_stays_sent_when_its_picture_is_rejected() -> None:
    room = Room()
    found = room.found(hit())
    room.desk.approve(room.case.id, "Kim", room.later())
    sent = marked(room, NoticeStatus.SENT)

    room.store.hit_log.decide(found.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    assert room.notices == (sent,)


def test_a_hit_after_an_approval_has_a_draft_of_its_own() -> None:
    room = Room()
    first = room.found(hit(1))
    room.desk.approve(room.case.id, "Kim", room.later())

    second = room.found(hit(2))

    assert [(notice.status, notice.hits) for notice in room.notices] == [
        (NoticeStatus.APPROVED, (first.id,)),
        (NoticeStatus.DRAFT, (second.id,)),
    ]


@pytest.mark.parametrize("status", [NoticeStatus.FAILED, NoticeStatus.UNCONFIRMED])
def test_a_letter_that_did_not_arrive_for_certain_leaves_again_only_when_asked_to(status: NoticeStatus) -> None:
    room = Room()
    room.found(hit())
    room.desk.approve(room.case.id, "Kim", room.later())
    room.store.outbox.done([task.id for task in room.store.outbox.due([Topic.MAIL], room.now)])
    before = marked(room, status)

    assert "--again" in refused(room)
    (after,) = room.desk.approve(room.case.id, "Lee", room.later(), again=True).notices

    assert (after.status, after.approved_by, after.failure) == (NoticeStatus.APPROVED, "Lee", "")
    assert after.letter == before.letter
    assert room.waiting(Topic.MAIL) == 1


def test_a_refused_letter_may_go_to_a_corrected_address() -> None:
    room = Room()
    room.found(hit())
    room.desk.approve(room.case.id, "Kim", room.later())
    marked(room, NoticeStatus.FAILED)
    room.sites[0] = site(email="legal@gallery.example")

    (after,) = room.desk.approve(room.case.id, "Kim", room.later(), again=True).notices

    assert after.recipient == "legal@gallery.example"


def test_an_unconfirmed_letter_about_a_rejected_picture_is_drawn_anew_before_it_leaves_again() -> None:
    room = Room()
    first, second = room.found(hit(1)), room.found(hit(2))
    room.desk.approve(room.case.id, "Kim", room.later())
    marked(room, NoticeStatus.UNCONFIRMED)
    room.store.hit_log.decide(first.id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)

    with pytest.raises(NotReady, match="drawn anew"):
        room.desk.approve(room.case.id, "Kim", room.later(), again=True)

    (draft,) = room.notices
    assert (draft.status, draft.hits) == (NoticeStatus.DRAFT, (second.id,))
    assert draft.letter is not None
    assert first.image_url not in draft.letter.body


def test_what_comes_back_after_an_unconfirmed_letter_needs_one_of_its_own() -> None:
    room = Room()
    found = room.found(hit())
    room.desk.approve(room.case.id, "Kim", room.later())
    marked(room, NoticeStatus.UNCONFIRMED)
    room.looked(found, State.GONE)
    assert not room.sent(NoticeStatus.DRAFT)

    room.looked(found, State.HIT)

    assert [notice.hits for notice in room.sent(NoticeStatus.DRAFT)] == [(found.id,)]


def test_a_relapse_after_a_sent_notice_cites_it() -> None:
    room = Room()
    found = room.found(hit())
    approved = room.desk.approve(room.case.id, "Kim", room.later()).notices[0]
    room.store.case_book.save(
        case=replace(
            room.case,
            notices=(replace(approved, status=NoticeStatus.SENT, sent=datetime(2026, 11, 22, tzinfo=UTC)),),
        ),
        now=room.now,
    )
    room.looked(found, State.GONE)
    room.later()
    room.found(hit())

    (draft,) = room.sent(NoticeStatus.DRAFT)
    assert draft.letter is not None
    assert approved.id[:12].upper() in draft.letter.body
    assert "published again" in draft.letter.body
    assert "identical copies" in draft.letter.body
