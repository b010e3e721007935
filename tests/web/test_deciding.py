"""The forms: what a person decides reaches the hit log, the alerts and the case."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from core.errors import Conflict
from core.model import AlertStatus, CaseStatus, HitStatus, NoticeStatus, Topic
from tests.web.scene import ADA, DETAILS, EVE, NOW, Scene
from tests.web.visitor import Page, Visitor
from web.services import CaseDesk


def decide(visitor: Visitor, hit: str, decision: str) -> Page:
    return visitor.submit(reverse("hit", args=[hit]), reverse("decide", args=[hit]), {"decision": decision})


def approve(visitor: Visitor, case: str, fields: Mapping[str, str]) -> Page:
    return visitor.submit(reverse("case", args=[case]), reverse("approve", args=[case]), fields)


def drafts(scene: Scene) -> list[NoticeStatus]:
    return [notice.status for notice in scene.case_of(ADA).notices]


# ------------------------------------------------------------------------------------------------------------------ hits


def test_a_hit_shows_what_the_decision_needs(scene: Scene, visitor: Visitor) -> None:
    words = visitor.page(reverse("hit", args=[scene.candidate().id])).words

    assert "Possible match: 30 of 31 bits" in words
    assert "https://pinboard.example/p/51002" in words
    assert "https://pinboard.example/latest?from=600" in words
    assert "this hit, the only copy" in words


def test_a_hit_that_was_met_before_the_enrolment_says_so(scene: Scene, visitor: Visitor) -> None:
    hit = scene.candidate()
    without = visitor.page(reverse("hit", args=[hit.id])).words
    scene.store.hit_log.add(replace(hit, found_earlier=NOW - timedelta(days=3)))

    words = visitor.page(reverse("hit", args=[hit.id])).words

    assert "Met by the crawler on 2026-11-20 12:00:00 UTC and found by looking back" in words
    assert "Met by the crawler" not in without


def test_confirming_opens_what_follows_at_once(scene: Scene, visitor: Visitor) -> None:
    hit = scene.candidate()

    page = decide(visitor, hit.id, "confirm")

    assert "Confirmed. This hit changed." in page.words
    assert scene.candidate().status is HitStatus.CONFIRMED
    assert hit.id in {each.hit for each in scene.case_of(ADA).locations}


def test_rejecting_carries_over_to_all_copies_and_says_so_before(scene: Scene, visitor: Visitor) -> None:
    hit = scene.hits()["44871"]

    before = visitor.page(reverse("hit", args=[hit.id])).words
    after = decide(visitor, hit.id, "reject").words

    assert "all 3 copies of this enrolled picture" in before
    assert "Rejected. 3 hits changed." in after
    assert [scene.hits()[name].status for name in ("44871", "8f2c1a77.jpg", "8f2c1a77-m.jpg")] == [
        HitStatus.REJECTED
    ] * 3
    assert scene.case_of(ADA).status is CaseStatus.DISMISSED
    assert set(drafts(scene)) == {NoticeStatus.RETRACTED}
    alerts = {alert.site: alert for alert in scene.store.case_book.alerts(ADA)}
    assert alerts["gallery"].status is AlertStatus.TAKEN_BACK
    assert alerts["pinboard"].hits == (scene.candidate().id,)


def test_a_decision_can_be_taken_back(scene: Scene, visitor: Visitor) -> None:
    hit = scene.candidate().id
    decide(visitor, hit, "reject")

    page = decide(visitor, hit, "undo")

    assert "The decision was taken back." in page.words
    assert scene.candidate().status is HitStatus.UNDONE


def test_taking_back_where_nobody_decided_changes_nothing_and_says_so(scene: Scene, visitor: Visitor) -> None:
    hit = scene.hits()["holiday.webp"]

    page = decide(visitor, hit.id, "undo")

    assert "There was no decision to take back." in page.words
    assert scene.hits()["holiday.webp"] == replace(hit, case=scene.case_of(EVE).id)


def test_an_unknown_decision_changes_nothing(scene: Scene, visitor: Visitor) -> None:
    before = scene.candidate()

    page = decide(visitor, before.id, "publish")

    assert "Nothing was changed" in page.words
    assert scene.candidate() == before


class Busy:
    """A desk whose case somebody else is always saving."""

    def __init__(self, desk: CaseDesk) -> None:
        self.redraw, self.approve, self.acknowledge = desk.redraw, desk.approve, desk.acknowledge

    def settle(self, hit_id: str, now: object) -> None:
        raise Conflict(f"{hit_id} at {now}: saved by somebody else")


def test_a_decision_stands_even_when_the_desk_is_busy(scene: Scene) -> None:
    visitor = Visitor(replace(scene.services(), desk=Busy(scene.desk)))
    hit = scene.candidate().id

    page = decide(visitor, hit, "confirm")

    assert "Alert and case follow in a moment." in page.words
    assert scene.candidate().status is HitStatus.CONFIRMED
    assert hit in [each.id for each in scene.store.hit_log.unhandled()]


def test_the_filters_narrow_the_list(visitor: Visitor) -> None:
    assert "5 hits, newest first" in visitor.page("/hits").words
    assert "1 hit, newest first" in visitor.page("/hits?status=candidate").words
    assert "2 hits, newest first" in visitor.page("/hits?site=gallery").words
    assert "1 hit, newest first" in visitor.page("/hits?text=holiday").words
    assert "No hit fits." in visitor.page("/hits?site=attic&status=candidate").words


# ---------------------------------------------------------------------------------------------------------------- alerts


def test_an_alert_is_acknowledged(scene: Scene, visitor: Visitor) -> None:
    alert = scene.store.case_book.alerts(EVE)[0]

    page = visitor.submit("/alerts", reverse("acknowledge", args=[alert.id]))

    assert "The alert about attic is acknowledged." in page.words
    assert scene.store.case_book.alert(alert.id).status is AlertStatus.ACKNOWLEDGED
    assert reverse("acknowledge", args=[alert.id]) not in [form["action"] for form in page.all("form")]


# ----------------------------------------------------------------------------------------------------------------- cases


def test_a_case_shows_its_letters_as_they_would_leave(scene: Scene, visitor: Visitor) -> None:
    case = scene.case_of(ADA)

    page = visitor.page(reverse("case", args=[case.id]))

    for notice in case.notices:
        assert notice.letter is not None
        assert notice.letter.body in page.text
        assert notice.letter.subject in page.text
        assert str(notice.recipient) in page.text


def test_an_approval_by_name_lets_the_letters_leave(scene: Scene, visitor: Visitor) -> None:
    case = scene.case_of(ADA)

    page = approve(visitor, case.id, {"by": "  Jo   Example "})

    assert "Approved by Jo Example." in page.words
    assert drafts(scene) == [NoticeStatus.APPROVED] * 2
    assert {notice.approved_by for notice in scene.case_of(ADA).notices} == {"Jo Example"}
    assert scene.store.outbox.waiting()[Topic.MAIL.value] == 2
    assert reverse("approve", args=[case.id]) not in [form["action"] for form in page.all("form")]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Write your name"),
        ("   ", "Write your name"),
        ("J" * 121, "longer than 120"),
        ("J\u202eo", "needs the name"),
    ],
)
def test_an_approval_without_a_proper_name_is_refused(scene: Scene, visitor: Visitor, name: str, why: str) -> None:
    page = approve(visitor, scene.case_of(ADA).id, {"by": name})

    assert why in page.words
    assert "Nothing was approved" in page.words
    assert drafts(scene) == [NoticeStatus.DRAFT] * 2


def test_what_changed_after_it_was_read_is_not_approved(scene: Scene, visitor: Visitor) -> None:
    case = scene.case_of(ADA)
    read = {
        each["name"]: each["value"]
        for each in visitor.page(reverse("case", args=[case.id])).all("input")
        if "value" in each
    }
    scene.store.notice_details.put(ADA, replace(DETAILS, statement="Another statement."))

    response = visitor.client.post(reverse("approve", args=[case.id]), {**read, "by": "Jo"})

    assert response.status_code == 422
    assert "A letter changed after you opened this page" in response.content.decode()
    assert "Another statement." in response.content.decode()
    assert drafts(scene) == [NoticeStatus.DRAFT] * 2


def test_a_letter_that_is_not_complete_cannot_be_approved_and_says_what_is_missing(
    scene: Scene, visitor: Visitor
) -> None:
    case = scene.case_of(EVE)
    path = reverse("case", args=[case.id])

    page = visitor.page(path)
    hidden = {each["name"]: each["value"] for each in page.all("input") if each.get("type") == "hidden"}
    response = visitor.client.post(
        reverse("approve", args=[case.id]), {**hidden, "by": "Jo", "read": read_of(case.id, scene)}
    )

    assert reverse("approve", args=[case.id]) not in [form["action"] for form in page.all("form")]
    for words in (
        "the signature",
        "an address to send it to",
        "./run person set PERSON --notice-details",
        "config/sites/attic.toml",
    ):
        assert words in page.words
    assert response.status_code == 422
    assert "signature missing" in response.content.decode()
    assert [notice.status for notice in scene.case_of(EVE).notices] == [NoticeStatus.DRAFT]


def read_of(case_id: str, scene: Scene) -> str:
    from web.desk.approval import approval_of

    return approval_of(scene.store.case_book.case(case_id)).fingerprint


def test_what_was_supplied_shows_after_checking_again(scene: Scene, visitor: Visitor) -> None:
    path = reverse("case", args=[scene.case_of(EVE).id])
    scene.store.notice_details.put(EVE, DETAILS)

    page = visitor.submit(path, reverse("redraw", args=[scene.case_of(EVE).id]))

    assert scene.case_of(EVE).notices[0].missing == ("recipient",)
    assert "the signature" not in page.words
    assert "an address to send it to" in page.words


def test_a_site_without_an_address_holds_nothing_back(scene: Scene, visitor: Visitor) -> None:
    scene.sites = tuple(
        replace(site, takedown=replace(site.takedown, email=None)) if site.name == "pinboard" else site
        for site in scene.sites
    )
    scene.desk.redraw(scene.case_of(ADA).id, NOW)

    page = approve(visitor, scene.case_of(ADA).id, {"by": "Jo"})

    assert "Approved by Jo." in page.words
    assert {notice.site: notice.status for notice in scene.case_of(ADA).notices} == {
        "gallery": NoticeStatus.APPROVED,
        "pinboard": NoticeStatus.DRAFT,
    }


def failed(scene: Scene, status: NoticeStatus) -> str:
    scene.desk.approve(scene.case_of(ADA).id, "Jo", NOW)
    case = scene.case_of(ADA)
    notices = tuple(replace(each, status=status, failure="the server refused it") for each in case.notices)
    scene.store.case_book.save(case=replace(case, notices=notices), now=NOW)
    scene.now = NOW + timedelta(hours=1)
    return case.id


@pytest.mark.parametrize("status", [NoticeStatus.FAILED, NoticeStatus.UNCONFIRMED])
def test_what_may_have_left_only_leaves_again_when_that_is_ticked(
    scene: Scene, visitor: Visitor, status: NoticeStatus
) -> None:
    case = failed(scene, status)

    page = approve(visitor, case, {"by": "Jo"})
    unticked = drafts(scene)
    approve(visitor, case, {"by": "Jo", "again": "on"})

    assert "Nothing was approved" in page.words
    assert unticked == [status] * 2
    assert drafts(scene) == [NoticeStatus.APPROVED] * 2


def test_a_person_who_withdrew_is_not_written_about(scene: Scene, visitor: Visitor) -> None:
    case = scene.case_of(ADA)
    read = read_of(case.id, scene)
    path = reverse("case", args=[case.id])
    token = {each["name"]: each["value"] for each in visitor.page(path).all("input") if each.get("type") == "hidden"}
    scene.store.people.withdraw(ADA, NOW)

    response = visitor.client.post(reverse("approve", args=[case.id]), {**token, "by": "Jo", "read": read})

    assert response.status_code == 422
    assert "the person withdrew" in response.content.decode()
    assert drafts(scene) == [NoticeStatus.DRAFT] * 2
