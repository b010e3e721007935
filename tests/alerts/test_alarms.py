from dataclasses import replace
from datetime import timedelta

from alerts.alarms import is_news, left, raised, taken_back
from core.model import Alert, AlertStatus
from tests.alerts.facts import START, hit


def opened(n: int = 1) -> Alert:
    alert = raised([], hit(n), START)
    assert alert is not None
    return alert


def acknowledged(alert: Alert) -> Alert:
    return replace(alert, status=AlertStatus.ACKNOWLEDGED)


def test_a_new_hit_opens_an_alert_whose_id_is_the_same_each_time() -> None:
    assert opened() == opened()
    assert opened().hits == (hit().id,)


def test_a_hit_that_an_alert_tells_of_is_no_news() -> None:
    for alert in (opened(), acknowledged(opened())):
        assert raised([alert], hit(), START) is None


def test_further_hits_on_the_site_join_while_the_alert_is_new() -> None:
    joined = raised([opened(1)], hit(2), START)

    assert joined is not None
    assert (joined.id, joined.hits) == (opened(1).id, (hit(1).id, hit(2).id))
    assert not is_news(joined, [opened(1)])


def test_after_an_acknowledgement_the_next_hit_opens_another() -> None:
    another = raised([acknowledged(opened(1))], hit(2), START)

    assert another == opened(2)


def test_another_site_has_an_alert_of_its_own() -> None:
    another = raised([opened(1)], hit(2, at="board"), START)

    assert another is not None
    assert another.id != opened(1).id
    assert is_news(another, [opened(1)])


def test_a_relapse_opens_another_alert_even_beside_one_that_nobody_has_seen() -> None:
    for alert in (opened(), acknowledged(opened())):
        fresh = raised([alert], hit(), START, relapse=True)

        assert fresh is not None
        assert fresh.id != alert.id
        assert fresh.hits == (hit().id,)


def test_relapses_of_one_site_share_an_alert() -> None:
    both = replace(opened(1), hits=(hit(1).id, hit(2).id))
    first = raised([both], hit(1), START, relapse=True)
    assert first is not None

    second = raised([both, first], hit(2), START, relapse=True)

    assert second is not None
    assert (second.id, second.hits) == (first.id, (hit(1).id, hit(2).id))


def test_a_rejected_hit_leaves_and_an_alert_without_hits_is_taken_back() -> None:
    both = replace(opened(1), hits=(hit(1).id, hit(2).id))

    (one,) = left([both], hit(1).id)
    (none,) = left([one], hit(2).id)

    assert (one.hits, one.status) == ((hit(2).id,), AlertStatus.NEW)
    assert (none.hits, none.status) == ((), AlertStatus.TAKEN_BACK)
    assert list(left([none], hit(2).id)) == []


def test_an_alert_that_was_taken_back_stands_again_when_its_hit_does() -> None:
    (gone,) = left([opened()], hit().id)

    again = raised([gone], hit(), START + timedelta(hours=1))

    assert again is not None
    assert (again.id, again.status, again.hits) == (opened().id, AlertStatus.NEW, (hit().id,))
    assert is_news(again, [gone])


def test_a_withdrawal_takes_back_all_that_stands() -> None:
    (gone,) = left([opened(2)], hit(2).id)

    assert [each.id for each in taken_back([opened(1), gone])] == [opened(1).id]


def test_an_alert_that_a_withdrawal_took_back_is_the_one_that_stands_again() -> None:
    both = replace(opened(1), hits=(hit(1).id, hit(2).id), status=AlertStatus.TAKEN_BACK)

    again = raised([both], hit(2), START)
    assert again is not None
    joined = raised([again], hit(1), START)

    assert (again.id, again.hits) == (both.id, (hit(2).id,))
    assert joined is not None
    assert (joined.id, joined.hits) == (both.id, (hit(2).id, hit(1).id))
