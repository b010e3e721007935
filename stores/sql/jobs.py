from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from core.model import Topic
from stores.sql.border import sql
from stores.sql.models import JobSlot, Lease
from stores.sql.outbox import put


class SqlJobSlots:
    @sql()
    def claim(self, job: str, slot: datetime, holder: str, outgoing: Sequence[tuple[Topic, str]] = ()) -> bool:
        with transaction.atomic():
            _, first = JobSlot.objects.get_or_create(job=job, slot=slot, defaults={"holder": holder})
            if first:
                put(outgoing, slot)
            return first

    @sql()
    def forget(self, before: datetime) -> None:
        JobSlot.objects.filter(slot__lt=before).delete()


class SqlLeadership:
    """A lease by the database's clock, so that machines need not agree on the time.

    A holder that was frozen beyond its lease may believe for a moment that it still leads: what it does is kept apart by job slots.
    """

    @sql()
    def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        expires = Now() + timedelta(seconds=ttl_s)
        with transaction.atomic():
            free = Lease.objects.filter(name=name).filter(Q(holder=holder) | Q(expires__lte=Now()))
            if free.update(holder=holder, expires=expires):
                return True
            if Lease.objects.filter(name=name).exists():
                return False
            Lease.objects.bulk_create([Lease(name=name, holder=holder, expires=expires)], ignore_conflicts=True)
            return Lease.objects.filter(name=name, holder=holder).exists()

    @sql()
    def release(self, name: str, holder: str) -> None:
        Lease.objects.filter(name=name, holder=holder).delete()
