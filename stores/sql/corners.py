import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from core.model import CornerChanges, CornerRow, EnrolledPicture, Enrolment, Fingerprint, PersonId, PersonState
from stores.rules import enrolled_picture
from stores.sql.border import sql
from stores.sql.corner_rows import ROWS, Sealer
from stores.sql.models import EnrolledCorners, EnrolledFingerprint, HashSetVersion, PastHashSetVersion, RemovedCorners
from stores.vault import SealBroken

log = logging.getLogger(__name__)


class SqlEnrolledCorners:
    """An entry is the number of a row of corners: corners that were taken back and given again have another."""

    def __init__(self, seal: Sealer) -> None:
        self._seal = seal

    @sql()
    def version(self) -> int:
        return HashSetVersion.objects.values_list("version", flat=True).get()

    @sql()
    def corner_changes(self, since: int) -> CornerChanges:
        # In this order for the same reasons as in SqlEnrolledHashes.changes.
        version = self.version()
        whole = since == 0 or not PastHashSetVersion.objects.filter(version=since).exists()
        changed = list(self._opened(-1 if whole else since))
        gone = RemovedCorners.objects.filter(version__gt=version if whole else since)
        return CornerChanges(
            version=version, changed=changed, removed=list(gone.values_list("entry", flat=True)), whole=whole
        )

    def _opened(self, after: int) -> Iterator[CornerRow]:
        rows = EnrolledCorners.objects.filter(version__gt=after)
        columns = rows.values_list("id", "picture__person_id", "picture__contents", "sealed")
        for entry, person, contents, sealed in columns.iterator(ROWS):
            try:
                yield CornerRow(entry, self._seal.open(person, contents, bytes(sealed)))
            except SealBroken:  # whose it is stays out of the log; the others must be found all the same
                log.error("corners.unreadable: entry %d is damaged, or was sealed with another corners.key", entry)  # noqa: TRY400  # the traceback says no more

    @sql()
    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        wanted = list(dict.fromkeys(entries))
        found: dict[int, EnrolledPicture] = {}
        for first in range(0, len(wanted), ROWS):
            found |= _pictures(wanted[first : first + ROWS])
        return found


def _pictures(entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
    """In one statement, so that nobody is named whose corners went meanwhile."""
    rows = EnrolledFingerprint.objects.filter(
        picture__corners__id__in=entries, picture__person__state=PersonState.PROTECTED.value
    )
    pictures = defaultdict(list)
    columns = rows.order_by("id").values_list(
        *("picture__corners__id", "picture__person_id", "picture__ref"),
        *("hasher", "view", "bits", "quality", "time_s", "threshold"),
    )
    for entry, person, ref, hasher, view, bits, quality, time_s, threshold in columns:
        one = Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality, time_s=time_s)
        pictures[entry].append(Enrolment(person=PersonId(person), ref=ref, fingerprint=one, threshold=threshold))
    return {entry: enrolled_picture(picture) for entry, picture in pictures.items()}
