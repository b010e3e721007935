"""Hit ↔ its rows."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.model import Evidence, Hit, HitStatus, Overlay, PersonId, Tier
from stores.sql.models import HitPage, StoredHit, StoredLocation


def read(ids: Sequence[str]) -> dict[str, Hit]:
    """By id, whole: with their pages and their case.

    The rows are read before what hangs on them, so that a hit is never older than its revision says: an index that has seen the
    revision would not take the rest any more.
    """
    rows = list(StoredHit.objects.filter(id__in=ids))
    if not rows:
        return {}
    pages = defaultdict(list)
    for hit, url in HitPage.objects.filter(hit_id__in=ids).order_by("id").values_list("hit_id", "url"):
        pages[hit].append(url)
    cases = dict(StoredLocation.objects.filter(hit__in=ids).values_list("hit", "case_id"))
    return {row.id: replace(_hit(row), pages=tuple(pages[row.id]), case=cases.get(row.id)) for row in rows}


def _hit(row: StoredHit) -> Hit:
    return Hit(
        id=row.id,
        person=PersonId(row.person_id),
        site=row.site,
        page_url=row.page_url,
        image_url=row.image_url,
        sha256=row.sha256,
        tier=Tier(row.tier),
        distance=row.distance,
        threshold=row.threshold,
        hasher=row.hasher,
        view=row.view,
        ref=row.ref,
        cluster=row.cluster,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        status=HitStatus(row.status),
        revision=row.revision,
        found_earlier=row.found_earlier,
        evidence=Evidence(row.evidence),
        overlay=None if row.overlay is None else _overlay(row.overlay),
        agreeing=row.agreeing,
        ranges=tuple((start, end) for start, end in row.ranges),
    )


def _overlay(corners: Sequence[Sequence[int]]) -> Overlay:
    one, two, three, four = ((x, y) for x, y in corners)
    return one, two, three, four


def insert(hit: Hit, *, decided: bool) -> None:
    StoredHit.objects.create(
        id=hit.id,
        person_id=hit.person,
        site=hit.site,
        page_url=hit.page_url,
        image_url=hit.image_url,
        sha256=hit.sha256,
        tier=hit.tier.value,
        distance=hit.distance,
        threshold=hit.threshold,
        hasher=hit.hasher,
        view=hit.view,
        ref=hit.ref,
        cluster=hit.cluster,
        first_seen=hit.first_seen,
        last_seen=hit.last_seen,
        status=hit.status.value,
        decided=decided,
        revision=hit.revision,
        found_earlier=hit.found_earlier,
        evidence=hit.evidence.value,
        overlay=hit.overlay,
        agreeing=hit.agreeing,
        ranges=hit.ranges,
    )
    insert_pages(hit.id, hit.pages)


def insert_pages(hit: str, urls: Iterable[str]) -> None:
    HitPage.objects.bulk_create(HitPage(hit_id=hit, url=url, digest=_digest(url)) for url in urls)


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
