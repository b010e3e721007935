"""Notices: the table of kinds, and how a letter is drawn from a case."""

from collections.abc import Mapping

from alerts.cases import known
from alerts.notices.kind import Drawn, Element, Facts, NoticeKind, one_line, paragraphs, render
from alerts.notices.us_tida import US_TIDA
from core.model import Case, Letter, Location, LocationState, Notice, NoticeDetails, NoticeStatus, Regime, WatchedSite

__all__ = ["DEFAULT_LAW", "NOTICES", "Drawn", "Element", "NoticeKind", "draw", "recipient_of"]

NOTICES: dict[str, NoticeKind] = {
    "us_tida": US_TIDA,
}

DEFAULT_LAW = "us_tida"  # for a site whose [takedown] names no law
CAPACITY_WORDS = {
    "subject": "the individual depicted",
    "authorised_representative": "authorized to act on behalf of the individual depicted",
}


def recipient_of(site: WatchedSite | None) -> str | None:
    """Where a notice to the site goes; None: its file names no address, or it is not watched any more."""
    return None if site is None else site.takedown.email


def draw(case: Case, notice: Notice, details: NoticeDetails | None, regime: Regime, site: WatchedSite | None) -> Drawn:
    """The letter as it would leave now, and which of the law's elements it still lacks ("recipient": nobody to send it to).

    It names page and image addresses, never a picture, a hash or the person's id.
    """
    kind = NOTICES[notice.kind]
    named = set(notice.hits)
    locations = tuple(each for each in case.locations if each.hit in named)
    facts = Facts(details=details, locations=locations)
    missing = [each for each in regime.elements if each not in kind.elements or not kind.elements[each].present(facts)]
    if recipient_of(site) is None:
        missing.append("recipient")
    addressed = notice.site if site is None else site.hosts[0]
    return Drawn(letter=_letter(case, notice, facts, regime, addressed), missing=tuple(missing))


def reference_of(notice: Notice) -> str:
    """What a recipient quotes: the beginning of the notice's id."""
    return notice.id[:12].upper()


def _letter(case: Case, notice: Notice, facts: Facts, regime: Regime, addressed: str) -> Letter:
    details = facts.details
    capacity = details.capacity if details is not None else ""
    representative = capacity == "authorised_representative"
    return render(
        NOTICES[notice.kind].template,
        {
            "law": regime,
            "reference": reference_of(notice),
            "site": addressed,
            "representative": representative,
            "whose": "the individual's" if representative else "my",
            "deadline_h": "" if regime.removal_h is None else f"{regime.removal_h:g}",
            "places": facts.locations,
            "earlier": _earlier(case, notice, facts.locations),
            "statement": paragraphs(details.statement if details is not None else "") or [_gap("the statement")],
            "contact": paragraphs(details.contact if details is not None else "") or [_gap("how to be reached")],
            "name": one_line(details.name if details is not None else "") or _gap("the name of who signs"),
            "capacity": CAPACITY_WORDS.get(capacity) or _gap("in which capacity"),
            "signed_on": (
                _gap("the day of signing")
                if details is None or details.signed_at is None
                else f"{details.signed_at:%Y-%m-%d}"
            ),
        },
    )


def _gap(what: str) -> str:
    return f"[still needed: {what}]"


def _earlier(case: Case, notice: Notice, locations: tuple[Location, ...]) -> Mapping[str, object] | None:
    """The last notice that left for the same site. `same`: everything in this one was in it, was gone, and is back."""
    sent = [
        each for each in case.notices if each.site == notice.site and each.status is NoticeStatus.SENT and each.sent
    ]
    sent = [each for each in sent if each.id != notice.id]
    if not sent:
        return None
    last = max(sent, key=lambda each: (each.sent is not None and each.sent.timestamp(), each.id))
    return {
        "sent": f"{last.sent:%Y-%m-%d}",
        "reference": reference_of(last),
        "same": all(each.hit in last.hits and known(each) is LocationState.RELAPSED for each in locations),
    }
