"""Workers that are killed, that work side by side, and whose site is erased while they write."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from tests.contracts.seen_values import DAY, NOW, everything, flat, seen
from tests.stores.seen.house import SeenHouse
from tests.stores.seen.programs import SEAL_AT

ROOT = Path(__file__).parents[3]


def start(folder: Path, first: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stores.seen.programs", "write", str(folder), str(first)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: "subprocess.Popen[str]", lines: int, pause_s: float) -> list[int]:
    """What it said it had kept, until it was killed."""
    assert process.stdout is not None
    kept = [int(process.stdout.readline()) for _ in range(lines)]
    time.sleep(pause_s)
    process.kill()
    return kept + [int(line) for line in process.stdout if line.endswith("\n")]


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_said_it_had_kept(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    moments = random.Random(seed)
    house, kept = SeenHouse(tmp_path), set()
    for turn in range(6):
        with start(tmp_path, turn * 10**5) as process:
            kept |= set(kill_after(process, moments.randint(1, 3 * SEAL_AT), moments.random() * 0.02))
            assert process.wait() == -signal.SIGKILL
        house.store.check()

        found = everything(house.store)

        assert len(found) == len(set(found))
        assert kept <= {int(place.sha256, 16) for place in found}
    assert house.sealed_files()
    assert house.store.check().damaged == []


def test_two_workers_of_one_site_each_write_their_own_log(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as one, house.writer() as other:
        one.add([seen(1)])
        other.add([seen(2)])

        assert len(house.log_files()) == 2
        assert set(everything(house.store)) == flat([seen(1), seen(2)])


def test_a_pass_goes_on_with_the_log_of_the_one_before(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    for number in range(3):
        with house.writer() as log:
            log.add([seen(number)])

    assert len(house.log_files()) == 1
    assert house.sealed_files() == []


def test_a_log_is_sealed_when_it_is_large(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer(seal_at=10) as log:
        for number in range(12):
            log.add([seen(number)])

        assert [len(house.sealed_files()), len(house.log_files())] == [2, 1]
    assert set(everything(house.store)) == flat([seen(number) for number in range(12)])


def test_a_log_is_sealed_when_it_is_a_day_old(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1)])
        log.add([seen(2, at=NOW + DAY)])
        log.add([seen(3, at=NOW + DAY)])

    assert [len(house.sealed_files()), len(house.log_files())] == [1, 1]


def test_what_a_dead_worker_of_another_site_left_is_sealed_when_a_pass_ends(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1, site="attic")])
    with house.writer() as log:
        log.add([seen(1, at=NOW + 2 * DAY)])

    assert [segment.site for segment in house.store.segments()] == ["attic", "gallery"]
    assert [len(house.sealed_files()), len(house.log_files())] == [1, 1]


def test_where_machines_share_a_shelf_what_a_dead_worker_left_is_sealed_however_young(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1, site="attic")])
    with house.writer(seal_end=True) as log:
        log.add([seen(1)])

    assert [len(house.sealed_files()), len(house.log_files())] == [2, 0]


def test_a_log_that_is_being_written_is_never_sealed_by_another(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1)])
        house.store.seal_left(NOW + 30 * DAY)

        assert house.sealed_files() == []


def test_a_worker_that_died_between_sealing_and_removing_its_log_is_not_counted_twice(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1), seen(2)])
    (path,) = house.log_files()
    left = path.read_bytes()
    house.store.seal_left(NOW + DAY)
    path.write_bytes(left)

    assert set(everything(house.store)) == flat([seen(1), seen(2)])
    assert len(house.store.segments()) == 1
    with house.writer() as log:
        log.add([seen(3)])
    assert not path.exists()
    assert set(everything(house.store)) == flat([seen(1), seen(2), seen(3)])
    assert len(everything(house.store)) == 6


def test_a_segment_that_did_not_arrive_whole_is_written_again_from_its_log(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1), seen(2)])
    (path,) = house.log_files()
    left = path.read_bytes()
    house.store.seal_left(NOW + DAY)
    (sealed,) = house.sealed_files()
    sealed.write_bytes(sealed.read_bytes()[:-100])
    path.write_bytes(left)
    house.store.seal_left(NOW + DAY)

    assert house.log_files() == []
    assert set(everything(house.store)) == flat([seen(1), seen(2)])
    assert house.store.check().damaged == []


def test_a_killed_sealing_leaves_nothing_behind(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer() as log:
        log.add([seen(1)])
    sealed_as = f"{house.log_files()[0].stem}.2.{(NOW.timestamp()):.0f}"
    folder = tmp_path / "seen" / house.log_files()[0].parent.name
    folder.mkdir(parents=True)
    house.store.seal_left(NOW + DAY)
    (sealed,) = house.sealed_files()
    assert sealed.name.startswith(sealed_as[:-3])
    half = sealed.with_name(f".{sealed.name}.0123abcd")
    half.write_bytes(sealed.read_bytes()[:50])
    assert len(house.store.segments()) == 1  # half a file is none

    log_again = house.logs / folder.name / f"{sealed.name.split('.')[0]}.unsealed"
    sealed.unlink()
    with house.writer() as log:
        log.add([seen(1)])
    house.log_files()[0].rename(log_again)
    house.store.seal_left(NOW + DAY)

    assert house.sealed_files() == [sealed]


# ---------------------------------------------------------------------------------------------------------------- erased


def test_a_crawl_that_is_still_writing_does_not_bring_an_erased_site_back(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer(seal_end=True) as log:
        log.add([seen(1), seen(1, site="attic")])
        assert house.store.erase_site("gallery") == 2
        log.add([seen(2), seen(2, site="attic")])

    assert set(everything(house.store)) == flat([seen(1, site="attic"), seen(2, site="attic")])


def test_a_site_that_is_erased_while_its_log_is_sealed_does_not_come_back(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)

    def erases(rows: bytes) -> bytes:
        """Bit planes are made in the midst of a sealing."""
        house.store.erase_site("gallery")
        return rows

    with house.writer(seal_end=True, layouts={"pdq": erases}) as log:
        log.add([seen(1)])

    assert list(house.store.segments()) == []
    assert house.sealed_files() == []
    assert house.log_files() == []


def test_a_store_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    (tmp_path / "seen").write_text("a file where the folder should be")

    with pytest.raises(StoreUnavailable, match="STILLWATCH_SEEN_URL"):
        house.store.segments()


def test_a_disk_that_does_not_take_what_was_written_is_told_to_who_writes_next(tmp_path: Path) -> None:
    log = SeenHouse(tmp_path).writer()
    log.add([seen(1)])
    site = log._sites["gallery"]
    assert site._log is not None
    end, pipe = os.pipe()
    os.dup2(pipe, site._log._fd)  # takes bytes, and refuses to bring them to a disk
    site.sync()

    with pytest.raises(StoreUnavailable, match="could not be written"):
        log.add([seen(2)])
    with pytest.raises(StoreUnavailable, match="could not be written"):
        log.close()
    os.close(end)
    os.close(pipe)
