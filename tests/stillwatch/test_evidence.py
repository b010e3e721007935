"""What is said of the evidence for a hit, and to whom it is said that they should hash again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.model import Enrolment, Evidence, Examination, Finding, Fingerprint, Match, PersonId, State, Tier
from stillwatch.health import Check, checks
from stillwatch.lines import hit_line, scan_line
from stillwatch.wiring import utc_now
from tests import houses
from tests.contracts.values import ADA, EVE, NOW, hit, picture
from tests.installation import Installation

OVERLAY = ((-120, 0), (1130, 5), (1124, 990), (-130, 1004))
LOCAL = replace(hit(), evidence=Evidence.LOCAL, overlay=OVERLAY, agreeing=23, ranges=((0.0, 3.25), (61.0, 75.5)))


def test_a_hits_line_says_what_carried_it_and_where() -> None:
    fields = json.loads(json.dumps(hit_line(LOCAL)))

    assert (fields["evidence"], fields["agreeing"]) == ("local", 23)
    assert fields["overlay"] == [[-120, 0], [1130, 5], [1124, 990], [-130, 1004]]
    assert fields["ranges"] == [[0.0, 3.25], [61.0, 75.5]]


def test_a_hits_line_of_a_whole_picture_has_no_overlay_and_no_ranges() -> None:
    fields = hit_line(hit())

    assert (fields["evidence"], fields["overlay"], fields["agreeing"], fields["ranges"]) == ("frame", None, 0, [])


@pytest.mark.parametrize(("limit", "threshold"), [(50, 50), (0, 0), (None, 70)])
def test_a_scans_threshold_is_how_far_the_tier_reaches(limit: int | None, threshold: int) -> None:
    enrolled = Fingerprint(hasher="area", view="crop:0,0,900,900", bits="0f" * 32, quality=90)
    match = Match(
        enrolment=Enrolment(person=ADA, ref="a", fingerprint=enrolled, threshold=70),
        seen=replace(enrolled, view="full"),
        distance=0,
        evidence=Evidence.REGION,
        overlay=OVERLAY,
    )
    finding = Finding(match=match, tier=Tier.PROBABLE, limit=limit, ranges=((1.0, 2.0),))

    line = scan_line("p.jpg", Examination(sha256="", state=State.HIT, findings=(finding,)))

    assert line["matches"] == [
        {
            "person": str(ADA),
            "tier": "probable",
            "distance": 0,
            "threshold": threshold,
            "hasher": "area",
            "view": "crop:0,0,900,900",
            "evidence": "region",
            "overlay": [list(corner) for corner in OVERLAY],
            "agreeing": 0,
            "ranges": [[1.0, 2.0]],
        }
    ]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence.FRAME, "whole picture"),
        (Evidence.REGION, "part of the picture"),
        (Evidence.REGISTERED, "part of the picture, moved into place"),
        (Evidence.LOCAL, "corners (23 agree)"),
    ],
)
def test_hit_show_says_the_evidence_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], evidence: Evidence, words: str
) -> None:
    from stillwatch.commands.deskwork import show_hit

    found = replace(LOCAL, evidence=evidence)
    with houses.opened(tmp_path / "home") as house:
        house.people.enrol(ADA, "test-1", [picture("ref-1")], NOW)
        house.hit_log.add(found)
        for name, value in houses.environ(tmp_path / "home").items():
            monkeypatch.setenv(name, value)

        show_hit(found.id)

    shown = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["evidence", words] in shown
    assert ["overlay", "-120,0 1130,5 1124,990 -130,1004"] in shown
    assert [value for name, value in shown if name == "ranges"] == ["0.0 to 3.2 s", "61.0 to 75.5 s"]


def test_a_person_takes_the_choice_of_corners_back(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with houses.opened(installation.home) as house:
        house.people.enrol(ADA, "views-1", [picture("a", local=b"corners"), picture("b")], NOW)
        assert len(house.enrolled_corners.corner_changes(0).changed) == 1
    assert (installation.home / "keys" / "corners.key").exists()

    done = installation.lines("person", "forget-local", str(ADA), "--json")
    again = installation.run("person", "forget-local", str(ADA))
    nobody = installation.run("person", "forget-local", "nobody")

    assert done == [{"person": str(ADA), "forgotten": 1}]
    assert (again.returncode, again.stdout) == (0, "")
    assert "0 pictures" in again.stderr
    assert nobody.returncode == 2
    assert "nobody" not in nobody.stderr
    with houses.opened(installation.home) as house:
        assert list(house.enrolled_corners.corner_changes(0).changed) == []
        assert house.enrolled_hashes.count() == 16


def test_doctor_says_how_many_people_should_hash_again(tmp_path: Path) -> None:
    from matcher.views import RECIPE

    with houses.opened(tmp_path / "home") as house:

        def said() -> tuple[str, str, object]:
            check = next(check for check in checks(house, utc_now()) if check.name == "recipe")
            return check.health, check.what, check.counted

        house.people.enrol(PersonId("new"), RECIPE, [picture("a")], NOW)
        house.people.enrol(PersonId("list"), "pdq-list-1", [picture("a")], NOW)
        assert said() == ("ok", f"nobody needs to hash again: {RECIPE}", {"hash_again": 0})

        house.people.enrol(ADA, "full-1", [picture("a"), picture("b")], NOW)
        house.people.enrol(EVE, "full-1", [picture("a")], NOW)

        assert said() == (
            "warn",
            f"2 people should hash again: 3 pictures are held by an older recipe than {RECIPE}",
            {"hash_again": 2},
        )


def test_doctors_line_of_json_has_the_number(tmp_path: Path) -> None:
    installation = Installation(tmp_path)

    done = installation.run("doctor", "--json")

    lines = {line["check"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert lines["recipe"]["hash_again"] == 0
    assert set(lines["database"]) == {"check", "health", "what", "cure"}


# -------------------------------------------------------------------------------------------------------------- corners


def corners_check(home: Path) -> Check:
    """As another process sees it: a key is read once in each."""
    with houses.opened(home) as house:
        return next(check for check in checks(house, utc_now()) if check.name == "corners")


@pytest.fixture
def with_corners(tmp_path: Path) -> Path:
    with houses.opened(tmp_path / "home") as house:
        house.people.enrol(ADA, "views-1", [picture("a", local=b"corners"), picture("b", local=b"more")], NOW)
        house.people.enrol(EVE, "views-1", [picture("a")], NOW)
    return tmp_path / "home"


def test_doctor_says_nothing_of_corners_where_nobody_chose_them_and_makes_no_key(tmp_path: Path) -> None:
    check = corners_check(tmp_path / "home")

    assert (check.health, check.what) == ("ok", "nobody chose to have corners kept")
    assert not (tmp_path / "home" / "keys" / "corners.key").exists()


def test_doctor_opens_all_corners(with_corners: Path) -> None:
    check = corners_check(with_corners)

    assert (check.health, check.cure) == ("ok", "")
    assert check.what.startswith("those of 2 pictures open with ")


def test_doctor_names_a_key_of_corners_that_is_gone(with_corners: Path) -> None:
    (with_corners / "keys" / "corners.key").unlink()

    check = corners_check(with_corners)

    assert check.health == "bad"
    assert "corners.key is not there: those of 2 pictures do not open" in check.what
    assert check.cure.startswith("put corners.key back from a backup")
    assert not (with_corners / "keys" / "corners.key").exists()


def test_doctor_names_another_key_of_corners(with_corners: Path) -> None:
    (with_corners / "keys" / "corners.key").write_text("0" * 64 + "\n")

    check = corners_check(with_corners)

    assert check.health == "bad"
    assert check.what.startswith("2 of 2 pictures' do not open with ")
    assert check.cure.startswith("put corners.key back from a backup")


def test_doctor_tells_a_damaged_row_from_a_wrong_key(with_corners: Path) -> None:
    with houses.opened(with_corners):
        from stores.sql.models import EnrolledCorners

        row = EnrolledCorners.objects.order_by("id").first()
        assert row is not None
        row.sealed = bytes(row.sealed)[:-1] + bytes([bytes(row.sealed)[-1] ^ 1])
        row.save()

    assert corners_check(with_corners).what.startswith("1 of 2 pictures' do not open with ")


def test_doctor_names_a_key_of_corners_that_others_may_read(with_corners: Path) -> None:
    key = with_corners / "keys" / "corners.key"
    key.chmod(0o644)

    check = corners_check(with_corners)

    assert check.health == "bad"
    assert check.what == f"{key}: others may read the key of corners"
    assert check.cure == f"chmod 600 {key}"


def test_doctor_names_a_file_that_is_no_key_of_corners(with_corners: Path) -> None:
    (with_corners / "keys" / "corners.key").write_text("not a key")

    check = corners_check(with_corners)

    assert (check.health, "is not a key made here" in check.what) == ("bad", True)
    assert check.cure.startswith("put the right file back from a backup")
