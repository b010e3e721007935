"""The servers, the browser and the network that tests are given."""

import http.server
import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest
from redis import Redis

from tests import engines
from tests.namespace import NotOurOwnNetwork, alone, in_own_network, namespaces_work, require_own_network

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_redis_is_a_real_one_and_starts_empty(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.info("server")["redis_version"]
        assert client.dbsize() == 0

        client.set("left", "behind")


def test_redis_is_emptied_between_tests(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.get("left") is None


def test_each_postgres_database_is_new(postgres_url: str, postgres_server: engines.Postgres) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE seen (id int)")

    with postgres_server.new_database() as another, psycopg.connect(another) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'seen'").fetchone() == (0,)


def test_postgres_wants_its_password(postgres_server: engines.Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres_server.url("postgres").replace(postgres_server.password, "wrong"))


def test_elasticsearch_is_the_version_it_should_be(
    elasticsearch_url: str, request: pytest.FixtureRequest, index_prefix: str
) -> None:
    with urllib.request.urlopen(f"{elasticsearch_url}/_nodes?filter_path=nodes.*.version") as answer:
        (node,) = json.load(answer)["nodes"].values()

    assert f"elasticsearch-{node['version'].split('.')[0]}" in request.node.name


def test_the_indices_of_a_test_are_dropped(elasticsearch_url: str) -> None:
    for name in ("drop-me-1", "drop-me-2"):
        urllib.request.urlopen(urllib.request.Request(f"{elasticsearch_url}/{name}", method="PUT")).close()

    engines.drop_indices(elasticsearch_url, "drop-me-")

    with urllib.request.urlopen(f"{elasticsearch_url}/_cat/indices?h=index") as answer:
        assert b"drop-me" not in answer.read()


@pytest.fixture
def hello_url() -> Iterator[str]:
    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>hello</h1>")

        def log_message(self, *_: object) -> None:
            """Nothing to tell."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_browser_shows_a_page(browser_page: "Page", hello_url: str) -> None:
    browser_page.goto(hello_url)

    assert browser_page.locator("h1").inner_text() == "hello"


@pytest.mark.own_network
def test_a_marked_test_is_alone_on_its_network_with_loopback_up(hello_url: str) -> None:
    require_own_network()

    with urllib.request.urlopen(hello_url) as answer:
        assert answer.status == 200


def test_a_test_that_needs_its_own_network_refuses_to_start_elsewhere() -> None:
    if alone():
        pytest.skip("this machine has no interface but loopback; the cure: run it where there is a network")

    with pytest.raises(NotOurOwnNetwork, match="unshare -rn"):
        require_own_network()


def test_a_command_in_its_own_network_reaches_nothing() -> None:
    if not namespaces_work():
        pytest.skip("no network namespaces here; the cure: see tests/namespace.py")
    snippet = "import socket; print([name for _, name in socket.if_nameindex()])"

    run = in_own_network(sys.executable, "-c", snippet)

    assert run.stdout.strip() == "['lo']"
