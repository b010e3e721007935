"""The front page: what an operator has to know at a glance."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.sites import SiteFault
from core.model import (
    AlertStatus,
    Decision,
    LocationState,
    NoticeStatus,
    PassRecord,
    Standing,
    State,
    Topic,
)
from tests.web.scene import ADA, NOW, Scene, full_scene, passed, site
from tests.web.visitor import Visitor


def overview(scene: Scene) -> str:
    return Visitor(scene.services()).page("/").words


def one_site(*passes: PassRecord, standing: Standing = Standing.WATCHED) -> Scene:
    scene = Scene(sites=(site("gallery"),))
    for each in passes:
        scene.store.site_book.record(each)
    scene.store.site_book.set_standing("gallery", standing, "operator", NOW)
    return scene


def test_it_says_how_many_sites_are_watched_and_which_are_not(scene: Scene) -> None:
    words = overview(scene)

    assert "2 of 4 sites are being watched" in words
    assert "attic: paused; 1 site file cannot be used." in words
    assert "unknown key 'host'; did you mean 'hosts'?" in words


def test_it_says_that_all_is_well_only_when_all_is_well() -> None:
    recent = passed("gallery", ago=timedelta(minutes=4))

    assert "1 site is being watched" in overview(one_site(recent))
    for scene in (
        one_site(),
        one_site(recent, standing=Standing.PAUSED),
        one_site(passed("gallery", ago=timedelta(days=3))),
        one_site(passed("gallery", ago=timedelta(minutes=4), pages={State.UNREACHABLE: 1}, images={})),
    ):
        assert "0 of 1 site is being watched" in overview(scene)


def test_a_faulty_file_alone_is_not_called_nothing() -> None:
    scene = Scene(faults=(SiteFault(path=Path("config/sites/a.toml"), reason="no agreement"),))

    assert "0 of 1 site is being watched 1 site file cannot be used." in overview(scene)


def test_it_counts_what_was_compared_and_what_could_not_be() -> None:
    words = overview(one_site(passed("gallery", ago=timedelta(minutes=4))))

    assert "Of 1,326 pictures, 1,207 were compared, 119 could not be." in words
    assert "1,207 looked, and know" in words
    assert "9 could not look" in words
    assert "in 56 minutes 2026-11-23 12:56:00 UTC" in words


def test_each_state_that_was_met_is_listed_with_its_meaning() -> None:
    words = overview(one_site(passed("gallery", ago=timedelta(minutes=4))))

    assert f"too_plain 11 0 {State.TOO_PLAIN.meaning}" in words
    assert f"trap 0 20 {State.TRAP.meaning}" in words


def test_pages_that_were_read_only_in_part_are_said_where_there_are_any() -> None:
    def words(cut_pages: int) -> str:
        return overview(one_site(passed("gallery", ago=timedelta(minutes=4), cut_pages=cut_pages)))

    assert "1,012 pages were read only in part: what else they name was not looked at." in words(1012)
    assert "1 page was read only in part: what else it names was not looked at." in words(1)
    assert "only in part" not in words(0)


def test_with_nothing_set_up_it_says_what_to_do() -> None:
    words = overview(Scene())

    assert "Nothing is being watched" in words
    assert "./run site check" in words
    assert "Nothing waits for a decision." in words


def test_with_nobody_enrolled_it_says_what_to_do() -> None:
    scene = one_site(passed("gallery", ago=timedelta(minutes=4), images={State.NOT_COMPARED: 40}, hits=0))

    words = overview(scene)

    assert "Nobody is enrolled" in words
    assert "./run enrol SET.json" in words


@pytest.mark.parametrize("path", ["/hits", "/alerts", "/cases"])
def test_an_empty_list_says_when_something_will_be_there(path: str) -> None:
    words = Visitor(Scene().services()).page(path).words

    assert "yet." in words
    assert "See the" in words or "see the" in words


def test_it_lists_what_waits_for_a_person(scene: Scene) -> None:
    words = overview(scene)

    ada = scene.case_of(ADA).id[:6]
    assert f"2 letters wait for approval, case {ada} To pinboard, gallery." in words
    assert "1 letter is not complete" in words
    assert "Still needed: signature, nonconsent statement, contact, recipient." in words
    assert "1 hit waits for a decision" in words
    assert "3 alerts are new" in words


def test_what_was_done_does_not_wait_any_more(scene: Scene) -> None:
    scene.store.hit_log.decide(scene.candidate().id, Decision.REJECT, "Jo", NOW)
    scene.desk.approve(scene.case_of(ADA).id, "Jo", NOW)
    for alert in scene.store.case_book.alerts():
        scene.desk.acknowledge(alert.id, NOW)

    words = overview(scene)

    for done in ("waits for a decision", "wait for approval", "alerts are new", "alert is new"):
        assert done not in words
    assert {alert.status for alert in scene.store.case_book.alerts()} == {AlertStatus.ACKNOWLEDGED}
    assert "approved letters to be sent: 2" in words


@pytest.mark.parametrize(
    ("status", "deadline_h", "expected"),
    [
        (NoticeStatus.FAILED, None, "1 letter could not be sent"),
        (NoticeStatus.UNCONFIRMED, None, "1 letter may or may not have been sent"),
        (NoticeStatus.SENT, -1, "1 deadline has passed"),
    ],
)
def test_a_letter_that_went_wrong_is_said_first(status: NoticeStatus, deadline_h: int | None, expected: str) -> None:
    scene = full_scene()
    case = scene.case_of(ADA)
    deadline = None if deadline_h is None else NOW + timedelta(hours=deadline_h)
    wrong = replace(case.notices[0], status=status, deadline=deadline)
    scene.store.case_book.save(case=replace(case, notices=(wrong, *case.notices[1:])), now=NOW)

    words = overview(scene)

    assert expected in words
    assert words.index(expected) < words.index("1 hit waits for a decision")


def test_a_deadline_is_not_missed_before_it_is_over_nor_once_all_is_gone() -> None:
    for deadline, state in ((timedelta(hours=1), LocationState.NOTIFIED), (timedelta(hours=-1), LocationState.GONE)):
        scene = full_scene()
        case = scene.case_of(ADA)
        sent = tuple(replace(each, status=NoticeStatus.SENT, deadline=NOW + deadline) for each in case.notices)
        places = tuple(replace(each, state=state) for each in case.locations)
        scene.store.case_book.save(case=replace(case, notices=sent, locations=places), now=NOW)

        assert "deadline" not in overview(scene)


def test_what_is_back_is_said(scene: Scene) -> None:
    case = scene.case_of(ADA)
    back = replace(case.locations[0], state=LocationState.RELAPSED)
    scene.store.case_book.save(case=replace(case, locations=(back, *case.locations[1:])), now=NOW)

    assert "1 picture is back online" in overview(scene)


def test_work_that_gave_up_is_said(scene: Scene) -> None:
    tasks = scene.store.outbox.due([Topic.INDEX], NOW)
    scene.store.outbox.dead(tasks[0].id, "refused")

    words = overview(scene)

    assert "1 piece of work gave up" in words
    assert f"hits to be written to the search index: {len(tasks) - 1}" in words
