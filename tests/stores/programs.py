"""What tests run in processes of their own, to be killed or to race. Each line printed was true before it was printed.

python -m tests.stores.programs ACT DATABASE_URL …
"""

import itertools
import sys
from collections.abc import Callable

import stores.sql
from core.model import Added, PersonId
from tests.contracts.values import ADA, NOW, hit


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def add_for_ever(prefix: str) -> None:
    """Prints the id of each hit after the log has taken it; ends when the log refuses."""
    log = stores.sql.SqlHitLog()
    for number in itertools.count():
        found = hit(image_url=f"https://cdn.gallery.example/{prefix}/{number}.jpg")
        if log.add(found) is Added.REFUSED:
            say("refused")
            return
        say(found.id)


def withdraw(person: str) -> None:
    """Prints the hits that there are when the withdrawal has returned."""
    stores.sql.SqlPeople().withdraw(PersonId(person), NOW)
    for found in stores.sql.SqlHitLog().all():
        say(found.id)


def migrate(_: str) -> None:
    stores.sql.migrate()
    say(stores.sql.SqlPeople().state(ADA).value)


ACTS: dict[str, Callable[[str], None]] = {"add": add_for_ever, "withdraw": withdraw, "migrate": migrate}

if __name__ == "__main__":
    act, database_url, argument = sys.argv[1:]
    stores.sql.connect(database_url)
    ACTS[act](argument)
