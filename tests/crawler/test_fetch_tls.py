"""Certificates are verified for the name that was asked for, at the address that was checked."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.model import State
from crawler.fetch import Fetched, FetchLimits, NotFetched, Wanted
from tests.crawler.test_fetch import found, refused
from tests.crawler.wire import fetching, response, run, saying, wire

NAME = "gallery.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Self-signed, for NAME alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As a machine trusts its own authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


def asked(certificate: Path, name: str) -> tuple[Fetched | NotFetched, list[str], list[str | None]]:
    """What comes of asking by this name, the hosts that requests named, and the names that TLS was begun with."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)

    async def resolve(_: str) -> list[str]:
        return ["127.0.0.1"]

    async def ask() -> tuple[Fetched | NotFetched, list[str], list[str | None]]:
        async with wire(saying(response(b"<p>hello")), tls=context) as site:
            async with fetching(f"{name}:{site.port}", resolve=resolve) as fetch:
                outcome = await fetch.fetch(f"https://{name}:{site.port}/", wanted=Wanted.PAGE)
            return outcome, [head.split("\r\n")[1].replace(str(site.port), "PORT") for head in site.heads], names

    return run(ask())


def test_the_name_that_was_asked_for_is_what_tls_and_the_request_name(trusted: Path) -> None:
    outcome, hosts, names = asked(trusted, NAME)

    assert found(outcome).body == b"<p>hello"
    assert hosts == [f"Host: {NAME}:PORT"]
    assert names == [NAME]


@pytest.mark.parametrize("name", ["other.example", "www.gallery.example"])
def test_a_certificate_for_another_name_is_no_answer(trusted: Path, name: str) -> None:
    outcome, hosts, _ = asked(trusted, name)

    assert refused(outcome).state is State.UNREACHABLE
    assert refused(outcome).reason == "its certificate is not valid for this name"
    assert hosts == []


def test_a_certificate_that_nobody_vouches_for_is_no_answer(certificate: Path) -> None:
    outcome, hosts, _ = asked(certificate, NAME)

    assert refused(outcome).state is State.UNREACHABLE
    assert hosts == []


def test_plain_http_on_a_tls_port_is_no_answer() -> None:
    async def ask() -> Fetched | NotFetched:
        limits = FetchLimits(connect_s=0.5)
        async with wire(saying()) as site, fetching(site.host, limits=limits) as fetch:
            return await fetch.fetch(f"https://{site.host}/", wanted=Wanted.PAGE)

    assert refused(run(ask())).state in (State.UNREACHABLE, State.TIMEOUT)
