"""Hashes that were put aside because they were found in everything."""

from typing import Annotated

import typer

from core.model import PersonId, rfc3339
from stillwatch.commands.protection import person
from stillwatch.commands.sweeping import post_sweep, summary, sweep_posted
from stillwatch.output import json_line, line, say, table
from stillwatch.sweeping import Count
from stillwatch.wiring import House, utc_now


def add_to(app: typer.Typer) -> None:  # noqa: ARG001 – it belongs to `person`
    person.command("quarantine")(quarantine)


def quarantine(
    release: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="PERSON REF",
            help="Let the hashes of this picture match again, for good, and look through what was seen.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One line: a hash each, or what was released and swept.")
    ] = False,
) -> None:
    """Hashes that match nothing at present: each was found in pictures which have nothing to do with each other.

    The person's other hashes go on. With --release they have the thresholds that they had, and nothing puts them aside again by itself;
    what was seen before is compared with them, as at an enrolment.
    """
    house = House.open()
    if release is not None:
        who, ref = release
        count, swept = _released(house, PersonId(who), ref)
        if json:
            json_line(
                {"person": who, "ref": ref, "released": count, "swept": None if swept is None else swept.fields()}
            )
            return
        line(f"{count} hashes released")
        if swept is not None:
            say(f"What was seen before: {summary(swept)}.")
        return
    held = house.collision_book.quarantined()
    if json:
        for each in held:
            fields = {key: str(value) for key, value in each.name._asdict().items()}
            json_line({**fields, "since": rfc3339(each.since), "threshold": each.threshold})
        return
    if not held:
        say("No hash is in quarantine.")
        return
    table(
        ("person", "ref", "hasher", "view", "since"),
        [(*map(str, each.name), f"{each.since:%Y-%m-%d %H:%M} UTC") for each in held],
    )
    say("Release those of a picture with: stillwatch person quarantine --release PERSON REF")


def _released(house: House, person: PersonId, ref: str) -> tuple[int, Count | None]:
    """How many hashes match again, and what was found with them in what was seen; None: there were none, and nothing was compared."""
    now = utc_now()
    names = [each.name for each in house.collision_book.quarantined()]
    if not any((name.person, name.ref) == (person, ref) for name in names):
        return house.collision_book.release(person, ref, now), None  # says who or what is not known
    sweep = post_sweep(house, person, [ref], now)
    count = house.collision_book.release(person, ref, now)
    house.announce_hashes()
    return count, sweep_posted(house, sweep, "The hashes are released")
