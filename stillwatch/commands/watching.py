"""Watched sites, crawling them, and looking again."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alerts.watching import CanaryState
from core.errors import CallError, Conflict, NotAgreed, UnknownId
from core.model import Hit, Location, Look, PersonState, Standing, State, WatchedSite, rfc3339
from stillwatch import logs
from stillwatch.agreement import fault
from stillwatch.forgetting import forget_crawl
from stillwatch.lines import case_line, site_line, unread_site_line
from stillwatch.output import counted, counter, json_line, line, say, table
from stillwatch.watchfulness import SiteLook, look_at
from stillwatch.wiring import House, utc_now

if TYPE_CHECKING:
    from crawler.crawl import CrawlServices, ImageLine, Progress

sites = typer.Typer(help="The sites whose watching was agreed.", no_args_is_help=True)

SAY_EVERY_S = 5.0

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
SiteName = Annotated[str, typer.Argument(metavar="NAME")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(sites, name="site")
    app.command("crawl")(crawl)
    app.command("recheck")(recheck)


# ---------------------------------------------------------------------------------------------------------------- sites


@sites.command("check")
def check_sites(names: Annotated[list[str] | None, typer.Argument(metavar="NAME…")] = None, json: Json = False) -> None:
    """Read the site files and say what is wrong with them. Nothing is asked of any site."""
    house = House.open()
    read, faults = house.sites()
    wanted = set(names or [])
    verdicts = [(site.name, _wrong(house, site)) for site in read]
    verdicts += [(bad.path.stem, bad.reason) for bad in faults]
    unknown = wanted - {name for name, _ in verdicts}
    if unknown:
        house.site(min(unknown))
    if not verdicts:
        raise CallError(
            f"no watched site yet: put one TOML file a site into {house.settings.config / 'sites'} (see docs/how-to/watch-a-site.md)"
        )
    wrong = False
    for name, reason in verdicts:
        if wanted and name not in wanted:
            continue
        wrong = wrong or reason is not None
        if json:
            json_line({"site": name, "ok": reason is None, "reason": reason})
        else:
            line(f"{name}: {'ok' if reason is None else reason}")
    if wrong:
        raise typer.Exit(2)


def _wrong(house: House, site: WatchedSite) -> str | None:
    """All that keeps it from being crawled on this machine; None: nothing does."""
    no_login = house.no_login(site)
    found = (
        fault(site, house.site_book, utc_now()),
        house.no_browser(site),
        None if no_login is None else f"login: {no_login}",
    )
    return "\n".join(reason for reason in found if reason is not None) or None


@sites.command("list")
def list_sites(json: Json = False) -> None:
    """Each site with its agreement, standing, and whether it is really looked at: by the last finished pass beside those before."""
    house = House.open()
    read, faults = house.sites()
    now = utc_now()
    rows = []
    for site in read:
        seen = look_at(house, site, now)
        if json:
            json_line(site_line(seen, house.site_book.standing(site.name)))
        watched = "not watched" if seen.fault else "watched" if seen.health == "ok" else f"watched, {seen.health}"
        rows.append((site.name, site.kind, watched, _moment(seen.last_good), _moment(seen.next_visit), _looked(seen)))
    for bad in faults:
        if json:
            json_line(unread_site_line(bad.path.stem, bad.reason))
        rows.append((bad.path.stem, "?", "not watched", "?", "none", bad.reason))
    if not json and rows:
        table(("site", "kind", "", "last good look", "next visit, at the latest", ""), rows)
    if not rows:
        say(f"No watched site yet. Put one TOML file a site into {house.settings.config / 'sites'}.")


def _moment(at: datetime | None) -> str:
    return "none" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _looked(seen: SiteLook) -> str:
    """What is wrong first; then how much was seen, and how much that is beside what is usual."""
    if seen.fault is not None:
        return seen.fault
    parts = [reason.removesuffix(".") for reason in seen.why]
    if seen.stopped:
        parts.append(f"the last pass stopped: {seen.stopped}")
    if seen.coverage is not None:
        last, usual = seen.coverage.last, seen.coverage.usual
        before = "" if usual is None else f", usually {usual.compared}"
        parts.append(f"{last.compared} of {last.met} pictures compared{before}; {counted(last.errors, 'error')}")
        if last.cut_pages:
            parts.append(f"{counted(last.cut_pages, 'page')} read only in part")
    if seen.canary_state is CanaryState.FOUND:
        parts.append("canary: found")
    parts += seen.used_today
    return "; ".join(parts)


@sites.command("canary")
def make_canary(
    name: SiteName,
    output: Annotated[Path, typer.Option(metavar="FILE.png", help="Where the picture is written.")],
    json: Json = False,
) -> None:
    """Draw a picture, unlike any other, to be put on a page of the site: each pass must find it from then on.

    Only its hash is kept, apart from the people protected: it raises no hit, alert or case. Another call makes another picture, and the
    one before is looked for no more.
    """
    from stillwatch.canaries import canary_for, drawn

    house = House.open()
    site = house.site(name)
    picture = drawn()
    with house.decoder() as decoder:
        canary = canary_for(site.name, picture, decoder, utc_now())
    try:
        with output.open("xb") as file:
            file.write(picture)
    except FileExistsError as error:
        raise CallError(f"{output} is there already; name another file") from error
    except OSError as error:
        raise CallError(f"{output} cannot be written ({error.strerror})") from error
    house.canary_book.plant(canary)
    if json:
        json_line({"site": site.name, "file": str(output), "made": rfc3339(canary.made), "page": site.canary_page})
    else:
        line(f"{site.name}: a canary is in {output}")
    if site.canary_page is None:
        say('Put it on a page of the site, and that page into the site\'s file:\n\n[canary]\npage = "https://…"')
    else:
        say(f"Put it on {site.canary_page}: passes look for this picture from now on, and for no earlier one.")


def _stand(house: House, name: str, standing: Standing, by: str, json: bool) -> None:
    site = house.site(name)
    house.site_book.set_standing(site.name, standing, by, utc_now())
    if not json:
        line(f"{site.name}: {standing.value}")
    elif standing is not Standing.REVOKED:
        json_line({"site": site.name, "standing": standing.value})


By = Annotated[str, typer.Option("--as", metavar="NAME", help="Who decides. It is kept.")]


@sites.command("pause")
def pause_site(name: SiteName, by: By = "operator", json: Json = False) -> None:
    """Ask nothing of the site until `resume`. A running crawl stops. A revoked agreement cannot be paused."""
    _stand(House.open(), name, Standing.PAUSED, by, json)


@sites.command("resume")
def resume_site(name: SiteName, by: By = "operator", json: Json = False) -> None:
    """Go on where the site was paused. A revoked agreement needs a new one first."""
    _stand(House.open(), name, Standing.WATCHED, by, json)


@sites.command("revoke")
def revoke_site(name: SiteName, by: By = "operator", json: Json = False) -> None:
    """The agreement has ended, for good: the crawl stops at once, nothing is asked of the site again, and what was seen of it is erased."""
    house = House.open()
    _stand(house, name, Standing.REVOKED, by, json)
    fingerprints = house.seen_store.erase_site(name)
    if not json:
        line(f"{name}: {counted(fingerprints, 'fingerprint')} of what was seen there erased")
    urls = forget_crawl(house, name)
    if json:
        json_line({"site": name, "standing": Standing.REVOKED.value, "fingerprints": fingerprints, "urls": urls})
    else:
        line(f"{name}: {counted(urls, 'URL')} of its last crawl erased")


# ---------------------------------------------------------------------------------------------------------------- crawl


def crawl(
    names: Annotated[list[str] | None, typer.Argument(metavar="SITE…", help="All watched sites by default.")] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="One pass over each site, then end. Without it, with --due too, a new pass starts whenever one is due, "
            "until Ctrl-C.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read robots.txt and the start pages, say how much they name, keep nothing."),
    ] = False,
    due: Annotated[
        bool,
        typer.Option(
            "--due",
            help="Of pages read before ask only for those that are worth another visit by now, as the scheduler does. "
            "Without --once this goes on for ever, too.",
        ),
    ] = False,
    max_pages: Annotated[
        int | None,
        typer.Option(
            min=1, help="At most so many pages; a pass that this cut is over, and counts as no finished look."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Crawl now.

    A pass that was killed is taken up where it stood; after a finished pass the next call starts a new one. Each URL met ends in one
    named state, counted in the summary. Exit status 2: a site may not be asked, or not any more.
    """
    logs.start(logging.WARNING)
    house = House.open()
    chosen = _chosen(house, names or [])
    if not dry_run and house.enrolled_hashes.count() == 0:
        say(
            "Nobody is enrolled: there is nothing to compare the pictures with yet. "
            "What is seen is kept, so that whoever enrols later is found in it."
        )
    if len(chosen) == 1 and (once or dry_run):
        summary, ended = _one_pass(house, chosen[0], dry_run=dry_run, due=due, max_pages=max_pages, json=json)
        _show_summary(summary, json, dry_run=dry_run)
        if ended is not None:
            raise NotAgreed(f"site {chosen[0].name!r}: {ended}")
        return
    from stillwatch.passes import each_in_its_own_process, exit_status, together

    options = [
        *(["--dry-run"] if dry_run else []),
        *(["--due"] if due else []),
        *([f"--max-pages={max_pages}"] if max_pages else []),
    ]
    every_s = min(site.politeness.every_s for site in chosen)
    while True:
        started = time.monotonic()
        ends = each_in_its_own_process([site.name for site in chosen], options, json)
        _show_summary(together(ends), json, dry_run=dry_run)
        if once or dry_run:
            raise typer.Exit(exit_status(ends))
        wait_s = max(1.0, every_s - (time.monotonic() - started))
        say(f"Next pass in {counted(round(wait_s / 60), 'minute')}. Ctrl-C ends the watching.")
        time.sleep(wait_s)


def _chosen(house: House, names: Sequence[str]) -> list[WatchedSite]:
    """The sites that may be crawled now. One that was named and may not is an error; without names such a site is said and left out."""
    read, faults = house.sites()
    if names:
        chosen = [house.site(name) for name in dict.fromkeys(names)]
        for site in chosen:
            reason = fault(site, house.site_book, utc_now())
            if reason is not None:
                raise NotAgreed(f"site {site.name!r}: {reason}")
        return chosen
    for bad in faults:
        say(f"{bad.path.name}: left out: {bad.reason}")
    chosen = []
    for site in read:
        reason = fault(site, house.site_book, utc_now())
        if reason is None:
            chosen.append(site)
        else:
            say(f"site {site.name!r}: left out: {reason}")
    if not chosen:
        cure = "see the reasons above" if read or faults else "see docs/how-to/watch-a-site.md"
        raise NotAgreed(f"no site in {house.settings.config / 'sites'} may be crawled now; {cure}")
    return chosen


def _one_pass(
    house: House, site: WatchedSite, *, dry_run: bool, due: bool, max_pages: int | None, json: bool
) -> tuple[Mapping[str, object], str | None]:
    """The summary, and why the site may not be asked any more where that ended the pass."""
    from crawler.crawl import crawl_site

    shown = _Shown(json)
    with house.crawl_services(site) as services, _turn(services, site.name):
        shown.no_videos = services.no_videos
        summary = crawl_site(
            site,
            services,
            max_pages=max_pages,
            dry_run=dry_run,
            only_due=due,
            on_image=shown.image,
            on_progress=shown.progress,
        )
        ended = services.still_agreed()
    if shown.videos:
        counter("")
        was = "was" if shown.videos == 1 else "were"
        say(f"{site.name}: {counted(shown.videos, 'video')} {was} met and not compared: {shown.no_videos}")
    return summary, ended if summary["stopped"] == ended else None


@contextmanager
def _turn(services: "CrawlServices", name: str) -> Iterator[None]:
    """Waits until no other process crawls the site, and says so. Where the frontier is shared, it joins in."""
    from crawler.crawl import site_lock

    if services.shared_frontier is not None:
        yield
        return
    lock_folder = services.lock_folder
    lock = site_lock(lock_folder, name, wait=False)
    try:
        lock.__enter__()
    except Conflict:
        say(f"site {name!r} is being crawled by another process; a pass of its own follows when that one has ended.")
        lock = site_lock(lock_folder, name, wait=True)
        lock.__enter__()
    with ExitStack() as held:
        held.push(lock)
        yield


@dataclass
class _Shown:
    """Prints a pass while it runs: hits and image lines to standard output, progress to standard error."""

    json: bool
    said_at: float = field(default_factory=time.monotonic)
    no_videos: str | None = None  # why they are not compared
    videos: int = 0  # that were not compared for this reason

    def image(self, image: "ImageLine") -> None:
        self.videos += image.state is State.UNSUPPORTED and image.reason == self.no_videos
        if self.json:
            json_line(
                {
                    "image_url": image.image_url,
                    "page_url": image.page_url,
                    "sha256": image.sha256,
                    "state": image.state.value,
                    "hit": image.hit,
                    "reason": image.reason,
                    "unchanged": image.unchanged,
                }
            )
        elif image.state is State.HIT:
            line(f"hit  {image.hit}  {image.image_url}")

    def progress(self, progress: "Progress") -> None:
        now = time.monotonic()
        text = (
            f"{progress.site}: {counted(progress.pages, 'page')}, {counted(progress.images, 'picture')}, "
            f"{counted(progress.hits, 'hit')}, {counted(progress.waiting, 'URL waits', 'URLs wait')}"
        )
        counter(text)
        if now - self.said_at >= SAY_EVERY_S and not sys.stderr.isatty():
            self.said_at = now
            say(text)


def _show_summary(summary: Mapping[str, object], json: bool, *, dry_run: bool) -> None:
    if json:
        json_line({"summary": summary})
        return
    counter("")
    several = summary.get("sites")
    parts: list[dict[str, Any]] = several if isinstance(several, list) else [dict(summary)]
    for each in parts:
        why = f": {each['stopped']}" if each.get("stopped") else ""
        end = "" if each.get("finished") or dry_run else f"; the pass is not finished{why}"
        line(f"{each['site']}: {counted(each['urls'], 'URL')} met, {counted(each['hits'], 'new hit')}{end}")
        for what in ("pages", "images"):
            states = ", ".join(f"{count} {state}" for state, count in each[what].items())
            unchanged = each["unchanged"][what]
            line(
                f"  {what:7} {states or 'none'}" + (f"; {unchanged} of them unchanged, and known" if unchanged else "")
            )
        if each["cut_pages"]:
            cut = counted(each["cut_pages"], "page was", "pages were")
            line(f"  {cut} read only in part: what else stands there was not looked at")


# -------------------------------------------------------------------------------------------------------------- recheck


def recheck(
    due: Annotated[bool, typer.Option("--due", help="Only locations whose next look is due; by default all.")] = False,
    json: Json = False,
) -> None:
    """Look at located pictures again and grade the outcome: gone, still there, or unknown. Unknown never closes a case."""
    house = House.open()
    now = utc_now()
    locations = house.desk.due_locations(now, all_=not due)
    hits = {hit.id: hit for hit in house.hit_log.get([location.hit for location in locations])}
    by_site: dict[str, list[Hit]] = {}
    for location in locations:
        hit = hits.get(location.hit)
        if hit is not None and house.people.state(hit.person) is PersonState.PROTECTED:
            by_site.setdefault(location.site, []).append(hit)
    if not by_site:
        say("Nothing to look at." if not due else "Nothing is due.")
        return
    for name, targets in by_site.items():
        looks = _look(house, name, targets)
        for look, outcome, case in house.desk.follow(looks, utc_now()):
            location = _location(case.locations, look.hit)
            if json:
                json_line(
                    {
                        "hit": look.hit,
                        "url": location.image_url,
                        "outcome": outcome.value,
                        "state": location.state.value,
                        "at": rfc3339(look.at),
                        "image": look.image.value,
                        "page": look.page.value,
                        "case": case_line(case)["id"],
                        "case_status": case.status.value,
                    }
                )
            else:
                line(f"{outcome.value:12} {location.state.value:10} {location.image_url}")


def _look(house: House, name: str, targets: Sequence[Hit]) -> Sequence[Look]:
    """Without a valid agreement no request: the looks then say that nobody looked, which is graded unknown."""
    from crawler.recheck import RecheckTarget, look_again

    now = utc_now()
    try:
        site = house.site(name)
    except UnknownId:
        reason: str | None = "the site is not configured any more"
    else:
        reason = fault(site, house.site_book, now)
        if reason is None:
            with house.crawl_services(site) as services:
                return look_again(site, [RecheckTarget(hit=hit) for hit in targets], services)
    say(f"site {name!r}: not looked at: {reason}")
    return [
        Look(
            hit=hit.id,
            at=now,
            image=State.OUT_OF_SCOPE,
            page=State.OUT_OF_SCOPE,
            still_matches=None,
            page_shows_image=None,
        )
        for hit in targets
    ]


def _location(locations: Sequence[Location], hit: str) -> Location:
    return next(location for location in locations if location.hit == hit)
