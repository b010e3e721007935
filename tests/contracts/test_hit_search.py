from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

import stores.sql
from core.model import Added, Hit, HitQuery, HitStatus, Tier
from core.ports import HitSearch
from stores.elasticsearch import ElasticHitIndex
from tests import engines
from tests.contracts.conftest import Connect, Stores, in_memory, in_sql
from tests.contracts.values import ADA, EVE, MINUTE, NOW, RECIPE, hit, picture

Holding = Callable[[Sequence[Hit]], HitSearch]


@pytest.fixture(params=["memory", "sqlite", "postgres", "elasticsearch-8", "elasticsearch-9"])
def holding(request: pytest.FixtureRequest, connect: Connect) -> Iterator[Holding]:
    """A search over exactly these hits."""
    if request.param.startswith("elasticsearch"):
        yield from in_elasticsearch(request, int(request.param[-1]))
    elif request.param == "memory":
        yield added_to(in_memory())
    else:
        connect(request.getfixturevalue({"sqlite": "sqlite_url", "postgres": "emptied_postgres"}[request.param]))
        with stores.sql.released():
            yield added_to(in_sql())


def in_elasticsearch(request: pytest.FixtureRequest, major: int) -> Iterator[Holding]:
    servers: engines.Elasticsearch = request.getfixturevalue("elasticsearch_servers")
    try:
        url = servers.url(major)
    except engines.NotHere as missing:
        pytest.skip(str(missing))
    prefix = f"test-search-{id(request)}-"
    index = ElasticHitIndex(url, f"{prefix}hits")

    def hold(hits: Sequence[Hit]) -> HitSearch:
        assert list(index.put(hits)) == []
        index.refresh()
        return index

    yield hold
    engines.drop_indices(url, prefix)


def added_to(kept: Stores) -> Holding:
    def hold(hits: Sequence[Hit]) -> HitSearch:
        for person in (ADA, EVE):
            kept.people.enrol(person, RECIPE, [picture("ref-1")], NOW)
        assert {kept.hit_log.add(each) for each in hits} <= {Added.NEW}
        return kept.hit_search

    return hold


def test_nothing_asked_is_everything_newest_first_then_by_id(holding: Holding) -> None:
    together = [hit(number) for number in range(5)]
    older, newer = hit(10, seen=NOW - timedelta(days=1)), hit(11, seen=NOW + timedelta(microseconds=1))
    search = holding([older, *together, newer])

    found = search.search(HitQuery())

    assert list(found) == [newer.id, *sorted(each.id for each in together), older.id]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (HitQuery(site="attic"), {2}),
        (HitQuery(person=EVE), {3}),
        (HitQuery(status=HitStatus.CANDIDATE), {1, 3}),
        (HitQuery(tier=Tier.PROBABLE), {3}),
        (HitQuery(site="gallery", status=HitStatus.CANDIDATE, tier=Tier.REVIEW), {1}),
        (HitQuery(site="gallery", status=HitStatus.REJECTED), set()),
        (HitQuery(site="gall"), set()),
    ],
)
def test_every_given_part_must_fit(holding: Holding, query: HitQuery, expected: set[int]) -> None:
    hits = {
        1: hit(1, tier=Tier.REVIEW),
        2: hit(2, site="attic"),
        3: hit(3, person=EVE, tier=Tier.PROBABLE),
    }
    search = holding(list(hits.values()))

    found = search.search(query)

    assert set(found) == {hits[number].id for number in expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gallery.example", {1, 2}),
        ("GALLERY beach", {1}),  # each word somewhere in the addresses
        ("IMG_0042", {1}),
        ("g_0042", {1}),
        ("page=7", {2}),
        ("further", {1}),  # a further page that shows it
        ("further beach", {1}),
        ("gallery attic", set()),
        ("100%", {3}),
        ("0%00", set()),  # neither % nor _ nor * nor ? stands for anything but itself
        ("IMG*", set()),
        ("IMG?0042", set()),
        ("i_g", set()),
        ("back\\slash", {3}),
        ("'quoted'", {3}),
        ("   ", {1, 2, 3}),
        ("nothing", set()),
    ],
)
def test_words_are_looked_for_in_the_addresses(holding: Holding, text: str, expected: set[int]) -> None:
    beach = hit(image_url="https://cdn.gallery.example/Beach/IMG_0042.JPG", page_url="https://gallery.example/a")
    hits = {
        1: replace(beach, pages=(*beach.pages, "https://gallery.example/Further/on")),
        2: hit(image_url="https://cdn.gallery.example/2.png", page_url="https://gallery.example/new?page=7"),
        3: hit(
            image_url="https://attic.example/100%25/100%/back\\slash/'quoted'.jpg", page_url="https://attic.example/"
        ),
    }
    search = holding(list(hits.values()))

    found = search.search(HitQuery(text=text))

    assert set(found) == {hits[number].id for number in expected}


def test_pages_of_results_neither_repeat_nor_leave_out(holding: Holding) -> None:
    search = holding([hit(number, seen=NOW + (number % 4) * MINUTE) for number in range(23)])
    whole = list(search.search(HitQuery()))

    pages = [list(search.search(HitQuery(limit=5, offset=offset))) for offset in range(0, 30, 5)]

    assert [len(page) for page in pages] == [5, 5, 5, 5, 3, 0]
    assert [each for page in pages for each in page] == whole


def test_a_limit_of_nothing_finds_nothing(holding: Holding) -> None:
    assert list(holding([hit()]).search(HitQuery(limit=0))) == []


def test_a_very_long_address_is_no_obstacle(holding: Holding) -> None:
    long = hit(image_url="https://cdn.gallery.example/" + "x" * 40_000)
    search = holding([long, hit(2)])

    assert set(search.search(HitQuery(site="gallery"))) == {long.id, hit(2).id}
