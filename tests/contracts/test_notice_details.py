from core.model import NoticeDetails
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, EVE, NOW

DETAILS = NoticeDetails(
    name="Ada Example", contact="ada@example.org", capacity="subject", statement="The picture shows me.", signed_at=NOW
)


def test_details_come_back_as_they_were_given(kept: Stores) -> None:
    kept.notice_details.put(ADA, DETAILS)

    assert kept.notice_details.details_of(ADA) == DETAILS


def test_nobody_has_details_before_they_are_given(kept: Stores) -> None:
    kept.notice_details.put(ADA, DETAILS)

    assert kept.notice_details.details_of(EVE) is None


def test_newer_details_replace_the_older_ones(kept: Stores) -> None:
    kept.notice_details.put(ADA, DETAILS)
    unsigned = NoticeDetails(name="A", contact="b", capacity="authorised_representative", statement="", signed_at=None)
    kept.notice_details.put(ADA, unsigned)

    assert kept.notice_details.details_of(ADA) == unsigned
