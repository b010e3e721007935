import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from time import sleep

import pytest

from core.errors import ConfigError, Conflict, NotAgreed, StoreUnavailable
from core.model import Added, Hit, Hours, Limits, Politeness, State, WatchedSite
from crawler.crawl import Progress, site_lock
from crawler.scheduler import PATIENCE_S
from crawler.turns import Turns
from crawler.under_way import SILENT_AT_MOST
from tests.crawler.local_site import PNG, Answer, LocalSite, number, page, picture, serve
from tests.crawler.planted import PERSON, Crawl, sha256


def small_gallery(path: str) -> Answer | None:
    """A start page, three albums of two pictures, one of which is in two albums, and a page that is not there."""
    pages = {
        "/": page("/album/1", "/album/2", "/album/3", "/gone"),
        "/album/1": page("/", images=("/1.png", "/2.png")),
        "/album/2": page("/", images=("/2.png", "/3.png")),
        "/album/3": page(
            "/", "https://elsewhere.example/x", images=("/4.png", "https://elsewhere.example/5.png", "/missing.png")
        ),
    }
    return pages.get(path) or (picture(path) if path in ("/1.png", "/2.png", "/3.png", "/4.png") else None)


def planted(*paths: str) -> list[bytes]:
    return [picture(path).body_bytes() for path in paths]


def test_every_url_met_ends_in_one_named_state(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)
        summary = crawl.run(site.watched())

    assert summary["pages"] == {"read": 4, "gone": 1, "out_of_scope": 1}
    assert summary["images"] == {"clear": 4, "gone": 1, "out_of_scope": 1}
    assert summary["urls"] == 12
    assert summary["finished"] is True
    assert summary["resumed"] is False
    assert json.loads(json.dumps(summary)) == summary
    assert sorted(site.asked) == [
        "/",
        "/1.png",
        "/2.png",
        "/3.png",
        "/4.png",
        "/album/1",
        "/album/2",
        "/album/3",
        "/gone",
        "/missing.png",
    ]
    assert site.robots_asked == 1


def test_each_picture_looked_at_is_one_line(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/3.png"))
        crawl.run(site.watched())

    lines = {line.image_url.removeprefix(site.url): line for line in crawl.lines}
    (hit,) = crawl.store.hit_log.all()
    assert {path: line.state for path, line in lines.items()} == {
        "/1.png": State.CLEAR,
        "/2.png": State.CLEAR,
        "/3.png": State.HIT,
        "/4.png": State.CLEAR,
        "/missing.png": State.GONE,
    }
    assert len(crawl.lines) == 5
    assert lines["/3.png"].hit == hit.id
    assert lines["/3.png"].page_url == site.url + "/album/2"
    assert lines["/3.png"].sha256 == sha256(planted("/3.png")[0])
    assert lines["/missing.png"].sha256 is None


def test_a_hit_knows_every_page_that_shows_it_and_is_fetched_once(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/2.png"))
        summary = crawl.run(site.watched())

    (hit,) = crawl.store.hit_log.all()
    assert set(hit.pages) == {site.url + "/album/1", site.url + "/album/2"}
    assert hit.person == PERSON
    assert hit.image_url == site.url + "/2.png"
    assert summary["hits"] == 1
    assert site.asked.count("/2.png") == 1


def test_a_page_read_long_after_the_hit_joins_its_pages(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        n = number(path)
        if path.endswith(".png"):
            return picture(path)
        return page(f"/p{n + 1}", images=("/x.png", f"/{n}.png")) if n < 30 else page(images=("/x.png",))

    with serve(answers) as site:
        crawl = Crawl(tmp_path, planted("/x.png"))
        crawl.run(site.watched(politeness=Politeness(delay_s=0.0, concurrency=1)))

    (hit,) = crawl.store.hit_log.all()
    assert len(hit.pages) == 31


def test_the_same_bytes_at_two_urls_are_two_hits(tmp_path: Path) -> None:
    same = PNG + b"same"

    def answers(path: str) -> Answer | None:
        return page(images=("/a.png", "/b.png")) if path == "/" else Answer(same, content_type="image/png")

    with serve(answers) as site:
        crawl = Crawl(tmp_path, [same])
        summary = crawl.run(site.watched())

    assert summary["hits"] == 2
    assert {hit.image_url for hit in crawl.store.hit_log.all()} == {site.url + "/a.png", site.url + "/b.png"}


def test_a_person_who_withdrew_gets_no_hit_even_from_an_examiner_that_still_knows_her(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/2.png"))
        crawl.store.people.withdraw(PERSON, datetime.now(UTC))
        summary = crawl.run(site.watched())

    assert list(crawl.store.hit_log.all()) == []
    assert summary["hits"] == 0
    assert summary["images"] == {"clear": 4, "gone": 1, "out_of_scope": 1}


def test_what_a_url_answers_with_counts_and_not_how_it_was_linked(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        return {
            "/": page("/full", "/empty", "/archive", images=("/page.png",)),
            "/full": picture("full"),
            "/page.png": page("/never"),
            "/empty": Answer(b""),
            "/archive": Answer(b"PK\x03\x04" + b"\0" * 40, content_type="application/zip"),
        }.get(path)

    with serve(answers) as site:
        crawl = Crawl(tmp_path, planted("full"))
        summary = crawl.run(site.watched())

    assert summary["pages"] == {"read": 2, "unsupported": 1}
    assert summary["images"] == {"hit": 1, "not_image": 1}
    (hit,) = crawl.store.hit_log.all()
    assert hit.page_url == site.url + "/"


def test_a_second_pass_starts_from_the_beginning_and_adds_no_hit_twice(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/2.png"))
        first = crawl.run(site.watched())
        second = crawl.run(site.watched())

    assert second["pass"] != first["pass"]
    assert second["urls"] == first["urls"]
    assert (first["hits"], second["hits"]) == (1, 0)
    assert len(crawl.store.site_book.passes("local")) == 2


def test_the_record_of_a_pass_is_kept(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/2.png"))
        summary = crawl.run(site.watched())

    (record,) = crawl.store.site_book.passes("local")
    assert record.id == summary["pass"]
    assert record.finished is not None
    assert record.images[State.HIT] == 1
    assert record.hits == 1
    assert record.byte_count == summary["bytes"]
    assert crawl.progress[-1].site == "local"


# -------------------------------------------------------------------------------------------------------------- limits


def long_chain(path: str) -> Answer | None:
    n = number(path)
    return picture(path) if path.endswith(".png") else page(f"/page/{n + 1}", images=(f"/{n}.png", f"/{n}b.png"))


def test_max_pages_bounds_one_call_and_ends_the_pass(tmp_path: Path) -> None:
    with serve(long_chain) as site:
        summary = Crawl(tmp_path).run(site.watched(), max_pages=7)

    assert summary["pages"] == {"read": 7, "over_limit": 1}
    assert summary["images"] == {"clear": 14}
    assert (summary["finished"], summary["stopped"]) == (False, "after 7 pages, as asked")
    assert len(site.pages_asked()) == 7


def test_a_pass_that_max_pages_cut_is_no_finished_look_and_the_next_call_starts_a_new_one(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)
        cut = crawl.run(site.watched(), max_pages=1)
        whole = crawl.run(site.watched(), max_pages=100)

    newest, before = crawl.store.site_book.passes("local", limit=2)
    assert (cut["finished"], whole["finished"], whole["resumed"], whole["stopped"]) == (False, True, False, None)
    assert (before.finished, before.stopped) == (None, "after 1 pages, as asked")
    assert (newest.finished is None, newest.stopped) == (False, "")


@pytest.mark.parametrize(
    ("limits", "asked"),
    [(Limits(max_pages=5), (5, 10)), (Limits(max_images=5, max_pages=9), (9, 5))],
    ids=["pages", "pictures"],
)
def test_the_limits_of_a_pass_hold(tmp_path: Path, limits: Limits, asked: tuple[int, int]) -> None:
    with serve(long_chain) as site:
        summary = Crawl(tmp_path).run(site.watched(limits=limits))

    assert (len(site.pages_asked()), len(site.asked) - len(site.pages_asked())) == asked
    assert summary["finished"] is True


def test_the_bytes_of_a_pass_are_bounded(tmp_path: Path) -> None:
    with serve(long_chain) as site:
        summary = Crawl(tmp_path).run(site.watched(limits=Limits(max_bytes=5_000)))

    assert 5_000 <= int(str(summary["bytes"])) < 10_000
    assert summary["finished"] is True


def test_a_dry_run_asks_for_the_start_pages_only_and_keeps_nothing(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/2.png"))
        summary = crawl.run(site.watched("/", "/album/1"), dry_run=True)

    assert sorted(site.asked) == ["/", "/album/1"]
    assert summary["pages"] == {"read": 2, "pending": 3}
    assert summary["images"] == {"pending": 2}
    assert summary["finished"] is False
    assert not (tmp_path / "frontier.sqlite3").exists()
    assert crawl.store.site_book.passes("local") == []


# ----------------------------------------------------------------------------------------------- agreement and manners


def test_without_an_agreement_nothing_is_asked_for(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, ended="the agreement ended yesterday")
        with pytest.raises(NotAgreed, match="ended yesterday"):
            crawl.run(site.watched())

    assert site.asked == []
    assert site.robots_asked == 0


def test_an_agreement_revoked_in_mid_pass_stops_it_and_the_rest_stays_pending(tmp_path: Path) -> None:
    with serve(long_chain) as site:
        crawl = Crawl(tmp_path)

        def answers(path: str) -> Answer | None:
            if path == "/page/5":
                crawl.ended = "the agreement was revoked"
            return long_chain(path)

        site.answers = answers
        summary = crawl.run(site.watched())

    assert summary["finished"] is False
    assert summary["stopped"] == "the agreement was revoked"
    assert "/page/6" not in site.asked
    assert isinstance(summary["pages"], dict)
    assert summary["pages"]["pending"] >= 1
    assert len(site.asked) - site.asked.index("/page/5") <= 4


def test_outside_its_hours_a_site_is_not_asked_and_the_pass_waits(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
        night = site.watched(politeness=Politeness(delay_s=0.0, hours=Hours(opens=time(22), closes=time(6))))
        by_day = crawl.run(night)
        asked_by_day = [*site.asked]
        crawl.now = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
        by_night = crawl.run(night)

    assert asked_by_day == []
    assert site.robots_asked == 1
    assert (by_day["finished"], by_day["pages"]) == (False, {"pending": 1})
    assert (by_night["finished"], by_night["resumed"], by_night["pass"]) == (True, True, by_day["pass"])


def test_robots_txt_is_obeyed_and_what_it_forbids_is_named(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        site.robots = Answer("User-agent: Stillwatch\nDisallow: /album/2", content_type="text/plain")
        summary = Crawl(tmp_path).run(site.watched())

    assert "/album/2" not in site.asked
    assert isinstance(summary["pages"], dict)
    assert summary["pages"]["robots"] == 1


def test_a_robots_txt_that_cannot_be_read_means_that_nothing_is_asked(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        site.robots = Answer(status=500)
        summary = Crawl(tmp_path).run(site.watched())

    assert site.asked == []
    assert summary["pages"] == {"robots_unread": 1}


def test_turns_at_one_host_are_a_delay_apart_and_hosts_do_not_wait_for_each_other() -> None:
    turns = Turns()

    waits = [
        turns.wait_s("one", 10.0, 0.5),
        turns.wait_s("one", 10.0, 0.5),
        turns.wait_s("one", 10.2, 2.0),
        turns.wait_s("one", 11.0, 2.0),
    ]

    assert waits == pytest.approx([0.5, 1.0, 1.3, 2.5])
    assert turns.wait_s("other", 11.0, 0.5) == pytest.approx(0.5)
    assert turns.wait_s("other", 99.0, 0.5) == 0.0


def test_no_more_requests_are_under_way_at_a_host_than_agreed(tmp_path: Path) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    class Counting:
        """Counts from the request's arrival to the examination of its answer, which is when it is settled."""

        def __init__(self, crawl: Crawl) -> None:
            self._crawl = crawl

        def examine(self, image_bytes: bytes) -> object:
            nonlocal busy
            with lock:
                busy -= 1
            return self._crawl.examiner.examine(image_bytes)

    def answers(path: str) -> Answer | None:
        nonlocal busy, most
        if path.endswith(".png"):
            with lock:
                busy += 1
                most = max(most, busy)
            return picture(path)
        return page(images=tuple(f"/{n}.png" for n in range(60)))

    with serve(answers) as site:
        crawl = Crawl(tmp_path)
        crawl_services = crawl.services
        crawl.services = lambda: replace(crawl_services(), examiner=Counting(crawl))  # type: ignore[method-assign, arg-type]  # examines all the same
        summary = crawl.run(site.watched(politeness=Politeness(delay_s=0.0, concurrency=3)))

    assert summary["images"] == {"clear": 60}
    assert 1 <= most <= 3


def test_a_busy_site_gets_its_pause_and_is_asked_again(tmp_path: Path) -> None:
    refused: list[str] = []

    def answers(path: str) -> Answer | None:
        if path == "/album/2" and len(refused) < 2:
            refused.append(path)
            return Answer(status=503 if len(refused) == 1 else 429, headers={"Retry-After": "60"})
        return small_gallery(path)

    with serve(answers) as site:
        crawl = Crawl(tmp_path, now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
        at_standstill: list[list[str]] = []

        def a_minute_later(progress: Progress) -> None:
            at_standstill.append([*site.asked])
            crawl.now = datetime(2026, 11, 23, 12, len(at_standstill), tzinfo=UTC)

        crawl.each_second = a_minute_later
        summary = crawl.run(site.watched(politeness=Politeness(delay_s=0.0, concurrency=1)))

    assert site.asked.count("/album/2") == 3
    assert {asked[-1] for asked in at_standstill[1:] if asked.count("/album/2") < 3} == {"/album/2"}
    assert summary["pages"] == {"read": 4, "gone": 1, "out_of_scope": 1}


def test_a_url_that_is_busy_three_times_ends_as_an_error_and_not_as_gone(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        return Answer(status=503, headers={"Retry-After": "0"}) if path == "/album/2" else small_gallery(path)

    with serve(answers) as site:
        summary = Crawl(tmp_path).run(site.watched())

    assert site.asked.count("/album/2") == 3
    assert isinstance(summary["pages"], dict)
    assert summary["pages"]["http_error"] == 1


def test_a_site_that_wants_to_be_left_alone_for_long_is_left_alone_by_the_next_call_too(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        return (
            Answer(status=429, headers={"Retry-After": str(int(PATIENCE_S) + 60)})
            if path == "/album/2"
            else small_gallery(path)
        )

    with serve(answers) as site:
        crawl = Crawl(tmp_path)
        one_at_a_time = site.watched(politeness=Politeness(delay_s=0.0, concurrency=1))
        first = crawl.run(one_at_a_time)
        asked = [*site.asked]
        second = crawl.run(one_at_a_time)

    assert first["finished"] is False
    assert isinstance(first["pages"], dict)
    assert first["pages"]["pending"] >= 1
    assert asked[-1] == "/album/2"
    assert site.asked == asked
    assert second["pass"] == first["pass"]


def test_a_host_that_answers_nothing_is_given_up_after_a_while(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        return page(images=tuple(f"http://127.0.0.1:9/{n}.png" for n in range(200))) if path == "/" else None

    with serve(answers) as site:
        without_robots = Politeness(delay_s=0.0, robots="agreed")
        crawl = Crawl(tmp_path)
        summary = crawl.run(site.watched(image_hosts=("127.0.0.1:9",), politeness=without_robots))

    assert summary["images"] == {"unreachable": 200}
    assert SILENT_AT_MOST <= len(crawl.lines) < 2 * SILENT_AT_MOST
    assert summary["finished"] is True


# ------------------------------------------------------------------------------------------------- ends and beginnings


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_cleanly_and_the_next_call_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)

        def answers(path: str) -> Answer | None:
            if path == "/album/1":
                os.kill(os.getpid(), number)
                sleep(0.5)  # so that this very page is under way when the crawl stops
            return small_gallery(path)

        site.answers = answers
        before = signal.getsignal(number)
        first = crawl.run(site.watched())
        site.answers = small_gallery
        second = crawl.run(site.watched())

    assert (first["finished"], first["stopped"]) == (False, "asked to stop")
    assert isinstance(first["pages"], dict)
    assert first["pages"]["pending"] >= 1
    assert second["finished"] is True
    assert second["pages"] == {"read": 4, "gone": 1, "out_of_scope": 1}
    assert signal.getsignal(number) == before


def test_a_hit_log_that_is_away_breaks_the_pass_off_and_loses_nothing(tmp_path: Path) -> None:
    class Away:
        """A hit log whose database is gone."""

        def add(self, _: Hit) -> Added:
            raise StoreUnavailable("database: no answer; is it running?")

    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path, planted("/2.png"))
        services = crawl.services()
        crawl.services = lambda: replace(services, hit_log=Away())  # type: ignore[method-assign, arg-type]  # only add is reached
        with pytest.raises(StoreUnavailable, match="is it running"):
            crawl.run(site.watched())
        crawl.services = lambda: services  # type: ignore[method-assign]  # it is back
        summary = crawl.run(site.watched())

    assert summary["resumed"] is True
    assert summary["hits"] == 1
    assert summary["finished"] is True
    assert summary["images"] == {"hit": 1, "clear": 3, "gone": 1, "out_of_scope": 1}


def test_a_picture_that_breaks_the_examiner_is_left_alone_after_the_third_time(tmp_path: Path) -> None:
    class Breaks:
        def __init__(self, crawl: Crawl) -> None:
            self._crawl = crawl

        def examine(self, image_bytes: bytes) -> object:
            if image_bytes == planted("/3.png")[0]:
                raise ZeroDivisionError
            return self._crawl.examiner.examine(image_bytes)

    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)
        services = crawl.services()
        crawl.services = lambda: replace(services, examiner=Breaks(crawl))  # type: ignore[method-assign, arg-type]  # as above
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                crawl.run(site.watched())
        summary = crawl.run(site.watched())

    assert site.asked.count("/3.png") == 3
    assert isinstance(summary["images"], dict)
    assert summary["images"]["broken"] == 1
    assert summary["finished"] is True


def test_one_process_crawls_a_site_at_a_time(tmp_path: Path, locked_elsewhere: Callable[[Path, str], None]) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)
        locked_elsewhere(crawl.services().lock_folder, "local")
        with pytest.raises(Conflict, match="another process"):
            crawl.run(site.watched())

    assert site.asked == []


def test_whoever_holds_the_lock_of_a_site_may_crawl_it(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)
        with site_lock(crawl.services().lock_folder, "local", wait=False):
            summary = crawl.run(site.watched())

    assert summary["finished"] is True


def test_an_unknown_kind_of_site_names_the_known_ones(tmp_path: Path) -> None:
    with serve(small_gallery) as site, pytest.raises(ConfigError, match="known kinds: gallery"):
        Crawl(tmp_path).run(site.watched(kind="galery"))


def test_a_crawl_outside_the_main_thread_works_too(tmp_path: Path) -> None:
    summaries: list[dict[str, object]] = []
    with serve(small_gallery) as site:
        thread = threading.Thread(target=lambda: summaries.append(Crawl(tmp_path).run(site.watched())))
        thread.start()
        thread.join()

    assert summaries[0]["finished"] is True


# ------------------------------------------------------------------------------------------------------------- privacy


def test_no_url_and_no_hash_reaches_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serve(small_gallery) as site:
        Crawl(tmp_path, planted("/2.png")).run(site.watched())

    digest = sha256(planted("/2.png")[0])
    assert caplog.records
    assert not [
        record for record in caplog.records if any(word in record.getMessage() for word in ("/album", ".png", digest))
    ]


def test_no_picture_touches_the_disk(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        Crawl(tmp_path, planted("/2.png")).run(site.watched())

    for path in tmp_path.rglob("*"):
        assert path.is_dir() or PNG not in path.read_bytes()


def test_examining_never_happens_in_the_loop(tmp_path: Path) -> None:
    with serve(small_gallery) as site:
        crawl = Crawl(tmp_path)
        crawl.run(site.watched())

    assert crawl.examiner.threads
    assert all(name.startswith("examiner") for name in crawl.examiner.threads)


def test_two_sites_can_be_crawled_by_one_process(tmp_path: Path) -> None:
    def names(site: LocalSite, name: str) -> WatchedSite:
        return site.watched(name=name)

    with serve(small_gallery) as one, serve(small_gallery) as two:
        crawl = Crawl(tmp_path)
        summaries = [crawl.run(names(one, "one")), crawl.run(names(two, "two"))]

    assert [summary["urls"] for summary in summaries] == [12, 12]


def test_a_page_that_names_more_than_is_kept_of_one_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.links.MOST_PAGES", 2)
    with serve(small_gallery) as site:
        summary = Crawl(tmp_path).run(site.watched())

    assert summary["cut_pages"] == 1
