"""Stores what one page named: new URLs, further mentions of known pictures, and the branch each page belongs to.

Works inside the caller's transaction on the tables of crawler.frontier_sqlite.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Sequence

from core.model import State
from crawler import branches, traps
from crawler.frontier import Found, What, host_of

MENTIONS = 100  # pages kept for one picture
MET_AT_MOST = (
    1_000_000  # URLs of one pass kept by name (about 300 bytes each); further ones are only counted, as over_limit
)

REVIVED = (State.TRAP, State.OVER_LIMIT)  # a page left out by these is a picture after all: it is asked for


def store(
    db: sqlite3.Connection,
    pass_key: int,
    page_url: str | None,
    found: Sequence[Found],
    told: Collection[str],
    *,
    was_read: bool = True,
) -> Sequence[str]:
    """page_url   the page that named them; None for URLs that no page named
    was_read   else it is not known to have brought no new picture
    returns    hits among the page's pictures that are not in `told`
    """
    page = db.execute(_PAGE, (pass_key, page_url)).fetchone()
    page_key, branch, fresh, repeats = page or (None, None, 1, None)
    of_list, repeats = repeats is not None, repeats or 0
    names = _Names(db, pass_key, page_key)
    untold: list[str] = []
    hits_by_now = names.hits_among([each.url for each in found if each.known])
    plain = [each for each in found if each.known and not each.hits and each.url not in hits_by_now]
    productive = names.settled(plain)
    for each in found:
        if each.what is What.IMAGE and (each.hits or not each.known or each.url in hits_by_now):
            is_new, hits = names.image(each)
            productive = productive or is_new
            untold += [hit for hit in hits if hit not in told]
    if branch is not None and productive:
        branches.clear(db, branch)
    elif branch is not None and not fresh and was_read:
        branches.count_barren(db, branch)
    if productive or names.left_out_anew:
        repeats = 0
    elif of_list and was_read and names.repeated(found):
        repeats += 1
    placement = branches.Placement(db, pass_key, branch, productive)
    for each in found:
        if each.what is What.PAGE:
            names.page(each, placement, repeats)
    names.count()
    return untold


def pages_showing(db: sqlite3.Connection, pass_key: int, url: str) -> Sequence[str]:
    row = db.execute(
        "SELECT u.key, f.url FROM urls u LEFT JOIN urls f ON f.key = u.found_on WHERE u.pass = ? AND u.url = ?",
        (pass_key, url),
    ).fetchone()
    if row is None:
        return ()
    mentions = db.execute(
        "SELECT p.url FROM mentions m JOIN urls p ON p.key = m.page WHERE m.pass = ? AND m.image = ? ORDER BY m.page",
        (pass_key, row[0]),
    )
    return list(dict.fromkeys([row[1] or url, *(page for (page,) in mentions)]))


class _Names:
    """Writes the URLs that one page named."""

    def __init__(self, db: sqlite3.Connection, pass_key: int, page_key: int | None) -> None:
        self._db = db
        self._pass = pass_key
        self._page = page_key
        pass_id, self._met, self._settled = db.execute(_SO_FAR, (pass_key,)).fetchone()
        self._secret = pass_id.encode()
        self._uncounted = {What.PAGE: 0, What.IMAGE: 0}
        self.left_out_anew = False  # a picture was met that is not asked for: no new one, and no repetition

    def image(self, found: Found) -> tuple[bool, Sequence[str]]:
        """Whether the picture is new in this pass, and the hits it already has that this page was not known to show."""
        row = self._row(found.url)
        if row is None:
            if self._is_settled(found.url):
                return False, ()
            key = self._add(found)
            if key is None or (found.state is not None and not found.known):
                self.left_out_anew = True
                return False, ()
            return self._new_picture(found.url), found.hits
        key, what, state, lease, mentions, _, hits, found_on = row
        shown_anew = found_on != self._page and mentions < MENTIONS - 1  # the page that it was found on is one of them
        if what == What.PAGE and found.state is None and ((state == "" and lease == "") or state in REVIVED):
            self._db.execute(
                "UPDATE urls SET what = ?, state = '', branch = NULL, fresh = 0, repeats = NULL WHERE key = ?",
                (What.IMAGE, key),
            )
            if shown_anew:
                self._mention(key)
            return self._new_picture(found.url), ()
        if state in ("", State.HIT) and shown_anew and self._mention(key):
            # A page that is just being asked for may answer with this picture: it will want to know who shows it.
            return False, hits.split()
        return False, ()

    def hits_among(self, urls: Sequence[str]) -> frozenset[str]:
        """Those that turned out to be hits in this pass, after it was asked what is known of them."""
        if not urls or self._db.execute(_ANY_HIT, (self._pass,)).fetchone() is None:
            return frozenset()
        return frozenset(url for url in urls if (row := self._row(url)) is not None and row[2] == State.HIT)

    def settled(self, found: Sequence[Found]) -> bool:
        """Pictures that were looked at in an earlier pass and show nobody, all at once: a second pass is made of them. Whether one is new.

        Who names them is not kept: only a hit is told of its pages.
        """
        if self._met + len(found) > MET_AT_MOST:
            found = [each for each in found if not self._is_settled(each.url) and self._row(each.url) is None]
        kept = found[: max(0, MET_AT_MOST - self._met)]
        self._uncounted[What.IMAGE] += len(found) - len(kept)
        plain, keyed = [], []
        for each in kept:
            row = (self._pass, self._digest(each.url), each.state, each.url)
            key = traps.picture_key(each.url)
            if key == each.url:
                plain.append(row)
            else:
                keyed.append((row, (self._pass, self._digest(key))))
        is_new = self._settle(plain)
        if keyed:
            self._settle([row for row, _ in keyed])
            keys = [key for _, key in keyed]
            is_new = self._db.executemany("INSERT OR IGNORE INTO pictures VALUES (?, ?)", keys).rowcount > 0 or is_new
        return is_new

    def repeated(self, found: Sequence[Found]) -> bool:
        """Of a page without a new picture: it names pictures, and no page but where it goes on that was not met before."""
        pages = [each.url for each in found if each.what is What.PAGE and not each.following]
        return any(each.what is What.IMAGE for each in found) and not any(
            self._row(url) is None and not self._is_settled(url) for url in pages
        )

    def page(self, found: Found, placement: branches.Placement, repeats: int) -> None:
        if found.following and found.state is None and repeats >= traps.REPEATING_PAGES:
            found = found._replace(state=State.TRAP)
        row = self._row(found.url)
        if row is None and self._is_settled(found.url):
            return
        if found.state is not None:
            if row is None:
                self._add(found)
            return
        of_list = repeats if found.following else None
        if row is not None:
            key, what, state, lease, _, fresh, _, _ = row
            may_move = what == What.PAGE and not fresh and ((state == "" and lease == "") or state == State.TRAP)
            shape = traps.shape(found.url)
            continued = placement.continued(shape)
            if may_move and (found.following or continued is None):
                branch = continued[0] if continued is not None else placement.of_fresh(shape)
                self._db.execute(
                    "UPDATE urls SET state = '', branch = ?, fresh = 1, repeats = ? WHERE key = ?",
                    (branch, of_list, key),
                )
            return
        shape = traps.shape(found.url)
        continued = placement.continued(shape)
        if continued is None:
            self._add(found, branch=placement.of_fresh(shape), fresh=True, repeats=of_list)
        elif found.following:
            self._add(found, branch=continued[0], fresh=True, repeats=of_list)
        else:
            branch, barren = continued
            ended = State.TRAP if barren >= traps.BARREN_PAGES else None
            self._add(Found(found.what, found.url, ended), branch=branch)

    def count(self) -> None:
        self._db.execute(
            "UPDATE passes SET met = ?, settled = ?, pages_uncounted = pages_uncounted + ?, images_uncounted = images_uncounted + ?"
            " WHERE key = ?",
            (self._met, self._settled, self._uncounted[What.PAGE], self._uncounted[What.IMAGE], self._pass),
        )

    def _row(self, url: str) -> "_Row | None":
        row: _Row | None = self._db.execute(
            "SELECT key, what, state, lease, mentions, fresh, hits, found_on FROM urls WHERE pass = ? AND url = ?",
            (self._pass, url),
        ).fetchone()
        return row

    def _settle(self, rows: Sequence[tuple[int, int, State | None, str]]) -> bool:
        added = self._db.executemany(_SETTLE, rows).rowcount if rows else 0
        self._met += added
        self._settled += added
        return added > 0

    def _is_settled(self, url: str) -> bool:
        return (
            self._settled > 0 and self._db.execute(_IS_SETTLED, (self._pass, self._digest(url))).fetchone() is not None
        )

    def _digest(self, url: str) -> int:
        """One number for a URL: among the million of a pass two are the same once in 40 million passes.

        Under a secret of the pass: nobody can make up a URL whose number is that of another, and hide one behind the other.
        """
        digest = hashlib.blake2b(url.encode(), digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "big", signed=True)

    def _add(
        self, found: Found, branch: int | None = None, *, fresh: bool = False, repeats: int | None = None
    ) -> int | None:
        if self._met >= MET_AT_MOST:
            self._uncounted[found.what] += 1
            return None
        self._met += 1
        return self._db.execute(
            "INSERT INTO urls (pass, url, what, host, state, found_on, branch, fresh, repeats, hits) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._pass,
                found.url,
                found.what,
                host_of(found.url),
                found.state or "",
                self._page,
                branch,
                int(fresh),
                repeats,
                " ".join(found.hits),
            ),
        ).lastrowid

    def _mention(self, image_key: int) -> bool:
        """Whether this page was not known to show it."""
        if self._page is None:
            return False
        added = (
            self._db.execute(
                "INSERT OR IGNORE INTO mentions VALUES (?, ?, ?)", (self._pass, image_key, self._page)
            ).rowcount
            == 1
        )
        if added:
            self._db.execute("UPDATE urls SET mentions = mentions + 1 WHERE key = ?", (image_key,))
        return added

    def _new_picture(self, url: str) -> bool:
        key = traps.picture_key(url)
        if key != url and self._is_settled(key):
            return False
        row = (self._pass, self._digest(key))
        return self._db.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?)", row).rowcount == 1


_Row = tuple[int, str, str, str, int, int, str, int | None]
_PAGE = "SELECT key, branch, fresh, repeats FROM urls WHERE pass = ? AND url = ?"
_SO_FAR = "SELECT id, met, settled FROM passes WHERE key = ?"
_ANY_HIT = "SELECT 1 FROM urls WHERE pass = ? AND what = 'image' AND state = 'hit' LIMIT 1"
_SETTLE = (
    "INSERT OR IGNORE INTO settled SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM urls WHERE pass = ?1 AND url = ?4)"
)
_IS_SETTLED = "SELECT 1 FROM settled WHERE pass = ? AND url = ?"
