"""A file that is not as it was written. Said by name and never read around: what it held is unknown, not unseen."""

from core.errors import StoreUnavailable

CURE = "put it back from a backup; without one remove it, and what it held is seen again as its site is crawled"


# Of a log, the next crawl of its site or the worker that seals what is old keeps every whole record, and sets the file aside.
LOG_CURE = "let it lie: what is whole in it is kept when it is sealed, in a day or two, and the rest is seen again with its site"


class Damaged(StoreUnavailable):
    def __init__(self, where: str, what: str, cure: str = CURE) -> None:
        super().__init__(f"{where} is damaged: {what}; the cure: {cure}")
