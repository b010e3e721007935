from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import stores.sql
from core.ports import Leadership
from stores.redis import RedisLeadership
from tests.contracts.conftest import Connect, in_memory, in_sql
from tests.contracts.waiting import until


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def leadership(request: pytest.FixtureRequest, connect: Connect) -> Iterator[Leadership]:
    if request.param == "memory":
        yield in_memory().leadership
    elif request.param == "redis":
        yield RedisLeadership(request.getfixturevalue("redis_url"))
    else:
        connect(request.getfixturevalue({"sqlite": "sqlite_url", "postgres": "emptied_postgres"}[request.param]))
        with stores.sql.released():
            yield in_sql().leadership


def test_one_leads_until_it_lets_go(leadership: Leadership) -> None:
    assert leadership.hold("scheduler", "one", 60) is True
    assert leadership.hold("scheduler", "two", 60) is False
    assert leadership.hold("scheduler", "one", 60) is True

    leadership.release("scheduler", "one")

    assert leadership.hold("scheduler", "two", 60) is True


def test_nobody_can_release_what_another_holds(leadership: Leadership) -> None:
    leadership.hold("scheduler", "one", 60)

    leadership.release("scheduler", "two")

    assert leadership.hold("scheduler", "two", 60) is False


def test_each_name_is_led_by_itself(leadership: Leadership) -> None:
    leadership.hold("scheduler", "one", 60)

    assert leadership.hold("desk", "two", 60) is True


def test_a_lease_that_ran_out_can_be_taken_and_then_not_renewed_by_the_former_holder(leadership: Leadership) -> None:
    leadership.hold("scheduler", "one", 0.2)

    until(lambda: leadership.hold("scheduler", "two", 60))

    assert leadership.hold("scheduler", "one", 60) is False


def test_a_renewed_lease_lasts_from_the_renewal(leadership: Leadership) -> None:
    leadership.hold("scheduler", "one", 0.05)
    leadership.hold("scheduler", "one", 60)
    leadership.hold("other", "one", 0.1)
    until(lambda: leadership.hold("other", "two", 60))

    assert leadership.hold("scheduler", "two", 60) is False


def test_of_many_at_once_one_leads(leadership: Leadership) -> None:
    def hold(number: int) -> bool:
        with stores.sql.released():
            return leadership.hold("scheduler", f"holder-{number}", 60)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(hold, range(24))) == 1
