"""What a kind of notice is: a law's letter, and the elements it can carry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from core.model import Letter, Location, NoticeDetails

TEMPLATES = Path(__file__).parent / "templates"

PERSON_SET = "stillwatch person set PERSON --notice-details FILE.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a letter is drawn from."""

    details: NoticeDetails | None = field(repr=False)
    locations: tuple[Location, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One thing a law asks of a notice: in words, whether it is there, and what supplies it."""

    words: str
    present: Callable[[Facts], bool]
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeKind:
    """A row of NOTICES. `template` is a file of templates/: the subject in its first line, the body below an empty one."""

    template: str
    elements: Mapping[str, Element]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A letter as it would leave now. With an element missing it shows the gap, and must not leave."""

    letter: Letter
    missing: tuple[str, ...]


def one_line(text: str) -> str:
    """Nothing in a name can begin a line of its own, in a header or in the letter."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def paragraphs(text: str) -> Sequence[str]:
    """The person's own lines, each printable; runs of empty ones are one."""
    lines = [one_line(each) for each in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return [each for n, each in enumerate(lines) if each or (n > 0 and lines[n - 1])]


def plain_url(url: str) -> str:
    """As one visible word: URLs come from strange pages, and must not add lines or turn the text around."""
    return "".join(
        char
        if char.isprintable() and not char.isspace()
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in url
    )


def render(template: str, facts: Mapping[str, object]) -> Letter:
    text = _environment().from_string((TEMPLATES / template).read_text(encoding="utf-8")).render(facts)
    subject, _, body = text.partition("\n")
    return Letter(subject=one_line(subject), body=body.strip("\n") + "\n")


@cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        autoescape=False,  # letters are plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(one_line=one_line, paragraphs=paragraphs, plain_url=plain_url)
    return environment
