"""The index of a whole house: written while it matches, gone with a withdrawal, looked at by doctor."""

import random
from pathlib import Path

import pytest

from core.model import Fingerprint, HashedPicture, PersonId
from matcher.live import TAIL
from stillwatch.health import Check, checks
from stillwatch.wiring import House, utc_now
from stillwatch.withdrawing import withdraw
from tests import houses

VICTIM, OTHER = PersonId("victim"), PersonId("other")


def enrol(house: House, person: PersonId, count: int) -> list[Fingerprint]:
    chance = random.Random(person)
    prints = [
        Fingerprint(hasher="pdq", view="full", bits=f"{chance.getrandbits(256):064x}", quality=90) for _ in range(count)
    ]
    house.people.enrol(person, "test/1", [HashedPicture(ref="one", quality=90, fingerprints=tuple(prints))], utc_now())
    return prints


def match_once(house: House) -> None:
    with house.examiner() as examiner:
        examiner.examine(b"no picture")


def index_check(house: House) -> Check:
    return next(check for check in checks(house, utc_now()) if check.name == "index")


def in_files(folder: Path, bits: str) -> bool:
    raw = b"".join(bytes.fromhex(bits[at : at + 16])[::-1] for at in range(0, len(bits), 16))
    return any(raw in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_withdrawn_hash_is_in_no_index_file_when_the_withdrawal_returns(tmp_path: Path) -> None:
    with houses.opened(tmp_path / "home") as house:
        kept = enrol(house, OTHER, TAIL)
        gone = enrol(house, VICTIM, 8)
        match_once(house)
        assert in_files(house.index_folder, kept[0].bits)
        assert in_files(house.index_folder, gone[0].bits)

        withdraw(house, {VICTIM: utc_now()})

        assert in_files(house.index_folder, kept[0].bits)
        assert not any(in_files(house.index_folder, each.bits) for each in gone)
        check = index_check(house)
        assert (check.health, f"{TAIL} hashes in 1 segments" in check.what) == ("ok", True)


def test_a_withdrawal_counts_even_where_the_index_cannot_be_purged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with houses.opened(tmp_path / "home") as house:
        enrol(house, VICTIM, 8)
        house.index_folder.write_text("in the way")

        withdraw(house, {VICTIM: utc_now()})

        assert house.enrolled_hashes.count() == 0
        assert "index.not_purged" in caplog.text


def test_doctor_names_a_damaged_index_and_the_engines(tmp_path: Path) -> None:
    with houses.opened(tmp_path / "home") as house:
        assert "no files yet" in index_check(house).what
        enrol(house, OTHER, TAIL + 1)
        match_once(house)
        (path,) = house.index_folder.glob("*/*.segment")
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

        check = index_check(house)

        assert check.health == "warn"
        assert path.name in check.what
        engines = {check.name: check for check in checks(house, utc_now()) if check.name.endswith(" engine")}
        assert set(engines) == {"search engine", "reading engine", "corner engine"}
        for engine in engines.values():
            assert "C kernel" in engine.what or ("NumPy" in engine.what and engine.cure)
