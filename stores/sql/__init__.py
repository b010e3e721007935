"""Truth: SQLite or Postgres, through Django's ORM.

Call `connect` first, once a process, then `migrate`; the adapters can be imported after that, because Django's models can.
"""

import importlib
from typing import TYPE_CHECKING

from core.errors import ConfigError
from stores.sql.connection import connect, migrate, released

if TYPE_CHECKING:
    from stores.sql.case_book import SqlCaseBook
    from stores.sql.collisions import SqlCollisionBook, SqlNegativeBank
    from stores.sql.corner_seals import SqlCornerSeals
    from stores.sql.corners import SqlEnrolledCorners
    from stores.sql.exchange import SqlExchangeBook
    from stores.sql.hit_log import SqlHitLog
    from stores.sql.hit_search import SqlHitSearch
    from stores.sql.jobs import SqlJobSlots, SqlLeadership
    from stores.sql.outbox import SqlOutbox
    from stores.sql.people import SqlEnrolledHashes, SqlNoticeDetails, SqlPeople
    from stores.sql.site_book import SqlSiteBook
    from stores.sql.site_memory import SqlSiteMemory
    from stores.sql.sweeps import SqlSweepBoard, SqlSweepFinds
    from stores.sql.watching import SqlCanaryBook, SqlDailyUse, SqlTroubleBook

__all__ = [
    "SqlCanaryBook",
    "SqlCaseBook",
    "SqlCollisionBook",
    "SqlCornerSeals",
    "SqlDailyUse",
    "SqlEnrolledCorners",
    "SqlEnrolledHashes",
    "SqlExchangeBook",
    "SqlHitLog",
    "SqlHitSearch",
    "SqlJobSlots",
    "SqlLeadership",
    "SqlNegativeBank",
    "SqlNoticeDetails",
    "SqlOutbox",
    "SqlPeople",
    "SqlSiteBook",
    "SqlSiteMemory",
    "SqlSweepBoard",
    "SqlSweepFinds",
    "SqlTroubleBook",
    "connect",
    "migrate",
    "released",
]

ADAPTERS = {
    "SqlCanaryBook": "watching",
    "SqlCaseBook": "case_book",
    "SqlCollisionBook": "collisions",
    "SqlCornerSeals": "corner_seals",
    "SqlDailyUse": "watching",
    "SqlEnrolledCorners": "corners",
    "SqlEnrolledHashes": "people",
    "SqlExchangeBook": "exchange",
    "SqlHitLog": "hit_log",
    "SqlHitSearch": "hit_search",
    "SqlJobSlots": "jobs",
    "SqlLeadership": "jobs",
    "SqlNegativeBank": "collisions",
    "SqlNoticeDetails": "people",
    "SqlOutbox": "outbox",
    "SqlPeople": "people",
    "SqlSiteBook": "site_book",
    "SqlSiteMemory": "site_memory",
    "SqlSweepBoard": "sweeps",
    "SqlSweepFinds": "sweeps",
    "SqlTroubleBook": "watching",
}


if not TYPE_CHECKING:  # a misspelt adapter is to be an error of the type checker

    def __getattr__(name: str) -> object:
        """An adapter, loaded when it is first asked for: models need a configured Django, and nothing is configured at import."""
        if name not in ADAPTERS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from django.apps import apps

        if not apps.ready:
            raise ConfigError(
                "the database is not connected; call stores.sql.connect(database_url) before asking for an adapter"
            )
        return getattr(importlib.import_module(f"{__name__}.{ADAPTERS[name]}"), name)
