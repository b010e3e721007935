"""The plot of a calibration: how many unrelated pairs lie within so many bits, on a logarithmic scale, as SVG."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from core.model import Evidence
from matcher.calibrate import RADIUS, Advice, Calibration, Tail

_WIDTH: Final = 940
_HEIGHT: Final = 480
_LEFT: Final = 76
_RIGHT: Final = 290  # room for the legend
_TOP: Final = 58
_BOTTOM: Final = 52
_FIRST: Final = 24  # bits
_LOWEST: Final = 1e-12
_COLOURS: Final = {Evidence.FRAME: "#1f5a99", Evidence.REGION: "#b3471e"}
_NAMES: Final = {Evidence.FRAME: "whole frames", Evidence.REGION: "regions"}
_GREY: Final = "#666"
_HALO: Final = 'stroke="white" stroke-width="3" paint-order="stroke"'


def plot(calibration: Calibration) -> str:
    scale = _Scale(calibration)
    pairs = calibration.budget.pairs
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">How near unrelated pictures come</text>',
        f'<text x="{_LEFT}" y="40" fill="{_GREY}">{escape(_told(calibration))}</text>',
        *scale.grid(),
    ]
    for evidence, tail in calibration.tails.items():
        parts += _tail(scale, tail, _COLOURS[evidence])
    for alerts, name in (
        (calibration.budget.alerts, "the budget"),
        (calibration.advice[1].budget, "the budget of reviews"),
    ):
        parts += _level(scale, alerts / pairs, f"{name}: {alerts:g} a person and year")
    for each in calibration.advice:
        parts += _limits(scale, each)
    return "\n".join([*parts, *_legend(calibration), "</svg>\n"])


def _told(calibration: Calibration) -> str:
    budget = calibration.budget
    return (
        f"{calibration.advice[0].pairs:,} pairs observed; one person with {budget.pictures:g} pictures, "
        f"{budget.crawled:,.0f} pictures crawled a day: {budget.pairs:.1e} pairs a year"
    )


class _Scale:
    def __init__(self, calibration: Calibration) -> None:
        shares = [calibration.budget.alerts / calibration.budget.pairs]
        shares += [
            tail.share(each.recommended) for each in calibration.advice for tail in [calibration.tails[each.evidence]]
        ]
        shares += [1 / each.histogram.pairs for each in calibration.tails.values() if each.histogram.pairs]
        self._low = math.floor(math.log10(max(_LOWEST, min(filter(None, shares), default=_LOWEST)))) - 1

    def x(self, bits: float) -> float:
        return _LEFT + (bits - _FIRST) / (RADIUS - _FIRST) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, share: float) -> float:
        exponent = math.log10(share) if share > 0 else self._low
        return _TOP + min(1.0, max(0.0, exponent / self._low)) * (_HEIGHT - _TOP - _BOTTOM)

    def shows(self, share: float) -> bool:
        return share >= 10.0**self._low

    def grid(self) -> list[str]:
        parts = []
        for bits in range(_FIRST, RADIUS + 1, 8):
            x = self.x(bits)
            parts.append(f'<path d="M{x:.1f} {_TOP} V{_HEIGHT - _BOTTOM}" stroke="#e4e4e4"/>')
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{bits}</text>')
        for exponent in range(self._low, 1):
            y = self.y(10.0**exponent)
            parts.append(f'<path d="M{_LEFT} {y:.1f} H{_WIDTH - _RIGHT}" stroke="#e4e4e4"/>')
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**exponent:g}</text>')
        middle_x, middle_y = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(
            f'<text x="{middle_x}" y="{_HEIGHT - 12}" text-anchor="middle">differing bits of 256, at most</text>'
        )
        parts.append(
            f'<text x="16" y="{middle_y}" text-anchor="middle" transform="rotate(-90 16 {middle_y})">share of unrelated pairs</text>'
        )
        return parts


def _level(scale: _Scale, share: float, name: str) -> list[str]:
    if not scale.shows(share):
        return []
    y, right = scale.y(share), _WIDTH - _RIGHT
    return [
        f'<path d="M{_LEFT} {y:.1f} H{right}" stroke="{_GREY}" stroke-dasharray="2 3"/>',
        f'<text x="{right - 6}" y="{y - 4:.1f}" text-anchor="end" fill="{_GREY}" {_HALO}>{escape(name)}</text>',
    ]


def _tail(scale: _Scale, tail: Tail, colour: str) -> list[str]:
    """The bound as a band, the line dashed where it is drawn on, and a dot for each distance that was counted."""
    if tail.histogram.pairs == 0:
        return []
    drawn_on = [bits for bits in range(_FIRST, tail.edge + 1) if scale.shows(tail.at_most(bits))]
    counted = range(tail.edge, RADIUS + 1)
    upper = [(scale.x(bits), scale.y(tail.at_most(bits))) for bits in drawn_on]
    lower = [(scale.x(bits), scale.y(tail.share(bits))) for bits in drawn_on]
    parts = [f'<polygon points="{_points([*upper, *reversed(lower)])}" fill="{colour}" fill-opacity="0.15"/>']
    parts.append(_line([at for at in lower if at[1] < _HEIGHT - _BOTTOM], colour, dashed=True))
    parts.append(_line([(scale.x(bits), scale.y(tail.share(bits))) for bits in counted], colour, dashed=False))
    for bits in range(_FIRST, RADIUS + 1):
        if tail.histogram.counts[bits]:
            x, y = scale.x(bits), scale.y(tail.histogram.within(bits) / tail.histogram.pairs)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>')
    return parts


def _limits(scale: _Scale, advice: Advice) -> list[str]:
    """The limit as it is, hollow, and as it is recommended, filled: triangles on the lower edge."""
    if not advice.name.endswith("probable"):
        return []
    foot, colour = _HEIGHT - _BOTTOM, _COLOURS[advice.evidence]
    parts = []
    for bits, fill, dash in ((advice.current, "white", ' stroke-dasharray="5 4"'), (advice.recommended, colour, "")):
        x = scale.x(max(bits, _FIRST))
        parts.append(f'<path d="M{x:.1f} {_TOP} V{foot}" stroke="{colour}" stroke-width="0.8"{dash}/>')
        parts.append(f'<path d="M{x:.1f} {foot} l-5 -9 h10 z" fill="{fill}" stroke="{colour}"/>')
    return parts


def _legend(calibration: Calibration) -> list[str]:
    left, parts, y = _WIDTH - _RIGHT + 20, [], float(_TOP + 10)
    for evidence, tail in calibration.tails.items():
        colour = _COLOURS[evidence]
        advice = next(each for each in calibration.advice if each.evidence is evidence)
        parts.append(f'<circle cx="{left + 8}" cy="{y - 4}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 22}" y="{y}" fill="{colour}" font-weight="bold">{_NAMES[evidence]}</text>')
        fitted = "fitted here" if tail.fitted else "the reference's"
        closest = "none within reach" if advice.closest is None else f"{advice.closest} bits"
        for text in (
            f"{tail.bits_per_decade:.1f} bits a decade, {fitted}",
            f"nearest unrelated pair: {closest}",
            f"probable: {advice.current} now, {advice.recommended} recommended",
        ):
            y += 17
            parts.append(f'<text x="{left + 22}" y="{y}">{escape(text)}</text>')
        y += 30
    for mark, text in (
        (f'<circle cx="{left + 8}" cy="{{}}" r="2.2" fill="{_GREY}"/>', "counted"),
        (
            f'<path d="M{left} {{}} h16" stroke="{_GREY}" stroke-width="1.8" stroke-dasharray="6 4"/>',
            "drawn on from what was counted",
        ),
        (
            f'<path d="M{left} {{}} h16" stroke="{_GREY}" stroke-width="9" stroke-opacity="0.2"/>',
            "up to the upper bound of 95 %",
        ),
        (f'<path d="M{left + 8} {{}} l-5 -9 h10 z" fill="white" stroke="{_GREY}"/>', "the limit now"),
        (f'<path d="M{left + 8} {{}} l-5 -9 h10 z" fill="{_GREY}" stroke="{_GREY}"/>', "the limit recommended"),
    ):
        parts.append(mark.format(f"{y if 'l-5' in mark else y - 4:.1f}"))
        parts.append(f'<text x="{left + 22}" y="{y}">{text}</text>')
        y += 19
    return parts


def _line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<polyline points="{_points(points)}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>'


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
