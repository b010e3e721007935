"""What a withdrawal does: asked for by a person, by an exchange, or once more because a database was restored that knows nothing of it.
So for corners that a person took back."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from core.errors import UnknownId
from core.model import PersonId, derived_id
from stillwatch.wiring import House, utc_now

log = logging.getLogger("stillwatch.withdrawing")


def withdraw(house: House, people: Mapping[PersonId, datetime]) -> None:
    """people: each with the moment from which on it holds.

    When this returns no hit of theirs is taken, their hashes are deleted, and nothing unsent will leave. Raises UnknownId.
    """
    for person, at in people.items():
        house.people.withdraw(person, at)
    house.announce_hashes()
    for person in people:
        house.desk.settle_person(person, utc_now())
    house.purge_index()


def honour(house: House) -> None:
    """The database is compared with the ledger of withdrawals, unless neither has changed since they were found to agree."""
    house.digest_key.check  # noqa: B018  made at the first start, so that every backup of the home has it
    ledger = house.withdrawals
    mark = ledger.mark()
    if not mark:
        return
    state = _state(house)
    if ledger.agreed(mark, state):
        return
    ended = ledger.ended(house.people.protected())
    if ended:
        withdraw(house, {person: last.at for person, last in ended})
        log.warning("withdrawals.honoured_again", extra={"people": len(ended)})
    forgotten = ledger.forgotten(house.people.corners_kept())
    for person in forgotten:
        with suppress(UnknownId):  # withdrew meanwhile, and the corners went with it
            house.people.drop_local(person)
    if forgotten:
        house.announce_hashes()
        log.warning("withdrawals.corners_forgotten_again", extra={"people": len(forgotten)})
    if (
        not ended and not forgotten
    ):  # else the next one compares once more: somebody may have changed something meanwhile
        ledger.note_agreed(mark, state)


def _state(house: House) -> str:
    """The same only for the same people protected in the same database. No number of a version comes twice."""
    return f"{house.enrolled_hashes.version()} {derived_id('database', house.settings.database_url)}"
