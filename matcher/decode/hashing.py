"""One picture, from bytes to fingerprints or to the named state that stood in the way. Runs in the child."""

from collections.abc import Iterator

from core.model import Fingerprint, State
from matcher.decode import limits
from matcher.decode.answer import Reading
from matcher.decode.containers import sniff
from matcher.decode.containers.container import Container, Obstacle
from matcher.decode.frames import Frame, TooSmall, frames
from matcher.hashers import HASHERS, MIN_QUALITY
from matcher.views import TURNS, UPRIGHT, view


def read(image_bytes: bytes, *, turns: bool) -> Reading:
    """
    turns: as for enrolment: all eight turns, decoded in full, every bit as published. Else upright only, JPEG scaled down.
    """
    try:
        container = sniff.walk(image_bytes)
    except Obstacle as obstacle:
        return Reading(obstacle=obstacle.state, reason=obstacle.reason)
    return _Look(container, turns=turns).reading()


class _Look:
    """What is found while the frames of one picture go by."""

    def __init__(self, container: Container, *, turns: bool) -> None:
        self._container = container
        self._exact = turns
        self._turns = TURNS if turns else (UPRIGHT,)
        self._found: list[Fingerprint] = []
        self._seen: set[str] = set()
        self._plain = 0

    def reading(self) -> Reading:
        obstacle: Obstacle | None = None
        try:
            self._go_through(frames(self._container, whole=self._exact))
        except Obstacle as met:
            obstacle = met
        except Exception as error:  # noqa: BLE001  # Pillow raises a dozen kinds for damaged files; each becomes a named state
            obstacle = _named(error, self._container)
        if obstacle is not None:
            return Reading(fingerprints=tuple(self._found), obstacle=obstacle.state, reason=obstacle.reason)
        if self._found:
            return Reading(fingerprints=tuple(self._found))
        if self._plain:
            return Reading(obstacle=State.TOO_PLAIN, reason="it has too few features to tell it from other pictures")
        return Reading(obstacle=State.TOO_SMALL, reason=f"a side is shorter than {limits.MIN_SIDE} pixels")

    def _go_through(self, met: Iterator[Frame | TooSmall]) -> None:
        for frame in met:
            if isinstance(frame, Frame) and not self._take(frame):
                self._exact = True
                self._go_through(frames(self._container, whole=True))
                return

    def _take(self, frame: Frame) -> bool:
        """False: scaled down it hangs on rounding, so it must be decoded as for enrolment and looked at again."""
        quality = 0
        for hasher in HASHERS.values():
            hashed = hasher.hash(frame.plane, self._turns, self._exact)
            usable = {turn: bits for turn, bits in hashed.bits.items() if hasher.fault(bits) is None}
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
            self._found += [
                Fingerprint(hasher=hasher.name, view=view(frame.number, turn), bits=bits, quality=quality)
                for turn, bits in usable.items()
            ]
        return True


def _named(error: Exception, container: Container) -> Obstacle:
    if isinstance(error, MemoryError):
        return Obstacle(State.EXHAUSTED, f"decoding the {container.format} needed more memory than allowed")
    if not container.complete or "truncated" in str(error).lower():
        return Obstacle(State.TRUNCATED, f"the {container.format} ends before the picture is complete")
    return Obstacle(State.BROKEN, f"the {container.format} is damaged and would not decode")
