import email.utils
import fcntl
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.mail import NO_SERVER, ORPHANED, Courier
from alerts.smtp import MailServer, NotNow, _lines, hand_over, mail_server
from core.errors import ConfigError, NotReady
from core.model import CaseStatus, Decision, Letter, LocationState, NoticeStatus, State, Topic
from tests.alerts.certificate import self_signed
from tests.alerts.facts import ANN, Room, hit
from tests.alerts.sink import Sink
from tests.namespace import require_own_network

FROM = "desk@watch.example"


def approved_room(*hits: int) -> Room:
    room = Room()
    for n in hits or (1,):
        room.found(hit(n))
    room.desk.approve(room.case.id, "Kim", room.later())
    return room


def courier_to(port: int, room: Room, tmp_path: Path, scheme: str = "smtp", user: str = "") -> Courier:
    return Courier(
        f"{scheme}://{user}127.0.0.1:{port}",
        FROM,
        room.store.case_book,
        room.store.outbox,
        lock_path=tmp_path / "locks" / "courier.lock",
        timeout_s=1.0,
    )


def sink_that(step: str, answer: str) -> Sink:
    return Sink(on_rcpt=answer) if step == "rcpt" else Sink(on_data=answer)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_an_approved_letter_arrives_and_its_clock_starts(tmp_path: Path) -> None:
    room = approved_room(1, 2)
    letter = room.notices[0].letter
    assert letter is not None
    with Sink() as sink:
        done = courier_to(sink.port, room, tmp_path).work(room.later(600))

    (message,) = sink.messages
    (notice,) = room.notices
    assert done == 1
    assert message.get_content().replace("\r\n", "\n") == letter.body
    assert (message["From"], message["To"], message["Subject"]) == (FROM, "abuse@gallery.example", letter.subject)
    assert email.utils.parsedate_to_datetime(message["Date"]) == room.now
    assert message["Message-ID"].endswith("@watch.example>")
    assert (notice.status, notice.sent, notice.deadline) == (
        NoticeStatus.SENT,
        room.now,
        room.now + timedelta(hours=48),
    )
    assert {each.state for each in room.case.locations} == {LocationState.NOTIFIED}
    assert room.waiting(Topic.MAIL) == 0


def test_the_letter_and_its_envelope_name_nobody_but_those_who_write_and_read_it(tmp_path: Path) -> None:
    room = approved_room()
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())

    raw = sink.received[0].decode()
    assert set(sink.messages[0].keys()) <= {
        "From", "To", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
        "X-Peer", "X-MailFrom", "X-RcptTo",
    }  # fmt: skip
    assert ANN not in raw
    assert hit().sha256 not in raw
    assert socket.gethostname() not in raw


def test_nothing_leaves_without_an_approval(tmp_path: Path) -> None:
    room = Room()
    room.found(hit())
    with Sink() as sink:
        assert courier_to(sink.port, room, tmp_path).work(room.later()) == 0
        assert not sink.received


def test_nothing_leaves_twice(tmp_path: Path) -> None:
    room = approved_room()
    with Sink() as sink:
        for _ in range(3):
            courier_to(sink.port, room, tmp_path).work(room.later(10**5))
        room.store.case_book.save(outgoing=[(Topic.MAIL, f"{room.case.id}/{room.notices[0].id}")], now=room.now)
        courier_to(sink.port, room, tmp_path).work(room.later(10**5))

        assert len(sink.received) == 1


def test_nothing_leaves_for_a_person_who_withdrew(tmp_path: Path) -> None:
    room = approved_room()
    room.store.people.withdraw(ANN, room.later())  # the desk has not settled it yet
    with Sink() as sink:
        courier = courier_to(sink.port, room, tmp_path)
        courier.work(room.later())
        room.desk.work(room.now)
        courier.work(room.later(3600))

        assert not sink.received
    assert [notice.status for notice in room.notices] == [NoticeStatus.RETRACTED]
    assert room.waiting(Topic.MAIL) == 0


def test_nothing_leaves_about_a_rejected_picture(tmp_path: Path) -> None:
    room = approved_room()
    room.store.hit_log.decide(hit().id, Decision.REJECT, "desk", room.later())
    room.desk.work(room.now)
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())

        assert not sink.received
    assert room.waiting(Topic.MAIL) == 0


@pytest.mark.parametrize(("step", "answer"), [("rcpt", "550 no such user"), ("data", "554 refused, user")])
def test_a_letter_that_is_refused_for_good_has_failed_by_its_code_only(step: str, answer: str, tmp_path: Path) -> None:
    room = approved_room()
    with sink_that(step, answer) as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())

    (notice,) = room.notices
    assert (notice.status, notice.deadline, notice.sent) == (NoticeStatus.FAILED, None, None)
    assert answer[:3] in notice.failure
    assert "user" not in notice.failure
    assert room.waiting(Topic.MAIL) == 0
    assert room.state(hit()) is LocationState.LIVE


@pytest.mark.parametrize(
    ("step", "answer"),
    [("rcpt", "450 later"), ("data", "451 later"), ("rcpt", "drop"), ("rcpt", "421 closing"), ("rcpt", "stall")],
)
def test_a_letter_that_was_certainly_not_taken_is_tried_again(step: str, answer: str, tmp_path: Path) -> None:
    room = approved_room()
    with sink_that(step, answer) as sink:
        assert courier_to(sink.port, room, tmp_path).work(room.later()) == 0
        assert not sink.received
    assert room.notices[0].status is NoticeStatus.APPROVED
    assert room.notices[0].failure

    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later(1))
        assert not sink.received  # not at once
        courier_to(sink.port, room, tmp_path).work(room.later(3600))
        assert len(sink.received) == 1
    assert (room.notices[0].status, room.notices[0].failure) == (NoticeStatus.SENT, "")
    assert room.notices[0].deadline == room.now + timedelta(hours=48)


def test_a_server_that_is_down_loses_nothing(closed_port: int, tmp_path: Path) -> None:
    room = approved_room()

    assert courier_to(closed_port, room, tmp_path).work(room.later()) == 0

    assert room.notices[0].status is NoticeStatus.APPROVED
    assert "could not be used" in room.notices[0].failure
    assert room.waiting(Topic.MAIL) == 1


@pytest.mark.parametrize("on_data", ["drop", "keep, then stall", "stall"])
def test_a_connection_that_breaks_over_the_letter_leaves_it_to_a_person(on_data: str, tmp_path: Path) -> None:
    room = approved_room()
    with Sink(on_data=on_data) as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later(10**6))
        assert not sink.received

    (notice,) = room.notices
    assert notice.status is NoticeStatus.UNCONFIRMED
    assert "while the letter was handed over" in notice.failure
    assert (room.waiting(Topic.MAIL), room.state(hit())) == (0, LocationState.LIVE)


def test_a_letter_whose_sender_is_gone_is_never_sent_again_by_itself(tmp_path: Path) -> None:
    room = approved_room()
    assert room.store.case_book.claim_sending(room.case.id, room.notices[0].id, room.now) is not None
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())
        assert not sink.received

    assert (room.notices[0].status, room.notices[0].failure) == (NoticeStatus.UNCONFIRMED, ORPHANED)


def test_a_letter_that_another_courier_is_sending_is_left_to_it(tmp_path: Path) -> None:
    room = approved_room()
    assert room.store.case_book.claim_sending(room.case.id, room.notices[0].id, room.now) is not None
    (tmp_path / "locks").mkdir()
    lock = os.open(tmp_path / "locks" / "courier.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Sink() as sink:
            assert courier_to(sink.port, room, tmp_path).work(room.later()) == 0
    finally:
        os.close(lock)

    assert room.notices[0].status is NoticeStatus.SENDING


def test_what_happened_to_the_case_while_the_letter_was_refused_for_now_is_heeded(tmp_path: Path) -> None:
    for withdrawn, status in ((True, NoticeStatus.RETRACTED), (False, NoticeStatus.DRAFT)):
        room = approved_room()

        def meanwhile(room: Room = room, withdrawn: bool = withdrawn) -> None:
            if withdrawn:
                room.store.people.withdraw(ANN, room.later())
            else:
                room.store.hit_log.decide(hit().id, Decision.REJECT, "desk", room.later())
            room.desk.work(room.now)

        with Sink(on_data="451 later", meanwhile=meanwhile) as sink:
            courier_to(sink.port, room, tmp_path).work(room.later())
            assert room.notices[0].status is status
            assert room.notices[0].letter is None
            sink.on_data = "250 OK"
            courier_to(sink.port, room, tmp_path).work(room.later(10**6))
            assert not sink.received
        assert room.case.status in (CaseStatus.WITHDRAWN, CaseStatus.DISMISSED)


def test_a_letter_that_was_taken_is_sent_whatever_became_of_the_case_meanwhile(tmp_path: Path) -> None:
    room = approved_room()

    def meanwhile() -> None:
        room.found(hit(2))
        room.store.people.withdraw(ANN, room.later())
        room.desk.work(room.now)

    with Sink(meanwhile=meanwhile) as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())

    assert [notice.status for notice in room.notices] == [NoticeStatus.SENT, NoticeStatus.RETRACTED]
    assert room.case.status is CaseStatus.WITHDRAWN


def test_a_gone_picture_stays_gone_when_its_letter_leaves(tmp_path: Path) -> None:
    room = approved_room(1, 2)
    room.looked(hit(1), State.GONE)
    room.looked(hit(2), State.TIMEOUT)
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())

    assert [each.state for each in room.case.locations] == [LocationState.GONE, LocationState.UNKNOWN]
    room.looked(hit(2), State.HIT)
    assert room.state(hit(2)) is LocationState.NOTIFIED


def test_without_a_mail_server_the_letter_waits_and_says_so(tmp_path: Path) -> None:
    room = approved_room()
    courier = Courier(None, "", room.store.case_book, room.store.outbox, lock_path=tmp_path / "lock")

    assert courier.work(room.later()) == 0
    assert (room.notices[0].status, room.notices[0].failure) == (NoticeStatus.APPROVED, NO_SERVER)
    with pytest.raises(NotReady, match="STILLWATCH_MAIL_URL"):
        courier.check()

    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())
        assert len(sink.received) == 1
    assert room.notices[0].failure == ""


def test_letters_go_over_tls_and_with_a_password_where_the_url_says_so(tmp_path: Path) -> None:
    room = approved_room()
    with Sink(starttls=self_signed(tmp_path), password="pass:w@rd") as sink:
        courier_to(sink.port, room, tmp_path, "smtp+starttls", "kim:pass%3Aw%40rd@").work(room.later())

        assert sink.encrypted == [True]
    room = approved_room()
    with Sink(tls=self_signed(tmp_path)) as sink:
        courier_to(sink.port, room, tmp_path, "smtps").work(room.later())

        assert sink.encrypted == [True]


def test_a_wrong_password_loses_nothing_and_shows_nothing(tmp_path: Path) -> None:
    room = approved_room()
    with Sink(starttls=self_signed(tmp_path), password="right") as sink:
        courier_to(sink.port, room, tmp_path, "smtp+starttls", "kim:wrong@").work(room.later())

    assert room.notices[0].status is NoticeStatus.APPROVED
    assert "535" in room.notices[0].failure
    assert "kim" not in room.notices[0].failure
    assert "wrong" not in room.notices[0].failure


def test_a_server_without_tls_gets_no_letter_when_tls_was_asked_for(tmp_path: Path) -> None:
    room = approved_room()
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path, "smtp+starttls").work(room.later())

        assert not sink.received
    assert room.notices[0].status is NoticeStatus.APPROVED


@pytest.mark.own_network
@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_that_nobody_vouches_for_is_refused_beyond_this_machine(scheme: str, tmp_path: Path) -> None:
    require_own_network()
    subprocess.run(["ip", "address", "replace", "192.0.2.7/32", "dev", "lo"], check=True)
    message = EmailMessage(policy=SMTP)
    message.set_content("x")
    tls = self_signed(tmp_path)
    with Sink(
        host="192.0.2.7", tls=tls if scheme == "smtps" else None, starttls=None if scheme == "smtps" else tls
    ) as sink:
        server = MailServer(scheme=scheme, host="192.0.2.7", port=sink.port)

        ended = hand_over(message, FROM, "abuse@gallery.example", server, timeout_s=2.0)

        assert ended == NotNow("the mail server could not be used (SSLCertVerificationError)", server_down=True)
        assert not sink.received


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtp://mail.example", "TLS"),
        ("imap://mail.example", "smtps://"),
        ("smtps://", "smtps://"),
        ("smtps://kim:hunter2@mail.example:x", "no number"),
    ],
)
def test_a_mail_url_that_would_not_do_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        mail_server(url)

    assert "hunter2" not in str(caught.value)


def test_a_mail_url_is_read_with_its_usual_port() -> None:
    assert mail_server("smtps://kim:p%40ss@mail.example") == MailServer(
        scheme="smtps", host="mail.example", port=465, user="kim", password="p@ss"
    )
    assert mail_server("starttls://mail.example").port == 587
    assert "p@ss" not in repr(mail_server("smtps://kim:p%40ss@mail.example"))


def test_a_header_cannot_be_slipped_into_a_letter(tmp_path: Path) -> None:
    room = approved_room()
    (notice,) = room.notices
    forged = replace(notice, letter=Letter(subject="Hello\r\nBcc: everyone@example.org", body="x"))
    room.store.case_book.save(case=replace(room.case, notices=(forged,)), now=room.now)
    with Sink() as sink:
        courier_to(sink.port, room, tmp_path).work(room.later())

        assert not sink.received
        assert not sink.recipients
    assert room.notices[0].status is NoticeStatus.FAILED


def test_the_same_approval_has_the_same_message_id_and_another_one_another(tmp_path: Path) -> None:
    ids = []
    for again in (False, False, True):
        room = approved_room()
        if again:
            room.store.case_book.save(
                case=replace(room.case, notices=(replace(room.notices[0], status=NoticeStatus.FAILED),)), now=room.now
            )
            room.desk.approve(room.case.id, "Kim", room.later(), again=True)
        with Sink() as sink:
            courier_to(sink.port, room, tmp_path).work(room.later())
            ids += [message["Message-ID"] for message in sink.messages]

    assert ids[0] == ids[1] != ids[2]


@given(st.text(alphabet="ab.\r\n é", max_size=60))
def test_every_text_goes_over_the_wire_as_it_was(text: str) -> None:
    message = EmailMessage(policy=SMTP)
    message.set_content(text, cte="quoted-printable")
    wire = _lines(message)

    assert wire.endswith(b"\r\n.\r\n")
    assert b"\r\n.\r\n" not in wire[:-5]
    unstuffed = b"\r\n".join(each.removeprefix(b".") for each in wire[:-5].split(b"\r\n")) + b"\r\n"
    assert unstuffed.removesuffix(b"\r\n") == message.as_bytes().removesuffix(b"\r\n")
