"""The same stores three times: in memory, in SQLite, in Postgres. Every test gets them empty."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import stores.sql
import web
from core.ports import (
    CanaryBook,
    CaseBook,
    CollisionBook,
    DailyUse,
    EnrolledCorners,
    EnrolledHashes,
    ExchangeBook,
    HitLog,
    HitSearch,
    JobSlots,
    Leadership,
    NegativeBank,
    NoticeDetailsStore,
    Outbox,
    People,
    SiteBook,
    SiteMemory,
    SweepBoard,
    SweepFinds,
    TroubleBook,
)
from stores.memory import MemoryStore
from stores.vault import SealKey
from tests.engines import Postgres


@dataclass(frozen=True, kw_only=True)
class Stores:
    hit_log: HitLog
    hit_search: HitSearch
    people: People
    enrolled_hashes: EnrolledHashes
    enrolled_corners: EnrolledCorners
    exchange_book: ExchangeBook
    notice_details: NoticeDetailsStore
    outbox: Outbox
    case_book: CaseBook
    site_book: SiteBook
    site_memory: SiteMemory
    canary_book: CanaryBook
    trouble_book: TroubleBook
    daily_use: DailyUse
    job_slots: JobSlots
    leadership: Leadership
    sweep_board: SweepBoard
    sweep_finds: SweepFinds
    collision_book: CollisionBook
    negative_bank: NegativeBank


def in_memory() -> Stores:
    return Stores(**vars(MemoryStore()))


@cache
def seal() -> SealKey:
    return SealKey(Path(tempfile.mkdtemp(prefix="stillwatch-tests-")))


def in_sql() -> Stores:
    return Stores(
        hit_log=stores.sql.SqlHitLog(),
        hit_search=stores.sql.SqlHitSearch(),
        people=stores.sql.SqlPeople(seal=seal()),
        enrolled_hashes=stores.sql.SqlEnrolledHashes(),
        enrolled_corners=stores.sql.SqlEnrolledCorners(seal()),
        exchange_book=stores.sql.SqlExchangeBook(),
        notice_details=stores.sql.SqlNoticeDetails(),
        outbox=stores.sql.SqlOutbox(),
        case_book=stores.sql.SqlCaseBook(),
        site_book=stores.sql.SqlSiteBook(),
        site_memory=stores.sql.SqlSiteMemory(),
        canary_book=stores.sql.SqlCanaryBook(),
        trouble_book=stores.sql.SqlTroubleBook(),
        daily_use=stores.sql.SqlDailyUse(),
        job_slots=stores.sql.SqlJobSlots(),
        leadership=stores.sql.SqlLeadership(),
        sweep_board=stores.sql.SqlSweepBoard(),
        sweep_finds=stores.sql.SqlSweepFinds(),
        collision_book=stores.sql.SqlCollisionBook(),
        negative_bank=stores.sql.SqlNegativeBank(),
    )


Connect = Callable[[str], None]


@pytest.fixture(scope="session")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Connect:
    """Moves this process to a database. Django is configured once a process, so it is the pages' configuration for all tests."""
    settings = web.django_settings(tmp_path_factory.mktemp("web"))
    return lambda url: stores.sql.connect(url, **settings)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory, connect: Connect) -> Path:
    """A file with empty tables, to be copied: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("sqlite") / "empty.sqlite3"
    connect(f"sqlite:///{file}")
    with stores.sql.released():
        stores.sql.migrate()
    return file


@pytest.fixture
def sqlite_url(empty_sqlite: Path, tmp_path: Path) -> str:
    file = tmp_path / "stillwatch.sqlite3"
    shutil.copyfile(empty_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres, connect: Connect) -> Iterator[str]:
    with postgres_server.new_database() as url:
        connect(url)
        with stores.sql.released():
            stores.sql.migrate()
        yield url


@pytest.fixture
def emptied_postgres(migrated_postgres: str, connect: Connect) -> str:
    from django.apps import apps
    from django.db import connection

    from stores.sql.models import HashSetVersion

    connect(migrated_postgres)
    tables = [model._meta.db_table for model in apps.get_models()]
    with stores.sql.released(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        HashSetVersion.objects.create()
    return migrated_postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with empty tables."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgres": "emptied_postgres"}[request.param])
    return url


@pytest.fixture
def sql_stores(database_url: str, connect: Connect) -> Iterator[Stores]:
    connect(database_url)
    with stores.sql.released():
        yield in_sql()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, connect: Connect) -> Iterator[Stores]:
    """All stores of one house."""
    if request.param == "memory":
        yield in_memory()
        return
    connect(request.getfixturevalue({"sqlite": "sqlite_url", "postgres": "emptied_postgres"}[request.param]))
    with stores.sql.released():
        yield in_sql()
