"""Keys in files. For now one: it signs receipts, so that a person can prove what was done for them, and when."""

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from core.errors import CallError, ConfigError

PURPOSE = b"stillwatch receipt 1\n"  # signed along: no signature made for another purpose passes for a receipt


class ReceiptKey:
    """Ed25519, in a file that only its owner may read; made on first use.

    A key that is there but cannot be read is an error and never replaced: receipts given out would no longer verify.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "receipt.pem"

    def sign(self, claim: Mapping[str, str]) -> str:
        """The claim and its signature, `claim.signature`, each in base64url: short enough to be copied by hand into a mail."""
        payload = json.dumps(dict(claim), sort_keys=True, separators=(",", ":")).encode()
        return f"{_encode(payload)}.{_encode(self._key.sign(PURPOSE + payload))}"

    @property
    def public_key(self) -> str:
        """What `verify` needs: 32 bytes in base64url."""
        return _encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        try:
            if not self._file.exists():
                _make(self._file)
            if stat.S_IMODE(self._file.stat().st_mode) & 0o077:
                raise ConfigError(
                    f"{self._file}: others may read the key that signs receipts; the cure: chmod 600 {self._file}"
                )
            key = load_pem_private_key(self._file.read_bytes(), password=None)
        except OSError as error:
            raise ConfigError(
                f"{self._file} cannot be made or read ({error.strerror}); check the folder and its owner"
            ) from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _no_key(self._file) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _no_key(self._file)
        return key


def verify(receipt: str, public_key: str) -> Mapping[str, str]:
    """The claim of a genuine receipt. Needs no database. Raises CallError for anything else."""
    try:
        payload, signature = (_decode(part) for part in receipt.strip().split("."))
        Ed25519PublicKey.from_public_bytes(_decode(public_key.strip())).verify(signature, PURPOSE + payload)
    except (ValueError, binascii.Error) as error:
        raise CallError("this is no receipt, or no public key; copy the whole line of each") from error
    except InvalidSignature as error:
        raise CallError("the receipt was not signed with this key, or was changed since") from error
    claim: dict[str, str] = json.loads(payload)
    return claim


def _make(file: Path) -> None:
    """Two processes that start together end up with the same key, and a kill in between leaves none."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        file.hardlink_to(fresh)  # atomic, and never over one that is there
    except FileExistsError:
        pass
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _no_key(file: Path) -> ConfigError:
    return ConfigError(
        f"{file} is not a key made here; put the right file back from a backup (deleting it makes older receipts void)"
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
