"""A request for removal under the US TAKE IT DOWN Act: the elements of 47 U.S.C. 223a(a)(1)(B)."""

from alerts.notices.kind import PERSON_SET, Element, Facts, NoticeKind

CAPACITIES = ("subject", "authorised_representative")


def _signed(facts: Facts) -> bool:
    details = facts.details
    if details is None or not details.name.strip() or details.signed_at is None:
        return False
    return details.capacity in CAPACITIES


def _located(facts: Facts) -> bool:
    return bool(facts.locations) and all(each.page_url and each.image_url for each in facts.locations)


US_TIDA = NoticeKind(
    template="us_tida.txt",
    elements={
        "signature": Element(  # (i)
            words="the signature: the name of who signs, in which capacity, and the day of signing",
            present=_signed,
            cure=f"name, capacity and signed_at in {PERSON_SET}",
        ),
        "locate": Element(  # (ii)
            words="where the picture is: its page and its own address",
            present=_located,
            cure="a located hit; confirm one with stillwatch hit confirm",
        ),
        "nonconsent_statement": Element(  # (iii)
            words="the brief statement, in good faith, that the picture is shown without consent, with what supports it",
            present=lambda facts: facts.details is not None and bool(facts.details.statement.strip()),
            cure=f"statement in {PERSON_SET}",
        ),
        "contact": Element(  # (iv)
            words="how the person, or who acts for them, can be reached",
            present=lambda facts: facts.details is not None and bool(facts.details.contact.strip()),
            cure=f"contact in {PERSON_SET}",
        ),
    },
)
