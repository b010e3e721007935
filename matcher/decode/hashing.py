"""One picture, from bytes to fingerprints or to the named state that stood in the way. Runs in the child."""

from collections.abc import Iterator, Sequence

from core.picture import Fingerprint, State
from matcher import corners as corner
from matcher import regions
from matcher.decode import limits
from matcher.decode.answer import MOST_SCENES, Reading, Scene
from matcher.decode.containers import sniff
from matcher.decode.containers.container import Container, Obstacle
from matcher.decode.containers.video import is_video
from matcher.decode.footage import read_video
from matcher.decode.frames import Frame, TooSmall, frames
from matcher.hashers import HASHERS, MIN_QUALITY, area
from matcher.views import (
    CORNERS_CRAWLED,
    CORNERS_ENROLLED,
    REGION_HASHER,
    TURNS,
    UPRIGHT,
    Box,
    View,
    enrolled_views,
    view,
)

_WHOLE_HASHERS = [hasher for name, hasher in HASHERS.items() if name != REGION_HASHER]


def read(image_bytes: bytes, *, turns: bool, corners: bool) -> Reading:
    """
    turns: as for enrolment: all turns and crops, decoded in full, every bit as published. Else as it was met, JPEG scaled down.
    corners: of the first frames, too
    """
    if is_video(image_bytes):
        return read_video(image_bytes, turns=turns)
    try:
        container = sniff.walk(image_bytes)
    except Obstacle as obstacle:
        return Reading(obstacle=obstacle.state, reason=obstacle.reason)
    return _Look(container, turns=turns, corners=corners).reading()


class _Look:
    """What is found while the frames of one picture go by."""

    def __init__(self, container: Container, *, turns: bool, corners: bool) -> None:
        self._container = container
        self._exact = turns
        self._enrolling = turns
        self._corners = corners
        self._found: list[Fingerprint] = []
        self._turned: list[Fingerprint] = []
        self._scenes: list[Scene] = []
        self._seen: set[str] = set()
        self._plain = 0

    def reading(self) -> Reading:
        obstacle: Obstacle | None = None
        try:
            self._go_through(frames(self._container, whole=self._exact, coarse=not self._corners))
        except Obstacle as met:
            obstacle = met
        except Exception as error:  # noqa: BLE001  # Pillow raises a dozen kinds for damaged files; each becomes a named state
            obstacle = _named(error, self._container)
        if obstacle is None and not self._found:
            obstacle = (
                Obstacle(State.TOO_PLAIN, "it has too few features to tell it from other pictures")
                if self._plain
                else Obstacle(State.TOO_SMALL, f"a side is shorter than {limits.MIN_SIDE} pixels")
            )
        return Reading(
            fingerprints=tuple(self._found),
            turned=tuple(self._turned),
            scenes=tuple(self._scenes),
            obstacle=None if obstacle is None else obstacle.state,
            reason="" if obstacle is None else obstacle.reason,
        )

    def _go_through(self, met: Iterator[Frame | TooSmall]) -> None:
        for frame in met:
            if isinstance(frame, Frame) and not self._take(frame):
                self._exact = True
                self._go_through(frames(self._container, whole=True))
                return

    def _take(self, frame: Frame) -> bool:
        """False: scaled down it hangs on rounding, so it must be decoded as for enrolment and looked at again."""
        quality = 0
        for hasher in _WHOLE_HASHERS:
            # A crawled picture is turned, too, for what partners enrolled in one turn only; what only supports is not worth it.
            turns = TURNS if self._enrolling or hasher.may_confirm else (UPRIGHT,)
            hashed = hasher.hash(frame.plane, turns, self._exact)
            usable = {turn: bits for turn, bits in hashed.bits.items() if hasher.tells(bits)}
            if hashed.quality is not None:
                if hashed.shaky and frame.scaled and not self._exact:
                    return False
                quality = hashed.quality
                if quality < MIN_QUALITY or UPRIGHT not in usable:
                    self._plain += 1
                    return True
                if usable[UPRIGHT] in self._seen:
                    return True  # a frame like one before it finds nothing new
                self._seen.add(usable[UPRIGHT])
            for turn, bits in usable.items():
                made = Fingerprint(hasher=hasher.name, view=view(frame.number, turn), bits=bits, quality=quality)
                (self._found if self._enrolling or turn == UPRIGHT else self._turned).append(made)
        self._take_regions(frame)
        return True

    def _take_regions(self, frame: Frame) -> None:
        plane = frame.plane.small(area.SIDE, exact=self._exact)
        if self._enrolling:
            views: Sequence[View] = enrolled_views(regions.trimmed(plane))
        elif frame.number == 0:
            views = regions.crawled(plane)
        else:  # of the many frames of an animation the whole ones will do
            views = regions.wholes(plane)
        turns: dict[Box, list[str]] = {}
        for each in views:
            if self._enrolling:
                turns.setdefault(each.box, []).append(each.turn)
            else:
                turns.setdefault(each.box, [UPRIGHT] if each.kind == "fit" else list(TURNS))
        hasher = HASHERS[REGION_HASHER]
        hashed = dict(zip(turns, area.hashes(plane, list(turns), list(turns.values())), strict=True))
        for each in views:
            quality, bits = hashed[each.box]
            if quality < MIN_QUALITY:
                continue
            met = each._replace(frame=frame.number)
            for turn, digits in bits.items():
                if not hasher.tells(digits) or (self._enrolling and turn != each.turn):
                    continue
                made = Fingerprint(hasher=hasher.name, view=met.named(turn), bits=digits, quality=quality)
                (self._found if turn == each.turn else self._turned).append(made)
        if len(self._scenes) < MOST_SCENES and (not self._enrolling or self._corners):
            packed = corner.packed(self._corners_of(frame)) if self._corners else None
            self._scenes.append(Scene(frame.number, plane, packed))

    def _corners_of(self, frame: Frame) -> corner.Corners:
        recipe = CORNERS_ENROLLED if self._enrolling else CORNERS_CRAWLED
        return corner.extract(frame.plane.small(recipe.side, exact=True), recipe.most, cells=recipe.cells)


def _named(error: Exception, container: Container) -> Obstacle:
    if isinstance(error, MemoryError):
        return Obstacle(State.EXHAUSTED, f"decoding the {container.format} needed more memory than allowed")
    if not container.complete or "truncated" in str(error).lower():
        return Obstacle(State.TRUNCATED, f"the {container.format} ends before the picture is complete")
    return Obstacle(State.BROKEN, f"the {container.format} is damaged and would not decode")
