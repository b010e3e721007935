"""What a withdrawal does, whether a person asks for it or a restored database has to be told of it once more."""

import logging
from datetime import datetime

from core.model import PersonId, derived_id
from stillwatch.wiring import House

log = logging.getLogger("stillwatch.withdrawing")


def withdraw(house: House, person: PersonId, now: datetime) -> None:
    """When it returns no hit is taken, the hashes are deleted, and nothing unsent will leave. Raises UnknownId."""
    house.people.withdraw(person, now)
    house.announce_hashes()
    house.desk.settle_person(person, now)


def honour(house: House) -> None:
    """The database is compared with the ledger of withdrawals, unless neither has changed since they were found to agree."""
    ledger = house.withdrawals
    mark = ledger.mark()
    if not mark:
        return
    state = _state(house)
    if ledger.agreed(mark, state):
        return
    ended = ledger.ended(house.people.protected())
    for person, last in ended:
        withdraw(house, person, last.at)
    if ended:
        log.warning("withdrawals.honoured_again", extra={"people": len(ended)})
        return  # the next one compares once more: somebody may have changed something meanwhile
    ledger.note_agreed(mark, state)


def _state(house: House) -> str:
    """The same only for the same people protected in the same database. No number of a version comes twice."""
    return f"{house.enrolled_hashes.version()} {derived_id('database', house.settings.database_url)}"
