import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import CallError, ConfigError
from stores.vault import ReceiptKey, verify

CLAIM = {"act": "withdraw", "person": "ada", "at": "2026-11-23T12:00:00Z", "note": "ö"}


def test_a_receipt_verifies_with_the_public_key_alone(tmp_path: Path) -> None:
    key = ReceiptKey(tmp_path / "keys")

    assert verify(key.sign(CLAIM), key.public_key) == CLAIM


def test_a_receipt_is_short_and_survives_being_mailed(tmp_path: Path) -> None:
    receipt = ReceiptKey(tmp_path).sign({"act": "withdraw", "person": "ada", "at": "2026-11-23T12:00:00Z"})

    assert len(receipt) < 200
    assert set(receipt) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_the_key_stays_the_same(tmp_path: Path) -> None:
    first = ReceiptKey(tmp_path)
    receipt = first.sign(CLAIM)

    assert verify(receipt, ReceiptKey(tmp_path).public_key) == CLAIM


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    ReceiptKey(tmp_path / "keys").sign(CLAIM)

    [file] = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_nothing_is_made_before_it_is_used(tmp_path: Path) -> None:
    ReceiptKey(tmp_path / "keys")

    assert not (tmp_path / "keys").exists()


def test_many_that_start_together_use_one_key(tmp_path: Path) -> None:
    def public_key(_: int) -> str:
        return ReceiptKey(tmp_path).public_key

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(public_key, range(16)))) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_changed_receipt_does_not_verify(tmp_path: Path) -> None:
    key = ReceiptKey(tmp_path)
    claim, signature = key.sign(CLAIM).split(".")
    other_claim, other_signature = key.sign(CLAIM | {"person": "eve"}).split(".")

    for forged in (f"{other_claim}.{signature}", f"{claim}.{other_signature}"):
        with pytest.raises(CallError, match="not signed with this key"):
            verify(forged, key.public_key)


def test_a_receipt_of_another_key_does_not_verify(tmp_path: Path) -> None:
    receipt = ReceiptKey(tmp_path / "one").sign(CLAIM)

    with pytest.raises(CallError, match="not signed with this key"):
        verify(receipt, ReceiptKey(tmp_path / "two").public_key)


@pytest.mark.parametrize("receipt", ["", "abc", "a.b.c", "ä.ö", "...", "e30.e30!"])
def test_what_is_no_receipt_is_said_to_be_none(tmp_path: Path, receipt: str) -> None:
    with pytest.raises(CallError, match=r"no receipt|not signed"):
        verify(receipt, ReceiptKey(tmp_path).public_key)


@pytest.mark.parametrize("public_key", ["", "abc", "=" * 44])
def test_what_is_no_public_key_is_said_to_be_none(tmp_path: Path, public_key: str) -> None:
    with pytest.raises(CallError, match="no public key"):
        verify(ReceiptKey(tmp_path).sign(CLAIM), public_key)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_broken_key_is_an_error_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "receipt.pem"
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(ConfigError, match="backup"):
        ReceiptKey(tmp_path).sign(CLAIM)

    assert file.read_bytes() == content


def test_a_key_that_others_could_read_is_not_used(tmp_path: Path) -> None:
    ReceiptKey(tmp_path).sign(CLAIM)
    (tmp_path / "receipt.pem").chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        ReceiptKey(tmp_path).sign(CLAIM)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="file/keys"):
        ReceiptKey(tmp_path / "file" / "keys").sign(CLAIM)
