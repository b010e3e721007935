"""The letters whose whole text is kept in golden/.

`python -m tests.alerts.letters` writes them anew: read the difference before you keep it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from alerts.cases import located
from alerts.notices import draw
from core.model import Case, CaseStatus, Hit, Letter, LocationState, Notice, NoticeDetails, NoticeStatus
from tests.alerts.facts import ANN, DETAILS, EVERY_S, REGIMES, START, hit, site

GOLDEN = Path(__file__).parent / "golden"


def a_case(*hits: Hit, notices: tuple[Notice, ...] = ()) -> Case:
    return Case(
        id="case-1",
        person=ANN,
        status=CaseStatus.OPEN,
        opened=START,
        locations=tuple(located(each, START, EVERY_S) for each in hits),
        notices=notices,
    )


def a_notice(*hits: Hit, notice_id: str = "0123456789abcdef0123456789abcdef") -> Notice:
    return Notice(
        id=notice_id,
        kind="us_tida",
        site="gallery",
        recipient="abuse@gallery.example",
        hits=tuple(each.id for each in hits),
        status=NoticeStatus.DRAFT,
        drafted=START,
    )


def one_picture(details: NoticeDetails | None = DETAILS) -> Letter:
    return draw(a_case(hit(1)), a_notice(hit(1)), details, REGIMES["us_tida"], site()).letter


def several_by_a_representative() -> Letter:
    details = replace(DETAILS, name="Kim Counsel", capacity="authorised_representative", contact="kim@help.example")
    hits = (hit(1), hit(2), hit(3))
    return draw(a_case(*hits), a_notice(*hits), details, REGIMES["us_tida"], site()).letter


def a_relapse() -> Letter:
    sent = replace(
        a_notice(hit(1), notice_id="fedcba9876543210fedcba9876543210"),
        status=NoticeStatus.SENT,
        sent=START - timedelta(days=9),
    )
    case = a_case(hit(1), notices=(sent,))
    relapsed = tuple(replace(each, state=LocationState.RELAPSED) for each in case.locations)
    return draw(replace(case, locations=relapsed), a_notice(hit(1)), DETAILS, REGIMES["us_tida"], site()).letter


LETTERS: Mapping[str, Callable[[], Letter]] = {
    "one_picture": one_picture,
    "several_by_a_representative": several_by_a_representative,
    "a_relapse": a_relapse,
    "nothing_supplied": lambda: one_picture(None),
}


def text_of(letter: Letter) -> str:
    return f"Subject: {letter.subject}\n\n{letter.body}"


if __name__ == "__main__":
    for name, letter in LETTERS.items():
        (GOLDEN / f"{name}.txt").write_text(text_of(letter()), encoding="utf-8")
