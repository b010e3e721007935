"""Hits, alerts and cases: what an analyst decides."""

from collections.abc import Mapping
from typing import Annotated

import typer

from core.errors import StoreUnavailable, UnknownId
from core.model import Case, Decision, Evidence, Hit, HitQuery, HitStatus, PersonId
from stillwatch.lines import alert_line, case_line, hit_line
from stillwatch.output import json_line, line, say, table
from stillwatch.wiring import House, utc_now

hits = typer.Typer(help="What was found.", no_args_is_help=True)
alerts = typer.Typer(help="What the desk was told.", no_args_is_help=True)
cases = typer.Typer(help="What is done about it.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
By = Annotated[str, typer.Option("--as", metavar="NAME", help="Who decides. It is kept.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(hits, name="hit")
    app.add_typer(alerts, name="alert")
    app.add_typer(cases, name="case")


# ----------------------------------------------------------------------------------------------------------------- hits


@hits.command("list")
def list_hits(
    site: Annotated[str | None, typer.Option(help="Only of this watched site.")] = None,
    person: Annotated[str | None, typer.Option(help="Only of this person.")] = None,
    status: Annotated[HitStatus | None, typer.Option(help="Only with this status.")] = None,
    query: Annotated[str | None, typer.Option(help="Words that stand in the page or image URL.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 1000,
    json: Json = False,
) -> None:
    """Hits, newest first."""
    house = House.open()
    wanted = HitQuery(
        site=site, person=None if person is None else PersonId(person), status=status, text=query, limit=limit
    )
    found = house.hit_log.get(_search(house, wanted))
    if json:
        for hit in found:
            json_line(hit_line(hit))
        return
    if not found:
        say("No hits fit.")
        return
    table(("id", "status", "tier", "site", "person", "image"), [_hit_row(hit) for hit in found])


def _search(house: House, query: HitQuery) -> list[str]:
    try:
        return list(house.hit_search.search(query))
    except StoreUnavailable as error:
        if house.settings.elasticsearch_url is None:
            raise
        from stores.sql import SqlHitSearch

        say(f"Searched in SQL instead: {error}")
        house.connect()
        return list(SqlHitSearch().search(query))


def _hit_row(hit: Hit) -> tuple[str, ...]:
    return (hit.id, hit.status.value, hit.tier.value, hit.site, str(hit.person), hit.image_url)


@hits.command("show")
def show_hit(hit_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """One hit, with every page that shows it. Never the picture."""
    found = House.open().hit_log.get([hit_id])
    if not found:
        raise UnknownId(f"no hit has the id {hit_id!r}; see: stillwatch hit list")
    if json:
        json_line(hit_line(found[0]))
        return
    fields = {**hit_line(found[0]), **_in_words(found[0])}
    width = max(map(len, fields))
    for name, value in fields.items():
        if isinstance(value, list):
            for each in value:
                line(f"{name:{width}} {each}")
        else:
            line(f"{name:{width}} {'-' if value is None else value}")


EVIDENCE_WORDS: Mapping[Evidence, str] = {
    Evidence.FRAME: "whole picture",
    Evidence.REGION: "part of the picture",
    Evidence.REGISTERED: "part of the picture, moved into place",
    Evidence.LOCAL: "corners ({agreeing} agree)",
}


def _in_words(hit: Hit) -> Mapping[str, object]:
    """What of a hit people read better so than in its line of JSON."""
    overlay = None if hit.overlay is None else " ".join(f"{x},{y}" for x, y in hit.overlay)
    return {
        "evidence": EVIDENCE_WORDS[hit.evidence].format(agreeing=hit.agreeing),
        "overlay": overlay,
        "ranges": [f"{start:.1f} to {end:.1f} s" for start, end in hit.ranges],
    }


def _decide(hit_id: str, decision: Decision, by: str, json: bool) -> None:
    house = House.open()
    changed = house.hit_log.decide(hit_id, decision, by, utc_now())
    # Alert, case and draft follow at once here; a desk that is killed in between finds the outbox rows.
    for hit in changed:
        house.desk.settle(hit.id, utc_now())
    if json:
        for hit in house.hit_log.get([hit.id for hit in changed]):
            json_line(hit_line(hit))
        return
    if not changed:
        say("Nothing changed: that is its status already.")
    for hit in changed:
        line(f"{hit.id} {hit.status.value}")


@hits.command("confirm")
def confirm_hit(hit_id: Annotated[str, typer.Argument(metavar="ID")], by: By = "desk", json: Json = False) -> None:
    """It is the person's picture. Holds for every copy in the cluster; alert, case and draft follow."""
    _decide(hit_id, Decision.CONFIRM, by, json)


@hits.command("reject")
def reject_hit(hit_id: Annotated[str, typer.Argument(metavar="ID")], by: By = "desk", json: Json = False) -> None:
    """It is not. Holds for every copy in the cluster; alert, case and draft are taken back."""
    _decide(hit_id, Decision.REJECT, by, json)


@hits.command("undo")
def undo_hit(hit_id: Annotated[str, typer.Argument(metavar="ID")], by: By = "desk", json: Json = False) -> None:
    """Take the last decision on its cluster back: the hits wait for a person again."""
    _decide(hit_id, Decision.UNDO, by, json)


# --------------------------------------------------------------------------------------------------------------- alerts


@alerts.command("list")
def list_alerts(json: Json = False) -> None:
    """Alerts, newest first."""
    found = House.open().case_book.alerts()
    if json:
        for alert in found:
            json_line(alert_line(alert))
        return
    if not found:
        say("No alerts.")
        return
    table(
        ("id", "status", "site", "hits", "person"),
        [(alert.id, alert.status.value, alert.site, str(len(alert.hits)), str(alert.person)) for alert in found],
    )


@alerts.command("ack")
def acknowledge_alert(alert_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Somebody has seen it. The next hit raises a new one."""
    alert = House.open().desk.acknowledge(alert_id, utc_now())
    line(f"{alert.id} {alert.status.value}")


# ---------------------------------------------------------------------------------------------------------------- cases


@cases.command("list")
def list_cases(json: Json = False) -> None:
    """Cases with their locations and notices."""
    found = House.open().case_book.cases()
    if json:
        for case in found:
            json_line(case_line(case))
        return
    if not found:
        say("No cases.")
        return
    table(
        ("id", "status", "locations", "notices", "person"),
        [
            (case.id, case.status.value, _tally(case.locations), _tally(case.notices), str(case.person))
            for case in found
        ],
    )


def _tally(parts: tuple[object, ...]) -> str:
    states = [str(getattr(part, "state", None) or getattr(part, "status", "")) for part in parts]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "none"


@cases.command("show")
def show_case(case_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """One case: where the pictures are, each notice with what it still needs, and its letter."""
    house = House.open()
    case = house.desk.redraw(case_id, utc_now())
    if json:
        json_line(case_line(case))
        return
    line(f"case      {case.id}")
    line(f"status    {case.status.value}")
    line(f"opened    {case.opened:%Y-%m-%d %H:%M} UTC")
    for location in case.locations:
        line(f"location  {location.state.value:10} since {location.since:%Y-%m-%d %H:%M} UTC  {location.image_url}")
    for notice in case.notices:
        line(f"notice    {notice.status.value:10} {notice.kind} to {notice.recipient or 'nobody yet'}")
        for element in notice.missing:
            line(f"          missing: {element}")
        if notice.failure:
            line(f"          {notice.failure}")
        if notice.letter is not None:
            line("")
            line(notice.letter.subject)
            line("")
            line(notice.letter.body)


@cases.command("approve")
def approve_case(
    case_id: Annotated[str, typer.Argument(metavar="ID")],
    by: By,
    again: Annotated[
        bool, typer.Option(help="Also send notices again whose sending failed or was never confirmed.")
    ] = False,
    json: Json = False,
) -> None:
    """Let the case's drafted notices leave. Nothing is ever sent without this."""
    house = House.open()
    case: Case = house.desk.approve(case_id, by, utc_now(), again=again)
    if house.settings.mail_url is None:
        say(
            "Approved. No mail server is configured, so the notices wait: set STILLWATCH_MAIL_URL (see: stillwatch settings)."
        )
    if json:
        json_line(case_line(case))
        return
    for notice in case.notices:
        line(f"{notice.id} {notice.status.value}")
