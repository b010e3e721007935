"""Where the rooms meet: what each needs from another, as Protocols of a few methods.

Every adapter of a port passes the same contract test in tests/contracts. Unless a docstring says otherwise a method is safe
to call twice, may be called from any thread, and raises StoreUnavailable when what is behind it does not answer.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from core.model import (
    Added,
    Alert,
    Canary,
    Case,
    CornerChanges,
    DayUse,
    Decision,
    EnrolledPicture,
    Enrolment,
    Examination,
    FindState,
    FoundIn,
    HashChanges,
    HashedPicture,
    HashName,
    Hit,
    HitQuery,
    Known,
    NoticeDetails,
    PassRecord,
    PersonId,
    PersonState,
    Quarantine,
    SeenBlock,
    SeenPicture,
    SeenPlace,
    SeenSegment,
    Settled,
    Standing,
    Sweep,
    SweepFind,
    SweepProgress,
    SweepTask,
    Task,
    Topic,
    Trouble,
    TroubleKind,
)


class Examiner(Protocol):
    """Says whose picture it is."""

    def examine(self, image_bytes: bytes) -> Examination:
        """Decode, hash, compare. Takes milliseconds of CPU and waits for a child process: call it off the event loop."""
        ...


class EnrolledHashes(Protocol):
    """The hashes of the people protected, as a matcher reads them."""

    def version(self) -> int:
        """Grows with every enrolment, withdrawal and change of a threshold, and no number comes twice: not even when a backup is
        restored. Cheap: asked several times a second."""
        ...

    def changes(self, since: int) -> HashChanges:
        """What is new, changed or gone after version `since`. Everything there is, and `whole` says so, from 0 and from a version
        that this store never had: a backup was restored, or the asker knows another store."""
        ...

    def get(self, entries: Sequence[int]) -> Mapping[int, Enrolment]:
        """These enrolments as they are at this moment, of protected people only. An entry that is gone is not in the answer.

        The last word on a match: an index may be a moment old, this is not.
        """
        ...

    def count(self) -> int:
        """How many fingerprints are enrolled. Cheap."""
        ...

    def enrolments(self) -> tuple[int, Sequence[Enrolment]]:
        """The version, and every fingerprint of every protected person at that version. Reads them all: for a sweep, not for a matcher."""
        ...


class EnrolledCorners(Protocol):
    """The corners of the pictures of people who chose to have them kept. Sealed where they lie; open only in a matcher's memory."""

    def version(self) -> int:
        """As EnrolledHashes.version, and the same number."""
        ...

    def corner_changes(self, since: int) -> CornerChanges:
        """As EnrolledHashes.changes."""
        ...

    def corner_owners(self, entries: Sequence[int]) -> Mapping[int, EnrolledPicture]:
        """Whose they are at this moment, of protected people only. The first upright full-frame fingerprint stands for the picture.
        The last word on a match."""
        ...


class SiteMemory(Protocol):
    """What is known of each URL of a site from one pass to the next. Losing it costs one pass in which everything is fetched."""

    def recall(self, site: str, urls: Collection[str]) -> dict[str, Known]:
        """By URL; what is not known is left out."""
        ...

    def settled(self, site: str, urls: Collection[str], recipe: str, now: datetime) -> dict[str, Settled]:
        """By URL those that are known by this recipe and not due at `now`: what a second pass asks of nearly every picture."""
        ...

    def knows(self, site: str) -> bool:
        """Whether anything is known of the site."""
        ...

    def remember(self, site: str, known: Sequence[Known]) -> None:
        """Each takes the place of what was known of its URL. Nothing of a site whose agreement was revoked is kept."""
        ...

    def learned(self, site: str) -> dict[str, str]:
        """Of each page by URL: `Known.learned`."""
        ...

    def learn(self, site: str, learned: Mapping[str, str]) -> None:
        """Of known pages by URL; others are left out."""
        ...

    def sites(self) -> Sequence[str]:
        """Of which something is known, whether they are still watched or not."""
        ...

    def forget(self, site: str, before: datetime | None = None) -> int:
        """Everything, or what was last read before then. Returns how many URLs."""
        ...


class SeenLog(Protocol):
    """Where a crawl writes what it compared."""

    def add(self, pictures: Sequence[SeenPicture]) -> None:
        """They outlive the process when this returns. The same picture at the same URL is kept once as long as it is fresh.

        Raises StoreUnavailable when it could not be written (a full disk): the picture then counts as not looked at.
        """
        ...


class SeenStore(Protocol):
    """Everything seen, in segments that do not change."""

    def segments(self, since: datetime | None = None) -> Sequence[SeenSegment]:
        """Those that hold something newer than `since`, oldest first; what a worker is still writing is one of them."""
        ...

    def blocks(self, segment: str) -> AbstractContextManager[Sequence[SeenBlock]]:
        """Its hashes, one block a hasher; none when the segment was erased meanwhile. Raises StoreUnavailable when it is damaged,
        and the message names it."""
        ...

    def places(self, segment: str, hasher: str, rows: Sequence[int]) -> Sequence[SeenPlace]:
        """Where these rows of this hasher's block were seen, in the order asked; none when the segment was erased meanwhile. Without
        the moments of a video's frames."""
        ...

    def erase_site(self, site: str) -> int:
        """Everything seen of a site; returns how many fingerprints went."""
        ...

    def forget(self, before: datetime) -> int:
        """What was last seen before then; returns how many fingerprints went."""
        ...


class SweepBoard(Protocol):
    """Sweeps and their tasks, one a segment. Any number of workers on any number of machines work on them.

    What belongs to a person goes with their withdrawal, in the same transaction, and what belongs to a site when it is revoked.
    """

    def post(self, sweep: Sweep) -> None:
        """There is nothing to do for it yet: see `extend`."""
        ...

    def extend(self, sweep: str, segments: Sequence[SeenSegment], now: datetime) -> None:
        """One task each. A segment that was compared so early that what was written to it meanwhile may have been missed, and
        that has grown since, is compared once more."""
        ...

    def open(self, since: datetime) -> Sequence[Sweep]:
        """Those with unfinished tasks, and all created at or after `since`; oldest first."""
        ...

    def asked(self, sweep: str) -> Sequence[Enrolment]:
        """What the sweep looks for, as it is enrolled at this moment: none once the person has withdrawn."""
        ...

    def claim(self, lease_s: float, sweep: str | None = None) -> SweepTask | None:
        """A task that is due and that nobody holds, of this sweep or of any. It falls back when the lease ends: see `renew`."""
        ...

    def renew(self, task: SweepTask, lease_s: float) -> bool:
        """False: the lease had ended and another has the task, or it went with its person or site."""
        ...

    def done(self, task: SweepTask, fingerprints: int, finds: Sequence[SweepFind], now: datetime) -> bool:
        """In one transaction: the task is done and its finds are stored; those of nobody protected and of revoked sites are not.

        A find that was there waits on, or waits again where its last look was before this sweep began; one that became a hit stays
        one. False, and nothing is stored, when the task is not held any more.
        """
        ...

    def later(self, task: SweepTask, wait_s: float) -> None:
        """It could not be compared, which counts as an attempt: somebody tries again then."""
        ...

    def waiting(self) -> int:
        """How many tasks are due and held by nobody. Cheap."""
        ...

    def progress(self, sweep: str) -> SweepProgress: ...

    def forget(self, before: datetime) -> None:
        """Sweeps created before then that have nothing left to do, and finds whose look ended before then."""
        ...


class SweepFinds(Protocol):
    """Finds, until somebody has looked."""

    def claim(self, lease_s: float, limit: int, sweep: str | None = None) -> Sequence[SweepFind]:
        """Waiting finds of one site that are due and that nobody is looking at, of at most `limit` URLs, all finds of a URL together.
        Held until the lease ends. With `sweep` only URLs with a find of this sweep."""
        ...

    def renew(self, finds: Sequence[str], lease_s: float) -> None:
        """They are still being looked at."""
        ...

    def forget(self, seen_before: datetime) -> None:
        """Finds in what was last seen before then, also those at which nobody could look: they end with what they were found in."""
        ...

    def hasten(self) -> None:
        """Whatever waits is due now."""
        ...

    def ended(self, finds: Sequence[str], state: FindState, now: datetime) -> None: ...

    def later(self, finds: Sequence[str], wait_s: float, reason: str, *, counted: bool = True) -> None:
        """Nobody could look: the state stays WAITING. `counted`: it was tried, which makes the next wait longer."""
        ...

    def drop(self, finds: Sequence[str]) -> None:
        """Nobody will look: the person withdrew, or the site's agreement was revoked."""
        ...

    def waiting(self) -> tuple[int, int]:
        """How many wait, and how many of them are due and held by nobody."""
        ...


class People(Protocol):
    """Who is protected."""

    def enrol(self, person: PersonId, recipe: str, pictures: Sequence[HashedPicture], now: datetime) -> Sequence[str]:
        """Stores the hashes; returns the refs that were new. A picture enrolled before (the same hashes) is not stored again, but takes
        the corners that come with it now; without any it keeps those that it has.

        A person who withdrew is protected again from here on. Hits rows that were refused meanwhile stay unknown.
        """
        ...

    def withdraw(self, person: PersonId, now: datetime) -> None:
        """From its return on no hit of this person is taken by any HitLog. Raises UnknownId."""
        ...

    def drop_local(self, person: PersonId) -> int:
        """The person takes back their choice: the corners of all their pictures go, the hashes stay. Returns how many went.

        Raises UnknownId for who is not protected.
        """
        ...

    def corners_kept(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, tuple[int, int]]:
        """Of whom corners are kept, and the oldest and newest version of the hash set at which any of theirs came or changed; of
        everybody, or only among these. Corners that are chosen anew have a greater one than those that were taken back."""
        ...

    def corners_came(self) -> Sequence[datetime]:
        """When those that are kept came or changed, the earliest first; not whose they are."""
        ...

    def set_threshold(self, person: PersonId, ref: str | None, hasher: str, threshold: int) -> int:
        """For this person's hashes of a kind: of one picture, or with None of all. -1 matches nothing. Returns how many changed.

        Raises UnknownId for who is not protected and for a ref that is not there, CallError for a kind that is not known.
        """
        ...

    def state(self, person: PersonId) -> PersonState: ...

    def protected(self, among: Sequence[PersonId] | None = None) -> Mapping[PersonId, datetime]:
        """Who is protected, and since when; of everybody, or only among these.

        Who is protected again is so since a later moment than before and than the withdrawal, whatever the clocks say: the moment tells
        one protection from the next.
        """
        ...

    def outdated(self, recipe: str) -> Mapping[PersonId, int]:
        """How many pictures of each protected person were hashed by an older recipe than this and by none as new ("views-1"). Who has
        none is left out, and so are plain lists and exchanges: of those there is no picture to hash again.

        Reads all pictures: for `doctor`.
        """
        ...


class ExchangeBook(Protocol):
    """How far a hash exchange has been taken over. Of each of its hashes, by the id under which it is enrolled: the newest word on it."""

    def begin(self, exchange: str, key: str) -> int | None:
        """From when to fetch next, in the exchange's seconds; None: from the beginning.

        key: tells the ids of this installation from another's. Raises ConfigError when the exchange was begun with another one: its
        withdrawals would not find what was enrolled.
        """
        ...

    def newest(self, people: Sequence[PersonId]) -> Mapping[PersonId, int]:
        """The number of the newest word on each: a later word has a greater one. Who was never heard of is left out."""
        ...

    def note(self, newest: Mapping[PersonId, int]) -> None:
        """What was done. An older word never takes the place of a newer one."""
        ...

    def reached(self, exchange: str, fetched_to: int) -> None:
        """Everything up to then was taken over. It never goes back."""
        ...


class NoticeDetailsStore(Protocol):
    def put(self, person: PersonId, details: NoticeDetails) -> None: ...

    def details_of(self, person: PersonId) -> NoticeDetails | None: ...


class HitLog(Protocol):
    """The hand-over: durable, in one transaction with what must follow."""

    def add(self, hit: Hit) -> Added:
        """Stores the hit and, in the same transaction, its outbox rows (DESK and INDEX).

        Reads the person's state in that transaction: REFUSED unless protected. A known hit keeps its status and first_seen; last_seen
        moves forward and its page joins `pages`; a DESK row is written again only when its location is GONE or UNKNOWN (it is back).
        A new hit of a cluster that an analyst REJECTED arrives as REJECTED; one of a cluster an analyst CONFIRMED, as CONFIRMED.
        """
        ...

    def get(self, ids: Sequence[str]) -> Sequence[Hit]:
        """In the order asked; ids that are not there are left out. `case` is filled where there is one."""
        ...

    def all(self) -> Iterator[Hit]:
        """Every hit, by id, without holding them all: for rebuilding a search index."""
        ...

    def unhandled(self, limit: int = 100) -> Sequence[Hit]:
        """Hits whose DESK row waits, oldest first."""
        ...

    def decide(self, hit: str, decision: Decision, by: str, now: datetime) -> Sequence[Hit]:
        """Changes the whole cluster; returns the hits that changed, as they are now; DESK and INDEX rows in the same transaction.

        UNDO takes back the last decision: every hit of the cluster that carries one becomes UNDONE. Raises UnknownId.
        """
        ...

    def standing_at(self, site: str) -> Mapping[tuple[str, str], Sequence[str]]:
        """(image URL, SHA-256) → ids of the hits there, of protected people only: what may be said of a picture that was seen before."""
        ...


class HitSearch(Protocol):
    """Finds hits by what an analyst knows of them."""

    def search(self, query: HitQuery) -> Sequence[str]:
        """Ids, newest `first_seen` first, then by id. The rows themselves come from the HitLog, which is the truth."""
        ...


class HitIndex(Protocol):
    """A searchable copy that can be rebuilt."""

    def put(self, hits: Sequence[Hit]) -> Sequence[tuple[str, str, bool]]:
        """Indexes them; a late writer never overwrites a newer revision. Returns what was not taken: (hit id, reason, may be retried)."""
        ...

    def rebuild(self, hits: Iterable[Hit]) -> int:
        """Fills a new index and swaps it in; searches see the old one whole or the new one whole. Returns how many."""
        ...


class Outbox(Protocol):
    """What waits to be done after a commit. Work is at least once: whoever does it makes twice the same as once."""

    def due(self, topics: Sequence[Topic], now: datetime, limit: int = 100) -> Sequence[Task]:
        """Oldest first."""
        ...

    def done(self, tasks: Sequence[int]) -> None: ...

    def later(self, task: int, due: datetime, reason: str) -> None:
        """Try again then; counts an attempt."""
        ...

    def dead(self, task: int, reason: str) -> None:
        """Never again by itself; `doctor` and the page show it."""
        ...

    def waiting(self) -> dict[str, int]:
        """Counts by topic, and "dead"."""
        ...


class CaseBook(Protocol):
    """Alerts and cases. The whole case is read, changed as a value, and saved if nobody else saved it meanwhile."""

    def case(self, case_id: str) -> Case:
        """Raises UnknownId."""
        ...

    def case_of(self, person: PersonId) -> Case | None: ...

    def cases(self) -> Sequence[Case]: ...

    def alert(self, alert_id: str) -> Alert:
        """Raises UnknownId."""
        ...

    def alerts(self, person: PersonId | None = None) -> Sequence[Alert]: ...

    def save(
        self,
        *,
        case: Case | None = None,
        alerts: Sequence[Alert] = (),
        done: Sequence[int] = (),
        outgoing: Sequence[tuple[Topic, str]] = (),
        now: datetime,
    ) -> None:
        """All or nothing: the case, the alerts, outbox rows done, and new outbox rows (topic, key). An outgoing row that is already
        waiting is not added twice. Raises Conflict when `revision` is not the stored one."""
        ...

    def claim_sending(self, case_id: str, notice_id: str, now: datetime) -> Case | None:
        """In one transaction: the notice is APPROVED and the person protected → it is SENDING, and the case is returned. Else None."""
        ...


class SiteBook(Protocol):
    """What is known of watched sites beyond their files."""

    def standing(self, site: str) -> Standing: ...

    def set_standing(self, site: str, standing: Standing, by: str, now: datetime) -> None:
        """Raises NotAgreed where the agreement was revoked: nothing else comes after that, not even what was under way beside it."""
        ...

    def record(self, record: PassRecord) -> None:
        """Stores the pass, or what it has come to by now. What it says of canary and walls is added to what it said before: a pass that
        was killed and taken up again does not know it any more. Of a canary found the CanaryBook learns in the same transaction."""
        ...

    def passes(self, site: str, limit: int = 20) -> Sequence[PassRecord]:
        """Newest first."""
        ...


class CanaryBook(Protocol):
    """The drawn picture of each site that each of its passes must find."""

    def plant(self, canary: Canary) -> None:
        """It takes the place of the site's earlier one."""
        ...

    def canary_of(self, site: str) -> Canary | None: ...


class DailyUse(Protocol):
    """How much was asked of each site on each UTC day, so that a day's budget holds across passes, restarts and machines."""

    def take(self, site: str, day: date, requests: int, at_most: int) -> int:
        """Counts so many requests as made, as far as the day has them left. Returns how many were: 0 when the day is used up."""
        ...

    def count(self, site: str, day: date, *, requests: int = 0, byte_count: int = 0) -> DayUse:
        """Adds to the day; fewer than none: taken, and not made. Returns the day's use."""
        ...

    def used(self, site: str, day: date) -> DayUse: ...

    def forget(self, before: date) -> None: ...


class TroubleBook(Protocol):
    """What keeps sites from being watched, as long as it does."""

    def begin(self, trouble: Trouble, outgoing: Sequence[tuple[Topic, str]] = ()) -> bool:
        """True, and the outgoing outbox rows (topic, key) are stored in the same transaction, unless the site has this trouble already:
        then it stays as it was told."""
        ...

    def end(self, site: str, kind: TroubleKind) -> bool:
        """False: there was none."""
        ...

    def open(self, site: str | None = None) -> Sequence[Trouble]:
        """Of one site or of all, oldest first."""
        ...


class JobSlots(Protocol):
    """A job's slot is run once, by whoever claims it first."""

    def claim(self, job: str, slot: datetime, holder: str, outgoing: Sequence[tuple[Topic, str]] = ()) -> bool:
        """True for the first caller only; then the outgoing outbox rows (topic, key) are stored in the same transaction.

        A row that is already waiting is not added twice."""
        ...

    def forget(self, before: datetime) -> None: ...


class Leadership(Protocol):
    """At most one scheduler leads."""

    def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        """Takes or renews the lease; False while another holds it."""
        ...

    def release(self, name: str, holder: str) -> None: ...


class Announcer(Protocol):
    """Tells other processes at once that the hash set changed."""

    def announce(self, version: int) -> None: ...

    def listen(self) -> AbstractContextManager["Heard"]: ...


class Heard(Protocol):
    def latest(self) -> int | None:
        """The newest version heard, or None. Never blocks."""
        ...


class CollisionBook(Protocol):
    """What enrolled hashes are found in, so that one which is found in everything shows. What belongs to a person goes with their
    withdrawal, in the same transaction, and what was found on a site when it is revoked."""

    def note(self, name: HashName, found: FoundIn) -> Sequence[FoundIn]:
        """Keeps the newest 20 of a hash, a picture once. Returns what is kept of it, the newest first; nothing of who is not protected,
        and of a revoked site nothing is kept."""
        ...

    def forget_revoked(self) -> int:
        """What was noted in the very moment in which its site was revoked. Returns how much went."""
        ...

    def quarantine(self, name: HashName, now: datetime) -> bool:
        """Its threshold is -1 from here on, felt like any change of a threshold. False: it is gone, matches nothing already, or was
        released by a person, who has the last word."""
        ...

    def quarantined(self) -> Sequence[Quarantine]:
        """The oldest first."""
        ...

    def release(self, person: PersonId, ref: str, now: datetime) -> int:
        """The hashes of this picture have the thresholds that they had, and nothing puts them back by itself. Returns how many there were.

        Raises UnknownId for who is not protected and for a ref that is not there.
        """
        ...


class NegativeBank(Protocol):
    """Pictures that an analyst said are not the person's. They go with that person's withdrawal, and with their site when it is revoked,
    in the same transaction."""

    def add(self, hit: Hit, now: datetime) -> bool:
        """What was found in it is known from the CollisionBook. False: it was forgotten there, the person is not protected, or the
        site was revoked."""
        ...

    def take_out(self, hits: Sequence[str]) -> None:
        """The decision was taken back. Those that are not there are left out."""
        ...

    def pictures(self) -> Sequence[str]:
        """Bits of their full frames, hex, by our own hasher. Cheap: asked every few seconds."""
        ...
