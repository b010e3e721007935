"""What Elasticsearch may answer, or not answer, on a bad day."""

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ConfigError, StillwatchError, StoreUnavailable
from core.model import HitQuery
from stores.elasticsearch import ElasticHitIndex
from tests.contracts.values import hit
from tests.stores.answering import Answer, answering, self_signed

Act = Callable[[ElasticHitIndex], object]

ACTS: dict[str, Act] = {
    "put": lambda index: index.put([hit()]),
    "search": lambda index: index.search(HitQuery()),
    "rebuild": lambda index: index.rebuild([hit()]),
}


@pytest.fixture(params=list(ACTS))
def act(request: pytest.FixtureRequest) -> Act:
    return ACTS[request.param]


def error(kind: str) -> dict[str, object]:
    return {"error": {"type": kind, "reason": hit().image_url, "root_cause": []}}


@pytest.mark.parametrize(
    ("status", "body", "expected", "says"),
    [
        (401, error("security_exception"), ConfigError, "password or API key"),
        (403, error("security_exception"), ConfigError, "rights"),
        (403, error("cluster_block_exception"), StoreUnavailable, "cluster_block_exception"),
        (400, error("media_type_header_exception"), StoreUnavailable, "400 media_type_header_exception"),
        (413, b"", StoreUnavailable, "413"),
        (429, error("circuit_breaking_exception"), StoreUnavailable, "429 circuit_breaking_exception"),
        (500, error("illegal_state_exception"), StoreUnavailable, "500 illegal_state_exception"),
        (503, error("master_not_discovered_exception"), StoreUnavailable, "503"),
        (502, b"<html>Bad Gateway</html>", StoreUnavailable, "no JSON"),
    ],
)
def test_every_answer_that_is_no_success_is_an_error_of_ours_that_repeats_nothing_sent(
    act: Act, status: int, body: object, expected: type[StillwatchError], says: str
) -> None:
    def answer(line: str, _: bytes) -> Answer:
        return (200, {}) if line.startswith("HEAD") else (status, body)

    with answering(answer) as server, pytest.raises(expected, match=says) as refused:
        act(ElasticHitIndex(server.url))

    assert hit().image_url not in str(refused.value)


def test_a_wrong_password_is_tried_once() -> None:
    with answering(lambda *_: (401, error("security_exception"))) as server, pytest.raises(ConfigError):
        ElasticHitIndex(server.url).search(HitQuery())

    assert len(server.asked) == 1


def test_nobody_there_is_unavailable(act: Act) -> None:
    with pytest.raises(StoreUnavailable, match="ELASTICSEARCH_URL"):
        act(ElasticHitIndex("http://127.0.0.1:1"))


def test_a_server_that_never_answers_is_unavailable(act: Act) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # connections wait in its queue, nobody takes them
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        with pytest.raises(StoreUnavailable, match=r"timed? ?out"):
            act(ElasticHitIndex(url, timeout_s=0.1))


def test_another_kind_of_server_is_named(act: Act) -> None:
    with (
        answering(lambda *_: (200, {"hello": "world"}), sends={}) as server,
        pytest.raises(ConfigError, match="not Elasticsearch"),
    ):
        act(ElasticHitIndex(server.url))


def test_an_answer_that_is_no_json_is_unavailable() -> None:
    with answering(lambda *_: (200, b"<html>maintenance</html>")) as server, pytest.raises(StoreUnavailable):
        ElasticHitIndex(server.url).search(HitQuery())


def test_each_item_of_a_bulk_answer_is_judged_by_itself() -> None:
    statuses = {
        hit(1).id: (201, None),
        hit(2).id: (409, "version_conflict_engine_exception"),
        hit(3).id: (429, "es_rejected_execution_exception"),
        hit(4).id: (503, "unavailable_shards_exception"),
        hit(5).id: (400, "document_parsing_exception"),
        hit(6).id: (403, "cluster_block_exception"),
    }

    def answer(line: str, body: bytes) -> Answer:
        if line.startswith("HEAD"):
            return 404, b""
        sent = [json.loads(each)["index"]["_id"] for each in body.splitlines()[::2]]
        items = []
        for each in sent:
            status, kind = statuses[each]
            why = {} if kind is None else {"error": {"type": kind, "reason": "…"}}
            items.append({"index": {"_id": each, "status": status, **why}})
        return 200, {"items": items}

    with answering(answer) as server:
        refused = ElasticHitIndex(server.url).put([hit(number) for number in range(1, 7)])

    assert {each: again for each, _, again in refused} == {
        hit(3).id: True,
        hit(4).id: True,
        hit(5).id: False,
        hit(6).id: True,
    }


def test_a_part_of_the_shards_is_never_taken_for_the_whole() -> None:
    with answering(lambda *_: (200, {"hits": {"hits": []}})) as server:
        ElasticHitIndex(server.url).search(HitQuery(text="beach"))

    [(line, _, _)] = server.asked
    assert line.startswith("POST /stillwatch-hits/_search?")
    assert "allow_partial_search_results=false" in line


# --- the address


def test_user_and_password_of_the_address_are_sent() -> None:
    with answering(lambda *_: (200, {"hits": {"hits": []}})) as server:
        ElasticHitIndex(server.url.replace("://", "://desk:p%40ss@") + "/").search(HitQuery())

    [(_, headers, _)] = server.asked
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"desk:p@ss"


def test_an_api_key_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("c2VjcmV0\n")
    with answering(lambda *_: (200, {"hits": {"hits": []}})) as server:
        ElasticHitIndex(f"{server.url}/under/a/path?api_key_file={tmp_path}/key").search(HitQuery())

    [(line, headers, _)] = server.asked
    assert headers["authorization"] == "ApiKey c2VjcmV0"
    assert line.startswith("POST /under/a/path/stillwatch-hits/_search?")


def test_a_certificate_that_nobody_vouches_for_is_refused_and_one_of_ours_is_taken(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with answering(lambda *_: (200, {"hits": {"hits": []}}), certificate=certificate) as server:
        with pytest.raises(ConfigError, match=r"\?ca="):
            ElasticHitIndex(server.url).search(HitQuery())
        assert server.asked == []

        assert list(ElasticHitIndex(f"{server.url}?ca={certificate}").search(HitQuery())) == []


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("", "http"),
        ("ftp://u:geheim@h", "https://"),
        ("http://:9200", "name a host"),
        ("http://u:geheim@h:port", "cannot be read"),
        ("http://u:geheim@h?verify=no", "api_key_file, ca"),
        ("http://u:geheim@h?ca=/x.pem", "https://"),
        ("https://u:geheim@h?ca=/nowhere.pem", "/nowhere.pem"),
        ("https://h?api_key_file=/nowhere", "/nowhere"),
    ],
)
def test_an_address_that_is_not_understood_is_refused_with_the_cure_and_without_the_password(
    url: str, cure: str
) -> None:
    with pytest.raises(ConfigError, match=cure) as refused:
        ElasticHitIndex(url)

    assert "geheim" not in str(refused.value)


def test_an_empty_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").touch()

    with pytest.raises(ConfigError, match="is empty"):
        ElasticHitIndex(f"https://h?api_key_file={tmp_path}/key")
