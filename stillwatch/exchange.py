"""Takes over what a hash exchange says: hashes come in as people of their own, and go as soon as they are withdrawn.

Each hash is enrolled for an opaque person whose id is a digest of the hash, so that nobody is merged with anybody, a case can be opened
for it, and it is withdrawn as a person is: out of the database, every index, every draft, and for good. What was done last for a hash is
noted with the exchange's own time, and only newer words count: pages may come twice, in any order, or be broken off.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from core.errors import Conflict, StoreUnavailable
from core.model import PersonId, Sweep
from matcher.exchange import RECIPE, ExchangePages, ExchangeRecord, number_of
from stillwatch.output import counter, say
from stillwatch.sweeping import SETTLES
from stillwatch.wiring import House, utc_now
from stillwatch.withdrawing import withdraw
from stores.withdrawals import Act

AT_A_TIME = 500  # records between two notes of what was done


@dataclass(kw_only=True)
class TakenOver:
    """What came of the records. `unchanged`: done before, or an older word than the one that holds."""

    enrolled: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    fetch_next_from: int | None = None
    sweep: Sweep | None = None  # of what was enrolled


def take_over(house: House, exchange: str, pages: ExchangePages) -> TakenOver:
    with _alone(house):
        key = house.digest_key
        house.exchange_book.begin(exchange, key.check)
        done = TakenOver()
        records = {
            PersonId(f"exchange-{key.digest('exchange', exchange, each.hasher, each.bits)}"): each
            for each in pages.records
        }
        # What has to go goes first.
        order = sorted(records, key=lambda person: not records[person].withdrawn)
        for start in range(0, len(order), AT_A_TIME):
            _take_over(house, {person: records[person] for person in order[start : start + AT_A_TIME]}, done)
            counter(f"{min(start + AT_A_TIME, len(order))} of {len(order)} hashes")
        counter("")
        if done.sweep is not None:
            _extend(house, done.sweep)
        if pages.fetched_to is not None:
            house.exchange_book.reached(exchange, pages.fetched_to)
        done.fetch_next_from = house.exchange_book.begin(exchange, key.check)
        return done


def _take_over(house: House, records: Mapping[PersonId, ExchangeRecord], done: TakenOver) -> None:
    known = house.exchange_book.newest(list(records))
    protected = house.people.protected(list(records))
    going: dict[PersonId, ExchangeRecord] = {}
    coming: dict[PersonId, ExchangeRecord] = {}
    for person, record in records.items():
        newest = max(known.get(person, -1), _gone(house, person))
        # The last word is done once more where a kill left it half done.
        if record.number > newest or (record.number == newest and record.withdrawn is (person in protected)):
            (going if record.withdrawn else coming)[person] = record
    changed = _withdraw(house, {person: each for person, each in going.items() if person in protected})
    done.withdrawn += changed
    new = {person: each for person, each in coming.items() if person not in protected}
    if new and done.sweep is None:
        done.sweep = _posted(house)  # before anything is stored: after a kill whoever refreshes next sweeps
    _enrol(house, new)
    done.enrolled += len(new)
    done.unchanged += len(records) - changed - len(new)
    # Also of those that were never enrolled here: an older word that comes later must find them withdrawn.
    house.exchange_book.note({person: each.number for person, each in {**going, **coming}.items()})


def _posted(house: House) -> Sweep:
    """Everybody's: one for thousands of hashes, worked on by the crawl workers or taken up by `sweep`."""
    sweep = Sweep(id=secrets.token_hex(16), created=utc_now())
    house.sweep_board.post(sweep)
    return sweep


def _extend(house: House, sweep: Sweep) -> None:
    """What was seen before is compared with the new hashes, too. Nothing that fails here undoes the import."""
    if utc_now() - sweep.created > SETTLES / 2:  # others may have begun before there was anything to find
        sweep = _posted(house)
    try:
        house.sweep_board.extend(sweep.id, house.seen_store.segments(), utc_now())
    except StoreUnavailable as error:
        say(f"The hashes are stored, but what was seen before could not be looked through yet: {error}")


def _gone(house: House, person: PersonId) -> int:
    """The number of the word by which they withdrew. The ledger knows of those that a restored database has forgotten."""
    last = house.withdrawals.last(person)
    return -1 if last is None else number_of(int(last.at.timestamp()), withdrawn=last.act is Act.WITHDRAWN)


def _withdraw(house: House, records: Mapping[PersonId, ExchangeRecord]) -> int:
    if records:
        withdraw(house, {person: _moment(record) for person, record in records.items()})
    return len(records)


def _enrol(house: House, records: Mapping[PersonId, ExchangeRecord]) -> None:
    for person, record in records.items():
        house.people.enrol(person, RECIPE, [record.picture], _moment(record))
    if records:
        house.announce_hashes()
    for person in records:
        if house.withdrawals.last(person) is not None:
            house.desk.settle_person(person, utc_now())  # it is back: its case is open again


def _moment(record: ExchangeRecord) -> datetime:
    return datetime.fromtimestamp(record.modified, UTC)


@contextmanager
def _alone(house: House) -> Iterator[None]:
    """Two that read and write at once could each miss what the other did."""
    house.connect()
    lock = os.open(house.locks / "exchange.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Conflict("another import is at work here: wait for its end and repeat") from error
    finally:
        os.close(lock)


def names(pages: ExchangePages) -> Sequence[dict[str, str]]:
    """Each refused record, as `import` prints it."""
    return [{"ref": ref, "reason": reason} for ref, reason in pages.refused]
