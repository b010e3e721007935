from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from core.model import PersonId
from stores.rules import other_key
from stores.sql.border import sql
from stores.sql.models import Exchange, ExchangeWord

AT_A_TIME = 500  # rows in one statement: SQLite counts its parameters


class SqlExchangeBook:
    @sql()
    def begin(self, exchange: str, key: str) -> int | None:
        begun, _ = Exchange.objects.get_or_create(name=exchange, defaults={"key": key})
        if begun.key != key:
            raise other_key(exchange)
        return begun.fetched_to

    @sql()
    def newest(self, people: Sequence[PersonId]) -> Mapping[PersonId, int]:
        found: dict[PersonId, int] = {}
        for start in range(0, len(people), AT_A_TIME):
            rows = ExchangeWord.objects.filter(person__in=people[start : start + AT_A_TIME])
            found |= {PersonId(person): given for person, given in rows.values_list("person", "given")}
        return found

    @sql()
    def note(self, newest: Mapping[PersonId, int]) -> None:
        people = sorted(newest)  # always in one order, so that two transactions never wait for each other's rows
        for start in range(0, len(people), AT_A_TIME):
            block = people[start : start + AT_A_TIME]
            with transaction.atomic():
                there = ExchangeWord.objects.select_for_update().filter(person__in=block)
                known = dict(there.values_list("person", "given"))
                newer = [each for each in block if newest[each] > known.get(each, -1)]
                ExchangeWord.objects.bulk_create(
                    (ExchangeWord(person=each, given=newest[each]) for each in newer),
                    update_conflicts=True,
                    unique_fields=["person"],
                    update_fields=["given"],
                )

    @sql()
    def reached(self, exchange: str, fetched_to: int) -> None:
        Exchange.objects.filter(Q(fetched_to=None) | Q(fetched_to__lt=fetched_to), name=exchange).update(
            fetched_to=fetched_to
        )
