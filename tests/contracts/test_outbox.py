from datetime import timedelta

import pytest

from core.model import Topic
from tests.contracts.conftest import Stores
from tests.contracts.values import ADA, MINUTE, NOW, RECIPE, hit, picture


def queue(kept: Stores, *rows: tuple[Topic, str], minutes: int = 0) -> None:
    kept.case_book.save(outgoing=rows, now=NOW + minutes * MINUTE)


def test_rows_are_due_at_once_and_come_oldest_first(kept: Stores) -> None:
    queue(kept, (Topic.MAIL, "c/2"), minutes=2)
    queue(kept, (Topic.MAIL, "a/1"), minutes=1)

    tasks = kept.outbox.due([Topic.MAIL], NOW)

    assert [(task.topic, task.key, task.created) for task in tasks] == [
        (Topic.MAIL, "a/1", NOW + MINUTE),
        (Topic.MAIL, "c/2", NOW + 2 * MINUTE),
    ]


def test_only_the_topics_asked_for_come_and_no_more_than_asked(kept: Stores) -> None:
    queue(kept, (Topic.MAIL, "a/1"), (Topic.CHANNEL, "b"), (Topic.CRAWL, "gallery"))

    assert [task.key for task in kept.outbox.due([Topic.CHANNEL, Topic.CRAWL], NOW)] == ["b", "gallery"]
    assert len(kept.outbox.due([Topic.CHANNEL, Topic.CRAWL], NOW, limit=1)) == 1
    assert list(kept.outbox.due([], NOW)) == []


def test_what_is_done_is_gone_and_may_be_done_twice(kept: Stores) -> None:
    queue(kept, (Topic.MAIL, "a/1"), (Topic.MAIL, "b/1"))
    first, _ = kept.outbox.due([Topic.MAIL], NOW)

    kept.outbox.done([first.id])
    kept.outbox.done([first.id, 987654321])

    assert [task.key for task in kept.outbox.due([Topic.MAIL], NOW)] == ["b/1"]


def test_what_is_put_off_is_due_then_and_counts_an_attempt(kept: Stores) -> None:
    queue(kept, (Topic.MAIL, "a/1"))
    [task] = kept.outbox.due([Topic.MAIL], NOW)

    kept.outbox.later(task.id, NOW + MINUTE, "greylisted")

    assert list(kept.outbox.due([Topic.MAIL], NOW + MINUTE - timedelta(microseconds=1))) == []
    [again] = kept.outbox.due([Topic.MAIL], NOW + MINUTE)
    assert (again.key, again.attempts, again.due) == ("a/1", 1, NOW + MINUTE)


def test_a_dead_row_is_counted_and_never_due(kept: Stores) -> None:
    queue(kept, (Topic.MAIL, "a/1"), (Topic.MAIL, "b/1"))
    first, _ = kept.outbox.due([Topic.MAIL], NOW)

    kept.outbox.dead(first.id, "no such mailbox")
    kept.outbox.later(first.id, NOW, "too late")

    assert [task.key for task in kept.outbox.due([Topic.MAIL], NOW + 1000 * MINUTE)] == ["b/1"]
    assert kept.outbox.waiting() == {"mail": 1, "dead": 1}


@pytest.mark.parametrize("topic", [Topic.MAIL, Topic.INDEX])
def test_a_dead_row_waits_again_when_its_key_comes_up_again(kept: Stores, topic: Topic) -> None:
    queue(kept, (topic, "a/1"))
    [task] = kept.outbox.due([topic], NOW)
    kept.outbox.later(task.id, NOW, "greylisted")
    kept.outbox.dead(task.id, "no such mailbox")

    queue(kept, (topic, "a/1"), minutes=1)

    [task] = kept.outbox.due([topic], NOW)
    assert (task.key, task.attempts) == ("a/1", 0)
    assert kept.outbox.waiting() == {topic.value: 1, "dead": 0}


def test_a_thing_to_do_is_not_queued_twice(kept: Stores) -> None:
    queue(kept, (Topic.CRAWL, "gallery"))
    [task] = kept.outbox.due([Topic.CRAWL], NOW)

    queue(kept, (Topic.CRAWL, "gallery"), (Topic.CRAWL, "gallery"), minutes=1)

    assert kept.outbox.due([Topic.CRAWL], NOW) == [task]


def test_a_moved_state_takes_the_place_of_the_row_that_waits(kept: Stores) -> None:
    """Whoever is at work on the first must not mark the second as done; it keeps its place in the queue."""
    queue(kept, (Topic.DESK, "h1"))
    queue(kept, (Topic.DESK, "h2"), minutes=1)
    first = kept.outbox.due([Topic.DESK], NOW)[0]
    kept.outbox.later(first.id, NOW + 10 * MINUTE, "the desk was busy")

    queue(kept, (Topic.DESK, "h1"), minutes=2)
    kept.outbox.done([first.id])

    tasks = kept.outbox.due([Topic.DESK], NOW)
    assert [(task.key, task.created, task.attempts) for task in tasks] == [("h1", NOW, 0), ("h2", NOW + MINUTE, 0)]


def test_what_waits_is_counted_by_topic(kept: Stores) -> None:
    kept.people.enrol(ADA, RECIPE, [picture("ref-1")], NOW)
    kept.hit_log.add(hit(1))
    kept.hit_log.add(hit(2))
    queue(kept, (Topic.RECHECK, "due"))

    assert kept.outbox.waiting() == {"desk": 2, "index": 2, "recheck": 1, "dead": 0}
