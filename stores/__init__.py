"""Where things are kept: in memory, in SQL, in Redis, in Elasticsearch."""
