"""The plot of times to detection: the share of new pictures met within so many hours, hours on a logarithmic scale, as SVG."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

_WIDTH: Final = 880
_HEIGHT: Final = 400
_LEFT: Final = 60
_RIGHT: Final = 280  # room for the names
_TOP: Final = 46
_BOTTOM: Final = 50
_COLOURS: Final = ("#777777", "#b8860b", "#b3261e", "#d9822b", "#0b6e4f", "#3a6ea5")
_TICKS: Final = {1 / 60: "1 min", 1 / 6: "10 min", 1.0: "1 h", 10.0: "10 h", 100.0: "100 h"}

Line = Sequence[tuple[float, float]]  # (hours, share met by then)


def plot(lines: Mapping[str, Line], file: Path) -> None:
    """One line for each name, in this order; ours drawn thicker."""
    first, last = math.log(min(_TICKS)), math.log(max(_TICKS))

    def x(hours: float) -> float:
        return _LEFT + (math.log(hours) - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">New pictures met within so much time, at the same number of requests</text>',
    ]
    for hours, name in _TICKS.items():
        parts.append(f'<path d="M{x(hours):.1f} {_TOP} V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(hours):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{name}</text>')
    for share in (0.0, 0.25, 0.5, 0.75, 0.95):
        parts.append(f'<path d="M{_LEFT} {y(share):.1f} H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        thick = 3 if name == "Stillwatch" else 1.5
        path = " ".join(f"{x(hours):.1f},{y(share):.1f}" for hours, share in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
        at, right = _TOP + 20 + 22 * number, _WIDTH - _RIGHT + 20
        parts.append(f'<path d="M{right} {at - 4} h24" stroke="{colour}" stroke-width="{thick}"/>')
        parts.append(f'<text x="{right + 32}" y="{at}" fill="{colour}">{escape(name)}</text>')
    parts.append("</svg>\n")
    file.write_text("\n".join(parts), encoding="utf-8")
