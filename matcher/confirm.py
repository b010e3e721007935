"""From matches to findings: how sure the matcher is. Pure policy; the numbers are `Limits`, measured in `benchmarks/detection.py`.

Each kind of evidence has limits of its own, because each comes near by chance at another distance: a whole frame is compared once, a
region is one of many, a registered region was moved until it lay best, and corners are counted instead.

Only a hash that lies as it was made may confirm: within 31 bits a frame or region was never another picture's. Whatever was moved
into place, and whatever is told by corners, is PROBABLE at most: a person looks.

Corners that agree are not enough: two things photographed on one floor share that floor, and 30 of its corners. So either the hash must
be near, too, where the corners lay the picture, or more than a fifth of the corners that would be seen there must agree. Of 3,327
photographs, 11 million pairs, many of shirts on one sheet, no two agreed so.

A 64-bit hash never confirms. Against a million entries pHash hit 12 % of unrelated pictures at 10 bits, 1 % at 8 and none of
768 at 6: within 6 bits it is REVIEW, whatever the entry's threshold says.

Flat pictures and frames collide: with a quality below 50 on either side there is no finding at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from core.model import Evidence, Finding, Match, PersonId, Tier
from matcher.hashers import MIN_QUALITY

_SHELVES: Final[Mapping[str, tuple[int, ...]]] = {
    # Up to which differing bits entries of one hasher are searched together: each search costs what its widest entry costs.
    "pdq": (31, 63, 80),
    "area": (31, 63, 80),
    "phash64": (6,),
}
_PLAINNESS: Final = {Evidence.FRAME: 0, Evidence.REGION: 1, Evidence.REGISTERED: 2, Evidence.LOCAL: 3}
NEVER: Final = -1  # bits
_SURENESS: Final = {Tier.CONFIRMED: 0, Tier.PROBABLE: 1, Tier.REVIEW: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Differing bits of 256, inclusive. -1 bits: never.

    candidate       up to here a region or frame that proves nothing by itself is registered
    local_probable  corners that agree, at least; local_review likewise. Besides, one of these two must hold:
    local_bits      where the corners lay the enrolled picture, its hash is so near
    local_share     per cent of the corners that would be seen there; more agree
    """

    frame_confirmed: int = 31
    frame_probable: int = 44
    frame_review: int = 46
    region_confirmed: int = 31
    region_probable: int = 34
    region_review: int = 36
    candidate: int = 70
    registered_probable: int = 18
    registered_review: int = 20
    local_probable: int = 8
    local_review: int = 6
    local_bits: int = 40
    local_share: int = 20

    def steps(self, evidence: Evidence) -> tuple[tuple[int, Tier], ...]:
        """(differing bits up to which, tier), the surest first. LOCAL is told by more: see `corners`."""
        match evidence:
            case Evidence.FRAME:
                bits = self.frame_confirmed, self.frame_probable, self.frame_review
            case Evidence.REGION:
                bits = self.region_confirmed, self.region_probable, self.region_review
            case Evidence.REGISTERED:
                bits = NEVER, self.registered_probable, self.registered_review
            case _:
                return ()
        return tuple(zip(bits, _SURENESS, strict=True))

    def corners(self, match: Match) -> Tier | None:
        """How sure a LOCAL match is."""
        near = match.distance <= min(self.local_bits, match.enrolment.threshold)
        if not near and 100 * match.agreeing <= self.local_share * match.visible:
            return None
        if match.agreeing >= self.local_probable:
            return Tier.PROBABLE
        return Tier.REVIEW if match.agreeing >= self.local_review else None


DEFAULT: Final = Limits()
_SUPPORT: Final = ((6, Tier.REVIEW),)  # of 64 bits


def farthest(hasher: str) -> int:
    """The distance beyond which a match of this hasher says nothing, whatever the entry's threshold."""
    return max(_SHELVES.get(hasher, ()), default=-1)


def reach(hasher: str, threshold: int) -> int:
    """The farthest distance of the shelf on which an entry with this threshold stands: a shelf is searched at once."""
    return next((most for most in _SHELVES.get(hasher, ()) if threshold <= most), farthest(hasher))


def finding(match: Match, limits: Limits = DEFAULT) -> Finding | None:
    """None: this match says nothing."""
    entry = match.enrolment
    if entry.threshold < 0:  # matches nothing: withdrawn from comparison, or in quarantine
        return None
    if match.evidence is Evidence.LOCAL:
        sure = limits.corners(match)
        return None if sure is None else Finding(match=match, tier=sure, limit=min(limits.local_bits, entry.threshold))
    if match.distance > entry.threshold or min(entry.fingerprint.quality, match.seen.quality) < MIN_QUALITY:
        return None
    steps = _SUPPORT if match.seen.hasher == "phash64" else limits.steps(match.evidence)
    for most, tier in steps:
        if match.distance <= most:
            return Finding(match=match, tier=tier, limit=min(most, entry.threshold))
    return None


def findings(matches: Iterable[Match], limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """One a person, the best there is: the surest tier, then the smallest distance, then by names, so that every run agrees.

    The surest and nearest person comes first.
    """
    best: dict[PersonId, Finding] = {}
    for match in matches:
        found = finding(match, limits)
        if found is None:
            continue
        known = best.get(match.enrolment.person)
        if known is None or _rank(found) < _rank(known):
            best[match.enrolment.person] = found
    return tuple(sorted(best.values(), key=_rank))


def _rank(found: Finding) -> tuple[int, int, bool, int, int, str, str, str, str, str]:
    """The surest tier; of one tier the plainest evidence, as it was met before as it was turned."""
    entry = found.match.enrolment
    return (
        _SURENESS[found.tier],
        _PLAINNESS[found.match.evidence],
        "/" in found.match.seen.view,
        -found.match.agreeing,
        found.match.distance,
        str(entry.person),
        entry.ref,
        entry.fingerprint.hasher,
        entry.fingerprint.view,
        found.match.seen.view,
    )
