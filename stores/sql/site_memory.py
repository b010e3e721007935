"""What is known of the URLs of a site, a row each. Written by the thousand, so in plain SQL and without an object for each row."""

import hashlib
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from core.model import Known, Settled, Standing, State
from stores.sql.border import sql
from stores.sql.models import KnownUrl
from stores.sql.site_book import standing_of

AT_ONCE = 400  # URLs in one query: SQLite takes a thousand values

_STATES = {state.value: state for state in State}
_TABLE = KnownUrl._meta.db_table  # noqa: SLF001 – Django's documented way to ask a model for its table
_COLUMNS = (
    "site",
    "key",
    "url",
    "state",
    "read_at",
    "again_at",
    "whole_at",
    "recipe",
    "sha256",
    "byte_count",
    "head",
    "etag",
    "last_modified",
    "links",
    "learned",
)
_UPSERT = (
    f"INSERT INTO {_TABLE} ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))}) "  # noqa: S608  # our own words
    f"ON CONFLICT (site, key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[2:])}"
)
_RECALL = f"SELECT {', '.join(_COLUMNS[1:])} FROM {_TABLE} WHERE site = %s AND key IN "  # noqa: S608  # our own words
_SETTLED = (
    f"SELECT key, state, sha256, read_at FROM {_TABLE} "  # noqa: S608  # our own words
    "WHERE site = %s AND recipe = %s AND again_at > %s AND whole_at > %s AND key IN "
)
_LEARN = f"UPDATE {_TABLE} SET learned = %s WHERE site = %s AND key = %s AND url <> ''"  # noqa: S608  # our own words


class SqlSiteMemory:
    @sql()
    def recall(self, site: str, urls: Collection[str]) -> dict[str, Known]:
        found: dict[str, Known] = {}
        by_key = {_key(url): url for url in urls}
        with connection.cursor() as cursor:
            for keys in _slices(list(by_key)):
                cursor.execute(_RECALL + f"({', '.join(['%s'] * len(keys))})", [site, *keys])
                for key, *row in cursor.fetchall():
                    url = by_key[bytes(key)]
                    found[url] = _known(url, row)
        return found

    @sql()
    def settled(self, site: str, urls: Collection[str], recipe: str, now: datetime) -> dict[str, Settled]:
        found: dict[str, Settled] = {}
        by_key = {_key(url): url for url in urls}
        moment = now.timestamp()
        with connection.cursor() as cursor:
            for keys in _slices(list(by_key)):
                marks = ", ".join(["%s"] * len(keys))
                cursor.execute(f"{_SETTLED}({marks})", [site, recipe, moment, moment, *keys])
                for key, state, sha256, read_at in cursor.fetchall():
                    at = datetime.fromtimestamp(read_at, UTC)
                    found[by_key[bytes(key)]] = Settled(_STATES[state], sha256 or None, at)
        return found

    @sql()
    def knows(self, site: str) -> bool:
        return KnownUrl.objects.filter(site=site).exists()

    @sql()
    def remember(self, site: str, known: Sequence[Known]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if standing_of(site) is Standing.REVOKED:  # a crawl under way has not heard of it yet
                return
            # In one order everywhere: two crawlers of one site must not wait for each other's rows.
            cursor.executemany(_UPSERT, [_row(site, each) for each in sorted(known, key=lambda each: _key(each.url))])

    @sql()
    def learned(self, site: str) -> dict[str, str]:
        return dict(KnownUrl.objects.filter(site=site).exclude(url="").values_list("url", "learned"))

    @sql()
    def learn(self, site: str, learned: Mapping[str, str]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            rows = sorted((_key(url), text) for url, text in learned.items())
            cursor.executemany(_LEARN, [(text, site, key) for key, text in rows])

    @sql()
    def sites(self) -> Sequence[str]:
        return list(KnownUrl.objects.order_by("site").values_list("site", flat=True).distinct())

    @sql()
    def forget(self, site: str, before: datetime | None = None) -> int:
        rows = KnownUrl.objects.filter(site=site)
        if before is not None:
            rows = rows.filter(read_at__lt=before.timestamp())
        gone = 0
        while True:
            some = list(rows.values_list("id", flat=True)[:AT_ONCE])  # little by little: others write here, too
            if not some:
                return gone
            gone += KnownUrl.objects.filter(id__in=some).delete()[0]


def _key(url: str) -> bytes:
    return hashlib.blake2b(url.encode(errors="backslashreplace"), digest_size=16).digest()


def _slices(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Of few lengths, so that few statements have to be prepared: the last key is asked for more than once."""
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        length = min(AT_ONCE, 2 ** max(4, (len(some) - 1).bit_length()))
        yield [*some, *some[-1:] * (length - len(some))]


def _row(site: str, known: Known) -> tuple[Any, ...]:
    return (
        site,
        _key(known.url),
        "" if known.images is None else known.url,
        known.state.value,
        known.read_at.timestamp(),
        known.again_at.timestamp(),
        known.whole_at.timestamp(),
        known.recipe,
        known.sha256 or "",
        known.byte_count,
        known.head,
        known.etag,
        known.last_modified,
        _packed(known),
        known.learned,
    )


def _known(url: str, row: Sequence[Any]) -> Known:
    (_, state, read_at, again_at, whole_at, recipe, sha256, byte_count, head, etag, last_modified, links, learned) = row
    images, pages, following = _links(links)
    return Known(
        url=url,
        state=_STATES[state],
        read_at=datetime.fromtimestamp(read_at, UTC),
        again_at=datetime.fromtimestamp(again_at, UTC),
        whole_at=datetime.fromtimestamp(whole_at, UTC),
        recipe=recipe,
        sha256=sha256 or None,
        byte_count=byte_count,
        head=bytes(head),
        etag=etag,
        last_modified=last_modified,
        images=images,
        pages=pages,
        following=following,
        learned=learned,
    )


def _packed(known: Known) -> bytes | None:
    if known.images is None:
        return None
    return zlib.compress(json.dumps([known.images, known.pages, known.following]).encode(), 3)


def _links(packed: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...], tuple[str, ...]]:
    """Rows of before hold no third list."""
    if packed is None:
        return None, (), ()
    images, pages, *more = json.loads(zlib.decompress(bytes(packed)))
    return tuple(images), tuple(pages), tuple(more[0]) if more else ()
