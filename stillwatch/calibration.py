"""Calibrating one installation: what it has seen against what is enrolled, and the file that the limits come from.

calibration.json   in the data folder: the limits, when they were found, and on what. Without it the shipped ones hold
"""

import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.errors import ConfigError, StoreUnavailable
from core.model import Enrolment, Evidence, Fingerprint, HitStatus, PersonId, SeenPlace, rfc3339
from core.ports import HitLog, SeenStore
from matcher.calibrate import Budget, Calibration, Histogram, Pictures, Tally, as_if_seen, usable
from matcher.confirm import DEFAULT, Limits
from matcher.views import REGION_HASHER

log = logging.getLogger("stillwatch.calibration")

FILE: Final = "calibration.json"
FORMAT: Final = 1
WIDENED: Final = "widened_and_not_swept"
MOST_SEEN: Final = 200_000  # pictures: more make the line no straighter
MOST_ENROLLED: Final = 2000
ROWS: Final = 2**14  # places read at once
VIEWS: Final = 8  # of a crawled picture, about

Progress = Callable[[str], None]
Picture = tuple[PersonId, Sequence[Fingerprint]]


# ------------------------------------------------------------------------------------------------------------- the file


def read_limits(home: Path) -> Limits:
    """The limits of this installation. Raises ConfigError, with the cure, for a file that does not make sense."""
    path = home / FILE
    document = _document(path)
    if not document:
        return DEFAULT
    given = document.get("limits")
    if not isinstance(given, dict):
        raise _wrong(path, 'has no "limits"')
    known = {each.name for each in fields(Limits)}
    for name, value in given.items():
        if name not in known:
            raise _wrong(path, f"has an unknown limit {name!r}; known: {', '.join(sorted(known))}")
        if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value <= 256:
            raise _wrong(path, f"gives {name} as {value!r}; a whole number of bits is needed, -1 for never")
    limits = replace(DEFAULT, **given)
    fault = nonsense(limits)
    if fault is not None:
        raise _wrong(path, fault)
    return limits


def changed_at(home: Path) -> datetime | None:
    """When the limits of this installation were written last, by whomever; None: they are as shipped."""
    try:
        return datetime.fromtimestamp((home / FILE).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def not_compared(home: Path) -> Sequence[str]:
    """Limits that were widened, and with which what was seen before has not been compared since."""
    names = _document(home / FILE).get(WIDENED, [])
    return [str(each) for each in names] if isinstance(names, list) else []


def all_compared(home: Path, begun: datetime) -> None:
    """Everything that was seen, by a sweep that began then."""
    path = home / FILE
    changed = changed_at(home)
    document = _document(path)
    if changed is not None and begun >= changed and document.pop(WIDENED, None) is not None:
        _write(path, document)


def widened(before: Limits, after: Limits) -> Sequence[str]:
    """Limits up to which something is found that was not. What was found already only changes its tier by the others."""
    return [name for name in ("frame_review", "region_review") if getattr(after, name) > getattr(before, name)]


def nonsense(limits: Limits) -> str | None:
    """What is wrong with them, or None. What confirms acts before a person has looked: it may be less than shipped, and never more."""
    for kind in ("frame", "region"):
        names = [f"{kind}_{tier}" for tier in ("confirmed", "probable", "review")]
        bits = [int(getattr(limits, name)) for name in names]
        shipped = int(getattr(DEFAULT, names[0]))
        if bits[0] > shipped:
            return f"gives {names[0]} as {bits[0]}; no more than {shipped} bits may act before a person has looked"
        if bits != sorted(bits):
            return f"must have {' ≤ '.join(names)}; it has {', '.join(map(str, bits))}"
    if limits.registered_probable > limits.registered_review:
        return "must have registered_probable ≤ registered_review"
    if not limits.local_probable >= limits.local_review >= 1:
        return "must have local_probable ≥ local_review ≥ 1: corners that agree, at least"
    if limits.local_share > 100:
        return f"gives local_share as {limits.local_share}; it is per cent"
    return None


def _wrong(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{path} {what}. Make it again with `stillwatch calibrate --apply`, or remove it: the shipped limits then hold"
    )


def write_limits(home: Path, calibration: Calibration, observed: "Observed", now: datetime) -> Path:
    """The four that are advised, and whatever else is not as shipped."""
    path = home / FILE
    shipped = asdict(DEFAULT)
    changed = {name: bits for name, bits in asdict(calibration.current).items() if bits != shipped[name]}
    document = {
        "stillwatch_calibration": FORMAT,
        "made": rfc3339(now),
        "limits": {**changed, **calibration.limits},
        "budget": asdict(calibration.budget),
        "observed": observed.counts(),
    }
    names = sorted(
        {*not_compared(home), *widened(calibration.current, replace(calibration.current, **calibration.limits))}
    )
    _write(path, {**document, WIDENED: names} if names else document)
    return path


def _document(path: Path) -> dict[str, Any]:
    """Empty where there is no file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _wrong(path, f"cannot be read ({error.__class__.__name__})") from error
    if not isinstance(document, dict) or document.get("stillwatch_calibration") != FORMAT:
        raise _wrong(path, f'must hold "stillwatch_calibration": {FORMAT}')
    return document


def _write(path: Path, document: Mapping[str, object]) -> None:
    """Whole, or not at all."""
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}); check the folder and its owner") from error


# ------------------------------------------------------------------------------------------------------------ observing


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was compared.

    a_day       pictures that were seen a day, as far as what is kept tells; None: nothing was seen
    undecided   hits that wait for a person, farther than what is confirmed: they count as wrong
    """

    histograms: Mapping[Evidence, Histogram] = field(repr=False)
    people: int
    enrolled: int  # pictures
    pictures_each: float  # enrolled of one person, at the mean
    seen: int  # distinct pictures
    seen_pairs: int
    sampled_pairs: int  # of enrolled pictures of different people
    own: int  # people in pictures of their own: left out
    undecided: int
    a_day: float | None

    def counts(self) -> Mapping[str, object]:
        return {
            "people": self.people,
            "enrolled_pictures": self.enrolled,
            "seen_pictures": self.seen,
            "seen_pairs": self.seen_pairs,
            "sampled_pairs": self.sampled_pairs,
            "own_copies_left_out": self.own,
            "hits_undecided": self.undecided,
        }


@dataclass(frozen=True, slots=True)
class _Enrolled:
    """The pictures that are compared: some of all, where there are many."""

    people: list[PersonId]
    pictures: list[Picture]
    all_pictures: int

    def number_of(self) -> Mapping[PersonId, int]:
        return {person: number for number, person in enumerate(self.people)}


def observe(
    enrolments: Sequence[Enrolment],
    store: SeenStore,
    hit_log: HitLog,
    *,
    confirmed: int,
    most_pairs: int,
    sample: bool = False,
    progress: Progress = lambda _: None,
) -> Observed:
    """Compares. With `sample` also the enrolled pictures of different people with each other, as pairs that have nothing in common."""
    enrolled = _enrolled(enrolments)
    numbers = enrolled.number_of()
    pictures = Pictures.of([prints for _, prints in enrolled.pictures])
    tally = Tally(pictures, [numbers[person] for person, _ in enrolled.pictures], len(numbers), confirmed)
    said, undecided = _said(hit_log, numbers)
    wanted = min(MOST_SEEN, most_pairs // max(1, pictures.count))
    a_day = _compare_seen(tally, store, wanted, said, progress)
    seen, seen_pairs = tally.seen, tally.pairs
    if sample:
        _compare_enrolled(tally, enrolled, numbers, most_pairs, progress)
    return Observed(
        histograms={evidence: tally.histogram(evidence) for evidence in (Evidence.FRAME, Evidence.REGION)},
        people=len(enrolled.people),
        enrolled=enrolled.all_pictures,
        pictures_each=enrolled.all_pictures / max(1, len(enrolled.people)),
        seen=seen,
        seen_pairs=seen_pairs,
        sampled_pairs=tally.pairs - seen_pairs,
        own=tally.own,
        undecided=undecided,
        a_day=a_day,
    )


def _enrolled(enrolments: Sequence[Enrolment]) -> _Enrolled:
    by_picture: dict[tuple[PersonId, str], list[Fingerprint]] = {}
    for each in enrolments:
        if each.threshold >= 0 and usable(each.fingerprint):
            by_picture.setdefault((each.person, each.ref), []).append(each.fingerprint)
    pictures: list[Picture] = [(person, prints) for (person, _), prints in sorted(by_picture.items())]
    people = sorted({person for person, _ in pictures})
    some = random.Random(1).sample(pictures, min(MOST_ENROLLED, len(pictures)))  # noqa: S311 – a sample, the same every time
    return _Enrolled(people, some, len(pictures))


Said = Mapping[str, Mapping[int, bool]]
"""SHA-256 → number of a person → whether an analyst said that it is they."""


def _said(hit_log: HitLog, numbers: Mapping[PersonId, int]) -> tuple[Said, int]:
    said: dict[str, dict[int, bool]] = {}
    undecided = 0
    for hit in hit_log.all():
        person = numbers.get(hit.person)
        if person is None:
            continue
        if hit.status in {HitStatus.CONFIRMED, HitStatus.REJECTED}:
            said.setdefault(hit.sha256, {})[person] = hit.status is HitStatus.CONFIRMED
        else:
            undecided += 1
    return said, undecided


def _compare_seen(tally: Tally, store: SeenStore, wanted: int, said: Said, progress: Progress) -> float | None:
    """Returns how many pictures were seen a day."""
    segments = store.segments()
    share = min(1.0, wanted * VIEWS / max(1, sum(each.fingerprints for each in segments)))
    known: set[str] = set()
    met = read = there = 0
    for segment in segments:
        try:
            with store.blocks(segment.name) as blocks:
                count = sum(block.count for block in blocks if block.hasher == REGION_HASHER)
        except StoreUnavailable as error:
            log.warning("calibrate.segment_left_out: %s", error)
            continue
        there += count
        for rows in _some(count, share):
            places = store.places(segment.name, REGION_HASHER, rows)
            read += len(places)
            met += len({(place.sighting.image_url, place.sha256) for place in places})
            pictures = _distinct(places, known)
            tally.add(
                Pictures.of([prints for _, prints in pictures]),
                own=_where(pictures, said, own=True),
                strangers=_where(pictures, said, own=False),
            )
            progress(f"{tally.seen:,} pictures seen, {tally.pairs:,} pairs compared")
    if not read:
        return None
    days = (max(each.newest for each in segments) - min(each.oldest for each in segments)).total_seconds() / 86_400
    return met * there / read / max(1.0, days)


def _some(count: int, share: float) -> Iterator[range]:
    """Rows, spread over all: of so many as are read at once the first ones."""
    for start in range(0, count, ROWS):
        length = min(ROWS, count - start)
        yield range(start, start + min(length, max(VIEWS * 8, round(length * share))))


def _distinct(places: Sequence[SeenPlace], known: set[str]) -> Sequence[tuple[str, Sequence[Fingerprint]]]:
    """(SHA-256, hashes) of pictures that look like none before. A picture without its full frame was cut by the edge of a block."""
    by_picture: dict[str, dict[str, Fingerprint]] = {}
    for place in places:
        if usable(place.fingerprint):
            by_picture.setdefault(place.sha256, {})[place.fingerprint.view] = place.fingerprint
    found: list[tuple[str, Sequence[Fingerprint]]] = []
    for sha256, prints in by_picture.items():
        full = prints.get("full")
        if full is not None and full.bits not in known:
            known.add(full.bits)
            found.append((sha256, list(prints.values())))
    return found


def _where(
    pictures: Sequence[tuple[str, Sequence[Fingerprint]]], said: Said, *, own: bool
) -> Sequence[tuple[int, int]]:
    return [
        (number, person)
        for number, (sha256, _) in enumerate(pictures)
        for person, is_own in said.get(sha256, {}).items()
        if is_own is own
    ]


def _compare_enrolled(
    tally: Tally, enrolled: _Enrolled, numbers: Mapping[PersonId, int], most_pairs: int, progress: Progress
) -> None:
    """Each picture, about as a crawl would have hashed it, against those of everybody else that come after it: no pair twice."""
    wanted = tally.pairs + most_pairs
    person_of = np.array([numbers[person] for person, _ in enrolled.pictures], np.int64)
    for start in range(0, len(person_of), 64):
        if tally.pairs >= wanted:
            return
        some = enrolled.pictures[start : start + 64]
        places = np.arange(start, start + len(some))[:, None]
        tally.add(
            Pictures.of([as_if_seen(prints) for _, prints in some]),
            compared=(np.arange(len(person_of)) > places) & (person_of != person_of[places]),
        )
        progress(f"{tally.pairs:,} pairs compared, enrolled pictures with each other among them")


def budget_of(observed: Observed, alerts: float, pictures: float | None, crawled: float | None) -> Budget:
    """What is not given is taken from what was observed: at least one picture, at least one a day."""
    return Budget(
        alerts=alerts,
        pictures=pictures if pictures is not None else max(1.0, observed.pictures_each),
        crawled=crawled if crawled is not None else max(1.0, observed.a_day or 0.0),
    )
