"""Hashes of an exchange: what `import` does to the installation."""

import fcntl
import itertools
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, Conflict
from core.model import Fingerprint, PersonState, State
from matcher.exchange import read_pages
from stillwatch.exchange import TakenOver, take_over
from stillwatch.wiring import House
from tests.houses import DATABASE, opened
from tests.installation import Installation
from tests.matcher.test_exchange import OTHER, PDQ, page, record
from tests.stillwatch.pictures import drawn, jpeg

ROOT = Path(__file__).parents[2]
NOW_S = 1_800_000_000.0


def taken(house: House, *records: object, exchange: str = "ncii", **changes: object) -> TakenOver:
    return take_over(house, exchange, read_pages([("page.json", json.dumps(page(*records, **changes)))], NOW_S))


def enrolled(house: House) -> set[str]:
    return {each.fingerprint.bits for each in house.enrolled_hashes.enrolments()[1]}


def counts(done: TakenOver) -> tuple[int, int, int]:
    return done.enrolled, done.withdrawn, done.unchanged


# --------------------------------------------------------------------------------------------------------- what it does


def test_hashes_come_in_once_each_for_an_opaque_person_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        assert counts(taken(house, record(), record(hashValue=OTHER))) == (2, 0, 0)
        assert counts(taken(house, record(), record(hashValue=OTHER))) == (0, 0, 2)

        people = house.people.protected()
        assert enrolled(house) == {PDQ, OTHER}
        assert len(people) == 2
        assert not any(bits[:8] in person for person in people for bits in (PDQ, OTHER))


def test_a_withdrawn_hash_is_gone_when_the_command_is(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        taken(house, record(), record(hashValue=OTHER))

        done = taken(house, record(hashStatus="Withdrawn", lastModtimestamp=1_700_000_000))

        assert counts(done) == (0, 1, 0)
        assert enrolled(house) == {OTHER}


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))], ids=lambda order: "".join(map(str, order)))
def test_an_older_word_that_comes_late_changes_nothing(tmp_path: Path, order: tuple[int, ...]) -> None:
    words = [(10, "Active"), (20, "Withdrawn"), (30, "Active"), (40, "Withdrawn")]
    with opened(tmp_path / "home") as house:
        for number in order:
            at, status = words[number]
            taken(house, record(lastModtimestamp=at, hashStatus=status))

        assert enrolled(house) == set()


@given(
    st.lists(st.tuples(st.sampled_from([PDQ, OTHER]), st.integers(1, 5), st.booleans()), min_size=1, max_size=9),
    st.integers(1, 4),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_order_and_however_often_the_newest_word_on_each_hash_holds(
    tmp_path_factory: pytest.TempPathFactory, words: list[tuple[str, int, bool]], size: int
) -> None:
    with opened(tmp_path_factory.mktemp("import") / "home") as house:
        for start in range(0, len(words), size):
            taken(
                house,
                *(
                    record(hashValue=bits, lastModtimestamp=at, hashStatus="Deleted" if gone else "Received")
                    for bits, at, gone in words[start : start + size]
                ),
            )

        last = {bits: max((at, gone) for other, at, gone in words if other == bits) for bits, _, _ in words}
        assert enrolled(house) == {bits for bits, (_, gone) in last.items() if not gone}


def test_a_hash_that_is_active_again_is_enrolled_again(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        for at, status in ((10, "Active"), (20, "Withdrawn"), (30, "Active")):
            taken(house, record(lastModtimestamp=at, hashStatus=status))

        assert enrolled(house) == {PDQ}
        assert set(map(house.people.state, house.people.protected())) == {PersonState.PROTECTED}


def test_what_one_exchange_withdraws_another_may_still_ask_for(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        taken(house, record(), exchange="one")
        taken(house, record(), exchange="two")

        taken(house, record(hashStatus="Withdrawn"), exchange="one")

        assert [each.fingerprint.bits for each in house.enrolled_hashes.enrolments()[1]] == [PDQ]


def test_the_place_to_go_on_from_moves_only_with_the_last_page_and_never_back(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        assert taken(house, record(), hasMoreRecords=True, nextSetTimestamp=50).fetch_next_from is None
        assert taken(house, record(), nextSetTimestamp=60).fetch_next_from == 60
        assert taken(house, record(), nextSetTimestamp=40).fetch_next_from == 60
        assert taken(house, record(), hasMoreRecords=True, nextSetTimestamp=90).fetch_next_from == 60
    with opened(tmp_path / "home") as house:
        assert taken(house, nextSetTimestamp=0).fetch_next_from == 60


# ------------------------------------------------------------------------------------------------------ what may go wrong


MANY = 200
DYING = """
import sys
from pathlib import Path
from tests.houses import opened
from tests.stillwatch.test_import import second_words, taken
with opened(Path(sys.argv[1])) as house:
    house.connect()
    print("begun", flush=True)
    taken(house, *second_words())
"""


def bits_of(number: int) -> str:
    return f"{number:04x}" * 4 + PDQ[16:]


def second_words() -> list[dict[str, object]]:
    """Every other hash is withdrawn, and as many new ones come."""
    gone = [record(hashValue=bits_of(each), lastModtimestamp=20, hashStatus="Withdrawn") for each in range(0, MANY, 2)]
    return gone + [record(hashValue=bits_of(each), lastModtimestamp=20) for each in range(MANY, MANY + MANY // 2)]


@pytest.mark.parametrize("seed", range(4))
def test_an_import_that_was_killed_anywhere_is_mended_by_the_next(tmp_path: Path, seed: int) -> None:
    home = tmp_path / "home"
    with opened(home) as house:
        taken(house, *(record(hashValue=bits_of(each), lastModtimestamp=10) for each in range(MANY)))
    child = subprocess.Popen([sys.executable, "-c", DYING, home], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    time.sleep(random.Random(seed).uniform(0.01, 0.6))
    child.kill()
    child.communicate()

    with opened(home) as house:
        taken(house, *second_words())

        expected = {*range(1, MANY, 2), *range(MANY, MANY + MANY // 2)}
        assert enrolled(house) == {bits_of(each) for each in expected}


def test_a_restored_database_knows_again_what_was_withdrawn_and_an_older_word_does_not_bring_it_back(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with opened(home) as house:
        taken(house, record(lastModtimestamp=10))
    shutil.copyfile(home / DATABASE, tmp_path / "backup")
    with opened(home) as house:
        taken(house, record(lastModtimestamp=30, hashStatus="Withdrawn"))
    for file in home.glob(f"{DATABASE}*"):
        file.unlink()
    shutil.copyfile(tmp_path / "backup", home / DATABASE)

    with opened(home) as house:
        assert enrolled(house) == set()
        taken(house, record(lastModtimestamp=20))
        assert enrolled(house) == set()
        taken(house, record(lastModtimestamp=40))
        assert enrolled(house) == {PDQ}


def test_with_another_key_nothing_is_taken_because_withdrawals_would_find_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        taken(house, record())
    (tmp_path / "home" / "keys" / "digest.key").unlink()

    with opened(tmp_path / "home") as house, pytest.raises(ConfigError, match=r"keys/digest\.key"):
        taken(house, record(hashStatus="Withdrawn"))


def test_two_imports_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as house:
        house.connect()
        with (house.locks / "exchange.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(Conflict, match="another import"):
                taken(house, record())
        assert counts(taken(house, record())) == (1, 0, 0)


# ------------------------------------------------------------------------------------------------------------ the command


def pdq_of(installation: Installation, picture: bytes) -> str:
    (installation.folder / "one.jpg").write_bytes(picture)
    made = installation.run("hash", "one.jpg", "--output", "one.json")
    assert made.returncode == 0, made.stderr
    (image,) = json.loads((installation.folder / "one.json").read_text())["images"]
    prints = [Fingerprint(**each) for each in image["fingerprints"]]
    return next(each.bits for each in prints if each.view == "full" and each.hasher == "pdq")


def test_a_copy_is_found_by_an_exchanges_hash_until_it_is_withdrawn(installation: Installation) -> None:
    bits = pdq_of(installation, jpeg(drawn(0)))
    (installation.folder / "copy.jpg").write_bytes(jpeg(drawn(0), quality=60))
    answer = installation.folder / "answer.json"
    answer.write_text(json.dumps(page(record(hashValue=bits), record(signalType="VideoMD5"), record(hashValue="zz"))))

    said = installation.lines("import", "answer.json", "--json")[0]
    before = installation.lines("scan", "copy.jpg", "--json")[0]
    answer.write_text(json.dumps(page(record(hashValue=bits, hashStatus="Withdrawn", lastModtimestamp=1_700_000_000))))
    gone = installation.lines("import", "answer.json", "--json")[0]
    after = installation.lines("scan", "copy.jpg", "--json")[0]

    assert said == {
        "exchange": "stopncii",
        "enrolled": 1,
        "withdrawn": 0,
        "unchanged": 0,
        "refused": [{"ref": "answer.json, record 3", "reason": 'its "hashValue" is not 64 hex digits'}],
        "other_kinds": {"VideoMD5": 1},
        "fetch_next_from": 1_625_175_071,
    }
    assert (gone["enrolled"], gone["withdrawn"]) == (0, 1)
    assert (before["state"], after["state"]) == (State.HIT, State.NOT_COMPARED)


def test_what_is_no_answer_ends_with_2_and_one_of_which_nothing_can_be_taken_with_1(installation: Installation) -> None:
    (installation.folder / "wrong.json").write_text("{}")
    (installation.folder / "refused.json").write_text(json.dumps(page(record(hashValue="zz"))))

    assert installation.run("import", "wrong.json").returncode == 2
    assert installation.run("import", "missing.json").returncode == 2
    assert installation.run("import", "refused.json", "--exchange", "Not A Name").returncode == 2
    refused = installation.run("import", "refused.json")
    assert refused.returncode == 1
    assert "refused.json, record 1: refused" in refused.stderr
