"""A hash that is found in everything is put aside; a picture that goes around is not, and neither is anything dropped."""

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import StoreUnavailable
from core.model import (
    Decision,
    Evidence,
    Examination,
    Finding,
    Fingerprint,
    FoundIn,
    HashedPicture,
    HashName,
    HitStatus,
    ImageSighting,
    Match,
    PersonId,
    SeenPicture,
    State,
    Tier,
    hit_of,
)
from core.ports import Examiner
from matcher.collisions import FEWEST, KEPT, Standing, judged
from matcher.confirm import Limits, findings
from matcher.decode.decoder import Decoder
from matcher.examine import MatchingExaminer
from matcher.hashers import area
from matcher.live import LiveIndex
from matcher.views import TURNS, WHOLE, view
from stillwatch.banking import BankingHitLog
from stillwatch.collisions import ALIKE, ASK_EVERY_S, WatchfulExaminer, resembling
from stores.memory import MemorySeen, MemoryStore
from tests.houses import opened
from tests.installation import Installation
from tests.stillwatch.pictures import drawn, jpeg

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ADA, EVE = PersonId("ada"), PersonId("eve")
LIMITS = Limits(frame_probable=63, frame_review=68, region_probable=50, region_review=57)  # whatever is shipped


def near(bits: str, flips: int, dice: np.random.Generator) -> str:
    value = int(bits, 16)
    for bit in dice.choice(256, size=flips, replace=False):
        value ^= 1 << int(bit)
    return f"{value:064x}"


def one(bits: str, name: str = "full") -> Fingerprint:
    return Fingerprint(hasher="area", view=name, bits=bits, quality=90)


class Comparing:
    """Implements core.ports.Examiner of what says its hashes itself: a list of (view, bits)."""

    def __init__(self, store: MemoryStore) -> None:
        self._index = LiveIndex(store.enrolled_hashes, clock=lambda: next(self._clock))
        self._clock = iter(range(10**9))

    def examine(self, image_bytes: bytes) -> Examination:
        prints = [one(bits, name) for name, bits in json.loads(image_bytes)]
        found = findings(self._index.search(prints), LIMITS)
        return Examination(
            sha256=hashlib.sha256(image_bytes).hexdigest(),
            state=State.HIT if found else State.CLEAR,
            findings=found,
            fingerprints=tuple(prints),
        )


@dataclass
class Watch:
    """A watchful examiner over a store in memory, and a clock that goes on with every question."""

    store: MemoryStore = field(default_factory=MemoryStore)
    announced: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.examiner = self.around(Comparing(self.store))

    def around(self, examiner: Examiner) -> WatchfulExaminer:
        return WatchfulExaminer(
            examiner,
            self.store.collision_book,
            self.store.negative_bank,
            LIMITS,
            now=self._now,
            announce=self._announce,
            clock=lambda: self.seconds,
        )

    def enrol(self, bits: str, *, person: PersonId = ADA, others: Sequence[Fingerprint] = ()) -> None:
        prints = (one(bits), *others)
        self.store.people.enrol(person, "views-1", [HashedPicture(ref="ref", quality=90, fingerprints=prints)], NOW)

    def see(self, *views: tuple[str, str]) -> Examination:
        return self.examiner.examine(json.dumps(views).encode())

    def threshold(self, name: str = "full") -> int:
        _, held = self.store.enrolled_hashes.enrolments()
        return next(each.threshold for each in held if each.fingerprint.view == name)

    def _now(self) -> datetime:
        self.seconds += 1
        return NOW + timedelta(seconds=self.seconds)

    def _announce(self) -> None:
        self.announced += 1


@pytest.fixture
def watch() -> Watch:
    return Watch()


# ----------------------------------------------------------------------------------------------------------- quarantine


def test_a_hash_found_in_everything_is_put_aside_within_twenty_hits_and_the_others_go_on(watch: Watch) -> None:
    dice = np.random.default_rng(1)
    common, crop = dice.bytes(32).hex(), dice.bytes(32).hex()
    watch.enrol(common, others=[one(crop, "crop:25,25,975,975")])

    hits = 0
    for _ in range(60):
        hits += watch.see(("full", near(common, int(dice.integers(57, 69)), dice))).state is State.HIT

    assert FEWEST <= hits <= KEPT
    assert watch.threshold() == -1
    assert watch.announced == 1
    (only,) = watch.store.collision_book.quarantined()
    assert only.name == HashName(ADA, "ref", "area", "full")
    assert watch.see(("full", common)).state is State.CLEAR
    assert watch.see(("full", near(crop, 5, dice))).state is State.HIT
    assert watch.threshold("crop:25,25,975,975") == 70


def test_a_picture_on_fifty_pages_is_never_put_aside(watch: Watch) -> None:
    dice = np.random.default_rng(2)
    own = dice.bytes(32).hex()
    watch.enrol(own)

    for number in range(50):
        # On every page in another collage: the pages have nothing in common but the picture, more or less edited.
        edited = near(own, number % 50, dice)
        assert watch.see(("full", dice.bytes(32).hex()), ("cell:0,0,500,1000", edited)).state is State.HIT

    assert watch.threshold() == 70
    assert watch.announced == 0


def test_one_wrong_picture_on_fifty_pages_is_for_an_analyst_and_not_for_the_watch(watch: Watch) -> None:
    dice = np.random.default_rng(3)
    own = dice.bytes(32).hex()
    wrong = near(own, 62, dice)
    watch.enrol(own)

    for _ in range(50):
        assert watch.see(("full", near(wrong, 1, dice))).state is State.HIT

    assert watch.threshold() == 70


def test_what_was_moved_into_place_tells_nothing_of_what_lay_near(watch: Watch) -> None:
    dice = np.random.default_rng(4)
    own = dice.bytes(32).hex()
    watch.enrol(own)

    class Moving:
        def __init__(self, inner: Examiner) -> None:
            self._inner = inner

        def examine(self, image_bytes: bytes) -> Examination:
            found = self._inner.examine(image_bytes)
            moved = [
                replace(each, match=replace(each.match, evidence=Evidence.REGISTERED, distance=30))
                for each in found.findings
            ]
            return replace(found, findings=tuple(moved))

    watch.examiner = watch.around(Moving(Comparing(watch.store)))
    for _ in range(30):
        assert watch.see(("full", near(own, 66, dice))).state is State.HIT

    assert watch.threshold() == 70


def test_a_released_hash_is_not_put_aside_again(watch: Watch) -> None:
    dice = np.random.default_rng(5)
    common = dice.bytes(32).hex()
    watch.enrol(common)
    for _ in range(30):
        watch.see(("full", near(common, 66, dice)))

    watch.store.collision_book.release(ADA, "ref", NOW)

    assert all(watch.see(("full", near(common, 66, dice))).state is State.HIT for _ in range(30))
    assert watch.announced == 1


def edits(seed: int) -> Iterator[bytes]:
    """Fifty re-uploads of one picture: smaller, coarser, cut, bordered, in collages with others, on white pages."""
    dice = np.random.default_rng(seed)
    own = drawn(seed, (640, 480))
    for number in range(50):
        kind, other = number % 5, drawn(1000 + number, (640, 480))
        if kind == 0:
            yield jpeg(own, int(dice.integers(30, 95)))
        elif kind == 1:
            yield jpeg(own.resize((int(dice.integers(220, 600)), 300)))
        elif kind == 2:
            left, top = (int(each) for each in dice.integers(0, 50, 2))
            yield jpeg(own.crop((left, top, 640 - left // 2, 480 - top // 2)))
        else:
            page = Image.new("RGB", (1300, 480 if kind == 3 else 900), "white")
            page.paste(own, (0, 0))
            page.paste(other, (660, 0 if kind == 3 else 300))
            yield jpeg(page)


def test_a_real_picture_that_comes_back_in_fifty_ways_keeps_all_its_hashes() -> None:
    watch = Watch()
    with Decoder() as decoder:
        file = io.BytesIO()
        drawn(7, (640, 480)).save(file, "PNG")
        prints = decoder.read(file.getvalue(), turns=True).fingerprints
        watch.store.people.enrol(ADA, "views-1", [HashedPicture(ref="ref", quality=90, fingerprints=prints)], NOW)
        before = watch.store.enrolled_hashes.version()
        inner = MatchingExaminer(watch.store.enrolled_hashes, decoder)
        examiner = watch.around(inner)

        hits = [examiner.examine(copy).state is State.HIT for copy in edits(7)]
        inner.close()

    assert sum(hits) >= 40
    assert watch.store.enrolled_hashes.version() == before
    assert list(watch.store.collision_book.quarantined()) == []


# -------------------------------------------------------------------------------------------------------- negative bank


def hit_for(watch: Watch, examination: Examination) -> str:
    (finding,) = examination.findings
    where = ImageSighting(site="g", page_url="https://g/", image_url="https://g/1.jpg", seen_at=NOW)
    hit = hit_of(finding, where, examination.sha256)
    watch.store.hit_log.add(hit)
    return hit.id


def rejected(watch: Watch, seen: str) -> tuple[BankingHitLog, str]:
    """An analyst said no to a picture of these bits."""
    log = BankingHitLog(watch.store.hit_log, watch.store.negative_bank)
    hit = hit_for(watch, watch.see(("full", seen)))
    log.decide(hit, Decision.REJECT, "ada", NOW)
    watch.seconds += ASK_EVERY_S
    return log, hit


def tiers(examination: Examination) -> list[tuple[PersonId, Tier]]:
    return [(each.match.enrolment.person, each.tier) for each in examination.findings]


def test_what_is_like_a_picture_that_was_said_no_to_is_for_review_and_never_dropped(watch: Watch) -> None:
    dice = np.random.default_rng(10)
    own = dice.bytes(32).hex()
    wrong = near(own, 40, dice)
    watch.enrol(own)
    assert tiers(watch.see(("full", wrong))) == [(ADA, Tier.PROBABLE)]

    rejected(watch, wrong)

    alike = watch.see(("full", near(wrong, ALIKE // 2, dice)))
    assert tiers(alike) == [(ADA, Tier.REVIEW)]
    assert alike.findings[0].limit == LIMITS.frame_review
    assert alike.state is State.HIT


def test_another_picture_is_judged_as_ever(watch: Watch) -> None:
    dice = np.random.default_rng(11)
    own = dice.bytes(32).hex()
    watch.enrol(own)
    wrong = near(own, LIMITS.frame_probable, dice)
    rejected(watch, wrong)

    other = near(own, LIMITS.frame_probable, dice)

    assert (int(other, 16) ^ int(wrong, 16)).bit_count() > ALIKE
    assert tiers(watch.see(("full", other))) == [(ADA, Tier.PROBABLE)]


def test_the_whole_picture_still_proves_it_and_a_part_does_not(watch: Watch) -> None:
    dice = np.random.default_rng(12)
    own, wrong, part = (dice.bytes(32).hex() for _ in range(3))
    watch.enrol(own, others=[one(part, "crop:25,25,975,975")])
    watch.enrol(wrong, person=EVE)
    log = BankingHitLog(watch.store.hit_log, watch.store.negative_bank)
    log.decide(hit_for(watch, watch.see(("full", near(wrong, 20, dice)))), Decision.REJECT, "ada", NOW)
    watch.seconds += ASK_EVERY_S

    both = watch.see(("full", near(wrong, 2, dice)), ("fit:100,0,900,1000", part))

    assert tiers(both) == [(EVE, Tier.CONFIRMED), (ADA, Tier.REVIEW)]


def test_what_is_taken_back_is_as_it_was(watch: Watch) -> None:
    dice = np.random.default_rng(13)
    own = dice.bytes(32).hex()
    wrong = near(own, 50, dice)
    watch.enrol(own)
    log, hit = rejected(watch, wrong)
    assert tiers(watch.see(("full", wrong))) == [(ADA, Tier.REVIEW)]

    (undone,) = log.decide(hit, Decision.UNDO, "ada", NOW)
    watch.seconds += ASK_EVERY_S

    assert undone.status is HitStatus.UNDONE
    assert tiers(watch.see(("full", wrong))) == [(ADA, Tier.PROBABLE)]


@pytest.mark.parametrize("after", [Decision.CONFIRM, Decision.UNDO])
def test_whatever_is_decided_next_empties_the_bank_of_it(watch: Watch, after: Decision) -> None:
    dice = np.random.default_rng(14)
    own = dice.bytes(32).hex()
    watch.enrol(own)
    log, hit = rejected(watch, near(own, 50, dice))
    assert len(watch.store.negative_bank.pictures()) == 1

    log.decide(hit, after, "ada", NOW)

    assert list(watch.store.negative_bank.pictures()) == []


def test_the_rest_of_a_hit_log_is_the_one_around_which_it_is(watch: Watch) -> None:
    dice = np.random.default_rng(15)
    own = dice.bytes(32).hex()
    watch.enrol(own)
    hit = hit_for(watch, watch.see(("full", near(own, 50, dice))))

    log = BankingHitLog(watch.store.hit_log, watch.store.negative_bank)

    assert [each.id for each in log.all()] == [each.id for each in log.get([hit])] == [hit]
    assert [each.id for each in log.unhandled()] == [hit]
    assert log.add(log.get([hit])[0]).value == "known"


# ------------------------------------------------------------------------------------------------------ nothing answers


class Down:
    """A store that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*_: object, **__: object) -> object:
            raise StoreUnavailable("the database does not answer: start it")

        return call


def test_a_hit_is_a_hit_where_no_store_answers(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    dice = np.random.default_rng(16)
    own = dice.bytes(32).hex()
    watch.enrol(own)
    down: Down = Down()
    examiner = WatchfulExaminer(Comparing(watch.store), down, down, now=lambda: NOW)  # type: ignore[arg-type]  # answers to any name

    with caplog.at_level(logging.WARNING):
        found = examiner.examine(json.dumps([("full", near(own, 50, dice))]).encode())

    assert tiers(found) == [(ADA, Tier.PROBABLE)]
    assert "the database does not answer" in caplog.text
    assert own not in caplog.text


def test_what_is_no_hit_asks_no_store(watch: Watch) -> None:
    down: Down = Down()
    examiner = WatchfulExaminer(Comparing(watch.store), down, down, now=lambda: NOW)  # type: ignore[arg-type]  # answers to any name

    assert examiner.examine(json.dumps([("full", "0" * 64)]).encode()).state is State.CLEAR


# ------------------------------------------------------------------------------------------------------------ enrolment


def frame(width: int) -> HashedPicture:
    plane = np.zeros((240, 240), np.uint8)
    plane[width:-width, width:-width] = 230
    ((quality, bits),) = area.hashes(plane, [WHOLE], [TURNS])
    prints = tuple(Fingerprint(hasher="area", view=view(0, turn), bits=bits[turn], quality=quality) for turn in TURNS)
    return HashedPicture(ref=f"frame-{width}", quality=quality, fingerprints=prints)


def set_of(*pictures: HashedPicture) -> str:
    return json.dumps(
        {
            "stillwatch": 1,
            "recipe": {"name": "views", "version": 1},
            "images": [
                {
                    "ref": each.ref,
                    "quality": each.quality,
                    "fingerprints": [
                        {"hasher": it.hasher, "view": it.view, "bits": it.bits, "quality": it.quality}
                        for it in each.fingerprints
                    ],
                }
                for each in pictures
            ],
        }
    )


def random_picture(dice: np.random.Generator, ref: str) -> HashedPicture:
    words = np.zeros(256, bool)
    words[dice.choice(256, 128, replace=False)] = True
    bits = np.packbits(words).tobytes().hex()
    return HashedPicture(ref=ref, quality=90, fingerprints=(one(bits),))


def test_a_plain_picture_is_refused_at_enrolment_and_a_common_one_reaches_less(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    dice = np.random.default_rng(17)
    plain = next(each for width in range(12, 84) if judged(each := frame(width)).standing is Standing.REFUSED)
    common, usual = random_picture(dice, "common"), random_picture(dice, "usual")
    with opened(installation.home) as house, house.seen_log() as log:
        for number in range(30):
            where = ImageSighting(
                site="gallery",
                page_url="https://gallery.example/",
                image_url=f"https://gallery.example/{number}.jpg",
                seen_at=NOW,
            )
            prints = (one(near(common.fingerprints[0].bits, 59, dice)),)
            log.add([SeenPicture(sighting=where, sha256=f"{number:064x}", fingerprints=prints)])
    (tmp_path / "set.json").write_text(set_of(plain, common, usual))

    (found,) = installation.lines("enrol", "set.json", "--person", "ada", "--attested", "--json")

    assert found["enrolled"] == 2
    assert found["refused"] == [
        {
            "ref": plain.ref,
            "reason": "it resembles many plain or framed pictures and would be found where it is not",
        }
    ]
    assert [(each["ref"], each["reason"][:26]) for each in found["marked"]] == [  # type: ignore[attr-defined]  # JSON
        ("common", "30 other pictures that wer")
    ]
    with opened(installation.home) as house:
        _, held = house.enrolled_hashes.enrolments()
    assert {each.ref: each.threshold for each in held} == {"common": 31, "usual": 70}


def test_what_was_seen_in_part_or_is_a_copy_makes_no_picture_common() -> None:
    dice = np.random.default_rng(18)
    one_picture = random_picture(dice, "ref")
    bits = one_picture.fingerprints[0].bits
    seen = MemorySeen()
    views = {
        "whole": ("full", 55),
        "trimmed": ("trim:5,5,995,995", 55),
        "part": ("fit:100,0,900,1000", 55),
        "copy": ("full", 20),
    }
    for number, (name, flips) in enumerate(views.values()):
        where = ImageSighting(site="g", page_url="https://g/", image_url=f"https://g/{number}", seen_at=NOW)
        prints = (one(near(bits, flips, dice), name),)
        seen.add([SeenPicture(sighting=where, sha256=f"{number:064x}", fingerprints=prints)])

    found = resembling(seen, [one_picture])

    assert {ref: len(each) for ref, each in found.items()} == {"ref": 2}


# --------------------------------------------------------------------------------------------------------- command line


def put_aside(installation: Installation) -> None:
    with opened(installation.home) as house:
        dice = np.random.default_rng(19)
        picture = random_picture(dice, "ref-1")
        house.people.enrol(ADA, "views-1", [picture], NOW)
        house.collision_book.quarantine(HashName(ADA, "ref-1", "area", "full"), NOW)


def test_an_operator_sees_what_is_put_aside_and_lets_it_go(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    put_aside(installation)

    (listed,) = installation.lines("person", "quarantine", "--json")
    doctor = {each["check"]: each for each in installation_doctor(installation)}
    (released,) = installation.lines("person", "quarantine", "--release", "ada", "ref-1", "--json")
    after = installation.lines("person", "quarantine", "--json")

    assert listed == {
        "person": "ada",
        "ref": "ref-1",
        "hasher": "area",
        "view": "full",
        "since": "2026-11-27T12:00:00Z",
        "threshold": 70,
    }
    assert doctor["quarantine"]["health"] == "warn"
    assert doctor["quarantine"]["quarantined"] == 1
    swept = released.pop("swept")
    assert released == {"person": "ada", "ref": "ref-1", "released": 1}
    assert isinstance(swept, dict)
    assert (swept["fingerprints"], swept["complete"]) == (0, True)  # nothing was seen yet
    assert after == []


def installation_doctor(installation: Installation) -> list[dict[str, object]]:
    return [json.loads(text) for text in installation.run("doctor", "--json").stdout.splitlines()]


def test_letting_go_of_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    put_aside(installation)

    done = installation.run("person", "quarantine", "--release", "ada", "no-such-ref")

    assert done.returncode == 2
    assert "no such picture" in done.stderr


def test_rejecting_on_the_command_line_fills_the_bank_and_undoing_empties_it(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    dice = np.random.default_rng(20)
    with opened(installation.home) as house:
        picture = random_picture(dice, "ref-1")
        house.people.enrol(ADA, "views-1", [picture], NOW)
        _, (entry,) = house.enrolled_hashes.enrolments()
        seen = one(near(entry.fingerprint.bits, 60, dice))
        finding = Finding(match=Match(enrolment=entry, seen=seen, distance=60), tier=Tier.PROBABLE)
        where = ImageSighting(site="g", page_url="https://g/", image_url="https://g/1", seen_at=NOW)
        hit = hit_of(finding, where, "ab" * 32)
        house.hit_log.add(hit)
        house.collision_book.note(
            HashName(ADA, "ref-1", "area", "full"),
            FoundIn(sha256="ab" * 32, whole=seen.bits, matched=seen.bits, at=NOW),
        )

    def bank() -> list[str]:
        with opened(installation.home) as house:
            return list(house.negative_bank.pictures())

    installation.lines("hit", "reject", hit.id, "--json")
    after_reject = bank()
    installation.lines("hit", "undo", hit.id, "--json")

    assert after_reject == [seen.bits]
    assert bank() == []
