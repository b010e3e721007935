"""The live index against comparing every pair: through changes, restarts, damage, and while it is being written."""

import json
import random
import resource
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreUnavailable
from core.model import Fingerprint, HashChanges
from matcher.hamming import Words
from matcher.index import HashIndex
from matcher.index_files import IndexFolder, _header, _map
from matcher.live import LiveIndex, purge
from tests.contracts.waiting import until
from tests.matcher.enrolled import Store, as_found, matches

CHANCE = random.Random(7)
CENTRES = [CHANCE.getrandbits(256) for _ in range(3)]


def near(centre: int, flips: int, seed: int = 0) -> str:
    """So many bits away from a centre."""
    for bit in random.Random(f"{centre} {seed}").sample(range(256), flips):
        centre ^= 1 << bit
    return f"{centre:064x}"


def seen(*bits: str) -> list[Fingerprint]:
    return [
        Fingerprint(hasher="pdq" if len(each) == 64 else "phash64", view=f"view-{at}", bits=each, quality=90)
        for at, each in enumerate(bits)
    ]


EVERYTHING = seen(*(f"{centre:064x}" for centre in CENTRES), f"{CENTRES[0] % 2**64:016x}")


class Clock:
    """A quarter of a second passes with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


@contextmanager
def live(
    store: Store,
    folder: Path | None,
    *,
    tail: int = 8,
    build: Callable[[Words, int], HashIndex] = HashIndex.build,
    check_after_s: float = 0.0,
) -> Iterator[LiveIndex]:
    index = LiveIndex(store, folder, Clock(), build, tail, check_after_s)
    try:
        yield index
    finally:
        index.close()


def settle(index: LiveIndex) -> None:
    """Until nothing is left to be written."""
    for _ in range(20):
        index.now()
        if index._writer is None:
            return
        index._writer.join()
        index._writer = None
    pytest.fail("it is written again and again")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def segments(folder: Path) -> list[Path]:
    return [path for path in files(folder) if path.suffix == ".segment"]


def filled(count: int = 40) -> Store:
    store = Store()
    for number in range(count):
        store.enrol(f"person-{number % 5}", [near(CENTRES[number % 3], number % 36, number)])
    return store


# --- histories

PEOPLE = st.sampled_from(["anna", "ben", "carla"])
THRESHOLDS = st.sampled_from([-1, 0, 1, 30, 31, 32, 62, 63, 64, 255, 256, 400])
BITS = st.builds(
    near,
    st.sampled_from(CENTRES),
    st.sampled_from([0, 1, 29, 30, 31, 32, 33, 62, 63, 64, 65]),
    st.integers(0, 3),
)
SMALL_BITS = st.integers(0, 8).map(lambda flips: f"{(CENTRES[0] ^ (2**flips - 1)) % 2**64:016x}")


@dataclass(frozen=True)
class Act:
    name: str
    person: str = ""
    bits: tuple[str, ...] = ()
    threshold: int = 0

    def happen(self, store: Store) -> None:
        if self.name == "enrol":
            hasher = "pdq" if len(self.bits[0]) == 64 else "phash64"
            store.enrol(self.person, self.bits, threshold=self.threshold, hasher=hasher)
        elif self.name == "withdraw":
            store.withdraw(self.person)
        elif self.name == "threshold":
            store.set_threshold(self.person, self.threshold)


CHANGES = st.one_of(
    st.builds(Act, st.just("enrol"), PEOPLE, st.lists(BITS, min_size=1, max_size=12).map(tuple), THRESHOLDS),
    st.builds(Act, st.just("enrol"), PEOPLE, st.tuples(SMALL_BITS), st.sampled_from([-1, 0, 5, 6, 7, 64])),
    st.builds(Act, st.just("withdraw"), PEOPLE),
    st.builds(Act, st.just("threshold"), PEOPLE, st.just(()), THRESHOLDS),
)
STEPS = st.builds(Act, st.sampled_from(["restart", "other folder", "settle", "purge", "backup", "restore"]))


class Scene:
    """An index that is stopped and started, over folders that stay."""

    def __init__(self, folders: list[Path | None]) -> None:
        self.store = Store()
        self.folders = folders
        self.backup = self.store.backup()
        self.index = self._started()

    def _started(self) -> LiveIndex:
        return LiveIndex(self.store, self.folders[0], Clock(), tail=8, check_after_s=0.0)

    def step(self, act: Act) -> None:
        act.happen(self.store)
        if act.name == "settle":
            settle(self.index)
        elif act.name == "purge" and self.folders[0] is not None:
            assert purge(self.store, self.folders[0])
        elif act.name == "backup":
            self.backup = self.store.backup()
        elif act.name == "restore":
            self.store.restore(self.backup)
        elif act.name in {"restart", "other folder"}:
            self.index.close()
            if act.name == "other folder":
                self.folders.reverse()
            self.index = self._started()

    def check(self) -> None:
        assert as_found(self.index.search(EVERYTHING)) == matches(self.store, EVERYTHING)
        assert self.index.now().count == self.store.count()


@settings(max_examples=150, deadline=None)
@given(history=st.lists(st.one_of(CHANGES, STEPS), max_size=25), in_files=st.booleans())
def test_through_any_history_it_finds_what_comparing_every_pair_finds(
    tmp_path_factory: pytest.TempPathFactory, history: Sequence[Act], in_files: bool
) -> None:
    scene = Scene([tmp_path_factory.mktemp("index") if in_files else None for _ in range(2)])
    for act in [*history, Act("settle"), Act("restart"), Act("settle")]:
        scene.step(act)
        scene.check()
    scene.index.close()


@settings(max_examples=30, deadline=None)
@given(history=st.lists(CHANGES, max_size=25))
def test_processes_that_share_a_folder_find_the_same(
    tmp_path_factory: pytest.TempPathFactory, history: Sequence[Act]
) -> None:
    folder = tmp_path_factory.mktemp("index")
    store = Store()
    with live(store, folder) as one, live(store, folder) as other:
        for at, act in enumerate(history):
            act.happen(store)
            for index in (one, other)[:: 1 if at % 2 else -1]:
                assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_what_the_index_says_is_confirmed_by_the_store_even_before_it_has_heard_of_a_change() -> None:
    store = filled()
    store.enrol("anna", [near(CENTRES[0], 20)])
    backup = store.backup()
    store.enrol("ben", [near(CENTRES[0], 10)])
    index = LiveIndex(store, None, clock=lambda: 0.0)  # no time passes, so nobody asks for the version
    assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)

    store.set_threshold("anna", 19)
    assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)
    store.withdraw("anna")
    assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)
    store.restore(backup)
    store.enrol("carla", [near(CENTRES[0], 64)])  # has the number that was ben's
    assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


# --- what is in the files


def test_after_a_restart_only_what_changed_is_read_from_the_store(tmp_path: Path) -> None:
    store = filled()
    with live(store, tmp_path) as index:
        settle(index)
    store.enrol("new", [near(CENTRES[0], 3)])
    read = []

    class Listening(Store):
        def changes(self, since: int) -> HashChanges:
            told = super().changes(since)
            read.append(len(told.changed))
            return told

    listening = Listening()
    listening.kept = store.kept
    with live(listening, tmp_path) as index:
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)

    assert read == [1]


def test_an_unchanged_version_costs_one_question(tmp_path: Path) -> None:
    store = filled()
    with live(store, tmp_path) as index:
        settle(index)
        index.now()
        store.asked.clear()
        index.now()

    assert store.asked == ["version"]


def test_files_say_nobodys_name_and_are_their_owners_alone(tmp_path: Path) -> None:
    store = filled()
    folder = tmp_path / "index"
    with live(store, folder) as index:
        settle(index)

    assert segments(folder)
    assert {path.stat().st_mode & 0o777 for path in files(folder)} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in [folder, *folder.iterdir()] if path.is_dir()} == {0o700}
    for path in files(folder):
        assert b"person" not in path.read_bytes()
        assert b"ref-" not in path.read_bytes()


def holds(folder: Path, bits: str) -> bool:
    """As it would stand in a column of little-endian words."""
    raw = b"".join(bytes.fromhex(bits[at : at + 16])[::-1] for at in range(0, len(bits), 16))
    return any(raw in path.read_bytes() for path in files(folder))


def test_what_is_purged_is_in_no_file(tmp_path: Path) -> None:
    store = filled()
    victim = near(CENTRES[0], 5, 99)
    store.enrol("victim", [victim])
    with live(store, tmp_path) as index:
        settle(index)
        assert holds(tmp_path, victim)
        store.withdraw("victim")

        assert purge(store, tmp_path)

        assert not holds(tmp_path, victim)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_a_writer_that_is_behind_does_not_bring_back_what_was_purged(tmp_path: Path) -> None:
    store = filled()
    victim = near(CENTRES[0], 5, 99)
    store.enrol("victim", [victim])
    with live(store, tmp_path, tail=1000) as behind:
        snapshot = behind.now()
        store.withdraw("victim")
        assert purge(store, tmp_path)

        behind._made(snapshot)

        assert not holds(tmp_path, victim)


def test_a_purge_waits_for_a_writer_that_is_under_way(tmp_path: Path) -> None:
    store = filled()
    victim = near(CENTRES[0], 5, 99)
    holding, behind_may_go = threading.Event(), threading.Event()

    def slow(bits: Words, radius: int) -> HashIndex:
        holding.set()
        assert behind_may_go.wait(60)
        return HashIndex.build(bits, radius)

    empty = tmp_path / "empty"
    store.enrol("victim", [victim])
    with live(store, empty, build=slow) as behind, ThreadPoolExecutor(1) as threads:
        behind.now()  # begins to write
        holding.wait(60)
        store.withdraw("victim")
        purging = threads.submit(purge, store, empty)
        behind_may_go.set()

        assert purging.result() is True
        assert not holds(empty, victim)


def test_with_no_room_for_new_segments_a_purge_removes_the_old_ones(tmp_path: Path) -> None:
    store = filled()
    victim = near(CENTRES[0], 5, 99)
    store.enrol("victim", [victim])
    with live(store, tmp_path) as index:
        settle(index)
    store.withdraw("victim")

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        assert purge(store, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not holds(tmp_path, victim)
    assert not segments(tmp_path)
    with live(store, tmp_path) as index:
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_a_removal_is_written_soon_and_without_being_asked(tmp_path: Path) -> None:
    store = filled()
    victim = near(CENTRES[0], 5, 99)
    store.enrol("victim", [victim])
    with live(store, tmp_path, tail=30) as index:
        settle(index)
        assert holds(tmp_path, victim)

        store.withdraw("victim")
        settle(index)

        assert not holds(tmp_path, victim)


def test_while_another_process_writes_a_purge_says_that_it_could_not(tmp_path: Path) -> None:
    with IndexFolder(tmp_path).writing() as mine:
        assert mine
        assert purge(filled(), tmp_path, wait_s=0.0) is False


def test_who_does_not_get_to_write_takes_what_the_other_wrote(tmp_path: Path) -> None:
    store = filled()
    with live(store, tmp_path) as one, live(store, tmp_path) as other:
        one.now()
        other.now()
        for each in (one, other, one, other):  # whichever of them wrote first
            settle(each)
            each._rest_until = 0.0

        assert one.now().base.token == other.now().base.token != ""
        assert as_found(other.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_segments_stay_few(tmp_path: Path) -> None:
    store = Store()
    with live(store, tmp_path, tail=4) as index:
        for number in range(300):
            store.enrol(f"person-{number}", [near(CENTRES[number % 3], number % 32, number)])
            settle(index)

        assert len(segments(tmp_path)) <= 10
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


# --- searches go on


def test_a_search_does_not_wait_for_a_segment_to_be_built(tmp_path: Path) -> None:
    store = filled()
    building, go_on = threading.Event(), threading.Event()

    def held_up(bits: Words, radius: int) -> HashIndex:
        building.set()
        assert go_on.wait(60)
        return HashIndex.build(bits, radius)

    with live(store, tmp_path, build=held_up) as index:
        index.now()
        assert building.wait(60)

        store.enrol("late", [near(CENTRES[1], 2, 5)])
        store.withdraw("person-2")
        with ThreadPoolExecutor(3) as threads:
            found = [as_found(each) for each in threads.map(lambda _: index.search(EVERYTHING), range(6))]

        assert not go_on.is_set()
        assert found == [matches(store, EVERYTHING)] * 6
        go_on.set()
        settle(index)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_a_segment_that_cannot_be_built_stops_no_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(bits: Words, radius: int) -> HashIndex:
        raise MemoryError

    store = filled()
    with live(store, tmp_path, build=broken) as index:
        index.now()
        until(lambda: "index.not_made" in caplog.text)

        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_a_store_that_does_not_answer_is_no_answer(tmp_path: Path) -> None:
    store = filled()
    with live(store, tmp_path) as index:
        settle(index)
        store.down = True

        with pytest.raises(StoreUnavailable):
            index.search(EVERYTHING)
        with pytest.raises(StoreUnavailable):  # the version may be known: who is meant must be asked all the same
            list(index._snapshot.matches(EVERYTHING))  # type: ignore[union-attr]  # there is one by now


def test_a_row_that_is_no_hash_hides_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    store = filled()
    store.enrol("odd", ["not a hash", "0" * 16, "0" * 63 + "x"])
    expected = matches_without(store, "odd")
    with live(store, None) as index:
        assert as_found(index.search(EVERYTHING)) == expected

    assert caplog.text.count("index.no_hash") == 3
    assert "not a hash" not in caplog.text


def matches_without(store: Store, person: str) -> list[tuple[str, str, int]]:
    others = Store()
    others.kept.held = {entry: each for entry, each in store.kept.held.items() if each[0].person != person}
    return matches(others, EVERYTHING)


# --- folders that are damaged, foreign or cannot be written


def offsets(path: Path) -> dict[str, tuple[int, int]]:
    """Where each part of a segment file begins, and its length."""
    header, start = _header(_map(path))
    parts = {part["name"]: (start + part["at"], part["bytes"]) for part in json.loads(header)["parts"]}
    return {"header": (0, 16 + len(header)), **parts}


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    fresh = path.with_suffix(".damaged")
    fresh.write_bytes(data)  # another inode: what is mapped stays what it is
    fresh.replace(path)


PARTS = ["header", "entries", "thresholds", "bits", "index/rows", "index/starts", "index/following", "index/rest"]


@pytest.mark.parametrize("part", PARTS)
def test_damage_is_found_named_and_mended_from_the_store(
    tmp_path: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = filled(1200)  # enough for an index of bands
    with live(store, tmp_path) as index:
        settle(index)
    (path,) = segments(tmp_path)
    first, length = offsets(path)[part]
    flip(path, first + random.Random(part).randrange(length - 40, length))

    with live(store, tmp_path) as index:
        index.search(EVERYTHING)  # whatever it finds: it does not fall over
        until(lambda: "index.damaged" in caplog.text)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)
        settle(index)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)

    assert path.name in caplog.text
    folder = IndexFolder(tmp_path)
    mended = folder.open()
    assert mended is not None
    folder.check(mended)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "manifest").write_bytes(b""),
        lambda folder: (folder / "manifest").write_bytes(b"\x00" * 300),
        lambda folder: (folder / "manifest").write_bytes((folder / "manifest").read_bytes()[:-12]),
        lambda folder: flip(folder / "manifest", 30),
        lambda folder: segments(folder)[0].unlink(),
        lambda folder: segments(folder)[0].write_bytes(b""),
        lambda folder: segments(folder)[0].write_bytes(b"another program's file" * 100),
        lambda folder: segments(folder)[0].write_bytes(segments(folder)[0].read_bytes()[:-64]),
        lambda folder: segments(folder)[0].write_bytes(segments(folder)[0].read_bytes() + bytes(64)),
    ],
    ids=["empty", "zeros", "torn", "flipped", "no-segment", "empty-segment", "foreign", "cut", "longer"],
)
def test_a_folder_that_is_not_what_was_written_is_written_anew(
    tmp_path: Path, harm: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    store = filled()
    with live(store, tmp_path) as index:
        settle(index)
    harm(tmp_path)

    with live(store, tmp_path) as index:
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)
        settle(index)
    mended = IndexFolder(tmp_path).open()

    assert "index.damaged" in caplog.text
    assert mended is not None
    assert len(segments(tmp_path)) == len(mended.segments)


@pytest.mark.parametrize("emptied", [False, True])
def test_the_index_of_another_database_is_not_believed(tmp_path: Path, emptied: bool) -> None:
    ours, other = filled(), Store()
    other.enrol("somebody", [near(CENTRES[0], 1, number) for number in range(30)])
    with live(other, tmp_path) as index:
        settle(index)
        if emptied:
            other.withdraw("somebody")
            settle(index)

    with live(ours, tmp_path) as index:
        assert as_found(index.search(EVERYTHING)) == matches(ours, EVERYTHING)
        settle(index)
        assert as_found(index.search(EVERYTHING)) == matches(ours, EVERYTHING)

    assert segments(tmp_path)
    assert not holds(tmp_path, near(CENTRES[0], 1, 3))


def test_a_restored_backup_is_what_is_searched(tmp_path: Path) -> None:
    """Entry numbers come again for other hashes, and who was removed since is there again."""
    store = filled()
    store.enrol("anna", [near(CENTRES[0], 2, 1)] * 9)
    backup = store.backup()
    with live(store, tmp_path) as index:
        settle(index)
        store.withdraw("anna")
        store.enrol("ben", [near(CENTRES[1], 2, 1)] * 9)
        settle(index)

        store.restore(backup)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)
        store.enrol("carla", [near(CENTRES[2], 2, 1)] * 9)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)
        settle(index)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)

    with live(store, tmp_path) as index:
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_where_nothing_can_be_written_everything_is_held_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    store = filled()
    with live(store, tmp_path / "file" / "index") as index:
        index.now()
        until(lambda: "index.not_written" in caplog.text)
        for _ in range(3):
            store.enrol("more", [near(CENTRES[0], 4, 8)])
            assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)

        until(lambda: len(index.now().since) <= 8)
        assert as_found(index.search(EVERYTHING)) == matches(store, EVERYTHING)


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    store = filled()
    with live(store, tmp_path) as index:
        settle(index)
    left = [tmp_path / "pdq" / "0123.segment", tmp_path / "pdq" / "0123.segment.ab", tmp_path / "manifest.cd"]
    for path in left:
        path.write_bytes(b"half of a fi")

    store.withdraw("person-1")
    with live(store, tmp_path) as index:
        settle(index)

    assert not any(path.exists() for path in left)
