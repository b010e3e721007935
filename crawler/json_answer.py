"""Answers of a site's API: JSON from a stranger, bounded in bytes, in depth and in how much of it is looked at. Nothing here raises."""

import json
from collections.abc import Iterator
from typing import TypeAlias

from crawler.charset import text_of
from crawler.fetch import Fetched

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

LONGEST_ANSWER = 8 * 2**20  # bytes; a catalogue of 4chan has one or two million, 200 posts of a booru half a million
DEEPEST = 32  # an activity within a collection within a page is at depth 8
MOST_VALUES = 500_000  # texts and numbers among them

END = "\0end"  # of one object or list, told by identity


def json_of(page: Fetched) -> "dict[str, Json] | list[Json] | None":
    """None: it is no JSON that could hold anything, or more than is read."""
    if page.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"[") or len(page.body) > LONGEST_ANSWER:
        return None
    text, _ = text_of(page.body, page.headers.get("content-type"))
    try:
        parsed: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict | list) else None


def dicts(value: Json) -> Iterator[dict[str, Json]]:
    """The objects of a list, or the one that stands where a list might, as ActivityPub has it."""
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, dict):
            yield each


def dicts_within(value: Json) -> "Iterator[dict[str, Json]]":
    """Every object at any depth, in the order of the text."""
    levels: list[Iterator[Json]] = [iter((value,))]
    looked_at = 0
    while levels and looked_at < MOST_VALUES:
        each = next(levels[-1], END)
        if each is END:
            levels.pop()
            continue
        looked_at += 1
        if isinstance(each, dict):
            yield each
        if isinstance(each, dict | list) and len(levels) < DEEPEST:
            levels.append(iter(each.values() if isinstance(each, dict) else each))


def text(value: Json) -> str:
    """Empty for whatever is no text: an empty reference leads nowhere."""
    return value if isinstance(value, str) else ""


def whole(value: Json) -> int | None:
    """A whole number from 0 on, as JSON has it."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def at(value: Json, *keys: str) -> Json:
    """What lies behind these keys, one within the other; None where the way ends early."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
