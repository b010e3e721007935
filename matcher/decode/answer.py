"""What the child answers, and how it is read: as carefully as the picture itself, since the picture may have taken the child over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.picture import Fingerprint, State
from matcher.corners import unpacked
from matcher.hashers.area import SIDE
from matcher.hashers.kind import Hasher
from matcher.views import is_view

MOST_SCENES: Final = 4  # frames of one picture of which more than hashes is handed over
_MOST_CORNERS: Final = 2**17  # bytes, of one scene
_STATES: Final = {str(state): state for state in State}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One frame, small and grey, for what the hashes alone cannot tell. Held as long as the picture is looked at, then dropped.

    plane    (h, w), at most area.SIDE each
    corners  matcher.corners.packed, or None when nobody asked
    """

    frame: int
    plane: NDArray[np.uint8] = field(repr=False)
    corners: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of decoding and hashing one picture.

    fingerprints: of the frames that are whole and have features. Empty only with an obstacle.
    turned: the same views in the other turns, for what is enrolled in one turn only. Not for keeping.
    scenes: of the first frames
    obstacle: what stood in the way of a whole reading, with one sentence of reason; None: nothing did. With fingerprints
        beside it a part was read: a hit on that part counts, its absence says nothing.
    """

    fingerprints: tuple[Fingerprint, ...] = ()
    turned: tuple[Fingerprint, ...] = field(default=(), repr=False)
    scenes: tuple[Scene, ...] = field(default=(), repr=False, compare=False)
    obstacle: State | None = None
    reason: str = ""


class NotAnAnswer(Exception):
    """The child said something it never says."""


def to_parts(reading: Reading) -> tuple[bytes, bytes]:
    """A text, and the bytes of the scenes it names one after another."""
    text = json.dumps(
        {
            "obstacle": reading.obstacle,
            "reason": reading.reason,
            "fingerprints": [_row(each) for each in reading.fingerprints],
            "turned": [_row(each) for each in reading.turned],
            "scenes": [
                [scene.frame, *scene.plane.shape, None if scene.corners is None else len(scene.corners)]
                for scene in reading.scenes
            ],
        }
    ).encode()
    return text, b"".join(scene.plane.tobytes() + (scene.corners or b"") for scene in reading.scenes)


def _row(one: Fingerprint) -> list[object]:
    return [one.hasher, one.view, one.bits, one.quality, one.time_s]


def from_parts(text: bytes, pixels: bytes, hashers: dict[str, Hasher]) -> Reading:
    """Raises NotAnAnswer."""
    try:
        answer = json.loads(text)
        obstacle = None if answer["obstacle"] is None else _STATES[answer["obstacle"]]
        reason = answer["reason"]
        if not isinstance(reason, str) or len(reason) > 300 or not reason.isprintable():
            raise NotAnAnswer("the reason is no sentence")
        digits = {name: hasher.digits for name, hasher in hashers.items()}
        reading = Reading(
            fingerprints=tuple([_fingerprint(row, digits) for row in answer["fingerprints"]]),
            turned=tuple([_fingerprint(row, digits) for row in answer["turned"]]),
            scenes=_scenes(answer["scenes"], pixels),
            obstacle=obstacle,
            reason=reason,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAnAnswer("not the shape of an answer") from error
    if not reading.fingerprints and reading.obstacle is None:
        raise NotAnAnswer("nothing hashed and no reason why")
    return reading


def _fingerprint(row: object, digits: Mapping[str, int]) -> Fingerprint:
    if not isinstance(row, list):
        raise NotAnAnswer("a fingerprint is a list")
    hasher, view, bits, quality, time_s = row
    if not (isinstance(bits, str) and isinstance(view, str) and is_view(view) and isinstance(quality, int)):
        raise NotAnAnswer("no such fingerprint")
    if len(bits) != digits[hasher] or not 0 <= quality <= 100:
        raise NotAnAnswer("no such fingerprint")
    if time_s is not None and not (isinstance(time_s, float | int) and 0 <= time_s < 1e7):
        raise NotAnAnswer("no such moment")
    int(bits, 16)
    return Fingerprint(hasher=hasher, view=view, bits=bits, quality=quality, time_s=time_s)


def _scenes(rows: object, pixels: bytes) -> tuple[Scene, ...]:
    if not isinstance(rows, list) or len(rows) > MOST_SCENES:
        raise NotAnAnswer("no list of scenes")
    scenes, at = [], 0
    for frame, height, width, corner_bytes in rows:
        sizes = (frame, height, width, corner_bytes or 0)
        if not all(type(size) is int and size >= 0 for size in sizes) or not 0 < max(height, width) <= SIDE:
            raise NotAnAnswer("no such scene")
        if height * width == 0 or (corner_bytes or 0) > _MOST_CORNERS:
            raise NotAnAnswer("no such scene")
        end = at + height * width
        plane = np.frombuffer(pixels[at:end], np.uint8).reshape(height, width)
        corners = None if corner_bytes is None else pixels[end : end + corner_bytes]
        at = end + (corner_bytes or 0)
        if corners is not None:
            unpacked(corners)  # none that cannot be read: they would pass for a picture in which nobody's are
        scenes.append(Scene(frame, plane, corners))
    if at != len(pixels):
        raise NotAnAnswer("more or fewer pixels than were named")
    return tuple(scenes)
