"""The pages that reading is measured on: the same page for the same number, and every spelling leads back to its address."""

from random import Random
from urllib.parse import urljoin

import pytest

from benchmarks import addresses
from benchmarks.addresses import Place, same
from benchmarks.embeddings import IN_BODY, IN_HEAD
from benchmarks.pages import page


def test_the_same_number_makes_the_same_page_and_another_number_another() -> None:
    first, again, other = page(4, 0), page(4, 0), page(4, 1)

    assert first == again
    assert first.body != other.body


def test_some_hundred_pages_hold_pictures_in_every_way() -> None:
    pages = [page(4, number) for number in range(300)]

    kinds = {kind for one in pages for kind in (*one.pictures.values(), *one.either.values())}

    assert kinds >= IN_BODY.keys() | IN_HEAD.keys()


@pytest.mark.parametrize("loose", [False, True], ids=["by program", "by hand"])
@pytest.mark.parametrize(
    "manner", [*addresses.ENDED, *addresses.OPEN, *addresses.NESTED], ids=lambda manner: manner.__name__
)
def test_a_spelling_leads_back_to_its_address(manner: addresses.Manner, loose: bool) -> None:
    chance = Random(4)
    base = "https://www.a.example/b/c/view.php?id=3"
    for language in addresses.WORDS:
        address = manner(chance, Place(chance, "www.a.example", language))

        spelled = addresses.spelled(chance, address, base, loose=loose)
        resolved = urljoin(base, spelled.replace("\\", "/")).replace(":443", "")

        assert addresses.readable(same(resolved)) == addresses.readable(same(address))
