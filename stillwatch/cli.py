"""The command line: which commands there are, and how a run of one ends."""

import sys
from typing import NoReturn

import typer

from core.errors import StillwatchError
from stillwatch.commands import calibrating, deskwork, exchange, operations, protection, quarantine, sweeping, watching
from stillwatch.output import say

app = typer.Typer(
    name="stillwatch",
    help="Keeps watch over sites that agreed to it, for pictures that were shared without consent.\n\n"
    "Data goes to standard output, progress to standard error. Exit status: 0 done, 1 nothing could be taken or the work broke off, "
    "2 the call, the agreement or the configuration is wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (operations, protection, quarantine, exchange, sweeping, watching, deskwork, calibrating):
    group.add_to(app)


def main() -> NoReturn:
    """Runs one command and ends the process with its exit status."""
    try:
        app(standalone_mode=True)
    except StillwatchError as error:
        say(f"stillwatch: {error}")
        sys.exit(error.exit_status)
    except BrokenPipeError:
        # Whoever read our output has enough: say nothing more, on standard output least of all.
        sys.stderr.close()
        sys.exit(1)
    sys.exit(0)
