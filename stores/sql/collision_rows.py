"""What goes from the collisions in somebody else's transaction."""

from core.model import PersonId
from stores.sql.models import NegativePicture, StoredFoundIn, StoredQuarantine


def withdrawn(person: PersonId) -> None:
    """In the withdrawal's transaction, which holds the lock on the person."""
    for kept in (StoredFoundIn, StoredQuarantine, NegativePicture):
        kept.objects.filter(person=person).delete()
