"""The front door: a picture's bytes in, whose picture it is out."""

import atexit
import hashlib
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from core.model import Examination, Fingerprint, State
from core.ports import EnrolledHashes
from matcher import confirm
from matcher.decode import Decoder, Reading
from matcher.live import LiveIndex


def fingerprints(image_bytes: bytes) -> Sequence[Fingerprint]:
    """What a crawled picture is compared by: each hasher's hash of each distinct frame, upright. `()` for what cannot be hashed.

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
    ) -> None:
        """folder   where the index is kept between starts, and shared with other processes; None: nowhere"""
        self._decoder = decoder
        self._enrolled = LiveIndex(hashes, folder, clock)

    def close(self) -> None:
        """Waits for what is being written of the index."""
        self._enrolled.close()

    def examine(self, image_bytes: bytes) -> Examination:
        """Raises StoreUnavailable when it cannot be known who is enrolled, DecoderUnavailable when nothing can be decoded."""
        started = time.perf_counter()
        sha256 = hashlib.sha256(image_bytes).hexdigest()
        reading = self._decoder.read(image_bytes)
        snapshot = self._enrolled.now()  # after decoding: as fresh as can be
        findings = confirm.findings(snapshot.matches(reading.fingerprints))
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
