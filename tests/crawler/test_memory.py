"""From one pass to the next: what did not change is not fetched again, and what did is found."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.errors import StoreUnavailable
from core.model import Examination, Hit, Known, Politeness, State
from crawler.memory import ANEW, UNAWARE, WHOLE_AFTER_AT_MOST, PassMemory, turn_of
from crawler.recheck import RecheckTarget, look_again
from tests.crawler.local_site import Answer, LocalSite, page, picture, serve
from tests.crawler.planted import PERSON, Crawl, sha256

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def tagged(answer: Answer) -> Answer:
    return replace(answer, headers={"ETag": f'"{sha256(answer.body_bytes())[:12]}"'})


@dataclass
class Gallery:
    """A start page and albums. Change it between two passes."""

    albums: dict[str, list[str]] = field(
        default_factory=lambda: {"/a": ["/1.png", "/2.png"], "/b": ["/2.png", "/3.png"]}
    )
    bytes_of: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    dress: Callable[[Answer], Answer] = tagged

    def __call__(self, path: str) -> Answer | None:
        if path in self.gone:
            return None
        if path == "/":
            return self.dress(page(*self.albums))
        if path in self.albums:
            return self.dress(page("/", images=tuple(self.albums[path])))
        if any(path in images for images in self.albums.values()):
            return self.dress(picture(self.bytes_of.get(path, path)))
        return None


def planted(path: str) -> list[bytes]:
    return [picture(path).body_bytes()]


def asked(site: LocalSite, act: Callable[[], Any]) -> list[str]:
    """What the site was asked for meanwhile, in alphabetical order."""
    before = len(site.asked)
    act()
    return sorted(site.asked[before:])


def test_pages_that_did_not_change_are_not_sent_again_and_their_pictures_not_asked_for(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, planted("/3.png"), remembers=True)
        first = crawl.run(site.watched())
        examined = len(crawl.examiner.examined)
        lines, crawl.lines = crawl.lines, []
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/a", "/b"]
    assert sorted(site.unchanged) == ["/", "/a", "/b"]
    assert len(crawl.examiner.examined) == examined
    said = [{(line.image_url, line.state, line.sha256, line.hit) for line in each} for each in (lines, crawl.lines)]
    assert said[0] == said[1]
    assert all(line.unchanged for line in crawl.lines)
    assert len(crawl.lines) == 3
    assert first["unchanged"] == {"pages": 0, "images": 0}


def test_the_summary_accounts_for_every_url_as_if_it_had_been_fetched(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, planted("/3.png"), remembers=True)
        first, second = crawl.run(site.watched()), crawl.run(site.watched())

    for what in ("pages", "images", "urls"):
        assert first[what] == second[what]
    assert second["unchanged"] == {"pages": 3, "images": 3}
    assert second["hits"] == 0
    assert second["bytes"] == 0
    assert second["finished"] is True


def test_a_link_that_led_to_a_known_picture_is_not_followed_again(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        return tagged(page("/show?id=1")) if path == "/" else tagged(picture(path))

    with serve(answers) as site:
        crawl = Crawl(tmp_path, [picture("/show?id=1").body_bytes()], remembers=True)
        first = crawl.run(site.watched())
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/"]
    assert first["images"] == {"hit": 1}
    assert [(line.state, line.unchanged) for line in crawl.lines] == [(State.HIT, False), (State.HIT, True)]


def test_a_new_picture_on_a_page_that_changed_is_the_only_one_asked_for(tmp_path: Path) -> None:
    gallery = Gallery()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("/new.png"), remembers=True)
        crawl.run(site.watched())
        gallery.albums["/b"].append("/new.png")
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/a", "/b", "/new.png"]
    assert site.unchanged == ["/", "/a"]
    (hit,) = crawl.store.hit_log.all()
    assert hit.image_url == site.url + "/new.png"


def test_a_new_page_that_shows_a_known_hit_joins_its_pages_and_nothing_is_fetched(tmp_path: Path) -> None:
    gallery = Gallery()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("/1.png"), remembers=True)
        crawl.run(site.watched())
        gallery.albums["/c"] = ["/1.png"]
        again = asked(site, lambda: crawl.run(site.watched()))

    (hit,) = crawl.store.hit_log.all()
    assert set(hit.pages) == {site.url + "/a", site.url + "/c"}
    assert "/1.png" not in again


def test_a_site_without_validators_sends_its_pages_and_is_asked_for_no_known_picture(tmp_path: Path) -> None:
    gallery = Gallery(dress=lambda answer: answer)
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/a", "/b"]
    assert site.unchanged == []


def test_what_could_not_be_fetched_is_asked_for_again(tmp_path: Path) -> None:
    gallery = Gallery(gone={"/1.png", "/b"})
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        gallery.gone = set()
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/1.png", "/3.png", "/a", "/b"]


def test_a_page_that_fails_once_is_fetched_whole_the_next_time(tmp_path: Path) -> None:
    gallery = Gallery()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        answers, site.answers = site.answers, lambda path: Answer(status=500) if path == "/a" else answers(path)
        failed = crawl.run(site.watched())
        site.answers = answers
        third = crawl.run(site.watched())

    assert failed["pages"] == {"read": 2, "http_error": 1}
    assert third["pages"] == {"read": 3}
    assert site.unchanged.count("/a") == 0


def test_pictures_are_asked_for_again_after_weeks_by_what_is_known_of_them(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        crawl.run(site.watched())
        never_whole(crawl, site)
        crawl.now = NOW + 31 * DAY
        again = asked(site, lambda: crawl.run(site.watched()))
        later = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/1.png", "/2.png", "/3.png", "/a", "/b"]
    assert sorted(site.unchanged[:6]) == again
    assert later == ["/", "/a", "/b"]


def test_a_picture_that_was_swapped_under_its_url_is_found_when_it_is_fetched_whole(tmp_path: Path) -> None:
    gallery = Gallery()
    gallery.dress = lambda answer: replace(answer, headers={"ETag": '"always the same"'})
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("another"), remembers=True, now=NOW)
        crawl.run(site.watched())
        gallery.bytes_of["/2.png"] = "another"
        crawl.now = NOW + WHOLE_AFTER_AT_MOST * 30 * DAY
        crawl.run(site.watched())

    (hit,) = crawl.store.hit_log.all()
    assert hit.image_url == site.url + "/2.png"


def test_some_are_fetched_whole_on_any_day() -> None:
    memory = PassMemory(
        None, "local", recipe="views-1", reader="gallery", days=300, clock=lambda: NOW, draw=iter_of_tenths()
    )
    days = [(memory.times().whole_at - NOW) / DAY for _ in range(1_000)]

    within_a_day = sum(each <= 1 for each in days) / len(days)
    assert 0.01 <= within_a_day <= 0.02
    assert max(days) > 200


def iter_of_tenths() -> Callable[[], float]:
    """0.0005, 0.0015, … each twice: `times` draws two."""
    numbers = iter([(number // 2 + 0.5) / 1_000 for number in range(2_000)])
    return lambda: next(numbers)


def test_without_validators_the_length_and_the_beginning_are_compared(tmp_path: Path) -> None:
    long = "x" * 300
    gallery = Gallery(albums={"/a": ["/1.png"]}, bytes_of={"/1.png": long})
    gallery.dress = lambda answer: replace(answer, headers={"Accept-Ranges": "bytes"})
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("y" + long[1:]), remembers=True, now=NOW)
        crawl.run(site.watched())
        never_whole(crawl, site)
        crawl.now = NOW + 31 * DAY
        assert asked(site, lambda: crawl.run(site.watched())) == ["/", "/1.png", "/a"]
        assert site.unchanged == ["/1.png"]

        gallery.bytes_of["/1.png"] = "y" + long[1:]
        never_whole(crawl, site)
        crawl.now = NOW + 70 * DAY
        assert asked(site, lambda: crawl.run(site.watched())) == ["/", "/1.png", "/1.png", "/a"]

    (hit,) = crawl.store.hit_log.all()
    assert hit.image_url == site.url + "/1.png"


def never_whole(crawl: Crawl, site: LocalSite) -> None:
    """Puts off the moment that was drawn by lot."""
    urls = {site.url + path for path in site.asked}
    known = crawl.store.site_memory.recall("local", urls).values()
    crawl.store.site_memory.remember("local", [replace(each, whole_at=NOW + 999 * DAY) for each in known])


def test_another_recipe_makes_known_pictures_due(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        crawl.recipe = "views-2"
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/1.png", "/2.png", "/3.png", "/a", "/b"]
    assert not [path for path in site.unchanged if path.endswith(".png")]


# ---------------------------------------------------------------------------------------------------- corners that come later

MANY = [f"https://gallery.example/{number}.jpg" for number in range(2_000)]


def read(url: str, at: datetime = NOW, state: State = State.CLEAR) -> Known:
    far = NOW + 999 * DAY
    return Known(url=url, state=state, sha256="ab" * 32, recipe="views-1", read_at=at, again_at=far, whole_at=far)


def due(known: list[Known], *, came: list[datetime], now: datetime) -> set[str]:
    """Which pictures a pass asks for that begins now."""
    memory = PassMemory(None, "local", recipe="views-1", reader="gallery", days=30, clock=lambda: now)
    memory.corners_came(came)
    return {each.url for each in known if not memory.is_settled(each)}


def test_corners_reach_every_picture_that_was_read_before_within_a_week_and_never_all_at_once() -> None:
    known, came = [read(url) for url in MANY], NOW + DAY

    by_day = [len(due(known, came=[came], now=came + day * DAY)) / len(MANY) for day in range(8)]

    assert by_day[0] == 0
    assert by_day[7] == 1
    assert all(0.11 < after - before < 0.18 for before, after in pairwise(by_day))


def test_what_was_read_since_the_corners_came_is_not_due() -> None:
    came = NOW + DAY
    known = [read(url, at=came + UNAWARE + DAY / 24) for url in MANY]

    assert due(known, came=[NOW, came], now=came + 20 * DAY) == set()


def test_what_was_under_way_when_corners_came_counts_as_read_without_them() -> None:
    known = read(MANY[0], at=NOW + UNAWARE / 2)

    assert due([known], came=[NOW], now=NOW + ANEW + DAY) == {MANY[0]}


def test_corners_that_come_every_day_have_each_picture_read_once_a_week_and_none_waits_longer() -> None:
    came: list[datetime] = []
    at = {url: [NOW] for url in MANY[:300]}
    for hour in range(24 * 28):
        now = NOW + hour * DAY / 24 + DAY / 1000
        if hour % 24 == 0:
            came.append(now)
        for url in due([read(url, at=times[-1]) for url, times in at.items()], came=came, now=now):
            at[url].append(now)

    gaps = [(after - before) / DAY for times in at.values() for before, after in pairwise(times)]
    assert {len(times) for times in at.values()} <= {4, 5}
    assert max(gaps) < 7.1


def test_a_turn_is_the_same_every_week_and_comes_after_the_moment_asked_for() -> None:
    for url in MANY[:50]:
        turn = turn_of(url, NOW)
        assert NOW <= turn < NOW + ANEW
        assert turn_of(url, turn) == turn
        assert turn_of(url, turn + DAY / 1000) == turn + ANEW


@pytest.mark.parametrize("state", [State.TOO_SMALL, State.NOT_IMAGE, State.UNSUPPORTED, State.BROKEN, State.TOO_LARGE])
def test_what_has_no_corners_to_compare_is_not_read_for_them(state: State) -> None:
    assert due([read(url, state=state) for url in MANY[:50]], came=[NOW + DAY], now=NOW + 20 * DAY) == set()


def test_for_corners_a_picture_is_fetched_whole_though_it_did_not_change_and_then_is_known_again(
    tmp_path: Path,
) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        crawl.run(site.watched())
        never_whole(crawl, site)
        crawl.corners_came = [NOW + DAY]
        crawl.now = NOW + DAY + ANEW
        again = asked(site, lambda: crawl.run(site.watched()))
        never_whole(crawl, site)
        crawl.now += ANEW
        later = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/1.png", "/2.png", "/3.png", "/a", "/b"]
    assert not [path for path in site.unchanged if path.endswith(".png")]
    assert later == ["/", "/a", "/b"]


def test_nothing_is_skipped_where_nothing_is_to_be_known(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        crawl.known_days = 0.0
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/1.png", "/2.png", "/3.png", "/a", "/b"]
    assert not [path for path in site.unchanged if path.endswith(".png")]


def test_of_somebody_who_withdrew_a_known_picture_is_no_hit(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, planted("/1.png"), remembers=True)
        crawl.run(site.watched())
        crawl.store.people.withdraw(PERSON, datetime.now(UTC))
        crawl.lines.clear()
        summary = crawl.run(site.watched())

    assert summary["images"] == {"clear": 3}
    assert [line.hit for line in crawl.lines] == [None, None, None]


def test_whom_pictures_show_changes_nothing_in_what_is_asked_for(tmp_path: Path) -> None:
    """A site must not learn from our visits who is enrolled."""
    visits = []
    for folder, shown in (("one", planted("/1.png")), ("nobody", [])):
        gallery = Gallery()
        with serve(gallery) as site:
            crawl = Crawl(tmp_path / folder, shown, remembers=True, now=NOW)
            crawl.run(site.watched())
            gallery.albums["/b"].append("/new.png")
            crawl.run(site.watched())
            crawl.now = NOW + 31 * DAY
            never_whole(crawl, site)
            crawl.run(site.watched())
            visits.append(sorted(site.asked))

    assert visits[0] == visits[1]


def test_a_picture_that_was_gone_and_is_back_is_looked_at(tmp_path: Path) -> None:
    gallery = Gallery()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("/1.png"), remembers=True)
        crawl.run(site.watched())
        (hit,) = crawl.store.hit_log.all()
        gallery.gone = {"/1.png"}
        (look,) = look_again(site.watched(), [RecheckTarget(hit=hit)], crawl.services())
        gallery.gone = set()
        again = asked(site, lambda: crawl.run(site.watched()))

    assert look.image is State.GONE
    assert "/1.png" in again


def test_the_canary_is_looked_at_in_each_pass(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        watched = site.watched(canary_page=site.url + "/b")
        crawl.run(watched)
        again = asked(site, lambda: crawl.run(watched))

    assert again == ["/", "/2.png", "/3.png", "/a", "/b"]
    assert "/b" not in site.unchanged


def test_a_dry_run_leaves_nothing_known(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched(), dry_run=True)

        assert crawl.store.site_memory.recall("local", [site.url + "/"]) == {}


def test_when_the_store_is_away_everything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> dict[str, Known]:
        raise StoreUnavailable("the database does not answer")

    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        monkeypatch.setattr(crawl.store.site_memory, "recall", away)
        monkeypatch.setattr(crawl.store.site_memory, "remember", away)
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/1.png", "/2.png", "/3.png", "/a", "/b"]


def test_an_older_hit_is_not_said_to_be_seen_when_nobody_looked(tmp_path: Path) -> None:
    def the_hit(crawl: Crawl) -> Hit:
        (hit,) = crawl.store.hit_log.all()
        return hit

    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, planted("/1.png"), remembers=True, now=NOW)
        crawl.run(site.watched())
        first = the_hit(crawl)
        crawl.now = NOW + DAY / 24
        crawl.run(site.watched())

    assert the_hit(crawl).last_seen == first.last_seen


# ------------------------------------------------------------------------------------------------------- what is due


def test_a_first_look_asks_for_everything(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        summary = crawl.run(site.watched(), only_due=True)

    assert summary["pages"] == {"read": 3}
    assert summary["images"] == {"clear": 3}


def test_of_pages_read_lately_none_is_asked_for_and_all_are_accounted_for(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        first = crawl.run(site.watched(), only_due=True)
        crawl.now = NOW + timedelta(seconds=60)
        again = asked(site, lambda: crawl.run(site.watched(), only_due=True))
        second = crawl.run(site.watched(), only_due=True)

    assert again == []
    assert (second["pages"], second["images"]) == (first["pages"], first["images"])
    assert second["finished"] is True


def test_the_start_page_is_due_before_its_albums_and_every_page_in_the_end(tmp_path: Path) -> None:
    when: dict[str, int] = {}
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        crawl.run(site.watched(), only_due=True)
        never_whole(crawl, site)
        for minutes in range(5, 60 * 24 * 2, 35):
            crawl.now = NOW + timedelta(minutes=minutes)
            for path in asked(site, lambda: crawl.run(site.watched(), only_due=True)):
                when.setdefault(path, minutes)

    assert set(when) == {"/", "/a", "/b"}
    assert when["/"] < when["/a"]
    assert when["/"] <= 3 * 60


def test_a_page_of_news_is_asked_for_at_each_look_though_the_last_one_began_a_moment_before(tmp_path: Path) -> None:
    """Four new pictures an hour on the start page: as often as is polite."""
    gallery = Gallery()
    looks = 0
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        for look in range(60):
            crawl.now = NOW + timedelta(minutes=5 * look, seconds=3 * (look % 5))
            if look % 3 == 0:
                gallery.albums[f"/new/{look}"] = [f"/new/{look}.png"]
            began = len(site.asked)
            crawl.run(site.watched(politeness=Politeness(delay_s=0.0, concurrency=4, every_s=600.0)), only_due=True)
            looks += look >= 48 and "/" in site.asked[began:]

    assert looks == 12


def test_what_is_in_the_menu_of_every_page_is_known_after_a_pass_for_a_page_of_news(tmp_path: Path) -> None:
    threads = [f"/thread/{number}" for number in range(6)]

    def answers(path: str) -> Answer | None:
        if path == "/":
            return page("/", "/new", *threads)
        return page("/", "/new", path) if path in ("/new", *threads) else None

    with serve(answers) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        crawl.run(site.watched())
        learned = crawl.store.site_memory.learned("local")

    kinds = {urlsplit(url).path: json.loads(text)["kind"] for url, text in learned.items()}
    assert kinds == {"/": "section", "/new": "section"} | dict.fromkeys(threads, "other")


def test_a_new_album_on_a_page_that_is_due_is_read_at_once(tmp_path: Path) -> None:
    gallery = Gallery()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("/new.png"), remembers=True, now=NOW)
        crawl.run(site.watched(), only_due=True)
        gallery.albums["/c"] = ["/new.png"]
        crawl.now = NOW + 6 * DAY
        again = asked(site, lambda: crawl.run(site.watched(), only_due=True))

    assert {"/", "/c", "/new.png"} <= set(again)
    assert len(list(crawl.store.hit_log.all())) == 1


def test_a_page_that_is_gone_waits_its_turn_like_any_other(tmp_path: Path) -> None:
    gallery = Gallery(gone={"/b"})
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        first = crawl.run(site.watched(), only_due=True)
        crawl.now = NOW + timedelta(seconds=60)
        again = asked(site, lambda: crawl.run(site.watched(), only_due=True))
        second = crawl.run(site.watched(), only_due=True)

    assert again == []
    assert first["pages"] == second["pages"] == {"read": 2, "gone": 1}


def test_a_site_that_may_be_asked_for_everything_every_minute_is(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        watched = site.watched(politeness=Politeness(delay_s=0.0, concurrency=4, every_s=60.0))
        crawl.run(watched, only_due=True)
        again = asked(site, lambda: crawl.run(watched, only_due=True))

    assert again == ["/", "/a", "/b"]


def test_a_look_that_asked_for_nothing_is_no_look_and_one_records_what_it_asked_for(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        for moment in (NOW, NOW + timedelta(seconds=60)):
            crawl.now = moment
            crawl.run(site.watched(), only_due=True)
        site.answers = lambda _: Answer(status=500)
        crawl.now = NOW + 3 * DAY
        crawl.run(site.watched(), only_due=True)

    failing, first = crawl.store.site_book.passes("local")
    assert (first.answered, first.failed) == (6, 0)
    assert failing.answered == 0
    assert failing.failed is not None
    assert failing.failed > 0


def test_pages_read_as_another_kind_are_not_known(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        crawl.run(site.watched(kind="forum"))

    assert [path for path in site.unchanged if not path.endswith(".png")] == []


def test_what_is_remembered_of_a_hit_says_nothing_of_anybody(tmp_path: Path) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, planted("/1.png"), remembers=True)
        crawl.run(site.watched())
        known = crawl.store.site_memory.recall("local", [site.url + path for path in ("/1.png", "/2.png")])

    assert {each.state for each in known.values()} == {State.CLEAR}


def test_a_picture_that_was_replaced_and_is_back_is_looked_at(tmp_path: Path) -> None:
    gallery = Gallery()
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, planted("/1.png"), remembers=True)
        crawl.run(site.watched())
        (hit,) = crawl.store.hit_log.all()
        gallery.bytes_of["/1.png"] = "a placeholder"
        (look,) = look_again(site.watched(), [RecheckTarget(hit=hit)], crawl.services())
        gallery.bytes_of.clear()
        again = asked(site, lambda: crawl.run(site.watched()))

    assert look.still_matches is False
    assert "/1.png" in again


# ------------------------------------------------------------------------------------------------- when something failed


def test_a_picture_that_an_error_of_ours_kept_from_being_looked_at_is_looked_at_in_the_next_pass(
    tmp_path: Path,
) -> None:
    with serve(Gallery(albums={"/a": ["/3.png"]})) as site:
        crawl = Crawl(tmp_path, planted("/3.png"), remembers=True)
        examine = crawl.examiner.examine

        def broken(_: bytes) -> Examination:
            raise ValueError("of ours")

        crawl.examiner.examine = broken  # type: ignore[method-assign, assignment]  # a bug that comes and goes
        for _ in range(3):
            with pytest.raises(ValueError, match="of ours"):
                crawl.run(site.watched())
        crawl.examiner.examine = examine  # type: ignore[method-assign]
        crawl.run(site.watched())  # takes the pass up, in which each picture has had its three attempts
        crawl.run(site.watched())

    assert [hit.image_url for hit in crawl.store.hit_log.all()] == [site.url + "/3.png"]


def test_a_start_page_that_failed_does_not_hide_the_pages_that_are_due(tmp_path: Path) -> None:
    failing = False

    def answers(path: str) -> Answer | None:
        if path == "/":
            return Answer("no", status=500) if failing else page("/a", "/b")
        return page(images=(f"{path}.png",)) if path in ("/a", "/b") else picture(path)

    with serve(answers) as site:
        crawl = Crawl(tmp_path, remembers=True, now=NOW)
        watched = site.watched(politeness=Politeness(delay_s=0.0, concurrency=4, every_s=86_400.0))
        crawl.run(watched)
        crawl.now, failing = NOW + 20 * DAY, True
        crawl.run(watched)  # asks for the start page alone, which fails, and is not due then for a while
        later = asked(site, lambda: crawl.run(watched, only_due=True))

    assert [path for path in later if not path.endswith(".png")] == ["/a", "/b"]


def test_a_canary_page_that_failed_once_has_its_picture_looked_at_in_the_pass_after(tmp_path: Path) -> None:
    failing = False

    def answers(path: str) -> Answer | None:
        if path == "/c":
            return Answer("no", status=500) if failing else page(images=("/canary.png",))
        if path in ("/", "/a"):
            return page("/a", "/c", images=("/canary.png",) if path == "/a" else ())
        return picture(path)

    with serve(answers) as site:
        crawl = Crawl(tmp_path, remembers=True)
        watched = site.watched(canary_page=site.url + "/c")
        crawl.run(watched)
        failing = True
        crawl.run(watched)
        failing = False
        again = asked(site, lambda: crawl.run(watched))

    assert "/canary.png" in again


def test_one_question_that_failed_does_not_cost_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())

        def away(_: str) -> bool:
            raise StoreUnavailable("the database is locked")

        monkeypatch.setattr(crawl.store.site_memory, "knows", away)
        again = asked(site, lambda: crawl.run(site.watched()))

    assert again == ["/", "/a", "/b"]


def test_a_page_that_is_read_by_a_new_reader_keeps_what_was_learned_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(Gallery()) as site:
        crawl = Crawl(tmp_path, remembers=True)
        crawl.run(site.watched())
        monkeypatch.setattr("crawler.memory.READER_VERSION", 99)
        crawl.run(site.watched())

        learned = json.loads(crawl.store.site_memory.learned("local")[site.url + "/a"])

    assert learned["visits"] == 2
