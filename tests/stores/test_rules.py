from dataclasses import replace

import pytest

from stores.rules import contents, older
from tests.contracts.values import picture


@pytest.mark.parametrize(
    ("recipe", "than", "is_older"),
    [
        ("views-1", "views-1", False),
        ("views-1", "views-2", True),
        ("views-2", "views-1", False),
        ("views-9", "views-10", True),
        ("full-1", "views-1", True),
        ("full-7", "views-1", True),
        ("views-1", "full-7", False),
        ("full-1", "full-2", True),
        ("pdq-list-1", "views-1", False),
        ("pdq-list-1", "pdq-list-2", False),
        ("exchange-1", "views-1", False),
        ("unknown", "views-1", False),
        ("", "views-1", False),
        ("views", "views-1", False),
        ("views-", "views-1", False),
        ("views-x", "views-1", False),
        ("-1", "views-1", False),
        ("full-8-turns/1", "views-1", False),
        ("views-1", "something-2", False),
    ],
)
def test_what_should_be_hashed_again(recipe: str, than: str, is_older: bool) -> None:
    assert older(recipe, than) is is_older


def test_the_contents_of_pictures_enrolled_before_there_were_times_are_what_they_were() -> None:
    assert contents(picture("a", turns=2)) == "bf8a0ca0e280c9ed54ae4590f44c0445d3d49d29489a360300df2a9b41d96780"


def test_a_time_is_part_of_the_contents_and_corners_are_not() -> None:
    plain = picture("a", turns=2)
    first, second = plain.fingerprints
    timed = replace(plain, fingerprints=(replace(first, time_s=0.0), second))

    assert contents(timed) != contents(plain)
    assert contents(timed) != contents(replace(plain, fingerprints=(replace(first, time_s=0.1), second)))
    assert contents(replace(timed, fingerprints=timed.fingerprints[::-1])) == contents(timed)
    assert contents(replace(plain, local=b"corners")) == contents(plain)
