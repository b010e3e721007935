"""An installation that is brought up to date keeps what it has."""

from collections.abc import Iterator

import pytest

import stores.sql
from core.model import Evidence, PersonId
from tests.contracts.conftest import Connect
from tests.contracts.values import ADA, EVE, NOW, RECIPE, picture


@pytest.fixture(params=["sqlite", "postgres"])
def first_tables(request: pytest.FixtureRequest, connect: Connect, tmp_path: object) -> Iterator[None]:
    """A database as the first migration made it, with one fingerprint enrolled at version 3."""
    from django.core.management import call_command
    from django.db import connection

    url = f"sqlite:///{tmp_path}/old.sqlite3" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    connect(url)
    with stores.sql.released():
        call_command("migrate", "stillwatch", "0001", interactive=False, verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO stillwatch_person (id, state, enrolled, changed) VALUES (%s, 'protected', %s, %s)",
                [str(ADA), NOW, NOW],
            )
            cursor.execute(
                "INSERT INTO stillwatch_enrolledpicture (person_id, ref, contents, recipe, quality, enrolled)"
                " VALUES (%s, 'a', 'c', 'r', 90, %s)",
                [str(ADA), NOW],
            )
            cursor.execute(
                "INSERT INTO stillwatch_enrolledfingerprint (picture_id, hasher, view, bits, quality, threshold)"
                " SELECT id, 'pdq', 'full', %s, 90, 31 FROM stillwatch_enrolledpicture",
                ["0f" * 32],
            )
            cursor.execute("UPDATE stillwatch_hashsetversion SET version = 3")
        yield


@pytest.mark.usefixtures("first_tables")
def test_hashes_from_before_there_were_changes_are_told_and_followed() -> None:
    stores.sql.migrate()
    hashes, people = stores.sql.SqlEnrolledHashes(), stores.sql.SqlPeople()

    whole, since_then = hashes.changes(0), hashes.changes(3)
    assert [(each.bits, each.threshold) for each in whole.changed] == [("0f" * 32, 31)]
    assert (whole.version, whole.whole) == (3, True)
    assert (list(since_then.changed), since_then.whole) == ([], False)

    people.enrol(EVE, RECIPE, [picture("e", turns=2)], NOW)
    people.withdraw(PersonId(ADA), NOW)

    told = hashes.changes(3)
    assert len(told.changed) == 2
    assert list(told.removed) == [whole.changed[0].entry]
    assert not told.whole


@pytest.mark.usefixtures("first_tables")
def test_hits_from_before_there_was_evidence_were_found_by_the_whole_picture() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stillwatch_storedhit (id, person_id, site, page_url, image_url, sha256, tier, distance, threshold, hasher,"
            " view, ref, cluster, first_seen, last_seen, status, decided, revision)"
            " VALUES ('h', %s, 's', 'p', 'i', 'x', 'confirmed', 4, 31, 'pdq', 'full', 'a', 'c', %s, %s, 'confirmed', %s, 1)",
            [str(ADA), NOW, NOW, False],
        )

    stores.sql.migrate()

    [found] = stores.sql.SqlHitLog().get(["h"])
    assert (found.evidence, found.overlay, found.agreeing, found.ranges) == (Evidence.FRAME, None, 0, ())


@pytest.mark.usefixtures("first_tables")
def test_from_the_changes_on_bringing_up_to_date_gives_no_number_twice() -> None:
    """SQLite forgets the last number of a table that it writes anew."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", "stillwatch", "0002", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM stillwatch_enrolledfingerprint")
        [(before,)] = cursor.fetchall()
        cursor.execute("DELETE FROM stillwatch_enrolledfingerprint")

    stores.sql.migrate()

    stores.sql.SqlPeople().enrol(EVE, RECIPE, [picture("e", turns=1)], NOW)
    [row] = stores.sql.SqlEnrolledHashes().changes(0).changed
    assert row.entry > before


@pytest.mark.usefixtures("first_tables")
def test_what_hashes_were_found_in_is_of_the_site_of_its_hit_and_goes_where_no_hit_tells() -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", "stillwatch", "0006", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stillwatch_storedhit (id, person_id, site, page_url, image_url, sha256, tier, distance, threshold, hasher,"
            " view, ref, cluster, first_seen, last_seen, status, decided, revision, evidence, agreeing, ranges)"
            " VALUES ('h', %s, 'gallery', 'p', 'i', 'x', 'confirmed', 4, 31, 'pdq', 'full', 'a', 'c', %s, %s, 'confirmed', %s, 1,"
            " 'frame', 0, '[]')",
            [str(ADA), NOW, NOW, False],
        )
        for sha256 in ("x", "y"):
            cursor.execute(
                "INSERT INTO stillwatch_storedfoundin (person, ref, hasher, view, sha256, whole, matched, at)"
                " VALUES (%s, 'a', 'pdq', 'full', %s, '', '', %s)",
                [str(ADA), sha256, NOW],
            )

    stores.sql.migrate()

    from stores.sql.models import StoredFoundIn

    assert list(StoredFoundIn.objects.values_list("sha256", "site")) == [("x", "gallery")]
