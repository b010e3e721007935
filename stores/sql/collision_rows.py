"""What goes from the collisions in somebody else's transaction."""

from django.db.models import QuerySet

from core.model import PersonId
from stores.sql.models import NegativePicture, StoredFoundIn, StoredHit, StoredQuarantine

AT_A_TIME = 500  # ids in one statement: SQLite counts its parameters


def withdrawn(person: PersonId) -> None:
    """In the withdrawal's transaction, which holds the lock on the person."""
    forget(StoredFoundIn.objects.filter(person=person))
    StoredQuarantine.objects.filter(person=person).delete()
    _forget_negatives(NegativePicture.objects.filter(person=person))


def revoked(site: str) -> None:
    """In the revocation's transaction."""
    forget(StoredFoundIn.objects.filter(site=site))
    _forget_negatives(NegativePicture.objects.filter(hit__in=StoredHit.objects.filter(site=site).values("id")))


def forget(found: "QuerySet[StoredFoundIn]") -> int:
    list(found.select_for_update().order_by("id").values_list("id"))  # locked in one order, as everybody does
    return found.delete()[0]


def _forget_negatives(pictures: "QuerySet[NegativePicture]") -> None:
    hits = list(pictures.select_for_update().order_by("hit").values_list("hit", flat=True))
    for start in range(0, len(hits), AT_A_TIME):
        NegativePicture.objects.filter(hit__in=hits[start : start + AT_A_TIME]).delete()
