"""Videos: which of their frames are looked at, which are kept, and from matches of frames to who is found from when to when. Pure.

A video is a run of groups: a keyframe, which is decoded by itself, and what is decoded from it. A crawled video is seen by its
keyframes, some hundred times faster than it plays, and by more where it has too few; an enrolled one by two frames a second, so that
whatever keyframe a copy has, an enrolled frame lies within a quarter of a second of it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from core.model import Finding, Match, PersonId, Tier
from matcher import confirm, views
from matcher.confirm import DEFAULT, Limits
from matcher.views import parsed

ALIKE: Final = 10  # bits: a frame as near as that to the one kept before it would find what that one finds
GAP_S: Final = 5.0  # two frames that match belong together over so much that does not, or that is too plain to say
_RUN: Final = 2  # frames that match: one alone of many may be chance
BESIDE: Final = 58  # bits: alone it would say too little
_MANY: Final = 5  # frames kept of a video

# ------------------------------------------------------------------------------------------------ which frames to look at


class Sampling(NamedTuple):
    """
    nearest_s    groups that begin nearer to each other are passed over
    farthest_s   within a longer group frames between its keyframes are looked at, too: they cost as much as all before them
    """

    nearest_s: float
    farthest_s: float


LEAST: Final = 3  # frames of a video: a short one may begin with its only keyframe, and that be black
# Of each enrolled frame: all 34 would find a seventh more cropped copies, for six times the hashes.
CROPS: Final = views.CROPS[:2]
CRAWLED: Final = Sampling(1.0, 10.0)
ENROLLED: Final = Sampling(0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Moments:
    """
    groups      of each group the moments, in seconds, at which a frame is looked at: the first is its keyframe's; (): passed over
    apart_s     at most so far apart, as far as there are frames
    """

    groups: tuple[tuple[float, ...], ...]
    apart_s: float


def moments(begins: Sequence[float], end_s: float, sampling: Sampling, most: int) -> Moments:
    """
    begins   when each group begins: seconds, ascending
    most     so many in all; where there would be more, they lie further apart
    """
    few_s = (end_s - begins[0]) / LEAST if begins else 0.0
    if few_s > 0 and sum(map(len, _moments(begins, end_s, sampling))) < LEAST:
        sampling = Sampling(min(sampling.nearest_s, few_s), min(sampling.farthest_s, few_s))
    while True:
        groups = _moments(begins, end_s, sampling)
        if sum(map(len, groups)) <= most:
            return Moments(groups, sampling.farthest_s)
        nearest_s = sampling.nearest_s * 1.25
        sampling = Sampling(nearest_s, max(nearest_s, sampling.farthest_s))


def _moments(begins: Sequence[float], end_s: float, sampling: Sampling) -> tuple[tuple[float, ...], ...]:
    groups: list[tuple[float, ...]] = []
    last_s = math.inf  # the beginning of the last group that is looked at: none yet
    for begin_s, next_s in pairwise((*begins, max(end_s, begins[-1]) if begins else end_s)):
        if last_s <= begin_s and next_s <= last_s + sampling.nearest_s:  # the next one is near enough, too
            groups.append(())
            continue
        last_s = begin_s
        parts = max(1, math.ceil((next_s - begin_s) / sampling.farthest_s - 1e-6))
        groups.append(tuple(begin_s + (next_s - begin_s) * part / parts for part in range(parts)))
    return tuple(groups)


def alike(bits: str, other: str) -> bool:
    """Two frames of one video, by their hashes in hex."""
    return (int(bits, 16) ^ int(other, 16)).bit_count() <= ALIKE


# ------------------------------------------------------------------------------------------------------ who is found, when


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
