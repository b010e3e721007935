"""The one place that chooses adapters: settings in, a house with every part plugged together out.

Parts are made when first asked for, so that `hash` never opens a database and `settings` never imports Scrapy.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import config
from config.settings import Settings, read
from config.sites import SiteFault, login_unheard, read_sites
from core.errors import ConfigError, StoreUnavailable, UnknownId
from core.model import Regime, WatchedSite
from core.ports import (
    CanaryBook,
    CaseBook,
    CollisionBook,
    DailyUse,
    EnrolledCorners,
    EnrolledHashes,
    Examiner,
    ExchangeBook,
    HitIndex,
    HitLog,
    HitSearch,
    JobSlots,
    Leadership,
    NegativeBank,
    NoticeDetailsStore,
    Outbox,
    People,
    SeenLog,
    SiteBook,
    SiteMemory,
    SweepBoard,
    SweepFinds,
    TroubleBook,
)

if TYPE_CHECKING:
    from alerts.channels import Channels
    from alerts.desk import Desk
    from alerts.mail import Courier
    from crawler.chromium import Chromium
    from crawler.crawl import CrawlServices
    from crawler.frontier import Frontier
    from crawler.login import Credential
    from matcher.confirm import Limits
    from matcher.decode.decoder import Decoder
    from stores.seen import SeenSegments, Shelf
    from stores.sql import SqlCornerSeals
    from stores.vault import DigestKey, ReceiptKey, SealKey
    from stores.withdrawals import WithdrawalLedger
    from web.services import WebServices

log = logging.getLogger("stillwatch.wiring")

SHIPPED_CONFIG = Path(config.__file__).parent
ROOT = SHIPPED_CONFIG.parent  # where var/ and config/ lie unless a setting says otherwise


def no_videos() -> str | None:
    """Why this machine can compare no videos, with the cure; None: it can. As the matcher says it, before one is fetched whole."""
    return None if find_spec("av") else "a video needs the extra: pip install 'stillwatch[video]'"


def utc_now() -> datetime:
    return datetime.now(UTC)


class House:
    """Everything of one installation. Use `House.open()`; the SQL store is connected and migrated when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connected = False

    @classmethod
    def open(cls, environ: Mapping[str, str] | None = None) -> "House":
        return cls(read(os.environ if environ is None else environ, ROOT))

    @property
    def locks(self) -> Path:
        return self.settings.home / "locks"

    # ---------------------------------------------------------------------------------------------------------- tables

    @cached_property
    def regimes(self) -> Mapping[str, Regime]:
        from config.regimes import read_regimes

        return read_regimes(self.settings.config, SHIPPED_CONFIG)

    def sites(self) -> tuple[Sequence[WatchedSite], Sequence[SiteFault]]:
        """The watched sites as their files are now; with none configured, the demo site while `up` serves it."""
        from crawler.spiders import KINDS
        from stillwatch.demo.running import demo_site_if_served

        sites, faults = read_sites(self.settings.config / "sites", kinds=tuple(KINDS), laws=tuple(self.regimes))
        if not sites and not faults:
            demo = demo_site_if_served(self.settings.home)
            return (() if demo is None else (demo,)), ()
        return sites, faults

    def site(self, name: str) -> WatchedSite:
        """Raises UnknownId, or the fault of the file that should hold it."""
        sites, faults = self.sites()
        for site in sites:
            if site.name == name:
                return site
        for fault in faults:
            if fault.path.stem == name:
                raise UnknownId(f"site {name!r}: {fault.reason}")
        known = ", ".join(site.name for site in sites) or "none yet"
        raise UnknownId(
            f"no watched site is called {name!r}; known: {known}. Sites are files in {self.settings.config / 'sites'}"
        )

    # ------------------------------------------------------------------------------------------------------------- SQL

    def connect(self) -> None:
        """Opens the database and brings its tables up to date. Once: later calls do nothing."""
        if self._connected:
            return
        import stores.sql
        import web

        self.settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.locks.mkdir(exist_ok=True, mode=0o700)
        stores.sql.connect(self.settings.database_url, **web.django_settings(self.settings.home))
        stores.sql.migrate()
        self._connected = True
        parts = set(self.__dict__)
        try:
            self.honour_withdrawals()
        except BaseException:
            # Nobody works on a database that may protect people who have withdrawn: what was plugged in for this is taken out again.
            for part in self.__dict__.keys() - parts:
                del self.__dict__[part]
            self._connected = False
            raise

    def honour_withdrawals(self) -> None:
        """Whoever has withdrawn and is protected in the database, because a backup of it was restored, is withdrawn again."""
        from stillwatch.withdrawing import honour

        honour(self)

    @cached_property
    def hit_log(self) -> HitLog:
        self.connect()
        from stillwatch.banking import BankingHitLog
        from stores.sql import SqlHitLog

        return BankingHitLog(SqlHitLog(), self.negative_bank)

    @cached_property
    def collision_book(self) -> CollisionBook:
        self.connect()
        from stores.sql import SqlCollisionBook

        return SqlCollisionBook()

    @cached_property
    def negative_bank(self) -> NegativeBank:
        self.connect()
        from stores.sql import SqlNegativeBank

        return SqlNegativeBank()

    @cached_property
    def people(self) -> People:
        self.connect()
        from stores.sql import SqlPeople
        from stores.withdrawals import LedgeredPeople

        return LedgeredPeople(SqlPeople(seal=self.seal_key), self.withdrawals)

    @cached_property
    def withdrawals(self) -> "WithdrawalLedger":
        from stores.withdrawals import WithdrawalLedger

        return WithdrawalLedger(self.settings.withdrawals, self.digest_key)

    @cached_property
    def digest_key(self) -> "DigestKey":
        from stores.vault import DigestKey

        return DigestKey(self.settings.home / "keys")

    @cached_property
    def seal_key(self) -> "SealKey":
        from stores.vault import SealKey

        return SealKey(self.settings.home / "keys")

    @cached_property
    def enrolled_hashes(self) -> EnrolledHashes:
        self.connect()
        from stores.sql import SqlEnrolledHashes
        from stores.withdrawals import WatchedHashes

        return WatchedHashes(SqlEnrolledHashes(), self.honour_withdrawals)

    @cached_property
    def enrolled_corners(self) -> EnrolledCorners:
        self.connect()
        from stores.sql import SqlEnrolledCorners
        from stores.withdrawals import WatchedCorners

        return WatchedCorners(SqlEnrolledCorners(self.seal_key), self.honour_withdrawals)

    @cached_property
    def corner_seals(self) -> "SqlCornerSeals":
        self.connect()
        from stores.sql import SqlCornerSeals

        return SqlCornerSeals(self.seal_key)

    @cached_property
    def exchange_book(self) -> ExchangeBook:
        self.connect()
        from stores.sql import SqlExchangeBook

        return SqlExchangeBook()

    @cached_property
    def notice_details(self) -> NoticeDetailsStore:
        self.connect()
        from stores.sql import SqlNoticeDetails

        return SqlNoticeDetails()

    @cached_property
    def outbox(self) -> Outbox:
        self.connect()
        from stores.sql import SqlOutbox

        return SqlOutbox()

    @cached_property
    def case_book(self) -> CaseBook:
        self.connect()
        from stores.sql import SqlCaseBook

        return SqlCaseBook()

    @cached_property
    def site_book(self) -> SiteBook:
        self.connect()
        from stores.sql import SqlSiteBook

        return SqlSiteBook()

    @cached_property
    def site_memory(self) -> SiteMemory:
        self.connect()
        from stores.sql import SqlSiteMemory

        return SqlSiteMemory()

    @cached_property
    def canary_book(self) -> CanaryBook:
        self.connect()
        from stores.sql import SqlCanaryBook

        return SqlCanaryBook()

    @cached_property
    def daily_use(self) -> DailyUse:
        self.connect()
        from stores.sql import SqlDailyUse

        return SqlDailyUse()

    @cached_property
    def trouble_book(self) -> TroubleBook:
        self.connect()
        from stores.sql import SqlTroubleBook

        return SqlTroubleBook()

    @cached_property
    def sweep_board(self) -> SweepBoard:
        self.connect()
        from stores.sql import SqlSweepBoard

        return SqlSweepBoard()

    @cached_property
    def sweep_finds(self) -> SweepFinds:
        self.connect()
        from stores.sql import SqlSweepFinds

        return SqlSweepFinds()

    @cached_property
    def job_slots(self) -> JobSlots:
        self.connect()
        from stores.sql import SqlJobSlots

        return SqlJobSlots()

    @cached_property
    def leadership(self) -> Leadership:
        if self.settings.redis_url is not None:
            from stores.redis import RedisLeadership, check

            check(self.settings.redis_url)
            return RedisLeadership(self.settings.redis_url)
        self.connect()
        from stores.sql import SqlLeadership

        return SqlLeadership()

    # -------------------------------------------------------------------------------------------------------- searching

    @cached_property
    def hit_index(self) -> HitIndex | None:
        """Elasticsearch, where it is configured."""
        if self.settings.elasticsearch_url is None:
            return None
        from stores.elasticsearch import ElasticHitIndex

        return ElasticHitIndex(self.settings.elasticsearch_url)

    @cached_property
    def hit_search(self) -> HitSearch:
        if self.settings.elasticsearch_url is not None:
            from stores.elasticsearch import ElasticHitIndex

            return ElasticHitIndex(self.settings.elasticsearch_url)
        self.connect()
        from stores.sql import SqlHitSearch

        return SqlHitSearch()

    # --------------------------------------------------------------------------------------------------------- matching

    @cached_property
    def limits(self) -> "Limits":
        """How far a match may be: as `stillwatch calibrate --apply` found, or as shipped."""
        from stillwatch.calibration import read_limits

        return read_limits(self.settings.home)

    def decoder(self) -> "Decoder":
        from matcher.decode.decoder import Decoder

        return Decoder(children=self.settings.decoder_children)

    @contextmanager
    def hashes(self) -> Iterator[EnrolledHashes]:
        """The enrolled hashes; with Redis a change is heard at once, without it the version in SQL is polled."""
        inner = self.enrolled_hashes
        if self.settings.redis_url is None:
            yield inner
            return
        from stores.redis import AnnouncedHashes, RedisAnnouncer

        with RedisAnnouncer(self.settings.redis_url).listen() as heard:
            yield AnnouncedHashes(inner, heard)

    @contextmanager
    def examiner(self, site: str = "") -> Iterator[Examiner]:
        """site   whose pictures are looked at; "": files on this machine"""
        from matcher.examine import MatchingExaminer
        from stillwatch.collisions import WatchfulExaminer

        with self.hashes() as hashes, self.decoder() as decoder:
            examiner = MatchingExaminer(
                hashes, decoder, folder=self.index_folder, corners=self.enrolled_corners, limits=self.limits
            )
            try:
                yield WatchfulExaminer(
                    examiner,
                    self.collision_book,
                    self.negative_bank,
                    self.limits,
                    site=site,
                    now=utc_now,
                    announce=self.announce_hashes,
                )
            finally:
                examiner.close()

    @property
    def index_folder(self) -> Path:
        """Hashes, thresholds and numbers, so that a start need not read them all from the database. This machine's own."""
        return self.settings.home / "index"

    def purge_index(self) -> None:
        """After a withdrawal: its hashes leave this machine's index files at once, instead of when somebody searches next."""
        from matcher.live import purge

        try:
            purged = purge(self.enrolled_hashes, self.index_folder)
        except StoreUnavailable as error:
            log.warning("index.not_purged: %s", error)
            return
        if not purged:
            log.warning("index.not_purged: another process is writing it, and purges it when it hears of the change")

    def announce_hashes(self) -> None:
        """After an enrolment or a withdrawal. Without Redis every process sees it when it polls."""
        if self.settings.redis_url is not None:
            from stores.redis import RedisAnnouncer

            RedisAnnouncer(self.settings.redis_url).announce(self.enrolled_hashes.version())

    # --------------------------------------------------------------------------------------------------------- crawling

    @cached_property
    def chromium(self) -> "Chromium":
        from crawler.chromium import Chromium

        return Chromium(sandboxed=self.settings.browser_sandbox)

    def no_browser(self, site: WatchedSite) -> str | None:
        """Why this machine cannot read the pages of this site, with the cure; None: it can."""
        from crawler.spiders import BY_BROWSER

        return self.chromium.why_not() if site.kind in BY_BROWSER else None

    def no_login(self, site: WatchedSite) -> str | None:
        """Why nobody will be let in at this site, with the cure; None: the login can be said, or there is none."""
        from crawler.login import read_credential

        if site.login is None:
            return None
        try:
            read_credential(site.login, self.settings.secrets)
        except ConfigError as error:
            return str(error)
        return login_unheard(site)

    @contextmanager
    def crawl_services(self, site: WatchedSite) -> Iterator["CrawlServices"]:
        from crawler.crawl import CrawlServices
        from matcher.views import RECIPE
        from stillwatch.agreement import AgreementWatch
        from stillwatch.canaries import CanaryExaminer

        watch = AgreementWatch(site, self.site_book, utc_now)
        canary = None if site.canary_page is None else self.canary_book.canary_of(site.name)
        with self.examiner(site.name) as examiner, self.seen_log() as seen, watch as agreement:
            watchful = None if canary is None else CanaryExaminer(examiner, canary, utc_now)
            yield CrawlServices(
                frontier_path=self._frontier_path,
                lock_folder=self.locks,
                examiner=watchful or examiner,
                daily_use=self.daily_use,
                login=self._credential(site),
                chromium=self.chromium,
                canary_found=(lambda: None) if watchful is None else watchful.found,
                hit_log=self.hit_log,
                site_book=self.site_book,
                user_agent=self.settings.user_agent,
                still_agreed=agreement.reason,
                agreed_now=agreement.reason_now,
                clock=utc_now,
                seen=seen,
                hash_version=self.enrolled_hashes.version,
                memory=self.site_memory,
                # Videos that could not be compared are due once they can be.
                recipe=RECIPE if no_videos() else f"{RECIPE}+video",
                # What is known longer than what was seen is kept would be found by no later enrolment.
                known_days=min(self.settings.known_days, self.settings.seen_days / 4),
                corners_came=self.people.corners_came,
                no_videos=no_videos(),
                shared_frontier=self.shared_frontier,
            )

    def _credential(self, site: WatchedSite) -> "Credential | None":
        from crawler.login import read_credential

        if site.login is None:
            return None
        try:
            return read_credential(site.login, self.settings.secrets)
        except ConfigError as error:
            raise ConfigError(f"site {site.name!r}: {error}") from None

    @cached_property
    def shared_frontier(self) -> Callable[[], "AbstractContextManager[Frontier]"] | None:
        """What crawlers on several machines share; None: each machine has a file, and crawls what no other does."""
        if self.settings.redis_url is None:
            return None
        from crawler.frontier_redis import RedisFrontier
        from stores.redis import check, client

        check(self.settings.redis_url)
        return partial(RedisFrontier, partial(client, self.settings.redis_url))

    def frontier(self) -> AbstractContextManager["Frontier"]:
        """What crawls work on. Without Redis, those of this machine."""
        from crawler.frontier_sqlite import SqliteFrontier

        return SqliteFrontier(self._frontier_path) if self.shared_frontier is None else self.shared_frontier()

    @property
    def _frontier_path(self) -> Path:
        return self.settings.home / "frontier.sqlite3"

    # ----------------------------------------------------------------------------------------------------- everything seen

    @contextmanager
    def seen_log(self) -> Iterator[SeenLog]:
        """For one pass. At its end the log is sealed where other machines read the shelf, and left to the next pass otherwise."""
        from stores.seen import SeenWriter

        own = (self.settings.home / "seen").as_uri()
        with SeenWriter(
            self._seen_logs,
            self._seen_shelf,
            layouts=self._seen_layouts,
            refresh=timedelta(days=self.settings.seen_refresh_days),
            seal_end=self.settings.seen_url != own,
        ) as log:
            yield log

    @cached_property
    def seen_store(self) -> "SeenSegments":
        from stores.seen import SeenSegments

        return SeenSegments(self._seen_logs, self._seen_shelf, layouts=self._seen_layouts)

    @cached_property
    def _seen_shelf(self) -> "Shelf":
        from stores.seen import shelf_at

        return shelf_at(self.settings.seen_url, self.settings.home / "seen-cache")

    @property
    def _seen_logs(self) -> Path:
        return self.settings.home / "seen-logs"

    @property
    def _seen_layouts(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """How each hasher's rows become bit planes: `stores` may not ask the matcher itself."""
        from matcher.hamming import slices
        from matcher.hashers import HASHERS

        return {name: partial(slices.planes_of, bits=hasher.bit_count) for name, hasher in HASHERS.items()}

    # --------------------------------------------------------------------------------------------------- alerts and cases

    @cached_property
    def desk(self) -> "Desk":
        from alerts.desk import Desk

        return Desk(
            hit_log=self.hit_log,
            case_book=self.case_book,
            outbox=self.outbox,
            people=self.people,
            notice_details=self.notice_details,
            regimes=self.regimes,
            sites=lambda: self.sites()[0],
            recheck_every_s=self.settings.recheck_every_s,
            tell_channels=bool(self.settings.channels),
        )

    @cached_property
    def courier(self) -> "Courier":
        from alerts.mail import Courier

        return Courier(
            mail_url=self.settings.mail_url,
            mail_from=self.settings.mail_from,
            case_book=self.case_book,
            outbox=self.outbox,
            lock_path=self.locks / "courier.lock",
        )

    @cached_property
    def channels(self) -> "Channels":
        from alerts.channels import Channels

        return Channels(
            self.settings.channels, self.settings.channel_tag, self.case_book, self.outbox, self.trouble_book
        )

    @cached_property
    def receipt_key(self) -> "ReceiptKey":
        from stores.vault import ReceiptKey

        return ReceiptKey(self.settings.home / "keys")

    def web_services(self) -> "WebServices":
        from web.services import WebServices

        return WebServices(
            hit_log=self.hit_log,
            hit_search=self.hit_search,
            case_book=self.case_book,
            site_book=self.site_book,
            canary_book=self.canary_book,
            trouble_book=self.trouble_book,
            daily_use=self.daily_use,
            outbox=self.outbox,
            desk=self.desk,
            notice_details=self.notice_details,
            sites=self.sites,
            clock=utc_now,
        )
