"""Where things are kept: in memory, in SQL, in Redis, in Elasticsearch, in key files. Every adapter answers a port of core/ports.py."""
