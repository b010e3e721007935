"""A courier in a process of its own, to be killed: `python -m tests.alerts.couriers prepare|send|report DATABASE FOLDER [PORT]`."""

import json
import sys
import time
from pathlib import Path

import stores.sql
from alerts.desk import Desk
from alerts.mail import Courier, message_id
from core.model import Topic
from tests.alerts.facts import ANN, DETAILS, EVERY_S, REGIMES, START, hit, picture, site

NOTICES = 12
FROM = "desk@watch.example"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def prepare() -> None:
    stores.sql.migrate()
    people, hit_log, case_book = stores.sql.SqlPeople(), stores.sql.SqlHitLog(), stores.sql.SqlCaseBook()
    people.enrol(ANN, "test", [picture(1)], START)
    stores.sql.SqlNoticeDetails().put(ANN, DETAILS)
    sites = [site(f"site{n}", f"abuse@site{n}.example") for n in range(NOTICES)]
    desk = Desk(
        hit_log=hit_log,
        case_book=case_book,
        outbox=stores.sql.SqlOutbox(),
        people=people,
        notice_details=stores.sql.SqlNoticeDetails(),
        regimes=REGIMES,
        sites=lambda: sites,
        recheck_every_s=EVERY_S,
    )
    for n in range(NOTICES):
        hit_log.add(hit(n, at=f"site{n}"))
    desk.work(START)
    (case,) = case_book.cases()
    desk.approve(case.id, "Kim", START)


def send(folder: Path, port: int) -> None:
    outbox = stores.sql.SqlOutbox()
    courier = Courier(
        f"smtp://127.0.0.1:{port}", FROM, stores.sql.SqlCaseBook(), outbox, lock_path=folder / "courier.lock"
    )
    say("ready")
    while outbox.waiting().get(Topic.MAIL.value):
        if courier.work(START, limit=3) == 0:
            time.sleep(0.02)
    say("done")


def report() -> None:
    (case,) = stores.sql.SqlCaseBook().cases()
    for notice in case.notices:
        say(json.dumps({"id": message_id(notice, FROM), "status": notice.status.value, "failure": notice.failure}))


if __name__ == "__main__":
    act, database, folder, *rest = sys.argv[1:]
    stores.sql.connect(f"sqlite:///{database}")
    match act:
        case "prepare":
            prepare()
        case "send":
            send(Path(folder), int(rest[0]))
        case "report":
            report()
        case other:
            sys.exit(f"no such act: {other}")
