"""Web archives as `scan` reads them: a WARC or WACZ file is one file with one state, whatever number of pictures it holds.

WARC: ISO 28500. WACZ: a zip that holds WARC files below archive/ (specs.webrecorder.net/wacz).
"""

import contextlib
import gzip
import hashlib
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from core.model import Examination, Finding, State
from matcher.decode.limits import MAX_BYTES

if TYPE_CHECKING:
    from warcio.recordloader import ArcWarcRecord

MAX_PICTURE_BYTES = MAX_BYTES  # a video may be as large; of pictures few are
MAX_PICTURES = 100_000
PICTURE_TYPES = ("image/", "video/", "application/octet-stream", "binary/octet-stream")
# What says nothing against the archive: a picture too small or too plain to match anybody's, or not a picture at all.
UNIMPORTANT = {State.TOO_SMALL, State.TOO_PLAIN, State.NOT_IMAGE}

Damaged = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, ValueError, KeyError, NotImplementedError)


class Examines(Protocol):
    def examine(self, image_bytes: bytes) -> Examination: ...


def is_archive(path: Path) -> bool:
    """By name: .warc, .warc.gz, .wacz."""
    return path.name.lower().endswith((".warc", ".warc.gz", ".wacz"))


def examine_archive(path: Path, examiner: Examines) -> Examination:
    """One examination for all pictures of the archive. HIT wins; then whatever kept it from being compared whole; CLEAR only if all was.

    Reads record by record: memory is bounded by the largest picture allowed. Raises OSError where the file cannot be read.
    """
    started = time.perf_counter()
    best: dict[str, Finding] = {}
    states: dict[State, int] = {}
    digest = hashlib.sha256()
    damage = ""
    try:
        with path.open("rb") as file:
            for picture in _pictures(file, path):
                if sum(states.values()) >= MAX_PICTURES:
                    damage = f"more than {MAX_PICTURES} pictures; the rest was not compared"
                    break
                examination = examiner.examine(picture) if len(picture) <= MAX_PICTURE_BYTES else None
                state = State.TOO_LARGE if examination is None else examination.state
                states[state] = states.get(state, 0) + 1
                for finding in () if examination is None else examination.findings:
                    _keep_best(best, finding)
            file.seek(0)
            while block := file.read(2**20):
                digest.update(block)
    except Damaged:
        damage = "the archive is damaged or ends early; what came before was compared"
    state, reason = _verdict(states, damage)
    return Examination(
        sha256=digest.hexdigest(),
        state=state,
        reason=reason,
        findings=tuple(best[person] for person in sorted(best)),
        ms=(time.perf_counter() - started) * 1000,
    )


def _keep_best(best: dict[str, Finding], finding: Finding) -> None:
    """One finding a person, the surest: "confirmed" stands before "probable" before "review", then the fewest bits."""
    person = finding.match.enrolment.person
    known = best.get(person)
    if known is None or (finding.tier, finding.match.distance) < (known.tier, known.match.distance):
        best[person] = finding


def _verdict(states: dict[State, int], damage: str) -> tuple[State, str]:
    counted = ", ".join(f"{count} {state.value}" for state, count in sorted(states.items()))
    if states.get(State.HIT):
        return State.HIT, f"pictures in the archive: {counted}" + (f"; {damage}" if damage else "")
    if damage:
        return (State.PARTIAL, f"{damage} ({counted})") if states else (State.BROKEN, "the archive is damaged")
    if not states:
        return State.NOT_IMAGE, "the archive holds no picture"
    unread = {state for state in states if state not in UNIMPORTANT | {State.CLEAR, State.NOT_COMPARED}}
    if unread:
        return State.PARTIAL, f"some pictures in the archive were not compared: {counted}"
    if State.NOT_COMPARED in states:
        return State.NOT_COMPARED, f"pictures in the archive: {counted}"
    if State.CLEAR not in states:
        return State.TOO_PLAIN, f"no picture in the archive has enough in it: {counted}"
    return State.CLEAR, f"pictures in the archive: {counted}"


def _pictures(file: IO[bytes], path: Path) -> Iterator[bytes]:
    if path.name.lower().endswith(".wacz"):
        with zipfile.ZipFile(file) as bundle:
            for name in sorted(bundle.namelist()):
                if name.startswith("archive/") and name.endswith((".warc", ".warc.gz")):
                    with bundle.open(name) as member:
                        yield from _records(member)
                        _require_end(member, name)
        return
    yield from _records(file)
    _require_end(file, path.name)


def _require_end(file: IO[bytes], name: str) -> None:
    """A record ends with two line ends, a gzip member with its checksum. The reader of records takes an early end for the end."""
    file.seek(0)
    tail = b""
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(gzip.open(file)) if name.lower().endswith(".gz") else file
        while block := stream.read(2**20):
            tail = (tail + block)[-4:]
    if tail not in {b"", b"\r\n\r\n"}:
        raise ValueError("the last record is not whole")


def _records(file: IO[bytes]) -> Iterator[bytes]:
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    records = ArchiveIterator(file)
    while True:
        try:
            record = next(records, None)
            picture = None if record is None else _picture(record)
        except (
            ArchiveLoadFailed,
            AttributeError,
            TypeError,
        ) as error:  # warcio trips over a record that ends in its head
            raise ValueError("not a whole WARC record") from error
        if record is None:
            return
        if picture is not None:
            yield picture


def _picture(record: "ArcWarcRecord") -> bytes | None:
    """The bytes of an answer that was a picture, as far as its headers say; at most one more than allowed."""
    if record.rec_type not in {"response", "resource"}:
        return None
    headers = record.http_headers
    if headers is not None and not headers.get_statuscode().startswith("2"):
        return None
    kind = (headers or record.rec_headers).get_header("Content-Type")
    if kind is not None and not kind.strip().lower().startswith(PICTURE_TYPES):
        return None
    picture: bytes = record.content_stream().read(MAX_PICTURE_BYTES + 1)
    return picture
