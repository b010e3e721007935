"""The server: only for this machine, whoever asks."""

import http.client
import socket
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import web
from core.errors import ConfigError
from tests.web.test_every_page import HEADERS
from web.settings import secret_key


def nothing(_environ: object, _start_response: object) -> Iterable[bytes]:
    return []


def ask(
    url: str, path: str, *, method: str = "GET", host: str | None = None, body: str = ""
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({} if host is None else {"Host": host})
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.1.5", "example.org", "127.0.0.1.example.org", "127.1"],  # refused below
)
def test_any_other_address_than_loopback_is_refused_with_reason_and_cure(host: str) -> None:
    with pytest.raises(ConfigError) as refused:
        web.serve(nothing, host, 8080)

    assert repr(host) in str(refused.value)
    assert "no sign-in" in str(refused.value)
    assert "127.0.0.1" in str(refused.value)
    assert "ssh -L 8080" in str(refused.value)


def test_a_port_that_is_taken_is_refused_with_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="--port"):
        web.serve(nothing, "127.0.0.1", taken.getsockname()[1])


def test_the_page_is_served_on_loopback_alone(served: str) -> None:
    port = urlsplit(served).port
    assert port is not None
    sockets = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = [columns[1] for columns in sockets if columns[3] == "0A" and columns[1].endswith(f":{port:04X}")]

    assert listening == [f"0100007F:{port:04X}"]


@pytest.mark.parametrize(
    ("path", "method", "host", "status"),
    [
        ("/", "GET", None, 200),
        ("/", "HEAD", None, 200),
        ("/healthz", "GET", None, 200),
        ("/static/desk.css", "GET", None, 200),
        ("/static/../settings.py", "GET", None, 404),
        ("/nothing", "GET", None, 404),
        ("/", "GET", "evil.example", 400),
        ("/static/desk.css", "GET", "evil.example", 400),
        ("/hits/x/decision", "POST", None, 403),
        ("/hits/x/decision", "GET", None, 405),
        ("/", "DELETE", None, 403),
    ],
)
def test_what_is_really_served_carries_the_headers(
    served: str, path: str, method: str, host: str | None, status: int
) -> None:
    answer = ask(served, path, method=method, host=host)

    assert answer.status == status
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["Server"] is None


def test_a_form_that_is_too_large_is_refused(served: str) -> None:
    token = "a" * 32
    connection = http.client.HTTPConnection(urlsplit(served).netloc, timeout=10)
    connection.request(
        "POST",
        "/hits/x/decision",
        body=f"csrfmiddlewaretoken={token}&decision=" + "x" * 100_000,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"stillwatch_csrf={token}"},
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert answer.status in (400, 403)
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


def test_the_key_is_made_once_for_its_owner_alone(home: Path) -> None:
    first = web.django_settings(home)["SECRET_KEY"]

    assert web.django_settings(home)["SECRET_KEY"] == first
    assert len(str(first)) >= 50
    assert stat.S_IMODE((home / "web.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["web.key"]
    assert web.django_settings(home / "other")["SECRET_KEY"] != first


def test_processes_that_start_together_use_one_key(home: Path) -> None:
    home.mkdir()
    keys: list[str] = []
    together = threading.Barrier(8)

    def begin() -> None:
        together.wait()
        keys.append(secret_key(home / "web.key"))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_others_may_read_is_refused_with_the_cure(home: Path) -> None:
    web.django_settings(home)
    (home / "web.key").chmod(0o640)

    with pytest.raises(ConfigError, match="chmod 600"):
        web.django_settings(home)


def test_a_key_that_is_no_key_is_refused(home: Path) -> None:
    web.django_settings(home)
    (home / "web.key").write_text("changeme\n")

    with pytest.raises(ConfigError, match="delete the file"):
        web.django_settings(home)


def test_debugging_is_off(home: Path) -> None:
    assert web.django_settings(home)["DEBUG"] is False
