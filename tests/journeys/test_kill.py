"""kill -9 of the crawler and of the desk at 20 random moments of the journey: nothing lost, nothing done twice."""

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stillwatch.demo.commands import Commands
from stillwatch.demo.mail_sink import MailSink
from stillwatch.demo.site import DemoSite, site_toml
from tests.journeys.folders import installation, strays

pytestmark = pytest.mark.timeout(500)

CRAWL = ("crawl", "--once", "--json")
DESK = ("worker", "desk")
KILLS_WHILE_CRAWLING, KILLS_WHILE_SENDING = 14, 6
LONGEST_LIFE_S = 3.0  # of which the start of a process takes some
PICTURES = 320  # a longer pass than the demo's, so that 20 moments lie apart
MOST_FETCHED_AGAIN = 0.05


@dataclass(frozen=True)
class Outcome:
    """What a journey came to."""

    summary: dict[str, object]
    hits: list[str]  # paths
    alerts: list[dict[str, object]]
    cases: list[dict[str, object]]
    asked: dict[str, int]
    letters: int


def paths(urls: list[str], site: DemoSite) -> list[str]:
    return sorted(url.removeprefix(site.url) for url in urls)


@contextmanager
def scene(folder: Path) -> Iterator[tuple[DemoSite, MailSink, Commands]]:
    with DemoSite(pictures=PICTURES) as site, MailSink() as sink:
        yield site, sink, installation(folder, "demo", site_toml(site.port), {"STILLWATCH_MAIL_URL": sink.url})


def outcome(site: DemoSite, sink: MailSink, do: Commands, summary: object) -> Outcome:
    return Outcome(
        summary=json.loads(json.dumps(summary)),
        hits=paths([str(hit["image_url"]) for hit in do.run("hit", "list", "--json")], site),
        alerts=do.run("alert", "list", "--json"),
        cases=do.run("case", "list", "--json"),
        asked={path: count for path, count in site.counts().items() if not path.startswith("/calendar")},
        letters=len(sink.delivered),
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with scene(tmp_path_factory.mktemp("undisturbed")) as (site, sink, do):
        summary = do.run(*CRAWL)[-1]["summary"]
        do.run(*DESK, "--once")
        do.run("case", "approve", str(do.run("case", "list", "--json")[0]["id"]), "--as", "a test")
        do.run(*DESK, "--once")
        return outcome(site, sink, do, summary)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("killed")
    seed = int(os.environ.get("STILLWATCH_TEST_SEED", secrets.randbelow(2**32)))
    print(f"the moments of this run: STILLWATCH_TEST_SEED={seed}")  # noqa: T201  # shown with a failure
    dice = random.Random(seed)  # nothing secret hangs on it
    with scene(folder) as (site, sink, do):
        crawler, desk, crawls = start(do, CRAWL), start(do, DESK), 1
        for _ in range(KILLS_WHILE_CRAWLING):
            time.sleep(dice.uniform(0, LONGEST_LIFE_S))
            # A pass that has ended is not begun again: that would fetch everything once more, as it should.
            if dice.random() < 0.7 and crawler.poll() is None:
                kill(crawler)
                crawler, crawls = start(do, CRAWL), crawls + 1
            else:
                kill(desk)
                desk = start(do, DESK)
        assert crawler.wait(timeout=120) == 0
        summary = json.loads(crawled(do).splitlines()[-1])["summary"]
        print(f"the pass took {crawls} processes")  # noqa: T201  # shown with a failure
        kill(desk)
        do.run(*DESK, "--once")
        do.run("case", "approve", str(do.run("case", "list", "--json")[0]["id"]), "--as", "a test")
        for _ in range(KILLS_WHILE_SENDING):
            desk = start(do, DESK)
            time.sleep(dice.uniform(0, LONGEST_LIFE_S / 2))
            kill(desk)
        do.run(*DESK, "--once")
        ended = outcome(site, sink, do, summary)
    assert strays(folder) == []
    return ended


def start(do: Commands, arguments: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    with do.log.open("ab") as log, (do.home / f"{arguments[0]}.out").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "stillwatch", *arguments], env=do.environ, stdout=output, stderr=log
        )


def crawled(do: Commands) -> str:
    return (do.home / "crawl.out").read_text(encoding="utf-8")


def kill(child: "subprocess.Popen[bytes]") -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


def test_no_url_is_lost(killed: Outcome, undisturbed: Outcome) -> None:
    assert set(undisturbed.asked) - set(killed.asked) == set()
    assert killed.summary["images"] == undisturbed.summary["images"]
    assert killed.summary["pages"] == undisturbed.summary["pages"]


def test_no_hit_is_lost_and_none_is_there_twice(killed: Outcome, undisturbed: Outcome) -> None:
    assert killed.hits == undisturbed.hits
    assert len(set(killed.hits)) == len(killed.hits) > 70


def test_there_is_one_alert_for_all_of_it(killed: Outcome, undisturbed: Outcome) -> None:
    (alert,) = killed.alerts
    (reference,) = undisturbed.alerts
    assert isinstance(alert["hits"], list)
    assert isinstance(reference["hits"], list)

    assert len(set(alert["hits"])) == len(alert["hits"]) == len(reference["hits"])


def test_there_is_one_case_with_every_location(killed: Outcome, undisturbed: Outcome) -> None:
    (case,) = killed.cases
    (reference,) = undisturbed.cases

    assert len(locations(case)) == len(locations(reference)) == len(killed.hits)
    assert len(set(locations(case))) == len(locations(case))


def test_the_letter_leaves_once_or_is_left_to_a_person(killed: Outcome, undisturbed: Outcome) -> None:
    (notice,) = notices(killed.cases[0])

    assert undisturbed.letters == 1
    assert (killed.letters, notice["status"]) in ((1, "sent"), (1, "unconfirmed"), (0, "unconfirmed"))


def test_hardly_anything_is_fetched_again(killed: Outcome) -> None:
    asked = {path: count for path, count in killed.asked.items() if path != "/robots.txt"}
    again = sum(asked.values()) - len(asked)

    print(f"{again} of {len(asked)} addresses fetched again")  # noqa: T201  # shown with a failure
    assert again <= MOST_FETCHED_AGAIN * len(asked)


def locations(case: dict[str, object]) -> list[str]:
    rows = case["locations"]
    assert isinstance(rows, list)
    return [row["url"] for row in rows]


def notices(case: dict[str, object]) -> list[dict[str, object]]:
    rows = case["notices"]
    assert isinstance(rows, list)
    return rows
