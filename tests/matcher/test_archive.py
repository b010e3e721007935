"""A web archive is one file with one state."""

import gzip
import zipfile
from pathlib import Path

import pytest

from core.model import Enrolment, Examination, Finding, Fingerprint, Match, PersonId, State, Tier
from matcher.archive import examine_archive, is_archive

FINGERPRINT = Fingerprint(hasher="pdq", view="full", bits="00" * 32, quality=100)
STATES = {str(state): state for state in State}


class ByName:
    """Knows pictures by their bytes: b"hit 7" is a hit at 7 bits, any other word is the state of that name, or damaged."""

    def examine(self, image_bytes: bytes) -> Examination:
        word, _, bits = image_bytes.decode().partition(" ")
        enrolment = Enrolment(person=PersonId("p"), ref="r", fingerprint=FINGERPRINT, threshold=31)
        found = (
            [Finding(match=Match(enrolment=enrolment, seen=FINGERPRINT, distance=int(bits)), tier=Tier.CONFIRMED)]
            if bits
            else []
        )
        return Examination(sha256="", state=STATES[word], findings=tuple(found))


def warc(*pictures: bytes, kind: str = "image/jpeg", status: str = "200 OK", compress: bool = True) -> bytes:
    """Written by hand, after ISO 28500: each record its own gzip member."""
    archive = b""
    for number, picture in enumerate(pictures):
        answer = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(picture)}\r\n\r\n".encode() + picture
        )
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Date: 2026-11-23T00:00:00Z\r\n"
            f"WARC-Target-URI: http://site.invalid/{number}\r\nContent-Type: application/http; msgtype=response\r\n"
            f"Content-Length: {len(answer)}\r\n\r\n"
        )
        record = head.encode() + answer + b"\r\n\r\n"
        archive += gzip.compress(record) if compress else record
    return archive


@pytest.mark.parametrize(
    ("pictures", "state"),
    [
        ((b"clear", b"hit 7", b"broken"), State.HIT),
        ((b"clear", b"clear", b"too_small"), State.CLEAR),
        ((b"clear", b"broken"), State.PARTIAL),
        ((b"not_compared", b"too_plain"), State.NOT_COMPARED),
        ((b"too_plain",), State.TOO_PLAIN),
        ((), State.NOT_IMAGE),
    ],
)
@pytest.mark.parametrize("compress", [True, False])
def test_clear_only_if_every_picture_was_compared(
    tmp_path: Path, pictures: tuple[bytes, ...], state: State, compress: bool
) -> None:
    path = tmp_path / ("a.warc.gz" if compress else "a.warc")
    path.write_bytes(warc(*pictures, compress=compress))

    examination = examine_archive(path, ByName())

    assert examination.state is state
    assert examination.reason


def test_the_nearest_finding_of_a_person_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(warc(b"hit 9", b"hit 3", b"hit 5"))

    examination = examine_archive(tmp_path / "a.warc.gz", ByName())

    assert [finding.match.distance for finding in examination.findings] == [3]


def test_a_wacz_is_read_through(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.wacz", "w") as bundle:
        bundle.writestr("archive/one.warc.gz", warc(b"clear"))
        bundle.writestr("archive/two.warc.gz", warc(b"hit 1"))
        bundle.writestr("datapackage.json", "{}")

    assert examine_archive(tmp_path / "a.wacz", ByName()).state is State.HIT


def test_error_answers_and_pages_are_not_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(warc(b"hit 1", status="404 Not Found") + warc(b"hit 1", kind="text/html"))

    assert examine_archive(tmp_path / "a.warc.gz", ByName()).state is State.NOT_IMAGE


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.wacz"])
def test_damage_is_never_clear(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    whole = warc(b"clear", b"clear", b"clear", compress=name != "a.warc")

    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        assert examine_archive(path, ByName()).state in {State.PARTIAL, State.BROKEN, State.NOT_IMAGE}, length


def test_archives_are_known_by_name() -> None:
    assert all(is_archive(Path(name)) for name in ("a.warc", "b.WARC.GZ", "c.wacz"))
    assert not any(is_archive(Path(name)) for name in ("a.jpg", "warc", "b.gz"))
