"""A host that sends one crawling process away is asked at half the pace by the others, too."""

import asyncio
import time

from core.model import Politeness, State, WatchedSite
from crawler.fetch import NotFetched
from crawler.scope import Wanted
from tests.crawler.asker import asking
from tests.crawler.local_site import picture, serve
from tests.crawler.shared_frontier import redis_frontier

DELAY_S = 0.2
REQUESTS = 6


def test_a_pause_that_another_process_was_told_halves_the_pace_of_this_one(redis_url: str) -> None:
    async def ask(site: WatchedSite, url: str) -> tuple[float, list[State], float]:
        with redis_frontier(redis_url) as here, redis_frontier(redis_url) as there:
            async with asking(site, here) as asker:

                async def requests() -> float:
                    began = time.monotonic()
                    for number in range(REQUESTS):
                        await asker.ask(f"{url}/{number}.png", Wanted.IMAGE)
                    return time.monotonic() - began

                before_s = await requests()
                until = time.time() + 2.0
                there.pause(site.name, "127.0.0.1", until)
                await asyncio.sleep(0.3)  # the frontier is asked a few times a second
                meanwhile = [await asker.ask(f"{url}/{number}.png", Wanted.IMAGE) for number in range(3)]
                await asyncio.sleep(until - time.time())
                return before_s, [each.state for each in meanwhile if isinstance(each, NotFetched)], await requests()

    with serve(picture) as local:
        before_s, meanwhile, after_s = asyncio.run(
            ask(local.watched(politeness=Politeness(delay_s=DELAY_S)), local.url)
        )

    assert meanwhile == [State.PENDING] * 3
    assert len(local.asked) == 2 * REQUESTS
    # An answer gives a twentieth of a step back: nearly twice as long, then.
    assert before_s < REQUESTS * DELAY_S * 1.5 < after_s
