"""How far a match may be, told by what this installation has seen."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import CallError
from stillwatch.output import counter, json_line, line, say, table
from stillwatch.wiring import House, utc_now

if TYPE_CHECKING:
    from matcher.calibrate import Advice, Calibration
    from stillwatch.calibration import Observed

SAY_EVERY_S = 5.0
CRAWLED = 10_000.0  # pictures a day, where nothing was seen that could tell


def add_to(app: typer.Typer) -> None:
    app.command("calibrate")(calibrate)


def calibrate(
    budget: Annotated[
        float, typer.Option(metavar="X", help="Wrong alerts that one person may cause in a year, at most.")
    ] = 1.0,
    pictures: Annotated[
        float | None, typer.Option(metavar="N", help="Enrolled pictures of one person. By default the mean here.")
    ] = None,
    crawled: Annotated[
        float | None, typer.Option(metavar="M", help="Pictures crawled a day. By default as many as were seen here.")
    ] = None,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample", help="Also compare enrolled pictures of different people with each other: when little was seen."
        ),
    ] = False,
    most_pairs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Pairs of pictures to compare; of more a sample is taken.")
    ] = 20_000_000,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draws what was found.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Writes what is recommended into the data folder.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One line: budget, observed, tails, limits, applied, sweep_needed.")
    ] = False,
) -> None:
    """Say how many wrong alerts the limits let through here, and which limits keep within a budget.

    Compares what was seen with what is enrolled; people's own pictures are left out. Nothing is fetched; without --apply nothing changes.
    """
    from matcher.calibrate import calibrate as calibrated
    from stillwatch.calibration import budget_of, not_compared, observe, write_limits
    from stillwatch.calibration_plot import plot as drawn

    for name, value in (("--budget", budget), ("--pictures", pictures), ("--crawled", crawled)):
        if value is not None and not 0 < value < float("inf"):
            raise CallError(f"{name} takes a number above 0")
    house = House.open()
    limits = house.limits  # first: a file that makes no sense is to be said before a minute of work
    _, enrolments = house.enrolled_hashes.enrolments()
    observed = observe(
        enrolments,
        house.seen_store,
        house.hit_log,
        confirmed=limits.frame_confirmed,
        most_pairs=most_pairs,
        sample=sample,
        progress=_Shown().progress,
    )
    counter("")
    if crawled is None and observed.a_day is None:
        say(f"Nothing was seen yet: {CRAWLED:,.0f} pictures a day are assumed. Say how many with --crawled.")
        crawled = CRAWLED
    found = calibrated(observed.histograms, budget_of(observed, budget, pictures, crawled), limits)
    if plot is not None:
        _write(plot, drawn(found))
    written = write_limits(house.settings.home, found, observed, utc_now()) if apply and found.supported else None
    wider = not_compared(house.settings.home) if written is not None else []
    if json:
        json_line({**_fields(found, observed, applied=written is not None), "sweep_needed": bool(wider)})
    else:
        _tell(found, observed)
    if written is not None:
        say(f"Written: {written}. What runs already takes it up when it is started again.")
        if wider:
            say(
                f"Wider than before: {', '.join(wider)}. What was seen is not compared again by itself: start the workers again, then "
                "run: stillwatch sweep"
            )
    elif apply:
        say("Nothing was written: too little was observed, so the limits stay as they are.")
        raise typer.Exit(1)


def _tell(found: "Calibration", observed: "Observed") -> None:
    budget = found.budget
    also = f", {observed.sampled_pairs:,} of enrolled pictures of different people" if observed.sampled_pairs else ""
    say(
        f"{observed.seen:,} distinct pictures seen, {observed.enrolled:,} enrolled of {observed.people:,} people: "
        f"{observed.seen_pairs:,} pairs{also}. Left out as a person's own: {observed.own:,}."
    )
    if observed.undecided:
        say(
            f"{observed.undecided:,} hits wait for a decision and may count as wrong: decide them first for a truer answer."
        )
    say(
        f"Wrong alerts for one person with {budget.pictures:,.1f} pictures in a year of {budget.crawled:,.0f} pictures crawled a day:"
    )
    table(
        ("limit", "now", "expected", "at most (95 %)", "budget", "recommended", "then at most", "nearest pair"),
        [_row(each) for each in found.advice],
    )
    for each in found.advice:
        if each.note:
            line(f"{each.name}: {each.note}")
    if not found.supported:
        say(
            f"Too little was observed for advice of its own: {found.advice[0].pairs:,} pairs. "
            "Crawl longer, enrol more, or add --sample where several people are enrolled."
        )


def _row(advice: "Advice") -> tuple[str, ...]:
    return (
        advice.name,
        str(advice.current),
        _number(_known(advice, advice.expected)),
        _number(_known(advice, advice.at_most)),
        _number(advice.budget),
        str(advice.recommended),
        _number(_known(advice, advice.then_at_most)),
        "-" if advice.closest is None else str(advice.closest),
    )


def _known(advice: "Advice", value: float) -> float | None:
    """Where nothing was compared everything is possible: that is no number to show."""
    return value if advice.pairs else None


def _number(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _fields(found: "Calibration", observed: "Observed", *, applied: bool) -> dict[str, object]:
    return {
        "budget": asdict(found.budget),
        "observed": observed.counts(),
        "supported": found.supported,
        "tails": {
            evidence.value: {
                "pairs": tail.histogram.pairs,
                "bits_per_decade": round(tail.bits_per_decade, 3),
                "bits_per_decade_here": None if tail.here is None else round(tail.here, 3),
                "fitted": tail.fitted,
                "fitted_up_to": tail.edge,
                "nearest_pair": tail.histogram.closest,
            }
            for evidence, tail in found.tails.items()
        },
        "limits": [
            {
                "limit": each.name,
                "current": each.current,
                "expected": _known(each, each.expected),
                "at_most": _known(each, each.at_most),
                "budget": each.budget,
                "recommended": each.recommended,
                "then_at_most": _known(each, each.then_at_most),
                "pairs": each.pairs,
                "note": each.note,
            }
            for each in found.advice
        ],
        "applied": applied,
    }


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CallError(f"{path} cannot be written ({error.strerror})") from error


@dataclass
class _Shown:
    """Progress to standard error: a line that is overwritten, or now and then a new one where nobody watches a terminal."""

    clock: Callable[[], float] = time.monotonic
    said_at: float = field(default_factory=time.monotonic)

    def progress(self, text: str) -> None:
        counter(text)
        now = self.clock()
        if now - self.said_at >= SAY_EVERY_S and not sys.stderr.isatty():
            self.said_at = now
            say(text)
