"""What is sealed is open to the right key, person and picture only; and the key's file is kept as the others are."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ConfigError
from stores.vault import SealBroken, SealKey

CORNERS = b"corners of a picture" * 50


@pytest.fixture
def key(tmp_path: Path) -> SealKey:
    return SealKey(tmp_path / "keys")


def test_what_was_sealed_opens_also_in_the_next_process(key: SealKey) -> None:
    sealed = key.seal("ada", "digest", CORNERS)

    assert key.open("ada", "digest", sealed) == CORNERS
    assert SealKey(key.file.parent).open("ada", "digest", sealed) == CORNERS


def test_sealed_corners_show_nothing_and_no_two_are_alike(key: SealKey) -> None:
    one, two = (key.seal("ada", "digest", CORNERS) for _ in range(2))

    assert len(one) == len(CORNERS) + 29
    assert CORNERS[:16] not in one
    assert b"ada" not in one
    assert (one[0], two[0]) == (1, 1)
    assert one[1:13] != two[1:13]
    assert one[13:] != two[13:]


def test_nothing_is_also_sealed(key: SealKey) -> None:
    assert key.open("ada", "digest", key.seal("ada", "digest", b"")) == b""


@pytest.mark.parametrize(("person", "picture"), [("eve", "digest"), ("ada", "other"), ("adad", "igest")])
def test_moved_to_another_person_or_picture_it_does_not_open(key: SealKey, person: str, picture: str) -> None:
    sealed = key.seal("ada", "digest", CORNERS)

    with pytest.raises(SealBroken):
        key.open(person, picture, sealed)


def test_any_changed_byte_breaks_the_seal(key: SealKey) -> None:
    sealed = key.seal("ada", "digest", b"corners")

    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(SealBroken):
            key.open("ada", "digest", bytes(damaged))


def test_no_beginning_of_it_opens(key: SealKey) -> None:
    sealed = key.seal("ada", "digest", b"corners")

    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            key.open("ada", "digest", sealed[:length])


def test_another_key_does_not_open_it(key: SealKey, tmp_path: Path) -> None:
    other = SealKey(tmp_path / "other")
    other.seal("ada", "digest", CORNERS)

    with pytest.raises(SealBroken):
        other.open("ada", "digest", key.seal("ada", "digest", CORNERS))


def test_where_the_key_is_missing_nothing_opens_and_none_is_made(key: SealKey, tmp_path: Path) -> None:
    other = SealKey(tmp_path / "other")

    with pytest.raises(SealBroken):
        other.open("ada", "digest", key.seal("ada", "digest", CORNERS))

    assert not (tmp_path / "other").exists()


def test_a_broken_seal_says_nothing_of_what_was_sealed(key: SealKey) -> None:
    with pytest.raises(SealBroken) as broken:
        key.open("ada", "digest", b"\x01" + bytes(40))

    assert str(broken.value) == ""


# --- the file


def test_only_the_owner_can_read_the_key(key: SealKey) -> None:
    key.seal("ada", "digest", CORNERS)

    [file] = key.file.parent.iterdir()
    assert file.name == "corners.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_many_that_start_together_use_one_key(tmp_path: Path) -> None:
    def sealed(_: int) -> bytes:
        return SealKey(tmp_path).seal("ada", "digest", CORNERS)

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(sealed, range(16)))

    assert {SealKey(tmp_path).open("ada", "digest", each) for each in made} == {CORNERS}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", b"0" * 63 + b"\n", b"0" * 64, b"0" * 65 + b"\n"])
def test_a_broken_key_is_an_error_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "corners.key"
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(ConfigError, match="backup"):
        SealKey(tmp_path).seal("ada", "digest", CORNERS)
    with pytest.raises(ConfigError, match="backup"):
        SealKey(tmp_path).open("ada", "digest", b"\x01" + bytes(40))

    assert file.read_bytes() == content


def test_a_key_that_others_could_read_is_not_used(key: SealKey) -> None:
    sealed = key.seal("ada", "digest", CORNERS)
    key.file.chmod(0o640)

    with pytest.raises(ConfigError, match="chmod 600"):
        SealKey(key.file.parent).open("ada", "digest", sealed)
