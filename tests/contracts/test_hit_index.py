"""The searchable copy. Only a real Elasticsearch can be asked these."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from elasticsearch import Elasticsearch

from core.errors import Conflict, StoreUnavailable
from core.model import Evidence, Hit, HitQuery, HitStatus, Tier
from stores.elasticsearch import ElasticHitIndex
from stores.elasticsearch.documents import mapping
from tests.contracts.values import EVE, hit


@pytest.fixture
def alias(index_prefix: str) -> str:
    return f"{index_prefix}hits"


@pytest.fixture
def index(elasticsearch_url: str, alias: str) -> ElasticHitIndex:
    return ElasticHitIndex(elasticsearch_url, alias)


@pytest.fixture
def server(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch_url) as client:
        yield client


def found(index: ElasticHitIndex, query: HitQuery = HitQuery()) -> set[str]:  # noqa: B008 – frozen
    index.refresh()
    return set(index.search(query))


def revised(known: Hit, revision: int, status: HitStatus) -> Hit:
    return replace(known, revision=revision, status=status)


def test_the_first_hit_makes_the_index_with_its_mapping_behind_an_alias(
    index: ElasticHitIndex, server: Elasticsearch, alias: str
) -> None:
    assert list(index.put([hit(1), hit(2)])) == []

    assert found(index) == {hit(1).id, hit(2).id}
    [(name, shape)] = server.indices.get(index=alias).body.items()
    assert name.startswith(f"{alias}-v3-")
    assert shape["mappings"]["dynamic"] == "strict"


def test_an_index_made_before_a_field_was_thought_of_takes_it_without_a_rebuild(
    index: ElasticHitIndex, server: Elasticsearch, alias: str
) -> None:
    earlier = mapping()["mappings"]
    known = {name: kind for name, kind in earlier["properties"].items() if name not in {"found_earlier", "evidence"}}
    settings = mapping()["settings"]
    server.indices.create(
        index=f"{alias}-v1-earlier",
        settings=settings,
        mappings={**earlier, "properties": known},
        aliases={alias: {"is_write_index": True}},
    )

    carried = replace(
        hit(), found_earlier=hit().first_seen, evidence=Evidence.LOCAL, overlay=((0, 0),) * 4, agreeing=12
    )
    assert list(index.put([carried])) == []

    assert found(index) == {hit().id}
    query = {"term": {"evidence": "local"}}
    assert [each["_id"] for each in server.search(index=alias, query=query)["hits"]["hits"]] == [hit().id]


def test_an_index_that_is_not_there_is_not_an_empty_one(index: ElasticHitIndex) -> None:
    with pytest.raises(StoreUnavailable, match="reindex"):
        index.search(HitQuery())


def test_nothing_to_put_makes_nothing(index: ElasticHitIndex, server: Elasticsearch, alias: str) -> None:
    assert list(index.put([])) == []
    assert not server.indices.exists_alias(name=alias)


def test_no_hash_and_no_picture_is_in_the_index(index: ElasticHitIndex, server: Elasticsearch, alias: str) -> None:
    index.put([hit()])
    index.refresh()

    [stored] = server.search(index=alias)["hits"]["hits"]

    assert set(stored["_source"]) == {
        *("id", "status", "tier", "site", "person", "page_url", "image_url", "distance", "evidence"),
        *("first_seen", "last_seen", "found_earlier", "case", "cluster", "revision"),
    }
    assert hit().sha256 not in str(stored)


def test_a_late_writer_never_overwrites_a_newer_state(index: ElasticHitIndex) -> None:
    newer = revised(hit(), 3, HitStatus.REJECTED)
    index.put([newer])

    assert list(index.put([revised(hit(), 2, HitStatus.CONFIRMED)])) == []

    assert found(index, HitQuery(status=HitStatus.REJECTED)) == {hit().id}


def test_a_newer_state_takes_the_place_of_the_older_one(index: ElasticHitIndex) -> None:
    index.put([hit()])
    index.put([revised(hit(), 2, HitStatus.REJECTED)])

    assert found(index, HitQuery(status=HitStatus.CONFIRMED)) == set()
    assert found(index, HitQuery(status=HitStatus.REJECTED)) == {hit().id}


def test_one_document_that_does_not_fit_does_not_keep_the_others_out(index: ElasticHitIndex) -> None:
    too_far = replace(hit(2), distance=100_000)  # beyond the mapping's short

    refused = index.put([hit(1), too_far, hit(3)])

    assert [(each, again) for each, _, again in refused] == [(too_far.id, False)]
    assert "(400)" in refused[0][1]
    assert too_far.image_url not in refused[0][1]
    assert found(index) == {hit(1).id, hit(3).id}


def test_a_read_only_index_is_tried_again_later(index: ElasticHitIndex, server: Elasticsearch, alias: str) -> None:
    index.put([hit(1)])
    server.indices.put_settings(index=alias, settings={"index.blocks.write": True})

    refused = index.put([hit(2)])
    assert list(refused) == [(hit(2).id, "cluster_block_exception (403)", True)]

    server.indices.put_settings(index=alias, settings={"index.blocks.write": None})
    assert list(index.put([hit(2)])) == []
    assert found(index) == {hit(1).id, hit(2).id}


def test_more_than_one_request_holds_is_put_in_several(index: ElasticHitIndex) -> None:
    many = [
        replace(hit(number), pages=tuple(f"https://x.example/{page}" * 40 for page in range(100)))
        for number in range(600)
    ]

    assert list(index.put(many)) == []

    assert len(found(index, HitQuery(limit=1000))) == 600


def test_two_processes_that_put_the_first_hit_at_once_share_one_index(
    elasticsearch_url: str, server: Elasticsearch, alias: str
) -> None:
    def put(number: int) -> None:
        started.wait()
        outcome.extend(ElasticHitIndex(elasticsearch_url, alias).put([hit(number)]))

    outcome: list[tuple[str, str, bool]] = []
    started = threading.Barrier(4)
    threads = [threading.Thread(target=put, args=[number]) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert outcome == []
    assert len(server.indices.get_alias(name=alias)) == 1
    assert found(ElasticHitIndex(elasticsearch_url, alias)) == {hit(number).id for number in range(4)}


# --- rebuild


def test_a_rebuild_holds_exactly_the_hits_it_was_given(
    index: ElasticHitIndex, server: Elasticsearch, alias: str
) -> None:
    index.put([hit(1), revised(hit(2), 9, HitStatus.REJECTED)])
    [before] = server.indices.get_alias(name=alias)

    assert index.rebuild(iter([hit(2), hit(3)])) == 2

    assert found(index, HitQuery(status=HitStatus.CONFIRMED)) == {hit(2).id, hit(3).id}
    assert before not in server.indices.get(index=f"{alias}*")
    assert len(server.indices.get(index=f"{alias}*")) == 1


def test_a_rebuild_works_where_nothing_was_before_and_of_nothing(index: ElasticHitIndex) -> None:
    assert index.rebuild([]) == 0
    assert found(index) == set()


def test_searches_see_the_old_index_whole_until_the_new_one_is_whole(index: ElasticHitIndex) -> None:
    index.put([hit(1)])
    seen_meanwhile = []

    def read_from_the_log() -> Iterator[Hit]:
        for number in range(2, 1200):
            if number % 500 == 0:
                seen_meanwhile.append(found(index, HitQuery(limit=5000)))
            yield hit(number)

    index.rebuild(read_from_the_log())

    assert seen_meanwhile == [{hit(1).id}, {hit(1).id}]
    assert len(found(index, HitQuery(limit=5000))) == 1198


def test_what_is_put_during_a_rebuild_is_not_lost(elasticsearch_url: str, index: ElasticHitIndex, alias: str) -> None:
    """A change that arrives after the rebuild has read the hit, and a hit that arrives after it has passed that id."""
    index.put([hit(1)])
    desk = ElasticHitIndex(elasticsearch_url, alias)  # another process

    def read_from_the_log() -> Iterator[Hit]:
        yield hit(1)
        desk.put([revised(hit(1), 2, HitStatus.REJECTED), hit(2)])
        for number in range(3, 700):  # more than one request, so that the first is sent before the last is read
            yield hit(number)
        desk.put([hit(700, person=EVE, tier=Tier.REVIEW)])

    index.rebuild(read_from_the_log())

    assert found(index, HitQuery(status=HitStatus.REJECTED)) == {hit(1).id}
    assert {hit(2).id, hit(700, person=EVE).id} <= found(index, HitQuery(limit=5000))


def test_a_rebuild_that_breaks_off_leaves_the_old_index_and_nothing_else(
    index: ElasticHitIndex, server: Elasticsearch, alias: str
) -> None:
    index.put([hit(1)])

    def breaks_off() -> Iterator[Hit]:
        yield from (hit(number) for number in range(2, 600))
        raise StoreUnavailable("the database does not answer")

    with pytest.raises(StoreUnavailable, match="database"):
        index.rebuild(breaks_off())

    assert found(index) == {hit(1).id}
    assert len(server.indices.get(index=f"{alias}*")) == 1


def test_what_a_killed_rebuild_left_is_cleared_away_by_the_next(
    index: ElasticHitIndex, server: Elasticsearch, alias: str
) -> None:
    index.put([hit(1)])
    half_filled, swapped_out = f"{alias}-v1-half-filled", f"{alias}-v1-swapped-out"
    server.indices.create(index=half_filled, aliases={f"{alias}-next": {"is_write_index": True}})
    server.indices.create(index=swapped_out)

    assert list(index.put([hit(2)])) == []
    assert index.rebuild([hit(1), hit(2)]) == 2

    assert found(index) == {hit(1).id, hit(2).id}
    assert not server.indices.exists(index=half_filled)
    assert not server.indices.exists(index=swapped_out)


def test_of_two_rebuilds_at_once_the_later_one_wins_and_the_other_says_so(
    elasticsearch_url: str, index: ElasticHitIndex, server: Elasticsearch, alias: str
) -> None:
    other = ElasticHitIndex(elasticsearch_url, alias)

    def meanwhile_another_begins() -> Iterator[Hit]:
        yield hit(1)
        assert other.rebuild([hit(1), hit(2)]) == 2

    with pytest.raises(Conflict, match="another rebuild"):
        index.rebuild(meanwhile_another_begins())

    assert found(index) == {hit(1).id, hit(2).id}
    assert len(server.indices.get(index=f"{alias}*")) == 1


def test_a_document_that_does_not_fit_does_not_stop_a_rebuild(
    index: ElasticHitIndex, caplog: pytest.LogCaptureFixture
) -> None:
    too_far = replace(hit(2), distance=100_000)

    assert index.rebuild([hit(1), too_far]) == 1

    assert too_far.id in caplog.text
    assert too_far.image_url not in caplog.text
    assert found(index) == {hit(1).id}
