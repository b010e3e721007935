"""A withdrawal is honoured whatever comes back: queues, hits, processes, index files, databases from backups.

In every history the person who withdrew last is matched by nothing, gets no hit, no alert and no letter; and whoever did not withdraw
keeps what they came for.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.model import NoticeStatus, PersonId
from tests.houses import DATABASE
from tests.installation import Installation
from tests.journeys.withdrawals import Life, copy
from tests.stillwatch.pictures import drawn, folder_of, jpeg

pytestmark = pytest.mark.timeout(900)

ADA, EVE = PersonId("ada"), PersonId("eve")
people = st.sampled_from([ADA, EVE])
pictures = st.integers(0, 1)


class Histories(RuleBasedStateMachine):
    @initialize(whole_home=st.booleans())
    def begin(self, whole_home: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="stillwatch-tests-")
        self.life = Life(Path(self.folder.name))
        self.life.enrol(ADA, 0)
        self.life.see(ADA, 0, page=0)
        self.life.back_up(whole_home=whole_home)

    def teardown(self) -> None:
        if hasattr(self, "life"):
            self.life.end()
            self.folder.cleanup()

    @rule(person=people, picture=pictures)
    def enrol(self, person: PersonId, picture: int) -> None:
        self.life.enrol(person, picture)

    @rule(person=people)
    def withdraw(self, person: PersonId) -> None:
        self.life.withdraw(person)

    @rule(person=people, picture=pictures, page=st.integers(0, 2))
    def see(self, person: PersonId, picture: int, page: int) -> None:
        self.life.see(person, picture, page)

    @rule(acts=st.lists(st.sampled_from([Life.sweep, Life.desk, Life.approve, Life.replay]), min_size=1, max_size=4))
    def work(self, acts: list[Callable[[Life], None]]) -> None:
        for act in acts:
            act(self.life)

    @rule()
    def restart(self) -> None:
        self.life.restart()

    @rule(whole_home=st.booleans())
    def back_up(self, whole_home: bool) -> None:
        self.life.back_up(whole_home=whole_home)

    @rule(which=st.integers(0, 5), in_place=st.booleans())
    def restore(self, which: int, in_place: bool) -> None:
        self.life.restore(which, in_place=in_place)

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "life"):
            self.life.check()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    begun = Life(tmp_path)
    yield begun
    begun.end()


@pytest.mark.parametrize("in_place", [False, True], ids=["restarted", "under their feet"])
@pytest.mark.parametrize("whole_home", [False, True], ids=["database", "home"])
def test_everything_that_had_begun_ends_with_the_withdrawal_and_stays_so(
    life: Life, whole_home: bool, in_place: bool
) -> None:
    """The longest history by hand: each station is reached before the person withdraws."""
    for person in (ADA, EVE):
        life.enrol(person, 0)
        life.see(person, 0, page=1)
    life.desk()
    life.approve()  # both letters may leave; none has yet
    for person in (ADA, EVE):
        life.see(person, 1, page=2)  # kept as seen, matches nobody
        life.enrol(person, 1)
    life.sweep()  # finds them, and waits for a look
    life.back_up(whole_home=whole_home)
    before = life.house.case_book.case_of(ADA)
    assert before is not None
    assert [each.status for each in before.notices] == [NoticeStatus.APPROVED]
    assert set(life.finds()) == {ADA, EVE}

    life.withdraw(ADA)
    life.desk()
    life.check()
    life.restore(0, in_place=in_place)
    life.check()
    life.replay()
    life.sweep()
    life.desk()
    life.check()
    life.restart()
    life.replay()
    life.desk()
    life.check()

    assert life.letters(ADA) == 0
    assert life.letters(EVE) >= 1  # so letters do leave here; a restored database has forgotten that this one did
    assert set(life.finds()) == {EVE}
    after = life.house.case_book.case_of(ADA)
    assert after is not None
    assert {each.status for each in after.notices} <= {NoticeStatus.RETRACTED}


def test_an_announcement_of_before_brings_nobody_back(tmp_path: Path, redis_url: str) -> None:
    from stores.redis import VERSION, RedisAnnouncer

    life = Life(tmp_path, REDIS_URL=redis_url)
    life.enrol(ADA, 0)
    old = life.house.enrolled_hashes.version()
    life.check()
    life.withdraw(ADA)

    with redis.Redis.from_url(redis_url) as client:
        client.set(VERSION, old)
        RedisAnnouncer(redis_url).announce(old)
        client.publish(VERSION, old)
        life.check()
        client.flushall()
        life.check()
        life.restart()
        life.check()
    life.end()


# ----------------------------------------------------------------------------------------------------- by the command line


def state_of(installation: Installation, person: str) -> str:
    with closing(sqlite3.connect(installation.home / DATABASE)) as database:
        return str(database.execute("SELECT state FROM stillwatch_person WHERE id = ?", [person]).fetchone()[0])


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.2)
    return False


def test_commands_and_a_worker_that_runs_on_honour_a_withdrawal_that_the_database_has_forgotten(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "copy.jpg").write_bytes(jpeg(drawn(0), quality=70))
    installation.run("hash", folder_of(tmp_path / "pictures", range(1)), "--output", "set.json")
    enrol = ("enrol", "set.json", "--attested", "--person", "p1", "--json")
    installation.lines(*enrol)
    database, backup = installation.home / DATABASE, tmp_path / "backup"
    copy(database, backup)
    installation.lines("withdraw", "p1", "--json")
    desk = installation.start("worker", "desk")
    try:
        assert eventually(lambda: desk.poll() is None and (installation.home / "locks" / "desk.lock").exists())
        time.sleep(2)  # it has asked for the version
        copy(backup, database)

        assert eventually(lambda: state_of(installation, "p1") == "withdrawn")
    finally:
        desk.terminate()
        desk.wait(30)
    copy(backup, database)
    assert state_of(installation, "p1") == "protected"

    scanned = installation.run("scan", "copy.jpg", "--json")

    assert json.loads(scanned.stdout)["state"] == "not_compared"
    assert "withdrawals.honoured_again" in scanned.stderr
    assert "p1" not in scanned.stderr
    assert state_of(installation, "p1") == "withdrawn"
    assert installation.lines(*enrol)[0]["enrolled"] == 1
    assert installation.lines("scan", "copy.jpg", "--json")[0]["state"] == "hit"


def test_a_ledger_that_cannot_be_read_stops_every_command_with_the_cure(
    installation: Installation, tmp_path: Path
) -> None:
    installation.run("hash", folder_of(tmp_path / "pictures", range(1)), "--output", "set.json")
    installation.lines("enrol", "set.json", "--attested", "--person", "p1", "--json")
    installation.lines("withdraw", "p1", "--json")
    ledger = installation.home / "withdrawals" / "ledger"
    ledger.write_bytes(ledger.read_bytes().replace(b"withdrawn", b"returned "))

    for command in (("hit", "list"), ("scan", "set.json"), ("worker", "desk", "--once"), ("doctor",)):
        done = installation.run(*command)

        assert done.returncode == 1, command
        assert "withdrawals/ledger, line 2: damaged" in done.stderr
        assert "put the file back" in done.stderr


def test_doctor_reads_the_whole_ledger_where_a_start_looks_at_its_end(
    installation: Installation, tmp_path: Path
) -> None:
    installation.run("hash", folder_of(tmp_path / "pictures", range(1)), "--output", "set.json")
    for command in (("enrol", "set.json", "--attested", "--person", "p1"), ("withdraw", "p1"), ("hit", "list")) * 2:
        assert installation.run(*command).returncode == 0
    sound = next(each for each in installation.run("doctor", "--json").stdout.splitlines() if "withdrawals" in each)
    assert json.loads(sound)["what"] == "1 people in the ledger"
    ledger = installation.home / "withdrawals" / "ledger"
    ledger.write_bytes(ledger.read_bytes().replace(b"withdrawn", b"returned ", 1))

    said = installation.run("doctor", "--json")

    assert said.returncode == 1
    (check,) = [each for each in map(json.loads, said.stdout.splitlines()) if each["check"] == "withdrawals"]
    assert check["health"] == "bad"
    assert "line 2: damaged" in check["what"]


def test_corners_that_a_person_took_back_stay_away_when_a_database_is_restored(
    installation: Installation, tmp_path: Path
) -> None:
    installation.run("hash", folder_of(tmp_path / "pictures", range(1)), "--local", "--output", "set.json")
    enrol = ("enrol", "set.json", "--attested", "--person", "p1", "--json")
    installation.lines(*enrol)
    database, backup, chosen_anew = installation.home / DATABASE, tmp_path / "backup", tmp_path / "chosen anew"
    copy(database, backup)
    assert installation.lines("person", "forget-local", "p1", "--json") == [{"person": "p1", "forgotten": 1}]

    desk = installation.start("worker", "desk")
    try:
        assert eventually(lambda: desk.poll() is None and (installation.home / "locks" / "desk.lock").exists())
        time.sleep(2)  # it has asked for the version
        copy(backup, database)

        assert eventually(lambda: corners_in(database) == 0)
    finally:
        desk.terminate()
        desk.wait(30)
    copy(backup, database)
    assert corners_in(database) == 1

    listed = installation.run("hit", "list")

    assert listed.returncode == 0, listed.stderr
    assert "withdrawals.corners_forgotten_again" in listed.stderr
    assert "p1" not in listed.stderr
    assert (corners_in(database), state_of(installation, "p1")) == (0, "protected")
    installation.lines(*enrol)
    copy(database, chosen_anew)
    installation.lines("hit", "list", "--json")
    assert corners_in(database) == 1
    copy(backup, database)
    installation.lines("hit", "list", "--json")
    assert corners_in(database) == 0
    copy(chosen_anew, database)
    installation.lines("hit", "list", "--json")
    assert corners_in(database) == 1


def corners_in(database: Path) -> int:
    with closing(sqlite3.connect(database)) as opened:
        return int(opened.execute("SELECT COUNT(*) FROM stillwatch_enrolledcorners").fetchone()[0])
