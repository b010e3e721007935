"""Hashes that are found where they are not: told at enrolment, and by what they are found in.

Plain and framed pictures have hashes near each other, whatever they show, while photographs and 3,126 edits of them stayed 74 bits and more
from everything drawn here. So an enrolled picture is held against some two thousand drawn ones, and against what was seen.

What was enrolled all the same is watched. A hash that is found in pictures which have nothing to do with each other is found by chance.
Whether they have is told by the hashes that lay near, not by the whole pictures: copies of one picture in twenty collages are different
pictures, 128 bits apart. Measured with 29 kinds of edits of nine photographs: of any eight to twenty copies found by one hash at most 43 %
of the pairs lay more than 80 bits apart, of unrelated pictures within the limits of review 78 to 99 % at the median. What lies much nearer
than the limits is told by nothing: two hashes within 40 bits of a third are within 80 of each other, whatever they show.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.model import Fingerprint, HashedPicture
from matcher import plain
from matcher.confirm import DEFAULT
from matcher.hamming import Words
from matcher.index import words
from matcher.views import REGION_HASHER, View, parsed

KEPT: Final = 20  # pictures in which a hash was found, the newest: what is not told by them is not told
FEWEST: Final = 8  # pictures: fewer may be chance
NEAR: Final = 60  # bits: no photograph lay so near another one, or a drawn picture
REACH: Final = DEFAULT.frame_confirmed  # bits: how far what is marked is looked for

_APART: Final = 80  # bits between pictures that have nothing to do with each other
_MOST_PAIRS: Final = 2 / 3  # of the pairs
_SAME: Final = 45  # bits between copies
_COPIES: Final = 0.25  # of the pictures: more copies than these, and it is a picture that goes around
_REFUSED_AT: Final = 8  # drawn pictures near it
_COUNTED: Final = 1000  # seen pictures: more make it no plainer
_MARKED_AT: Final = 2  # drawn pictures near it: one may be chance, of one photograph in a thousand

Integers = NDArray[np.int64]


# ---------------------------------------------------------------------------------------------------- what it is found in


def unrelated(found: Sequence[str]) -> bool:
    """Whether one hash is found in pictures that have nothing to do with each other: bits of the views of them that lay near, hex.

    Never so of copies of one picture. Fewer than FEWEST tell nothing; of more than KEPT the first are taken.
    """
    return _unrelated(words(list(found[:KEPT]))) if len(found) >= FEWEST else False


def _unrelated(hashes: Words) -> bool:
    apart = _distances(hashes)
    pairs = apart[np.triu_indices(len(apart), 1)]
    copies = int((apart <= _SAME).sum(axis=1).max())  # of the one with the most, itself among them
    return bool(np.mean(pairs > _APART) >= _MOST_PAIRS and copies <= max(2, _COPIES * len(apart)))


def _distances(hashes: Words) -> Integers:
    return np.asarray(np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2, dtype=np.int64))


# ------------------------------------------------------------------------------------------------------------ enrolment


class Standing(enum.StrEnum):
    FINE = "fine"
    MARKED = "marked"  # enrolled, and looked for no farther than REACH
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    drawn   plain and framed pictures that lie near it, of those drawn here
    seen    pictures that were seen and lie near it, of copies of each other one
    """

    standing: Standing
    drawn: int
    seen: int
    reason: str = ""


def judged(picture: HashedPicture, seen: Sequence[str] = ()) -> Verdict:
    """Whether a picture can be told from others.

    seen   bits of the whole views of pictures that were seen, hex, those near it at least. What is within REACH is taken for a copy
    """
    frames = _whole_views(picture)
    if not frames:
        return Verdict(standing=Standing.FINE, drawn=0, seen=0)
    drawn = [_near_drawn(views) for views in frames]
    others = max((_others(views, seen) for views in frames), key=len)
    standing, reason = Standing.FINE, ""
    if min(drawn) >= _REFUSED_AT:
        standing = Standing.REFUSED
        reason = "it resembles many plain or framed pictures and would be found where it is not"
    elif max(drawn) >= _MARKED_AT:
        standing = Standing.MARKED
        reason = "it resembles some plain or framed pictures, so only copies that are hardly changed are looked for"
    elif len(others) >= FEWEST and _unrelated(others[:KEPT]):
        standing = Standing.MARKED
        reason = f"{len(others)} other pictures that were seen resemble it, so only copies that are hardly changed are looked for"
    return Verdict(standing=standing, drawn=max(drawn), seen=len(others), reason=reason)


def whole(picture: HashedPicture) -> Sequence[Fingerprint]:
    """Its full frames in all turns, by our own hasher where they are there, by PDQ's, whose bits are near enough, where not."""
    full = [each for each in picture.fingerprints if (view := parsed(each.view)) is not None and view.kind == "full"]
    own = [each for each in full if each.hasher == REGION_HASHER]
    return own or [each for each in full if each.hasher == "pdq"]


def _whole_views(picture: HashedPicture) -> list[Words]:
    """Frame by frame."""
    by_frame: dict[int, list[str]] = {}
    for each in whole(picture):
        view = parsed(each.view) or View("full")
        by_frame.setdefault(view.frame, []).append(each.bits)
    return [words(bits) for bits in by_frame.values()]


def _near_drawn(views: Words) -> int:
    return int((_apart(views, drawn()) <= NEAR).sum())


def _others(views: Words, seen: Sequence[str]) -> Words:
    """(n, 4): those of them that are near and no copies of it; of copies of each other the first."""
    hashes = words(list(seen)) if seen else np.empty((0, 4), np.uint64)
    distances = _apart(views, hashes)
    near = hashes[(distances > REACH) & (distances <= NEAR)]
    kept: list[int] = []
    for at, one in enumerate(near):
        if len(kept) < _COUNTED and not np.any(np.bitwise_count(near[kept] ^ one).sum(axis=1) <= _SAME):
            kept.append(at)
    return near[kept]


def _apart(views: Words, others: Words) -> Integers:
    """(others,): from the nearest view."""
    distances = [np.bitwise_count(others ^ view).sum(axis=1, dtype=np.int64) for view in views]
    return np.asarray(np.min(distances, axis=0))


@cache
def drawn() -> Words:
    """(n, 4): the hashes of plain, graded, two-coloured, framed and written-on pictures."""
    return plain.hashed(plain.kept())
