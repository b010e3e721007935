"""Hashes that are found where they are not: what the matcher says of them, kept and acted on.

    enrolment    what resembles plain pictures, or much that was seen, is refused or looked for less far
    a crawl      what each hash is found in is noted; one that is found in pictures which have nothing to do with each other is put aside
    an analyst   a picture that was said no to is known again (banking.py): what is found in one like it, a person looks at first

None of this makes a hit go away. Where a store does not answer, the hit is as it would have been without.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np

from core.errors import StoreUnavailable, UnknownId
from core.model import (
    Evidence,
    Examination,
    Finding,
    Fingerprint,
    FoundIn,
    HashedPicture,
    HashName,
    HashSet,
    PersonId,
    State,
    Tier,
)
from core.ports import CollisionBook, Examiner, NegativeBank, People, SeenStore
from matcher.collisions import NEAR, REACH, Standing, judged, unrelated, whole
from matcher.confirm import DEFAULT, Limits
from matcher.hamming import Words, slices
from matcher.index import words
from matcher.views import REGION_HASHER, UPRIGHT, parsed, view

log = logging.getLogger("stillwatch.collisions")

ALIKE: Final = 24  # bits: so near a picture that was said no to, a picture is taken for the same
ASK_EVERY_S: Final = 5.0  # the bank
COMPARED: Final = 2**32  # pairs of hashes that an enrolment looks through: some seconds
_SLAB: Final = 2**22  # of them at once
_AS_THEY_LIE: Final = frozenset({Evidence.FRAME, Evidence.REGION})
_SURENESS: Final = {tier: place for place, tier in enumerate((Tier.CONFIRMED, Tier.PROBABLE, Tier.REVIEW))}


class WatchfulExaminer:
    """Implements core.ports.Examiner around another one. Threads may share it."""

    def __init__(
        self,
        examiner: Examiner,
        book: CollisionBook,
        bank: NegativeBank,
        limits: Limits = DEFAULT,
        *,
        site: str = "",
        now: Callable[[], datetime],
        announce: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        site       whose pictures are looked at; "": files on this machine
        announce   called when a hash was put aside, so that other processes hear of it
        """
        self._examiner = examiner
        self._book = book
        self._bank = bank
        self._limits = limits
        self._site = site
        self._now = now
        self._announce = announce
        self._clock = clock
        self._known: tuple[float, Sequence[str]] = (-float("inf"), ())

    def examine(self, image_bytes: bytes) -> Examination:
        examination = self._examiner.examine(image_bytes)
        if examination.state is not State.HIT:
            return examination
        found = []
        for each in examination.findings:
            whole_frame = _whole_frame(examination.fingerprints, each.match.seen)
            kept = _lowered(each, self._limits) if self._said_no_to(whole_frame) else each
            self._note(kept, examination.sha256, whole_frame)
            found.append(kept)
        return replace(examination, findings=tuple(sorted(found, key=lambda each: _SURENESS[each.tier])))

    def _said_no_to(self, whole_frame: str) -> bool:
        if not whole_frame:
            return False
        asked_at, pictures = self._known
        if self._clock() - asked_at >= ASK_EVERY_S:
            try:
                pictures = self._bank.pictures()
            except StoreUnavailable as error:
                log.warning("collisions.bank_not_read: %s", error)
            self._known = self._clock(), pictures
        if not pictures:
            return False
        apart = np.bitwise_count(words(list(pictures)) ^ words([whole_frame])).sum(axis=1)
        return bool(apart.min() <= ALIKE)

    def _note(self, finding: Finding, sha256: str, whole_frame: str) -> None:
        entry, match = finding.match.enrolment, finding.match
        name = HashName(entry.person, entry.ref, entry.fingerprint.hasher, entry.fingerprint.view)
        matched = match.seen.bits if match.evidence in _AS_THEY_LIE else ""
        try:
            found = FoundIn(sha256=sha256, whole=whole_frame, matched=matched, at=self._now(), site=self._site)
            kept = self._book.note(name, found)
            if unrelated([each.matched for each in kept if each.matched]) and self._book.quarantine(name, self._now()):
                log.warning("collisions.quarantined", extra={"hasher": name.hasher, "view": name.view})
                self._announce()
        except StoreUnavailable as error:
            log.warning("collisions.not_noted: %s", error)


def _whole_frame(fingerprints: Sequence[Fingerprint], seen: Fingerprint) -> str:
    """Bits by our own hasher of the frame in which this was seen; empty where there are none. The first frames of two videos may be the
    same, and say nothing of the others."""
    at = parsed(seen.view)
    name = view(0 if at is None else at.frame, UPRIGHT)
    return next((each.bits for each in fingerprints if each.hasher == REGION_HASHER and each.view == name), "")


def _lowered(finding: Finding, limits: Limits) -> Finding:
    """REVIEW at most, unless the whole picture proves it."""
    evidence = finding.match.evidence
    if finding.tier is Tier.REVIEW or (finding.tier is Tier.CONFIRMED and evidence is Evidence.FRAME):
        return finding
    reach = next((bits for bits, tier in limits.steps(evidence) if tier is Tier.REVIEW), finding.limit)
    return replace(finding, tier=Tier.REVIEW, limit=reach)


# ------------------------------------------------------------------------------------------------------------ enrolment


def weighed(store: SeenStore, offered: HashSet) -> tuple[HashSet, Mapping[str, str]]:
    """The set with what is too plain refused, and why some of what is left is to be looked for less far, by ref."""
    seen = resembling(store, offered.pictures)
    verdicts = {each.ref: judged(each, seen.get(each.ref, ())) for each in offered.pictures}
    refused = [(ref, each.reason) for ref, each in verdicts.items() if each.standing is Standing.REFUSED]
    left = tuple(each for each in offered.pictures if verdicts[each.ref].standing is not Standing.REFUSED)
    marked = {ref: each.reason for ref, each in verdicts.items() if each.standing is Standing.MARKED}
    return replace(offered, pictures=left, refused=(*offered.refused, *refused)), marked


def resembling(store: SeenStore, pictures: Sequence[HashedPicture]) -> Mapping[str, Sequence[str]]:
    """By ref: bits of the whole views of pictures that were seen and lie near it. Of very much that was seen the newest is looked through.

    What cannot be read is left out: it makes no picture common.
    """
    asked = [(picture.ref, each.bits) for picture in pictures for each in whole(picture)]
    found: dict[str, dict[str, str]] = {}
    if not asked:
        return {}
    hashes, left = words([bits for _, bits in asked]), COMPARED // len(asked)
    try:
        for segment in sorted(store.segments(), key=lambda each: each.newest, reverse=True):
            if left <= 0:
                break
            left -= segment.fingerprints
            for at, sha256, bits in _near(store, segment.name, hashes):
                found.setdefault(asked[at][0], {})[sha256] = bits
    except StoreUnavailable as error:
        log.warning("collisions.not_compared_with_everything: %s", error)
    return {ref: list(dict.fromkeys(each.values())) for ref, each in found.items()}


def _near(store: SeenStore, segment: str, hashes: Words) -> Iterator[tuple[int, str, str]]:
    """(row of `hashes`, SHA-256 of the picture, bits of its whole view), copies left out."""
    pairs: set[tuple[int, int]] = set()
    with store.blocks(segment) as blocks:
        for block in blocks:
            if block.hasher == REGION_HASHER and block.count:
                some = max(1, _SLAB // block.count)
                for start in range(0, len(hashes), some):
                    near = slices.search(block.slices, block.rows, block.bits, hashes[start : start + some], NEAR)
                    far = near.distances > REACH
                    pairs.update(zip((near.rows[far] + start).tolist(), near.entries[far].tolist(), strict=True))
    rows = sorted({row for _, row in pairs})
    if not rows:
        return
    places = dict(
        zip(rows, store.places(segment, REGION_HASHER, rows), strict=False)
    )  # none when it was erased meanwhile
    for at, row in sorted(pairs):
        place = places.get(row)
        view = None if place is None else parsed(place.fingerprint.view)
        if place is not None and view is not None and view.whole:
            yield at, place.sha256, place.fingerprint.bits


def reach_less(people: People, person: PersonId, pictures: Sequence[HashedPicture], marked: Collection[str]) -> None:
    """Pictures whose refs are marked, once they are enrolled, are looked for no farther than what is confirmed."""
    from stores.rules import other_ref

    for picture in pictures:
        if picture.ref not in marked:
            continue
        for ref in (other_ref(person, picture), picture.ref):  # the first only where another picture has its ref
            try:
                people.set_threshold(person, ref, REGION_HASHER, REACH)
            except UnknownId:
                continue
            break
