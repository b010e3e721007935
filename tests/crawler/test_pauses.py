"""A host that wants a pause has it from everybody, with a real frontier."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.model import State
from crawler.fetch import NotFetched
from crawler.frontier_sqlite import SqliteFrontier
from crawler.pauses import BUSY_S, keeping_pauses
from crawler.scope import Wanted
from tests.crawler.wire import run

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
URL = "https://site.example/a"


def asked(frontier: SqliteFrontier, outcome: NotFetched) -> tuple[list[str], NotFetched]:
    """Which URLs were asked for, and what came of it."""
    urls: list[str] = []

    async def ask(url: str, _: Wanted) -> NotFetched:
        urls.append(url)
        return outcome

    async def found() -> NotFetched:
        outcome = await keeping_pauses(ask, "site", frontier, lambda: NOW)(URL, Wanted.PART)
        assert isinstance(outcome, NotFetched)
        return outcome

    return urls, run(found())


@pytest.mark.parametrize(
    ("status", "retry_after_s", "wall", "pause_s"),
    [
        (429, 90.0, False, 90.0),
        (503, 90.0, False, 90.0),
        (429, None, False, BUSY_S),
        (503, None, False, None),
        (403, 90.0, True, 90.0),
        (404, 90.0, False, None),
        (None, None, False, None),
    ],
)
def test_a_pause_that_a_host_asks_for_is_noted_for_all(
    status: int | None, retry_after_s: float | None, wall: bool, pause_s: float | None, tmp_path: Path
) -> None:
    answer = NotFetched(
        url=URL, state=State.HTTP_ERROR, reason="", status=status, retry_after_s=retry_after_s, wall=wall
    )
    with SqliteFrontier(tmp_path / "frontier") as frontier:
        urls, found = asked(frontier, answer)
        until = frontier.paused_until("site", "site.example")

    assert (urls, found) == ([URL], answer)
    assert until == (0.0 if pause_s is None else NOW.timestamp() + pause_s)


def test_a_host_that_wants_a_pause_is_not_asked_until_its_end(tmp_path: Path) -> None:
    gone = NotFetched(url=URL, state=State.GONE, reason="", status=404)
    with SqliteFrontier(tmp_path / "frontier") as frontier:
        frontier.pause("site", "site.example", NOW.timestamp() + 60)
        urls, found = asked(frontier, gone)
        frontier.pause("other", "site.example", NOW.timestamp() + 60)

        assert (urls, found.state, found.retry_after_s) == ([], State.PENDING, 60.0)

    with SqliteFrontier(tmp_path / "another") as frontier:
        frontier.pause("site", "site.example", NOW.timestamp())

        assert asked(frontier, gone) == ([URL], gone)
