"""Where the enrolled picture lies in the seen one, from the names of the two views that match. Pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from core.model import Evidence, Match, Overlay
from matcher.views import UPRIGHT, Box, View, parsed

Point = tuple[float, float]
Move = Callable[[Point], Point]

# Where a point of the unit square is after a turn: see matcher.views for what each one does.
_TURNED: Final[dict[str, Move]] = {
    UPRIGHT: lambda p: p,
    "rot90": lambda p: (p[1], 1 - p[0]),
    "rot180": lambda p: (1 - p[0], 1 - p[1]),
    "rot270": lambda p: (1 - p[1], p[0]),
    "flip-v": lambda p: (p[0], 1 - p[1]),
    "flip-h": lambda p: (1 - p[0], p[1]),
    "transpose": lambda p: (p[1], p[0]),
    "transverse": lambda p: (1 - p[1], 1 - p[0]),
}
_BACK: Final = {"rot90": "rot270", "rot270": "rot90"}  # all others undo themselves
_CORNERS: Final[tuple[Point, ...]] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def described(match: Match) -> Match:
    """The same match with its evidence and overlay, as the names of its views tell them."""
    enrolled, seen = parsed(match.enrolment.fingerprint.view), parsed(match.seen.view)
    if enrolled is None or seen is None:
        return match
    return replace(
        match,
        evidence=Evidence.FRAME if enrolled.whole and seen.whole else Evidence.REGION,
        overlay=overlay(enrolled, seen),
    )


def overlay(enrolled: View, seen: View) -> Overlay:
    back = _TURNED[_BACK.get(seen.turn, seen.turn)]
    return _overlay(enrolled, lambda point: _from_box(back(point), seen.box))


def registered(enrolled: View, corners: Overlay) -> Overlay:
    """
    corners   where the enrolled view, as it was turned, lies in the seen picture
    """
    (left, top), (right, upper), _, (lower_x, lower_y) = corners

    def place(point: Point) -> Point:
        x, y = point
        return (
            (left + x * (right - left) + y * (lower_x - left)) / 1000,
            (top + x * (upper - top) + y * (lower_y - top)) / 1000,
        )

    return _overlay(enrolled, place)


def _overlay(enrolled: View, place: Move) -> Overlay:
    turned = _TURNED[enrolled.turn]
    made = [tuple(round(1000 * part) for part in place(turned(_in_box(corner, enrolled.box)))) for corner in _CORNERS]
    one, two, three, four = ((x, y) for x, y in made)
    return one, two, three, four


def _in_box(point: Point, box: Box) -> Point:
    """A point of the picture, as the box sees it: beyond 0 to 1 outside of it."""
    x, y = point
    return (
        (1000 * x - box.left) / (box.right - box.left),
        (1000 * y - box.top) / (box.bottom - box.top),
    )


def _from_box(point: Point, box: Box) -> Point:
    x, y = point
    return (
        (box.left + x * (box.right - box.left)) / 1000,
        (box.top + y * (box.bottom - box.top)) / 1000,
    )
