"""Everything in this process's memory: for tests and for trying out. Gone with the process.

One object, because a hit, its outbox rows and its person's state change together.
"""

from collections.abc import Mapping

from stores.memory.cases import MemoryCaseBook
from stores.memory.collisions import MemoryCollisionBook, MemoryNegativeBank
from stores.memory.exchange import MemoryExchangeBook
from stores.memory.hits import MemoryHitLog, MemoryHitSearch
from stores.memory.people import MemoryEnrolledCorners, MemoryEnrolledHashes, MemoryNoticeDetails, MemoryPeople
from stores.memory.seen import MemorySeen
from stores.memory.shelf import Shelf
from stores.memory.sites import MemoryCanaryBook, MemoryDailyUse, MemorySiteBook, MemorySiteMemory, MemoryTroubleBook
from stores.memory.sweeps import MemorySweepBoard, MemorySweepFinds
from stores.memory.work import MemoryJobSlots, MemoryLeadership, MemoryOutbox
from stores.rules import DEFAULT_THRESHOLDS

__all__ = ["MemorySeen", "MemoryStore"]


class MemoryStore:
    def __init__(self, thresholds: Mapping[str, int] = DEFAULT_THRESHOLDS) -> None:
        shelf = Shelf()
        self.hit_log = MemoryHitLog(shelf)
        self.hit_search = MemoryHitSearch(shelf)
        self.people = MemoryPeople(shelf, thresholds)
        self.enrolled_hashes = MemoryEnrolledHashes(shelf)
        self.enrolled_corners = MemoryEnrolledCorners(shelf)
        self.exchange_book = MemoryExchangeBook(shelf)
        self.notice_details = MemoryNoticeDetails(shelf)
        self.outbox = MemoryOutbox(shelf)
        self.case_book = MemoryCaseBook(shelf)
        self.site_book = MemorySiteBook(shelf)
        self.site_memory = MemorySiteMemory(shelf)
        self.canary_book = MemoryCanaryBook(shelf)
        self.daily_use = MemoryDailyUse(shelf)
        self.trouble_book = MemoryTroubleBook(shelf)
        self.job_slots = MemoryJobSlots(shelf)
        self.leadership = MemoryLeadership(shelf)
        self.sweep_board = MemorySweepBoard(shelf)
        self.sweep_finds = MemorySweepFinds(shelf)
        self.collision_book = MemoryCollisionBook(shelf)
        self.negative_bank = MemoryNegativeBank(shelf)
