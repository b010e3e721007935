"""Opening the database, bringing its tables up to date, letting go of it."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from django.db.utils import ConnectionHandler

from core.errors import ConfigError
from stores.sql.address import database, sqlite_file

APP = "stores.sql"
MIGRATION_LOCK = 0x5717_1147  # a number of ours among Postgres' advisory locks


def connect(database_url: str, **django_settings: object) -> None:
    """Configures Django for this process. Opens nothing yet, but makes a SQLite file that only its owner may read.

    django_settings  further settings; INSTALLED_APPS are added to ours

    A second call with the same URL does nothing. With another URL the calling thread moves to that database (tests do, threads
    that are at work stay where they are); the other settings remain those of the first call.
    """
    import django
    from django.conf import settings
    from django.db import connections

    entry = database(database_url)
    _make_private(sqlite_file(entry))
    if not settings.configured:
        apps = [APP, *(app for app in cast(Sequence[str], django_settings.pop("INSTALLED_APPS", ())) if app != APP)]
        defaults: dict[str, object] = {
            "USE_TZ": True,
            "TIME_ZONE": "UTC",
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "LOGGING_CONFIG": None,  # logging is set up where the process starts
        }
        settings.configure(DATABASES={"default": entry}, INSTALLED_APPS=apps, **defaults | django_settings)
        django.setup()
        return
    wanted = ConnectionHandler({"default": entry}).settings["default"]  # with Django's defaults filled in
    if connections.settings["default"] != wanted:
        connections["default"].close()
        del connections["default"]
        connections.settings["default"] = wanted


def _make_private(file: Path | None) -> None:
    """SQLite gives the files that it puts beside the database the same mode."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
    except OSError as error:
        raise ConfigError(
            f"DATABASE_URL: {file} cannot be made or written ({error.strerror}); choose another folder"
        ) from error


def migrate() -> None:
    """Brings the tables up to date. Any number of processes may do it at once: one works, the others wait."""
    from django.core.management import call_command

    from stores.sql.border import sql

    with sql():
        if _up_to_date():
            return
        with _alone():
            if not _up_to_date():
                call_command("migrate", interactive=False, verbosity=0)


def _up_to_date() -> bool:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


@contextmanager
def _alone() -> Iterator[None]:
    from django.db import connection

    file = sqlite_file(connection.settings_dict)
    if file is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
        return
    # A file of its own, so that SQLite's locks and ours never meet.
    with file.with_name(f"{file.name}.migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def released() -> Iterator[None]:
    """For a thread that ends while its process goes on: closes the thread's connection with the block."""
    from django.db import connections

    try:
        yield
    finally:
        connections.close_all()
