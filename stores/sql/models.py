"""The tables. Text has no length: URLs and letters are as long as they are.

Words of `core.model` enums are stored as their values. Ids are `core.model.derived_id`s unless they are numbers.
"""

from django.db import models
from django.db.models import Q

from core.model import Evidence
from stores.sql.tickets import new_ticket


class Row(models.Model):
    class Meta:
        abstract = True

    def __str__(self) -> str:
        """Only the kind: rows hold people, addresses and hashes."""
        return type(self).__name__


# --------------------------------------------------------------------------------------------------------------- people


class Person(Row):
    id = models.TextField(primary_key=True)
    state = models.TextField()
    enrolled = models.DateTimeField()
    changed = models.DateTimeField()


class EnrolledPicture(Row):
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="pictures")
    ref = models.TextField()
    contents = models.TextField()  # stores.rules.contents: the same hashes are stored once
    recipe = models.TextField()
    quality = models.IntegerField()
    enrolled = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "ref"], name="one_picture_a_ref"),
            models.UniqueConstraint(fields=["person", "contents"], name="one_picture_a_contents"),
        ]


class EnrolledFingerprint(Row):
    picture = models.ForeignKey(EnrolledPicture, on_delete=models.CASCADE, related_name="fingerprints")
    hasher = models.TextField()
    view = models.TextField()
    bits = models.TextField()
    quality = models.IntegerField()
    threshold = models.IntegerField()
    version = models.BigIntegerField(default=0)  # of the hash set, when this row came or changed
    time_s = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["version"], name="fingerprint_by_version")]


class RemovedFingerprint(Row):
    """Says to an index which entry is gone since when; nothing of whose it was, or of the hash."""

    entry = models.BigIntegerField()
    version = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["version"], name="removed_by_version")]


class EnrolledCorners(Row):
    """Of one picture, where its person chose to have them kept. Never in plain: sealed for this person and these contents."""

    picture = models.OneToOneField(EnrolledPicture, on_delete=models.CASCADE, related_name="corners")
    sealed = models.BinaryField()
    version = models.BigIntegerField()  # of the hash set, when this row came or changed

    class Meta:
        indexes = [models.Index(fields=["version"], name="corners_by_version")]


class RemovedCorners(Row):
    """As RemovedFingerprint."""

    entry = models.BigIntegerField()
    version = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["version"], name="corners_removed_by_version")]


class HashSetVersion(Row):
    """One row, made by the first migration. Whoever changes the hash set holds it until the change is committed."""

    version = models.BigIntegerField(default=0)


class PastHashSetVersion(Row):
    """Each version that the hash set has had here: an index with another one remembers what never was, and must read everything."""

    version = models.BigIntegerField(primary_key=True)


class Exchange(Row):
    name = models.TextField(primary_key=True)
    key = models.TextField()  # the check of the key that its people's ids were made with
    fetched_to = models.BigIntegerField(null=True)


class ExchangeWord(Row):
    """The newest that an exchange has said about a hash. No foreign key: word may have come of one that was never enrolled."""

    person = models.TextField(primary_key=True)
    given = models.BigIntegerField()  # its number: a later word has a greater one


class PersonNoticeDetails(Row):
    """No foreign key: kept apart from the hashes, and erased apart."""

    person = models.TextField(primary_key=True)
    name = models.TextField()
    contact = models.TextField()
    capacity = models.TextField()
    statement = models.TextField()
    signed_at = models.DateTimeField(null=True)


# ----------------------------------------------------------------------------------------------------------- collisions


class StoredFoundIn(Row):
    """A picture in which an enrolled hash was found. No foreign key: rows go with the person's, see collision_rows."""

    person = models.TextField()
    ref = models.TextField()
    hasher = models.TextField()
    view = models.TextField()
    sha256 = models.TextField()
    whole = models.TextField()  # bits
    matched = models.TextField()  # bits
    at = models.DateTimeField()
    site = models.TextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "ref", "hasher", "view", "sha256"], name="one_row_a_hash_and_picture"
            )
        ]
        indexes = [
            models.Index(fields=["person", "sha256"], name="found_in_of_hit"),
            models.Index(fields=["site"], name="found_in_of_site"),
        ]


class StoredQuarantine(Row):
    """Kept when it is released: what a person released is never put back by itself."""

    person = models.TextField()
    ref = models.TextField()
    hasher = models.TextField()
    view = models.TextField()
    since = models.DateTimeField()
    threshold = models.IntegerField()  # before
    released = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "ref", "hasher", "view"], name="one_quarantine_a_hash")
        ]


class NegativePicture(Row):
    """A picture that an analyst said is not the person's."""

    hit = models.TextField(primary_key=True)
    person = models.TextField()
    bits = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["person"], name="negative_of_person")]


# ----------------------------------------------------------------------------------------------------------------- hits


class ClusterDecision(Row):
    """The trail of analysts' decisions. Only added to; the last one of a cluster holds."""

    cluster = models.TextField()
    hit = models.TextField()  # the one that was looked at
    decision = models.TextField()
    by = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["cluster", "-id"], name="decision_last_of_cluster")]


class StoredHit(Row):
    id = models.TextField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="hits", db_index=False)
    site = models.TextField()
    page_url = models.TextField()
    image_url = models.TextField()
    sha256 = models.TextField()
    tier = models.TextField()
    distance = models.IntegerField()
    threshold = models.IntegerField()
    hasher = models.TextField()
    view = models.TextField()
    ref = models.TextField()
    cluster = models.TextField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    status = models.TextField()
    decided = models.BooleanField(default=False)  # its status is a decision of an analyst, which can be undone
    revision = models.IntegerField()
    found_earlier = models.DateTimeField(null=True)
    evidence = models.TextField(default=Evidence.FRAME.value)
    overlay = models.JSONField(null=True)  # four [x, y]
    agreeing = models.IntegerField(default=0)
    ranges = models.JSONField(default=list)  # [from, to] in seconds

    class Meta:
        indexes = [
            models.Index(fields=["-first_seen", "id"], name="hit_newest"),
            models.Index(fields=["site", "-first_seen", "id"], name="hit_of_site"),
            models.Index(fields=["person", "-first_seen", "id"], name="hit_of_person"),
            models.Index(fields=["status", "-first_seen", "id"], name="hit_of_status"),
            models.Index(fields=["cluster"], name="hit_of_cluster"),
        ]


class HitPage(Row):
    """A page that shows a hit, in the order in which they were met."""

    hit = models.ForeignKey(StoredHit, on_delete=models.CASCADE, related_name="page_rows", db_index=False)
    url = models.TextField()
    digest = models.TextField()  # of the URL, which may be longer than an index entry can be

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hit", "digest"], name="one_row_a_page")]


# ----------------------------------------------------------------------------------------------------------------- work


class OutboxRow(Row):
    """One a (topic, key). A row that is done is deleted; one that is dead stays until its key comes up again."""

    ticket = models.BigIntegerField(
        unique=True, default=new_ticket
    )  # what a worker holds: a fresh one for each new change
    topic = models.TextField()
    key = models.TextField()
    created = models.DateTimeField()
    due = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    dead = models.BooleanField(default=False)
    reason = models.TextField(default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "key"], name="one_row_a_topic_and_key")]
        indexes = [models.Index(fields=["topic", "created", "id"], name="outbox_oldest", condition=Q(dead=False))]


class JobSlot(Row):
    job = models.TextField()
    slot = models.DateTimeField()
    holder = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="a_slot_is_claimed_once")]


class Lease(Row):
    name = models.TextField(primary_key=True)
    holder = models.TextField()
    expires = models.DateTimeField()


# --------------------------------------------------------------------------------------------------------------- sweeps


class StoredSweep(Row):
    id = models.TextField(primary_key=True)
    created = models.DateTimeField()
    since = models.DateTimeField(null=True)
    person = models.TextField(default="")  # empty: everybody
    refs = models.JSONField()  # empty: every picture

    class Meta:
        indexes = [
            models.Index(fields=["created"], name="sweep_by_age"),
            models.Index(fields=["person"], name="sweep_of_person"),
        ]


class StoredSweepTask(Row):
    """One segment. `ticket` is the claim that holds it; `free` when another may take it, by the database's clock."""

    sweep = models.ForeignKey(StoredSweep, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    segment = models.TextField()
    site = models.TextField()
    ticket = models.TextField(default="")
    free = models.DateTimeField()
    done = models.DateTimeField(null=True)
    fingerprints = models.IntegerField(default=0)  # compared
    attempts = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sweep", "segment"], name="a_segment_is_once_in_a_sweep")]
        indexes = [
            models.Index(fields=["free", "id"], name="sweep_task_free", condition=Q(done=None)),
            models.Index(fields=["site"], name="sweep_task_of_site"),
        ]


class StoredSweepFind(Row):
    id = models.TextField(primary_key=True)
    sweep = models.TextField()  # no foreign key: a find outlives its sweep
    person = models.TextField()
    site = models.TextField()
    page_url = models.TextField()
    image_url = models.TextField()
    sha256 = models.TextField()
    seen_at = models.DateTimeField()
    state = models.TextField()
    changed = models.DateTimeField()  # when the state was found out
    due = models.DateTimeField()
    held = models.DateTimeField()  # nobody else looks before then
    attempts = models.IntegerField(default=0)
    reason = models.TextField(default="")

    class Meta:
        indexes = [
            models.Index(fields=["due", "site", "id"], name="find_due", condition=Q(state="waiting")),
            models.Index(fields=["sweep", "state"], name="find_of_sweep"),
            models.Index(fields=["person"], name="find_of_person"),
            models.Index(fields=["site"], name="find_of_site"),
        ]


# ---------------------------------------------------------------------------------------------------------------- cases


class StoredAlert(Row):
    id = models.TextField(primary_key=True)
    person = models.TextField()
    site = models.TextField()
    status = models.TextField()
    created = models.DateTimeField()
    revision = models.IntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["-created", "id"], name="alert_newest"),
            models.Index(fields=["person", "-created", "id"], name="alert_of_person"),
        ]


class AlertHit(Row):
    """A hit of an alert, in their order."""

    alert = models.ForeignKey(StoredAlert, on_delete=models.CASCADE, related_name="hit_rows", db_index=False)
    hit = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "hit"], name="a_hit_is_once_in_an_alert")]


class StoredCase(Row):
    id = models.TextField(primary_key=True)
    person = models.TextField(unique=True)
    status = models.TextField()
    opened = models.DateTimeField()
    revision = models.IntegerField()


class StoredLocation(Row):
    case = models.ForeignKey(StoredCase, on_delete=models.CASCADE, related_name="location_rows", db_index=False)
    place = models.IntegerField()
    hit = models.TextField()
    site = models.TextField()
    page_url = models.TextField()
    image_url = models.TextField()
    state = models.TextField()
    since = models.DateTimeField()
    next_look = models.DateTimeField(null=True)
    last_look = models.DateTimeField(null=True)
    unknown_streak = models.IntegerField()
    before_unknown = models.TextField(default="")  # empty: None

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "hit"], name="one_location_a_hit")]
        indexes = [models.Index(fields=["hit"], name="location_of_hit")]


class StoredNotice(Row):
    case = models.ForeignKey(StoredCase, on_delete=models.CASCADE, related_name="notice_rows", db_index=False)
    place = models.IntegerField()
    notice = models.TextField()  # its id
    kind = models.TextField()
    site = models.TextField()
    recipient = models.TextField(default="")  # empty: None
    hits = models.JSONField()
    status = models.TextField()
    drafted = models.DateTimeField()
    missing = models.JSONField()
    letter = models.JSONField(null=True)  # subject and body, once frozen
    approved_by = models.TextField(default="")  # empty: None
    approved = models.DateTimeField(null=True)
    sent = models.DateTimeField(null=True)
    deadline = models.DateTimeField(null=True)
    failure = models.TextField(default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "notice"], name="a_notice_is_once_in_a_case")]


# ---------------------------------------------------------------------------------------------------------------- sites


class SiteStanding(Row):
    """The trail of what operators decided about a site. Only added to; the last one holds, and a revocation for ever."""

    site = models.TextField()
    standing = models.TextField()
    by = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["site", "-id"], name="standing_last_of_site")]


class SitePass(Row):
    id = models.TextField(primary_key=True)
    site = models.TextField()
    started = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    pages = models.JSONField()
    images = models.JSONField()
    hits = models.IntegerField()
    byte_count = models.BigIntegerField()
    canary = models.DateTimeField(null=True)
    walled = models.JSONField(default=list)
    stopped = models.TextField(default="")
    answered = models.IntegerField(null=True)
    failed = models.IntegerField(null=True)
    pictures_answered = models.IntegerField(default=0)
    pictures_failed = models.IntegerField(default=0)
    cut_pages = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["site", "-started", "-id"], name="pass_newest_of_site")]


class StoredCanary(Row):
    """Nobody's picture: apart from the enrolled ones, so that nothing that looks for people can find it."""

    site = models.TextField(primary_key=True)
    made = models.DateTimeField()
    fingerprints = models.JSONField()
    found = models.DateTimeField(null=True)


class StoredTrouble(Row):
    id = models.TextField(primary_key=True)
    site = models.TextField()
    kind = models.TextField()
    reason = models.TextField()
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "kind"], name="one_trouble_of_a_kind_at_a_site")]


class KnownUrl(Row):
    """core.model.Known, times in seconds since the epoch. Of a picture the URL is not kept, only what it is recognised by."""

    site = models.TextField()
    key = models.BinaryField()  # digest of the URL
    url = models.TextField()  # of a page; empty: a picture's
    state = models.TextField()
    read_at = models.FloatField()
    again_at = models.FloatField()
    whole_at = models.FloatField()
    recipe = models.TextField()
    sha256 = models.TextField()  # empty: none
    byte_count = models.BigIntegerField()
    head = models.BinaryField()
    etag = models.TextField()
    last_modified = models.TextField()
    links = models.BinaryField(null=True)  # of a page: packed by stores.sql.site_memory
    learned = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "key"], name="a_url_of_a_site_is_known_once")]
        indexes = [models.Index(fields=["site", "read_at"], name="known_longest_ago")]


class StoredDay(Row):
    """What was asked of a site on one UTC day."""

    site = models.TextField()
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    byte_count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "day"], name="one_row_a_site_and_day")]
