"""How corners lie in the database: sealed, and gone when they go."""

import logging
from pathlib import Path

import pytest

import stores.sql
from core.errors import ConfigError
from core.model import PersonState
from stores.vault import SealKey
from tests.contracts.conftest import Connect, Stores
from tests.contracts.values import ADA, EVE, NOW, RECIPE, picture

CORNERS = bytes(range(256)) * 40  # spans pages of the file


@pytest.fixture
def key(tmp_path: Path) -> SealKey:
    return SealKey(tmp_path / "keys")


def rows() -> list[tuple[int, bytes]]:
    from stores.sql.models import EnrolledCorners

    return [(entry, bytes(each)) for entry, each in EnrolledCorners.objects.order_by("id").values_list("id", "sealed")]


def in_the_files(folder: Path, wanted: bytes) -> bool:
    return any(wanted in path.read_bytes() for path in folder.glob("stillwatch.sqlite3*"))


def pieces(whole: bytes) -> list[bytes]:
    """Of any page's length there is a piece that no page's edge cuts."""
    return [whole[at : at + 24] for at in range(0, len(whole) - 24, 512)]


def test_the_file_never_holds_corners_in_plain_nor_sealed_after_they_went(
    sqlite_url: str, connect: Connect, key: SealKey, tmp_path: Path
) -> None:
    connect(sqlite_url)
    with stores.sql.released():
        people = stores.sql.SqlPeople(seal=key)
        people.enrol(ADA, RECIPE, [picture("a", local=CORNERS)], NOW)
        people.enrol(EVE, RECIPE, [picture("a", local=CORNERS)], NOW)
        of_ada, of_eve = (sealed for _, sealed in rows())
        assert all(in_the_files(tmp_path, pieces(each)[1]) for each in (of_ada, of_eve))  # we would see it
        assert not any(in_the_files(tmp_path, each) for each in pieces(CORNERS))

        people.withdraw(ADA, NOW)
        people.drop_local(EVE)
    checkpointed(connect, sqlite_url)

    for gone in (CORNERS, of_ada, of_eve):
        assert not any(in_the_files(tmp_path, each) for each in pieces(gone))


def checkpointed(connect: Connect, url: str) -> None:
    """As it comes by itself, after a thousand pages or when the last process goes: what was overwritten leaves the log, too."""
    connect(url)
    with stores.sql.released():
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_nothing_of_a_person_is_left_in_the_tables_but_a_number(sql_stores: Stores) -> None:
    from stores.sql.models import EnrolledPicture, RemovedCorners

    sql_stores.people.enrol(ADA, RECIPE, [picture("a", local=CORNERS), picture("b", local=CORNERS)], NOW)
    entries = [entry for entry, _ in rows()]

    sql_stores.people.withdraw(ADA, NOW)

    assert rows() == []
    assert not EnrolledPicture.objects.exists()
    version = sql_stores.enrolled_corners.version()
    assert list(RemovedCorners.objects.order_by("entry").values_list("entry", "version")) == [
        (entry, version) for entry in entries
    ]


def test_a_row_that_does_not_open_is_named_by_its_number_and_keeps_nobody_else_out(
    sql_stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    from stores.sql.models import EnrolledCorners

    pictures = [picture(ref, local=CORNERS + ref.encode()) for ref in "abc"]
    sql_stores.people.enrol(ADA, RECIPE, pictures, NOW)
    (first, sealed), (moved, _), (kept, _) = rows()
    EnrolledCorners.objects.filter(id=first).update(sealed=sealed[:-1] + bytes([sealed[-1] ^ 1]))
    EnrolledCorners.objects.filter(id=moved).update(sealed=sealed)  # of another picture

    with caplog.at_level(logging.ERROR):
        changes = sql_stores.enrolled_corners.corner_changes(0)

    assert [(row.entry, row.corners) for row in changes.changed] == [(kept, CORNERS + b"c")]
    assert caplog.text.count("corners.unreadable") == 2
    assert f"entry {first} " in caplog.text
    assert f"entry {moved} " in caplog.text
    assert str(ADA) not in caplog.text


def test_what_does_not_open_is_sealed_anew_when_it_is_enrolled_again(
    sql_stores: Stores, key: SealKey, caplog: pytest.LogCaptureFixture
) -> None:
    sql_stores.people.enrol(ADA, RECIPE, [picture("a", local=CORNERS)], NOW)
    with_another_key = stores.sql.SqlEnrolledCorners(key)
    assert list(with_another_key.corner_changes(0).changed) == []

    stores.sql.SqlPeople(seal=key).enrol(ADA, RECIPE, [picture("a", local=CORNERS)], NOW)

    assert [row.corners for row in with_another_key.corner_changes(0).changed] == [CORNERS]


def test_without_a_key_corners_are_refused_with_the_cure_and_nothing_is_stored(sql_stores: Stores) -> None:
    people = stores.sql.SqlPeople()

    with pytest.raises(ConfigError, match=r"SealKey.*--local"):
        people.enrol(ADA, RECIPE, [picture("a"), picture("b", local=CORNERS)], NOW)

    assert people.state(ADA) is PersonState.UNKNOWN
    assert list(people.enrol(ADA, RECIPE, [picture("a")], NOW)) == ["a"]
