"""Whether a site may still be asked, answered without touching a database in the asker's thread.

A crawl asks before every request, from its event loop, where the ORM must not be used. So a thread of this watch reads the
site's standing twice a second and the loop reads what it found.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from config.sites import agreement_fault
from core.errors import StoreUnavailable
from core.model import Standing, WatchedSite
from core.ports import SiteBook

POLL_S = 0.5


def fault(site: WatchedSite, site_book: SiteBook, now: datetime) -> str | None:
    """Why nothing may be asked of this site now, or None. A standing that cannot be read is a fault, never a yes."""
    expired = agreement_fault(site, now.date())
    if expired is not None:
        return expired
    try:
        standing = site_book.standing(site.name)
    except StoreUnavailable:
        return "whether the site is still watched cannot be read"
    match standing:
        case Standing.WATCHED:
            return None
        case Standing.PAUSED:
            return f"the site is paused; to go on: stillwatch site resume {site.name}"
        case Standing.REVOKED:
            return "the agreement was revoked"


class AgreementWatch:
    """A context manager; `reason()` is why nothing may be asked any more, or None. It never goes back to None."""

    def __init__(self, site: WatchedSite, site_book: SiteBook, clock: Callable[[], datetime]) -> None:
        self._site = site
        self._site_book = site_book
        self._clock = clock
        self._reason: str | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="agreement", daemon=True)

    def __enter__(self) -> Self:
        self._reason = fault(self._site, self._site_book, self._clock())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join(timeout=5)

    def reason(self) -> str | None:
        # The day may end between two polls: dates cost nothing to check each time.
        return self._reason or agreement_fault(self._site, self._clock().date())

    def reason_now(self) -> str | None:
        """As `reason`, but by what the database says at this moment: not for the loop."""
        if self._reason is None:
            self._reason = fault(self._site, self._site_book, self._clock())
        return self._reason

    def _poll(self) -> None:
        while self._reason is None and not self._closed.wait(POLL_S):
            self._reason = fault(self._site, self._site_book, self._clock())
