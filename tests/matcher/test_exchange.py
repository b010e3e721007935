"""What an exchange answers: which of its words count, and what becomes of those that cannot be understood."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CallError
from matcher.exchange import ExchangePages, read_pages

NOW_S = 1_800_000_000.0
PDQ = "0f" * 32
OTHER = "f0" * 32


def record(**changes: object) -> dict[str, object]:
    """As the exchange writes it."""
    return {
        "lastModtimestamp": 1_625_167_804,
        "hashValue": PDQ,
        "hashStatus": "Active",
        "caseNumbers": {"27664732-76e1-4a17-8099-455798e67022": "Active"},
        "signalType": "ImagePDQ",
        "CSPFeedbacks": [{"source": "Somewhere", "feedbackValue": "Blocked", "tags": ["One"]}],
    } | changes


def page(*records: object, **changes: object) -> dict[str, object]:
    return {
        "count": len(records),
        "nextSetTimestamp": 1_625_175_071,
        "nextPageToken": "W3siY2",
        "hasMoreRecords": False,
        "hashRecords": list(records),
    } | changes


def read(*pages: object) -> ExchangePages:
    return read_pages([("page.json", json.dumps(each)) for each in pages], NOW_S)


# ----------------------------------------------------------------------------------------------------------- withdrawals


@pytest.mark.parametrize("status", ["Withdrawn", "Deleted", "withdrawn"])
def test_a_withdrawn_hash_goes_where_the_published_client_keeps_it_for_ever(status: str) -> None:
    """python-threatexchange 1.2.17 asks `record.hashValue in (Withdrawn, Deleted)`: it looks for the status among the digits of the hash,
    never finds it, and hands every withdrawn hash on as one to be matched. The status stands in `hashStatus`."""
    row = record(hashStatus=status)

    (read_,) = read(page(row)).records

    assert str(row["hashValue"]) not in ("Withdrawn", "Deleted")  # what the client compares
    assert read_.withdrawn


def test_a_hash_goes_when_every_case_behind_it_is_over_and_stays_while_one_stands() -> None:
    over = {"a": "Withdrawn", "b": "Deleted"}

    assert read(page(record(caseNumbers=over))).records[0].withdrawn
    assert not read(page(record(caseNumbers=over | {"c": "Received"}))).records[0].withdrawn


@pytest.mark.parametrize("cases", [[], {}, None, "none", 3])
def test_without_cases_the_status_of_the_hash_holds_alone(cases: object) -> None:
    assert not read(page(record(caseNumbers=cases))).records[0].withdrawn
    assert read(page(record(caseNumbers=cases, hashStatus="Withdrawn"))).records[0].withdrawn


def test_feedback_nobody_knows_costs_no_withdrawal() -> None:
    """The published client drops a record whole when a service's feedback has a value that it does not know."""
    row = record(hashStatus="Withdrawn", CSPFeedbacks=[{"source": "x", "feedbackValue": "Undefined"}, "?"])

    assert read(page(row)).records[0].withdrawn


def test_feedback_of_a_service_that_it_withdrew_is_not_the_persons_withdrawal() -> None:
    row = record(CSPFeedbacks=[{"source": "x", "feedbackValue": "Withdrawn", "tags": []}])

    assert not read(page(row)).records[0].withdrawn


def test_a_hash_without_features_can_still_be_withdrawn() -> None:
    plain = record(hashValue="0" * 64)

    assert "featureless" in read(page(plain)).refused[0][1]
    assert read(page(plain | {"hashStatus": "Withdrawn"})).records[0].withdrawn


# ------------------------------------------------------------------------------------------------- the newest word holds


@given(st.lists(st.tuples(st.sampled_from([PDQ, OTHER]), st.integers(1, 4), st.booleans()), max_size=8), st.randoms())
def test_the_newest_word_on_each_hash_holds_in_whatever_order_and_pages_they_come(
    words: list[tuple[str, int, bool]], dice: random.Random
) -> None:
    shuffled = [
        record(hashValue=bits, lastModtimestamp=at, hashStatus="Withdrawn" if gone else "Active")
        for bits, at, gone in dice.sample(words, len(words))
    ]
    cut = dice.randint(0, len(shuffled))

    found = {
        each.bits: (each.modified, each.withdrawn)
        for each in read(page(*shuffled[:cut]), page(*shuffled[cut:])).records
    }

    assert found == {bits: max((at, gone) for other, at, gone in words if other == bits) for bits, _, _ in words}


def test_digits_in_capitals_are_the_same_hash() -> None:
    assert read(page(record(hashValue=PDQ.upper()), record())).records == read(page(record())).records


# -------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hashStatus": "Unknown"}, "hashStatus"),
        ({"hashStatus": None}, "hashStatus"),
        ({"hashValue": "xyz"}, "64 hex digits"),
        ({"hashValue": PDQ + "00"}, "64 hex digits"),
        ({"hashValue": 17}, "64 hex digits"),
        ({"hashValue": "0" * 64}, "featureless"),
        ({"lastModtimestamp": "yesterday"}, "lastModtimestamp"),
        ({"lastModtimestamp": True}, "lastModtimestamp"),
        ({"lastModtimestamp": -1}, "lastModtimestamp"),
        ({"lastModtimestamp": int(NOW_S) + 200_000}, "future"),
        ({"lastModtimestamp": 1_625_167_804_000}, "lastModtimestamp"),
        ({"signalType": None}, "signalType"),
        ({"signalType": "\x1b[2J"}, "signalType"),
    ],
)
def test_a_record_that_cannot_be_understood_is_refused_by_its_place_and_the_rest_is_taken(
    changes: dict[str, object], says: str
) -> None:
    pages = read(page(record(hashValue=OTHER), record(**changes)))

    ((ref, reason),) = pages.refused
    assert ref == "page.json, record 2"
    assert says in reason
    assert str(changes.get("hashValue", PDQ)) not in reason
    assert [each.bits for each in pages.records] == [OTHER]


def test_what_is_no_record_is_refused_by_its_place() -> None:
    assert [ref for ref, _ in read(page("?", None, record())).refused] == ["page.json, record 1", "page.json, record 2"]


def test_kinds_that_are_not_compared_here_are_counted_by_their_name() -> None:
    pages = read(page(record(signalType="VideoMD5"), record(signalType="URL"), record(signalType="VideoMD5"), record()))

    assert pages.other_kinds == {"URL": 1, "VideoMD5": 2}
    assert (len(pages.records), pages.refused) == (1, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no page"),
        ('"text"', "no page"),
        ('[{"hashRecords": []}, 3]', "no page"),
        ("{}", "hashRecords"),
        ('{"hashRecords": {}}', "hashRecords"),
        ('{"hashRecords": []}', "nextSetTimestamp"),
        ('{"hashRecords": [], "nextSetTimestamp": 5, "hasMoreRecords": "no"}', "hasMoreRecords"),
        ('{"hashRecords": [], "nextSetTimestamp": 5, "hasMoreRecords": false, "count": 2}', "cut short"),
    ],
)
def test_what_is_no_page_is_refused_whole_with_its_file(text: str, says: str) -> None:
    with pytest.raises(CallError, match=r"page\.json") as refused:
        read_pages([("page.json", text)], NOW_S)

    assert says in str(refused.value)


# ---------------------------------------------------------------------------------------------------- where to go on from


def test_where_to_go_on_from_is_known_once_the_last_page_is_there() -> None:
    first = page(record(), hasMoreRecords=True, nextSetTimestamp=30)
    last = page(record(), nextSetTimestamp=20)

    assert read(first).fetched_to is None
    assert read(first, last).fetched_to == 20
    assert read([first, last]).fetched_to == 20


def test_neither_hash_nor_case_stands_in_what_prints_itself() -> None:
    assert PDQ not in repr(read(page(record())))


def test_the_published_client_still_keeps_what_was_withdrawn() -> None:
    """If this fails the client was mended, and what is said of it in matcher/exchange.py is no longer so."""
    client = pytest.importorskip(
        "threatexchange.exchanges.impl.stop_ncii_api", reason="no threatexchange; the cure: uv pip install -e .[bench]"
    )
    words = pytest.importorskip("threatexchange.exchanges.clients.stopncii.api")
    gone = words.StopNCIICaseStatus.Withdrawn
    row = words.StopNCIIHashRecord(1, words.StopNCIISignalType.ImagePDQ, PDQ, gone, {"a": gone})

    _, kept = client._get_delta_mapping(row)

    assert kept is not None  # None is what would have its hash deleted
    assert read(page(record(hashStatus="Withdrawn"))).records[0].withdrawn
