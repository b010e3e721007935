"""Colours that everybody can read, in light and in dark (WCAG 2.2: 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest

import web

CSS = (Path(web.__file__).parent / "static" / "desk.css").read_text()
TEMPLATES = Path(web.__file__).parent / "templates"

TEXT_ON = [
    ("ink", ("paper", "card", "sunk", "letter", "good-back", "wait-back", "bad-back")),
    ("soft", ("paper", "card", "letter", "quiet-back", "good-back", "wait-back", "bad-back")),
    ("link", ("paper", "card", "wait-back")),
    ("card", ("link",)),  # the main button
    ("good", ("good-back",)),
    ("wait", ("wait-back", "card")),
    ("bad", ("bad-back",)),
]
SHAPES_ON = [(shape, "card") for shape in ("known", "unsure", "unseen", "left", "edge")]


def scheme(name: str) -> dict[str, str]:
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    )
    return light if name == "light" else light | dark


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_can_be_read_and_shapes_can_be_seen(name: str) -> None:
    colours = scheme(name)

    texts = {(text, back): contrast(colours[text], colours[back]) for text, backs in TEXT_ON for back in backs}
    shapes = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SHAPES_ON}

    assert {pair: round(ratio, 2) for pair, ratio in texts.items() if ratio < 4.5} == {}
    assert {pair: round(ratio, 2) for pair, ratio in shapes.items() if ratio < 3} == {}


def test_each_colour_has_a_place_in_both_schemes() -> None:
    light, dark = scheme("light"), scheme("dark")

    assert light.keys() == dark.keys()
    assert [name for name in light if light[name] == dark[name]] == []


def test_every_class_in_a_template_is_dressed() -> None:
    used = set()
    for path in TEMPLATES.rglob("*.html"):
        for words in re.findall(r'class="([^"]*)"', path.read_text()):
            used |= set(re.sub(r"\{[{%].*?[}%]\}", " ", words).split())

    assert sorted(name for name in used if f".{name}" not in CSS) == []
