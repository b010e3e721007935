"""Looking where new pictures appear: `python -m benchmarks.revisit [--size 10x60] [--budget 60] [--seeds 11-18] [--live SEED]`.

Claim: at the same budget a new picture is met many times sooner, 95 of 100 times, than by visiting all pages in turn, and than by the
sensible rule of a person: half of the budget for the pages of new uploads. The planner is crawler/revisit.py as it is shipped; nothing is
known at the start but the start pages, and pages are met as they are named. Time to detection is from an upload to the visit that meets
it, weighted by the site's risk, which only the oracle knows. Images are fetched by all alike and are not part of the budget.

With `--live` each visit is a real request to a real server on loopback, which renders each page as it is at the simulated hour, and pages
are read by crawler/links.py. The tables are of the same visits answered in memory, so that there can be more worlds: both must make the
same visits at the same hours, or the run stops.
"""

import argparse
import asyncio
import math
import multiprocessing
import statistics
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import aiohttp
import numpy as np
import uvloop
from numpy.typing import NDArray

from benchmarks import waiting_plot
from benchmarks.watched_sites import (
    SECTION_PER_H,
    THREAD_PER_H,
    THREADS_DIFFER,
    Answer,
    Clock,
    Size,
    World,
    drawn,
    serving,
)
from crawler import revisit
from crawler.links import read_page
from crawler.revisit import HOUR_S, UNCHANGED_COST, Kind, Learned, Standing

DAYS: Final = 21.0
COUNTED: Final = 6 / 7  # of the days; later uploads would have too little time to be met
LEARNT_H: Final = 72.0
GRID_H: Final = tuple(float(hours) for hours in np.geomspace(1 / 60, 100, 61))
OURS: Final = "Stillwatch"
REPORTED: Final = range(11, 19)  # the planner's priors were chosen on seeds from 1,000 on, its rules on 1 to 6
PLAN_EVERY_H: Final = 0.5
# Visits wait in a line here, each as long as the one before takes at this budget. Whoever plans no more than that leaves the line empty
# now and then; of twice as much, all comes late in the same proportion, and nothing of the budget is left over. A crawl has no such line:
# it asks at each look for all that is due.
PLANNED: Final = 2.0
PLANNED_BY_ORACLE: Final = (
    4 / 3
)  # it would never first read what it knows to bring nothing: the start page that names busy threads
AT_ONCE: Final = 4  # due pages taken up before it is asked again what is due
A_MINUTE_H: Final = 1 / 60
SOONEST_H: Final = 1e-6
PORT: Final = 8_765  # a fixed one: the planner spreads first visits by what URLs are called
RESAMPLED: Final = 2_000


class Asked(NamedTuple):
    """One visit, about to be made."""

    hour: float
    url: str
    etag: str | None


class Policy(Protocol):
    """Whom to ask next. Hours are simulated."""

    conditional: bool

    def met(self, url: str, hour: float, start: bool) -> None: ...

    def choose(self, hour: float) -> str | float:
        """A URL, or the hour until which there is none."""
        ...

    def looked(self, url: str, hour: float, answer: Answer, new: int, new_pages: int) -> None: ...


# ----------------------------------------------------------------------------------------------------------- the policies


@dataclass(slots=True)
class Lane:
    """Pages that are visited in turn, none more often than politeness allows."""

    per_h: float  # at most, each
    share: float
    spent: float = 0.0
    _turn: deque[str] = field(default_factory=deque)
    _last: dict[str, float] = field(default_factory=dict)

    def add(self, url: str) -> None:
        self._turn.append(url)

    def free_at(self) -> float:
        if not self._turn:
            return math.inf
        return self._last.get(self._turn[0], -math.inf) + 1 / self.per_h

    def take(self, hour: float) -> str:
        url = self._turn[0]
        self._turn.rotate(-1)
        self._last[url] = hour
        return url


@dataclass(slots=True)
class InTurn:
    """All pages in turn; or the pages of new uploads, which it is told of, for a share of the budget, and the others for the rest."""

    conditional: bool
    sections_share: float = 0.0
    _sections: Lane = field(init=False)
    _others: Lane = field(init=False)

    def __post_init__(self) -> None:
        self._sections = Lane(SECTION_PER_H, self.sections_share)
        self._others = Lane(THREAD_PER_H, 1 - self.sections_share)

    def _lane(self, url: str) -> Lane:
        return self._sections if self.sections_share and url.endswith("/new") else self._others

    def met(self, url: str, hour: float, start: bool) -> None:  # noqa: ARG002  # as every policy
        self._lane(url).add(url)

    def choose(self, hour: float) -> str | float:
        lanes = [lane for lane in (self._sections, self._others) if lane.free_at() <= hour]
        if not lanes:
            return min(self._sections.free_at(), self._others.free_at())
        return min(lanes, key=lambda lane: lane.spent / lane.share).take(hour)

    def looked(self, url: str, hour: float, answer: Answer, new: int, new_pages: int) -> None:  # noqa: ARG002
        self._lane(url).spent += answer.cost


@dataclass(slots=True)
class Ours:
    """crawler.revisit, called as crawler.memory calls it. A crawl asks for all that is due; here, the longest overdue first."""

    budget_per_h: float
    conditional: bool = True
    pages: dict[str, Learned] = field(default_factory=dict)
    _named_by: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _read: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _plan: Mapping[str, float] = field(default_factory=dict)
    _plan_until: float = -math.inf
    _due: list[str] = field(default_factory=list)

    def met(self, url: str, hour: float, start: bool) -> None:
        learned = Learned(met=hour * HOUR_S)
        self.pages[url] = replace(learned, kind=revisit.kind_of(Standing(start=start), learned))
        self._plan_until = -math.inf

    def choose(self, hour: float) -> str | float:
        if hour >= self._plan_until:
            self._tell_the_menu()
            self._plan = revisit.plan(self.pages, PLANNED * self.budget_per_h)
            self._plan_until = hour + PLAN_EVERY_H
            self._due.clear()
        if not self._due:
            self._due = revisit.due(self.pages, self._plan, hour * HOUR_S)[:AT_ONCE][::-1]
        if self._due:
            return self._due.pop()
        return hour + A_MINUTE_H

    def looked(self, url: str, hour: float, answer: Answer, new: int, new_pages: int) -> None:
        self._read[_host(url)].add(url)
        for named in answer.pages:
            self._named_by[named].add(url)
        standing = Standing(first_named=new_pages)
        learned = self.pages[url]
        self.pages[url] = revisit.after_visit(
            replace(learned, kind=revisit.kind_of(standing, learned)),
            now=hour * HOUR_S,
            new=new,
            at_least=new == len(answer.images) + len(answer.pages) > 0,
            cost=answer.cost,
        )

    def _tell_the_menu(self) -> None:
        """As at the end of a crawl; of pages as well that a crawl would have asked for by now, as all it meets."""
        for url, learned in self.pages.items():
            standing = Standing(named_by=len(self._named_by[url]), pages_read=len(self._read[_host(url)]))
            kind = revisit.kind_of(standing, learned)
            if kind is not learned.kind:
                self.pages[url] = replace(learned, kind=kind)


@dataclass(slots=True)
class Oracle:
    """Knows every rate, every site's risk and what an answer will cost, and shares the budget by the same rule."""

    world: World
    budget_per_h: float
    conditional: bool = True
    pages: dict[str, Learned] = field(default_factory=dict)
    _plan: Mapping[str, float] = field(init=False)
    _due: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        brings: dict[str, float] = {}  # new pictures an hour, if the page of new uploads is never late
        changes: dict[str, float] = {}
        for site in self.world.sites:
            threads = {f"{site.base}/thread/{number}": rate for number, rate in enumerate(site.rates)}
            fixed = dict.fromkeys((f"{site.base}/", f"{site.base}/about"), 0.0)
            listing = {f"{site.base}/new": sum(site.rates)} if site.new_page else {}
            for url, rate in (threads | fixed | listing).items():
                brings[url] = 0.0 if site.new_page and url in threads else rate * site.risk
                changes[url] = rate if site.validators else math.inf
        self._plan = self._shared(brings, changes)

    def _shared(self, brings: Mapping[str, float], changes: Mapping[str, float]) -> dict[str, float]:
        costs = dict.fromkeys(brings, 1.0)
        planned: dict[str, float] = {}
        for _ in range(20):  # costs depend on the rates, and rates on the costs
            rates = revisit.allocation(
                weights=[math.sqrt(max(value, 1e-6) / costs[url]) for url, value in brings.items()],
                costs=list(costs.values()),
                caps=[_most_per_h(url) for url in brings],
                budget=PLANNED_BY_ORACLE * self.budget_per_h,
            )
            planned = dict(zip(brings, rates, strict=True))
            for url, rate in planned.items():
                costs[url] = UNCHANGED_COST + (1 - UNCHANGED_COST) * (1 - math.exp(-changes[url] / rate))
        return planned

    def met(self, url: str, hour: float, start: bool) -> None:  # noqa: ARG002  # as every policy
        self.pages[url] = Learned(met=hour * HOUR_S, kind=Kind.OTHER if "/thread/" in url else Kind.SECTION)

    def choose(self, hour: float) -> str | float:
        if not self._due:
            self._due = revisit.due(self.pages, self._plan, hour * HOUR_S)[:AT_ONCE][::-1]
        if self._due:
            return self._due.pop()
        return hour + A_MINUTE_H

    def looked(self, url: str, hour: float, answer: Answer, new: int, new_pages: int) -> None:  # noqa: ARG002
        self.pages[url] = replace(self.pages[url], last_visit=hour * HOUR_S)


POLICIES: Final[Mapping[str, Callable[[World, float], Policy]]] = {
    "all pages in turn": lambda *_: InTurn(conditional=False),
    "all in turn, conditional GET": lambda *_: InTurn(conditional=True),
    "half on new uploads": lambda *_: InTurn(conditional=False, sections_share=0.5),
    "half on new uploads, conditional GET": lambda *_: InTurn(conditional=True, sections_share=0.5),
    OURS: lambda _, budget: Ours(budget),
    "oracle": Oracle,
}


# ------------------------------------------------------------------------------------------------------------ the watching


@dataclass(frozen=True, slots=True)
class Watched:
    visits: Sequence[tuple[float, str, int]]  # hour, URL, new things
    met_at: Mapping[str, float]  # hour, of each picture
    spent: float  # full answers


def watching(world: World, policy: Policy, budget_per_h: float) -> Generator[Asked, Answer, Watched]:
    """Yields each visit, and is sent its answer: by memory or by a server, it cannot tell which.

    Visits come one after the other, each taking as long as its cost at this budget: nothing is saved up.
    """
    course = Course(policy)
    for url in world.starts:
        course.known.add(url)
        policy.met(url, 0.0, True)
    hour, spent = 0.0, 0.0
    while hour < world.end_h:
        chosen = policy.choose(hour)
        if isinstance(chosen, str):
            answer = yield course.asking(chosen, hour)
            course.answered(chosen, hour, answer)
            spent += answer.cost
            hour += answer.cost / budget_per_h
        else:
            hour = max(chosen, hour + SOONEST_H)
    return Watched(course.visits, course.met_at, spent)


@dataclass(slots=True)
class Course:
    """What was asked and met so far."""

    policy: Policy
    known: set[str] = field(default_factory=set)
    visits: list[tuple[float, str, int]] = field(default_factory=list)
    met_at: dict[str, float] = field(default_factory=dict)
    _etags: dict[str, str] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    _shown: dict[str, Sequence[str]] = field(default_factory=dict)

    def asking(self, url: str, hour: float) -> Asked:
        if hour - self._last.get(url, -math.inf) < 0.999 / _most_per_h(url):
            raise SystemExit(f"{type(self.policy).__name__} asks for {url} too often")
        self._last[url] = hour
        return Asked(hour, url, self._etags.get(url) if self.policy.conditional else None)

    def answered(self, url: str, hour: float, answer: Answer) -> None:
        if answer.etag is not None:
            self._etags[url] = answer.etag
        pages = [each for each in answer.pages if each not in self.known]
        images: Sequence[str] = ()
        if not answer.unchanged and answer.images != self._shown.get(url):
            images = [each for each in answer.images if each not in self.met_at]
            self._shown[url] = answer.images
        self.known.update(pages)
        self.met_at.update(dict.fromkeys(images, hour))
        for each in pages:
            self.policy.met(each, hour, False)
        self.policy.looked(url, hour, answer, len(pages) + len(images), len(pages))
        self.visits.append((hour, url, len(pages) + len(images)))


def in_memory(world: World, policy: Policy, budget_per_h: float) -> Watched:
    course = watching(world, policy, budget_per_h)
    try:
        asked = next(course)
        while True:
            asked = course.send(world.answer(asked.url, asked.etag, asked.hour))
    except StopIteration as end:
        watched: Watched = end.value
        return watched


async def _by_server(world: World, policy: Policy, budget_per_h: float, port: int) -> Watched:
    clock = Clock()
    course = watching(world, policy, budget_per_h)
    async with serving(world, clock, port), aiohttp.ClientSession() as session:
        try:
            asked = next(course)
            while True:
                clock.hour = asked.hour
                asked = course.send(await _asked(session, asked))
        except StopIteration as end:
            watched: Watched = end.value
            return watched


async def _asked(session: aiohttp.ClientSession, asked: Asked) -> Answer:
    headers = {} if asked.etag is None else {"If-None-Match": asked.etag}
    async with session.get(asked.url, headers=headers) as response:
        if response.status == 304:
            return Answer(response.headers["ETag"], unchanged=True)
        response.raise_for_status()
        read = read_page(await response.read(), asked.url, response.headers.get("Content-Type"))
    return Answer(response.headers.get("ETag"), images=read.images, pages=read.pages)


def by_server(world: World, policy: Policy, budget_per_h: float, port: int) -> Watched:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_by_server(world, policy, budget_per_h, port))


def _host(url: str) -> str:
    return url.removeprefix("http://").partition("/")[0]


def _most_per_h(url: str) -> float:
    return THREAD_PER_H if "/thread/" in url else SECTION_PER_H


# ------------------------------------------------------------------------------------------------------ time to detection


Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long uploads waited, in hours, and how much each counts; never met is infinitely long."""

    hours: Numbers
    weights: Numbers

    def quantile(self, share: float) -> float:
        order = np.argsort(self.hours)
        reached = np.cumsum(self.weights[order]) / self.weights.sum()
        return float(self.hours[order][np.searchsorted(reached, share)])

    def within(self, hours: float) -> float:
        """The share that was met by then."""
        return float(self.weights[self.hours <= hours].sum() / self.weights.sum())


def waiting(world: World, watched: Watched, from_h: float, until_h: float) -> Waiting:
    """Of what was uploaded in these hours."""
    hours, weights = [], []
    for site in world.sites:
        for upload in site.uploads:
            if from_h <= upload.hour < until_h:
                hours.append(watched.met_at.get(upload.url, math.inf) - upload.hour)
                weights.append(site.risk)
    return Waiting(np.array(hours), np.array(weights))


class Setting(NamedTuple):
    size: Size
    budget_per_h: float
    threads_differ: float = THREADS_DIFFER
    days: float = DAYS


class Measured(NamedTuple):
    median_h: float
    p95_h: float
    later_p95_h: float  # of what was uploaded after the first three days
    never: float  # the share
    spent: float  # of the budget
    within: tuple[float, ...]  # of GRID_H


def measured(setting: Setting, seed: int) -> dict[str, Measured]:
    """Each policy on one world."""
    world = drawn(seed, setting.size, setting.days, PORT, threads_differ=setting.threads_differ)
    return {
        name: _measured(world, in_memory(world, policy(world, setting.budget_per_h), setting.budget_per_h), setting)
        for name, policy in POLICIES.items()
    }


def _measured(world: World, watched: Watched, setting: Setting) -> Measured:
    until_h = setting.days * 24 * COUNTED
    whole = waiting(world, watched, 0.0, until_h)
    return Measured(
        whole.quantile(0.5),
        whole.quantile(0.95),
        waiting(world, watched, min(LEARNT_H, until_h / 2), until_h).quantile(0.95),
        1 - whole.within(world.end_h),
        watched.spent / (setting.budget_per_h * world.end_h),
        tuple(whole.within(hours) for hours in GRID_H),
    )


def compare(setting: Setting, seeds: Sequence[int], processes: int) -> dict[str, list[Measured]]:
    if processes == 1:
        worlds = [measured(setting, seed) for seed in seeds]
    else:
        with multiprocessing.Pool(processes) as pool:
            worlds = pool.map(partial(measured, setting), seeds, chunksize=1)
    return {name: [world[name] for world in worlds] for name in POLICIES}


def times(slower: Sequence[float], faster: Sequence[float]) -> str:
    """The geometric mean of the ratios, one a world, and its interval if other worlds like these had been drawn (bootstrap)."""
    logs = np.log(np.array(slower) / np.array(faster))
    chance = np.random.default_rng(0)
    means = chance.choice(logs, (RESAMPLED, len(logs))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{math.exp(logs.mean()):.1f} x ({math.exp(low):.1f} to {math.exp(high):.1f})"


def report(setting: Setting, seeds: Sequence[int], found: Mapping[str, Sequence[Measured]]) -> None:
    size, budget_per_h, threads_differ, days = setting
    print(f"### {size.sites} sites of {size.pages} pages, {budget_per_h:g} requests an hour in all\n")
    print(f"{days:g} days, threads differ by {threads_differ:g}; seeds {', '.join(map(str, seeds))}.\n")
    head = ["", "median, h", "p95, h", "p95 after three days, h", "never met", "of the budget"]
    rows = [[*head, f"{OURS}: median", f"{OURS}: p95"]]
    rows.append(["---"] * len(rows[0]))
    ours = found[OURS]
    for name, worlds in found.items():
        cells = [
            f"{statistics.median(one.median_h for one in worlds):.2f}",
            f"{statistics.median(one.p95_h for one in worlds):.2f}",
            f"{statistics.median(one.later_p95_h for one in worlds):.2f}",
            f"{100 * statistics.mean(one.never for one in worlds):.1f} %",
            f"{100 * statistics.mean(one.spent for one in worlds):.0f} %",
        ]
        ratios = [
            times([one.median_h for one in worlds], [one.median_h for one in ours]),
            times([one.p95_h for one in worlds], [one.p95_h for one in ours]),
        ]
        rows.append([name, *cells, *(ratios if name != OURS else ["", ""])])
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def same_by_server(setting: Setting, seed: int, port: int = PORT) -> None:
    """Every policy asks the real server; it must make the visits that it makes in memory, and find the same."""
    world = drawn(seed, setting.size, setting.days, port, threads_differ=setting.threads_differ)
    for name, policy in POLICIES.items():
        served = by_server(world, policy(world, setting.budget_per_h), setting.budget_per_h, port)
        remembered = in_memory(world, policy(world, setting.budget_per_h), setting.budget_per_h)
        if served != remembered:
            raise SystemExit(f"{name}: the server was asked otherwise than memory")
        result = _measured(world, served, setting)
        found = f"median {result.median_h:.2f} h, p95 {result.p95_h:.2f} h"
        print(f"{name}: {len(served.visits):,} requests to the server, the same as in memory; {found}", flush=True)
    print()


def measure(
    settings: Sequence[Setting], seeds: Sequence[int], processes: int, live: int | None, plot: Path | None
) -> None:
    if live is not None:
        same_by_server(settings[0], live)
    for number, setting in enumerate(settings):
        found = compare(setting, seeds, processes)
        report(setting, seeds, found)
        if number == 0 and plot is not None:
            shares = {name: np.mean([world.within for world in worlds], axis=0) for name, worlds in found.items()}
            waiting_plot.plot({name: list(zip(GRID_H, each, strict=True)) for name, each in shares.items()}, plot)


def _seeds(text: str) -> Sequence[int]:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _size(text: str) -> Size:
    sites, _, pages = text.partition("x")
    return Size(int(sites), int(pages))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.revisit", description=__doc__)
    parser.add_argument("--size", type=_size, default=Size(10, 60), help="sites x pages of each (default: 10x60)")
    parser.add_argument(
        "--budget", type=float, nargs="+", default=[60.0, 20.0], help="requests an hour, for all sites together"
    )
    parser.add_argument("--seeds", type=_seeds, default=REPORTED, help="one world each (default: 11-18)")
    parser.add_argument("--days", type=float, default=DAYS, help="simulated (default: %(default)g)")
    parser.add_argument("--threads-differ", type=float, default=THREADS_DIFFER, help="sigma of their lognormal rates")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--live", type=int, metavar="SEED", help="this world is asked by HTTP as well, and must be asked the same"
    )
    parser.add_argument("--plot", type=Path, help="an SVG of the first budget's times to detection")
    asked = parser.parse_args()
    measure(
        [Setting(asked.size, budget, asked.threads_differ, asked.days) for budget in asked.budget],
        asked.seeds,
        asked.processes,
        asked.live,
        asked.plot,
    )
