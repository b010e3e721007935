"""What the commands print: data to standard output, everything else to standard error."""

import json
import sys
from collections.abc import Mapping, Sequence

import typer


def json_line(fields: Mapping[str, object]) -> None:
    """One object a line, at once: whoever reads the pipe sees it while the work goes on."""
    sys.stdout.write(json.dumps(fields, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def line(text: str) -> None:
    """A line of data for people."""
    typer.echo(printable(text))


def say(text: str) -> None:
    """Progress, warnings, advice."""
    typer.echo(printable(text), err=True)


def counter(text: str) -> None:
    """A line of progress that the next one overwrites. Nothing, unless somebody watches a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{printable(text)}")
        sys.stderr.flush()


def printable(text: str) -> str:
    """Without control characters: what a watched site wrote into a URL must not steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """`many` is `one` with an s, where nothing else is said."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, the last one free."""
    clean = [[printable(cell).replace("\n", " ") for cell in row] for row in [headings, *rows]]
    widths = [max(len(row[i]) for row in clean) for i in range(len(headings))]
    for row in clean:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)] + [row[-1]]
        typer.echo("  ".join(cells).rstrip())
