"""Hashes of an exchange: what people have asked several services at once to look for, and what they have taken back."""

import re
import time
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CallError
from stillwatch.output import json_line, line, say
from stillwatch.wiring import House


def add_to(app: typer.Typer) -> None:
    app.command("import")(import_pages)


def import_pages(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE.json…", help="The exchange's answers to one fetch, as they came, all pages."),
    ],
    exchange: Annotated[
        str, typer.Option(metavar="NAME", help="Which exchange they are from. Each has its own place to go on from.")
    ] = "stopncii",
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="One line: exchange, enrolled, withdrawn, unchanged, refused, other_kinds, fetch_next_from.",
        ),
    ] = False,
) -> None:
    """Take over hashes from a hash exchange. Nothing is fetched: it reads the answers that you saved.

    What was withdrawn there is deleted here at once. The same pages may be given twice, and in any order.
    """
    from matcher.exchange import read_pages
    from stillwatch.exchange import names, take_over

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", exchange):
        raise CallError("--exchange takes 1 to 40 lower-case letters, digits and '-'")
    pages = read_pages(((path.name, _text(path)) for path in files), time.time())
    done = take_over(House.open(), exchange, pages)
    if json:
        json_line(
            {
                "exchange": exchange,
                "enrolled": done.enrolled,
                "withdrawn": done.withdrawn,
                "unchanged": done.unchanged,
                "refused": names(pages),
                "other_kinds": dict(pages.other_kinds),
                "fetch_next_from": done.fetch_next_from,
            }
        )
    else:
        for ref, reason in pages.refused:
            say(f"{ref}: refused: {reason}")
        for kind, count in pages.other_kinds.items():
            say(f"{count} of kind {kind} left out: only ImagePDQ can be compared here")
        say(
            f"{done.enrolled} hashes enrolled, {done.withdrawn} withdrawn, {done.unchanged} unchanged, {len(pages.refused)} refused."
        )
        if pages.fetched_to is None:
            say("The last page was not among the files, so where to go on from stays as it was.")
        if done.fetch_next_from is not None:
            line(f"fetch next from  {done.fetch_next_from}")
    if pages.refused and not pages.records:
        raise typer.Exit(1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CallError(
            f"{path} cannot be read ({error.__class__.__name__}); give the saved answers of the exchange"
        ) from error
