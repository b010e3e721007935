import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from core.errors import Conflict, StoreUnavailable
from core.model import Hit, HitQuery
from stores.elasticsearch.address import client, error_type, translated, unavailable
from stores.elasticsearch.documents import mapping, requests
from stores.elasticsearch.query import FOUND_AT_A_TIME, ORDER, of_hits

log = logging.getLogger(__name__)

ALREADY_NEWER = 409
NO_INDEX = 404
TOO_BUSY = 429
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # during a rebuild, for a server that has too much to do

Refusals = Mapping[str, tuple[str, bool]]  # hit id → reason, may be retried


class ElasticHitIndex:
    """HitIndex and HitSearch. `index` is an alias: behind it stands one index, named by the version of its mapping.

    While a rebuild runs, a second alias names the index that is being filled, and each `put` writes to both: a change that arrives
    meanwhile is in the new index whichever of the two comes first there, because the revision decides.

    Revisions only grow. After SQL was set back to an older backup, rebuild: until then newer revisions here refuse the older ones.
    """

    def __init__(self, url: str, index: str = "stillwatch-hits", timeout_s: float = 20.0) -> None:
        """timeout_s  for the answer to one request, of at most 500 hits or 5 MiB"""
        self._client: Elasticsearch = client(url, timeout_s)
        self._alias = index
        self._next = f"{index}-next"

    # ---------------------------------------------------------------------------------------------------------- writing

    def put(self, hits: Sequence[Hit]) -> Sequence[tuple[str, str, bool]]:
        refused: dict[str, tuple[str, bool]] = {}
        with translated():
            filling = bool(hits) and bool(self._client.indices.exists_alias(name=self._next))
            for _, lines in requests(hits):
                if filling:  # first: were it swapped in between the two writes, the second reaches it
                    again = {
                        hit: why for hit, why in self._bulk(self._next, lines).items() if why[1] and why[0] != NOT_THERE
                    }
                    refused |= again
                refused |= self._put_lines(lines)
        return [(hit, reason, retry) for hit, (reason, retry) in refused.items()]

    def _put_lines(self, lines: Sequence[str]) -> Refusals:
        refused = self._bulk(self._alias, lines)
        reasons = {reason for reason, _ in refused.values()}
        if NOT_THERE in reasons:
            self._create(self._alias)
        elif UNKNOWN_FIELD in reasons:  # an index of an earlier version: fields may be added to it while it is in use
            self._client.indices.put_mapping(index=self._alias, properties=mapping()["mappings"]["properties"])
        else:
            return refused
        return self._bulk(self._alias, lines)

    def _bulk(self, alias: str, lines: Sequence[str]) -> Refusals:
        # require_alias: a missing one must not come into being as an index without our mapping.
        answer = self._client.bulk(
            index=alias,
            operations=lines,  # type: ignore[arg-type]  # text passes as it is; it was made into lines to know its size
            require_alias=True,
            filter_path="items.*._id,items.*.status,items.*.error.type",
        )
        refused = {}
        for item in (outcome for each in answer["items"] for outcome in each.values()):
            if item["status"] >= 300 and item["status"] != ALREADY_NEWER:
                refused[item["_id"]] = _refusal(item["status"], error_type(item))
        return refused

    def _create(self, alias: str) -> str | None:
        """A new empty index behind `alias`. None when another process was faster: then that one's index is there."""
        shape = mapping()
        version = shape["mappings"]["_meta"]["version"]
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        name = f"{self._alias}-v{version}-{stamp}-{secrets.token_hex(3)}"
        try:
            # An alias has at most one write index: of two that create at once, the server refuses one.
            self._client.indices.create(index=name, **shape, aliases={alias: {"is_write_index": True}})
        except ApiError:
            if not self._client.indices.exists_alias(name=alias):
                raise
            return None
        return name

    # --------------------------------------------------------------------------------------------------------- rebuilding

    def rebuild(self, hits: Iterable[Hit]) -> int:
        """`hits` must be read from the log as they are consumed, not before: what changes after this call began is written twice,
        what changed before must be among them. A document that cannot be indexed is logged and left out of the count."""
        with translated():
            self._drop(self._left_over())
            fresh = self._create(self._next)
            if fresh is None:
                raise another_rebuild()
            try:
                count = sum(self._fill(block, lines) for block, lines in requests(hits))
                replaced = self._swap(fresh)
            except BaseException:
                with suppress(ApiError, TransportError):  # what broke it off is the error; the next rebuild clears up
                    self._drop([fresh])
                raise
            self._drop(replaced)
        return count

    def _fill(self, block: Sequence[Hit], lines: Sequence[str]) -> int:
        refused = self._bulk(self._next, lines)
        for wait_s in WAITS_S:
            if not any(again for _, again in refused.values()):
                break
            if any(reason == NOT_THERE for reason, _ in refused.values()):
                raise another_rebuild()
            time.sleep(wait_s)
            refused = self._bulk(self._next, lines)
        busy = [reason for reason, again in refused.values() if again]
        if busy:
            raise unavailable(f"{busy[0]}; the old index stays")
        for hit, (reason, _) in refused.items():
            log.warning("index.hit_refused: %s %s", hit, reason)
        return len(block) - len(refused)

    def _swap(self, fresh: str) -> Sequence[str]:
        """In one step, so that a search sees the old index whole or the new one whole. Returns the old ones."""
        old = [each for each in self._behind(self._alias) if each != fresh]
        actions: list[dict[str, dict[str, object]]] = [
            {"remove": {"index": each, "alias": self._alias}} for each in old
        ]
        actions.append({"remove": {"index": fresh, "alias": self._next, "must_exist": True}})
        actions.append({"add": {"index": fresh, "alias": self._alias, "is_write_index": True}})
        try:
            self._client.indices.refresh(index=fresh)
            self._client.indices.update_aliases(actions=actions)
        except NotFoundError as error:
            raise another_rebuild() from error
        return old

    def _behind(self, alias: str) -> Sequence[str]:
        try:
            return sorted(self._client.indices.get_alias(name=alias).body)
        except NotFoundError:
            return []

    def _left_over(self) -> Sequence[str]:
        """Indices of rebuilds that were killed: half filled, or swapped out and not deleted yet."""
        known = self._client.indices.get_alias(index=f"{self._alias}-v*").body
        return sorted(name for name, entry in known.items() if set(entry["aliases"]) <= {self._next})

    def _drop(self, indices: Sequence[str]) -> None:
        for each in indices:
            self._client.options(ignore_status=404).indices.delete(index=each)

    # ---------------------------------------------------------------------------------------------------------- searching

    def search(self, query: HitQuery) -> Sequence[str]:
        """Sees what was put a second ago. Pages far down cost what all pages before them cost."""
        with translated():
            try:
                return list(islice(self._found(query), query.offset, query.offset + query.limit))
            except NotFoundError as error:
                raise StoreUnavailable(
                    "Elasticsearch has no index of hits yet; the cure: stillwatch reindex (the first hit makes one, too)"
                ) from error

    def _found(self, query: HitQuery) -> Iterator[str]:
        size = min(query.offset + query.limit, FOUND_AT_A_TIME)
        after: Sequence[str | int] | None = None
        while size:
            answer = self._client.search(
                index=self._alias,
                query=of_hits(query),
                sort=ORDER,
                size=size,
                search_after=after,
                stored_fields="_none_",  # the sort values end with the id: no document is opened
                track_total_hits=False,
                allow_partial_search_results=False,  # a part of the hits would look like all of them
            )
            found = answer["hits"]["hits"]
            yield from (each["sort"][-1] for each in found)
            if len(found) < size:
                return
            after = found[-1]["sort"]

    def refresh(self) -> None:
        """Makes what was put so far visible to searches at once; by itself that takes a second."""
        with translated():
            self._client.options(ignore_status=404).indices.refresh(index=self._alias)


def another_rebuild() -> Conflict:
    return Conflict("another rebuild of the search index began meanwhile: wait until that one is done")


NOT_THERE = "index_not_found_exception (404)"
UNKNOWN_FIELD = "strict_dynamic_mapping_exception (400)"


def _refusal(status: int, kind: str) -> tuple[str, bool]:
    """The reason is the error's kind alone: its message may repeat an address."""
    blocked = kind == "cluster_block_exception"  # a full disk made the index read-only, for instance
    return f"{kind} ({status})", status in (NO_INDEX, TOO_BUSY) or status >= 500 or blocked
