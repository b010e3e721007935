"""An installation that is brought up to date keeps what it has."""

from collections.abc import Iterator

import pytest

import stores.sql
from core.model import PersonId
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
