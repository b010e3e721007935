"""The benchmark of looking again: memory answers as the server does, politeness holds, and hits change no visit."""

import dataclasses
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from benchmarks import revisit, waiting_plot
from benchmarks.revisit import POLICIES, Ours, Policy, Setting
from benchmarks.watched_sites import NEW_PAGE_ITEMS, Answer, Size, Upload, World, drawn
from tests.engines import free_port

SIZE = Size(3, 12)
BUDGET = 15.0
TINY = Setting(SIZE, BUDGET, days=0.6)


def world(seed: int = 1, *, days: float = 2.0) -> World:
    return drawn(seed, SIZE, days, revisit.PORT)


def test_every_policy_visits_a_real_server_as_it_visits_memory(capsys: pytest.CaptureFixture[str]) -> None:
    revisit.same_by_server(TINY, 1, free_port())

    printed = capsys.readouterr().out

    assert printed.count("the same as in memory") == len(POLICIES)


def test_sites_that_differ_only_in_their_risk_are_visited_alike() -> None:
    calm = world()
    dangerous = World(
        [dataclasses.replace(site, risk=100.0 * number) for number, site in enumerate(calm.sites)], calm.end_h
    )

    visits = [revisit.in_memory(each, Ours(BUDGET), BUDGET).visits for each in (calm, dangerous)]

    assert visits[0] == visits[1]


@pytest.mark.parametrize("name", POLICIES)
def test_no_policy_spends_more_than_its_budget(name: str) -> None:
    watched_world = world()

    watched = revisit.in_memory(watched_world, POLICIES[name](watched_world, BUDGET), BUDGET)

    assert 0 < watched.spent <= BUDGET * watched_world.end_h + 1


def test_who_asks_too_often_stops_the_run() -> None:
    class Rude:
        conditional = False

        def met(self, url: str, hour: float, start: bool) -> None: ...

        def choose(self, hour: float) -> str | float:  # noqa: ARG002  # as every policy
            return world().starts[0]

        def looked(self, url: str, hour: float, answer: Answer, new: int, new_pages: int) -> None: ...

    rude: Policy = Rude()

    with pytest.raises(SystemExit, match=r"Rude asks for .* too often"):
        revisit.in_memory(world(), rude, 1_000)


def test_a_picture_waits_until_the_first_visit_that_shows_it() -> None:
    watched_world = world()

    watched = revisit.in_memory(watched_world, POLICIES["all pages in turn"](watched_world, BUDGET), BUDGET)

    times = {url: [hour for hour, visited, _ in watched.visits if visited == url] for _, url, _ in watched.visits}
    for site in watched_world.sites:
        if not site.new_page:
            for upload in site.uploads:
                later = [hour for hour in times[f"{site.base}/thread/{upload.thread}"] if hour >= upload.hour]
                assert watched.met_at.get(upload.url) == min(later, default=None)


def test_older_uploads_scroll_off_the_page_of_new_ones() -> None:
    site = next(site for site in world(days=20).sites if site.new_page)

    shown, _ = site.shown("/new", 480.0)

    assert shown == sorted((upload for upload in site.uploads if upload.hour <= 480), reverse=True)[:NEW_PAGE_ITEMS]


def test_a_page_changes_its_validator_with_its_pictures() -> None:
    site = next(site for site in world(days=20).sites if site.validators)
    uploads = [Upload(float(hour), 0, f"{site.base}/{hour}.jpg") for hour in range(5)]

    tags = {site.etag(uploads[:2]), site.etag(uploads[:3]), site.etag(uploads[1:3]), site.etag(uploads[2:4])}

    assert len(tags) == 4
    assert site.etag(uploads[:2]) == site.etag(uploads[:2])


def test_the_tables_and_the_plot_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    revisit.measure([TINY], range(1, 3), 1, None, tmp_path / "plot.svg")

    printed = capsys.readouterr().out
    drawing = ET.parse(tmp_path / "plot.svg").getroot()  # noqa: S314  # our own file

    assert [line.split(" | ")[0].strip("| ") for line in printed.splitlines()[6:12]] == list(POLICIES)
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == len(POLICIES)


def test_quantiles_are_weighted() -> None:
    waited = revisit.Waiting(np.array([1.0, 2.0, math.inf]), np.array([1.0, 8.0, 1.0]))

    assert (waited.quantile(0.05), waited.quantile(0.5), waited.quantile(0.95)) == (1.0, 2.0, math.inf)
    assert waited.within(1.5) == pytest.approx(0.1)


def test_the_plot_is_of_known_names() -> None:
    assert len(waiting_plot._COLOURS) >= len(POLICIES)
    assert revisit.OURS in POLICIES
