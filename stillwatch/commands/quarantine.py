"""Hashes that were put aside because they were found in everything."""

from typing import Annotated

import typer

from core.model import PersonId, rfc3339
from stillwatch.commands.protection import person
from stillwatch.output import json_line, line, say, table
from stillwatch.wiring import House, utc_now


def add_to(app: typer.Typer) -> None:  # noqa: ARG001 – it belongs to `person`
    person.command("quarantine")(quarantine)


def quarantine(
    release: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="PERSON REF", help="Let the hashes of this picture match again, for good."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One line a hash: person, ref, hasher, view, since, threshold.")
    ] = False,
) -> None:
    """Hashes that match nothing at present: each was found in pictures which have nothing to do with each other.

    The person's other hashes go on. With --release they have the thresholds that they had, and nothing puts them aside again by itself.
    """
    house = House.open()
    if release is not None:
        who, ref = release
        count = house.collision_book.release(PersonId(who), ref, utc_now())
        house.announce_hashes()
        if json:
            json_line({"person": who, "ref": ref, "released": count})
        else:
            line(f"{count} hashes released")
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
