"""A login is said to the agreed hosts over https, and to nobody else, whatever redirects there are; its value shows up nowhere."""

import logging
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.model import Login
from crawler.fetch import Fetched, NotFetched, Wanted
from crawler.login import Credential, read_credential
from crawler.urls import parse
from tests.crawler.test_fetch_tls import NAME, certificate, trusted
from tests.crawler.wire import Wire, by_path, fetching, response, run, wire

__all__ = ["certificate", "trusted"]  # fixtures

VALUE = "session=8f2c1a77-never-shown"
LOGIN = Login(header="Cookie", secret="gallery-login", hosts=(NAME, f"{NAME}:8443"))
CREDENTIAL = Credential(LOGIN, VALUE)


@pytest.mark.parametrize(
    ("url", "wanted", "said"),
    [
        (f"https://{NAME}/a", Wanted.PAGE, True),
        (f"https://{NAME}/a.jpg", Wanted.IMAGE, True),
        (f"https://{NAME}:8443/a", Wanted.PAGE, True),
        (f"https://{NAME}/robots.txt", Wanted.ROBOTS, False),
        (f"http://{NAME}/a", Wanted.PAGE, False),
        (f"http://{NAME}:443/a", Wanted.PAGE, False),
        (f"https://{NAME}:9443/a", Wanted.PAGE, False),
        (f"https://www.{NAME}/a", Wanted.PAGE, False),
        (f"https://{NAME}./a", Wanted.PAGE, False),
        ("https://elsewhere.example/a", Wanted.PAGE, False),
    ],
)
def test_it_is_said_to_the_exact_hosts_over_https_alone(url: str, wanted: Wanted, said: bool) -> None:
    hop = parse(url)
    assert hop is not None

    assert CREDENTIAL.headers_for(hop, wanted) == ({"Cookie": VALUE} if said else {})


def test_its_value_is_in_no_repr() -> None:
    assert VALUE not in repr(CREDENTIAL)


# ------------------------------------------------------------------------------------------------------------ by requests


def asked(tls: ssl.SSLContext, hosts: Sequence[str], to: str, *, at: str = NAME) -> tuple[Fetched | NotFetched, Wire]:
    """The site at NAME is asked for /start, which redirects to `to`; both names lead to it. PORT in `to` is its port."""

    async def resolve(_: str) -> list[str]:
        return ["127.0.0.1"]

    async def ask() -> tuple[Fetched | NotFetched, Wire]:
        answers: dict[str, bytes] = {"/end": response(b"<p>hello")}
        async with wire(by_path(answers), tls=tls) as site:
            answers["/start"] = response(status="302 X", location=to.replace("PORT", str(site.port)))
            login = Credential(replace(LOGIN, hosts=(f"{NAME}:{site.port}",)), VALUE)
            allowed = [f"{host}:{site.port}" for host in hosts]
            async with fetching(*allowed, resolve=resolve, login=login) as fetch:
                return await fetch.fetch(f"https://{at}:{site.port}/start", wanted=Wanted.PAGE), site

    return run(ask())


@pytest.fixture
def tls(trusted: Path) -> Iterator[ssl.SSLContext]:
    from crawler import fetch

    fetch._tls.cache_clear()  # made before this test's authority was trusted
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted)
    yield context
    fetch._tls.cache_clear()


def cookies(site: Wire) -> list[bool]:
    return [VALUE in head for head in site.heads]


def test_a_redirect_within_the_agreed_host_is_let_in(tls: ssl.SSLContext) -> None:
    outcome, site = asked(tls, [NAME], f"https://{NAME}:PORT/end")

    assert isinstance(outcome, Fetched)
    assert (site.paths(), cookies(site)) == (["/start", "/end"], [True, True])


def test_a_redirect_to_another_agreed_host_goes_without(tls: ssl.SSLContext) -> None:
    outcome, site = asked(tls, [NAME, "127.0.0.1"], "https://127.0.0.1:PORT/end")

    assert isinstance(outcome, NotFetched)  # the certificate is not for that name: nothing was said there at all
    assert (site.paths(), cookies(site)) == (["/start"], [True])


def test_a_redirect_to_http_goes_without(tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def resolve(_: str) -> list[str]:
        return ["127.0.0.1"]

    async def ask() -> tuple[Wire, Wire]:
        async with wire(by_path({"/end": response(b"<p>hello")})) as plain:
            moved = response(status="302 X", location=f"http://{NAME}:{plain.port}/end")
            async with wire(by_path({"/start": moved}), tls=tls) as site:
                hosts = (f"{NAME}:{site.port}", f"{NAME}:{plain.port}")
                login = Credential(replace(LOGIN, hosts=hosts), VALUE)
                async with fetching(*hosts, resolve=resolve, login=login) as fetch:
                    outcome = await fetch.fetch(f"https://{NAME}:{site.port}/start", wanted=Wanted.PAGE)
                    assert isinstance(outcome, Fetched)
                    assert VALUE not in repr(outcome)
                return site, plain

    site, plain = run(ask())
    assert (cookies(site), plain.paths(), cookies(plain)) == ([True], ["/end"], [False])
    assert VALUE not in caplog.text


# -------------------------------------------------------------------------------------------------------------- its file


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / LOGIN.secret
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return folder


def test_its_value_comes_from_a_file_that_its_owner_alone_may_read(tmp_path: Path) -> None:
    assert read_credential(LOGIN, written(tmp_path, f"{VALUE}\n")) == CREDENTIAL


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (VALUE, 0o640, "chmod 600"),
        ("", 0o600, "must hold one line"),
        ("a=1\r\nHost: elsewhere.example", 0o600, "must hold one line"),
        ("ä=1", 0o600, "cannot be read as one line of ASCII"),
        ("x" * 9000, 0o600, "must hold one line"),
    ],
)
def test_a_file_that_will_not_do_is_named_and_its_content_is_not(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_credential(LOGIN, written(tmp_path, text, mode))

    assert LOGIN.secret in str(caught.value)
    assert not text or text not in str(caught.value)


def test_a_file_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there; write the value of the header Cookie into it"):
        read_credential(LOGIN, tmp_path)
