from core.model import Topic, Trouble, TroubleKind
from tests.contracts.conftest import Stores
from tests.contracts.values import MINUTE, NOW


def trouble(site: str = "gallery", kind: TroubleKind = TroubleKind.NO_PICTURES, minute: int = 0) -> Trouble:
    since = NOW + minute * MINUTE
    return Trouble(id=f"{site}-{kind}-{minute}", site=site, kind=kind, reason="Nothing was met.", since=since)


def telling(of: Trouble) -> list[tuple[Topic, str]]:
    return [(Topic.TROUBLE, of.id)]


def test_a_trouble_begins_once_and_is_told_once(kept: Stores) -> None:
    assert kept.trouble_book.begin(trouble(), telling(trouble())) is True
    assert kept.trouble_book.begin(trouble(minute=1), telling(trouble(minute=1))) is False

    assert kept.trouble_book.open() == [trouble()]
    assert [task.key for task in kept.outbox.due([Topic.TROUBLE], NOW)] == [trouble().id]


def test_what_has_ended_may_begin_again(kept: Stores) -> None:
    kept.trouble_book.begin(trouble())

    assert kept.trouble_book.end("gallery", TroubleKind.NO_PICTURES) is True
    assert kept.trouble_book.end("gallery", TroubleKind.NO_PICTURES) is False
    assert kept.trouble_book.open() == []
    assert kept.trouble_book.begin(trouble(minute=2)) is True


def test_troubles_are_apart_by_site_and_kind_and_come_oldest_first(kept: Stores) -> None:
    walled, attic = trouble(kind=TroubleKind.WALLED, minute=1), trouble("attic", minute=2)
    for each in (attic, walled, trouble()):
        kept.trouble_book.begin(each)

    assert kept.trouble_book.open() == [trouble(), walled, attic]
    assert kept.trouble_book.open("gallery") == [trouble(), walled]
