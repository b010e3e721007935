import pytest

from core.errors import ConfigError
from core.model import PersonId
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE

ELSE = PersonId("else-0003")


def test_an_exchange_is_fetched_from_the_beginning_and_then_from_where_it_was_left(kept: Stores) -> None:
    assert kept.exchange_book.begin("ncii", "key") is None

    kept.exchange_book.reached("ncii", 1_700_000_000)

    assert kept.exchange_book.begin("ncii", "key") == 1_700_000_000
    assert kept.exchange_book.begin("another", "key") is None


def test_where_it_was_left_never_goes_back(kept: Stores) -> None:
    kept.exchange_book.begin("ncii", "key")
    for fetched_to in (20, 30, 10):
        kept.exchange_book.reached("ncii", fetched_to)

    assert kept.exchange_book.begin("ncii", "key") == 30


def test_an_exchange_begun_with_another_key_is_refused_with_the_cure(kept: Stores) -> None:
    kept.exchange_book.begin("ncii", "key")

    with pytest.raises(ConfigError, match=r"'ncii'.*keys/digest.key"):
        kept.exchange_book.begin("ncii", "another")


def test_the_newest_word_on_each_is_kept_in_whatever_order_they_come(kept: Stores) -> None:
    kept.exchange_book.note({ADA: 10, EVE: 50})
    kept.exchange_book.note({ADA: 40, EVE: 20})
    kept.exchange_book.note({})

    assert kept.exchange_book.newest([ADA, EVE, ELSE]) == {ADA: 40, EVE: 50}
    assert kept.exchange_book.newest([]) == {}


def test_more_words_than_a_statement_holds_are_kept(kept: Stores) -> None:
    words = {PersonId(f"person-{number}"): number for number in range(1_201)}

    kept.exchange_book.note(words)

    assert kept.exchange_book.newest(list(words)) == words
