"""Keys in files. One signs receipts, so that a person can prove what was done for them, and when; one makes digests of what must not be
written down; one seals what must be written down and not be read where it lies."""

import base64
import binascii
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from core.errors import CallError, ConfigError

RANDOM_KEY = re.compile(rb"[0-9a-f]{64}\n")  # as it lies in its file: 256 bits
PURPOSE = b"stillwatch receipt 1\n"  # signed along: no signature made for another purpose passes for a receipt
OF_CORNERS = b"stillwatch corners 1\n"  # no key of a person that was derived for another purpose opens corners
SEALED_1 = b"\x01"  # what is sealed with AES-256-GCM begins so; then its nonce, and last its tag
NONCE = 12  # bytes
TAG = 16  # bytes


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
        pem = _kept(self._file, _new_signing_key, "the key that signs receipts")
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _no_key(self._file, "deleting it makes older receipts void") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _no_key(self._file, "deleting it makes older receipts void")
        return key


class DigestKey:
    """For remembering somebody without writing their id down: 256 random bits in a file that only its owner may read, made on first use.

    Without the file nobody can make a digest, or find out by trying ids whose it is.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "digest.key"

    def digest(self, purpose: str, *parts: str) -> str:
        """128 bits in hex. `purpose`: at most 16 letters; digests of two purposes have nothing in common."""
        made = hashlib.blake2b(digest_size=16, key=self._key, person=purpose.encode())
        for part in parts:
            encoded = _encoded(part)
            made.update(len(encoded).to_bytes(8, "big") + encoded)
        return made.hexdigest()

    @property
    def check(self) -> str:
        """Tells this key from another, and nothing else of it; stands beside digests, so that another key's are never compared."""
        return self.digest("check")[:16]

    @cached_property
    def _key(self) -> bytes:
        return _random_key(self.file, "the key of digests", "without it nobody knows any more who withdrew")


class SealBroken(Exception):
    """Not sealed with this key for this person and picture, or damaged since. Says nothing of what was sealed, or for whom."""


class SealKey:
    """For corners, which the database holds sealed: 256 random bits in a file that only its owner may read, made when first something is
    sealed. Every machine that matches needs the same file.

    Each person has a key of their own, derived from it (HKDF-SHA256, RFC 5869). Person and picture are sealed along, so that a row that was
    moved to another of either does not open.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "corners.key"

    def seal(self, person: str, picture: str, corners: bytes) -> bytes:
        """picture: the digest of its contents. The same corners are sealed differently each time, and 29 bytes longer."""
        nonce = secrets.token_bytes(NONCE)
        return SEALED_1 + nonce + self._of(person).encrypt(nonce, corners, _sealed_along(person, picture))

    def open(self, person: str, picture: str, sealed: bytes) -> bytes:
        """Raises SealBroken; makes no key, for a fresh one opens nothing."""
        if sealed[:1] != SEALED_1 or len(sealed) < 1 + NONCE + TAG or not _there(self.file):
            raise SealBroken
        try:
            return self._of(person).decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], _sealed_along(person, picture))
        except InvalidTag as error:
            raise SealBroken from error

    def usable(self) -> bool:
        """False: there is no file yet, and none is made. Raises ConfigError for one that others may read, or that holds no key."""
        return _there(self.file) and bool(self._key)

    def _of(self, person: str) -> AESGCM:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=OF_CORNERS + _encoded(person))
        return AESGCM(derive.derive(self._key))

    @cached_property
    def _key(self) -> bytes:
        return _random_key(self.file, "the key of corners", "without it the corners must be hashed and enrolled again")


def _sealed_along(person: str, picture: str) -> bytes:
    parts = [_encoded(part) for part in (person, picture)]
    return SEALED_1 + b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


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


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _random_key(file: Path, what: str, loss: str) -> bytes:
    content = _kept(file, lambda: secrets.token_hex(32).encode() + b"\n", what)
    if RANDOM_KEY.fullmatch(content) is None:
        raise _no_key(file, loss)
    return bytes.fromhex(content.decode())


def _kept(file: Path, new: Callable[[], bytes], what: str) -> bytes:
    """The content of a key's file; on first use the new one is put there."""
    try:
        if not file.exists():
            _make(file, new())
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ConfigError(f"{file}: others may read {what}; the cure: chmod 600 {file}")
        return file.read_bytes()
    except OSError as error:
        raise _out_of_reach(file, error) from error


def _there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        raise _out_of_reach(file, error) from error


def _make(file: Path, content: bytes) -> None:
    """Two processes that start together end up with the same key, and a kill in between leaves none."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
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


def _out_of_reach(file: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{file} cannot be made or read ({error.strerror}); check the folder and its owner")


def _no_key(file: Path, loss: str) -> ConfigError:
    return ConfigError(f"{file} is not a key made here; put the right file back from a backup ({loss})")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
