"""What the pages need of the other rooms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.model import Alert, Case, WatchedSite
from core.ports import (
    CanaryBook,
    CaseBook,
    DailyUse,
    HitLog,
    HitSearch,
    NoticeDetailsStore,
    Outbox,
    SiteBook,
    TroubleBook,
)


class SiteFault(Protocol):
    """A site file that could not be taken."""

    @property
    def path(self) -> Path: ...

    @property
    def reason(self) -> str: ...


class CaseDesk(Protocol):
    """The part of alerts.desk.Desk that a person works through the pages."""

    def settle(self, hit_id: str, now: datetime) -> None:
        """Alert, case and draft follow the hit's status."""
        ...

    def redraw(self, case_id: str, now: datetime) -> Case:
        """Stores and returns the case with its drafted letters as they would leave now. Raises UnknownId."""
        ...

    def approve(self, case_id: str, by: str, now: datetime, again: bool = False) -> Case:
        """Freezes the drafted letters and lets them leave. Raises NotReady naming what is missing."""
        ...

    def acknowledge(self, alert_id: str, now: datetime) -> Alert: ...


@dataclass(frozen=True, kw_only=True)
class WebServices:
    hit_log: HitLog
    hit_search: HitSearch
    case_book: CaseBook
    site_book: SiteBook
    canary_book: CanaryBook
    trouble_book: TroubleBook
    daily_use: DailyUse
    outbox: Outbox
    desk: CaseDesk
    notice_details: NoticeDetailsStore
    sites: Callable[[], tuple[Sequence[WatchedSite], Sequence[SiteFault]]]
    clock: Callable[[], datetime]
