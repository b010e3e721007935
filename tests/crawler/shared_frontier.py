"""The frontier in Redis, by its URL."""

from functools import partial

from crawler.frontier_redis import RENEWED_EVERY_S, TTL_S, RedisFrontier
from stores.redis import client


def redis_frontier(url: str, *, ttl_s: float = TTL_S, renewed_every_s: float = RENEWED_EVERY_S) -> RedisFrontier:
    return RedisFrontier(partial(client, url), ttl_s=ttl_s, renewed_every_s=renewed_every_s)
