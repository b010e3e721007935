"""The searchable copy of the hits. Everything here can be rebuilt from SQL with `stillwatch reindex`.

Uses what every Elasticsearch 8.19 and 9 has, without optional modules: no scripts, no *_by_query, no lifecycle, no data streams.
"""

from stores.elasticsearch.hit_index import ElasticHitIndex

__all__ = ["ElasticHitIndex"]
