"""Processes that match with the index files they share. Each line printed was true before it was printed.

python -m tests.stores.index_programs ACT DATABASE_URL FOLDER
"""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import stores.sql
from core.model import Fingerprint, PersonId
from matcher.live import LiveIndex, purge
from tests.contracts.values import NOW, RECIPE, picture
from tests.stores.programs import say

TAIL = 20


def match(folder: Path) -> None:
    """For each line, the refs of whose pictures that hash is."""
    index = LiveIndex(stores.sql.SqlEnrolledHashes(), folder, tail=TAIL)
    say("ready")
    for line in sys.stdin:
        looked_for = Fingerprint(hasher="pdq", view="full", bits=line.strip(), quality=90)
        say(" ".join(sorted(found.enrolment.ref for found in index.search([looked_for]))))
    index.close()


def change_for_ever(folder: Path) -> None:
    """Enrols and withdraws, and writes the index again and again; prints a number after each."""
    people, hashes = stores.sql.SqlPeople(), stores.sql.SqlEnrolledHashes()
    ticks = itertools.count(step=1)
    index = LiveIndex(hashes, folder, clock=lambda: float(next(ticks)), tail=TAIL)
    for number in itertools.count():
        person = PersonId(f"person-{number % 4}")
        people.enrol(person, RECIPE, [picture(f"{number}-{each}") for each in range(3)], NOW)
        index.now()
        if number % 5 == 4:
            people.withdraw(person, NOW)
            purge(hashes, folder)
        say(str(number))


ACTS: dict[str, Callable[[Path], None]] = {"match": match, "change": change_for_ever}

if __name__ == "__main__":
    act, database_url, folder = sys.argv[1:]
    stores.sql.connect(database_url)
    ACTS[act](Path(folder))
