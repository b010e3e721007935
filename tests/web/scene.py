"""Something for the pages to show: three watched sites, two people, found copies, a case with letters and one without.

Everything is real but the crawl: the memory store, and the desk that makes alerts, cases and letters of the hits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol

from alerts.desk import Desk
from config.regimes import read_regimes
from config.sites import SiteFault
from core.model import (
    Agreement,
    Canary,
    Case,
    Fingerprint,
    HashedPicture,
    Hit,
    HitStatus,
    Hours,
    NoticeDetails,
    PassRecord,
    PersonId,
    Politeness,
    Standing,
    State,
    TakedownContact,
    Tier,
    WatchedSite,
    derived_id,
    hit_id,
)
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
from stores.memory import MemoryStore
from web.services import WebServices

CONFIG = Path(__file__).parents[2] / "config"
Dress = Callable[[str], str]
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ADA = PersonId("a1b2c3d4e5f60718293a4b5c6d7e8f90")
EVE = PersonId("e0f1a2b3c4d5e6f708192a3b4c5d6e7f")


def site(name: str, **changes: object) -> WatchedSite:
    agreement = Agreement(
        agreed_by="Site owner", agreed_on=date(2026, 11, 1), expires_on=date(2027, 11, 1), reference="AGR-2026-17"
    )
    fields: dict[str, object] = {
        "kind": "gallery",
        "start": (f"https://{name}.example/",),
        "hosts": (f"{name}.example",),
        "agreement": agreement,
        "takedown": TakedownContact(email=f"takedown@{name}.example", law="us_tida"),
    }
    return WatchedSite(name=name, **(fields | changes))  # type: ignore[arg-type]  # the caller names fields of a site


def passed(name: str, *, ago: timedelta, finished: bool = True, **changes: object) -> PassRecord:
    started = NOW - ago
    fields: dict[str, object] = {
        "started": started,
        "finished": started + timedelta(minutes=2) if finished else None,
        "pages": {
            State.READ: 212,
            State.GONE: 3,
            State.ROBOTS: 6,
            State.TRAP: 20,
            State.OUT_OF_SCOPE: 41,
            State.HTTP_ERROR: 2,
        },
        "images": {
            State.CLEAR: 1204,
            State.HIT: 3,
            State.TOO_SMALL: 96,
            State.TOO_PLAIN: 11,
            State.BROKEN: 1,
            State.TIMEOUT: 2,
            State.UNREACHABLE: 9,
            State.OUT_OF_SCOPE: 130,
        },
        "hits": 3,
        "byte_count": 310_000_000,
    }
    return PassRecord(id=derived_id("pass", name, str(ago)), site=name, **(fields | changes))  # type: ignore[arg-type]


def hit(
    person: PersonId,
    image_url: str,
    *,
    site: str,
    page_url: str,
    ref: str = "9c41d07be2",
    tier: Tier = Tier.CONFIRMED,
    distance: int = 8,
    view: str = "full",
    ago: timedelta = timedelta(minutes=4),
) -> Hit:
    sha256 = derived_id("bytes", image_url) * 2
    return Hit(
        id=hit_id(person, image_url, sha256),
        person=person,
        site=site,
        page_url=page_url,
        image_url=image_url,
        sha256=sha256,
        tier=tier,
        distance=distance,
        threshold=31,
        hasher="pdq",
        view=view,
        ref=ref,
        cluster=derived_id("cluster", person, ref),
        first_seen=NOW - ago,
        last_seen=NOW - ago,
        status=HitStatus.CONFIRMED if tier is Tier.CONFIRMED else HitStatus.CANDIDATE,
        pages=(page_url,),
    )


DETAILS = NoticeDetails(
    name="Ada Example",
    contact="ada@example.org",
    capacity="subject",
    statement="The picture shows me. I never agreed that it is published.",
    signed_at=NOW - timedelta(days=2),
)


def picture(ref: str) -> HashedPicture:
    bits = derived_id("bits", ref) * 2
    return HashedPicture(
        ref=ref, quality=100, fingerprints=(Fingerprint(hasher="pdq", view="full", bits=bits, quality=100),)
    )


class Store(Protocol):
    """What `stores.memory.MemoryStore` has."""

    @property
    def hit_log(self) -> HitLog: ...
    @property
    def hit_search(self) -> HitSearch: ...
    @property
    def people(self) -> People: ...
    @property
    def enrolled_hashes(self) -> EnrolledHashes: ...
    @property
    def notice_details(self) -> NoticeDetailsStore: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def case_book(self) -> CaseBook: ...
    @property
    def site_book(self) -> SiteBook: ...
    @property
    def canary_book(self) -> CanaryBook: ...
    @property
    def trouble_book(self) -> TroubleBook: ...
    @property
    def daily_use(self) -> DailyUse: ...


@dataclass
class Scene:
    """What a desk has before it. Tests change `now`, `sites` and `faults`, and read the store."""

    now: datetime = NOW
    sites: tuple[WatchedSite, ...] = ()
    faults: tuple[SiteFault, ...] = ()
    store: Store = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.desk = Desk(
            hit_log=self.store.hit_log,
            case_book=self.store.case_book,
            outbox=self.store.outbox,
            people=self.store.people,
            notice_details=self.store.notice_details,
            regimes=read_regimes(CONFIG, CONFIG),
            sites=lambda: self.sites,
            recheck_every_s=21_600,
        )

    def services(self) -> WebServices:
        return WebServices(
            hit_log=self.store.hit_log,
            hit_search=self.store.hit_search,
            case_book=self.store.case_book,
            site_book=self.store.site_book,
            canary_book=self.store.canary_book,
            trouble_book=self.store.trouble_book,
            daily_use=self.store.daily_use,
            outbox=self.store.outbox,
            desk=self.desk,
            notice_details=self.store.notice_details,
            sites=lambda: (self.sites, self.faults),
            clock=lambda: self.now,
        )

    def candidate(self) -> Hit:
        """The one that waits for a decision, whatever was decided since."""
        return next(each for each in self.store.hit_log.all() if each.tier is Tier.REVIEW)

    def hits(self) -> dict[str, Hit]:
        """By the last part of the picture's address."""
        return {each.image_url.rpartition("/")[2]: each for each in self.store.hit_log.all()}

    def case_of(self, person: PersonId) -> Case:
        case = self.store.case_book.case_of(person)
        assert case is not None
        return case


def as_it_is(text: str) -> str:
    return text


def full_scene(dress: Dress = as_it_is, store: Store | None = None) -> Scene:
    """`dress` is put on every text that comes from outside."""
    scene = Scene(sites=_sites(dress), faults=_faults(dress), store=store or MemoryStore())
    store, (gallery, pinboard, attic) = scene.store, (site.name for site in scene.sites)
    store.people.enrol(ADA, "pdq-8", [picture("9c41d07be2"), picture("77aa01")], NOW)
    store.people.enrol(EVE, "pdq-8", [picture("5b1e99")], NOW)
    store.notice_details.put(
        ADA,
        replace(DETAILS, name=dress(DETAILS.name), contact=dress(DETAILS.contact), statement=dress(DETAILS.statement)),
    )
    for passing in (
        passed(gallery, ago=timedelta(minutes=64)),
        passed(gallery, ago=timedelta(minutes=4)),
        passed(pinboard, ago=timedelta(hours=1), hits=0),
        passed(attic, ago=timedelta(days=1), images={State.CLEAR: 88, State.HIT: 1, State.UNREACHABLE: 54}, hits=1),
    ):
        store.site_book.record(passing)
    _gallery_before(store, gallery)
    store.site_book.set_standing(attic, Standing.PAUSED, "operator", NOW)
    for each in _hits(gallery, pinboard, attic):
        dressed = replace(
            each,
            image_url=dress(each.image_url),
            page_url=dress(each.page_url),
            pages=tuple(dress(page) for page in each.pages),
            hasher=dress(each.hasher),
            view=dress(each.view),
        )
        store.hit_log.add(dressed)
    scene.desk.work(NOW)
    return scene


def _gallery_before(store: Store, gallery: str) -> None:
    """A day of passes, some of which saw less, and a canary that the last one found."""
    store.canary_book.plant(
        Canary(site=gallery, made=NOW - timedelta(days=2), fingerprints=picture("canary").fingerprints)
    )
    for hour in range(24, 1, -1):
        images = {State.CLEAR: 1180 + 7 * (hour % 5), State.TOO_SMALL: 90, State.BROKEN: hour % 3}
        if hour == 15:
            images = {State.CLEAR: 12, State.UNREACHABLE: 900}
        if hour == 9:
            images = {State.NOT_COMPARED: 800, State.CLEAR: 300}
        store.site_book.record(passed(gallery, ago=timedelta(hours=hour, minutes=4), images=images, hits=0))
    store.site_book.record(passed(gallery, ago=timedelta(minutes=4), canary=NOW - timedelta(minutes=3)))


def _sites(dress: Dress) -> tuple[WatchedSite, ...]:
    gallery, pinboard = site("gallery", canary_page="https://gallery.example/canary"), site("pinboard")
    attic = site("attic", takedown=TakedownContact())
    pinboard = replace(pinboard, politeness=Politeness(hours=Hours(opens=time(8), closes=time(11))))
    return tuple(
        replace(
            each,
            name=dress(each.name),
            agreement=replace(each.agreement, reference=dress(each.agreement.reference)),
            takedown=replace(each.takedown, email=each.takedown.email and dress(each.takedown.email)),
        )
        for each in (gallery, pinboard, attic)
    )


def _faults(dress: Dress) -> tuple[SiteFault, ...]:
    path = Path("config/sites") / dress("broken.toml").replace("/", "|")  # a file name
    return (SiteFault(path=path, reason=dress(f"{path}: unknown key 'host'; did you mean 'hosts'?")),)


def _hits(gallery: str, pinboard: str, attic: str) -> tuple[Hit, ...]:
    new = "https://gallery.example/new"
    return (
        hit(ADA, "https://gallery.example/img/2026/11/8f2c1a77.jpg", site=gallery, page_url=new, distance=4),
        hit(
            ADA,
            "https://gallery.example/img/2026/11/8f2c1a77-m.jpg",
            site=gallery,
            page_url=f"{new}?page=4",
            distance=10,
            view="full/flip",
            ago=timedelta(minutes=3),
        ),
        hit(
            ADA,
            "https://pinboard.example/p/44871",
            site=pinboard,
            page_url="https://pinboard.example/latest",
            distance=2,
            ago=timedelta(hours=5),
        ),
        hit(
            ADA,
            "https://pinboard.example/p/51002",
            site=pinboard,
            page_url="https://pinboard.example/latest?from=600",
            tier=Tier.REVIEW,
            distance=30,
            ref="77aa01",
            ago=timedelta(hours=4),
        ),
        hit(
            EVE,
            "https://attic.example/box/holiday.webp",
            site=attic,
            page_url="https://attic.example/box",
            ref="5b1e99",
            distance=6,
            ago=timedelta(days=1),
        ),
    )
