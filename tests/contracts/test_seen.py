"""What was seen comes back as it was seen, wherever it is kept: in memory, in a folder, in an object store, sealed or not yet."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model import SeenSegment
from core.ports import SeenLog, SeenStore
from stores.memory import MemorySeen
from stores.seen import SeenSegments, SeenWriter, shelf_at
from tests.contracts.seen_values import DAY, LAYOUTS, NOW, REFRESH, everything, flat, rows_of, seen


@dataclass
class Kept:
    """A store and the log that fills it; `turn` lets the log go and opens it anew, as the next pass does."""

    log: SeenLog
    store: SeenStore
    turn: Callable[[], SeenLog] | None = None

    def next_pass(self) -> None:
        if self.turn is not None:
            self.log = self.turn()


def as_memory(_: Path, __: ExitStack) -> Kept:
    both = MemorySeen(refresh=REFRESH)
    return Kept(both, both)


def as_files(url: str, *, seal_at: int, seal_end: bool) -> Callable[[Path, ExitStack], Kept]:
    def kept(folder: Path, stack: ExitStack) -> Kept:
        shelf = shelf_at(url.format(folder=folder, any=secrets.token_hex(8)), folder / "cache")

        def turn() -> SeenLog:
            stack.close()
            return stack.enter_context(
                SeenWriter(folder / "logs", shelf, layouts=LAYOUTS, refresh=REFRESH, seal_at=seal_at, seal_end=seal_end)
            )

        return Kept(turn(), SeenSegments(folder / "logs", shelf, layouts=LAYOUTS), turn)

    return kept


KINDS = {
    "memory": as_memory,
    "folder": as_files("file://{folder}/seen", seal_at=10**6, seal_end=False),
    "folder-sealed": as_files("file://{folder}/seen", seal_at=7, seal_end=True),
    "object-store": as_files("memory://seen-{any}/deep", seal_at=7, seal_end=True),
}


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with ExitStack() as stack:
        yield KINDS[request.param](tmp_path, stack)


def test_nothing_was_seen_at_first(kept: Kept) -> None:
    assert list(kept.store.segments()) == []


def test_of_a_video_the_moments_of_its_frames_are_not_kept(kept: Kept) -> None:
    """Before there is a hit somebody looks afresh, and that look tells them: tests/journeys/test_videos.py."""
    picture = seen(1, prints=3)
    frames = [replace(each, view=f"full@{n}", time_s=2.0 * n) for n, each in enumerate(picture.fingerprints)]

    kept.log.add([replace(picture, fingerprints=tuple(frames))])

    found = {place.fingerprint for place in everything(kept.store)}
    assert found == {replace(each, time_s=None) for each in frames}


def test_what_was_seen_comes_back_with_its_places(kept: Kept) -> None:
    pictures = [seen(number, at=NOW + number * timedelta(seconds=1), prints=1 + number % 4) for number in range(40)]
    for picture in pictures:
        kept.log.add([picture])

    found = everything(kept.store)

    assert set(found) == flat(pictures)
    assert len(found) == len(set(found))


def test_it_comes_back_after_the_pass_has_ended_and_another_began(kept: Kept) -> None:
    pictures = [seen(number) for number in range(10)]
    kept.log.add(pictures[:5])
    kept.next_pass()
    kept.log.add(pictures[5:])
    kept.next_pass()

    assert set(everything(kept.store)) == flat(pictures)


def test_places_come_in_the_order_asked(kept: Kept) -> None:
    kept.log.add([seen(number, prints=1) for number in range(5)])
    (segment,) = kept.store.segments()

    places = kept.store.places(segment.name, "pdq", [3, 0, 3])

    assert [int(place.sha256, 16) for place in places] == [3, 0, 3]


def test_a_picture_is_kept_once_as_long_as_it_is_fresh(kept: Kept) -> None:
    for later in (timedelta(0), timedelta(hours=1), REFRESH - timedelta(seconds=1)):
        kept.log.add([seen(1, at=NOW + later), seen(1, at=NOW + later)])
        kept.next_pass()

    assert set(everything(kept.store)) == flat([seen(1)])


def test_a_picture_is_kept_again_when_it_is_no_longer_fresh(kept: Kept) -> None:
    again = seen(1, at=NOW + REFRESH)
    kept.log.add([seen(1)])
    kept.next_pass()
    kept.log.add([again])

    assert set(everything(kept.store)) == flat([seen(1), again])


def test_other_bytes_another_url_and_another_site_are_other_pictures(kept: Kept) -> None:
    one = seen(1)
    others = [
        replace(one, sha256="f" * 64),
        replace(one, sighting=replace(one.sighting, image_url="https://gallery.example/x.jpg")),
        replace(one, sighting=replace(one.sighting, site="attic")),
    ]
    kept.log.add([one, *others])

    assert set(everything(kept.store)) == flat([one, *others])


def test_a_segment_is_of_one_site(kept: Kept) -> None:
    kept.log.add([seen(number, site=site) for number in range(6) for site in ("gallery", "attic")])

    assert {segment.site for segment in kept.store.segments()} == {"gallery", "attic"}
    assert len(everything(kept.store)) == 24  # each with its own site, which `everything` looks at


def test_since_leaves_out_what_holds_nothing_newer(kept: Kept) -> None:
    kept.log.add([seen(1, at=NOW - 3 * DAY)])
    kept.next_pass()
    kept.log.add([seen(2, at=NOW)])

    newer = [place.sha256 for place in everything(kept.store, since=NOW - DAY)]

    assert f"{2:064x}" in newer
    assert list(kept.store.segments(since=NOW)) == []
    assert len(everything(kept.store)) == 4


def test_segments_come_oldest_first(kept: Kept) -> None:
    for number, days in enumerate((3, 1, 2)):
        kept.log.add([seen(number, at=NOW + days * DAY, site=f"site-{number}")])

    assert [segment.site for segment in kept.store.segments()] == ["site-1", "site-2", "site-0"]


def test_a_name_is_the_same_for_as_long_as_the_segment_is_there(kept: Kept) -> None:
    kept.log.add([seen(number) for number in range(3)])
    before = [segment.name for segment in kept.store.segments()]
    kept.next_pass()

    assert [segment.name for segment in kept.store.segments()] == before


def test_a_site_is_erased_and_no_other(kept: Kept) -> None:
    kept.log.add([seen(number) for number in range(9)] + [seen(1, site="attic")])
    kept.next_pass()
    names = [segment.name for segment in kept.store.segments() if segment.site == "gallery"]

    assert kept.store.erase_site("gallery") == 18
    assert kept.store.erase_site("gallery") == 0
    assert set(everything(kept.store)) == flat([seen(1, site="attic")])
    for name in names:
        assert list(kept.store.places(name, "pdq", [0])) == []
        with kept.store.blocks(name) as blocks:
            assert list(blocks) == []


def test_after_an_erasure_what_is_seen_later_is_kept(kept: Kept) -> None:
    kept.log.add([seen(1)])
    kept.next_pass()
    kept.store.erase_site("gallery")
    kept.next_pass()
    kept.log.add([seen(1)])

    assert set(everything(kept.store)) == flat([seen(1)])


def test_what_is_old_is_forgotten(kept: Kept) -> None:
    kept.log.add([seen(1, at=NOW - 30 * DAY), seen(2, at=NOW - 30 * DAY, site="attic")])
    kept.next_pass()
    kept.log.add([seen(3)])
    kept.next_pass()
    if isinstance(kept.store, SeenSegments):
        kept.store.seal_left(NOW)

    assert kept.store.forget(NOW - 30 * DAY) == 0
    assert kept.store.forget(NOW - 20 * DAY) == 4
    assert set(everything(kept.store)) == flat([seen(3)])


def test_a_picture_without_a_fingerprint_is_not_kept(kept: Kept) -> None:
    kept.log.add([seen(1, prints=0)])

    assert list(kept.store.segments()) == []


def test_an_open_block_stays_readable_when_its_segment_is_erased(kept: Kept) -> None:
    kept.log.add([seen(number) for number in range(9)])
    kept.next_pass()
    segment: SeenSegment = kept.store.segments()[0]

    with kept.store.blocks(segment.name) as blocks:
        kept.store.erase_site("gallery")

        assert sum(len(rows_of(block.rows, block.bits)) for block in blocks) == segment.fingerprints


adds = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["gallery", "attic"]), st.integers(0, 20 * 24)), max_size=12
)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(passes=st.lists(adds, max_size=4), erased=st.integers(0, 4))
def test_any_history_ends_as_it_does_in_memory(
    tmp_path_factory: pytest.TempPathFactory, kind: str, passes: list[list[tuple[int, str, int]]], erased: int
) -> None:
    oracle = MemorySeen(refresh=REFRESH)
    hour = timedelta(hours=1)
    with ExitStack() as stack:
        kept = KINDS[kind](tmp_path_factory.mktemp("history"), stack)
        for number, each in enumerate(passes):
            # Time goes on: within a pass, and from one to the next.
            for picture, site, hours in sorted(each, key=lambda one: one[2]):
                at = NOW + (number * 20 * 24 + hours) * hour
                for log in (oracle, kept.log):
                    log.add([seen(picture, site=site, at=at)])
            if number == erased:
                assert kept.store.erase_site("attic") == oracle.erase_site("attic")
            kept.next_pass()

        assert sorted(map(str, everything(kept.store))) == sorted(map(str, everything(oracle)))
        assert set(everything(kept.store)) == set(everything(oracle))
