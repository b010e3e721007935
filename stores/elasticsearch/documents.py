"""Hit → document, and documents → requests of a bounded size. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.model import Hit, rfc3339

DOCUMENTS_A_REQUEST = 500
BYTES_A_REQUEST = 5 * 2**20

Json = Mapping[str, Any]


def mapping() -> Json:
    """`settings` and `mappings` of an index. Raise `_meta.version` with every change, and say "reindex" in the CHANGELOG."""
    read: Json = json.loads((Path(__file__).parent / "mapping.json").read_text())
    return read


def document(hit: Hit) -> Json:
    """What can be searched for, and nothing else: no hash is ever put into an index."""
    return {
        "id": hit.id,
        "status": hit.status.value,
        "tier": hit.tier.value,
        "site": hit.site,
        "person": str(hit.person),
        "page_url": list(hit.pages),
        "image_url": hit.image_url,
        "distance": hit.distance,
        "evidence": hit.evidence.value,
        "first_seen": rfc3339(hit.first_seen),
        "last_seen": rfc3339(hit.last_seen),
        "found_earlier": None if hit.found_earlier is None else rfc3339(hit.found_earlier),
        "case": hit.case,
        "cluster": hit.cluster,
        "revision": hit.revision,
    }


def requests(hits: Iterable[Hit]) -> Iterator[tuple[Sequence[Hit], Sequence[str]]]:
    """The hits in blocks, each with the lines of its bulk request."""
    block: list[Hit] = []
    lines: list[str] = []
    size = 0
    for hit in hits:
        pair = _lines(hit)
        if block and (len(block) == DOCUMENTS_A_REQUEST or size + sum(map(len, pair)) > BYTES_A_REQUEST):
            yield block, lines
            block, lines, size = [], [], 0
        block.append(hit)
        lines.extend(pair)
        size += sum(map(len, pair))
    if block:
        yield block, lines


def _lines(hit: Hit) -> tuple[str, str]:
    # With the revision as version, an older state that arrives late is refused (409) instead of overwriting the newer one.
    action = {"index": {"_id": hit.id, "version": hit.revision, "version_type": "external"}}
    return json.dumps(action), json.dumps(document(hit))
