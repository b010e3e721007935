"""HitQuery → Elasticsearch's query. Pure."""

from typing import Any

from core.model import HitQuery
from stores.rules import words

FOUND_AT_A_TIME = 10_000  # the most that a server gives in one answer

# Newest first, then by id; nanoseconds, so that the order within a millisecond is SQL's.
ORDER: list[dict[str, Any]] = [{"first_seen": {"order": "desc"}}, {"id": {"order": "asc"}}]


def of_hits(query: HitQuery) -> dict[str, Any]:
    wanted = {"site": query.site, "person": query.person, "status": query.status, "tier": query.tier}
    filters: list[dict[str, Any]] = [
        {"term": {name: str(value)}} for name, value in wanted.items() if value is not None
    ]
    return {"bool": {"filter": filters + [_in_a_url(word) for word in words(query.text)]}}


def _in_a_url(word: str) -> dict[str, Any]:
    """Anywhere in a URL, as SQL finds it. Tokens would not do: to the built-in analyzers "cdn.gallery.example" is one word."""
    pattern = "*" + "".join(f"\\{letter}" if letter in "*?\\" else letter for letter in word) + "*"
    return {
        "bool": {
            "should": [{"wildcard": {field: {"value": pattern}}} for field in ("image_url", "page_url")],
            "minimum_should_match": 1,
        }
    }
