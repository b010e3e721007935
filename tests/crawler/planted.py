"""An examiner that knows planted pictures by their bytes, and the services of a crawl around it."""

import hashlib
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.model import (
    Enrolment,
    Examination,
    Finding,
    Fingerprint,
    HashedPicture,
    Match,
    PersonId,
    State,
    Tier,
    WatchedSite,
)
from core.ports import SeenLog
from crawler.chromium import Chromium
from crawler.crawl import CrawlServices, ImageLine, Progress, crawl_site
from stores.memory import MemoryStore

PERSON = PersonId("person-1")
FULL = Fingerprint(hasher="pdq", view="full", bits="5a" * 32, quality=90)
USER_AGENT = "Stillwatch/1.0 (+https://stillwatch.example)"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class PlantedExaminer:
    """Finds one person in the planted pictures, and nobody in all others. Implements core.ports.Examiner."""

    def __init__(self, planted: Collection[bytes], person: PersonId = PERSON) -> None:
        self._planted = {sha256(body) for body in planted}
        self._enrolment = Enrolment(person=person, ref="ref-1", fingerprint=FULL, threshold=31)
        self.examined: list[str] = []
        self.threads: set[str] = set()

    def examine(self, image_bytes: bytes) -> Examination:
        digest = sha256(image_bytes)
        self.examined.append(digest)
        self.threads.add(threading.current_thread().name)
        prints = (Fingerprint(hasher="pdq", view="full", bits=digest, quality=90),)
        if digest not in self._planted:
            return Examination(sha256=digest, state=State.CLEAR, fingerprints=prints)
        match = Match(enrolment=self._enrolment, seen=FULL, distance=3)
        found = (Finding(match=match, tier=Tier.CONFIRMED),)
        return Examination(sha256=digest, state=State.HIT, findings=found, fingerprints=prints)


@dataclass
class Crawl:
    """Crawls with everything real but the matcher; keeps what the crawl said."""

    folder: Path
    planted: Collection[bytes] = ()
    store: MemoryStore = field(default_factory=MemoryStore)
    lines: list[ImageLine] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    each_second: Callable[[Progress], None] = lambda _: None
    ended: str | None = None  # why the site is not agreed any more
    ended_unheard: str | None = None  # the same, before the loop has heard of it
    now: datetime | None = None
    seen: SeenLog | None = None
    remembers: bool = False  # from one pass to the next
    recipe: str = "views-1"
    chromium: Chromium = field(default_factory=Chromium)
    known_days: float = 30.0
    corners_came: Sequence[datetime] = ()

    def __post_init__(self) -> None:
        picture = HashedPicture(ref="ref-1", quality=90, fingerprints=(FULL,))
        self.store.people.enrol(PERSON, "test", [picture], datetime(2026, 1, 1, tzinfo=UTC))
        self.examiner = PlantedExaminer(self.planted)

    def heard(self, progress: Progress) -> None:
        self.progress.append(progress)
        self.each_second(progress)

    def pass_time(self, span: timedelta) -> None:
        """The crawl's clock moves on; there must be one."""
        assert self.now is not None
        self.now += span

    def services(self) -> CrawlServices:
        return CrawlServices(
            frontier_path=self.folder / "frontier.sqlite3",
            lock_folder=self.folder / "locks",
            examiner=self.examiner,
            hit_log=self.store.hit_log,
            site_book=self.store.site_book,
            user_agent=USER_AGENT,
            still_agreed=lambda: self.ended,
            agreed_now=lambda: self.ended or self.ended_unheard,
            clock=lambda: self.now or datetime.now(UTC),
            seen=self.seen,
            daily_use=self.store.daily_use,
            memory=self.store.site_memory if self.remembers else None,
            recipe=self.recipe,
            chromium=self.chromium,
            known_days=self.known_days,
            corners_came=lambda: self.corners_came,
        )

    def run(
        self, site: WatchedSite, *, max_pages: int | None = None, dry_run: bool = False, only_due: bool = False
    ) -> dict[str, object]:
        summary = crawl_site(
            site,
            self.services(),
            max_pages=max_pages,
            dry_run=dry_run,
            only_due=only_due,
            on_image=self.lines.append,
            on_progress=self.heard,
        )
        return dict(summary)
