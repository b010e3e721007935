"""Tells the desk, over whatever channels it uses, that there is something to look at. Nothing else.

What goes out names no person, site, address, hash or number of hits: only the id of the alert, or of what is wrong with the watching,
which says nothing without the database.
A message may arrive twice when the process dies between sending and writing that down; an alert is never lost.
"""

import logging
import re
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.result import AppriseResultStatus

from core.errors import ConfigError, NotDelivered, UnknownId
from core.model import AlertStatus, Task, Topic
from core.ports import CaseBook, Outbox, TroubleBook

log = logging.getLogger(__name__)

SUBJECT = "Stillwatch: there is something to look at"
BODY = "Please open the desk's page when you can. Reference: {alert}"
TROUBLE_SUBJECT = "Stillwatch: a site is not watched as it should be"
TROUBLE_BODY = "Please open the front page, or run stillwatch doctor. Reference: {trouble}"

TAGGED = re.compile(r"(?P<tags>[\w-]+(?:,[\w-]+)*)=(?P<url>\w+://.*)", re.DOTALL)
NAMED = {Topic.CHANNEL: "alert", Topic.TROUBLE: "trouble"}  # in the log
RETRY_FIRST_S = 30.0
RETRY_AT_MOST_S = 3600.0


class Channels:
    """`urls`: Apprise URLs; "tag=URL" gives one its own tags, the others have `tag`. Raises ConfigError, by position: a URL is a secret."""

    def __init__(
        self, urls: Sequence[str], tag: str, case_book: CaseBook, outbox: Outbox, trouble_book: TroubleBook
    ) -> None:
        for name in ("apprise", "urllib3"):  # they write URLs, which are secrets here, into their logs
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._tag = tag
        self._case_book = case_book
        self._outbox = outbox
        self._trouble_book = trouble_book
        self._apprise = Apprise(asset=_asset())
        for position, entry in enumerate(urls, start=1):
            tagged = TAGGED.fullmatch(entry)
            url, tags = (tagged["url"], tagged["tags"].split(",")) if tagged is not None else (entry, [tag])
            if not _added(self._apprise, url, tags):
                raise ConfigError(
                    f"channel {position} of {len(urls)} is no URL that Apprise knows; correct it in STILLWATCH_CHANNELS "
                    "(see: stillwatch settings; the kinds there are: https://github.com/caronc/apprise/wiki)"
                )

    def work(self, now: datetime, limit: int = 20) -> int:
        """Tells what waits; returns how many rows are done. Raises NotDelivered when no channel has the tag: that would be silence."""
        done = 0
        for task in self._outbox.due([Topic.CHANNEL, Topic.TROUBLE], now, limit):
            if not self._still_news(task):
                self._outbox.done([task.id])
                done += 1
                continue
            match self._tell(task):
                case AppriseResultStatus.SUCCESS | AppriseResultStatus.PARTIAL as status:
                    # Told over one channel at least: telling all of them again would be worse than one that stayed silent.
                    if status is AppriseResultStatus.PARTIAL:
                        log.warning("channel.partly_told", extra={NAMED[task.topic]: task.key})
                    self._outbox.done([task.id])
                    done += 1
                case AppriseResultStatus.NOMATCH:
                    self._put_off(task, "no channel has the tag", now)
                    raise NotDelivered(
                        f"no channel has the tag {self._tag!r}, so nobody was told; give one of STILLWATCH_CHANNELS that tag, "
                        "or set STILLWATCH_CHANNEL_TAG to one that is there"
                    )
                case status:
                    self._put_off(task, f"no channel took it ({status.name.lower()})", now)
        return done

    def _still_news(self, task: Task) -> bool:
        if task.topic is Topic.TROUBLE:
            return any(trouble.id == task.key for trouble in self._trouble_book.open())
        try:
            return self._case_book.alert(task.key).status is AlertStatus.NEW
        except UnknownId:
            return False

    def _tell(self, task: Task) -> AppriseResultStatus:
        if task.topic is Topic.TROUBLE:
            title, body = TROUBLE_SUBJECT, TROUBLE_BODY.format(trouble=task.key)
        else:
            title, body = SUBJECT, BODY.format(alert=task.key)
        return self._apprise.notify(title=title, body=body, body_format=NotifyFormat.TEXT, tag=self._tag).status

    def _put_off(self, task: Task, reason: str, now: datetime) -> None:
        wait_s = min(RETRY_FIRST_S * 2.0 ** min(task.attempts, 20), RETRY_AT_MOST_S)
        self._outbox.later(task.id, now + timedelta(seconds=wait_s), reason)
        log.warning("channel.waits", extra={NAMED[task.topic]: task.key, "reason": reason})


def _added(channels: Apprise, url: str, tags: Sequence[str]) -> bool:
    with warnings.catch_warnings():
        # The first URL loads every kind of channel; some of them import what Python is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        return channels.add(url, tag=list(tags))


def _asset() -> AppriseAsset:
    """Without Apprise's own name, links and pictures in what is sent; nothing of it is kept on disk."""
    return AppriseAsset(
        app_id="Stillwatch",
        app_desc="Stillwatch",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        allow_templates=False,
        storage_mode="memory",
        language="en",
        service_timeout=20,
    )
