"""One installation that people come to, leave and come back to, whose database is put back from backups and whose queues are replayed."""

import os
import shutil
import sqlite3
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from core.errors import NotReady
from core.model import (
    AlertStatus,
    Fingerprint,
    HashedPicture,
    Hit,
    ImageSighting,
    NoticeDetails,
    PersonId,
    SeenPicture,
    Sweep,
    Topic,
    derived_id,
    hit_of,
)
from matcher import confirm
from matcher.live import LiveIndex
from stillwatch.demo.mail_sink import MailSink
from stillwatch.sweeping import Work
from stillwatch.wiring import House
from stillwatch.withdrawing import withdraw
from stillwatch.workers import desk_round
from tests.houses import DATABASE, opened
from tests.installation import site_toml

SITE = "gallery"
NOBODY: frozenset[PersonId] = frozenset()
DETAILS = NoticeDetails(
    name="Somebody Protected",
    contact="somebody@example.invalid",
    capacity="subject",
    statement="I am the person shown and did not agree to this.",
    signed_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def print_of(person: PersonId, picture: int) -> Fingerprint:
    return Fingerprint(hasher="pdq", view="full", bits=derived_id("bits", person, str(picture)) * 2, quality=90)


def near(one: Fingerprint) -> Fingerprint:
    """A copy as a site shows it: a few bits differ."""
    return replace(one, bits=f"{int(one.bits, 16) ^ 0b1011 << 77:064x}")


@dataclass(frozen=True)
class Backup:
    """Of the database alone, or of the whole home; and who was protected when it was made."""

    path: Path
    protected: frozenset[PersonId]


class Life:
    """What may happen to an installation. `withdrawn`, `protected`: what people are entitled to, kept beside it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        self.home = folder / "home"
        sites = folder / "config" / "sites"
        sites.mkdir(parents=True)
        (sites / f"{SITE}.toml").write_text(site_toml(SITE, "http://127.0.0.1:9/", "127.0.0.1:9"))
        self.protected: frozenset[PersonId] = NOBODY
        self.withdrawn: frozenset[PersonId] = NOBODY
        self.pictures: dict[PersonId, set[int]] = {}
        self.hits: dict[str, Hit] = {}
        self.rows: set[tuple[str, str]] = set()
        self.letters_before: dict[PersonId, int] = {}
        self.backups: list[Backup] = []
        self._outer = ExitStack()
        self.sink = self._outer.enter_context(MailSink())
        self._process = ExitStack()
        self._start()

    # ------------------------------------------------------------------------------------------------------ processes

    house: House
    index: LiveIndex

    def _start(self) -> None:
        self._process = ExitStack()
        # The ledger's folder is not what is backed up.
        ledger = str(self.folder / "ledger")
        self.house = self._process.enter_context(
            opened(self.home, STILLWATCH_MAIL_URL=self.sink.url, STILLWATCH_WITHDRAWALS=ledger, **self._settings)
        )
        self.house.connect()
        hashes = self._process.enter_context(self.house.hashes())
        ticks = iter(range(10**9))
        self.index = LiveIndex(hashes, self.house.index_folder, clock=lambda: float(next(ticks)), tail=2)
        self._process.callback(self.index.close)

    def restart(self) -> None:
        """On the index files and caches of before."""
        self._process.close()
        self._start()

    def end(self) -> None:
        self._process.close()
        self._outer.close()

    # --------------------------------------------------------------------------------------------------------- people

    def enrol(self, person: PersonId, picture: int) -> None:
        one = print_of(person, picture)
        offered = HashedPicture(ref=f"ref-{picture}", quality=one.quality, fingerprints=(one,))
        self.house.people.enrol(person, "full-1", [offered], datetime.now(UTC))
        self.house.announce_hashes()
        self.house.desk.settle_person(person, datetime.now(UTC))
        self.house.notice_details.put(person, DETAILS)
        self.pictures.setdefault(person, set()).add(picture)
        self.protected |= {person}
        self.withdrawn -= {person}

    def withdraw(self, person: PersonId) -> None:
        if person not in self.protected:
            return
        withdraw(self.house, {person: datetime.now(UTC)})
        self.pictures.pop(person)
        self.protected -= {person}
        self.withdrawn |= {person}
        self.letters_before[person] = self.letters(person)

    # ---------------------------------------------------------------------------------------------------------- finding

    def see(self, person: PersonId, picture: int, page: int) -> None:
        """A crawl meets a copy, compares it, and keeps what it saw."""
        seen = near(print_of(person, picture))
        at = f"http://127.0.0.1:9/{page}"
        sighting = ImageSighting(
            site=SITE, page_url=at, image_url=f"{at}/{picture}.jpg?{derived_id('p', person)}", seen_at=datetime.now(UTC)
        )
        sha256 = derived_id("bytes", sighting.image_url) * 2
        findings = confirm.findings(self.index.search([seen]))
        assert {each.match.enrolment.person for each in findings}.isdisjoint(self.withdrawn)
        for each in findings:
            hit = hit_of(each, sighting, sha256)
            self.hits[hit.id] = hit
            self.house.hit_log.add(hit)
        with self.house.seen_log() as log:
            log.add([SeenPicture(sighting=sighting, sha256=sha256, fingerprints=(seen,))])
        self._note_rows()

    def sweep(self) -> None:
        sweep = Sweep(id=os.urandom(16).hex(), created=datetime.now(UTC))
        self.house.sweep_board.post(sweep)
        self.house.sweep_board.extend(sweep.id, self.house.seen_store.segments(), datetime.now(UTC))
        Work(self.house, sweep.id, of_others_too=True).compare(time.monotonic() + 60)

    def desk(self) -> None:
        while desk_round(self.house):
            pass

    def approve(self) -> None:
        """Every draft there is; it leaves with the desk's next round."""
        for case in self.house.case_book.cases():
            if case.person in self.protected:
                with suppress(NotReady):  # nothing is drafted at present
                    self.house.desk.approve(case.id, "a test", datetime.now(UTC))
        self._note_rows()

    # ------------------------------------------------------------------------------------------------ what comes back

    def _note_rows(self) -> None:
        self.rows |= {(task.topic.value, task.key) for task in self.house.outbox.due(list(Topic), datetime.now(UTC))}

    def replay(self) -> None:
        """Everything that ever waited in a queue waits again, and every hit there ever was is handed over once more."""
        from django.db import transaction

        from stores.sql.outbox import put

        with transaction.atomic():
            put([(Topic(topic), key) for topic, key in self.rows], datetime.now(UTC))
        for hit in self.hits.values():
            self.house.hit_log.add(hit)
            self.house.hit_log.add(replace(hit, found_earlier=hit.first_seen))

    def back_up(self, *, whole_home: bool) -> None:
        path = self.folder / f"backup-{len(self.backups)}"
        if whole_home:
            shutil.copytree(self.home, path)
            for file in path.glob(f"{DATABASE}*"):
                file.unlink()
        path.mkdir(exist_ok=True)
        copy(self.home / DATABASE, path / DATABASE)
        self.backups.append(Backup(path, self.protected))

    def restore(self, which: int, *, in_place: bool) -> None:
        """in_place: under the processes that are at work, which have not been told."""
        if not self.backups:
            return
        backup = self.backups[which % len(self.backups)]
        whole = (backup.path / "keys").exists()
        if in_place and not whole:
            copy(backup.path / DATABASE, self.home / DATABASE)
        else:
            self._process.close()
            if whole:
                shutil.rmtree(self.home)
                shutil.copytree(backup.path, self.home)
            else:
                for file in self.home.glob(f"{DATABASE}*"):
                    file.unlink()
                copy(backup.path / DATABASE, self.home / DATABASE)
            self._start()
        self.house.enrolled_hashes.version()  # as every process asks several times a second
        # Who came after the backup is lost with it, and who is not lost must still be protected.
        self.protected = backup.protected - self.withdrawn
        rows = self.house.enrolled_hashes.enrolments()[1]
        self.pictures = {person: set() for person in self.protected}
        for each in rows:
            assert each.person in self.protected
            self.pictures[each.person].add(int(each.ref.removeprefix("ref-")))

    # ------------------------------------------------------------------------------------------------------ what holds

    def letters(self, person: PersonId) -> int:
        mine = {hit.image_url for hit in self.hits.values() if hit.person == person}
        return sum(any(url in str(each.message.get_content()) for url in mine) for each in self.sink.delivered)

    def check(self) -> None:
        people = {PersonId(each) for each in ("ada", "eve")}
        matched = {
            each.enrolment.person
            for person in people
            for picture in range(2)
            for each in self.index.search([near(print_of(person, picture))])
        }
        assert matched == self.protected
        assert {each.person for each in self.house.enrolled_hashes.enrolments()[1]} == self.protected
        for hit in self.hits.values():
            if hit.person in self.withdrawn:
                assert self.house.hit_log.add(hit).value == "refused"
        for person in self.withdrawn:
            assert {each.status for each in self.house.case_book.alerts(person)} <= {AlertStatus.TAKEN_BACK}
            assert self.letters(person) == self.letters_before[person]
        assert {PersonId(each) for each in self.finds()}.isdisjoint(self.withdrawn)

    def finds(self) -> list[str]:
        """The people of every find that a sweep has left, whatever became of it."""
        from stores.sql.models import StoredSweepFind

        return list(StoredSweepFind.objects.values_list("person", flat=True))


def copy(source: Path, target: Path) -> None:
    """As a backup tool does: whole, also while others write."""
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()
