"""A segment is laid out to be mapped, and a byte of it that changed is found."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import StoreUnavailable
from stores.seen.known import key_of
from stores.seen.naming import SealedFile, micros
from stores.seen.segment import ALIGNED, PREFIX, Segment, bits_of, rows_of
from tests.contracts.seen_values import DAY, NOW, everything, flat, seen
from tests.stores.seen.house import SeenHouse

PICTURES = [seen(number, prints=1 + number % 3) for number in range(600)]  # three blocks of places


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> SeenHouse:
    house = SeenHouse(tmp_path_factory.mktemp("sealed"))
    with house.writer(seal_end=True) as log:
        log.add(PICTURES)
    return house


def the_file(house: SeenHouse) -> SealedFile:
    (path,) = house.sealed_files()
    file = SealedFile.of(f"{path.parent.name}/{path.name}")
    assert file is not None
    return file


def test_its_name_says_how_many_and_when(house: SeenHouse) -> None:
    file = the_file(house)

    assert file.fingerprints == sum(len(picture.fingerprints) for picture in PICTURES)
    assert file.oldest_us == file.newest_us == micros(NOW)


def test_every_part_begins_at_a_multiple_of_64_bytes(house: SeenHouse) -> None:
    data = house.sealed_files()[0].read_bytes()
    _, length, _ = PREFIX.unpack_from(data)
    parts = json.loads(data[PREFIX.size : PREFIX.size + length])["parts"]

    assert (PREFIX.size + length) % ALIGNED == 0
    assert all(offset % ALIGNED == 0 for offset, _, _ in parts.values())
    assert {"pdq/rows", "pdq/slices", "phash64/rows", "known", "places"} <= set(parts)
    assert len(data) % ALIGNED == 0


def test_bit_planes_are_there_where_a_layout_is_known(house: SeenHouse) -> None:
    (segment,) = house.store.segments()

    with house.store.blocks(segment.name) as blocks:
        assert {block.hasher: block.slices is not None for block in blocks} == {"pdq": True, "phash64": False}


@given(st.integers(0, 2**256 - 1))
def test_a_hash_comes_back_from_its_row(number: int) -> None:
    bits = f"{number:064x}"

    assert bits_of(rows_of([bits])) == bits
    assert rows_of([bits]) == b"".join(
        (number >> shift & 2**64 - 1).to_bytes(8, "little") for shift in (192, 128, 64, 0)
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte_is_found_or_changes_nothing(house: SeenHouse, data: st.DataObject) -> None:
    (path,) = house.sealed_files()
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        faults = house.store.check().damaged

        if faults:
            assert len(faults) == 1
            assert the_file(house).segment in faults[0]
        else:
            assert set(everything(house.store)) == flat(PICTURES)  # it was padding
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("length", [0, 5, 16, 100, 5000, -64, -1])
def test_a_segment_cut_short_is_named_and_no_sweep_takes_it_for_clear(house: SeenHouse, length: int) -> None:
    (path,) = house.sealed_files()
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    name = the_file(house).segment
    try:
        if length != -1:  # padding alone
            assert name in house.store.check().damaged[0]
        if 0 <= length <= 5000:
            with pytest.raises(StoreUnavailable, match=name), house.store.blocks(name):
                pass
        assert [segment.name for segment in house.store.segments()] == [name]
    finally:
        path.write_bytes(whole)


def test_changed_planes_are_found_by_who_reads_them(house: SeenHouse) -> None:
    (path,) = house.sealed_files()
    whole = path.read_bytes()
    _, length, _ = PREFIX.unpack_from(whole)
    offset, size, _ = json.loads(whole[PREFIX.size : PREFIX.size + length])["parts"]["pdq/slices"]
    changed = bytearray(whole)
    changed[PREFIX.size + length + offset + size // 2] ^= 4
    path.write_bytes(changed)
    try:
        with (
            pytest.raises(StoreUnavailable, match=r"damaged.*backup"),
            house.store.blocks(the_file(house).segment),
        ):
            pass
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "path", ["", "a", "a/b", "a/b.seen", "a/b.1.2.seen", "a/b.1.x.3.seen", "a/b/c.1.2.3.seen", "a/.b.1.2.3.seen.0f"]
)
def test_files_of_others_are_left_alone(path: str) -> None:
    assert SealedFile.of(path) is None


def test_asking_whether_a_picture_is_known_costs_no_memory_by_their_number(tmp_path: Path) -> None:
    """40,000 pictures in ten segments: as a set of Python numbers their keys would take some four megabytes."""
    house = SeenHouse(tmp_path)
    pictures = [seen(number, prints=1) for number in range(40_000)]
    with house.writer(seal_at=4000) as log:
        for first in range(0, len(pictures), 4000):
            log.add(pictures[first : first + 4000])
    assert len(house.sealed_files()) == 10
    asked = pictures[:: len(pictures) // 500]
    late = [seen(number, prints=1, at=NOW + 6 * DAY) for number in range(0, 40_000, 80)]

    tracemalloc.start()
    with house.writer() as log:
        log.add(asked)
        log.add(late)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_000_000
    assert house.log_files() == []  # nothing was written: all were known


def test_a_damaged_list_of_known_pictures_costs_room_and_nothing_else(tmp_path: Path) -> None:
    house = SeenHouse(tmp_path)
    with house.writer(seal_end=True) as log:
        log.add([seen(1)])
    (path,) = house.sealed_files()
    file = the_file(house)
    at = path.read_bytes().index(key_of(seen(1)).to_bytes(8, "little"))
    changed = bytearray(path.read_bytes())
    changed[at] ^= 1
    path.write_bytes(changed)
    with pytest.raises(StoreUnavailable):
        Segment(file, house.shelf).known()

    with house.writer(seal_end=True) as log:
        log.add([seen(1)])

    assert len(everything(house.store)) == 4
