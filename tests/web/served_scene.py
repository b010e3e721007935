"""The scene behind a real server and a real database, in a process of its own: `python -m tests.web.served_scene FOLDER`.

Prints its URL, serves until it is ended. Its clock stands still, so that a page comes out the same each time.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import stores.sql
import web
from core.ports import (
    CanaryBook,
    CaseBook,
    DailyUse,
    EnrolledHashes,
    HitLog,
    HitSearch,
    NoticeDetailsStore,
    Outbox,
    People,
    SiteBook,
    TroubleBook,
)
from tests.web.scene import full_scene


@dataclass(frozen=True)
class SqlStore:
    hit_log: HitLog
    hit_search: HitSearch
    people: People
    enrolled_hashes: EnrolledHashes
    notice_details: NoticeDetailsStore
    outbox: Outbox
    case_book: CaseBook
    site_book: SiteBook
    canary_book: CanaryBook
    trouble_book: TroubleBook
    daily_use: DailyUse


def main(folder: Path) -> None:
    stores.sql.connect(f"sqlite:///{folder / 'stillwatch.sqlite3'}", **web.django_settings(folder))
    stores.sql.migrate()
    store = SqlStore(
        hit_log=stores.sql.SqlHitLog(),
        hit_search=stores.sql.SqlHitSearch(),
        people=stores.sql.SqlPeople(),
        enrolled_hashes=stores.sql.SqlEnrolledHashes(),
        notice_details=stores.sql.SqlNoticeDetails(),
        outbox=stores.sql.SqlOutbox(),
        case_book=stores.sql.SqlCaseBook(),
        site_book=stores.sql.SqlSiteBook(),
        canary_book=stores.sql.SqlCanaryBook(),
        trouble_book=stores.sql.SqlTroubleBook(),
        daily_use=stores.sql.SqlDailyUse(),
    )
    scene = full_scene(store=store)
    serving = web.server(web.application(scene.services()), "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{serving.effective_port}\n")  # type: ignore[union-attr]  # one address, one server
    sys.stdout.flush()
    serving.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
