"""Running it, and seeing that it runs."""

from enum import StrEnum
from typing import Annotated

import typer

from core.model import State
from stillwatch import logs
from stillwatch.output import json_line, line, say, table
from stillwatch.wiring import ROOT, House, utc_now

workers = typer.Typer(help="The parts of `up`, one by one, for many machines.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Host = Annotated[str, typer.Option(help="A loopback address: there is no sign-in yet, so any other is refused.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="By default the setting web_port.")]


def add_to(app: typer.Typer) -> None:
    app.command("up")(up)
    app.add_typer(workers, name="worker")
    app.command("scheduler")(scheduler)
    app.command("web")(web)
    app.command("demo")(demo)
    app.command("reindex")(reindex)
    app.command("doctor")(doctor)
    app.command("settings")(settings)


def up(
    host: Host = "127.0.0.1",
    port: Port = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="Without the page.")] = False,
) -> None:
    """Everything in one supervised process tree. Ctrl-C ends it cleanly; being killed loses nothing."""
    from stillwatch.up import run
    from stillwatch.workers import supervised

    logs.start()
    house = House.open()
    supervised(lambda stop: run(house, host=host, port=port or house.settings.web_port, with_web=not no_web, stop=stop))


@workers.command("crawl")
def worker_crawl() -> None:
    """Runs the passes and rechecks that are due."""
    from stillwatch.workers import supervised, work_crawls

    logs.start()
    house = House.open()
    supervised(lambda stop: work_crawls(house, stop))


@workers.command("desk")
def worker_desk(once: Annotated[bool, typer.Option("--once", help="Work off what waits, then end.")] = False) -> None:
    """Turns hits into alerts, cases and drafts; sends what was approved; brings the search index up to date."""
    from stillwatch.workers import supervised, work_desk

    logs.start()
    house = House.open()
    supervised(lambda stop: work_desk(house, once=once, stop=stop))


def scheduler() -> None:
    """Says when what is due. Any number may run: one leads."""
    from stillwatch.schedule import run
    from stillwatch.workers import supervised

    logs.start()
    house = House.open()
    supervised(lambda stop: run(house, stop))


def web(host: Host = "127.0.0.1", port: Port = None) -> None:
    """The page."""
    import web as room

    logs.start()
    house = House.open()
    services = house.web_services()
    room.serve(room.application(services), host, port or house.settings.web_port)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the whole circle.")] = False,
    json: Json = False,
) -> None:
    """The whole journey on the bundled site and photographs, the approving person played by the program, mail into a local sink."""
    from stillwatch.demo.journey import run_demo

    raise typer.Exit(run_demo(once=once, json_lines=json))


def reindex() -> None:
    """Rebuild the search index from SQL, and swap it in."""
    house = House.open()
    if house.hit_index is None:
        say("No Elasticsearch is configured (ELASTICSEARCH_URL): SQL answers searches, there is nothing to rebuild.")
        return
    count = house.hit_index.rebuild(house.hit_log.all())
    line(f"{count} hits indexed")


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


def doctor(json: Json = False) -> None:
    """Check that everything needed is there. Exit status 1 if something is not."""
    from stillwatch.health import checks

    house = House.open()
    results = list(checks(house, utc_now()))
    for check in results:
        if json:
            fields = {"check": check.name, "health": check.health, "what": check.what, "cure": check.cure}
            json_line({**fields, **check.counted})
    if not json:
        table(
            ("check", "", "what"),
            [(check.name, check.health, check.what + (f" → {check.cure}" if check.cure else "")) for check in results],
        )
    if any(check.health == Health.BAD for check in results):
        raise typer.Exit(1)


def settings(
    states: Annotated[bool, typer.Option("--states", help="The named states instead, each with its meaning.")] = False,
    json: Json = False,
) -> None:
    """Every setting: name, value, where it came from, meaning. Secrets are masked."""
    import os

    from config.settings import describe

    if states:
        if json:
            for state in State:
                json_line({"state": state.value, "meaning": state.meaning})
        else:
            table(("state", "meaning"), [(state.value, state.meaning) for state in State])
        return
    rows = describe(os.environ, ROOT)
    if json:
        for row in rows:
            json_line({"name": row.name, "value": row.value, "origin": row.origin, "meaning": row.meaning})
    else:
        table(("name", "value", "from", "meaning"), [(row.name, row.value, row.origin, row.meaning) for row in rows])
