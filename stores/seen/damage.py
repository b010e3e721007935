"""A file that is not as it was written. Said by name and never read around: what it held is unknown, not unseen."""

from core.errors import StoreUnavailable

CURE = "put it back from a backup; without one remove it, and what it held is seen again as its site is crawled"


class Damaged(StoreUnavailable):
    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where} is damaged: {what}; the cure: {CURE}")
