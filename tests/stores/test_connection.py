import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import stores.sql
from core.errors import ConfigError, StoreUnavailable
from core.model import Added, PersonState
from tests.contracts.conftest import Connect, Stores
from tests.contracts.values import ADA, NOW, RECIPE, hit, picture
from tests.engines import Postgres

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def on_sqlite(sqlite_url: str, connect: Connect) -> Path:
    connect(sqlite_url)
    return Path(sqlite_url.removeprefix("sqlite:///"))


def pragma(name: str) -> object:
    from django.db import connection

    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("busy_timeout", 30_000),
        ("foreign_keys", 1),
        ("secure_delete", 1),
    ],
)
def test_sqlite_is_set_up_to_lose_nothing(on_sqlite: Path, name: str, value: object) -> None:
    with stores.sql.released():
        assert pragma(name) == value


def test_a_transaction_on_sqlite_takes_the_write_lock_at_its_beginning(on_sqlite: Path) -> None:
    """Else it could read a person's state, wait, and write by what it read."""
    import sqlite3

    from django.db import transaction

    with stores.sql.released(), transaction.atomic(), pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(on_sqlite, timeout=0).execute("BEGIN IMMEDIATE")


def test_only_the_owner_can_read_the_database(tmp_path: Path, connect: Connect) -> None:
    before = os.umask(0)
    try:
        connect(f"sqlite:///{tmp_path}/new/folder/stillwatch.sqlite3")
        with stores.sql.released():
            stores.sql.migrate()
            stores.sql.SqlPeople().enrol(ADA, RECIPE, [picture("a")], NOW)
            files = sorted((tmp_path / "new/folder").glob("stillwatch.sqlite3*"))
            modes = {
                file.name: stat.S_IMODE(file.stat().st_mode) for file in files if not file.name.endswith(".migrating")
            }
    finally:
        os.umask(before)

    assert modes == {f"stillwatch.sqlite3{ending}": 0o600 for ending in ("", "-shm", "-wal")}
    assert stat.S_IMODE((tmp_path / "new/folder").stat().st_mode) == 0o700


def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path, connect: Connect) -> None:
    file = tmp_path / "stillwatch.sqlite3"
    file.touch(mode=0o644)

    connect(f"sqlite:///{file}")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_withdrawn_hashes_are_not_in_the_file_any_more(on_sqlite: Path) -> None:
    bits = picture("a").fingerprints[0].bits.encode()
    with stores.sql.released():
        stores.sql.SqlPeople().enrol(ADA, RECIPE, [picture("a")], NOW)
        pragma("wal_checkpoint(TRUNCATE)")
        assert bits in on_sqlite.read_bytes()

        stores.sql.SqlPeople().withdraw(ADA, NOW)
        pragma("wal_checkpoint(TRUNCATE)")

        assert bits not in on_sqlite.read_bytes()


def test_connecting_again_to_the_same_database_keeps_the_connection(on_sqlite: Path, connect: Connect) -> None:
    from django.db import connection

    with stores.sql.released():
        pragma("journal_mode")
        before = connection.connection
        connect(f"sqlite:///{on_sqlite}")

        assert connection.connection is before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, connect: Connect) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"file/stillwatch.sqlite3 cannot be made.*another folder"):
        connect(f"sqlite:///{tmp_path}/file/stillwatch.sqlite3")


def test_an_adapter_asked_for_before_connecting_says_so() -> None:
    program = "import stores.sql\ntry: stores.sql.SqlHitLog\nexcept Exception as error: print(repr(error))"

    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout.startswith("ConfigError(")
    assert "stores.sql.connect" in answer.stdout


def test_a_name_that_is_no_adapter_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="SqlNothing"):
        stores.sql.SqlNothing  # type: ignore[attr-defined]  # noqa: B018 – that is the point


def test_the_migrations_hold_everything_that_the_models_say(on_sqlite: Path) -> None:
    from django.core.management import call_command

    with stores.sql.released():
        call_command("makemigrations", "stillwatch", check_changes=True, dry_run=True, verbosity=0)


def test_migrating_twice_changes_nothing(sql_stores: Stores) -> None:
    sql_stores.people.enrol(ADA, RECIPE, [picture("a")], NOW)

    stores.sql.migrate()

    assert sql_stores.people.state(ADA) is PersonState.PROTECTED


# --- when the database is not there


def test_tables_that_are_not_there_are_an_error_of_ours(tmp_path: Path, connect: Connect) -> None:
    connect(f"sqlite:///{tmp_path}/not-migrated.sqlite3")

    with stores.sql.released(), pytest.raises(StoreUnavailable, match=r"no such table.*DATABASE_URL"):
        stores.sql.SqlPeople().state(ADA)


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path, connect: Connect) -> None:
    (tmp_path / "no.sqlite3").write_bytes(b"this is no database at all" * 100)
    connect(f"sqlite:///{tmp_path}/no.sqlite3")

    with stores.sql.released(), pytest.raises(StoreUnavailable, match="not a database"):
        stores.sql.SqlPeople().state(ADA)


def test_a_full_disk_is_named_loses_nothing_and_is_over_when_there_is_room(on_sqlite: Path) -> None:
    with stores.sql.released():
        log, people = stores.sql.SqlHitLog(), stores.sql.SqlPeople()
        people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
        log.add(hit(1))
        pragma(f"max_page_count({pragma('page_count')})")

        with pytest.raises(StoreUnavailable, match="full"):
            any(log.add(hit(number)) is Added.REFUSED for number in range(2, 500))
        stored = [found.id for found in log.all()]
        waiting = stores.sql.SqlOutbox().waiting()
        pragma("max_page_count(1000000)")

        assert waiting == {"desk": len(stored), "index": len(stored), "dead": 0}
        assert pragma("integrity_check") == "ok"
        log.add(hit(1000))


def test_a_writer_waits_for_another_one(on_sqlite: Path) -> None:
    import sqlite3

    with stores.sql.released():
        stores.sql.SqlPeople().enrol(ADA, RECIPE, [picture("ref-1")], NOW)
        other = sqlite3.connect(on_sqlite, check_same_thread=False, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        letting_go = threading.Timer(0.5, other.execute, ["COMMIT"])
        letting_go.start()

        stores.sql.SqlHitLog().add(hit())

        assert letting_go.finished.is_set()
        letting_go.join()
        other.close()


def test_a_postgres_that_dropped_the_connection_is_connected_to_again(
    emptied_postgres: str, connect: Connect, postgres_server: Postgres
) -> None:
    """As after a restart of the server: the very next call works, inside and outside of transactions."""
    connect(emptied_postgres)
    drop_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stillwatch' AND pid <> pg_backend_pid()"
    with stores.sql.released():
        people, log = stores.sql.SqlPeople(), stores.sql.SqlHitLog()
        people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
        postgres_server.run(drop_all)
        assert people.state(ADA) is PersonState.PROTECTED
        postgres_server.run(drop_all)
        log.add(hit())
        postgres_server.run(drop_all)

        assert list(log.all()) == [hit()]


def test_a_postgres_that_is_not_there_is_an_error_of_ours(connect: Connect) -> None:
    connect("postgres://nobody:geheim@127.0.0.1:1/none")

    with stores.sql.released(), pytest.raises(StoreUnavailable, match="does not answer") as refused:
        stores.sql.SqlPeople().state(ADA)

    assert "geheim" not in str(refused.value)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_threads_that_end_leave_no_open_connection(sql_stores: Stores) -> None:
    def look() -> None:
        with stores.sql.released():
            sql_stores.people.state(ADA)

    look()
    before = open_files()
    for _ in range(20):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert open_files() <= before
