"""A small house is calibrated: by its command line, with what it has seen and what it has enrolled."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError
from core.model import (
    Decision,
    Enrolment,
    Finding,
    Fingerprint,
    HashedPicture,
    ImageSighting,
    Match,
    PersonId,
    SeenPicture,
    Tier,
    hit_of,
)
from matcher.confirm import DEFAULT, Limits
from stillwatch.calibration import FILE, nonsense, read_limits
from stillwatch.wiring import House, utc_now
from tests.houses import opened
from tests.installation import Installation

PEOPLE, EACH, SEEN = 20, 2, 2600  # 104,000 pairs
CROP = "crop:25,25,975,975"


def one(bits: str, view: str = "full") -> Fingerprint:
    return Fingerprint(hasher="area", view=view, bits=bits, quality=90)


def near(bits: str, flips: int, dice: np.random.Generator) -> str:
    value = int(bits, 16)
    for bit in dice.choice(256, size=flips, replace=False):
        value ^= 1 << int(bit)
    return f"{value:064x}"


def fill(house: House, *, people: int = PEOPLE, seen: int = SEEN, seed: int = 1) -> list[tuple[PersonId, str, str]]:
    """People with two pictures each, and pictures seen over two days: 300 of them 60 to 96 bits from an enrolled one, ten copies.

    Returns (person, ref, SHA-256) of the copies."""
    dice = np.random.default_rng(seed)
    enrolled: list[tuple[PersonId, str, str]] = []
    now = utc_now()
    for number in range(people):
        person = PersonId(f"p{number}")
        pictures = []
        for which in range(EACH):
            bits = dice.bytes(32).hex()
            enrolled.append((person, f"ref-{number}-{which}", bits))
            prints = (one(bits), one(dice.bytes(32).hex(), CROP))
            pictures.append(HashedPicture(ref=enrolled[-1][1], quality=90, fingerprints=prints))
        house.people.enrol(person, "views-1", pictures, now)
    copies = []
    with house.seen_log() as log:
        for number in range(seen):
            person, ref, base = enrolled[number % len(enrolled)]
            sha256 = f"{number:064x}"
            if number < 10:
                full = near(base, 8, dice)
                copies.append((person, ref, sha256))
            else:
                full = (
                    near(base, max(45, 97 - int(dice.geometric(0.2))), dice) if number < 310 else dice.bytes(32).hex()
                )
            where = ImageSighting(
                site="gallery",
                page_url="https://gallery.example/",
                image_url=f"https://gallery.example/{number}.jpg",
                seen_at=now - timedelta(hours=48 * number / seen),
            )
            prints = (one(full), one(dice.bytes(32).hex(), "fit:100,0,900,1000"))
            log.add([SeenPicture(sighting=where, sha256=sha256, fingerprints=prints)])
    return copies


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    installation = Installation(tmp_path_factory.mktemp("small"))
    with opened(installation.home) as house:
        fill(house)
    return installation


def calibrated(installation: Installation, *arguments: str | Path) -> dict[str, Any]:
    (found,) = installation.lines("calibrate", "--json", *arguments)
    return found


def test_a_calibration_says_what_was_observed_and_what_it_recommends(small: Installation) -> None:
    found = calibrated(small, "--budget", "1", "--pictures", "5", "--crawled", "10000")

    assert found["observed"] == {
        "people": PEOPLE,
        "enrolled_pictures": PEOPLE * EACH,
        "seen_pictures": SEEN,
        "seen_pairs": SEEN * PEOPLE * EACH - 10 * EACH,
        "sampled_pairs": 0,
        "own_copies_left_out": 10,
        "hits_undecided": 0,
    }
    assert found["budget"] == {"alerts": 1.0, "pictures": 5.0, "crawled": 10000.0}
    assert found["supported"] is True
    assert found["applied"] is False
    assert found["tails"]["frame"]["bits_per_decade_here"] == pytest.approx(10.3, rel=0.2)
    assert found["tails"]["frame"]["nearest_pair"] > 31
    assert [each["limit"] for each in found["limits"]] == [
        "frame_probable",
        "frame_review",
        "region_probable",
        "region_review",
    ]
    for each in found["limits"]:
        assert each["current"] == getattr(DEFAULT, each["limit"])
        assert each["recommended"] <= each["current"]
        assert each["expected"] <= each["at_most"]
    assert found["limits"][0]["recommended"] < DEFAULT.frame_probable
    assert not (small.home / FILE).exists()


def test_by_default_the_house_says_how_many_pictures_there_are(small: Installation) -> None:
    found = calibrated(small)

    assert found["budget"]["pictures"] == EACH
    assert found["budget"]["crawled"] == pytest.approx(SEEN / 2, rel=0.05)


def test_people_read_a_table_and_what_stood_against_it(small: Installation) -> None:
    done = small.run("calibrate", "--pictures", "5", "--crawled", "1000000")

    assert done.returncode == 0, done.stderr
    assert "frame_probable" in done.stdout
    assert "recommended" in done.stdout
    assert "can show; the budget asks for less" in done.stdout
    assert "104,000 pairs" not in done.stdout
    assert "Left out as a person's own: 10" in done.stderr


def test_a_plot_is_well_formed_and_says_what_its_axes_are(small: Installation, tmp_path: Path) -> None:
    calibrated(small, "--plot", tmp_path / "tails.svg")

    root = ET.parse(tmp_path / "tails.svg").getroot()  # noqa: S314 – our own file
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for words in ("share of unrelated pairs", "differing bits of 256, at most", "whole frames", "regions", "counted"):
        assert words in texts
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for each in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert left <= float(each.attrib["cx"]) <= width
        assert top <= float(each.attrib["cy"]) <= height


def test_enrolled_pictures_of_different_people_are_compared_when_asked(small: Installation) -> None:
    found = calibrated(small, "--sample")

    of_others = PEOPLE * EACH * (PEOPLE * EACH - 1) // 2 - PEOPLE * EACH * (EACH - 1) // 2
    assert found["observed"]["sampled_pairs"] == of_others
    assert found["tails"]["frame"]["pairs"] == found["observed"]["seen_pairs"] + of_others


def test_of_much_a_sample_is_compared(small: Installation) -> None:
    found = calibrated(small, "--most-pairs", "2000")

    assert 2_000 < found["observed"]["seen_pairs"] < 20_000
    assert found["supported"] is False


def test_what_is_applied_is_what_a_house_reads(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with opened(installation.home) as house:
        fill(house)
        assert house.limits == DEFAULT

    found = calibrated(installation, "--pictures", "5", "--crawled", "10000", "--apply")

    with opened(installation.home) as house:
        limits = house.limits
    assert found["applied"] is True
    assert {each["limit"]: each["recommended"] for each in found["limits"]} == {
        each["limit"]: getattr(limits, each["limit"]) for each in found["limits"]
    }
    assert limits != DEFAULT
    assert limits.candidate == DEFAULT.candidate
    document = json.loads((installation.home / FILE).read_text())
    assert document["observed"]["seen_pictures"] == SEEN
    assert document["made"].endswith("Z")
    again = calibrated(installation, "--pictures", "5", "--crawled", "10000")
    assert [each["current"] for each in again["limits"]] == [each["recommended"] for each in found["limits"]]


def test_with_too_little_observed_nothing_is_written_and_it_says_so(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with opened(installation.home) as house:
        fill(house, people=2, seen=50)

    done = installation.run("calibrate", "--apply")

    assert done.returncode == 1
    assert "too few" in done.stdout
    assert "Nothing was written" in done.stderr
    assert not (installation.home / FILE).exists()


def test_an_empty_house_is_told_what_to_do(tmp_path: Path) -> None:
    done = Installation(tmp_path).run("calibrate")

    assert done.returncode == 0, done.stderr
    assert "Nothing was seen yet" in done.stderr
    assert "unknown" in done.stdout
    assert "Crawl longer" in done.stderr


@pytest.mark.parametrize("arguments", [("--budget", "0"), ("--pictures", "-1"), ("--crawled", "nan")])
def test_a_budget_that_makes_no_sense_is_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = Installation(tmp_path).run("calibrate", *arguments)

    assert done.returncode == 2
    assert "above 0" in done.stderr


def test_what_analysts_decided_counts(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with opened(installation.home) as house:
        copies = fill(house, people=4, seen=200)
        decided = {}
        for decision, (person, ref, sha256) in zip(
            (Decision.REJECT, None), (copies[0], (PersonId("p3"), "ref-3-0", f"{190:064x}")), strict=True
        ):
            fingerprint = one("0" * 64)
            match = Match(
                enrolment=Enrolment(person=person, ref=ref, fingerprint=fingerprint, threshold=70),
                seen=fingerprint,
                distance=60,
            )
            where = ImageSighting(site="g", page_url="https://g/", image_url=f"https://g/{sha256}", seen_at=utc_now())
            hit = hit_of(Finding(match=match, tier=Tier.PROBABLE), where, sha256)
            house.hit_log.add(hit)
            if decision is not None:
                house.hit_log.decide(hit.id, decision, "ada", utc_now())
            decided[sha256] = hit
    found = calibrated(installation)

    assert found["observed"]["hits_undecided"] == 1
    assert found["observed"]["own_copies_left_out"] == 9
    assert found["tails"]["frame"]["nearest_pair"] == 8


# ------------------------------------------------------------------------------------------------------------- the file


def written(home: Path, content: object) -> Path:
    home.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (home / FILE).write_text(text)
    return home


def cases() -> Iterator[tuple[object, str]]:
    def limits(**given: object) -> object:
        return {"stillwatch_calibration": 1, "limits": given}

    yield "{", "cannot be read"
    yield [], "must hold"
    yield {"stillwatch_calibration": 2, "limits": {}}, "must hold"
    yield {"stillwatch_calibration": 1}, 'no "limits"'
    yield limits(frame_probabel=50), "unknown limit 'frame_probabel'"
    yield limits(frame_probable="50"), "whole number"
    yield limits(frame_probable=True), "whole number"
    yield limits(frame_probable=300), "whole number"
    yield limits(frame_confirmed=40), "no more than 31"
    yield limits(region_confirmed=32), "no more than 31"
    yield limits(frame_probable=20), "frame_confirmed ≤ frame_probable"
    yield limits(region_probable=60), "region_probable ≤ region_review"
    yield limits(registered_probable=50), "registered_review"
    yield limits(local_review=0), "local_review ≥ 1"
    yield limits(local_share=101), "per cent"


@pytest.mark.parametrize(("content", "fault"), list(cases()))
def test_a_file_that_makes_no_sense_is_an_error_with_its_cure(tmp_path: Path, content: object, fault: str) -> None:
    home = written(tmp_path / "home", content)

    with pytest.raises(ConfigError, match=r"calibration\.json .*or remove it") as raised:
        read_limits(home)

    assert fault in str(raised.value)


def test_limits_that_make_sense_are_read_and_the_others_are_as_shipped(tmp_path: Path) -> None:
    home = written(
        tmp_path / "home", {"stillwatch_calibration": 1, "limits": {"frame_probable": 40, "frame_confirmed": -1}}
    )

    assert read_limits(home) == Limits(frame_probable=40, frame_confirmed=-1)
    assert read_limits(tmp_path) == DEFAULT
    assert nonsense(DEFAULT) is None


def test_a_command_that_needs_the_limits_ends_with_the_cure(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    written(installation.home, "nonsense")

    done = installation.run("calibrate")

    assert done.returncode == 2
    assert "remove it" in done.stderr


def test_wider_limits_ask_for_a_sweep_and_doctor_until_there_was_one(tmp_path: Path) -> None:
    do = Installation(tmp_path)
    with opened(do.home) as house:
        fill(house)
    narrow = {"frame_probable": 31, "frame_review": 31, "region_probable": 31, "region_review": 31}
    (do.home / FILE).write_text(json.dumps({"stillwatch_calibration": 1, "limits": narrow}))
    before = limits_in_doctor(do)

    done = do.run("calibrate", "--json", "--pictures", "1", "--crawled", "10", "--apply")
    asked = limits_in_doctor(do)
    recent = do.run("sweep", "--since", "2020-01-01", "--json")
    still = limits_in_doctor(do)
    whole = do.run("sweep", "--json")

    assert json.loads(done.stdout)["sweep_needed"] is True
    assert "stillwatch sweep" in done.stderr
    assert (before["health"], asked["health"], still["health"]) == ("ok", "warn", "warn")
    assert "frame_review" in str(asked["what"])
    assert "stillwatch sweep" in str(asked["cure"])
    assert (recent.returncode, whole.returncode) == (0, 0)
    assert limits_in_doctor(do)["health"] == "ok"
    assert read_limits(do.home).frame_review > 31


def test_narrower_limits_ask_for_nothing(small: Installation) -> None:
    home = small.home / FILE
    done = small.run("calibrate", "--json", "--pictures", "5", "--crawled", "1000000", "--apply")

    assert json.loads(done.stdout)["sweep_needed"] is False
    assert "sweep" not in done.stderr
    home.unlink()


def limits_in_doctor(do: Installation) -> dict[str, object]:
    lines = [json.loads(text) for text in do.run("doctor", "--json").stdout.splitlines()]
    (found,) = [each for each in lines if each["check"] == "limits"]
    return dict(found)
