"""From matches to findings: how sure the matcher is. Pure policy; the numbers were measured.

Over 142.7 million pairs of distinct photographs PDQ came no closer than 60 bits, save for one photograph that was there twice:
at 31 bits or fewer, and with features enough on both sides, a match is CONFIRMED. Up to 63 bits the same corpus gives about
one false pair in ten million: PROBABLE, a person looks. Beyond that, if somebody set so wide a threshold, REVIEW.

A 64-bit hash never confirms. Against a million entries pHash hit 12 % of unrelated pictures at 10 bits, 1 % at 8 and none of
768 at 6: within 6 bits it is REVIEW, whatever the entry's threshold says.

Flat pictures and frames collide: with a quality below 50 on either side there is no finding at all.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from core.model import Finding, Match, PersonId, Tier
from matcher.hashers import MIN_QUALITY

# hasher → (differing bits, inclusive → tier), the surest first
_TIERS: Final[Mapping[str, tuple[tuple[int, Tier], ...]]] = {
    "pdq": ((31, Tier.CONFIRMED), (63, Tier.PROBABLE), (256, Tier.REVIEW)),
    "phash64": ((6, Tier.REVIEW),),
}
_SURENESS: Final = {Tier.CONFIRMED: 0, Tier.PROBABLE: 1, Tier.REVIEW: 2}


def farthest(hasher: str) -> int:
    """The distance beyond which a match of this hasher says nothing, whatever the entry's threshold."""
    return max((most for most, _ in _TIERS.get(hasher, ())), default=-1)


def reach(hasher: str, threshold: int) -> int:
    """The farthest distance of the tier in which a match at this threshold falls: thresholds of one reach are searched together."""
    return next((most for most, _ in _TIERS.get(hasher, ()) if threshold <= most), farthest(hasher))


def tier(match: Match) -> Tier | None:
    """None: this match says nothing."""
    entry = match.enrolment
    if entry.fingerprint.hasher != match.seen.hasher or match.distance > entry.threshold:
        return None
    if min(entry.fingerprint.quality, match.seen.quality) < MIN_QUALITY:
        return None
    return next((sure for most, sure in _TIERS.get(match.seen.hasher, ()) if match.distance <= most), None)


def findings(matches: Iterable[Match]) -> tuple[Finding, ...]:
    """One a person, the best there is: the surest tier, then the smallest distance, then by names, so that every run agrees.

    The surest and nearest person comes first.
    """
    best: dict[PersonId, Finding] = {}
    for match in matches:
        sure = tier(match)
        if sure is None:
            continue
        finding = Finding(match=match, tier=sure)
        known = best.get(match.enrolment.person)
        if known is None or _rank(finding) < _rank(known):
            best[match.enrolment.person] = finding
    return tuple(sorted(best.values(), key=_rank))


def _rank(finding: Finding) -> tuple[int, int, str, str, str, str, str]:
    entry = finding.match.enrolment
    return (
        _SURENESS[finding.tier],
        finding.match.distance,
        str(entry.person),
        entry.ref,
        entry.fingerprint.hasher,
        entry.fingerprint.view,
        finding.match.seen.view,
    )
