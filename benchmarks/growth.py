"""The growth plot: CPU time of a query over the number of enrolled hashes, both on logarithmic scales, as SVG."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

_WIDTH: Final = 880
_HEIGHT: Final = 440
_LEFT: Final = 70
_RIGHT: Final = 340  # room for the names
_TOP: Final = 56
_BOTTOM: Final = 50
_COLOURS: Final = (
    "#0b6e4f",
    "#4c9f70",
    "#8fc0a9",
    "#b3261e",
    "#d9822b",
    "#7a5195",
    "#3a6ea5",
    "#777777",
    "#b8860b",
    "#222222",
)

Line = Sequence[tuple[int, float]]  # (enrolled, µs a query)


def plot(lines: Mapping[str, Line], title: str, file: Path) -> None:
    """One line for each name, in this order; those of us drawn thicker."""
    drawn = {name: line for name, line in lines.items() if line}
    sizes = [size for line in drawn.values() for size, _ in line]
    values = [value for line in drawn.values() for _, value in line]
    scale = _Scale(sizes, values)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
        *scale.grid(),
    ]
    labels = _apart([scale.y(line[-1][1]) for line in drawn.values()])
    for number, ((name, line), label) in enumerate(zip(drawn.items(), labels, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [(scale.x(size), scale.y(value)) for size, value in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        thick = 3 if name.startswith("Stillwatch") else 1.5
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        end_x, end_y = points[-1]
        right = _WIDTH - _RIGHT + 14
        parts.append(
            f'<path d="M{end_x + 4:.1f} {end_y:.1f} L{right - 3} {label:.1f}" stroke="{colour}" stroke-width="0.5"/>'
        )
        parts.append(f'<text x="{right}" y="{label + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    parts.append("</svg>\n")
    file.write_text("\n".join(parts), encoding="utf-8")


class _Scale:
    def __init__(self, sizes: Sequence[int], values: Sequence[float]) -> None:
        self._first = math.floor(math.log10(min(sizes)))
        self._last = max(math.ceil(math.log10(max(sizes))), self._first + 1)
        self._low = math.floor(math.log10(min(values)))
        self._high = max(math.ceil(math.log10(max(values))), self._low + 1)

    def x(self, size: float) -> float:
        share = (math.log10(size) - self._first) / (self._last - self._first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def grid(self) -> list[str]:
        parts = []
        for exponent in range(self._first, self._last + 1):
            x = self.x(10**exponent)
            parts.append(f'<path d="M{x:.1f} {_TOP} V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>')
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{10**exponent:,}</text>')
        for exponent in range(self._low, self._high + 1):
            y = self.y(10.0**exponent)
            parts.append(f'<path d="M{_LEFT} {y:.1f} H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**exponent:,g}</text>')
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">enrolled hashes</text>')
        parts.append(f'<text x="{_LEFT - 60}" y="{_TOP - 12}">CPU µs a query</text>')
        return parts


def _apart(heights: Sequence[float]) -> list[float]:
    """Labels pushed down until none covers another, then all of them up if they left the picture."""
    placed: dict[int, float] = {}
    lowest = -math.inf
    for number in sorted(range(len(heights)), key=lambda number: heights[number]):
        lowest = placed[number] = max(heights[number], lowest + 15)
    over = max(0.0, lowest - (_HEIGHT - 12))
    return [placed[number] - over for number in range(len(heights))]
