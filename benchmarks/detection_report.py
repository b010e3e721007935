"""The detection benchmark's table and plot."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.edits import FAMILIES

if TYPE_CHECKING:
    from benchmarks.detection import Answer

METHODS: Final = ("with corners", "hashes only", "pdqhash ≤ 31", "imagehash.phash ≤ 10")
BEGIN: Final = "<!-- detection: begin, written by benchmarks/detection.py -->"
END: Final = "<!-- detection: end -->"
_COLOURS: Final = {
    "with corners": "#0b6e4f",
    "hashes only": "#8fc0a9",
    "pdqhash ≤ 31": "#d9822b",
    "imagehash.phash ≤ 10": "#7a5195",
}


@dataclass
class Result:
    photographs: int
    bases: int
    seed: int
    half: str
    answers: dict[str, dict[str, list["Answer"]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    unrelated: dict[str, list["Answer"]] = field(default_factory=lambda: defaultdict(list))
    crop_resistant: Mapping[str, Sequence["Answer"]] = field(default_factory=dict)

    def add(self, family: str, answers: Mapping[str, "Answer"]) -> None:
        for method, answer in answers.items():
            self.answers[method][family].append(answer)

    def add_unrelated(self, answers: Mapping[str, "Answer"]) -> None:
        for method, answer in answers.items():
            self.unrelated[method].append(answer)

    def recall(self, method: str, family: str) -> float:
        return _share([one.found for one in self.answers[method][family]])

    def macro(self, method: str) -> float:
        return sum(self.recall(method, family.name) for family in FAMILIES) / len(FAMILIES)

    def false(self, method: str) -> int:
        return sum(one.false for family in self.answers[method].values() for one in family)

    @property
    def pairs(self) -> int:
        """Of an edited picture and an enrolled one that it is no copy of."""
        return self.bases * len(FAMILIES) * (self.photographs - 1)


def _share(found: Sequence[bool]) -> float:
    return sum(found) / max(1, len(found))


def interval(found: int, of: int) -> tuple[float, float]:
    """95 %, after Wilson (1927)."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.96, found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def table(result: Result) -> str:
    lines = [
        _summary(result),
        "",
        "| edit | what is done | with corners | 95 % | hashes only | 95 % | pdqhash ≤ 31 | phash ≤ 10 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family in FAMILIES:
        cells = [family.name, family.findable]
        for method in METHODS:
            found = [one.found for one in result.answers[method][family.name]]
            cells.append(f"{_share(found):.2f}")
            if method in METHODS[:2]:
                low, high = interval(sum(found), len(found))
                cells.append(f"{low:.2f} to {high:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    macro = [f"**{result.macro(method):.3f}**" for method in METHODS]
    lines.append(f"| **mean of families** | | {macro[0]} | | {macro[1]} | | {macro[2]} | {macro[3]} |")
    false = [str(result.false(method)) for method in METHODS]
    lines.append(
        f"| false matches | in {result.pairs / 1e6:.1f} million pairs | {false[0]} | | {false[1]} | | {false[2]} | {false[3]} |"
    )
    lines += ["", *_notes(result)]
    return "\n".join(lines)


def _summary(result: Result) -> str:
    return (
        f"{result.bases} photographs, each edited by {len(FAMILIES)} families, against {result.photographs:,} enrolled photographs: "
        f"{result.pairs / 1e6:.1f} million pairs that are no copies; seed {result.seed}, the {result.half} half."
    )


def _notes(result: Result) -> list[str]:
    notes = []
    for method in METHODS[:2]:
        review = sum(one.review and not one.found for family in result.answers[method].values() for one in family)
        queries = sum(len(family) for family in result.answers[method].values())
        unrelated = result.unrelated[method]
        led = sum(one.false_review > 0 for one in unrelated)
        sure = sum(one.false for one in unrelated)
        evidence: dict[str, int] = defaultdict(int)
        for family in result.answers[method].values():
            for one in family:
                if one.found and one.evidence is not None:
                    evidence[one.evidence.value] += 1
        carried = ", ".join(f"{name} {count}" for name, count in sorted(evidence.items(), key=lambda each: -each[1]))
        notes.append(
            f"- {method}: {review} of {queries} copies more at the review tier. Of {len(unrelated)} unrelated pictures {led} led to a "
            f"review and {sure} to a false match. Found by: {carried}."
        )
    if result.crop_resistant:
        shares = [_share([one.found for one in each]) for each in result.crop_resistant.values()]
        wrong = sum(one.false for each in result.crop_resistant.values() for one in each)
        bases = max(len(each) for each in result.crop_resistant.values())
        notes.append(
            f"- `imagehash.crop_resistant_hash` on {bases} of the photographs: {sum(shares) / len(shares):.3f}, with {wrong} false "
            f"matches in {len(shares) * bases * (bases - 1)} pairs."
        )
    return notes


def write(result: Result, file: Path) -> None:
    """The table between the marks of that file, and the plot as images/detection.svg beside the folder it is in."""
    text = file.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{file} has no marks: put {BEGIN} and {END} where the table belongs")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    file.write_text(f"{before}{BEGIN}\n{table(result)}\n{END}{after}", encoding="utf-8")
    plot(result, file.parent.parent / "images" / "detection.svg")


def plot(result: Result, file: Path) -> None:
    """A row a family, a dot a method; the interval of ours as a line."""
    row, left, right, top = 21, 170, 40, 74
    width, height = 880, top + row * len(FAMILIES) + 40
    bottom = top + row * len(FAMILIES)

    def x(share: float) -> float:
        return left + share * (width - left - right)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<text x="20" y="24" font-size="15">Copies found, by what was done to them</text>',
    ]
    for number, method in enumerate(METHODS):
        at = 20 + 205 * number
        parts.append(f'<circle cx="{at + 6}" cy="46" r="5" fill="{_COLOURS[method]}"/>')
        parts.append(f'<text x="{at + 18}" y="50">{escape(method)}: {result.macro(method):.2f}</text>')
    for tenth in range(0, 11, 2):
        parts.append(f'<path d="M{x(tenth / 10):.1f} {top - 6} V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(tenth / 10):.1f}" y="{bottom + 18}" text-anchor="middle">{10 * tenth} %</text>')
    for number, family in enumerate(FAMILIES):
        y = top + row * number + row / 2
        parts.append(f'<text x="{left - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(family.name)}</text>')
        found = [one.found for one in result.answers[METHODS[0]][family.name]]
        low, high = interval(sum(found), len(found))
        parts.append(
            f'<path d="M{x(low):.1f} {y:.1f} H{x(high):.1f}" stroke="{_COLOURS[METHODS[0]]}" stroke-width="2" opacity="0.5"/>'
        )
        for method in reversed(METHODS):
            share = result.recall(method, family.name)
            parts.append(f'<circle cx="{x(share):.1f}" cy="{y:.1f}" r="5" fill="{_COLOURS[method]}" opacity="0.9"/>')
    parts.append("</svg>\n")
    file.write_text("\n".join(parts), encoding="utf-8")
