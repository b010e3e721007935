"""What the child answers, and how it is read: as carefully as the picture itself, since the picture may have taken the child over."""

import json
from dataclasses import dataclass
from typing import Final

from core.model import Fingerprint, State
from matcher.hashers.kind import Hasher
from matcher.views import is_view

_STATES: Final = {str(state): state for state in State}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of decoding and hashing one picture.

    fingerprints: of the frames that are whole and have features. Empty only with an obstacle.
    obstacle: what stood in the way of a whole reading, with one sentence of reason; None: nothing did. With fingerprints
        beside it a part was read: a hit on that part counts, its absence says nothing.
    """

    fingerprints: tuple[Fingerprint, ...] = ()
    obstacle: State | None = None
    reason: str = ""


class NotAnAnswer(Exception):
    """The child said something it never says."""


def to_json(reading: Reading) -> bytes:
    return json.dumps(
        {
            "obstacle": reading.obstacle,
            "reason": reading.reason,
            "fingerprints": [[f.hasher, f.view, f.bits, f.quality] for f in reading.fingerprints],
        }
    ).encode()


def from_json(text: bytes, hashers: dict[str, Hasher]) -> Reading:
    """Raises NotAnAnswer."""
    try:
        answer = json.loads(text)
        obstacle = None if answer["obstacle"] is None else _STATES[answer["obstacle"]]
        reason = answer["reason"]
        if not isinstance(reason, str) or len(reason) > 300 or not reason.isprintable():
            raise NotAnAnswer("the reason is no sentence")
        reading = Reading(
            fingerprints=tuple(_fingerprint(row, hashers) for row in answer["fingerprints"]),
            obstacle=obstacle,
            reason=reason,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAnAnswer("not the shape of an answer") from error
    if not reading.fingerprints and reading.obstacle is None:
        raise NotAnAnswer("nothing hashed and no reason why")
    return reading


def _fingerprint(row: object, hashers: dict[str, Hasher]) -> Fingerprint:
    if not isinstance(row, list):
        raise NotAnAnswer("a fingerprint is a list")
    hasher, view, bits, quality = row
    if not (isinstance(bits, str) and isinstance(view, str) and is_view(view) and isinstance(quality, int)):
        raise NotAnAnswer("no such fingerprint")
    if len(bits) != hashers[hasher].digits or not 0 <= quality <= 100:
        raise NotAnAnswer("no such fingerprint")
    int(bits, 16)
    return Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality)
