"""The domain, in the order in which things happen. Frozen data, no behaviour beyond what a value knows of itself.

    WatchedSite → ImageSighting → Fingerprint → Match → Finding → Hit → Alert → Case (Location, Notice) → Look → Outcome

Times are aware datetimes in UTC. A picture is never a field of anything here. People and hashes are hidden from `repr`.
"""

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from core.picture import Fingerprint as Fingerprint  # noqa: PLC0414  # handed on: they are words of the domain like the others
from core.picture import State as State  # noqa: PLC0414
from core.picture import Word

# ---------------------------------------------------------------------------------------------------------------- words


class PersonId(str):
    """The opaque id of a protected person. Prints as itself where asked to, never by accident in a `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PersonId(…)"


class Tier(enum.StrEnum):
    """How sure a finding is. Only `CONFIRMED` may act before a person has looked."""

    CONFIRMED = "confirmed"
    PROBABLE = "probable"
    REVIEW = "review"


class Evidence(enum.StrEnum):
    """What carried a match."""

    FRAME = "frame"  # the whole picture, or what was left of it without its border
    REGION = "region"  # a part of one of the two: a crop, a cell of a collage
    REGISTERED = "registered"  # a part that was shifted, scaled and turned until it lay best
    LOCAL = "local"  # corners of the picture that lie in the same places


# -------------------------------------------------------------------------------------------------------- watched sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Who agreed that a site is watched, and for how long. Both days are included."""

    agreed_by: str
    agreed_on: date
    expires_on: date
    reference: str

    def valid_on(self, day: date) -> bool:
        return self.agreed_on <= day <= self.expires_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The part of the day in which a site may be asked; `opens == closes` is the whole day, `opens > closes` spans midnight."""

    opens: time = time(0, 0)
    closes: time = time(0, 0)
    zone: str = "UTC"

    def contain(self, now: datetime) -> bool:
        if self.opens == self.closes:
            return True
        at = now.astimezone(ZoneInfo(self.zone)).time()
        if self.opens < self.closes:
            return self.opens <= at < self.closes
        return at >= self.opens or at < self.closes


LOOK_S = 300.0  # as often as politeness lets a page that lists what is new be asked for: crawler.revisit


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    delay_s: float = 0.5  # between two requests to one host
    concurrency: int = 4  # requests under way at one host
    robots: str = "obey"  # or "agreed": the agreement names robots.txt
    hours: Hours = Hours()
    every_s: float = (
        3600.0  # so many requests as one pass; where it is short, the start of one to the start of the next
    )

    @property
    def look_every_s(self) -> float:
        """From one scheduled look to the next: what is worth a visit by then is asked for."""
        return min(self.every_s, LOOK_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one pass, but for the last two, which hold for all passes of a UTC day together; None: as many as the passes ask for."""

    max_pages: int = 20_000
    max_images: int = 200_000
    max_bytes: int = 50 * 2**30
    max_video_bytes: int = 48 * 2**20  # of one video: as much as the matcher decodes
    max_rendered: int = 5_000  # pages opened in a browser, 0.9 CPU seconds each; of the others their HTML alone is read
    requests_per_day: int | None = None  # robots.txt and each hop of a redirect included
    bytes_per_day: int | None = None

    @property
    def daily(self) -> bool:
        return self.requests_per_day is not None or self.bytes_per_day is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """What was asked of one site on one UTC day, by all passes and machines."""

    requests: int = 0
    byte_count: int = 0

    def spent(self, limits: Limits) -> str | None:
        """Why nothing more is asked on this day; None: something may be."""
        if limits.requests_per_day is not None and self.requests >= limits.requests_per_day:
            return f"the day's {limits.requests_per_day:,} requests are used up; it goes on tomorrow (UTC)"
        if limits.bytes_per_day is not None and self.byte_count >= limits.bytes_per_day:
            return f"the day's {limits.bytes_per_day:,} bytes are used up; it goes on tomorrow (UTC)"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the agreement lets us say to be let in: one header, to these hosts alone and over https alone."""

    header: str  # "Cookie", "Authorization", …
    secret: str  # the name of the file that holds the value; the value is nowhere in here
    hosts: tuple[str, ...]  # exact, as in WatchedSite; "name" means port 443


@dataclass(frozen=True, slots=True, kw_only=True)
class TakedownContact:
    email: str | None = None
    form: str | None = None
    law: str | None = None  # a row of config/regimes.toml


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSite:
    """One file of config/sites. `hosts` and `image_hosts` are exact, lower case; "name" means ports 80 and 443, "name:8443" that port."""

    name: str
    kind: str
    start: tuple[str, ...]
    hosts: tuple[str, ...]
    image_hosts: tuple[str, ...] = ()
    allow_private: bool = False
    agreement: Agreement
    politeness: Politeness = Politeness()
    limits: Limits = Limits()
    takedown: TakedownContact = TakedownContact()
    login: Login | None = None
    socks_proxy: str | None = (
        None  # "host:port" of the SOCKS 5 proxy through which .onion hosts are asked, and no others
    )
    canary_page: str | None = None  # where the operator put the drawn picture that each pass must find


class Standing(enum.StrEnum):
    """What the operator has decided about a site since its file was written."""

    WATCHED = "watched"
    PAUSED = "paused"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRecord:
    """One pass over a site: what it met, by state. `finished` is None while it runs or when it was killed."""

    id: str
    site: str
    started: datetime
    finished: datetime | None = None
    pages: Mapping[State, int] = field(default_factory=dict)
    images: Mapping[State, int] = field(default_factory=dict)
    hits: int = 0  # hits added that were not known before
    byte_count: int = 0
    canary: datetime | None = None  # when the site's canary was found; None: it was not, or there is none
    walled: tuple[str, ...] = ()  # hosts that asked for a proof of being human, and were left alone
    stopped: str = ""  # why it is not finished, where it says so itself
    # What was asked for; what was known from earlier passes is counted above and not here. None: of a pass that did not say.
    answered: int | None = None  # with a body, or that nothing has changed
    failed: int | None = None  # errors and silence
    pictures_answered: int = 0  # of these
    pictures_failed: int = 0
    cut_pages: int = 0  # that were read only in part


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of one URL of a site since it was last read whole, so that what did not change is not fetched again. No body."""

    url: str = field(repr=False)
    state: State  # how that look ended; PARTIAL of a page: it has more than was read
    read_at: datetime
    again_at: datetime  # a picture is asked for again from then on, which may end with "unchanged"; when a page is due is learned
    whole_at: datetime  # fetched whole again from then on, whatever the site says of changes
    recipe: str = ""  # the hashes that were made of a picture; another recipe makes it due
    sha256: str | None = field(default=None, repr=False)  # of a picture
    byte_count: int = 0
    head: bytes = field(default=b"", repr=False)  # digest of a picture's first bytes
    etag: str = field(default="", repr=False)  # as the site sent them; empty: it did not
    last_modified: str = field(default="", repr=False)
    images: tuple[str, ...] | None = field(default=None, repr=False)  # what a page named; None: it is no page
    pages: tuple[str, ...] = field(default=(), repr=False)
    following: tuple[str, ...] = field(default=(), repr=False)  # of these: where a list that an API gives goes on
    learned: str = ""  # of a page: crawler.revisit.Learned, as JSON


class Settled(NamedTuple):
    """A known picture that was compared, and is not due yet."""

    state: State
    sha256: str | None
    read_at: datetime


# ------------------------------------------------------------------------------------------- sightings and fingerprints


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSighting:
    """A picture was met on a page. The bytes travel beside it as an argument, never inside it."""

    site: str
    page_url: str
    image_url: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A drawn picture that the operator puts on a page of a site: a pass that does not find it did not look well enough to say "none".

    It shows nobody and belongs to nobody. It is no enrolment and stands in none of their tables, so it can raise no hit, alert or case.
    """

    site: str
    made: datetime
    fingerprints: tuple[Fingerprint, ...] = field(repr=False)
    found: datetime | None = None  # by the last pass that found it


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedPicture:
    """One picture of a hash set: what leaves the person's device. `ref` is random and says nothing."""

    ref: str
    quality: int
    fingerprints: tuple[Fingerprint, ...]
    local: bytes | None = field(default=None, repr=False)  # matcher.corners.packed, where the person chose it


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSet:
    """A readable SET.json: what may be enrolled, and what was refused with the reason, by ref."""

    recipe: str
    pictures: tuple[HashedPicture, ...]
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One enrolled fingerprint, as the matcher holds it."""

    person: PersonId
    ref: str
    fingerprint: Fingerprint
    threshold: int  # differing bits allowed, inclusive


class HashRow(NamedTuple):
    """One enrolled fingerprint as an index holds it: a number and a hash, and nobody's name."""

    entry: int  # the fingerprint's id in the store, never given twice
    hasher: str
    bits: str  # hex, as in Fingerprint
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HashChanges:
    """What became of the enrolled hashes after some version, up to `version`. Taking it twice, or out of order, does no harm."""

    version: int
    changed: Sequence[HashRow] = field(
        repr=False
    )  # new, or with another threshold; where an entry is in both, it is gone
    removed: Sequence[int]  # entries that are gone
    whole: bool = False  # `changed` is everything there is: an entry that it does not name is gone


class CornerRow(NamedTuple):
    """The corners of one enrolled picture, as a matcher holds them in memory: a number, and nobody's name. The most sensitive thing
    there is here: an outline of the picture can be guessed from them."""

    entry: int  # the number of these corners in the store, never given twice
    corners: bytes  # matcher.corners.packed

    def __repr__(self) -> str:
        return f"CornerRow(entry={self.entry})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CornerChanges:
    """As HashChanges."""

    version: int
    changed: Sequence[CornerRow] = field(repr=False)
    removed: Sequence[int]
    whole: bool = False


class PersonState(enum.StrEnum):
    PROTECTED = "protected"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"  # never enrolled here


# -------------------------------------------------------------------------------------------------------------- matches

Overlay = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
"""Where the enrolled picture lies in the seen one: its upper left, upper right, lower right and lower left corner, as (x, y) in
thousandths of the seen picture's width and height. Beyond 0 to 1000 where the seen picture shows a part only. No pixel is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One enrolled fingerprint lies within its threshold of a seen one."""

    enrolment: Enrolment
    seen: Fingerprint
    distance: int  # differing bits; LOCAL: where the corners lay the enrolled picture, UNTOLD when none of its views is seen there
    evidence: Evidence = Evidence.FRAME
    overlay: Overlay | None = None
    agreeing: int = 0  # LOCAL: corners that lie in the same places
    visible: int = 0  # LOCAL: corners that would, were all of them seen


UNTOLD: Final = 128  # of 256 bits, what strangers differ in


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledPicture:
    """One picture of somebody, as the store has it at this moment.

    face            the enrolment that stands for it where no hash was compared
    fingerprints    all of its views
    """

    face: Enrolment
    fingerprints: tuple[Fingerprint, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The best match of one person in one picture, and how sure it is.

    limit     the differing bits up to which this tier reaches for this evidence
    ranges    of a video: (from, to) in seconds, where it was found
    """

    match: Match
    tier: Tier
    limit: int | None = None
    ranges: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What came of one picture. `reason` is empty or one plain sentence for the state."""

    sha256: str = field(repr=False)
    state: State
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = field(default=(), repr=False)  # what was compared
    version: int | None = None  # of the enrolled hashes that it was compared with
    ms: float = 0.0


# -------------------------------------------------------------------------------------------------------- seen earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPicture:
    """A picture that was compared, as it is kept for later enrolments: its fingerprints and where it was, never the picture.

    Of a video's frames their moments are not kept: whoever is found in it is looked for in it afresh before there is a hit.
    """

    sighting: ImageSighting
    sha256: str = field(repr=False)
    fingerprints: tuple[Fingerprint, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSegment:
    """A part of everything seen: of one site, written by one worker, never changed once it is sealed."""

    name: str  # unique, and the same for every machine that reads the store
    site: str
    fingerprints: int  # how many, of all hashers
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """The hashes of one hasher in one segment; row numbers count from 0. The buffers may be memory-mapped: they are read, never kept.

    rows      count × `bits` / 8 bytes: each hash as little-endian 64-bit words, the most significant word first
    slices    the same hashes turned into bit planes (matcher.hamming.slices), or None where a block is not sealed yet
    """

    hasher: str
    bits: int
    count: int
    rows: memoryview = field(repr=False)
    slices: memoryview | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPlace:
    """Where one row of a block was seen."""

    sighting: ImageSighting
    sha256: str = field(repr=False)
    fingerprint: Fingerprint


# ----------------------------------------------------------------------------------------------------------------- hits


class HitStatus(enum.StrEnum):
    CANDIDATE = "candidate"  # waits for a person
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    UNDONE = "undone"  # a decision was taken back: waits for a person again


class Decision(enum.StrEnum):
    CONFIRM = "confirm"
    REJECT = "reject"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One person × image URL × SHA-256. Further pages that show it are in `pages`."""

    id: str
    person: PersonId = field(repr=False)
    site: str
    page_url: str = field(repr=False)
    image_url: str = field(repr=False)
    sha256: str = field(repr=False)
    tier: Tier
    distance: int
    threshold: int
    hasher: str
    view: str  # the enrolled view that matched: how the copy was turned
    ref: str  # the enrolled picture
    cluster: str  # copies that one decision holds for: see cluster_of
    first_seen: datetime
    last_seen: datetime
    status: HitStatus
    revision: int = 1
    case: str | None = None
    pages: tuple[str, ...] = field(default=(), repr=False)
    found_earlier: datetime | None = None  # found by a sweep: when the crawler had met the picture
    evidence: Evidence = Evidence.FRAME
    overlay: Overlay | None = None
    agreeing: int = 0  # as in Match
    ranges: tuple[tuple[float, float], ...] = ()  # as in Finding


class Added(enum.Enum):
    """What the hit log did with a hit."""

    NEW = "new"
    KNOWN = "known"  # last_seen moved on, a further page was kept
    REFUSED = "refused"  # the person is not protected here (withdrawn): nothing was stored


@dataclass(frozen=True, slots=True, kw_only=True)
class HitQuery:
    """Every given part must fit. `text` is looked for in the page and image URL, word by word."""

    site: str | None = None
    person: PersonId | None = None
    status: HitStatus | None = None
    tier: Tier | None = None
    text: str | None = None
    limit: int = 1000
    offset: int = 0


# ----------------------------------------------------------------------------------------------------------- collisions


class HashName(NamedTuple):
    """One enrolled hash. Its person is hidden where it is printed, by PersonId."""

    person: PersonId
    ref: str
    hasher: str
    view: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIn:
    """A picture in which an enrolled hash was found. Never where it was, but for its site.

    whole     bits of its full frame by our own hasher, upright; empty where it has none
    matched   bits of the view that lay near, as they are; empty where they were moved first, or corners matched and no bits
    """

    sha256: str = field(repr=False)
    whole: str = field(repr=False)
    matched: str = field(repr=False)
    at: datetime
    site: str = ""  # it goes with its site; "": a file on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """An enrolled hash that was found in pictures which have nothing to do with each other: it matches nothing until it is released."""

    name: HashName = field(repr=False)
    since: datetime
    threshold: int  # that it had, and gets back


# --------------------------------------------------------------------------------------------------------------- sweeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Enrolled hashes are to be compared with everything seen."""

    id: str
    created: datetime
    since: datetime | None = None  # only what was seen at or after this moment
    person: PersonId | None = field(default=None, repr=False)  # None: everybody
    refs: tuple[str, ...] = ()  # of this person, only these pictures; none: all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTask:
    """One segment of one sweep, claimed by one worker."""

    sweep: str
    segment: str
    ticket: str = field(repr=False)  # of this claim: who has lost it cannot end the task
    since: datetime | None = None  # as in Sweep
    attempts: int = 0  # that came to nothing


class FindState(enum.StrEnum):
    """What the fresh look at a find's URL told."""

    WAITING = "waiting"  # nobody could look yet: it may be there or not
    HIT = "hit"  # the person is found in it now
    GONE = "gone"  # the site says it is not there any more
    CHANGED = "changed"  # a picture without the person is there now, compared whole


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFind:
    """A person was found among what was seen: the picture was there then, and is to be looked at now. Not a hit yet."""

    id: str  # core.model.hit_id of what was seen: sweeping twice finds once
    sweep: str  # the last one that found it
    person: PersonId = field(repr=False)
    sighting: ImageSighting = field(repr=False)
    sha256: str = field(repr=False)  # of the picture that was seen
    state: FindState = FindState.WAITING
    attempts: int = 0
    reason: str = ""  # while waiting: how the last look ended


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgress:
    """Of one sweep, so far."""

    segments: int  # compared
    left: int  # segments that are not compared yet
    fingerprints: int  # in the segments that were compared
    under_way: int = 0  # of those that are left, held by a worker: also by one that died and has not been relieved yet
    untried: int = 0  # of those that are left, never tried
    finds: Mapping[FindState, int] = field(default_factory=dict)
    looking: int = 0  # of those that wait, held by a worker


# --------------------------------------------------------------------------------------------------------------- outbox


class Topic(enum.StrEnum):
    """What is to be done after a commit. One row a (topic, key, revision)."""

    DESK = "desk"  # key: hit id; alert, case and draft follow the hit's status
    PERSON = "person"  # key: person id; the person's cases follow a withdrawal
    INDEX = "index"  # key: hit id; the search index follows
    CHANNEL = "channel"  # key: alert id; tell the configured channels
    TROUBLE = "trouble"  # key: trouble id; tell the configured channels that a site is not watched as it should be
    MAIL = "mail"  # key: "case id/notice id"; an approved notice leaves
    CRAWL = "crawl"  # key: site name; a pass is due
    RECHECK = "recheck"  # key: "due"; locations are to be looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A row of the outbox."""

    id: int
    topic: Topic
    key: str = field(repr=False)
    created: datetime
    due: datetime
    attempts: int = 0


# ------------------------------------------------------------------------------------------------- troubles of watching


class TroubleKind(Word):
    """Why "no hits" on a site may mean that nobody looked."""

    CANARY_MISSED = "canary_missed", "the drawn picture that each pass must find was not found"
    ROBOTS_UNREAD = "robots_unread", "robots.txt could not be read in three finished passes in a row"
    ONLY_ERRORS = "only_errors", "three finished passes in a row met nothing but errors"
    NO_PICTURES = "no_pictures", "three finished passes in a row looked at no picture"
    WALLED = "walled", "a host wants a proof of being human, and is left alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """It is open until the watching has recovered, and is told once."""

    id: str
    site: str
    kind: TroubleKind
    reason: str
    since: datetime


# ------------------------------------------------------------------------------------------------------ alerts and cases


class AlertStatus(enum.StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    TAKEN_BACK = "taken_back"  # no hit of it stands any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """For the desk, never for the person. While it is new, further hits of the same person on the same site join it."""

    id: str
    person: PersonId = field(repr=False)
    site: str
    hits: tuple[str, ...]
    status: AlertStatus
    created: datetime
    revision: int = 0  # of the stored row; 0: not stored yet


class LocationState(enum.StrEnum):
    LIVE = "live"
    NOTIFIED = "notified"  # live, and a notice about it has left
    UNKNOWN = "unknown"  # the last look could not tell
    GONE = "gone"
    RELAPSED = "relapsed"  # was gone and is back
    DISMISSED = "dismissed"  # its hit was rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """One place where the picture is, or was: the image URL of one hit."""

    hit: str
    site: str
    page_url: str = field(repr=False)
    image_url: str = field(repr=False)
    state: LocationState
    since: datetime
    next_look: datetime | None  # None: not looked at again
    last_look: datetime | None = None
    unknown_streak: int = 0
    before_unknown: LocationState | None = (
        None  # while UNKNOWN: what was known before, so that "gone, unknown, there" is still a relapse
    )


class NoticeStatus(enum.StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"  # claimed by a sender; if that one dies it becomes UNCONFIRMED
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"  # may have left: a person decides, nothing is sent twice by itself
    FAILED = "failed"  # refused by the mail server
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    subject: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One recipient × one law. The letter is frozen with the approval; until then it is drawn anew from the case."""

    id: str
    kind: str  # a row of alerts.notices.NOTICES, which is a row of config/regimes.toml
    site: str
    recipient: str | None = field(repr=False)  # None: the site names no contact
    hits: tuple[str, ...]
    status: NoticeStatus
    drafted: datetime
    missing: tuple[str, ...] = ()  # required elements that are not there yet
    letter: Letter | None = None
    approved_by: str | None = None
    approved: datetime | None = None
    sent: datetime | None = None
    deadline: datetime | None = None
    failure: str = ""


class CaseStatus(enum.StrEnum):
    """Follows from the locations, but for WITHDRAWN."""

    OPEN = "open"
    REOPENED = "reopened"  # something was gone and is back
    QUIET = "quiet"  # everything is gone; looked at again all the same
    DISMISSED = "dismissed"  # every hit was rejected
    WITHDRAWN = "withdrawn"  # the person withdrew


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One person's case: where the pictures are, and what was sent about them."""

    id: str
    person: PersonId = field(repr=False)
    status: CaseStatus
    opened: datetime
    locations: tuple[Location, ...] = ()
    notices: tuple[Notice, ...] = ()
    revision: int = 0  # of the stored row; 0: not stored yet


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDetails:
    """What a notice must carry about the person. Stored apart from the hashes."""

    name: str = field(repr=False)
    contact: str = field(repr=False)
    capacity: str  # "subject" or "authorised_representative"
    statement: str = field(repr=False)
    signed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A law's row of config/regimes.toml."""

    id: str
    name: str
    citation: str
    elements: tuple[str, ...]  # required elements, each a key of alerts.notices' table
    removal_h: float | None  # hours from receipt to removal; None: no fixed time
    copies: str  # the duty about further copies, in words; empty: none
    in_force: date | None  # None: unknown, so it is never relied on
    source: str
    checked_on: date


# --------------------------------------------------------------------------------------------------------------- recheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one more look at a location saw. No verdict: that is alerts.rechecks.grade."""

    hit: str
    at: datetime
    image: State
    page: State
    still_matches: bool | None  # None: there was no picture to compare
    page_shows_image: bool | None  # the page, if it could be read, still names the image URL


class Outcome(enum.Enum):
    STILL_THERE = "still there"
    GONE = "gone"
    UNKNOWN = "unknown"  # we could not look: never taken for GONE


# ------------------------------------------------------------------------------------------------------------------- ids


def derived_id(kind: str, *parts: str) -> str:
    """The same id for the same content: doing a thing twice is harmless. 128 bits of SHA-256 as hex."""
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()[:32]


def hit_id(person: PersonId, image_url: str, sha256: str) -> str:
    return derived_id("hit", person, image_url, sha256)


def hit_of(finding: Finding, sighting: ImageSighting, sha256: str) -> Hit:
    """The hit that a finding in a sighted picture makes. Confirmed findings make confirmed hits, all others candidates."""
    enrolment = finding.match.enrolment
    return Hit(
        id=hit_id(enrolment.person, sighting.image_url, sha256),
        person=enrolment.person,
        site=sighting.site,
        page_url=sighting.page_url,
        image_url=sighting.image_url,
        sha256=sha256,
        tier=finding.tier,
        distance=finding.match.distance,
        threshold=enrolment.threshold if finding.limit is None else finding.limit,
        hasher=enrolment.fingerprint.hasher,
        view=enrolment.fingerprint.view,
        ref=enrolment.ref,
        cluster=cluster_of(finding, sha256),
        first_seen=sighting.seen_at,
        last_seen=sighting.seen_at,
        status=HitStatus.CONFIRMED if finding.tier is Tier.CONFIRMED else HitStatus.CANDIDATE,
        pages=(sighting.page_url,),
        evidence=finding.match.evidence,
        overlay=finding.match.overlay,
        agreeing=finding.match.agreeing,
        ranges=finding.ranges,
    )


def cluster_of(finding: Finding, sha256: str) -> str:
    """All sure copies of one enrolled picture of one person, docs/adr/0001; of what only may be one, the very same bytes, docs/adr/0008."""
    enrolment = finding.match.enrolment
    bytes_too = () if finding.tier is Tier.CONFIRMED else (sha256,)
    return derived_id("cluster", enrolment.person, enrolment.ref, *bytes_too)


def rfc3339(at: datetime) -> str:
    """As every time is shown outside: UTC, whole seconds unless there are more, "Z"."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
