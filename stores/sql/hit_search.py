from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q

from core.model import HitQuery
from stores.rules import words
from stores.sql.border import sql
from stores.sql.models import HitPage, StoredHit


class SqlHitSearch:
    """Words are found anywhere in a URL, without an index: a second for some hundred thousand hits. Beyond that: Elasticsearch."""

    @sql()
    def search(self, query: HitQuery) -> Sequence[str]:
        found = StoredHit.objects.all()
        wanted = {"site": query.site, "person_id": query.person, "status": query.status, "tier": query.tier}
        found = found.filter(**{name: str(value) for name, value in wanted.items() if value is not None})
        for word in words(query.text):
            on_a_page = HitPage.objects.filter(hit_id=OuterRef("id"), url__icontains=word)
            found = found.filter(Q(image_url__icontains=word) | Exists(on_a_page))
        ids = found.order_by("-first_seen", "id").values_list("id", flat=True)
        return list(ids[query.offset : query.offset + query.limit])
