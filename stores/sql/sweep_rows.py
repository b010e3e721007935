"""What goes from the sweeps in somebody else's transaction."""

from django.db.models import QuerySet

from core.model import PersonId
from stores.sql.models import StoredSweep, StoredSweepFind, StoredSweepTask


def withdrawn(person: PersonId) -> None:
    """In the withdrawal's transaction, which holds the lock on the person: nothing of theirs is looked for or at any more."""
    StoredSweep.objects.filter(person=person).delete()
    _delete(StoredSweepFind.objects.filter(person=person))


def revoked(site: str) -> None:
    """In the revocation's transaction: the tasks first, see `SqlSweepBoard.done`."""
    StoredSweepTask.objects.filter(site=site).delete()
    _delete(StoredSweepFind.objects.filter(site=site))


def _delete(finds: "QuerySet[StoredSweepFind]") -> None:
    list(finds.select_for_update().order_by("id").values_list("id"))  # locked in one order, as everybody does
    finds.delete()
