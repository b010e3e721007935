"""Sizes as people write them: 10k, 1M."""

from typing import Final

_UNITS: Final = {"k": 1_000, "M": 1_000_000}


def size_of(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]] if text[-1:] in _UNITS else int(text)
