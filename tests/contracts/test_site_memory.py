from dataclasses import replace
from datetime import timedelta

from core.model import Known, Settled, Standing, State
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, NOW, RECIPE, hit, picture

PAGE = Known(
    url="https://gallery.example/new?page=2",
    state=State.READ,
    read_at=NOW,
    again_at=NOW + timedelta(days=3),
    whole_at=NOW + timedelta(days=40, microseconds=123_456),
    etag='W/"5e-1"',
    last_modified="Thu, 26 Nov 2026 10:00:00 GMT",
    images=("https://gallery.example/1.jpg", "https://cdn.gallery.example/gr\u00f6\u00dfe.jpg"),
    pages=("https://gallery.example/about", "https://gallery.example/new?page=3"),
    following=("https://gallery.example/new?page=3",),
    learned='{"visits": 3}',
)
PICTURE = Known(
    url="https://gallery.example/1.jpg",
    state=State.CLEAR,
    read_at=NOW,
    again_at=NOW + timedelta(days=3),
    whole_at=NOW + timedelta(days=40),
    recipe="views-1",
    sha256="ab" * 32,
    byte_count=5 * 2**40,
    head=b"\x00\xff12345678",
)


def test_what_is_remembered_comes_back_as_it_was(kept: Stores) -> None:
    kept.site_memory.remember("gallery", [PAGE, PICTURE])

    known = kept.site_memory.recall("gallery", [PAGE.url, PICTURE.url, "https://gallery.example/never"])

    assert known == {PAGE.url: PAGE, PICTURE.url: PICTURE}
    assert kept.site_memory.recall("attic", [PAGE.url]) == {}
    assert kept.site_memory.recall("gallery", []) == {}


def test_the_last_look_takes_the_place_of_the_one_before(kept: Stores) -> None:
    later = replace(PICTURE, sha256="cd" * 32, read_at=NOW + timedelta(days=1), etag="new")
    kept.site_memory.remember("gallery", [PICTURE])
    kept.site_memory.remember("gallery", [later])

    assert kept.site_memory.recall("gallery", [PICTURE.url]) == {PICTURE.url: later}


def test_more_urls_than_one_query_takes_are_recalled(kept: Stores) -> None:
    many = [replace(PICTURE, url=f"https://gallery.example/{number}.jpg") for number in range(1_300)]
    kept.site_memory.remember("gallery", many)

    assert kept.site_memory.recall("gallery", [each.url for each in many]) == {each.url: each for each in many}
    assert kept.site_memory.forget("gallery") == 1_300
    assert kept.site_memory.recall("gallery", [each.url for each in many]) == {}


def test_what_was_learned_is_of_pages_and_changes_nothing_else(kept: Stores) -> None:
    kept.site_memory.remember("gallery", [PAGE, PICTURE])
    kept.site_memory.learn("gallery", {PAGE.url: "more", PICTURE.url: "nothing", "https://gallery.example/never": "x"})

    assert kept.site_memory.learned("gallery") == {PAGE.url: "more"}
    known = kept.site_memory.recall("gallery", [PAGE.url, PICTURE.url])
    assert known == {PAGE.url: replace(PAGE, learned="more"), PICTURE.url: PICTURE}


def test_what_was_not_read_for_long_is_forgotten(kept: Stores) -> None:
    kept.site_memory.remember("gallery", [PAGE, replace(PICTURE, read_at=NOW - timedelta(days=9))])

    assert kept.site_memory.forget("gallery", before=NOW - timedelta(days=1)) == 1
    assert kept.site_memory.recall("gallery", [PAGE.url, PICTURE.url]) == {PAGE.url: PAGE}


def test_a_revoked_agreement_leaves_nothing_known(kept: Stores) -> None:
    kept.site_memory.remember("gallery", [PAGE])
    kept.site_memory.remember("attic", [PAGE])
    kept.site_book.set_standing("gallery", Standing.REVOKED, "Grace", NOW)

    assert kept.site_memory.recall("gallery", [PAGE.url]) == {}
    assert kept.site_memory.recall("attic", [PAGE.url]) == {PAGE.url: PAGE}
    kept.site_memory.remember("gallery", [PAGE, PICTURE])  # by a crawl that has not heard of it yet
    assert kept.site_memory.recall("gallery", [PAGE.url, PICTURE.url]) == {}
    assert kept.site_memory.sites() == ["attic"]


def test_hits_stand_at_a_site_as_long_as_their_people_are_protected(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    there = hit()
    kept.hit_log.add(there)

    assert kept.hit_log.standing_at(there.site) == {(there.image_url, there.sha256): [there.id]}
    assert kept.hit_log.standing_at("attic") == {}

    kept.people.withdraw(ADA, NOW)
    assert kept.hit_log.standing_at(there.site) == {}


def test_pictures_that_are_not_due_are_told_apart_by_their_recipe_and_both_their_times(kept: Stores) -> None:
    soon = NOW + timedelta(days=1)
    due_again = replace(PICTURE, url="https://gallery.example/2.jpg", again_at=soon)
    due_whole = replace(PICTURE, url="https://gallery.example/3.jpg", whole_at=soon)
    other = replace(PICTURE, url="https://gallery.example/4.jpg", recipe="views-0")
    kept.site_memory.remember("gallery", [PAGE, PICTURE, due_again, due_whole, other])
    urls = [PAGE.url, PICTURE.url, due_again.url, due_whole.url, other.url, "https://gallery.example/never"]

    settled = kept.site_memory.settled("gallery", urls, "views-1", soon)

    assert settled == {PICTURE.url: Settled(State.CLEAR, PICTURE.sha256, NOW)}
    assert kept.site_memory.settled("attic", urls, "views-1", soon) == {}
    assert set(kept.site_memory.settled("gallery", urls, "views-1", NOW)) == {PICTURE.url, due_again.url, due_whole.url}


def test_whether_a_site_is_known_at_all(kept: Stores) -> None:
    assert not kept.site_memory.knows("gallery")

    kept.site_memory.remember("gallery", [PICTURE])

    assert kept.site_memory.knows("gallery")
    assert not kept.site_memory.knows("attic")
