"""Videos: from matches of frames to who is found, from when to when. Pure; which frames are looked at: `matcher.sampling`."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from core.model import Finding, Match, PersonId, Tier
from matcher import confirm
from matcher.confirm import DEFAULT, Limits
from matcher.views import parsed

GAP_S: Final = 5.0  # two frames that match belong together over so much that does not, or that is too plain to say
_RUN: Final = 2  # frames that match: one alone of many may be chance
BESIDE: Final = 58  # bits: alone it would say too little
_MANY: Final = 5  # frames kept of a video


def ranges(matching: Iterable[tuple[int, float]], *, gap_s: float = GAP_S) -> tuple[tuple[float, float], ...]:
    """From when to when, in seconds, in the order of time.

    matching   number and moment of each kept frame that matches, in any order, as often as it does. Of two with successive numbers
               everything between them is alike to the first: they belong together, however far apart they are.
    """
    merged: list[tuple[float, float]] = []
    before = -2
    for number, time_s in sorted(set(matching)):
        if merged and (number - before <= 1 or 0 <= time_s - merged[-1][1] <= gap_s):
            merged[-1] = merged[-1][0], max(merged[-1][1], time_s)
        else:
            merged.append((time_s, time_s))
        before = number
    return tuple(sorted(merged))


def findings(matches: Iterable[Match], limits: Limits = DEFAULT, *, kept: int | None = None) -> tuple[Finding, ...]:
    """As `confirm.findings`; and of a video when each person is seen. The best frame carries the tier.

    kept   distinct frames of the seen video that were compared; None: at least as many as the matches tell of

    Of a video in which somebody is found, whole frames that lie a little farther off (BESIDE) count among those they are seen in.

    One frame alone of many that is PROBABLE is for REVIEW: each frame is one more chance to be mistaken. What is CONFIRMED stays,
    and what is no video is as confirm.findings says.
    """
    matches = list(matches)
    seen: dict[PersonId, set[tuple[int, float]]] = {}
    highest = 0
    beside = replace(limits, frame_review=max(limits.frame_review, BESIDE))
    for match in matches:
        frame = _frame(match)
        if frame is not None and confirm.finding(match, beside) is not None:
            seen.setdefault(match.enrolment.person, set()).add(frame)
            highest = max(highest, frame[0] + 1)
    many = max(highest, kept or 0) >= _MANY
    made = []
    for found in confirm.findings(matches, limits):
        frames = seen.get(found.match.enrolment.person, set())
        alone = many and len(frames) < _RUN and _frame(found.match) is not None
        made.append(replace(_lowered(found, limits) if alone else found, ranges=ranges(frames)))
    return tuple(sorted(made, key=lambda found: _ORDER.index(found.tier)))  # among equals the order stays


_ORDER: Final = list(Tier)  # the surest first


def _frame(match: Match) -> tuple[int, float] | None:
    """Number and moment; None: it is no frame of a video."""
    if match.seen.time_s is None:
        return None
    view = parsed(match.seen.view)
    return None if view is None else (view.frame, match.seen.time_s)


def _lowered(found: Finding, limits: Limits) -> Finding:
    if found.tier is not Tier.PROBABLE:
        return found
    reaches = [most for most, tier in limits.steps(found.match.evidence) if tier is Tier.REVIEW]
    limit = min([*reaches, found.match.enrolment.threshold]) if reaches else found.limit
    return replace(found, tier=Tier.REVIEW, limit=limit)
