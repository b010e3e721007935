"""Reads what a hash exchange answers: pages of records, as StopNCII publishes them to its partners. From files; nothing is fetched.

    {"count": 1, "nextSetTimestamp": 1625175071, "nextPageToken": "…", "hasMoreRecords": false,
     "hashRecords": [{"lastModtimestamp": 1625167804, "signalType": "ImagePDQ", "hashValue": "…64 hex digits…",
                      "hashStatus": "Active", "caseNumbers": {"…": "Active"}, "CSPFeedbacks": […]}]}

A record is all there is to say about its hash at that time. `hashStatus` says whether the people behind it still want it looked for:
once it is Withdrawn or Deleted, or every one of the cases is, the hash has to go. The client that is published with
python-threatexchange (1.2.17) looks for these words in `hashValue`, where they never stand, and so keeps withdrawn hashes for ever.

What other services said about a hash (`CSPFeedbacks`) is theirs and is not read: a word there that nobody knows must not cost a
withdrawal. Times are seconds since 1970, by the exchange's clock.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.errors import CallError
from core.model import Fingerprint, HashedPicture
from matcher.hashers import HASHERS
from matcher.views import view

RECIPE: Final = "exchange-1"
KINDS: Final[Mapping[str, str]] = {"ImagePDQ": "pdq"}  # the exchange's word → ours
STANDS: Final = frozenset({"received", "active"})
OVER: Final = frozenset({"withdrawn", "deleted"})
MAY_RUN_AHEAD_S: Final = 86_400  # of our clock; what lies further ahead would put every later change in the shade
_UNKNOWN_QUALITY: Final = 100  # the exchange does not say; a hash without features shows in its bits


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRecord:
    hasher: str
    bits: str = field(repr=False)
    modified: int
    withdrawn: bool

    @property
    def number(self) -> int:
        """Of two words on one hash the one with the greater number holds."""
        return number_of(self.modified, withdrawn=self.withdrawn)

    @property
    def picture(self) -> HashedPicture:
        """As it is enrolled. One hash, upright: the exchange has no others."""
        one = Fingerprint(hasher=self.hasher, view=view(0, ""), bits=self.bits, quality=_UNKNOWN_QUALITY)
        return HashedPicture(ref="exchange", quality=_UNKNOWN_QUALITY, fingerprints=(one,))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangePages:
    """What the pages of one fetch say.

    records      the newest of each hash; of two of one moment the withdrawal
    refused      (which record, why), in their order
    other_kinds  how many records of each kind of hash that is not compared here
    fetched_to   from when to fetch next; None: the last page is missing, so there is no saying
    """

    records: tuple[ExchangeRecord, ...]
    refused: tuple[tuple[str, str], ...] = ()
    other_kinds: Mapping[str, int] = field(default_factory=dict)
    fetched_to: int | None = None


def number_of(modified: int, *, withdrawn: bool) -> int:
    """Later is greater, and of one moment the withdrawal."""
    return 2 * modified + withdrawn


def read_pages(texts: Iterable[tuple[str, str]], now_s: float) -> ExchangePages:
    """texts: (name of the file, its content), each a page or a list of pages. Raises CallError for what is no page."""
    newest: dict[tuple[str, str], ExchangeRecord] = {}
    refused: list[tuple[str, str]] = []
    others: Counter[str] = Counter()
    ends: list[int] = []
    complete = False
    for name, text in texts:
        for page in _pages(name, text):
            records, end, last = _page(name, page)
            ends.append(end)
            complete = complete or last
            for number, row in enumerate(records, start=1):
                made = _record(row, now_s)
                if isinstance(made, ExchangeRecord):
                    _keep_newest(newest, made)
                elif isinstance(made, _OtherKind):
                    others[made.name] += 1
                else:
                    refused.append((f"{name}, record {number}", made))
    return ExchangePages(
        records=tuple(newest.values()),
        refused=tuple(refused),
        other_kinds=dict(sorted(others.items())),
        # The earliest: what changed while the pages were fetched is fetched once more, which does no harm.
        fetched_to=min(ends) if complete else None,
    )


def _keep_newest(newest: dict[tuple[str, str], ExchangeRecord], made: ExchangeRecord) -> None:
    at = (made.hasher, made.bits)
    known = newest.get(at)
    if known is None or known.number < made.number:
        newest[at] = made


@dataclass(frozen=True, slots=True)
class _OtherKind:
    name: str


def _pages(name: str, text: str) -> list[Mapping[str, object]]:
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise CallError(f"{name} is not valid JSON{place}: save the exchange's answer as it came") from error
    pages = document if isinstance(document, list) else [document]
    if not pages or not all(isinstance(page, dict) for page in pages):
        raise CallError(f"{name} holds no page of the exchange: save its answer as it came, or a list of its answers")
    return pages


def _page(name: str, page: Mapping[str, object]) -> tuple[list[object], int, bool]:
    """Its records, from when to fetch next, and whether it is the last."""
    records, end, more = (page.get(key) for key in ("hashRecords", "nextSetTimestamp", "hasMoreRecords"))
    if not isinstance(records, list):
        raise CallError(f'{name} has no list "hashRecords": it must be the answer of the exchange to a fetch of hashes')
    if not _is_time(end) or not isinstance(more, bool):
        raise CallError(
            f'{name} lacks "nextSetTimestamp" or "hasMoreRecords": save the whole answer of the exchange, not its records alone'
        )
    assert isinstance(end, int)  # as _is_time says
    if page.get("count") not in (None, len(records)):
        raise CallError(
            f'{name} was cut short: its "count" is not the number of its records; save the whole answer again'
        )
    return records, end, not more


def _record(row: object, now_s: float) -> ExchangeRecord | _OtherKind | str:
    """As text: why nothing can be done with it."""
    if not isinstance(row, dict):
        return "it is no object"
    kind, bits, status, modified = (
        row.get(key) for key in ("signalType", "hashValue", "hashStatus", "lastModtimestamp")
    )
    if not isinstance(kind, str) or not _is_word(kind):
        return 'its "signalType" is no word'
    if kind not in KINDS:
        return _OtherKind(kind)
    if not isinstance(status, str) or status.lower() not in STANDS | OVER:
        return 'its "hashStatus" is none of Received, Active, Withdrawn, Deleted, so it is not known what to do'
    if not _is_time(modified):
        return 'its "lastModtimestamp" is no time in seconds, so it is not known whether it is the newest word'
    assert isinstance(modified, int)  # as _is_time says
    if modified > now_s + MAY_RUN_AHEAD_S:
        return 'its "lastModtimestamp" lies in the future'
    hasher = HASHERS[KINDS[kind]]
    if not isinstance(bits, str) or not re.fullmatch(f"[0-9a-fA-F]{{{hasher.digits}}}", bits):
        return f'its "hashValue" is not {hasher.digits} hex digits'
    withdrawn = status.lower() in OVER or _all_over(row.get("caseNumbers"))
    fault = None if withdrawn else hasher.fault(bits.lower())
    if fault is not None:
        return fault
    return ExchangeRecord(hasher=hasher.name, bits=bits.lower(), modified=modified, withdrawn=withdrawn)


def _all_over(cases: object) -> bool:
    """An exchange writes "no cases" as an empty list, too: then the status of the hash holds alone."""
    if not isinstance(cases, dict) or not cases:
        return False
    return all(isinstance(status, str) and status.lower() in OVER for status in cases.values())


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**11


def _is_word(text: str) -> bool:
    return 1 <= len(text) <= 40 and text.isascii() and text.isalnum()
