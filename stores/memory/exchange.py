from collections.abc import Mapping, Sequence

from core.model import PersonId
from stores.memory.shelf import Shelf
from stores.rules import other_key


class MemoryExchangeBook:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def begin(self, exchange: str, key: str) -> int | None:
        with self._shelf.lock:
            begun_with, fetched_to = self._shelf.exchanges.setdefault(exchange, (key, None))
            if begun_with != key:
                raise other_key(exchange)
            return fetched_to

    def newest(self, people: Sequence[PersonId]) -> Mapping[PersonId, int]:
        with self._shelf.lock:
            return {each: self._shelf.newest_words[each] for each in people if each in self._shelf.newest_words}

    def note(self, newest: Mapping[PersonId, int]) -> None:
        with self._shelf.lock:
            for person, given in newest.items():
                self._shelf.newest_words[person] = max(given, self._shelf.newest_words.get(person, given))

    def reached(self, exchange: str, fetched_to: int) -> None:
        with self._shelf.lock:
            key, before = self._shelf.exchanges[exchange]
            self._shelf.exchanges[exchange] = (key, fetched_to if before is None else max(before, fetched_to))
