from typing import NamedTuple

from stores.sql.border import sql
from stores.sql.corner_rows import ROWS, Sealer
from stores.sql.models import EnrolledCorners
from stores.vault import SealBroken


class Seals(NamedTuple):
    """Of how many pictures corners are stored, and how many of those do not open."""

    stored: int
    broken: int


class SqlCornerSeals:
    def __init__(self, seal: Sealer) -> None:
        self._seal = seal

    @sql()
    def check(self) -> Seals:
        """Opens everything that is stored, one after the other, and keeps nothing: for `doctor`."""
        stored = broken = 0
        columns = EnrolledCorners.objects.values_list("picture__person_id", "picture__contents", "sealed")
        for person, contents, sealed in columns.iterator(ROWS):
            stored += 1
            try:
                self._seal.open(person, contents, bytes(sealed))
            except SealBroken:
                broken += 1
        return Seals(stored, broken)
