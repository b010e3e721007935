from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import stores.sql
from core.model import Topic
from tests.contracts.conftest import Stores
from tests.contracts.values import MINUTE, NOW


def test_a_slot_is_claimed_by_the_first_caller_only(kept: Stores) -> None:
    assert kept.job_slots.claim("crawl/gallery", NOW, "one") is True
    assert kept.job_slots.claim("crawl/gallery", NOW, "two") is False
    assert kept.job_slots.claim("crawl/gallery", NOW, "one") is False


def test_other_jobs_and_other_slots_are_free(kept: Stores) -> None:
    kept.job_slots.claim("crawl/gallery", NOW, "one")

    assert kept.job_slots.claim("crawl/attic", NOW, "one") is True
    assert kept.job_slots.claim("crawl/gallery", NOW + MINUTE, "one") is True


def test_one_moment_is_one_slot_in_whatever_zone_it_is_told(kept: Stores) -> None:
    kept.job_slots.claim("crawl/gallery", NOW, "one")

    assert kept.job_slots.claim("crawl/gallery", NOW.astimezone(timezone(timedelta(hours=5))), "two") is False


def test_of_many_at_once_one_claims(kept: Stores) -> None:
    def claim(number: int) -> bool:
        with stores.sql.released():
            return kept.job_slots.claim("recheck", NOW, str(number), [(Topic.RECHECK, "due")])

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(claim, range(12))) == 1
    assert kept.outbox.waiting() == {"recheck": 1, "dead": 0}


def test_a_claimed_slot_queues_its_work_once(kept: Stores) -> None:
    kept.job_slots.claim("crawl/gallery", NOW, "one", [(Topic.CRAWL, "gallery")])
    kept.job_slots.claim("crawl/gallery", NOW, "two", [(Topic.CRAWL, "attic")])
    kept.job_slots.claim("crawl/gallery", NOW + MINUTE, "one", [(Topic.CRAWL, "gallery")])

    assert [task.key for task in kept.outbox.due([Topic.CRAWL], NOW)] == ["gallery"]


def test_only_slots_before_a_moment_are_forgotten(kept: Stores) -> None:
    for minutes in range(3):
        kept.job_slots.claim("crawl/gallery", NOW + minutes * MINUTE, "one")

    kept.job_slots.forget(NOW + MINUTE)

    assert [kept.job_slots.claim("crawl/gallery", NOW + minutes * MINUTE, "two") for minutes in range(3)] == [
        True,
        False,
        False,
    ]
