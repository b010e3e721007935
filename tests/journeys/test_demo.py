"""`stillwatch demo --once --json`, exactly as a newcomer types it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from stillwatch.demo.catalogue import ledger, plan
from stillwatch.demo.journey import PERSON, STATIONS
from stillwatch.demo.setup import demo_hash_set
from tests.journeys.folders import pictures_in, strays, without_servers

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Ran:
    status: int
    output: str
    errors: str
    folder: Path

    def last_line(self) -> dict[str, list[dict[str, object]]]:
        line: dict[str, list[dict[str, object]]] = json.loads(self.output.splitlines()[-1])
        return line


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("demo")
    run = subprocess.run(
        [sys.executable, "-P", "-m", "stillwatch", "demo", "--once", "--json"],
        env={**without_servers(os.environ), "STILLWATCH_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    return Ran(run.returncode, run.stdout, run.stderr, folder)


def test_the_whole_circle_is_gone_round(ran: Ran) -> None:
    assert ran.status == 0, ran.errors

    stations = ran.last_line()["demo"]
    assert [each["station"] for each in stations] == list(STATIONS)
    times = [datetime.fromisoformat(str(each["at"])) for each in stations]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(time.utcoffset() is not None for time in times)
    assert all(isinstance(each["after_s"], float) for each in stations)


def test_every_copy_within_the_recipe_is_found_and_the_rest_is_reported(ran: Ran) -> None:
    missed = ran.last_line()["missed"]
    beyond = [copy for copy in ledger(plan(3, 200)) if not copy.within_recipe]

    assert [copy for copy in missed if copy["within_recipe"]] == []
    assert 0 < len(missed) <= len(beyond)
    assert {str(copy["edit"]) for copy in missed} <= {copy.edit for copy in beyond}


def test_it_says_that_it_plays_the_approving_person(ran: Ran) -> None:
    assert "program plays that person" in ran.errors
    assert len(ran.output.splitlines()) == 1


def test_no_picture_is_left_anywhere(ran: Ran) -> None:
    assert any(ran.folder.rglob("*.sqlite3"))
    assert pictures_in(ran.folder) == []


def test_no_person_no_address_of_a_picture_and_no_hash_is_in_a_log(ran: Ran) -> None:
    logs = [*ran.folder.rglob("*.log"), *ran.folder.rglob("log*/*")]
    said = ran.errors + "".join(log.read_text(encoding="utf-8") for log in logs)
    enrolled = [print_.bits for picture in demo_hash_set().pictures for print_ in picture.fingerprints]

    assert logs
    assert said
    assert PERSON not in said
    assert not [copy.path for copy in ledger(plan(3, 200)) if copy.path in said]
    assert not [bits for bits in enrolled if bits in said]
    assert not re.search(r"\b[0-9a-f]{64}\b", said)


def test_nothing_is_left_running(ran: Ran) -> None:
    assert strays(ran.folder) == []
