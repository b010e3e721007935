"""A crawl in a process of its own, so that it can be killed: real frontier, real database, an examiner that knows planted pictures.

Called with a JSON object; prints the summary when it comes to its end.
"""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import stores.sql
from core.model import Agreement, HashedPicture, Politeness, WatchedSite
from crawler.crawl import CrawlServices, crawl_site
from tests.crawler.planted import FULL, PERSON, USER_AGENT, PlantedExaminer


def main() -> None:
    call = json.loads(sys.argv[1])
    folder = Path(call["folder"])
    stores.sql.connect(f"sqlite:///{folder}/hits.sqlite3")
    stores.sql.migrate()
    picture = HashedPicture(ref="ref-1", quality=90, fingerprints=(FULL,))
    stores.sql.SqlPeople().enrol(PERSON, "test", [picture], datetime(2026, 1, 1, tzinfo=UTC))
    site = WatchedSite(
        name="local",
        kind="gallery",
        start=(call["url"] + "/",),
        hosts=(call["url"].removeprefix("http://"),),
        allow_private=True,
        agreement=Agreement(agreed_by="test", agreed_on=date(2026, 1, 1), expires_on=date(2099, 1, 1), reference="T-1"),
        politeness=Politeness(delay_s=0.0, concurrency=call["concurrency"]),
    )
    services = CrawlServices(
        frontier_path=folder / "frontier.sqlite3",
        lock_folder=folder / "locks",
        examiner=PlantedExaminer([bytes.fromhex(body) for body in call["planted"]]),
        hit_log=stores.sql.SqlHitLog(),
        site_book=stores.sql.SqlSiteBook(),
        user_agent=USER_AGENT,
        still_agreed=lambda: None,
        clock=lambda: datetime.now(UTC),
    )
    summary = crawl_site(site, services, on_image=lambda _: None, on_progress=lambda _: None)
    sys.stdout.write(json.dumps(summary) + "\n")


if __name__ == "__main__":
    main()
