"""The frontier in a SQLite file of its own: one machine, several sites, one process a site.

It can be rebuilt by crawling again, so it asks for less than a ledger: `synchronous=NORMAL` survives every kill, and a power cut
may cost the last second, which is then done twice.
"""

import json
import os
import secrets
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import StoreUnavailable
from core.model import State, derived_id, rfc3339
from crawler import branches, met
from crawler.frontier import UNASKED, Found, Leased, Pass, Tally, What
from crawler.locks import FileLock, held_by, sweep
from crawler.turns import Turns

PRUNED_AT_ONCE = 5_000  # rows a transaction: other sites' crawls write to the same file
BUSY_MS = 30_000

VERSION = 2
SCHEMA = """
CREATE TABLE passes (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    site TEXT NOT NULL,
    started TEXT NOT NULL,
    finished TEXT,
    pages_asked INTEGER NOT NULL DEFAULT 0,
    images_asked INTEGER NOT NULL DEFAULT 0,
    pages_uncounted INTEGER NOT NULL DEFAULT 0,   -- met after MET_AT_MOST
    images_uncounted INTEGER NOT NULL DEFAULT 0,
    met INTEGER NOT NULL DEFAULT 0,
    settled INTEGER NOT NULL DEFAULT 0,           -- of these, rows in settled
    hits INTEGER NOT NULL DEFAULT 0,
    byte_count INTEGER NOT NULL DEFAULT 0,
    begun TEXT NOT NULL DEFAULT '',               -- or taken up, the last time
    counts TEXT                                   -- of an erased pass, JSON: [kind, state, how many URLs]
) STRICT;
CREATE INDEX passes_of_site ON passes (site, finished);
CREATE TABLE urls (
    key INTEGER PRIMARY KEY,
    pass INTEGER NOT NULL,
    url TEXT NOT NULL,
    what TEXT NOT NULL,
    host TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT '',               -- '' while it waits or is leased
    lease TEXT NOT NULL DEFAULT '',               -- the worker that has it
    due REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    found_on INTEGER,
    branch INTEGER,                               -- of a page
    fresh INTEGER NOT NULL DEFAULT 0,             -- of a page: see crawler.branches
    repeats INTEGER,                              -- of a page of a list that an API gives: so many in a row, up to it, repeated pictures
    mentions INTEGER NOT NULL DEFAULT 0,          -- of a picture: its rows in mentions
    hits TEXT NOT NULL DEFAULT '',                -- of a picture: ids, apart by blanks
    UNIQUE (pass, url)
) STRICT;
CREATE INDEX urls_waiting ON urls (pass, host, what, key) WHERE state = '' AND lease = '';
CREATE INDEX urls_leased ON urls (lease) WHERE lease <> '';
CREATE INDEX urls_in_branch ON urls (branch) WHERE branch IS NOT NULL;
CREATE INDEX urls_by_state ON urls (pass, what, state);
CREATE TABLE mentions (pass INTEGER, image INTEGER, page INTEGER, PRIMARY KEY (pass, image, page)) STRICT, WITHOUT ROWID;
CREATE TABLE pictures (pass INTEGER, picture INTEGER, PRIMARY KEY (pass, picture)) STRICT, WITHOUT ROWID;
CREATE TABLE settled (pass INTEGER, url INTEGER, state TEXT NOT NULL, PRIMARY KEY (pass, url)) STRICT, WITHOUT ROWID;
CREATE TABLE pauses (site TEXT, host TEXT, until REAL NOT NULL, PRIMARY KEY (site, host)) STRICT, WITHOUT ROWID;
CREATE TABLE robots (site TEXT, origin TEXT, kept TEXT NOT NULL, PRIMARY KEY (site, origin)) STRICT, WITHOUT ROWID;
"""


class SqliteFrontier:
    """See crawler.frontier.Frontier. A context manager that closes the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._workers = path.with_name(path.name + ".workers")
        self._lock = threading.RLock()
        self._together = False
        self._keys: dict[str, int] = {}  # of passes, while calls are stored together
        self._turns_lock = threading.Lock()  # never waits for the disk
        self._turns: defaultdict[str, Turns] = defaultdict(Turns)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._workers.mkdir(exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # URLs are nobody else's business
            self._db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA secure_delete = ON")  # Debian's default: what is erased is overwritten in the file
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailable(f"frontier {path}: {error}; is the folder there, writable and not full?") from error
        self._make_tables()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._db.close()

    # ------------------------------------------------------------------------------------------------------- workers

    @contextmanager
    def worker(self) -> Iterator[str]:
        name = secrets.token_hex(8)
        lock = FileLock(self._workers / name)
        lock.take(wait=True)
        try:
            yield name
        finally:
            self.release(name)
            lock.release(remove=True)

    def release(self, worker: str) -> None:
        with self._transaction() as db:
            db.execute("UPDATE urls SET lease = '' WHERE lease = ?", (worker,))

    def _free_the_dead(self, db: sqlite3.Connection, but: str = "") -> None:
        for (name,) in db.execute("SELECT DISTINCT lease FROM urls WHERE lease <> ''").fetchall():
            if name != but and held_by(self._workers / name) is None:
                db.execute("UPDATE urls SET lease = '' WHERE lease = ?", (name,))

    # -------------------------------------------------------------------------------------------------------- passes

    def begin(self, site: str, starts: Sequence[Found], now: datetime) -> Pass:
        sweep(self._workers, "*")
        with self._transaction() as db:
            self._free_the_dead(db)
            row = db.execute(
                "SELECT key, id, started FROM passes WHERE site = ? AND finished IS NULL AND counts IS NULL", (site,)
            ).fetchone()
            if row is not None:
                key, pass_id, started = row[0], row[1], datetime.fromisoformat(row[2])
                db.execute("UPDATE passes SET begun = ? WHERE key = ?", (rfc3339(now), key))
            else:
                pass_id, started = derived_id("pass", site, rfc3339(now), secrets.token_hex(8)), now
                cursor = db.execute(
                    "INSERT INTO passes (id, site, started, begun) VALUES (?, ?, ?3, ?3)", (pass_id, site, rfc3339(now))
                )
                key = cursor.lastrowid
            met.store(db, key, None, starts, ())
        if row is None:
            self._prune(site)
        return Pass(id=pass_id, site=site, started=started, resumed=row is not None)

    def close(self, pass_id: str, now: datetime) -> bool:
        with self._transaction() as db:
            closing = "UPDATE passes SET finished = ? WHERE id = ? AND counts IS NULL"
            return db.execute(closing, (rfc3339(now), pass_id)).rowcount == 1

    def sites(self) -> Sequence[str]:
        with self._transaction() as db:
            return [site for (site,) in db.execute(_SITES)]

    def erase(self, site: str, begun_before: datetime | None = None) -> int:
        with self._transaction() as db:
            if begun_before is not None and self._in_use(db, site, begun_before):
                return 0
            # First nobody can add to it any more: the deleting takes many transactions.
            self._keys.clear()
            for (key,) in db.execute("SELECT key FROM passes WHERE site = ? AND counts IS NULL", (site,)).fetchall():
                counts = json.dumps(db.execute(_COUNTS, (key,)).fetchall())
                db.execute("UPDATE passes SET counts = ? WHERE key = ?", (counts, key))
            db.execute("DELETE FROM pauses WHERE site = ?", (site,))
            db.execute("DELETE FROM robots WHERE site = ?", (site,))
        gone = self._prune(site)
        with self._lock, self._named_errors():
            # What was written lately stands in the log beside the file as well, as long as anybody has it open.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    def _in_use(self, db: sqlite3.Connection, site: str, since: datetime) -> bool:
        for key, begun in db.execute(_BEGUN, (site,)).fetchall():
            workers = db.execute("SELECT DISTINCT lease FROM urls WHERE lease <> '' AND pass = ?", (key,)).fetchall()
            if datetime.fromisoformat(begun) >= since or any(held_by(self._workers / name) for (name,) in workers):
                return True
        return False

    def _prune(self, site: str) -> int:
        """Deletes what passes left that are finished or erased, in slices. Taken up when broken off. Returns how many URLs."""
        with self._transaction() as db:
            old = db.execute(
                "SELECT key FROM passes WHERE site = ? AND (finished IS NOT NULL OR counts IS NOT NULL)", (site,)
            ).fetchall()
        gone = 0
        for (key,) in old:
            for table, row in (
                ("branches", "key"),
                ("mentions", "(pass, image, page)"),
                ("pictures", "(pass, picture)"),
                ("settled", "(pass, url)"),
                ("urls", "key"),  # last: by them `sites` knows what was broken off
            ):
                columns = row.strip("()")
                statement = f"DELETE FROM {table} WHERE {row} IN (SELECT {columns} FROM {table} WHERE pass = ? LIMIT {PRUNED_AT_ONCE})"  # noqa: S608  # our own words
                while True:
                    with self._transaction() as db:
                        deleted = db.execute(statement, (key,)).rowcount
                    if deleted == 0:
                        break
                    gone += deleted if table in ("urls", "settled") else 0
        return gone

    def push(self, pass_id: str, found: Sequence[Found]) -> None:
        with self._transaction() as db:
            if (key := self._key(pass_id)) is not None:
                met.store(db, key, None, found, ())

    def tally(self, pass_id: str) -> Tally:
        with self._transaction() as db:
            key, pages, images, no_pages, no_images, hits, byte_count, kept = db.execute(_TALLY, (pass_id,)).fetchone()
            rows = db.execute(_COUNTS, (key,)).fetchall() if kept is None else json.loads(kept)
        counts: Counter[tuple[What, State]] = Counter()
        for what, state, n in rows:
            counts[What(what), _STATES[state]] += n
        for what, n in ((What.PAGE, no_pages), (What.IMAGE, no_images)):
            if n:
                counts[what, State.OVER_LIMIT] += n
        return Tally(counts=counts, asked={What.PAGE: pages, What.IMAGE: images}, hits=hits, byte_count=byte_count)

    # -------------------------------------------------------------------------------------------------------- leases

    def lease(
        self,
        pass_id: str,
        worker: str,
        *,
        per_host: int,
        under_way: Mapping[str, int],
        at_most: Mapping[What, int],
        now: float,
        of_pass: Mapping[What, int] | None = None,
    ) -> Sequence[Leased]:
        leased: list[Leased] = []
        with self._transaction() as db:
            if (key := self._key(pass_id)) is None:
                return ()
            left = dict(at_most) if of_pass is None else _left(db, key, at_most, of_pass)
            paused = {host for host, until in _pauses(db, key).items() if until > now}
            for host in _waiting_hosts(db, key):
                room = 0 if host in paused else per_host - under_way.get(host, 0)
                for what in What:
                    while room > 0 and left[what] > 0:
                        row = db.execute(_NEXT[what], (key, host, now)).fetchone()
                        if row is None:
                            break
                        db.execute("UPDATE urls SET lease = ? WHERE key = ?", (worker, row[0]))
                        leased.append(
                            Leased(url=row[1], what=what, host=host, attempts=row[2], found_on=row[3] or row[1])
                        )
                        room -= 1
                        left[what] -= 1
            if not leased:
                self._free_the_dead(db, but=worker)  # the next call finds it
        return leased

    def give_back(self, pass_id: str, url: str, *, due: float, counted: bool) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE urls SET lease = '', due = ?, attempts = attempts + ? WHERE pass = ? AND url = ? AND state = ''",
                (due, int(counted), self._key(pass_id), url),
            )

    def turn(self, site: str, host: str, delay_s: float, now: float) -> float:
        """In memory: one process crawls a site."""
        with self._turns_lock:
            return self._turns[site].wait_s(host, now, delay_s)

    def pause(self, site: str, host: str, until: float) -> None:
        with self._transaction() as db:
            db.execute(
                "INSERT INTO pauses VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                (site, host, until),
            )

    def paused_until(self, site: str, host: str) -> float:
        with self._transaction() as db:
            row = db.execute("SELECT until FROM pauses WHERE site = ? AND host = ?", (site, host)).fetchone()
        return float(row[0]) if row else 0.0

    def next_due(self, pass_id: str) -> float | None:
        with self._transaction() as db:
            if (key := self._key(pass_id)) is None:
                return None
            pauses = _pauses(db, key)
            dues = [
                max(pauses.get(host, 0.0), db.execute(_DUE, (key, host)).fetchone()[0])
                for host in _waiting_hosts(db, key)
            ]
        return min(dues, default=None)

    def end_waiting(self, pass_id: str, state: State, *, what: What | None = None, host: str | None = None) -> int:
        with self._transaction() as db:
            return db.execute(_END_WAITING, (state, self._key(pass_id), what, host)).rowcount

    # ------------------------------------------------------------------------------------------------------- endings

    def pages_showing(self, pass_id: str, url: str) -> Sequence[str]:
        with self._transaction() as db:
            key = self._key(pass_id)
            return () if key is None else met.pages_showing(db, key, url)

    def finish(
        self,
        pass_id: str,
        url: str,
        state: State,
        *,
        what: What,
        byte_count: int = 0,
        hits: Sequence[str] = (),
        new_hits: int = 0,
        children: Sequence[Found] = (),
        told: Collection[str] = (),
    ) -> Sequence[str]:
        try:
            with self._transaction() as db:
                if (pass_key := self._key(pass_id)) is None:
                    return ()
                untold = [page for page in met.pages_showing(db, pass_key, url) if page not in told] if hits else []
                if state is State.READ or children:
                    untold += met.store(db, pass_key, url, children, told, was_read=state is State.READ)
                if untold:
                    raise _FirstTell(untold)
                db.execute(_END, (state, what, " ".join(hits), pass_key, url))
                asked = 0 if state in UNASKED else 1
                pages, images = (asked, 0) if what is What.PAGE else (0, asked)
                db.execute(_COUNT, (pages, images, byte_count, new_hits, pass_key))
        except _FirstTell as first:
            return first.untold
        return ()

    # -------------------------------------------------------------------------------------------------------- robots

    def robots_kept(self, site: str) -> Mapping[str, str]:
        with self._transaction() as db:
            return dict(db.execute("SELECT origin, kept FROM robots WHERE site = ?", (site,)).fetchall())

    def keep_robots(self, site: str, origin: str, kept: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO robots VALUES (?, ?, ?)", (site, origin, kept))

    # -------------------------------------------------------------------------------------------------------- inside

    def _key(self, pass_id: str) -> int | None:
        """None of an erased pass. In a statement that is NULL, which no row's pass is equal to."""
        if pass_id in self._keys:
            return self._keys[pass_id]
        row = self._db.execute("SELECT key FROM passes WHERE id = ? AND counts IS NULL", (pass_id,)).fetchone()
        key = None if row is None else int(row[0])
        if self._together and key is not None:  # nobody else can erase it before this transaction ends
            self._keys[pass_id] = key
        return key

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._lock, self._named_errors(), self._within("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
            self._together = True
            try:
                yield
            finally:
                self._together = False
                self._keys.clear()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:  # before it is asked whether others' calls are being stored together: they may just have ended
            words = ("SAVEPOINT one", "RELEASE one", "ROLLBACK TO one") if self._together else _ALONE
            with self._named_errors(), self._within(*words):
                yield self._db

    @contextmanager
    def _within(self, begin: str, end: str, undo: str) -> Iterator[None]:
        self._db.execute(begin)
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite itself has ended it where, say, the disk is full
                self._db.execute(undo)
            raise
        self._db.execute(end)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"frontier {self._path}: {error}; it holds nothing that a new crawl would not find again"
            ) from error

    def _make_tables(self) -> None:
        with self._transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                return
            if version == 1:
                db.execute("ALTER TABLE passes ADD COLUMN begun TEXT NOT NULL DEFAULT ''")
                db.execute("ALTER TABLE passes ADD COLUMN counts TEXT")
                db.execute("ALTER TABLE passes ADD COLUMN settled INTEGER NOT NULL DEFAULT 0")
                db.execute("ALTER TABLE urls ADD COLUMN repeats INTEGER")
                db.execute(next(each for each in SCHEMA.split(";") if "TABLE settled" in each))
                db.execute(f"PRAGMA user_version = {VERSION}")
                return
            if version != 0:
                raise StoreUnavailable(
                    f"frontier {self._path}: written by another version of Stillwatch; move the file away to start anew"
                )
            for statement in (SCHEMA + branches.SCHEMA).split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")


class _FirstTell(Exception):
    """Ends a transaction in which nothing may be stored yet."""

    def __init__(self, untold: Sequence[str]) -> None:
        super().__init__()
        self.untold = untold


_ALONE = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
_STATES = {"": State.PENDING, **{state.value: state for state in State}}

_TALLY = "SELECT key, pages_asked, images_asked, pages_uncounted, images_uncounted, hits, byte_count, counts FROM passes WHERE id = ?"
_COUNTS = """
SELECT what, state, count(*) FROM urls WHERE pass = ?1 GROUP BY what, state
UNION ALL SELECT 'image', state, count(*) FROM settled WHERE pass = ?1 GROUP BY state
"""
_BEGUN = "SELECT key, max(begun, started) FROM passes WHERE site = ? AND counts IS NULL"  # 'begun' is '' in files of version 1
_SITES = """
SELECT site FROM passes p WHERE counts IS NULL OR EXISTS (SELECT 1 FROM urls WHERE pass = p.key)
UNION SELECT site FROM pauses UNION SELECT site FROM robots ORDER BY site
"""
_COUNT = """
UPDATE passes SET pages_asked = pages_asked + ?, images_asked = images_asked + ?, byte_count = byte_count + ?, hits = hits + ? WHERE key = ?
"""
_END = "UPDATE urls SET state = ?, what = ?, hits = ?, lease = '' WHERE pass = ? AND url = ?"
_END_WAITING = """
UPDATE urls SET state = ?1
WHERE pass = ?2 AND state = '' AND lease = '' AND (?3 IS NULL OR what = ?3) AND (?4 IS NULL OR host = ?4)
"""
_LEASED = "SELECT what, count(*) FROM urls INDEXED BY urls_leased WHERE lease <> '' AND pass = ? GROUP BY what"
_DUE = "SELECT min(due) FROM urls WHERE pass = ? AND host = ? AND state = '' AND lease = ''"
_NEXT_ANY = """
SELECT u.key, u.url, u.attempts, f.url FROM urls u LEFT JOIN urls f ON f.key = u.found_on
WHERE u.pass = ? AND u.host = ? AND u.what = '{what}' AND u.state = '' AND u.lease = '' AND u.due <= ? {unless} ORDER BY u.key LIMIT 1
"""
_NEXT = {
    What.IMAGE: _NEXT_ANY.format(what=What.IMAGE, unless=""),
    What.PAGE: _NEXT_ANY.format(what=What.PAGE, unless=f"AND (u.fresh OR u.branch NOT IN ({branches.SPOKEN_FOR}))"),
}

# The hosts that something waits for, by one seek of the index for each: there are few hosts and many URLs.
_HOSTS = """
WITH RECURSIVE waiting (host) AS (
    SELECT min(host) FROM urls WHERE pass = ?1 AND state = '' AND lease = ''
    UNION ALL
    SELECT (SELECT min(host) FROM urls WHERE pass = ?1 AND state = '' AND lease = '' AND host > waiting.host)
    FROM waiting WHERE waiting.host IS NOT NULL
)
SELECT host FROM waiting WHERE host IS NOT NULL
"""


def _waiting_hosts(db: sqlite3.Connection, pass_key: int) -> Sequence[str]:
    return [host for (host,) in db.execute(_HOSTS, (pass_key,)).fetchall()]


def _left(
    db: sqlite3.Connection, pass_key: int, at_most: Mapping[What, int], of_pass: Mapping[What, int]
) -> dict[What, int]:
    pages, images = db.execute("SELECT pages_asked, images_asked FROM passes WHERE key = ?", (pass_key,)).fetchone()
    leased = db.execute(_LEASED, (pass_key,))
    asked = Counter({What.PAGE: pages, What.IMAGE: images}) + Counter({What(what): n for what, n in leased})
    return {what: min(most, of_pass[what] - asked[what]) if what in of_pass else most for what, most in at_most.items()}


def _pauses(db: sqlite3.Connection, pass_key: int) -> dict[str, float]:
    return dict(
        db.execute(
            "SELECT host, until FROM pauses WHERE site = (SELECT site FROM passes WHERE key = ?)", (pass_key,)
        ).fetchall()
    )
