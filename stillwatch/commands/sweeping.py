"""Looking back: what was seen before somebody was enrolled."""

import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from core.errors import CallError, StoreUnavailable
from core.model import FindState, HashedPicture, PersonId, Sweep, SweepProgress, rfc3339
from stillwatch.output import counter, json_line, line, say
from stillwatch.sweeping import SETTLES, Count, Looked, Work, help_out, refresh
from stillwatch.wiring import House, utc_now

SAY_EVERY_S = 5.0
WAITS_S = (
    120.0  # of an enrolment or a release for its sweep; the rest is done by the crawl worker, or by the next sweep
)


def add_to(app: typer.Typer) -> None:
    app.command("sweep")(sweep)


def sweep(
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what was seen since this day or moment (UTC).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One line a find that was looked at, and a summary.")] = False,
    only_help: Annotated[bool, typer.Option("--help-out", hidden=True)] = False,
) -> None:
    """Check the enrolled hashes against everything the crawler has seen, and look again at what is found.

    A sweep that was interrupted is taken up. What nobody could look at stays, and is looked at by the crawl worker or the next sweep.
    """
    from stillwatch.calibration import all_compared

    house = House.open()
    if only_help:
        help_out(house)
        return
    start = _moment(since)
    now = utc_now()
    if house.enrolled_hashes.count() == 0:
        say("Nobody is enrolled, so nothing can be compared. Enrol first: stillwatch enrol SET.json")
        if json:
            json_line({"summary": Count(SweepProgress(segments=0, left=0, fingerprints=0)).fields()})
        return
    one = _taken_up(house, start) or _posted(house, start, now)
    refresh(house, now)
    house.sweep_board.extend(one.id, house.seen_store.segments(one.since), now)
    house.sweep_finds.hasten()
    shown = Shown(json=json)
    count = Work(house, one.id, of_others_too=True, on_progress=shown.progress, on_look=shown.look).run()
    counter("")
    if count.complete and start is None:
        all_compared(house.settings.home, one.created)
    if json:
        json_line({"summary": count.fields()})
    else:
        line(summary(count))
    if not count.complete:
        say(
            "Not everything could be compared; the crawl worker and the next sweep try again what is left. "
            "See: stillwatch doctor"
        )
        raise typer.Exit(1)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CallError(
            f"--since {text!r} is no date; write 2026-11-24, or 2026-11-24T12:00:00Z for a moment"
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _taken_up(house: House, since: datetime | None) -> Sweep | None:
    """The same sweep, where it was interrupted; but not where other limits hold since: what it has compared was by the old ones."""
    from stillwatch.calibration import changed_at

    changed = changed_at(house.settings.home)
    for one in house.sweep_board.open(utc_now()):  # only those with something left
        if changed is not None and one.created < changed:
            continue
        if one.person is None and one.since == since and house.sweep_board.progress(one.id).untried:
            say("Taking up a sweep that was interrupted.")
            return one
    return None


def _posted(house: House, since: datetime | None, now: datetime) -> Sweep:
    one = Sweep(id=secrets.token_hex(16), created=now, since=since)
    house.sweep_board.post(one)
    return one


def refs_of(person: PersonId, pictures: Sequence[HashedPicture]) -> Sequence[str]:
    """Under which these may be enrolled."""
    from stores.rules import other_ref

    return [ref for picture in pictures for ref in (picture.ref, other_ref(person, picture))]


def post_sweep(house: House, person: PersonId, refs: Sequence[str], now: datetime) -> Sweep:
    """To be called before hashes are stored or released: who is killed right after that is then swept by whoever refreshes next."""
    one = Sweep(id=secrets.token_hex(16), created=now, person=person, refs=tuple(refs))
    if refs:
        house.sweep_board.post(one)
    return one


def sweep_posted(house: House, one: Sweep, done: str) -> Count:
    """Works on the sweep of what was `done` just now; returns how far it came. Nothing that fails here undoes it."""
    shown = Shown()
    now = utc_now()
    if (
        now - one.created > SETTLES / 2
    ):  # storing took so long that others may have begun before there was anything to find
        one = replace(one, id=secrets.token_hex(16), created=now)
        house.sweep_board.post(one)
    work = Work(house, one.id, on_progress=shown.progress)
    try:
        house.sweep_board.extend(one.id, house.seen_store.segments(), utc_now())
        work.run(time.monotonic() + WAITS_S)
    except StoreUnavailable as error:
        say(f"{done}, but what was seen before could not be looked through whole: {error}")
    except KeyboardInterrupt:
        say(f"{done}. Looking through what was seen before goes on in the crawl worker, or with: stillwatch sweep")
    counter("")
    return work.count


def summary(count: Count) -> str:
    fields = count.fields()
    text = (
        f"{fields['fingerprints']:,} fingerprints in {fields['segments']} segments compared: {fields['finds']} found, "
        f"{fields['hits']} hits, {fields['gone']} gone, {fields['changed']} changed, {fields['waiting']} wait to be looked at"
    )
    return text if count.complete else text + "; not everything is compared yet"


@dataclass
class Shown:
    """Prints a sweep while it runs: finds to standard output, progress to standard error."""

    json: bool | None = None  # None: no line a find
    said_at: float = field(default_factory=time.monotonic)

    def progress(self, count: Count) -> None:
        text = f"sweep: {count.words()}"
        counter(text)
        now = time.monotonic()
        if now - self.said_at >= SAY_EVERY_S and not sys.stderr.isatty():
            self.said_at = now
            say(text)

    def look(self, looked: Looked) -> None:
        if self.json:
            json_line(look_line(looked))
        elif self.json is False:
            what = f"hit  {looked.hit}" if looked.state is FindState.HIT else looked.state.value
            line(f"{what}  {looked.find.sighting.image_url}  {looked.reason}".rstrip())


def look_line(looked: Looked) -> dict[str, object]:
    sighting = looked.find.sighting
    return {
        "find": looked.find.id,
        "state": looked.state.value,
        "person": str(looked.find.person),
        "site": sighting.site,
        "page_url": sighting.page_url,
        "image_url": sighting.image_url,
        "seen_at": rfc3339(sighting.seen_at),
        "hit": looked.hit,
        "reason": looked.reason,
    }
