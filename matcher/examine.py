"""The front door: a picture's bytes in, whose picture it is out."""

import atexit
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from core.model import Evidence, Examination, Finding, Fingerprint, Match, State, Tier
from core.ports import EnrolledCorners, EnrolledHashes
from matcher import confirm, geometry, video
from matcher.confirm import DEFAULT, Limits
from matcher.corners import unpacked
from matcher.decode.answer import Reading, Scene
from matcher.decode.decoder import Decoder
from matcher.live import LiveIndex, Snapshot
from matcher.local import CornerIndex
from matcher.register import Ground, register
from matcher.views import REGION_HASHER, parsed

MOVED: Final = 8  # candidates of one picture that are registered, some 10 ms each
MOVED_A_PICTURE: Final = 2  # of one enrolled picture, the nearest


def fingerprints(image_bytes: bytes) -> Sequence[Fingerprint]:
    """What a crawled picture is compared by: each hasher's hash of each distinct frame, and area hashes of its parts, upright.

    `()` for what cannot be hashed.

    Decoded in a child process that all callers share.
    """
    return _shared_decoder().read(image_bytes).fingerprints


@cache
def _shared_decoder() -> Decoder:
    decoder = Decoder()
    atexit.register(decoder.close)
    return decoder


class MatchingExaminer:
    """Implements core.ports.Examiner. Threads may share it."""

    def __init__(
        self,
        hashes: EnrolledHashes,
        decoder: Decoder,
        clock: Callable[[], float] = time.monotonic,
        folder: Path | None = None,
        *,
        corners: EnrolledCorners | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        """
        folder    where the index is kept between starts, and shared with other processes; None: nowhere
        corners   of those who chose to have them kept; None: nobody's are compared
        """
        self._decoder = decoder
        self._enrolled = LiveIndex(hashes, folder, clock)
        self._corners = None if corners is None else CornerIndex(corners, clock)
        self._limits = limits

    def close(self) -> None:
        """Waits for what is being written of the index."""
        self._enrolled.close()

    def examine(self, image_bytes: bytes) -> Examination:
        """Raises StoreUnavailable when it cannot be known who is enrolled, DecoderUnavailable when nothing can be decoded."""
        started = time.perf_counter()
        sha256 = hashlib.sha256(image_bytes).hexdigest()
        corners = self._corners is not None and bool(self._corners.now().corners)
        reading = self._decoder.read(image_bytes, corners=corners)
        snapshot = self._enrolled.now()  # after decoding: as fresh as can be
        findings = self._findings(reading, snapshot)
        state, reason = _state(reading, hit=bool(findings), anybody=snapshot.anybody)
        return Examination(
            sha256=sha256,
            state=state,
            reason=reason,
            findings=findings,
            fingerprints=tuple(reading.fingerprints),
            version=snapshot.version,
            ms=round((time.perf_counter() - started) * 1000, 3),
        )

    def findings(self, reading: Reading) -> tuple[Finding, ...]:
        """Whose picture it is that was read."""
        return self._findings(reading, self._enrolled.now())

    def _findings(self, reading: Reading, snapshot: Snapshot) -> tuple[Finding, ...]:
        matches = list(snapshot.matches(reading.fingerprints, reading.turned))
        matches += _moved(matches, reading.scenes, self._limits)
        matches += self._by_corners(reading)
        moments = {one.time_s for one in reading.fingerprints if one.time_s is not None}
        return video.findings(matches, self._limits, kept=len(moments))

    def _by_corners(self, reading: Reading) -> list[Match]:
        if self._corners is None:
            return []
        quality = max((one.quality for one in reading.fingerprints), default=0)
        found: list[Match] = []
        for scene in reading.scenes:
            if scene.corners is not None:
                found += self._corners.matches(unpacked(scene.corners), scene.plane, quality, scene.frame)
        return found


def _moved(matches: Sequence[Match], scenes: Sequence[Scene], limits: Limits) -> list[Match]:
    """Near matches that prove nothing as they are, once more where they lie best: the nearest of each enrolled picture."""
    planes = {scene.frame: scene.plane for scene in scenes}
    sure = {each.match.enrolment.person for each in confirm.findings(matches, limits) if each.tier is not Tier.REVIEW}
    nearest: dict[tuple[str, str], list[Match]] = {}
    for match in sorted(matches, key=lambda each: each.distance):
        seen = parsed(match.seen.view)
        if (
            match.seen.hasher == REGION_HASHER
            and match.enrolment.fingerprint.hasher == REGION_HASHER
            and match.enrolment.person not in sure
            and match.distance <= limits.candidate
            and seen is not None
            and seen.frame in planes
        ):
            nearest.setdefault((match.enrolment.person, match.enrolment.ref), []).append(match)
    candidates = [match for each in nearest.values() for match in each[:MOVED_A_PICTURE]]
    grounds = {frame: Ground(plane) for frame, plane in planes.items()} if candidates else {}
    return [_registered(match, grounds) for match in candidates[:MOVED]]


def _registered(match: Match, grounds: Mapping[int, Ground]) -> Match:
    seen, enrolled = parsed(match.seen.view), parsed(match.enrolment.fingerprint.view)
    assert seen is not None
    assert enrolled is not None
    found = register(grounds[seen.frame], seen.box, match.enrolment.fingerprint.bits)
    return replace(
        match,
        distance=found.distance,
        evidence=Evidence.REGISTERED,
        overlay=geometry.registered(enrolled, found.corners),
    )


def _state(reading: Reading, *, hit: bool, anybody: bool) -> tuple[State, str]:
    """A hit on a part is a hit. Clear is only what was read whole and compared with somebody."""
    if hit:
        return State.HIT, ""
    if reading.obstacle not in {None, State.PARTIAL}:
        return reading.obstacle, reading.reason
    if not anybody:
        return State.NOT_COMPARED, "nobody is enrolled, so there was nothing to compare with"
    if reading.obstacle is State.PARTIAL:
        return State.PARTIAL, reading.reason
    return State.CLEAR, ""
