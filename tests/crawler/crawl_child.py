"""Crawls in processes of their own, so that they can be killed: real frontier, real database, an examiner that knows planted pictures.

Reads one JSON object a line and forks a crawl for each, which saves the time of starting anew. Prints its process id, then how it
ended: the summary, or null when it was killed.
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import stores.sql
from core.model import Agreement, HashedPicture, Politeness, WatchedSite
from crawler.crawl import CrawlServices, crawl_site
from tests.crawler.planted import FULL, PERSON, USER_AGENT, PlantedExaminer
from tests.crawler.shared_frontier import redis_frontier


def main() -> None:
    for line in sys.stdin:
        answer, asked = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(asked, json.dumps(crawl(json.loads(line))).encode())
            os._exit(0)
        os.close(asked)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        with os.fdopen(answer) as summary:
            sys.stdout.write(f"{summary.read() or 'null'}\n")
        sys.stdout.flush()


def crawl(call: Mapping[str, Any]) -> Mapping[str, object]:
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
        shared_frontier=partial(redis_frontier, call["redis_url"], ttl_s=5.0) if "redis_url" in call else None,
    )
    return crawl_site(site, services, on_image=lambda _: None, on_progress=lambda _: None)


if __name__ == "__main__":
    main()
