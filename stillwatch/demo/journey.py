"""The whole circle on the demo site, by the same commands that a user types.

Somebody uploads a protected person's pictures; they are found; an alert, a case and a drafted notice follow; the notice is approved
and leaves; the site takes the pictures down; a look confirms it; they are uploaded again, are found again, and the case reopens.
"""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import CallError, StillwatchError
from core.model import rfc3339
from stillwatch.demo.album import PROTECTED, path_of
from stillwatch.demo.catalogue import Planted
from stillwatch.demo.commands import CommandBroke, Commands
from stillwatch.demo.mail_sink import MailSink
from stillwatch.demo.site import DemoSite, site_toml
from stillwatch.output import json_line, line, say, table

STATIONS = ("hit", "alert", "case", "notice", "approved", "gone", "reupload", "reopened")
PERSON = "demo-person"
APPROVER = "Demo (played by the program)"
DETAILS = """name = "Demo Person"
contact = "demo-person@demo.invalid"
capacity = "subject"
statement = "This is a demonstration. The photographs are free ones, and everybody in it is made up."
signed_at = {today}
"""
SERVERS = ("DATABASE_URL", "REDIS_URL", "ELASTICSEARCH_URL")
MAIL_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Reached:
    """A station of the circle, and when it was reached."""

    station: str
    at: datetime
    after_s: float


class Journey:
    """One circle. `reached` grows on the way; `missed` is known after the first crawl."""

    def __init__(self, commands: Commands, site: DemoSite, sink: MailSink) -> None:
        self._do = commands
        self._site = site
        self._sink = sink
        self._began = time.monotonic()
        self.reached: list[Reached] = []
        self.missed: Sequence[Planted] = ()

    def go_round(self) -> None:
        """Raises CommandBroke where the circle broke."""
        self._refuse_a_used_database()
        self._protect()
        say("Crawling the site …")
        found = self._crawl("hit")
        self.missed = [copy for copy in self._site.planted if copy.path not in found]
        case = self._work_off()
        self._approve(case)
        self._take_down(case)
        back = _path(_locations(case)[0])
        self._site.restore(back)
        new = self._site.upload_again(PROTECTED[3])
        say("They are uploaded again: one where it was, one at a new address. Crawling again …")
        self._crawl("reupload", frozenset({back, new}))
        self._reopen()

    # ------------------------------------------------------------------------------------------------------- the stations

    def _refuse_a_used_database(self) -> None:
        """A made-up person and made-up cases must not stand among real ones."""
        named = [name for name in SERVERS if os.environ.get(name) or os.environ.get(f"{name}_FILE")]
        if not named:
            return
        say(f"Using the servers that your environment names: {', '.join(named)}.")
        looked = self._do.run("scan", str(path_of(PROTECTED[0])), "--json")
        if looked[0]["state"] != "not_compared" or self._do.run("case", "list", "--json"):
            raise CallError(
                "the database that DATABASE_URL names holds people or cases already, and the demo would put made-up ones beside "
                "them; unset DATABASE_URL, or name an empty database"
            )

    def _protect(self) -> None:
        say(f"A person hashes {len(PROTECTED)} photographs on their own machine, and enrols the hashes.")
        hash_set = self._do.home / "SET.json"
        self._do.run("hash", *(str(path_of(name)) for name in PROTECTED), "--output", str(hash_set))
        self._do.run("enrol", str(hash_set), "--person", PERSON, "--attested", "--json")
        hash_set.unlink()
        details = self._do.home / "details.toml"
        details.write_text(DETAILS.format(today=datetime.now(UTC).date()), encoding="utf-8")
        self._do.run("person", "set", PERSON, "--notice-details", str(details))
        details.unlink()

    def _crawl(self, station: str, wanted: frozenset[str] = frozenset()) -> set[str]:
        """One pass; the paths that were hits. The station is reached with the first hit, or the first at a wanted path."""
        found: set[str] = set()

        def heard(fields: Mapping[str, object]) -> None:
            if fields.get("hit"):
                path = _path(str(fields["image_url"]))
                found.add(path)
                if not wanted or path in wanted:
                    self._reach(station)

        lines = self._do.follow(heard, "crawl", "--once", "--json")
        summary = lines[-1].get("summary", {}) if lines else {}
        urls = summary.get("urls", "?") if isinstance(summary, dict) else "?"
        say(f"  {urls} addresses met, {len(found)} of them hits.")
        if wanted - found:
            raise CommandBroke(f"{len(wanted - found)} of the pictures that were uploaded again were not found again")
        return found

    def _work_off(self) -> Mapping[str, object]:
        say("The desk works off what was found: an alert, a case, a notice as a draft.")
        self._do.run("worker", "desk", "--once")
        if self._do.run("alert", "list", "--json"):
            self._reach("alert")
        case = self._case()
        self._reach("case")
        if [_field(notice, "status") for notice in _notices(case)] != ["draft"]:
            raise CommandBroke("the case holds no drafted notice")
        if lacking := _field(_notices(case)[0], "missing"):
            raise CommandBroke(f"the notice still lacks: {lacking}")
        self._reach("notice")
        return case

    def _approve(self, case: Mapping[str, object]) -> None:
        say(f"Nothing is ever sent without a person's approval. Here the program plays that person: {APPROVER}.")
        self._do.run("case", "approve", str(case["id"]), "--as", APPROVER)
        self._reach("approved")
        self._do.run("worker", "desk", "--once")
        until = time.monotonic() + MAIL_WAIT_S
        while not self._sink.delivered and time.monotonic() < until:
            time.sleep(0.05)
        if len(self._sink.delivered) != 1:
            raise CommandBroke(f"{len(self._sink.delivered)} letters came to the mail sink; one should have")
        say("  The notice came to the mail sink. It was sent to nobody.")

    def _take_down(self, case: Mapping[str, object]) -> None:
        say("The site takes the pictures down. Looking again …")
        for url in _locations(case):
            self._site.delete(_path(url))
        looks = self._do.run("recheck", "--json")
        still = Counter(str(look["outcome"]) for look in looks if look["outcome"] != "gone")
        if still or not looks or looks[-1]["case_status"] != "quiet":
            raise CommandBroke(f"not everything is gone: {dict(still)}")
        say(f"  {len(looks)} addresses looked at again, every one gone.")
        self._reach("gone")

    def _reopen(self) -> None:
        self._do.run("worker", "desk", "--once")
        status = self._case()["status"]
        if status != "reopened":
            raise CommandBroke(f"the case is {status} after the new upload; it should have been reopened")
        say("The case is open again.")
        self._reach("reopened")

    # ------------------------------------------------------------------------------------------------------------ parts

    def _case(self) -> Mapping[str, object]:
        cases = [case for case in self._do.run("case", "list", "--json") if case["person"] == PERSON]
        if len(cases) != 1:
            raise CommandBroke(f"{len(cases)} cases of one person; there should be one")
        return cases[0]

    def _reach(self, station: str) -> None:
        if station not in {each.station for each in self.reached}:
            self.reached.append(Reached(station, datetime.now(UTC), round(time.monotonic() - self._began, 2)))


def run_demo(*, once: bool, json_lines: bool) -> int:
    """The exit status: 0 only if every station was reached. To be called in the main thread: it listens for signals."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that either way everything is ended and tidied up
    try:
        with _folder() as folder, DemoSite() as site, MailSink() as sink:
            commands = Commands(folder, {"STILLWATCH_MAIL_URL": sink.url})
            (commands.config / "sites" / "demo.toml").write_text(site_toml(site.port), encoding="utf-8")
            return _go_round(Journey(commands, site, sink), commands, once=once, json_lines=json_lines)
    except KeyboardInterrupt:
        say("The demo was ended before it was through.")
        return 130  # as shells count an interrupt


def _go_round(journey: Journey, commands: Commands, *, once: bool, json_lines: bool) -> int:
    status = 0
    try:
        journey.go_round()
    except StillwatchError as error:
        say(f"The circle broke: {error}")
        status = error.exit_status
    _show(journey, json_lines)
    if status == 0 and not once:
        _keep_page_up(commands)
    return status


def _show(journey: Journey, json_lines: bool) -> None:
    if json_lines:
        json_line(
            {
                "demo": [
                    {"station": each.station, "at": rfc3339(each.at), "after_s": each.after_s}
                    for each in journey.reached
                ],
                "missed": [
                    {"edit": copy.edit, "photograph": copy.photograph, "within_recipe": copy.within_recipe}
                    for copy in journey.missed
                ],
            }
        )
        return
    table(
        ("station", "at", "after"),
        [(each.station, rfc3339(each.at), f"{each.after_s:.1f} s") for each in journey.reached],
    )
    beyond = Counter(copy.edit.partition(",")[0] for copy in journey.missed if not copy.within_recipe)
    if beyond:
        line(f"missed by hashes alone: {', '.join(f'{count} {edit}' for edit, count in beyond.items())}")
    for copy in journey.missed:
        if copy.within_recipe:
            line(f"missed, and should not have been: {copy.photograph}, {copy.edit}")


def _keep_page_up(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    say(f"The page with what was found: http://127.0.0.1:{port}   (Ctrl-C ends the demo)")
    try:
        commands.run("web", "--port", str(port))
    except KeyboardInterrupt:
        say("The demo ends.")


@contextmanager
def _folder() -> Iterator[Path]:
    """A fresh folder. It goes with the demo; below a STILLWATCH_HOME that you named it stays, to be looked at."""
    named = os.environ.get("STILLWATCH_HOME")
    if named:
        Path(named).mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix="stillwatch-demo-", dir=named or None)).absolute()
    try:
        yield folder
    finally:
        if named:
            say(f"What the demo wrote is in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _locations(case: Mapping[str, object]) -> list[str]:
    return sorted(str(_field(each, "url")) for each in _rows(case, "locations"))


def _notices(case: Mapping[str, object]) -> list[object]:
    return _rows(case, "notices")


def _rows(case: Mapping[str, object], name: str) -> list[object]:
    rows = case[name]
    assert isinstance(rows, list)
    return rows


def _field(row: object, name: str) -> object:
    assert isinstance(row, dict)
    return row[name]
