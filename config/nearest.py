"""The nearest right name, for whoever mistyped one."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `word`, or None when none does."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown_key(key: str, known: Iterable[str]) -> str:
    """One sentence that refuses a key and names the right one, or all there are."""
    names = list(known)
    close = nearest(key, names)
    cure = f"did you mean {close!r}?" if close is not None else f"known: {', '.join(names)}"
    return f"unknown key {key!r}; {cure}"
