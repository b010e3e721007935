"""What a person approves on a case's page: exactly the letters shown there."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.notices import NOTICES
from core.model import Case, Notice, NoticeStatus, derived_id

NAME_LENGTH = 120
AGAIN = {NoticeStatus.FAILED, NoticeStatus.UNCONFIRMED}


# What the site's own file has to supply, beside the elements of the law.
OF_THE_SITE = {
    "recipient": "an address to send it to",
    "law": "a law that there is a letter for",
}


def gaps(notice: Notice) -> Sequence[str]:
    """What the letter still lacks, in words."""
    kind = NOTICES.get(notice.kind)
    elements = {} if kind is None else kind.elements
    return [
        elements[each].words if each in elements else OF_THE_SITE.get(each) or each.replace("_", " ")
        for each in notice.missing
    ]


def person_supplies(notice: Notice) -> bool:
    """Whether anything that is missing comes from the person."""
    return bool(set(notice.missing) - set(OF_THE_SITE))


@dataclass(frozen=True, slots=True)
class Approval:
    """A site that takes no mail holds nothing back: its letter stays a draft, the others may leave."""

    ready: tuple[Notice, ...]  # drafts that lack nothing
    incomplete: tuple[Notice, ...]  # drafts that could be sent, if the rest of them were there
    addressless: tuple[Notice, ...]
    again: tuple[Notice, ...]  # failed, or perhaps sent: they leave again only when asked to
    fingerprint: str  # of every letter that could leave, as it was shown

    @property
    def possible(self) -> bool:
        return bool(self.ready or self.again) and not self.incomplete


def approval_of(case: Case) -> Approval:
    drafts = [notice for notice in case.notices if notice.status is NoticeStatus.DRAFT]
    again = tuple(notice for notice in case.notices if notice.status in AGAIN)
    parts: list[str] = []
    for notice in (*drafts, *again):
        letter = ("", "") if notice.letter is None else (notice.letter.subject, notice.letter.body)
        parts += [notice.id, notice.recipient or "", *letter]
    return Approval(
        ready=tuple(notice for notice in drafts if not notice.missing),
        incomplete=tuple(notice for notice in drafts if notice.missing and "recipient" not in notice.missing),
        addressless=tuple(notice for notice in drafts if "recipient" in notice.missing),
        again=again,
        fingerprint=derived_id("letters read", *parts),
    )
