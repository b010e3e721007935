"""Segments in an object store are read through a cache that is bounded, checked, and forgets what was erased."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.errors import ConfigError, StoreUnavailable
from stores.seen import RemoteShelf, shelf_at
from tests.contracts.seen_values import DAY, NOW, everything, flat, seen
from tests.stores.seen.house import SeenHouse


class AwayFileSystem(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """An object store that can be cut off, as by a network that is down. Counts what it hands out."""

    protocol = "away"
    away = False
    handed_out = 0

    def _here(self) -> None:
        if AwayFileSystem.away:
            raise RuntimeError("the driver's own kind of error")

    def find(self, path: str, *args: object, **kwargs: object) -> object:
        self._here()
        return super().find(path, *args, **kwargs)

    def pipe_file(self, path: str, value: bytes, *args: object, **kwargs: object) -> object:
        self._here()
        return super().pipe_file(path, value, *args, **kwargs)

    def cat_file(self, path: str, *args: object, **kwargs: object) -> object:
        self._here()
        AwayFileSystem.handed_out += 1
        return super().cat_file(path, *args, **kwargs)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SeenHouse]:
    fsspec.register_implementation("away", AwayFileSystem, clobber=True)
    AwayFileSystem.away = False
    yield SeenHouse(tmp_path, f"away://seen-{secrets.token_hex(8)}")
    AwayFileSystem.away = False


def fill(house: SeenHouse, *numbers: int, site: str = "gallery") -> None:
    with house.writer(seal_end=True) as log:
        log.add([seen(number, site=site) for number in numbers])


def cached(house: SeenHouse) -> list[Path]:
    return sorted((house.folder / "cache").glob("*/*"))


def test_what_was_fetched_is_not_fetched_again(house: SeenHouse) -> None:
    fill(house, *range(20))
    everything(house.store)
    first = AwayFileSystem.handed_out
    assert cached(house)

    assert set(everything(house.store)) == flat([seen(number) for number in range(20)])

    headers = AwayFileSystem.handed_out - first
    assert 0 < headers < first


def test_the_cache_is_bounded(house: SeenHouse) -> None:
    for number in range(30):
        fill(house, number)
    shelf = house.shelf
    assert isinstance(shelf, RemoteShelf)
    shelf._cache_bytes = 2000

    found = everything(house.store)

    assert set(found) == flat([seen(number) for number in range(30)])
    assert 0 < sum(path.stat().st_size for path in cached(house)) <= 2000


def test_a_cache_that_cannot_be_written_is_done_without(house: SeenHouse) -> None:
    fill(house, 1, 2)
    shutil.rmtree(house.folder / "cache")
    (house.folder / "cache").write_text("a file where the folder should be")

    assert set(everything(house.store)) == flat([seen(1), seen(2)])


def test_what_arrives_changed_is_named_and_not_kept(house: SeenHouse) -> None:
    fill(house, *range(20))
    (segment,) = house.store.segments()
    store = MemoryFileSystem.store
    (path,) = [path for path in store if segment.name in path]
    whole = bytes(store[path].getbuffer())
    at = whole.index(bytes(64))
    store[path].getbuffer()[at + 5] = 255  # in the planes, which are zeros here

    with pytest.raises(StoreUnavailable, match=segment.name), house.store.blocks(segment.name):
        pass

    assert all(path.read_bytes()[5:6] != b"\xff" for path in cached(house))


def test_what_another_machine_erased_leaves_the_cache_when_somebody_looks(house: SeenHouse, tmp_path: Path) -> None:
    fill(house, 1, 2)
    fill(house, 1, site="attic")
    everything(house.store)
    elsewhere = SeenHouse(tmp_path / "elsewhere", house.url)
    before = len(cached(house))

    elsewhere.store.erase_site("gallery")
    found = everything(house.store)

    assert set(found) == flat([seen(1, site="attic")])
    assert 0 < len(cached(house)) < before


def test_two_machines_see_what_the_other_sealed(house: SeenHouse, tmp_path: Path) -> None:
    elsewhere = SeenHouse(tmp_path / "elsewhere", house.url)
    fill(house, 1)
    fill(elsewhere, 2)

    for each in (house, elsewhere):
        assert set(everything(each.store)) == flat([seen(1), seen(2)])
    fill(elsewhere, 1, 2)  # known there as well
    assert len(everything(house.store)) == 4


def test_a_crawl_goes_on_while_the_object_store_is_away_and_loses_nothing(house: SeenHouse) -> None:
    fill(house, 1)
    AwayFileSystem.away = True
    fill(house, 1, 2)
    fill(house, 3)
    with pytest.raises(StoreUnavailable, match="away://"):
        house.store.segments()
    AwayFileSystem.away = False
    house.store.seal_left(NOW + 2 * DAY)

    assert house.log_files() == []
    assert set(everything(house.store)) == flat([seen(1), seen(2), seen(3)])


def test_a_url_without_its_driver_names_the_cure(tmp_path: Path) -> None:
    for url in ("s3://bucket/seen", "nonsense://bucket/seen"):
        with pytest.raises(ConfigError, match="STILLWATCH_SEEN_URL"):
            shelf_at(url, tmp_path)


def test_no_secret_of_the_url_is_in_an_error(tmp_path: Path) -> None:
    fsspec.register_implementation("away", AwayFileSystem, clobber=True)
    shelf = shelf_at("away://user:secret@host/folder", tmp_path)
    AwayFileSystem.away = True

    with pytest.raises(StoreUnavailable) as caught:
        shelf.files()

    AwayFileSystem.away = False
    assert "secret" not in str(caught.value)
    assert "away://host/folder" in str(caught.value)
