"""The databases of the contract tests."""

from tests.contracts.conftest import (
    connect,
    database_url,
    emptied_postgres,
    empty_sqlite,
    migrated_postgres,
    sql_stores,
    sqlite_url,
)

__all__ = [
    "connect",
    "database_url",
    "emptied_postgres",
    "empty_sqlite",
    "migrated_postgres",
    "sql_stores",
    "sqlite_url",
]
