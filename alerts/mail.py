"""Approved notices leave by e-mail: each once, or never without a person deciding about it.

A notice is claimed (SENDING) before the mail server is asked and marked after it answered. Whoever sends holds a lock that dies with
the process; so a notice found SENDING under the lock belongs to nobody any more: it may have left, and becomes UNCONFIRMED.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from alerts import cases, drafts, smtp
from core.errors import ConfigError, Conflict, NotReady, UnknownId
from core.model import Case, CaseStatus, Letter, LocationState, Notice, NoticeStatus, Task, Topic, derived_id
from core.ports import CaseBook, Outbox

log = logging.getLogger(__name__)

REPEATS_AT_CONFLICT = 20
RETRY_FIRST_S = 60.0
RETRY_AT_MOST_S = 6 * 3600.0
NO_SERVER = "approved; no mail server is configured (STILLWATCH_MAIL_URL)"
ORPHANED = "the sending process ended while the letter was handed over: it may have left"


class Courier:
    def __init__(
        self,
        mail_url: str | None,
        mail_from: str,
        case_book: CaseBook,
        outbox: Outbox,
        *,
        lock_path: Path,
        timeout_s: float = smtp.TIMEOUT_S,
    ) -> None:
        """`lock_path`: one file for all couriers of an installation. Raises ConfigError for a URL that is none."""
        self._server = None if mail_url is None else smtp.mail_server(mail_url)
        if self._server is not None and not mail_from:
            raise ConfigError("nothing says who the letters come from; set STILLWATCH_MAIL_FROM")
        self._mail_from = mail_from
        self._case_book = case_book
        self._outbox = outbox
        self._lock_path = lock_path
        self._timeout_s = timeout_s

    def check(self) -> None:
        """Raises NotReady when no mail server is configured."""
        if self._server is None:
            raise NotReady(
                "no mail server is configured, so notices wait; set STILLWATCH_MAIL_URL (see: stillwatch settings)"
            )

    def work(self, now: datetime, limit: int = 20) -> int:
        """Sends what is approved and due; returns how many notices were settled. Another courier at work: 0, it does the same rows."""
        with self._alone() as alone:
            if not alone:
                return 0
            done = 0
            for task in self._outbox.due([Topic.MAIL], now, limit):
                try:
                    if self._server is None:
                        self._say_no_server(task, now)
                        continue
                    settled, server_down = self._deliver(task, self._server, now)
                except UnknownId:  # the case was erased
                    self._outbox.done([task.id])
                    continue
                done += settled
                if server_down:
                    break
            return done

    def _deliver(self, task: Task, server: smtp.MailServer, now: datetime) -> tuple[bool, bool]:
        """Whether the row is settled, and whether the server is down."""
        case_id, _, notice_id = task.key.partition("/")
        case = self._case_book.claim_sending(case_id, notice_id, now)
        notice = None if case is None else _notice(case, notice_id)
        if case is None or notice is None:
            return self._not_claimed(task, case_id, notice_id, now), False
        match self._attempt(notice, server, now):
            case smtp.Accepted():
                self._mark(case_id, notice_id, _sent(now), task, now)
                log.info("notice.sent", extra={"notice": notice_id})
                return True, False
            case smtp.Refused(reason=reason):
                self._mark(case_id, notice_id, _failed(reason), task, now)
                log.warning("notice.failed", extra={"notice": notice_id, "reason": reason})
                return True, False
            case smtp.MayHaveLeft(reason=reason):
                self._mark(case_id, notice_id, _unconfirmed(reason), task, now)
                log.warning("notice.unconfirmed", extra={"notice": notice_id, "reason": reason})
                return True, False
            case smtp.NotNow(reason=reason, server_down=server_down):
                self._mark(case_id, notice_id, _waits(reason), None, now)
                wait_s = min(RETRY_FIRST_S * 2.0 ** min(task.attempts, 20), RETRY_AT_MOST_S)
                self._outbox.later(task.id, now + timedelta(seconds=wait_s), reason)
                log.warning("notice.waits", extra={"notice": notice_id, "reason": reason})
                return False, server_down

    def _attempt(self, notice: Notice, server: smtp.MailServer, now: datetime) -> smtp.Delivery:
        if notice.letter is None or notice.recipient is None:
            return smtp.Refused("the approved notice has no letter or no recipient")
        try:
            message = _message(notice, notice.letter, notice.recipient, self._mail_from, now)
        except ValueError:  # a line break in a header: never sent, never repeated
            return smtp.Refused("the letter cannot be written as an e-mail")
        return smtp.hand_over(message, self._mail_from, notice.recipient, server, self._timeout_s)

    def _not_claimed(self, task: Task, case_id: str, notice_id: str, now: datetime) -> bool:
        """A row whose notice is not approved (any more). The row goes only if the case is still what was read."""
        for _ in range(REPEATS_AT_CONFLICT):
            case = self._case_book.case(case_id)
            notice = _notice(case, notice_id)
            if notice is not None and notice.status is NoticeStatus.APPROVED:
                # Approved this moment, or the person withdrew and the desk has not retracted it yet: the next round knows.
                self._outbox.later(task.id, now + timedelta(seconds=RETRY_FIRST_S), "could not be claimed")
                return False
            if notice is not None and notice.status is NoticeStatus.SENDING:
                case = _unconfirmed(ORPHANED)(case, notice)
                log.warning("notice.unconfirmed", extra={"notice": notice_id, "reason": "orphaned"})
            try:
                self._case_book.save(case=case, done=[task.id], now=now)
            except Conflict:
                continue
            return True
        return False

    def _say_no_server(self, task: Task, now: datetime) -> None:
        """The row waits; the notice says for what."""
        case_id, _, notice_id = task.key.partition("/")
        notice = _notice(self._case_book.case(case_id), notice_id)
        if notice is not None and notice.status is NoticeStatus.APPROVED and notice.failure != NO_SERVER:
            self._mark(case_id, notice_id, lambda case, each: _put(case, replace(each, failure=NO_SERVER)), None, now)

    def _mark(
        self, case_id: str, notice_id: str, change: Callable[[Case, Notice], Case], task: Task | None, now: datetime
    ) -> None:
        """Writes down what became of it, whatever else happened to the case meanwhile."""
        for _ in range(REPEATS_AT_CONFLICT):
            case = self._case_book.case(case_id)
            notice = _notice(case, notice_id)
            if notice is None:
                return
            try:
                self._case_book.save(case=change(case, notice), done=[] if task is None else [task.id], now=now)
            except Conflict:
                continue
            return
        raise Conflict(
            "the case was saved by somebody else too often; the notice shows as sending until the next round"
        )

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        self._lock_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(lock)


def message_id(notice: Notice, mail_from: str) -> str:
    """The same for the same approval: a server or a person can tell a letter that arrived twice."""
    approved = "" if notice.approved is None else notice.approved.isoformat()
    return f"<{derived_id('mail', notice.id, approved)}@{mail_from.rpartition('@')[2]}>"


def _message(notice: Notice, letter: Letter, recipient: str, mail_from: str, now: datetime) -> EmailMessage:
    """Raises ValueError for a header that would hold a line break."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_from
    message["To"] = recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(notice, mail_from)
    message.set_content(
        letter.body, cte="quoted-printable"
    )  # long addresses in it must not break a server's line limit
    return message


def _notice(case: Case, notice_id: str) -> Notice | None:
    return next((each for each in case.notices if each.id == notice_id), None)


def _put(case: Case, notice: Notice) -> Case:
    return replace(case, notices=tuple(notice if each.id == notice.id else each for each in case.notices))


def _sent(now: datetime) -> Callable[[Case, Notice], Case]:
    def change(case: Case, notice: Notice) -> Case:
        # What counts from the approval so far counts from now.
        hours = None if notice.deadline is None or notice.approved is None else notice.deadline - notice.approved
        deadline = None if hours is None else now + hours
        locations = tuple(cases.notified(each, now) if each.hit in notice.hits else each for each in case.locations)
        sent = replace(notice, status=NoticeStatus.SENT, sent=now, deadline=deadline, failure="")
        return _put(replace(case, locations=locations), sent)

    return change


def _failed(reason: str) -> Callable[[Case, Notice], Case]:
    return lambda case, notice: _put(case, replace(notice, status=NoticeStatus.FAILED, deadline=None, failure=reason))


def _unconfirmed(reason: str) -> Callable[[Case, Notice], Case]:
    return lambda case, notice: _put(
        case, replace(notice, status=NoticeStatus.UNCONFIRMED, deadline=None, failure=reason)
    )


def _waits(reason: str) -> Callable[[Case, Notice], Case]:
    """Back to approved; unless the person withdrew meanwhile, or a picture in it was rejected: then it must not leave as it is."""

    def change(case: Case, notice: Notice) -> Case:
        rejected = {each.hit for each in case.locations if each.state is LocationState.DISMISSED}
        if case.status is CaseStatus.WITHDRAWN:
            return _put(case, drafts.retracted_notice(notice))
        if not rejected.isdisjoint(notice.hits):
            return _put(case, drafts.reopened(notice))
        return _put(case, replace(notice, status=NoticeStatus.APPROVED, failure=reason))

    return change
