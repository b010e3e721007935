"""The same journey on real servers: Postgres for the truth, Redis for leases and signals, Elasticsearch for searching."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.demo.journey import STATIONS
from tests import engines
from tests.journeys.folders import pictures_in

pytestmark = pytest.mark.timeout(400)
INDEX = "stillwatch-hits"


@pytest.fixture
def empty_index(elasticsearch_url: str) -> Iterator[str]:
    engines.drop_indices(elasticsearch_url, INDEX)
    yield elasticsearch_url
    engines.drop_indices(elasticsearch_url, INDEX)


# Either version passes the contract tests of its port; one journey is enough here.
@pytest.mark.parametrize("elasticsearch_url", [8], indirect=True, ids=["elasticsearch-8"])
def test_the_circle_is_the_same_on_servers(postgres_url: str, redis_url: str, empty_index: str, tmp_path: Path) -> None:
    servers = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "ELASTICSEARCH_URL": empty_index}

    first = stillwatch(["demo", "--once", "--json"], {**servers, "STILLWATCH_HOME": str(tmp_path)})

    assert first.returncode == 0, first.stderr
    last = json.loads(first.stdout.splitlines()[-1])
    assert [each["station"] for each in last["demo"]] == list(STATIONS)
    assert [copy for copy in last["missed"] if copy["within_recipe"]] == []
    assert not list(tmp_path.rglob("stillwatch.sqlite3"))
    assert pictures_in(tmp_path) == []

    # What the analyst searches is the same in Elasticsearch as in SQL.
    by_index = stillwatch(["hit", "list", "--json"], {**servers, "STILLWATCH_HOME": str(tmp_path)})
    in_sql = stillwatch(["hit", "list", "--json"], {"DATABASE_URL": postgres_url, "STILLWATCH_HOME": str(tmp_path)})
    assert by_index.stdout == in_sql.stdout
    assert len(in_sql.stdout.splitlines()) > 70
    assert "SQL instead" not in by_index.stderr

    # A second demo would put made-up people beside those that are there: it refuses.
    second = stillwatch(["demo", "--once", "--json"], {**servers, "STILLWATCH_HOME": str(tmp_path)})
    assert second.returncode == 2
    assert "empty database" in second.stderr


def stillwatch(arguments: list[str], settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STILLWATCH_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "stillwatch", *arguments],
        env={**environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
