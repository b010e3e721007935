"""A log loses nothing that was written, whatever happened to its end, and says so when its middle is damaged."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from stores.seen.log import Log, read
from tests.contracts.seen_values import NOW, everything, flat, seen
from tests.stores.seen.house import SeenHouse

ROOT = Path(__file__).parents[3]


def written(house: SeenHouse, *numbers: int) -> Path:
    with house.writer() as log:
        for number in numbers:
            log.add([seen(number)])
    (path,) = house.log_files()
    return path


def ends(data: bytes) -> list[int]:
    """Where each record ends."""
    return sorted({contents.whole for cut in range(len(data) + 1) if (contents := read(data[:cut])) is not None})


def test_a_log_cut_at_any_byte_holds_every_record_before_it(tmp_path: Path) -> None:
    data = written(SeenHouse(tmp_path), 1, 2, 3).read_bytes()
    boundaries = ends(data)
    assert len(boundaries) == 4  # the site, and three pictures
    assert boundaries[-1] == len(data)

    for cut in range(len(data) + 1):
        contents = read(data[:cut])

        whole = sum(end <= cut for end in boundaries)
        assert (0 if contents is None else len(contents.records) + 1) == whole
        assert contents is None or contents.lost == 0


@pytest.mark.parametrize("garbage", [b"", b"\0" * 40, b"\xa5SW1" + b"\xff" * 40, b"\xa5SW1\x10\0\0\0"])
@pytest.mark.parametrize("torn", [0, 1, 7, 30, 200])
def test_the_next_pass_goes_on_behind_a_torn_end(tmp_path: Path, torn: int, garbage: bytes) -> None:
    house = SeenHouse(tmp_path)
    path = written(house, 1, 2, 3)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - torn] + garbage)

    with house.writer() as log:
        log.add([seen(3), seen(4)])

    assert house.log_files() == [path]
    assert set(everything(house.store)) == flat([seen(number) for number in (1, 2, 3, 4)])


@pytest.mark.parametrize("lived", [0, 1, 5, 11, 12, 40])
def test_a_log_whose_worker_died_before_naming_the_site_holds_nobody_up(tmp_path: Path, lived: int) -> None:
    house = SeenHouse(tmp_path)
    path = written(house, 1)
    path.write_bytes(path.read_bytes()[:lived])

    assert list(house.store.segments()) == []
    with house.writer() as log:
        log.add([seen(1)])

    assert set(everything(house.store)) == flat([seen(1)])


def test_damage_in_the_middle_is_named_and_what_is_whole_is_kept(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    path = written(house, 1, 2, 3)
    data = bytearray(path.read_bytes())
    second = ends(bytes(data))[1]
    data[second + 50] ^= 1
    path.write_bytes(data)

    (segment,) = house.store.segments()
    with pytest.raises(StoreUnavailable, match=path.stem), house.store.blocks(segment.name):
        pass
    (fault,) = house.store.check().damaged
    assert str(path) in fault
    house.store.seal_left(NOW)

    assert set(everything(house.store)) == flat([seen(1), seen(3)])
    assert [segment.name for segment in house.store.segments()] == [segment.name]
    assert any("damaged" in fault for fault in house.store.check().damaged)
    assert path.with_suffix(".damaged").read_bytes() == data


def test_a_log_whose_beginning_is_damaged_is_set_aside_and_named(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    path = written(house, 1, 2)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    (fault,) = house.store.check().damaged
    assert str(path) in fault
    assert "unknown" in fault
    (segment,) = house.store.segments()  # so no sweep passes it by
    with pytest.raises(StoreUnavailable, match=f"{path.stem}.*let it lie"), house.store.blocks(segment.name):
        pass

    with house.writer() as log:
        log.add([seen(5)])

    assert set(everything(house.store)) == flat([seen(5)])
    assert str(path.with_suffix(".damaged")) in house.store.check().damaged[0]


@pytest.mark.parametrize("by_age", [True, False])
def test_a_set_aside_log_is_forgotten_and_erased_like_everything_else(tmp_path: Path, by_age: bool) -> None:
    house = SeenHouse(tmp_path)
    path = written(house, 1, 2)
    path.rename(path.with_suffix(".damaged"))

    if by_age:
        house.store.forget(NOW.replace(year=2199))
    else:
        house.store.erase_site("gallery")

    assert list(house.logs.rglob("*.damaged")) == []


def test_a_log_is_taken_by_one_process_at_a_time(tmp_path: Path) -> None:
    path = written(SeenHouse(tmp_path), 1)
    taken = Log.take(path)
    assert taken is not None

    assert Log.take(path) is None
    taken[0].close()
    again = Log.take(path)
    assert again is not None
    again[0].close()


def test_nothing_of_a_picture_is_in_a_name_or_a_repr(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer(seal_end=True) as log:
        log.add([seen(1)])
        contents = read(house.log_files()[0].read_bytes())
    names = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]

    assert not any("gallery" in name for name in names)
    assert "gallery.example" not in repr(contents)
    assert all(path.stat().st_mode & 0o077 == 0 for path in [*house.sealed_files(), *house.log_files()])


# ------------------------------------------------------------------------------------------------------------ a full disk


def told_when_full(folder: Path, *command: str) -> list[str]:
    done = subprocess.run(
        [*command, sys.executable, "-m", "tests.stores.seen.programs", "fill", str(folder)]
        + (["0"] if command else ["20000"]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_log_that_may_not_grow_is_told_with_its_cure_and_stays_readable(tmp_path: Path) -> None:
    kept, error, fingerprints = told_when_full(tmp_path)

    assert "make room" in error
    assert str(tmp_path / "logs") in error
    assert int(kept) > 5
    assert int(fingerprints) == int(kept) * 4
    pictures = [seen(number) for number in range(int(kept))]
    assert set(everything(SeenHouse(tmp_path).store)) == flat(pictures + [seen(n + 10**6) for n in range(int(kept))])


def test_a_full_disk_is_told_with_its_cure_and_loses_nothing(tmp_path: Path) -> None:
    """On a disk of 64 KiB, in a mount namespace of our own."""
    inside = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec "$@"', "sh"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace for us here; the cure: sudo sysctl -w kernel.unprivileged_userns_clone=1")

    kept, error, fingerprints = told_when_full(tmp_path, *inside)

    assert "No space left on device" in error
    assert "make room" in error
    assert int(kept) > 20
    assert int(fingerprints) == int(kept) * 4


def test_a_sealing_that_finds_no_room_is_put_off_and_loses_nothing(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    blocked = tmp_path / "seen"
    blocked.write_text("a file where the folder should be")
    with house.writer(seal_at=6, seal_end=True) as log:
        for number in range(10):
            log.add([seen(number)])
    blocked.unlink()

    assert set(everything(house.store)) == flat([seen(number) for number in range(10)])
    with house.writer(seal_at=6) as log:
        log.add([seen(10)])
    assert house.sealed_files()
    assert set(everything(house.store)) == flat([seen(number) for number in range(11)])
