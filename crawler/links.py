"""What a page names: pictures in every way a page can embed one, and pages. Pure; any bytes are read, none raise."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """Absolute http(s) URLs as `canonical` spells them, in document order, each once."""

    base: str
    images: tuple[str, ...] = field(repr=False)
    pages: tuple[str, ...] = field(repr=False)  # those that are said to be next come first
    truncated: bool  # there were more than are kept
