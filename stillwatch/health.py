"""What `doctor` looks at: each check names what it found and, where something is missing, the cure."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.watching import CanaryState
from core.errors import StillwatchError, StoreUnavailable
from core.model import State, TroubleKind, rfc3339
from crawler.spiders import BY_BROWSER
from stillwatch.output import counted
from stillwatch.watchfulness import SiteLook, look_at
from stillwatch.wiring import House, no_videos, utc_now

TROUBLE_CURES = {
    TroubleKind.ROBOTS_UNREAD: "ask the site whether robots.txt answers; nothing is asked of it before it does",
    TroubleKind.ONLY_ERRORS: "stillwatch crawl SITE --once --json says what each URL ended as",
    TroubleKind.NO_PICTURES: "do the start addresses in the site's file still lead to its pictures?",
}
CANARY_CURES = {
    CanaryState.NOT_MADE: "stillwatch site canary {name} --output FILE.png",
    CanaryState.NOT_NAMED: "write the page it is on into the site's file: [canary] page",
    CanaryState.MISSED: "open {page}: is the picture there, and does a page that is crawled lead to it?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    health: str  # "ok", "warn" or "bad"
    what: str
    cure: str = ""
    counted: Mapping[str, int] = field(default_factory=dict)  # for scripts, beside the words


def checks(house: House, now: datetime) -> Iterator[Check]:
    yield Check(name="python", health="ok", what=sys.version.split()[0])
    yield _database(house)
    yield _recipe(house)
    yield _withdrawals(house)
    yield _corners(house)
    yield _redis(house)
    yield _elasticsearch(house)
    yield _decoder(house)
    yield _videos()
    yield from _engines()
    yield _index(house)
    yield _quarantine(house)
    yield _limits(house)
    yield from _seen(house, now)
    yield from _work(house)
    yield _contact(house)
    yield from _browser(house)
    yield from _sites(house, now)


def _database(house: House) -> Check:
    kind = house.settings.database_url.split(":", 1)[0]
    try:
        count = house.enrolled_hashes.count()
    except StillwatchError as error:
        return Check(name="database", health="bad", what=str(error), cure="check DATABASE_URL")
    health, cure = ("ok", "") if count else ("warn", "stillwatch enrol SET.json")
    return Check(name="database", health=health, what=f"{kind}; {count} hashes enrolled", cure=cure)


def _recipe(house: House) -> Check:
    from matcher.views import RECIPE

    try:
        outdated = house.people.outdated(RECIPE)
    except StillwatchError as error:
        return Check(name="recipe", health="bad", what=str(error), cure="check DATABASE_URL")
    counted = {"hash_again": len(outdated)}
    if not outdated:
        return Check(name="recipe", health="ok", what=f"nobody needs to hash again: {RECIPE}", counted=counted)
    return Check(
        name="recipe",
        health="warn",
        what=f"{len(outdated)} people should hash again: {sum(outdated.values())} pictures are held by an older recipe than {RECIPE}",
        cure="ask them to run stillwatch hash and to enrol the new set",
        counted=counted,
    )


def _withdrawals(house: House) -> Check:
    """Reads the whole ledger, where a start only looks at its end."""
    try:
        count = house.withdrawals.people()
    except StillwatchError as error:
        return Check(name="withdrawals", health="bad", what=str(error), cure="see docs/how-to/operate.md")
    what = f"{count} people in the ledger" if count else "nobody has withdrawn"
    return Check(name="withdrawals", health="ok", what=what)


def _corners(house: House) -> Check:
    """Opens everything that is sealed with the key of corners."""
    key = house.seal_key.file
    try:
        there = house.seal_key.usable()
        seals = house.corner_seals.check()
    except StoreUnavailable as error:
        return Check(name="corners", health="bad", what=str(error), cure="check DATABASE_URL")
    except StillwatchError as error:
        what, _, cure = str(error).partition("; ")
        return Check(name="corners", health="bad", what=what, cure=cure.removeprefix("the cure: "))
    if not seals.stored:
        return Check(name="corners", health="ok", what="nobody chose to have corners kept")
    if not seals.broken:
        return Check(name="corners", health="ok", what=f"those of {seals.stored} pictures open with {key}")
    if there:
        what = f"{seals.broken} of {seals.stored} pictures' do not open with {key}: another key, or damaged; they find nothing"
    else:
        what = f"{key} is not there: those of {seals.stored} pictures do not open and find nothing"
    return Check(
        name="corners",
        health="bad",
        what=what,
        cure=f"put {key.name} back from a backup, or from another machine that compares; where it is lost, "
        "let the people hash --local and enrol again",
    )


def _redis(house: House) -> Check:
    if house.settings.redis_url is None:
        return Check(name="redis", health="ok", what="not configured: one machine, changes are polled")
    try:
        house.leadership  # noqa: B018  its first use checks the server
    except StillwatchError as error:
        return Check(name="redis", health="bad", what=str(error), cure="check REDIS_URL")
    return Check(name="redis", health="ok", what="answers")


def _elasticsearch(house: House) -> Check:
    if house.settings.elasticsearch_url is None:
        return Check(name="elasticsearch", health="ok", what="not configured: SQL answers searches")
    from core.model import HitQuery

    try:
        house.hit_search.search(HitQuery(limit=1))
    except StillwatchError as error:
        return Check(name="elasticsearch", health="bad", what=str(error), cure="check ELASTICSEARCH_URL")
    return Check(name="elasticsearch", health="ok", what="answers")


def _decoder(house: House) -> Check:
    try:
        with house.decoder() as decoder:
            reading = decoder.read(b"GIF89a", turns=False)
    except StillwatchError as error:
        return Check(name="decoder", health="bad", what=str(error), cure="see docs/how-to/install.md")
    if reading.obstacle in {State.EXHAUSTED, State.TIMEOUT}:
        return Check(
            name="decoder", health="bad", what="its child process does not live", cure="allow child processes of 1 GiB"
        )
    return Check(name="decoder", health="ok", what="a child process decodes")


def _videos() -> Check:
    why_not = no_videos()
    if why_not is None:
        return Check(name="videos", health="ok", what="are compared, by their keyframes")
    return Check(
        name="videos",
        health="warn",
        what="are not compared: each that is met ends as unsupported",
        cure=why_not.partition(": ")[2],
    )


def _browser(house: House) -> Iterator[Check]:
    """Only where a site is read by one."""
    sites = [site.name for site in house.sites()[0] if site.kind in BY_BROWSER]
    if not sites:
        return
    why_not = house.chromium.why_not()
    if why_not is None:
        walls = "its sandbox" if house.settings.browser_sandbox else "no sandbox (STILLWATCH_BROWSER_SANDBOX=off)"
        yield Check(name="browser", health="ok", what=f"Chromium, with {walls}")
    else:
        what = f"{', '.join(sites)} cannot be crawled on this machine"
        yield Check(name="browser", health="bad", what=what, cure=why_not.partition(": ")[2])


def _quarantine(house: House) -> Check:
    try:
        held = house.collision_book.quarantined()
    except StillwatchError as error:
        return Check(name="quarantine", health="bad", what=str(error), cure="check DATABASE_URL")
    if not held:
        return Check(name="quarantine", health="ok", what="no hash was found in everything", counted={"quarantined": 0})
    people = sorted({str(each.name.person) for each in held})
    some = ", ".join(people[:5]) + (" …" if len(people) > 5 else "")
    return Check(
        name="quarantine",
        health="warn",
        what=f"{len(held)} hashes were found in everything and match nothing; of {some}",
        cure="stillwatch person quarantine",
        counted={"quarantined": len(held)},
    )


def _limits(house: House) -> Check:
    from matcher.confirm import DEFAULT
    from stillwatch.calibration import FILE, not_compared

    try:
        changed, wider = house.limits != DEFAULT, not_compared(house.settings.home)
    except StillwatchError as error:
        return Check(name="limits", health="bad", what=str(error), cure=f"mend or remove {house.settings.home / FILE}")
    if wider:
        what = f"{', '.join(wider)} widened; what was seen before is not compared with that yet"
        return Check(name="limits", health="warn", what=what, cure="start the workers again, then: stillwatch sweep")
    what = "of this installation" if changed else "as shipped"
    return Check(name="limits", health="ok", what=f"how far a match may be: {what}")


def _seen(house: House, now: datetime) -> Iterator[Check]:
    try:
        segments = house.seen_store.segments()
        faults = house.seen_store.check()
    except StillwatchError as error:
        yield Check(name="seen", health="bad", what=str(error), cure="check STILLWATCH_SEEN_URL")
        return
    count = sum(segment.fingerprints for segment in segments)
    what = f"{count} fingerprints in {len(segments)} segments" if segments else "nothing was seen yet"
    if segments:
        age_h = (now - max(segment.newest for segment in segments)).total_seconds() / 3600
        what += f", the newest {age_h:.1f} h old"
    yield Check(name="seen", health="ok", what=what)
    for fault_ in faults.damaged:
        yield Check(name="seen", health="bad", what=fault_)


def _engines() -> Iterator[Check]:
    from matcher import corners, hamming, planes

    for name, described in (
        ("search engine", hamming.describe()),
        ("reading engine", planes.describe()),
        ("corner engine", corners.describe()),
    ):
        what, _, cure = described.partition("; the cure: ")
        yield Check(name=name, health="warn" if what.startswith("NumPy") else "ok", what=what, cure=cure)


def _index(house: House) -> Check:
    """Read whole: a damaged one is written anew by whoever matches next, this only says so earlier."""
    from matcher.index_files import Damaged, IndexFolder

    folder = IndexFolder(house.index_folder)
    try:
        base = folder.open()
        if base is not None:
            folder.check(base)
    except Damaged as damage:
        return Check(
            name="index", health="warn", what=str(damage), cure=f"remove {house.index_folder}: it is built anew"
        )
    if base is None or not base.segments:
        return Check(
            name="index", health="ok", what="no files yet: few hashes are read from the database at each start"
        )
    entries = sum(map(len, base.segments))
    what = f"version {base.version}: {entries} hashes in {len(base.segments)} segments, every byte as it was written"
    return Check(name="index", health="ok", what=what)


def _work(house: House) -> Iterator[Check]:
    waiting = house.outbox.waiting()
    dead = waiting.pop("dead", 0)
    what = ", ".join(f"{count} {topic}" for topic, count in sorted(waiting.items()) if count) or "nothing waits"
    yield Check(name="work", health="ok", what=what)
    finds, _ = house.sweep_finds.waiting()
    left = sum(house.sweep_board.progress(each.id).left for each in house.sweep_board.open(utc_now()))
    yield Check(name="sweeps", health="ok", what=f"{left} segments left to compare, {finds} finds wait to be looked at")
    if dead:
        yield Check(
            name="dead letters",
            health="bad",
            what=f"{dead} rows will not be tried again",
            cure="see docs/how-to/operate.md",
        )
    if house.settings.mail_url is None:
        yield Check(
            name="mail", health="warn", what="no mail server: approved notices wait", cure="set STILLWATCH_MAIL_URL"
        )


def _contact(house: House) -> Check:
    """RFC 9110 §10.1.5: who runs a robot says in its User-Agent how to be reached."""
    agent = house.settings.user_agent
    if house.settings.contact_url is None and not any(
        word in agent for word in ("http://", "https://", "mailto:", "@")
    ):
        return Check(
            name="contact",
            health="warn",
            what=f"requests name themselves {agent} and nobody who could be asked about them",
            cure="set STILLWATCH_CONTACT_URL to a page or mailto: that says who runs this crawler",
        )
    return Check(name="contact", health="ok", what=f"requests name themselves {agent}")


def _sites(house: House, now: datetime) -> Iterator[Check]:
    read, faults = house.sites()
    for bad in faults:
        yield Check(name=f"site {bad.path.stem}", health="bad", what=bad.reason)
    if not read and not faults:
        yield Check(
            name="sites",
            health="warn",
            what="none is watched",
            cure=f"put a file into {house.settings.config / 'sites'}",
        )
    for site in read:
        yield from _site(look_at(house, site, now), now)


def _site(seen: SiteLook, now: datetime) -> Iterator[Check]:
    name = f"site {seen.site.name}"
    if seen.fault is not None:
        yield Check(name=name, health="bad", what=seen.fault)
        return
    if seen.no_login is not None:
        what, _, cure = seen.no_login.partition("; ")
        yield Check(name=f"{name}: login", health="bad", what=what, cure=cure.removeprefix("the cure: "))
    yield _last_look(seen, now)
    for kind, reason in seen.troubles.items():
        if kind is not TroubleKind.CANARY_MISSED:
            yield Check(name=f"{name}: {kind.value}", health="bad", what=reason, cure=TROUBLE_CURES.get(kind, ""))
    if seen.site.canary_page is not None or seen.canary is not None:
        yield _canary(seen)


def _last_look(seen: SiteLook, now: datetime) -> Check:
    name = f"site {seen.site.name}"
    if not seen.passes:
        return Check(name=name, health="warn", what="never looked at yet", cure=f"stillwatch crawl {seen.site.name}")
    age = now - seen.passes[0].started
    what = f"last pass {age.total_seconds() / 3600:.1f} h ago"
    if seen.stopped:
        what += f", stopped: {seen.stopped}"
    what += "".join(f"; {used}" for used in seen.used_today)
    if seen.coverage is None:
        return Check(name=name, health="warn", what=f"{what}; none has finished yet")
    last, usual = seen.coverage.last, seen.coverage.usual
    what += f"; {last.compared} of {last.met} pictures compared"
    if usual is not None:
        what += f", usually {usual.compared}"
    if last.cut_pages:
        what += f"; {counted(last.cut_pages, 'page')} read only in part"
    what += f"; {counted(last.errors, 'error')}; last good look {'never' if seen.last_good is None else rfc3339(seen.last_good)}"
    late = age > 3 * timedelta(seconds=seen.site.politeness.every_s)
    health = "warn" if late or seen.coverage.fell or not last.compared else "ok"
    return Check(name=name, health=health, what=what)


def _canary(seen: SiteLook) -> Check:
    found = "" if seen.canary is None or seen.canary.found is None else f"; last found {rfc3339(seen.canary.found)}"
    return Check(
        name=f"site {seen.site.name}: canary",
        health=seen.canary_state.health,
        what=f"{seen.canary_state.words}{found}",
        cure=CANARY_CURES.get(seen.canary_state, "").format(name=seen.site.name, page=seen.site.canary_page),
    )
