"""What may be said of a site, from its agreement, its standing and its passes. Unknown is never good news."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.watching import next_pass
from core.model import Canary, DayUse, Fingerprint, Hours, Limits, PassRecord, Politeness, Standing, State, TroubleKind
from tests.web.scene import NOW, passed, site
from web.desk.watching import BAR, SIGHT_OF, SIGHTS, Sight, Verdict, bar, columns, watch
from web.desk.words import Tone

GALLERY = site("gallery")  # looked at every hour
MINUTE = timedelta(minutes=1)
BLIND = {State.UNREACHABLE: 3, State.ROBOTS_UNREAD: 1}


def verdict(*passes: PassRecord, standing: Standing = Standing.WATCHED, now: datetime = NOW) -> Verdict:
    return watch(GALLERY, standing, passes, now).verdict


def test_each_state_belongs_to_one_sight() -> None:
    assert set(SIGHT_OF) == set(State)
    assert sum(len(states) for states in SIGHTS.values()) == len(State)


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        ([], Verdict.NOT_YET),
        ([passed("gallery", ago=30 * MINUTE)], Verdict.WATCHED),
        ([passed("gallery", ago=119 * MINUTE)], Verdict.WATCHED),
        ([passed("gallery", ago=121 * MINUTE)], Verdict.LATE),
        ([passed("gallery", ago=1 * MINUTE, finished=False)], Verdict.LOOKING),
        ([passed("gallery", ago=1 * MINUTE, finished=False), passed("gallery", ago=90 * MINUTE)], Verdict.LOOKING),
        ([passed("gallery", ago=121 * MINUTE, finished=False)], Verdict.UNFINISHED),
        ([passed("gallery", ago=MINUTE, pages=BLIND, images={})], Verdict.BLIND),
        ([passed("gallery", ago=MINUTE, pages={}, images={})], Verdict.BLIND),
        ([passed("gallery", ago=MINUTE, images={State.TIMEOUT: 40, State.OUT_OF_SCOPE: 2})], Verdict.BLIND),
        ([passed("gallery", ago=MINUTE, images={State.NOT_COMPARED: 40})], Verdict.NOBODY),
        ([passed("gallery", ago=MINUTE, pages={State.READ: 1}, images={})], Verdict.EMPTY),
        ([passed("gallery", ago=MINUTE, images={State.OUT_OF_SCOPE: 9})], Verdict.BLIND),
    ],
)
def test_a_verdict_is_as_good_as_what_was_really_seen(passes: list[PassRecord], expected: Verdict) -> None:
    assert verdict(*passes) is expected


def test_only_what_is_being_looked_at_is_called_good() -> None:
    good = {each for each in Verdict if each.tone is Tone.GOOD}

    assert good == {Verdict.WATCHED, Verdict.LOOKING}


def test_what_the_operator_or_the_agreement_stopped_is_not_called_watched() -> None:
    recent = passed("gallery", ago=MINUTE)

    assert verdict(recent, standing=Standing.PAUSED) is Verdict.PAUSED
    assert verdict(recent, standing=Standing.REVOKED) is Verdict.REVOKED
    assert verdict(recent, now=datetime(2027, 11, 2, tzinfo=UTC)) is Verdict.NO_AGREEMENT
    assert verdict(recent, now=datetime(2026, 10, 31, 23, 59, tzinfo=UTC)) is Verdict.NO_AGREEMENT
    for standing in (Standing.PAUSED, Standing.REVOKED):
        assert watch(GALLERY, standing, [recent], NOW).next_pass is None


def test_a_site_with_hours_is_not_late_over_night() -> None:
    by_day = replace(GALLERY, politeness=Politeness(hours=Hours(opens=time(8), closes=time(11))))
    last = passed("gallery", ago=timedelta(hours=24))

    assert watch(by_day, Standing.WATCHED, [last], NOW).verdict is Verdict.WATCHED
    assert watch(by_day, Standing.WATCHED, [last], NOW + timedelta(hours=3)).verdict is Verdict.LATE


def test_while_a_pass_runs_the_counts_are_those_of_the_finished_one() -> None:
    running, before = passed("gallery", ago=MINUTE, finished=False, images={}), passed("gallery", ago=60 * MINUTE)

    seen = watch(GALLERY, Standing.WATCHED, [running, before], NOW)

    assert seen.shown == before
    assert seen.last_look == before.finished


@pytest.mark.parametrize(("days", "left"), [(0, 0), (30, 30), (31, None), (-1, None)])
def test_an_agreement_that_ends_soon_is_pointed_out(days: int, left: int | None) -> None:
    ending = replace(
        GALLERY, agreement=replace(GALLERY.agreement, expires_on=date(2026, 11, 23) + timedelta(days=days))
    )

    assert watch(ending, Standing.WATCHED, [], NOW).ends_in_days == left


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        (Hours(), "12:00", "12:40"),  # one hour after a pass that began twenty minutes ago
        (Hours(opens=time(8), closes=time(18)), "12:00", "12:40"),
        (Hours(opens=time(14), closes=time(18)), "12:00", "14:00"),
        (Hours(opens=time(8), closes=time(12, 30)), "12:00", "next 08:00"),
        (Hours(opens=time(22), closes=time(6)), "12:00", "22:00"),
        (Hours(opens=time(22), closes=time(6)), "23:30", "next 00:10"),
        (Hours(opens=time(8), closes=time(11), zone="America/New_York"), "12:00", "13:00"),
    ],
)
def test_the_next_pass_keeps_to_the_hours_of_the_site(hours: Hours, now: str, expected: str) -> None:
    at = datetime.combine(NOW.date(), time.fromisoformat(now), UTC)
    last = replace(passed("gallery", ago=MINUTE), started=at - 20 * MINUTE)

    due = next_pass(replace(GALLERY, politeness=Politeness(hours=hours)), last, at)

    day = "next " if due.date() > at.date() else ""
    assert f"{day}{due:%H:%M}" == expected


@given(st.dictionaries(st.sampled_from(State), st.integers(0, 10**9)))
def test_a_bar_is_filled_to_the_pixel_and_hides_nothing(counts: dict[State, int]) -> None:
    parts = bar(counts)

    assert [part.sight for part in parts] == list(Sight)
    assert sum(part.count for part in parts) == sum(counts.values())
    assert sum(part.width for part in parts) == (BAR if any(counts.values()) else 0)
    assert all((part.width > 0) == (part.count > 0) for part in parts)
    assert all(part.x + part.width == after.x for part, after in pairwise(parts))


def test_a_site_whose_canary_is_missed_is_not_called_watched() -> None:
    named = replace(GALLERY, canary_page="https://gallery.example/canary")
    prints = (Fingerprint(hasher="pdq", view="full", bits="3c" * 32, quality=100),)
    canary = Canary(site="gallery", made=NOW - timedelta(days=3), fingerprints=prints)
    recent = passed("gallery", ago=30 * MINUTE)

    assert watch(named, Standing.WATCHED, [recent], NOW, canary=canary).verdict is Verdict.NOT_FOUND
    assert watch(named, Standing.PAUSED, [recent], NOW, canary=canary).verdict is Verdict.PAUSED
    found = replace(recent, canary=NOW), replace(canary, found=NOW)
    assert watch(named, Standing.WATCHED, [found[0]], NOW, canary=found[1]).verdict is Verdict.WATCHED


def test_a_pass_that_stopped_says_why() -> None:
    stopped = passed("gallery", ago=5 * MINUTE, finished=False, stopped="the day's 1,000 requests are used up")

    seen = watch(GALLERY, Standing.WATCHED, [stopped], NOW)

    assert seen.verdict is Verdict.STOPPED
    assert "the day's 1,000 requests are used up" in seen.reason


def test_the_chart_has_a_column_a_pass_the_newest_at_the_right() -> None:
    counts = [{State.CLEAR: 10}, {}, {State.CLEAR: 20, State.BROKEN: 20}, {State.CLEAR: 1}]
    shown = columns([passed("gallery", ago=hour * 60 * MINUTE, images=images) for hour, images in enumerate(counts)])

    assert [(each.compared, each.unclear) for each in shown] == [(1, 0), (20, 20), (0, 0), (10, 0)]
    assert [each.compared_height for each in shown] == [1.5, 20, 0, 10]
    assert [each.unclear_height for each in shown] == [0, 20, 0, 0]
    assert shown[-1].x + shown[-1].width == 298
    assert columns([]) == []


def test_the_chart_keeps_within_its_width_however_many_passes_there_are() -> None:
    many = [passed("gallery", ago=hour * 60 * MINUTE) for hour in range(40)]

    assert [each.x for each in columns(many)] == list(range(0, 300, 10))


def test_a_site_whose_day_is_used_up_is_next_asked_tomorrow() -> None:
    limited = replace(GALLERY, limits=Limits(requests_per_day=100))
    recent = passed("gallery", ago=5 * MINUTE)

    assert watch(limited, Standing.WATCHED, [recent], NOW, today=DayUse(requests=99)).next_pass == NOW + 55 * MINUTE
    tomorrow = watch(limited, Standing.WATCHED, [recent], NOW, today=DayUse(requests=100)).next_pass
    assert tomorrow == datetime(2026, 11, 24, tzinfo=UTC)


def test_a_site_in_trouble_is_not_called_watched_and_one_that_may_not_be_asked_has_no_trouble() -> None:
    walled = passed("gallery", ago=30 * MINUTE, walled=("cdn.gallery.example",))
    empty = [passed("gallery", ago=hour * 60 * MINUTE + 10 * MINUTE, images={}) for hour in range(3)]

    assert verdict(walled) is Verdict.TROUBLED
    assert watch(GALLERY, Standing.WATCHED, [walled], NOW).troubles.keys() == {TroubleKind.WALLED}
    assert verdict(*empty) is Verdict.TROUBLED
    assert verdict(*empty[:2]) is Verdict.EMPTY
    assert watch(GALLERY, Standing.PAUSED, [walled], NOW).troubles == {}
