"""Videos: which of their frames are looked at, and which of those are kept. Pure; who is found in them: `matcher.video`.

A video is a run of groups: a keyframe, which is decoded by itself, and what is decoded from it. A crawled video is seen by its
keyframes, some hundred times faster than it plays, and by more where it has too few; an enrolled one by two frames a second, so that
whatever keyframe a copy has, an enrolled frame lies within a quarter of a second of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from matcher import views

ALIKE: Final = 10  # bits: a frame as near as that to the one kept before it would find what that one finds


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
