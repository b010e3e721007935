"""A withdrawal is honoured whatever comes back: queues, hits, processes, index files, databases from backups.

In every history the person who withdrew last is matched by nothing, gets no hit, no alert and no letter; and whoever did not withdraw
keeps what they came for.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.model import NoticeStatus, PersonId
from tests.journeys.withdrawals import Life

pytestmark = pytest.mark.timeout(900)

ADA, EVE = PersonId("ada"), PersonId("eve")
people = st.sampled_from([ADA, EVE])
pictures = st.integers(0, 1)


class Histories(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="stillwatch-tests-")
        self.life = Life(Path(self.folder.name))

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

    @rule()
    def sweep(self) -> None:
        self.life.sweep()

    @rule()
    def desk(self) -> None:
        self.life.desk()

    @rule()
    def approve(self) -> None:
        self.life.desk()
        self.life.approve()

    @rule()
    def replay(self) -> None:
        self.life.replay()
        self.life.desk()

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
    max_examples=25, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def life(tmp_path: Path) -> "Life":
    return Life(tmp_path)


@pytest.mark.parametrize("in_place", [False, True], ids=["restarted", "under their feet"])
@pytest.mark.parametrize("whole_home", [False, True], ids=["database", "home"])
def test_everything_that_had_begun_ends_with_the_withdrawal_and_stays_so(
    life: Life, whole_home: bool, in_place: bool
) -> None:
    """The longest history by hand: each station is reached before the person withdraws."""
    try:
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
    finally:
        life.end()
