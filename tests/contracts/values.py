"""Small values to put into stores."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.model import (
    Alert,
    AlertStatus,
    Case,
    CaseStatus,
    Fingerprint,
    HashedPicture,
    Hit,
    HitStatus,
    Location,
    LocationState,
    Notice,
    NoticeStatus,
    PersonId,
    Tier,
    derived_id,
    hit_id,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADA = PersonId("ada-0001")
EVE = PersonId("eve-0002")
RECIPE = "full-8-turns/1"


def picture(ref: str, *, hashes: str | None = None, turns: int = 8, local: bytes | None = None) -> HashedPicture:
    """hashes  what the hashes are derived from; the ref by default"""
    fingerprints = tuple(
        Fingerprint(
            hasher="pdq", view=f"full/{turn}", bits=derived_id("bits", hashes or ref, str(turn)) * 2, quality=90
        )
        for turn in range(turns)
    )
    return HashedPicture(ref=ref, quality=90, fingerprints=fingerprints, local=local)


def hit(
    number: int = 1,
    *,
    person: PersonId = ADA,
    ref: str = "ref-1",
    seen: datetime = NOW,
    page_url: str = "https://gallery.example/new?page=1",
    image_url: str | None = None,
    site: str = "gallery",
    tier: Tier = Tier.CONFIRMED,
) -> Hit:
    image_url = image_url if image_url is not None else f"https://cdn.gallery.example/p/{number}.jpg"
    sha256 = derived_id("bytes", image_url) * 2
    return Hit(
        id=hit_id(person, image_url, sha256),
        person=person,
        site=site,
        page_url=page_url,
        image_url=image_url,
        sha256=sha256,
        tier=tier,
        distance=4,
        threshold=31,
        hasher="pdq",
        view="full",
        ref=ref,
        cluster=derived_id("cluster", person, ref),
        first_seen=seen,
        last_seen=seen,
        status=HitStatus.CONFIRMED if tier is Tier.CONFIRMED else HitStatus.CANDIDATE,
        pages=(page_url,),
    )


def again(known: Hit, *, later: timedelta = MINUTE, page_url: str | None = None) -> Hit:
    """The same picture at the same address, seen once more."""
    page_url = page_url or known.page_url
    seen = known.last_seen + later
    return replace(known, first_seen=seen, last_seen=seen, page_url=page_url, pages=(page_url,))


def location(of: Hit, state: LocationState = LocationState.LIVE) -> Location:
    return Location(
        hit=of.id,
        site=of.site,
        page_url=of.page_url,
        image_url=of.image_url,
        state=state,
        since=NOW,
        next_look=NOW + MINUTE,
        before_unknown=LocationState.GONE if state is LocationState.UNKNOWN else None,
    )


def notice(*hits: Hit, id: str = "notice-1", status: NoticeStatus = NoticeStatus.DRAFT) -> Notice:  # noqa: A002 – as the field is called
    return Notice(
        id=id,
        kind="us_tida",
        site="gallery",
        recipient="takedown@gallery.example",
        hits=tuple(each.id for each in hits),
        status=status,
        drafted=NOW,
    )


def case(
    *hits: Hit, person: PersonId = ADA, state: LocationState = LocationState.LIVE, notices: tuple[Notice, ...] = ()
) -> Case:
    return Case(
        id=derived_id("case", person),
        person=person,
        status=CaseStatus.OPEN,
        opened=NOW,
        locations=tuple(location(each, state) for each in hits),
        notices=notices,
    )


def alert(*hits: Hit, number: int = 1, person: PersonId = ADA, created: datetime = NOW) -> Alert:
    return Alert(
        id=derived_id("alert", person, str(number)),
        person=person,
        site="gallery",
        hits=tuple(each.id for each in hits),
        status=AlertStatus.NEW,
        created=created,
    )
