"""Which run of like-shaped pages a page belongs to, and when that run has turned out to be a trap (see crawler.traps).

A page is fresh when it was found on a page that brought a new picture, or when no barren page on the way to it had its shape. Fresh
pages are always read: 1,000 threads listed on one index, say. Any other page continues the branch of its shape on that way, and is
left out once that branch has had its barren pages: a calendar is one branch, even when its months and days take turns, and each of
the ten links on every page of a maze falls into the maze's one branch. What fresh pages of one shape, listed by one branch, lead to
is one branch as well; else two traps that list each other would multiply. Where a list that an API gives goes on is fresh, too, though
it continues its branch: that 20 pages of it were words alone says nothing of the next. But after 20 in a row that named pictures, and
nothing that was not met before in this pass, it is left out: an API that gives its last page for every later number has no end.

A new picture clears its page's branch and those of the pages that led there: an index without thumbnails is as good as its albums.

Works inside the caller's transaction on the tables of crawler.frontier_sqlite.
"""

import sqlite3
from dataclasses import dataclass, field

from crawler.traps import BARREN_PAGES

WAY_BACK = 20  # branches looked at on the way back to the last new picture
CREDIT = 8  # branches that a new picture speaks for

SCHEMA = """
CREATE TABLE branches (
    key INTEGER PRIMARY KEY,
    pass INTEGER NOT NULL,
    shape TEXT NOT NULL,
    found_in INTEGER,      -- the branch of the pages it was found on
    cut INTEGER NOT NULL,  -- that page had brought a new picture: what lies before is no part of this run
    barren INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX branches_of_pass ON branches (pass);
CREATE INDEX branches_found_in ON branches (found_in, shape) WHERE cut = 0;
"""

# Branches of which enough pages are under way to make them traps. What continues them waits for how those end: how much of a trap is
# read must not depend on how many pages are asked for at once. Only the leased pages are looked at, which are few.
SPOKEN_FOR = f"""
SELECT l.branch FROM urls l INDEXED BY urls_leased JOIN branches b ON b.key = l.branch
WHERE l.lease <> '' AND l.fresh = 0 GROUP BY l.branch HAVING min(b.barren) + count(*) >= {BARREN_PAGES}
"""  # noqa: S608  # a number of ours


@dataclass(slots=True)
class Placement:
    """Finds the branch for each page that one page links to."""

    db: sqlite3.Connection
    pass_key: int
    found_in: int | None  # branch of the linking page; None for start pages
    productive: bool  # the linking page brought a new picture
    _continued: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    _fresh: dict[str, int] = field(default_factory=dict)

    def continued(self, shape: str) -> tuple[int, int] | None:
        """The branch that a page of this shape continues, and its barren pages; None: the page is fresh."""
        if self.productive or self.found_in is None:
            return None
        if shape not in self._continued:
            self._continued[shape] = self._on_the_way(shape)
        return self._continued[shape]

    def of_fresh(self, shape: str) -> int:
        """The branch in which what a fresh page of this shape leads to is counted."""
        if shape not in self._fresh:
            self._fresh[shape] = self._listed_before(shape) or self._new(shape)
        return self._fresh[shape]

    def _on_the_way(self, shape: str) -> tuple[int, int] | None:
        branch = self.found_in
        for _ in range(WAY_BACK):
            if branch is None:
                return None
            its_shape, found_in, cut, barren = self.db.execute(
                "SELECT shape, found_in, cut, barren FROM branches WHERE key = ?", (branch,)
            ).fetchone()
            if its_shape == shape:
                return branch, barren
            branch = None if cut else found_in
        return None

    def _listed_before(self, shape: str) -> int | None:
        if self.productive:
            return None
        row = self.db.execute(
            "SELECT key FROM branches WHERE found_in = ? AND shape = ? AND cut = 0", (self.found_in, shape)
        ).fetchone()
        return int(row[0]) if row else None

    def _new(self, shape: str) -> int:
        key = self.db.execute(
            "INSERT INTO branches (pass, shape, found_in, cut) VALUES (?, ?, ?, ?)",
            (self.pass_key, shape, self.found_in, int(self.productive)),
        ).lastrowid
        assert key is not None
        return key


def count_barren(db: sqlite3.Connection, branch: int) -> None:
    """A page that continued this branch brought no new picture. The one too many ends all that wait to continue it."""
    (barren,) = db.execute(
        "UPDATE branches SET barren = barren + 1 WHERE key = ? RETURNING barren", (branch,)
    ).fetchone()
    if barren >= BARREN_PAGES:
        db.execute(
            "UPDATE urls SET state = 'trap' WHERE branch = ? AND state = '' AND lease = '' AND what = 'page' AND NOT fresh",
            (branch,),
        )


def clear(db: sqlite3.Connection, branch: int | None) -> None:
    """A page of this branch brought a new picture. What had ended as a trap on the way there waits again."""
    for _ in range(CREDIT):
        row = db.execute("SELECT found_in, barren FROM branches WHERE key = ?", (branch,)).fetchone()
        if row is None:
            return
        if row[1]:
            db.execute("UPDATE branches SET barren = 0 WHERE key = ?", (branch,))
        if row[1] >= BARREN_PAGES:
            db.execute("UPDATE urls SET state = '' WHERE branch = ? AND state = 'trap' AND what = 'page'", (branch,))
        branch = row[0]
