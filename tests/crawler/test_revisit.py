"""When pages are looked at again: what a visit teaches, how a budget is shared, and that nobody's hits have a say in it."""

import ast
import dataclasses
import inspect
import math
import random
import sqlite3
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model import State
from crawler import revisit
from crawler.frontier import Found, What
from crawler.frontier_sqlite import SqliteFrontier
from crawler.revisit import HOUR_S, MOST_PER_H, UNCHANGED_COST, Kind, Learned, Standing

HOST = "https://site.example"

positive = st.floats(1e-6, 1e6)
costs = st.floats(UNCHANGED_COST, 1.0)
learned_pages = st.builds(
    Learned,
    met=st.floats(0, 1e6),
    last_visit=st.none() | st.floats(0, 1e6),
    visits=st.integers(0, 10_000),
    exposure_s=st.floats(0, 1e8),
    events=st.floats(0, 1e4),
    cost=costs,
    kind=st.sampled_from(Kind),
)
sites = st.lists(learned_pages, max_size=40).map(
    lambda pages: {f"{HOST}/{'ab'[number % 2]}/{number}": page for number, page in enumerate(pages)}
)


def watched(
    *, events: float, hours: float, kind: Kind = Kind.OTHER, cost: float = 1.0, last_visit: float = 0.0
) -> Learned:
    return Learned(
        met=0.0,
        last_visit=last_visit,
        last_read=last_visit,
        visits=20,
        exposure_s=hours * HOUR_S,
        events=events,
        cost=cost,
        kind=kind,
    )


def visited(*steps: tuple[float, int], at_least: bool = False, kind: Kind = Kind.OTHER) -> Learned:
    """Visits after so many hours each, that brought so much."""
    learned, now = revisit.after_visit(Learned(met=0.0, kind=kind), now=0.0, new=99), 0.0
    for hours, new in steps:
        now += hours * HOUR_S
        learned = revisit.after_visit(learned, now=now, new=new, at_least=at_least)
    return learned


# ------------------------------------------------------------------------------------------------- what a visit teaches


def test_a_first_reading_says_nothing_of_how_fast_things_come() -> None:
    learned = revisit.after_visit(Learned(met=5.0), now=100.0, new=60)

    assert (learned.events, learned.exposure_s) == (0, 0)
    assert (learned.visits, learned.last_visit, learned.last_read) == (1, 100.0, 100.0)


def test_counts_add_up_whatever_the_intervals() -> None:
    learned = visited((1, 0), (3, 2), (0.5, 1))

    assert learned.events == pytest.approx(3, rel=0.01)  # a little is forgotten
    assert learned.exposure_s == pytest.approx(4.5 * HOUR_S, rel=0.01)


def test_half_of_what_was_learned_is_forgotten_in_its_time() -> None:
    busy = watched(events=100, hours=50)

    asleep = revisit.after_visit(busy, now=revisit.MEMORY_S, new=0)

    assert asleep.events == pytest.approx(50)
    assert asleep.exposure_s == pytest.approx(25 * HOUR_S + revisit.MEMORY_S)


def test_an_archive_moved_in_one_night_counts_as_a_busy_day_only() -> None:
    assert visited((1, 50_000)).events == visited((1, 200)).events


def test_a_failed_visit_teaches_nothing_and_waits_its_turn_again() -> None:
    before = visited((1, 2), (1, 2))

    failed = revisit.after_failure(before, now=5 * HOUR_S)
    after = revisit.after_visit(failed, now=6 * HOUR_S, new=1)

    assert (failed.events, failed.exposure_s, failed.last_read) == (before.events, before.exposure_s, before.last_read)
    assert failed.last_visit == 5 * HOUR_S
    assert after.exposure_s == pytest.approx(6 * HOUR_S, rel=0.01)  # the whole time since it was last read


def test_what_a_page_costs_follows_its_answers() -> None:
    learned = visited((1, 0))
    for hour in range(2, 60):
        learned = revisit.after_visit(learned, now=hour * HOUR_S, new=0, cost=UNCHANGED_COST)

    assert learned.cost == pytest.approx(UNCHANGED_COST, abs=0.01)


@given(
    events=st.floats(0.05, 200),
    exposure=st.floats(0.05, 500),
    hours=st.floats(0.01, 200),
    least=st.integers(1, 80),
)
@settings(max_examples=60, deadline=None)
def test_a_lower_bound_is_weighed_as_integrating_says(events: float, exposure: float, hours: float, least: int) -> None:
    """Against the posterior on a fine grid of rates: prior density times P(N >= least)."""
    mean, square = _integrated(events, exposure, hours, least)

    gained = revisit._gained_by_a_bound(revisit.Rate(events, exposure), revisit.Rate(least, hours))

    after = revisit._sum(revisit.Rate(events, exposure), gained)
    assert after.mean == pytest.approx(mean, rel=0.05)
    assert 0 <= gained.events <= least * 1.05
    assert gained.exposure_h >= 0
    assert (after.events + 1) / after.events * after.mean**2 == pytest.approx(square, rel=0.1)


def _integrated(events: float, exposure: float, hours: float, least: int) -> tuple[float, float]:
    rates = np.geomspace(1e-9, 1e6, 6_001)
    log_density = events * np.log(rates) - exposure * rates  # over log rates
    expected = rates * hours
    head, log_term = np.zeros_like(rates), -expected
    for count in range(least):
        head += np.exp(log_term)
        log_term = log_term + np.log(expected) - math.log(count + 1)
    # Where the head is nearly all, the tail is its first terms.
    tail, term = np.zeros_like(rates), np.exp(log_term)
    for count in range(least, least + 400):
        tail += term
        term = term * expected / (count + 1)
    weight = np.exp(log_density - log_density.max()) * np.where(head < 0.9, 1 - head, tail)
    return float((weight * rates).sum() / weight.sum()), float((weight * rates**2).sum() / weight.sum())


@given(hours=st.floats(0.01, 1_000), least=st.integers(1, 60))
def test_at_least_so_many_says_more_than_nothing_new(hours: float, least: int) -> None:
    url = f"{HOST}/new"
    for kind in Kind:
        bound = revisit.rates({url: visited((hours, least), at_least=True, kind=kind)})[url]
        nothing = revisit.rates({url: visited((hours, 0), kind=kind)})[url]

        assert bound > nothing


def test_single_bits_at_even_intervals_give_the_rate_that_made_them() -> None:
    chance = random.Random(4)
    steps = [(1.0, 1 if chance.random() < 1 - math.exp(-1.5) else 0) for _ in range(600)]  # 1.5 an hour

    learned = visited(*steps, at_least=True)

    assert learned.events / (learned.exposure_s / HOUR_S) == pytest.approx(1.5, rel=0.15)


def test_what_was_learned_is_a_row_of_plain_values() -> None:
    learned = visited((1, 2), kind=Kind.SECTION)
    names = [field.name for field in dataclasses.fields(Learned)]
    with sqlite3.connect(":memory:") as db:
        db.execute(f"CREATE TABLE pages ({', '.join(names)})")
        db.execute(f"INSERT INTO pages VALUES ({', '.join('?' * len(names))})", dataclasses.astuple(learned))  # noqa: S608  # only its question marks

        row = dict(zip(names, db.execute("SELECT * FROM pages").fetchone(), strict=True))

    assert Learned(**row | {"kind": Kind(row["kind"])}) == learned


# ------------------------------------------------------------------------------------------------------- kinds of pages


@pytest.mark.parametrize(
    ("standing", "kind"),
    [
        (Standing(), Kind.OTHER),
        (Standing(start=True), Kind.SECTION),
        (Standing(feed=True), Kind.FEED),
        (Standing(start=True, feed=True), Kind.FEED),
        (Standing(first_named=40), Kind.SECTION),
        (Standing(first_named=5), Kind.OTHER),
        (Standing(named_by=90, pages_read=100), Kind.SECTION),
        (Standing(named_by=60, pages_read=100), Kind.OTHER),
        (Standing(named_by=2, pages_read=2), Kind.OTHER),  # two pages are not everywhere
    ],
)
def test_a_page_is_told_by_plain_signs(standing: Standing, kind: Kind) -> None:
    assert revisit.kind_of(standing, Learned(met=0.0)) is kind


@pytest.mark.parametrize("kind", Kind)
def test_a_page_stays_what_its_signs_made_it_when_they_are_not_seen_again(kind: Kind) -> None:
    assert revisit.kind_of(Standing(), Learned(met=0.0, kind=kind)) is kind


def test_a_page_of_the_menu_that_never_brings_anything_is_no_section() -> None:
    imprint = Standing(named_by=100, pages_read=100)

    assert revisit.kind_of(imprint, visited(*[(1.0, 0)] * 11)) is Kind.SECTION
    assert revisit.kind_of(imprint, visited(*[(3.0, 0)] * 12)) is Kind.OTHER
    assert revisit.kind_of(imprint, visited(*[(3.0, 0)] * 12, (3.0, 1))) is Kind.SECTION  # it has begun to


# ------------------------------------------------------------------------------------------------------------- the plan


@given(pages=sites, budget=st.floats(0.01, 1e5))
def test_a_plan_keeps_budget_and_politeness_and_leaves_nothing_out(pages: Mapping[str, Learned], budget: float) -> None:
    planned = revisit.plan(pages, budget)

    assert planned.keys() == pages.keys()
    assert sum(planned[url] * learned.cost for url, learned in pages.items()) <= budget * (1 + 1e-9)
    for url, learned in pages.items():
        assert 0 < planned[url] <= MOST_PER_H[learned.kind]


@given(pages=sites.filter(bool), budget=st.floats(0.01, 1e5))
def test_what_politeness_allows_of_the_budget_is_used(pages: Mapping[str, Learned], budget: float) -> None:
    planned = revisit.plan(pages, budget)

    spent = sum(planned[url] * learned.cost for url, learned in pages.items())
    most = sum(MOST_PER_H[learned.kind] * learned.cost for learned in pages.values())
    assert spent == pytest.approx(min(budget, most))


@given(pages=sites.filter(bool), budget=st.floats(0.1, 1e3), chance=st.randoms(use_true_random=False), more=positive)
def test_who_brings_more_is_visited_no_less(
    pages: dict[str, Learned], budget: float, chance: random.Random, more: float
) -> None:
    url = chance.choice(list(pages))
    before = revisit.plan(pages, budget)[url]
    # Exposure grows with the events, so that the pages alike are not believed to bring more, too.
    pages[url] = dataclasses.replace(pages[url], events=pages[url].events + more)

    assert revisit.plan(pages, budget)[url] >= before * (1 - 1e-9)


@given(
    rows=st.lists(st.tuples(positive, costs, st.floats(0.1, 20)), min_size=1, max_size=12),
    budget=st.floats(0.01, 100),
    chance=st.randoms(use_true_random=False),
)
def test_no_other_way_to_share_the_budget_makes_pictures_wait_less(
    rows: list[tuple[float, float, float]], budget: float, chance: random.Random
) -> None:
    def waiting(per_h: list[float]) -> float:
        return sum(brings / (2 * rate) for (brings, _, _), rate in zip(rows, per_h, strict=True))

    best = revisit.allocation(
        weights=[math.sqrt(brings / cost) for brings, cost, _ in rows],
        costs=[cost for _, cost, _ in rows],
        caps=[cap for _, _, cap in rows],
        budget=budget,
    )
    other = [rate * chance.uniform(0.5, 1) for rate in best]  # some of the budget taken from each …
    left = budget - sum(cost * rate for (_, cost, _), rate in zip(rows, other, strict=True))
    for number in chance.sample(range(len(rows)), len(rows)):  # … and given to the first that may have it
        _, cost, cap = rows[number]
        gift = max(0.0, min(cap - other[number], left / cost))
        other[number] += gift
        left -= gift * cost

    assert waiting(best) <= waiting(other) * (1 + 1e-6)


def test_four_times_as_much_is_visited_twice_as_often_and_a_quarter_of_the_cost_too() -> None:
    per_h = revisit.allocation(weights=[1.0, math.sqrt(4.0), math.sqrt(4.0)], costs=[1, 1, 1], caps=[9, 9, 9], budget=5)

    assert per_h == pytest.approx([1, 2, 2])


@given(changes=st.floats(0.01, 20), per_h=st.floats(0.1, 20))
def test_one_visit_more_of_a_page_that_is_mostly_unchanged_costs_little(changes: float, per_h: float) -> None:
    """Against the difference between the costs of two rates of visits, of a page that changes so often an hour."""

    def cost(per_h: float) -> float:
        return UNCHANGED_COST + (1 - UNCHANGED_COST) * (1 - math.exp(-changes / per_h))

    little = per_h * 1e-6
    further = ((per_h + little) * cost(per_h + little) - per_h * cost(per_h)) / little

    assert revisit._cost_of_one_more(cost(per_h)) == pytest.approx(further, rel=1e-3)
    assert revisit._cost_of_one_more(1.0) == 1.0
    assert revisit._cost_of_one_more(UNCHANGED_COST) == pytest.approx(UNCHANGED_COST)


def test_sections_come_first_until_more_is_known() -> None:
    pages = {f"{HOST}/": Learned(met=0.0, kind=Kind.SECTION), f"{HOST}/feed": Learned(met=0.0, kind=Kind.FEED)}
    pages |= {f"{HOST}/thread/{number}": Learned(met=0.0) for number in range(50)}

    planned = revisit.plan(pages, 20)

    assert min(planned[f"{HOST}/"], planned[f"{HOST}/feed"]) > 5 * planned[f"{HOST}/thread/7"]


def test_a_page_beside_many_that_sleep_is_believed_as_quiet_as_they_are_and_still_says_when_it_wakes_up() -> None:
    """57 threads of which 40 were watched for a week: one new picture in all."""
    threads = {f"{HOST}/thread/{number}": watched(events=0, hours=168) for number in range(39)}
    threads[f"{HOST}/thread/39"] = watched(events=1, hours=168)
    unread = {f"{HOST}/thread/{number}": Learned(met=0.0) for number in range(40, 57)}

    believed = revisit.rates(threads | unread)

    assert believed[f"{HOST}/thread/50"] == pytest.approx(1.1 / (40 * 168 + 20))  # their mean, and no more
    assert believed[f"{HOST}/thread/39"] > 5 * believed[f"{HOST}/thread/50"]


def test_pages_of_one_shape_speak_for_each_other() -> None:
    threads = {f"{HOST}/thread/{number}": watched(events=30, hours=100) for number in range(20)}
    albums = {f"{HOST}/album/{number}": watched(events=0, hours=100) for number in range(20)}
    unread = {f"{HOST}/thread/99": Learned(met=0.0), f"{HOST}/album/99": Learned(met=0.0)}

    believed = revisit.rates(threads | albums | unread)

    assert believed[f"{HOST}/thread/99"] > 10 * believed[f"{HOST}/album/99"]


@pytest.mark.parametrize("budget", [0.0, -1.0])
def test_a_site_that_may_not_be_asked_has_no_plan(budget: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        revisit.plan({f"{HOST}/": Learned(met=0.0)}, budget)


def test_a_site_without_pages_has_an_empty_plan() -> None:
    assert revisit.plan({}, 60) == {}
    assert revisit.due({}, {}, now=0.0) == []


# ----------------------------------------------------------------------------------------------------------- what is due


def test_what_is_longest_overdue_in_its_own_interval_comes_first() -> None:
    pages = {
        "slow": watched(events=1, hours=1, last_visit=0.0),  # a day late, of ten
        "fast": watched(events=1, hours=1, last_visit=10.5 * 24 * HOUR_S),  # half a day late, of an hour
        "not yet": watched(events=1, hours=1, last_visit=10.9 * 24 * HOUR_S),
    }
    planned = {"slow": 1 / 240, "fast": 1.0, "not yet": 1 / 240}

    assert revisit.due(pages, planned, now=11 * 24 * HOUR_S) == ["fast", "slow"]


def test_pages_never_asked_for_come_in_no_order_of_theirs() -> None:
    pages = {f"{HOST}/thread/{number:02}": Learned(met=0.0) for number in range(60)}
    planned = revisit.plan(pages, 6)

    first = revisit.due(pages, planned, now=1.0)[:6]

    assert first == revisit.due(dict(reversed(pages.items())), planned, now=1.0)[:6]
    assert len({url[-2] for url in first}) > 2


def test_a_page_just_met_is_due_before_it_is_planned() -> None:
    assert revisit.due({"new": Learned(met=7.0)}, {}, now=7.0) == ["new"]


@given(pages=st.lists(learned_pages, min_size=1, max_size=6), budget=st.floats(0.1, 100))
@settings(max_examples=40, deadline=None)
def test_at_half_the_planned_pace_every_page_is_still_visited_and_none_too_often(
    pages: list[Learned], budget: float
) -> None:
    known = {f"{HOST}/{number}": page for number, page in enumerate(pages)}
    planned = revisit.plan(known, budget)
    pace_per_h = sum(planned.values()) / 2
    now = 1e6  # later than any visit so far
    asked: dict[str, list[float]] = {url: [] for url in known}
    for _ in range(math.ceil(3 * pace_per_h / min(planned.values())) + len(pages)):
        now += HOUR_S / pace_per_h
        for url in revisit.due(known, planned, now)[:1]:
            asked[url].append(now)
            known[url] = dataclasses.replace(known[url], last_visit=now)

    for url, times in asked.items():
        least_s = HOUR_S / MOST_PER_H[known[url].kind]
        assert times
        assert all(later - earlier >= least_s * 0.999 for earlier, later in pairwise(times))


# --------------------------------------------------------------------------------------------------- nobody's hits count


def test_nothing_that_a_plan_is_made_of_could_hold_a_hit() -> None:
    """It imports nothing that knows of hits or people; what it takes and keeps are numbers, URLs, truths and kinds of page."""
    tree = ast.parse(inspect.getsource(revisit))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) if node.module}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    types = {field.type for record in (Learned, Standing) for field in dataclasses.fields(record)}
    arguments = {
        name
        for function in (revisit.kind_of, revisit.after_visit, revisit.after_failure, revisit.plan, revisit.due)
        for name in inspect.signature(function).parameters
    }

    assert {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names} == {"crawler.traps"}
    assert types == {float, float | None, int, bool, Kind}
    assert arguments == ({"learned", "standing", "pages", "planned", "budget_per_h", "now", "new", "at_least", "cost"})


def test_sites_that_differ_only_in_their_hits_have_the_same_plan(tmp_path: Path) -> None:
    """Each goes through a frontier, with the same pages and pictures; on one of them every picture is a hit."""
    plans = []
    for name, state in (("clear", State.CLEAR), ("hit", State.HIT)):
        with SqliteFrontier(tmp_path / name) as frontier, frontier.worker() as worker:
            plans.append(_plan_after_passes(frontier, worker, state))

    assert plans[0] == plans[1]
    assert len(plans[0]) == 4


def _plan_after_passes(frontier: SqliteFrontier, worker: str, of_pictures: State) -> dict[str, float]:
    """Three passes, an hour apart, over a start page and three threads, of which one gets a picture each time."""
    learned: dict[str, Learned] = {}
    known: set[str] = set()
    for number in range(3):
        now = number * HOUR_S
        current = frontier.begin("site", [Found(What.PAGE, f"{HOST}/")], datetime.fromtimestamp(now, UTC))
        while leased := frontier.lease(
            current.id,
            worker,
            per_host=100,
            under_way={},
            at_most={What.PAGE: 100, What.IMAGE: 100},
            now=now,
        ):
            for each in leased:
                hits = [f"hit of {each.url}"] if of_pictures is State.HIT and each.what is What.IMAGE else []
                named = _named_on(each.url, number) if each.what is What.PAGE else []
                new = [found.url for found in named if found.url not in known]
                known.update(new)
                told = frontier.pages_showing(current.id, each.url) if hits else ()
                state = of_pictures if each.what is What.IMAGE else State.READ
                frontier.finish(
                    current.id,
                    each.url,
                    state,
                    what=each.what,
                    children=named,
                    hits=hits,
                    new_hits=len(hits),
                    told=told,
                )
                if each.what is What.PAGE:
                    before = learned.get(each.url, Learned(met=now))
                    learned[each.url] = revisit.after_visit(before, now=now, new=len(new))
        assert frontier.tally(current.id).hits == (len(known) - 3 if of_pictures is State.HIT else 0)
        frontier.close(current.id, datetime.fromtimestamp(now, UTC))
    return revisit.plan(learned, 3)


def _named_on(url: str, number: int) -> list[Found]:
    if url == f"{HOST}/":
        return [Found(What.PAGE, f"{HOST}/thread/{thread}") for thread in range(3)]
    pictures = number + 1 if url.endswith("/1") else 1
    return [Found(What.IMAGE, f"{url}/{picture}.jpg") for picture in range(pictures)]
