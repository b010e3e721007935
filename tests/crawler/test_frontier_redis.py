"""What only the frontier in Redis does, and that it does what the one in a file does. The rest is in tests/contracts/test_frontier.py."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from core.errors import StoreUnavailable
from core.model import State
from crawler.frontier import Found, Frontier, Leased, Pass, What
from crawler.frontier_redis import PREFIX, RedisFrontier
from crawler.frontier_sqlite import SqliteFrontier
from tests.contracts.test_frontier import ALL, NOW, START, image, lease, page, read, urls
from tests.contracts.waiting import until
from tests.crawler.shared_frontier import redis_frontier
from tests.engines import free_port


@pytest.fixture
def server(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url, decode_responses=True) as server:
        yield server


@pytest.fixture
def frontier(redis_url: str) -> Iterator[RedisFrontier]:
    with redis_frontier(redis_url) as frontier:
        yield frontier


@pytest.fixture
def worker(frontier: RedisFrontier) -> Iterator[str]:
    with frontier.worker() as name:
        yield name


# ----------------------------------------------------------------------------------------------- as the one in a file


SITES, STEPS = 4, 350


class Site:
    """Galleries, calendars that lead to themselves, mazes and menus, drawn by chance; the same for whoever asks."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._chance = random.Random(seed)
        self.rate = [0.0, 0.01, 0.03, 0.3][
            seed % 4
        ]  # of pages that bring a picture in one way or another; else they are traps
        self.kinds = self._chance.sample(["cal", "album", "thread", "maze", "tag"], 3)

    def links(self, url: str) -> list[Found]:
        chance = random.Random(f"{self._seed} {url}")
        found = [image("logo.png"), page("about")]
        if chance.random() < self.rate:
            found.append(image(f"{chance.randrange(300)}.jpg"))
        for _ in range(chance.randrange(1, 9)):
            kind = chance.choice(self.kinds)
            # A site whose API says of each seventh page that its list goes on there
            goes_on = self._seed == 2 and chance.random() < 0.15
            found.append(page(f"{kind}/{chance.randrange(400)}")._replace(following=goes_on))
        if chance.random() < self.rate / 3:
            found.append(image(f"{chance.choice(self.kinds)}/{chance.randrange(400)}"))  # a page shown as a picture
        if chance.random() < 0.1:
            found.append(Found(What.PAGE, f"https://else.example/{chance.randrange(50)}", State.OUT_OF_SCOPE))
        if chance.random() < self.rate / 4:  # looked at in an earlier pass
            n = chance.randrange(60)
            hits = (f"k{n}",) if n % 5 == 0 else ()
            state = State.HIT if hits else State.CLEAR
            query = chance.choice(("", "", f"?{chance.randrange(3)}"))
            found.append(Found(What.IMAGE, f"https://site.example/known/{n}.jpg{query}", state, known=True, hits=hits))
        if chance.random() < self.rate / 8:
            found.append(chance.choice((image, page))(f"known/{chance.randrange(60)}.jpg"))
        if chance.random() < self.rate:
            found.append(Found(What.IMAGE, f"https://cdn.example/{chance.randrange(50)}.jpg"))
        chance.shuffle(found)
        return found


def settle(frontier: Frontier, current: Pass, leased: Leased, site: Site, kind: float) -> str:
    """Ends a URL, or gives it back, the same way for the same numbers. Returns what had to be told first."""
    if kind < 0.04:
        frontier.give_back(current.id, leased.url, due=kind * 1_000, counted=True)
        return "given back"
    hits = [f"h{leased.url[-5:]}"] if leased.what is What.IMAGE and leased.url.endswith("7.jpg") else []
    looked = {What.IMAGE: State.HIT if hits else State.CLEAR, What.PAGE: State.READ}
    state = looked[leased.what] if kind < 0.95 else State.GONE
    children = site.links(leased.url) if state is State.READ else []
    told: list[str] = []
    untold: Sequence[str] = ["something"]
    while untold:
        untold = frontier.finish(
            current.id,
            leased.url,
            state,
            what=leased.what,
            byte_count=7,
            hits=hits if state is State.HIT else (),
            new_hits=len(hits),
            children=children,
            told=told,
        )
        told += untold
    return f"{leased.url} {sorted(set(told))}"


@pytest.mark.parametrize("seed", range(SITES))
def test_both_frontiers_lease_the_same_urls_in_the_same_order_and_count_the_same(
    frontier: RedisFrontier, tmp_path: Path, seed: int
) -> None:
    site, chance = Site(seed), random.Random(seed)
    with SqliteFrontier(tmp_path / "frontier.sqlite3") as file, ExitStack() as stack:
        both: Sequence[Frontier] = (file, frontier)
        workers = [stack.enter_context(each.worker()) for each in both]
        passes = [each.begin("site", [*START, page("cal/1")], NOW) for each in both]
        under_way: list[Leased] = []
        now = 0.0
        for step in range(STEPS):
            now += 1
            leased = [
                each.lease(
                    current.id,
                    worker,
                    per_host=3 + chance_of_step,
                    under_way=Counter(each.host for each in under_way),
                    at_most={What.PAGE: 2, What.IMAGE: 3},
                    now=now,
                    of_pass={What.PAGE: 350},
                )
                for chance_of_step in [chance.randrange(9)]
                for each, worker, current in zip(both, workers, passes, strict=True)
            ]
            assert urls(leased[0]) == urls(leased[1]), f"step {step}"
            assert list(leased[0]) == list(leased[1])
            under_way += leased[0]
            chance.shuffle(under_way)
            for _ in range(chance.randrange(1, 4)):
                if under_way:
                    ended, kind = under_way.pop(), chance.random()
                    told = [
                        settle(each, current, ended, site, kind) for each, current in zip(both, passes, strict=True)
                    ]
                    assert told[0] == told[1]
            if step % 50 == 49:
                ended_unasked = [
                    each.end_waiting(current.id, State.TIMEOUT, host="cdn.example")
                    for each, current in zip(both, passes, strict=True)
                ]
                assert ended_unasked[0] == ended_unasked[1]
            counts = [each.tally(current.id) for each, current in zip(both, passes, strict=True)]
            assert counts[0].counts == counts[1].counts, f"step {step}"
            assert counts[0] == counts[1]
            waits = [each.next_due(current.id) is None for each, current in zip(both, passes, strict=True)]
            assert waits[0] == waits[1]
        shown = [
            [
                list(each.pages_showing(current.id, f"https://site.example/{name}"))
                for name in ("logo.png", "7.jpg", "17.jpg")
            ]
            for each, current in zip(both, passes, strict=True)
        ]
        assert shown[0] == shown[1]
        traps = file.tally(passes[0].id).counts.get((What.PAGE, State.TRAP), 0)
        assert traps > 0 or site.rate > 0.02  # else this compared less than it says


# ------------------------------------------------------------------------------------------------------ several workers

# One worker of several: asks for everything there is, as long as the pass goes on, and writes each URL down before it is settled.
WORK = """
import sys, time
from pathlib import Path
from core.model import State
from crawler.frontier import Found, What
from tests.crawler.shared_frontier import redis_frontier

url, pass_id, ledger, per_host, ttl_s = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
PAGES, PICTURES = 40, 10

def children(url):
    n = int(url.rpartition("/")[2])
    further = [Found(What.PAGE, f"https://site.example/page/{m}") for m in (2 * n, 2 * n + 1) if m < PAGES]
    return further + [Found(What.IMAGE, f"https://site.example/{n}/{each}.jpg") for each in range(PICTURES)]

with redis_frontier(url, ttl_s=ttl_s, renewed_every_s=ttl_s / 5) as frontier, frontier.worker() as worker, ledger.open("a") as asked:
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        leased = frontier.lease(pass_id, worker, per_host=per_host, under_way={}, at_most={What.PAGE: 9, What.IMAGE: 9}, now=0.0)
        for each in leased:
            asked.write(each.url + "\\n")
            asked.flush()
        for each in leased:
            is_page = each.what is What.PAGE
            state = State.READ if is_page else State.CLEAR
            frontier.finish(pass_id, each.url, state, what=each.what, children=children(each.url) if is_page else ())
        if not leased and frontier.next_due(pass_id) is None:
            break
        time.sleep(0.005)
"""
EVERY = 39 + 39 * 10
FIRST = [page("page/1")]


@contextmanager
def workers(
    redis_url: str, current: Pass, folder: Path, *, count: int, per_host: int = 4, ttl_s: float = 1.0
) -> Iterator[list["subprocess.Popen[str]"]]:
    with ExitStack() as stack:
        started = []
        for n in range(count):
            arguments = [redis_url, current.id, str(folder / f"asked-{n}"), str(per_host), str(ttl_s)]
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WORK, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.kill)
            started.append(process)
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started


def asked_for(folder: Path) -> list[list[str]]:
    return [path.read_text().splitlines() for path in sorted(folder.glob("asked-*"))]


def test_two_workers_share_a_pass_and_each_url_is_asked_for_once(
    frontier: RedisFrontier, redis_url: str, tmp_path: Path
) -> None:
    current = frontier.begin("site", FIRST, NOW)
    with workers(redis_url, current, tmp_path, count=2) as processes:
        ended = [process.wait() for process in processes]
    shares = asked_for(tmp_path)

    assert ended == [0, 0]
    assert all(shares)
    assert sum(map(len, shares)) == len({url for share in shares for url in share}) == EVERY
    assert frontier.next_due(current.id) is None
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 39}
    assert frontier.tally(current.id).of(What.IMAGE) == {State.CLEAR: 390}


def test_a_worker_killed_in_the_middle_loses_nothing_and_only_its_leases_are_asked_for_again(
    frontier: RedisFrontier, redis_url: str, tmp_path: Path
) -> None:
    current = frontier.begin("site", FIRST, NOW)
    with workers(redis_url, current, tmp_path, count=3, per_host=6) as processes:
        until(lambda: len(asked_for(tmp_path)[0]) > 20)
        processes[0].kill()
        ended = [process.wait() for process in processes]
    counted = Counter(url for share in asked_for(tmp_path) for url in share)

    assert ended[1:] == [0, 0]
    assert len(counted) == EVERY
    assert max(counted.values()) <= 2
    assert sum(n > 1 for n in counted.values()) <= 6
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 39}
    assert frontier.tally(current.id).of(What.IMAGE) == {State.CLEAR: 390}


def test_all_workers_together_have_no_more_under_way_at_a_host_than_agreed(
    frontier: RedisFrontier, redis_url: str, worker: str
) -> None:
    current = frontier.begin("site", [image(f"{n}.jpg") for n in range(9)], NOW)
    with redis_frontier(redis_url) as there, there.worker() as other:
        first = lease(frontier, current, worker, per_host=4)
        none_left = lease(there, current, other, per_host=4)
        frontier.finish(current.id, first[0].url, State.CLEAR, what=What.IMAGE)
        one_more = lease(there, current, other, per_host=4)

    assert len(first) == 4
    assert not none_left
    assert urls(one_more) == ["4.jpg"]


def test_whoever_comes_later_gets_a_share_of_a_host(frontier: RedisFrontier, redis_url: str, worker: str) -> None:
    current = frontier.begin("site", [image(f"{n}.jpg") for n in range(20)], NOW)
    with redis_frontier(redis_url) as there, there.worker() as other:
        first = lease(frontier, current, worker, per_host=4)
        none_left = lease(there, current, other, per_host=4)
        for each in first[:3]:
            frontier.finish(current.id, each.url, State.CLEAR, what=What.IMAGE)
        of_two = [len(lease(*each, per_host=4)) for each in [(frontier, current, worker), (there, current, other)]]
    alone_again = lease(frontier, current, worker, per_host=4)

    assert (len(first), len(none_left)) == (4, 0)
    assert of_two == [1, 2]
    assert len(alone_again) == 2


def test_the_limits_of_a_pass_hold_for_all_workers_together(
    frontier: RedisFrontier, redis_url: str, worker: str
) -> None:
    current = frontier.begin("site", [page(f"{n}x") for n in range(9)], NOW)
    with redis_frontier(redis_url) as there, there.worker() as other:
        first, second, third = (
            each.lease(current.id, name, per_host=per_host, under_way={}, at_most=ALL, now=0.0, of_pass={What.PAGE: 3})
            for each, name, per_host in [(frontier, worker, 2), (there, other, 9), (frontier, worker, 9)]
        )

    assert urls(first) == ["0x", "1x"]
    assert urls(second) == ["2x"]
    assert not third


def test_a_pass_does_not_end_while_another_has_something_that_may_bring_more(
    frontier: RedisFrontier, redis_url: str
) -> None:
    current = frontier.begin("site", START, NOW)
    with redis_frontier(redis_url) as there, there.worker() as other:
        lease(there, current, other)
        while_it_works = frontier.next_due(current.id)
        for_itself = there.next_due(current.id)
        read(there, current, "https://site.example/")

    assert while_it_works == 0.0
    assert for_itself is None
    assert frontier.next_due(current.id) is None


# ----------------------------------------------------------------------------------------- a worker that was away for long


def away(server: Redis, worker: str) -> None:
    """As if its machine had been paused for longer than a worker may be silent."""
    server.delete(f"{PREFIX}worker:{worker}")


@pytest.fixture
def paused(redis_url: str) -> Iterator[tuple[RedisFrontier, str]]:
    """A worker whose heart beats too seldom to undo what a test does to its key."""
    with redis_frontier(redis_url, renewed_every_s=3_600) as frontier, frontier.worker() as worker:
        yield frontier, worker


def test_what_a_worker_that_was_away_brings_counts_though_another_had_it_meanwhile(
    frontier: RedisFrontier, worker: str, server: Redis, paused: tuple[RedisFrontier, str]
) -> None:
    away_frontier, away_worker = paused
    current = frontier.begin("site", START, NOW)
    lease(away_frontier, current, away_worker)
    away(server, away_worker)
    again = lease(frontier, current, worker)

    read(away_frontier, current, "https://site.example/", page("a"), image("b.jpg"))
    read(frontier, current, "https://site.example/", page("a"), page("c"), image("b.jpg"))

    assert urls(again) == [""]
    assert urls(lease(frontier, current, worker)) == ["b.jpg", "a", "c"]
    assert frontier.tally(current.id).of(What.PAGE) == {State.READ: 1, State.PENDING: 2}


def test_a_hit_stays_one_when_a_worker_that_was_away_could_not_see_it(
    frontier: RedisFrontier, worker: str, server: Redis, paused: tuple[RedisFrontier, str]
) -> None:
    away_frontier, away_worker = paused
    picture = "https://site.example/p.jpg"
    current = frontier.begin("site", [page("1x"), page("2x"), image("p.jpg")], NOW)
    lease(away_frontier, current, away_worker)
    away(server, away_worker)
    lease(frontier, current, worker)
    frontier.finish(current.id, picture, State.HIT, what=What.IMAGE, hits=["h"], told=[picture])

    away_frontier.finish(current.id, picture, State.TIMEOUT, what=What.IMAGE)

    assert frontier.tally(current.id).of(What.IMAGE) == {State.HIT: 1}
    assert frontier.finish(
        current.id, "https://site.example/1x", State.READ, what=What.PAGE, children=[image("p.jpg")]
    ) == ["h"]


def test_a_worker_that_was_away_takes_nothing_from_whoever_has_it_now(
    frontier: RedisFrontier, worker: str, server: Redis, paused: tuple[RedisFrontier, str]
) -> None:
    away_frontier, away_worker = paused
    current = frontier.begin("site", START, NOW)
    lease(away_frontier, current, away_worker)
    away(server, away_worker)
    lease(frontier, current, worker)

    away_frontier.give_back(current.id, "https://site.example/", due=0.0, counted=True)
    away_frontier.release(away_worker)

    assert lease(away_frontier, current, away_worker) == []


def test_a_worker_that_was_away_says_so_and_is_alive_again(
    redis_url: str, server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_frontier(redis_url, renewed_every_s=0.01) as frontier, frontier.worker() as worker:
        away(server, worker)
        until(lambda: server.exists(f"{PREFIX}worker:{worker}") == 1)
        until(lambda: "frontier.worker_was_away" in caplog.messages)


def test_a_worker_that_was_away_past_the_end_of_the_pass_ends_without_an_error(
    frontier: RedisFrontier, server: Redis, paused: tuple[RedisFrontier, str]
) -> None:
    away_frontier, away_worker = paused
    current = frontier.begin("site", START, NOW)
    lease(away_frontier, current, away_worker)
    frontier.close(current.id, NOW)
    frontier.begin("site", START, NOW)

    assert not away_frontier.finish(current.id, "https://site.example/", State.READ, what=What.PAGE)
    assert not lease(away_frontier, current, away_worker)
    assert away_frontier.next_due(current.id) is None
    assert away_frontier.tally(current.id).counts
    away_frontier.give_back(current.id, "https://site.example/", due=0.0, counted=True)


# ------------------------------------------------------------------------------------------------------ Redis by itself


def test_nothing_of_a_finished_pass_is_kept_but_its_counts(frontier: RedisFrontier, worker: str, server: Redis) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", *(page(f"cal/{n}") for n in range(9)), image("b.jpg"))
    for each in lease(frontier, current, worker):
        children = [page(f"cal/{n}") for n in range(20)] if each.what is What.PAGE else []
        frontier.finish(current.id, each.url, State.READ, what=each.what, children=children)
    frontier.give_back(current.id, lease(frontier, current, worker)[0].url, due=9.0, counted=True)
    frontier.close(current.id, NOW)

    frontier.begin("site", START, NOW)

    assert list(server.scan_iter(f"{PREFIX}pass:{current.id}*")) == [f"{PREFIX}pass:{current.id}"]
    assert server.ttl(f"{PREFIX}pass:{current.id}") > 0
    assert not server.exists(f"{PREFIX}old:site")


def test_nothing_of_an_erased_site_is_kept_but_counts_that_end(
    frontier: RedisFrontier, worker: str, server: Redis
) -> None:
    current = frontier.begin("site", START, NOW)
    read(frontier, current, "https://site.example/", *(page(f"cal/{n}") for n in range(9)), image("b.jpg"))
    lease(frontier, current, worker, per_host=3)
    frontier.pause("site", "site.example", 9.0)
    frontier.turn("site", "site.example", 0.1, 0.0)
    frontier.keep_robots("site", "https://site.example", "one")

    frontier.erase("site")

    left = set(server.scan_iter(f"{PREFIX}*")) - {f"{PREFIX}worker:{worker}"}
    assert left == {f"{PREFIX}pass:{current.id}", f"{PREFIX}turns:site:site.example"}
    assert all(server.ttl(key) > 0 for key in left)
    assert "site.example" not in str(server.hgetall(f"{PREFIX}pass:{current.id}"))


def test_an_erasure_that_was_broken_off_is_taken_up(frontier: RedisFrontier, server: Redis) -> None:
    current = frontier.begin("site", START, NOW)
    server.delete(f"{PREFIX}site:site")  # as if it had been killed before the first key of the pass was deleted
    server.sadd(f"{PREFIX}old:site", current.id)

    assert frontier.sites() == ["site"]
    frontier.erase("site")
    assert frontier.sites() == []
    assert list(server.scan_iter(f"{PREFIX}pass:*")) == [f"{PREFIX}pass:{current.id}"]


def test_an_emptied_redis_is_named_and_the_next_crawl_begins_anew(
    frontier: RedisFrontier, worker: str, server: Redis
) -> None:
    current = frontier.begin("site", START, NOW)
    lease(frontier, current, worker)
    server.flushall()

    with pytest.raises(StoreUnavailable, match="crawl again"):
        read(frontier, current, "https://site.example/", page("a"))
    with pytest.raises(StoreUnavailable, match="crawl again"):
        lease(frontier, current, worker)
    with pytest.raises(StoreUnavailable, match="crawl again"):
        frontier.tally(current.id)
    assert frontier.pages_showing(current.id, "https://site.example/p.jpg") == ()
    frontier.release(worker)
    again = frontier.begin("site", START, NOW)
    assert again.id != current.id
    assert not again.resumed
    assert urls(lease(frontier, again, worker)) == [""]


def test_scripts_that_redis_forgot_are_told_again(frontier: RedisFrontier, worker: str, server: Redis) -> None:
    current = frontier.begin("site", START, NOW)
    server.script_flush()

    assert urls(lease(frontier, current, worker)) == [""]


def test_no_redis_names_the_setting_and_the_cure() -> None:
    with (
        redis_frontier(f"redis://127.0.0.1:{free_port()}/0") as frontier,
        pytest.raises(StoreUnavailable, match="check REDIS_URL and the server"),
    ):
        frontier.begin("site", START, NOW)


def test_a_redis_that_goes_while_a_worker_works_does_not_hide_what_the_worker_says(redis_url: str) -> None:
    def work() -> None:
        with redis_frontier(redis_url) as frontier, frontier.worker():
            frontier._redis.connection_pool.connection_kwargs["port"] = free_port()
            frontier._redis.connection_pool.disconnect()
            raise KeyError("what went wrong")

    with pytest.raises(KeyError, match="what went wrong"):
        work()


def test_a_full_redis_names_the_cure(frontier: RedisFrontier, server: Redis) -> None:
    server.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            frontier.begin("site", START, NOW)
    finally:
        server.config_set("maxmemory", "0")


def test_the_name_of_a_site_can_be_no_other_key(frontier: RedisFrontier, worker: str) -> None:
    odd = frontier.begin("site:x", [page("1x")], NOW)
    frontier.pause("site", "x:site.example", 99.0)

    assert frontier.paused_until("site:x", "site.example") == 0.0
    assert urls(lease(frontier, odd, worker)) == ["1x"]
