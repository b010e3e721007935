"""Whatever happens, in whatever order: no letter without an approval, none for a person who withdrew, no alert twice."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.cases import GONE, known, status_of
from alerts.mail import Courier
from core.errors import NotReady
from core.model import (
    AlertStatus,
    CaseStatus,
    Decision,
    HitStatus,
    LocationState,
    NoticeStatus,
    PersonState,
    State,
)
from tests.alerts.facts import ANN, Room, hit, picture
from tests.alerts.sink import Sink

HITS = {
    n: hit(n, at="gallery" if n < 3 else "board", status=HitStatus.CONFIRMED if n % 2 else HitStatus.CANDIDATE)
    for n in range(4)
}
NUMBERS = st.sampled_from(sorted(HITS))

EVENTS = st.one_of(
    st.tuples(st.just("add"), NUMBERS),
    st.tuples(st.just("decide"), NUMBERS, st.sampled_from(Decision)),
    st.tuples(st.just("look"), NUMBERS, st.sampled_from([State.GONE, State.HIT, State.TIMEOUT])),
    st.tuples(st.just("approve"), st.booleans()),
    st.tuples(st.just("send"), st.sampled_from(["250 OK", "250 OK", "451 later", "550 no", "drop"])),
    st.tuples(st.just("withdraw")),
    st.tuples(st.just("enrol")),
    st.tuples(st.just("acknowledge")),
    st.tuples(st.just("replay"), NUMBERS),
)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@dataclass
class History:
    sink: Sink
    folder: Path
    room: Room = field(default_factory=lambda: Room(tell_channels=True))
    approved: Counter[str] = field(default_factory=Counter)  # letters, by their text
    relapses: Counter[str] = field(default_factory=Counter)  # by hit
    withdrawals: int = 0

    def happens(self, event: tuple[object, ...]) -> None:
        before = self._gone()
        self.room.later()
        kind, *rest = event
        getattr(self, f"_{kind}")(*rest)
        for each in before - self._gone():
            if self._known(each) is LocationState.RELAPSED:
                self.relapses[each] += 1

    def _add(self, n: int) -> None:
        self.room.store.hit_log.add(replace(HITS[n], first_seen=self.room.now, last_seen=self.room.now))
        self.room.desk.work(self.room.now)

    def _look(self, n: int, state: State) -> None:
        self.room.looked(HITS[n], state)

    def _withdraw(self) -> None:
        self.withdrawals += 1
        self.room.store.people.withdraw(ANN, self.room.now)
        self.room.desk.work(self.room.now)

    def _enrol(self) -> None:
        self.room.store.people.enrol(ANN, "test", [picture(1)], self.room.now)

    def _acknowledge(self) -> None:
        for alert in self.room.alerts():
            self.room.desk.acknowledge(alert.id, self.room.now)

    def _replay(self, n: int) -> None:
        if self.room.store.hit_log.get([HITS[n].id]):
            self.room.desk.settle(HITS[n].id, self.room.now)

    def _decide(self, n: int, decision: Decision) -> None:
        each = HITS[n]
        if self.room.store.hit_log.get([each.id]):
            for changed in self.room.store.hit_log.decide(each.id, decision, "desk", self.room.now):
                self.room.desk.settle(changed.id, self.room.now)

    def _approve(self, again: bool) -> None:
        case = self.room.store.case_book.case_of(ANN)
        if case is None:
            return
        try:
            after = self.room.desk.approve(case.id, "Kim", self.room.now, again=again)
        except NotReady:
            return
        for notice in after.notices:
            if notice.approved == self.room.now and notice.letter is not None:
                self.approved[notice.letter.body] += 1

    def _send(self, answer: str) -> None:
        self.sink.on_data = answer
        protected = self.room.store.people.state(ANN) is PersonState.PROTECTED
        rejected = [
            each.image_url
            for each in self.room.store.hit_log.get([each.id for each in HITS.values()])
            if each.status in (HitStatus.REJECTED, HitStatus.UNDONE)
        ]
        courier = Courier(
            f"smtp://127.0.0.1:{self.sink.port}",
            "desk@watch.example",
            self.room.store.case_book,
            self.room.store.outbox,
            lock_path=self.folder / "lock",
            timeout_s=2.0,
        )
        count = len(self.sink.received)
        courier.work(self.room.later(10**6))
        fresh = self.sink.messages[count:]
        assert protected or not fresh
        for message in fresh:
            assert not any(url in message.get_content() for url in rejected)

    def _gone(self) -> set[str]:
        case = self.room.store.case_book.case_of(ANN)
        return set() if case is None else {each.hit for each in case.locations if known(each) is GONE}

    def _known(self, each: str) -> LocationState:
        return next(known(location) for location in self.room.case.locations if location.hit == each)

    def check(self) -> None:
        sent = Counter(message.get_content().replace("\r\n", "\n") for message in self.sink.messages)
        assert sent <= self.approved
        ids = [message["Message-ID"] for message in self.sink.messages]
        assert len(set(ids)) == len(ids)
        for each in HITS.values():
            alerts = [alert for alert in self.room.alerts() if each.id in alert.hits]
            standing = [alert for alert in alerts if alert.status is not AlertStatus.TAKEN_BACK]
            assert len(standing) <= 1 + self.relapses[each.id]
            assert len(alerts) <= 1 + self.relapses[each.id] + self.withdrawals
        case = self.room.store.case_book.case_of(ANN)
        if case is None:
            return
        assert len(self.room.store.case_book.cases()) == 1
        drafts = [notice for notice in case.notices if notice.status is NoticeStatus.DRAFT]
        assert len({notice.site for notice in drafts}) == len(drafts)
        if case.status is CaseStatus.WITHDRAWN:
            assert not drafts
            assert not self.room.standing_alerts()
            assert not self.room.desk.due_locations(self.room.later(10**9), all_=True)
            return
        assert status_of(case.locations, case.status) is case.status
        for notice in drafts:
            assert notice.hits
            assert all(self._known(each) in (LocationState.LIVE, LocationState.RELAPSED) for each in notice.hits)
        for location in case.locations:
            status = self.room.store.hit_log.get([location.hit])[0].status
            assert (location.state is LocationState.DISMISSED) == (status is not HitStatus.CONFIRMED)

    def settles_to_itself(self) -> None:
        self._settle_all()
        before = self._everything()

        self._settle_all()

        assert self._everything() == before

    def _settle_all(self) -> None:
        self.room.desk.settle_person(ANN, self.room.later())
        for n in HITS:
            self._replay(n)

    def _everything(self) -> tuple[object, ...]:
        return self.room.store.case_book.cases(), self.room.alerts(), self.room.store.outbox.waiting()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, max_size=12))
def test_no_history_sends_what_was_not_approved_or_tells_a_hit_twice(
    sink: Sink, events: list[tuple[object, ...]]
) -> None:
    sink.received.clear()
    with tempfile.TemporaryDirectory() as folder:
        history = History(sink, Path(folder))
        for event in (("add", 1), ("add", 2), *events):
            history.happens(event)
            history.check()
        history.settles_to_itself()
