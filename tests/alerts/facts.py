"""What the tests of this room are made of: a site, a hit, a person's details, a clock that only moves when told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import config
from alerts.desk import Desk
from config.regimes import read_regimes
from core.model import (
    Agreement,
    Alert,
    AlertStatus,
    Case,
    Fingerprint,
    HashedPicture,
    Hit,
    HitStatus,
    Location,
    LocationState,
    Look,
    Notice,
    NoticeDetails,
    NoticeStatus,
    PersonId,
    Regime,
    State,
    TakedownContact,
    Tier,
    Topic,
    WatchedSite,
    derived_id,
    hit_id,
)
from stores.memory import MemoryStore

ANN = PersonId("person-ann")
EVERY_S = 3600.0
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REGIMES = read_regimes(Path("/nonexistent"), Path(config.__file__).parent)

DETAILS = NoticeDetails(
    name="Ann Example",
    contact="ann@example.org\nPO Box 1, Springfield",
    capacity="subject",
    statement="I never agreed that these pictures are published. They were taken in private.",
    signed_at=datetime(2026, 11, 20, tzinfo=UTC),
)


def site(name: str = "gallery", email: str | None = "abuse@gallery.example", law: str | None = None) -> WatchedSite:
    return WatchedSite(
        name=name,
        kind="gallery",
        start=(f"https://{name}.example/new",),
        hosts=(f"{name}.example",),
        agreement=Agreement(
            agreed_by="Owner", agreed_on=date(2026, 1, 1), expires_on=date(2027, 1, 1), reference="AGR-1"
        ),
        takedown=TakedownContact(email=email, law=law),
    )


def hit(
    n: int = 1,
    *,
    person: PersonId = ANN,
    at: str = "gallery",
    status: HitStatus = HitStatus.CONFIRMED,
    seen: datetime = START,
    cluster: str | None = None,
) -> Hit:
    image = f"https://{at}.example/images/{n}.jpg"
    sha256 = f"{n:064x}"
    return Hit(
        id=hit_id(person, image, sha256),
        person=person,
        site=at,
        page_url=f"https://{at}.example/pages/{n}",
        image_url=image,
        sha256=sha256,
        tier=Tier.CONFIRMED if status is HitStatus.CONFIRMED else Tier.PROBABLE,
        distance=3,
        threshold=31,
        hasher="pdq",
        view="full",
        ref=f"ref-{n}",
        cluster=cluster or derived_id("cluster", person, f"ref-{n}"),
        first_seen=seen,
        last_seen=seen,
        status=status,
    )


def picture(n: int) -> HashedPicture:
    bits = derived_id("bits", str(n)) + derived_id("more", str(n))
    fingerprint = Fingerprint(hasher="pdq", view="full", bits=bits, quality=100)
    return HashedPicture(ref=f"ref-{n}", quality=100, fingerprints=(fingerprint,))


def look(hit_id: str, at: datetime, image: State, page: State = State.READ, shows: bool | None = True) -> Look:
    matches = {State.HIT: True, State.CLEAR: False}.get(image)
    return Look(hit=hit_id, at=at, image=image, page=page, still_matches=matches, page_shows_image=shows)


@dataclass
class Room:
    """A desk on a memory store, with a person who is protected and, unless told otherwise, gave details."""

    sites: list[WatchedSite] = field(default_factory=lambda: [site(), site("board", "abuse@board.example")])
    tell_channels: bool = False
    regimes: Mapping[str, Regime] = field(default_factory=lambda: REGIMES)
    details: NoticeDetails | None = field(default_factory=lambda: DETAILS)
    now: datetime = START

    def __post_init__(self) -> None:
        self.store = MemoryStore()
        self.store.people.enrol(ANN, "test", [picture(1)], self.now)
        if self.details is not None:
            self.store.notice_details.put(ANN, self.details)
        self.desk = Desk(
            hit_log=self.store.hit_log,
            case_book=self.store.case_book,
            outbox=self.store.outbox,
            people=self.store.people,
            notice_details=self.store.notice_details,
            regimes=self.regimes,
            sites=lambda: self.sites,
            recheck_every_s=EVERY_S,
            tell_channels=self.tell_channels,
        )

    def later(self, seconds: float = 60.0) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def found(self, each: Hit) -> Hit:
        """The crawler adds the hit, now, and the desk works what waits."""
        self.store.hit_log.add(replace(each, first_seen=self.now, last_seen=self.now))
        self.desk.work(self.now)
        return self.store.hit_log.get([each.id])[0]

    def looked(self, each: Hit, image: State, page: State = State.READ, shows: bool | None = True) -> None:
        self.desk.follow([look(each.id, self.later(), image, page, shows)], self.now)

    @property
    def case(self) -> Case:
        case = self.store.case_book.case_of(ANN)
        assert case is not None
        return case

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self.case.notices

    def location(self, each: Hit) -> Location:
        return next(location for location in self.case.locations if location.hit == each.id)

    def state(self, each: Hit) -> LocationState:
        return self.location(each).state

    def alerts(self) -> list[Alert]:
        return sorted(self.store.case_book.alerts(ANN), key=lambda alert: (alert.created, alert.id))

    def standing_alerts(self) -> list[Alert]:
        return [alert for alert in self.alerts() if alert.status is not AlertStatus.TAKEN_BACK]

    def waiting(self, topic: Topic) -> int:
        return self.store.outbox.waiting().get(topic.value, 0)

    def sent(self, notice_status: NoticeStatus = NoticeStatus.SENT) -> list[Notice]:
        return [notice for notice in self.notices if notice.status is notice_status]
