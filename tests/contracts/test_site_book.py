from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

import stores.sql
from core.errors import NotAgreed
from core.model import Canary, Fingerprint, PassRecord, Standing, State
from tests.contracts.conftest import Stores
from tests.contracts.values import MINUTE, NOW


def passed(number: int, site: str = "gallery") -> PassRecord:
    return PassRecord(
        id=f"{site}-{number}",
        site=site,
        started=NOW + number * MINUTE,
        finished=NOW + (number + 1) * MINUTE,
        pages={State.READ: 3, State.TRAP: 1},
        images={State.HIT: 1, State.CLEAR: 40, State.TIMEOUT: 2},
        hits=1,
        byte_count=50 * 2**40,
        canary=NOW + number * MINUTE,
        walled=("cdn.gallery.example",),
        stopped="asked to stop",
        answered=41,
        failed=2,
        pictures_answered=30,
        pictures_failed=1,
        cut_pages=3,
    )


def test_a_site_is_watched_until_somebody_decides_otherwise(kept: Stores) -> None:
    assert kept.site_book.standing("gallery") is Standing.WATCHED


def test_the_last_decision_about_a_site_holds(kept: Stores) -> None:
    for standing in (Standing.PAUSED, Standing.WATCHED, Standing.PAUSED):
        kept.site_book.set_standing("gallery", standing, "Grace", NOW)

    assert kept.site_book.standing("gallery") is Standing.PAUSED
    assert kept.site_book.standing("attic") is Standing.WATCHED


@pytest.mark.parametrize("after", [Standing.PAUSED, Standing.WATCHED])
def test_a_revoked_agreement_never_comes_back(kept: Stores, after: Standing) -> None:
    kept.site_book.set_standing("gallery", Standing.REVOKED, "Grace", NOW)

    with pytest.raises(NotAgreed, match="revoked; write the new agreement into a file with a new name"):
        kept.site_book.set_standing("gallery", after, "Grace", NOW + MINUTE)
    kept.site_book.set_standing("gallery", Standing.REVOKED, "Ada", NOW + MINUTE)

    assert kept.site_book.standing("gallery") is Standing.REVOKED
    kept.site_book.set_standing("attic", after, "Grace", NOW)


def test_a_pause_that_comes_beside_a_revocation_undoes_nothing(kept: Stores) -> None:
    def pause_and_resume(_: int) -> None:
        with stores.sql.released(), suppress(NotAgreed):
            for standing in (Standing.PAUSED, Standing.WATCHED) * 10:
                kept.site_book.set_standing("gallery", standing, "Grace", NOW)

    with ThreadPoolExecutor(3) as threads:
        beside = threads.map(pause_and_resume, range(3))
        kept.site_book.set_standing("gallery", Standing.REVOKED, "Ada", NOW)
        list(beside)

    assert kept.site_book.standing("gallery") is Standing.REVOKED


def test_a_pass_comes_back_as_it_was_recorded(kept: Stores) -> None:
    kept.site_book.record(passed(1))

    assert kept.site_book.passes("gallery") == [passed(1)]


def test_a_pass_under_way_is_recorded_again_and_again_as_one(kept: Stores) -> None:
    under_way = replace(passed(1), finished=None, pages={}, images={State.CLEAR: 1}, hits=0)
    for record in (under_way, replace(under_way, images={State.CLEAR: 2}), passed(1)):
        kept.site_book.record(record)

        assert kept.site_book.passes("gallery") == [record]


def test_passes_come_newest_first_of_one_site_and_no_more_than_asked(kept: Stores) -> None:
    for number in (2, 1, 3):
        kept.site_book.record(passed(number))
    kept.site_book.record(passed(9, site="attic"))

    assert kept.site_book.passes("gallery", limit=2) == [passed(3), passed(2)]


def canary(site: str = "gallery", minute: int = 0) -> Canary:
    prints = (Fingerprint(hasher="pdq", view="full", bits="3c" * 32, quality=100),)
    return Canary(site=site, made=NOW + minute * MINUTE, fingerprints=prints)


def test_a_pass_taken_up_again_has_still_found_its_canary_and_met_its_walls(kept: Stores) -> None:
    kept.site_book.record(replace(passed(1), finished=None))
    kept.site_book.record(replace(passed(1), canary=None, walled=("attic.gallery.example",), stopped=""))

    (record,) = kept.site_book.passes("gallery")
    assert (record.canary, record.stopped) == (passed(1).canary, "")
    assert record.walled == ("attic.gallery.example", "cdn.gallery.example")


def test_a_canary_is_of_one_site_and_the_last_one_planted_counts(kept: Stores) -> None:
    kept.canary_book.plant(canary())
    kept.canary_book.plant(canary(minute=5))

    assert kept.canary_book.canary_of("gallery") == canary(minute=5)
    assert kept.canary_book.canary_of("attic") is None


def test_a_pass_that_finds_the_canary_says_so_of_it_too(kept: Stores) -> None:
    for site in ("gallery", "attic"):
        kept.canary_book.plant(canary(site))
    kept.site_book.record(passed(1))
    kept.site_book.record(replace(passed(2), canary=None))

    assert kept.canary_book.canary_of("gallery") == replace(canary(), found=passed(1).canary)
    assert kept.canary_book.canary_of("attic") == canary("attic")
    kept.canary_book.plant(canary(minute=9))
    assert kept.canary_book.canary_of("gallery") == canary(minute=9)


def test_a_canary_is_in_nothing_that_is_looked_for(kept: Stores) -> None:
    kept.canary_book.plant(canary())

    assert kept.enrolled_hashes.count() == 0
    assert kept.people.protected() == {}
    assert kept.enrolled_hashes.changes(0).changed == []
