"""The two workers: one crawls what is due, one works off what the crawl left behind.

Work is at least once and idempotent, so a worker may be killed anywhere. What must not happen twice (a mail, a message) is
claimed by its own room.
"""

import fcntl
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from core.errors import StillwatchError, StoreUnavailable
from core.model import Task, Topic
from stillwatch import own
from stillwatch.forgetting import forget_crawls
from stillwatch.wiring import House, utc_now

log = logging.getLogger("stillwatch.workers")

DESK_LEASE = "desk"
DESK_LEASE_TTL_S = 30.0
INDEX_BATCH = 500
RETRY_S = 10.0
GRACE_S = 15.0
FORGOTTEN_EVERY_S = 86_400.0
SWEEPS_ASKED_S = 2.0  # whether something waits
SWEEPS_REFRESHED_S = 60.0  # whether segments came or grew


class Stop:
    """Set by SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def listen(self) -> "Stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: self._event.set())
        return self

    def __call__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


# ----------------------------------------------------------------------------------------------------------------- desk


def desk_round(house: House) -> int:
    """Everything that waits and is due now, once. Returns how many rows were worked off."""
    now = utc_now()
    house.enrolled_hashes.version()  # a database that was restored meanwhile is noticed before anything leaves
    done = house.desk.work(now)
    done += index_round(house)
    if house.settings.channels:
        done += house.channels.work(now)
    if house.settings.mail_url is not None:
        done += house.courier.work(now)
    return done


def index_round(house: House) -> int:
    """Brings the search index up to date. Without Elasticsearch SQL is searched itself, and the rows are done as they are."""
    tasks = house.outbox.due([Topic.INDEX], utc_now(), INDEX_BATCH)
    if not tasks:
        return 0
    if house.hit_index is None:
        house.outbox.done([task.id for task in tasks])
        return len(tasks)
    hits = house.hit_log.get([task.key for task in tasks])
    try:
        refused = {hit: (reason, again) for hit, reason, again in house.hit_index.put(hits)}
    except StoreUnavailable as error:
        log.warning("index.unavailable", extra={"reason": str(error)})
        _later(house, tasks, "the index does not answer")
        return 0
    house.outbox.done([task.id for task in tasks if task.key not in refused])
    for task in tasks:
        if task.key in refused:
            reason, again = refused[task.key]
            if again:
                house.outbox.later(task.id, utc_now() + timedelta(seconds=RETRY_S), reason)
            else:
                house.outbox.dead(task.id, reason)
    return len(tasks) - len(refused)


def _later(house: House, tasks: Sequence[Task], reason: str) -> None:
    for task in tasks:
        house.outbox.later(task.id, utc_now() + timedelta(seconds=min(RETRY_S * 2**task.attempts, 600.0)), reason)


def work_desk(house: House, *, once: bool, stop: Stop) -> None:
    """With `once` until nothing is due; else until stopped. One desk works at a time, whatever the number of machines."""
    house.connect()
    turn = DeskTurn(house)
    try:
        while not stop():
            worked = 0
            try:
                if turn.ours():
                    worked = desk_round(house)
                elif once and _waiting(house):
                    stop.wait(0.2)  # another desk is at work on the same rows: done is done, whoever did it
                    continue
            except StoreUnavailable as error:
                if once:
                    raise
                log.warning("desk.store_unavailable", extra={"reason": str(error)})
            if once and worked == 0:
                return
            if worked == 0:
                stop.wait(0.5)
    finally:
        turn.end()


class DeskTurn:
    """Whose turn it is: a lock among the desks of this machine, which ends with its process, and a lease among machines.

    The lease is held in the machine's name. So a desk that takes over from a killed one on the same machine need not wait for its end.
    """

    def __init__(self, house: House) -> None:
        self._leadership = house.leadership
        self._holder = socket.gethostname()
        self._lock = os.open(house.locks / "desk.lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._locked = False

    def ours(self) -> bool:
        if not self._locked:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._locked = True
        return self._leadership.hold(DESK_LEASE, self._holder, DESK_LEASE_TTL_S)

    def end(self) -> None:
        if self._locked:
            try:
                self._leadership.release(DESK_LEASE, self._holder)
            except StoreUnavailable:
                log.warning("desk.lease_not_released")
        os.close(self._lock)


def _waiting(house: House) -> bool:
    topics = [Topic.DESK, Topic.PERSON, Topic.INDEX]
    if house.settings.channels:
        topics += [Topic.CHANNEL, Topic.TROUBLE]
    if house.settings.mail_url is not None:
        topics.append(Topic.MAIL)
    return bool(house.outbox.due(topics, utc_now(), 1))


# ---------------------------------------------------------------------------------------------------------------- crawl


def work_crawls(house: House, stop: Stop) -> None:
    """Runs each due pass, each due round of rechecks and what waits of sweeps in a process of its own, side by side, one of a kind
    at a time."""
    running: dict[int, tuple[Task, subprocess.Popen[bytes]]] = {}
    sweeps = Sweeps(house)
    forgotten_at = float("-inf")
    try:
        while not stop():
            try:
                if house.settings.redis_url is None and time.monotonic() - forgotten_at >= FORGOTTEN_EVERY_S:
                    forgotten_at = time.monotonic()  # the scheduler forgets what all share, or is on another machine
                    forget_crawls(house, utc_now() - timedelta(days=house.settings.seen_days))
                _reap(house, running)
                sweeps.look_after(time.monotonic())
                for task in house.outbox.due([Topic.CRAWL, Topic.RECHECK], utc_now(), 100):
                    if all((other.topic, other.key) != (task.topic, task.key) for other, _ in running.values()):
                        running[task.id] = (task, _start(task))
            except StoreUnavailable as error:
                log.warning("crawl.store_unavailable", extra={"reason": str(error)})
            stop.wait(0.5)
    finally:
        end([child for _, child in running.values()] + sweeps.children)


class Sweeps:
    """What this worker does for sweeps: another process compares segments and looks at finds, as long as some wait."""

    def __init__(self, house: House) -> None:
        self.children: list[subprocess.Popen[bytes]] = []  # one at most
        self._house = house
        self._asked_at = self._refreshed_at = float("-inf")

    def look_after(self, now: float) -> None:
        """now  by time.monotonic()"""
        from stillwatch.sweeping import refresh, waits

        self.children = [child for child in self.children if child.poll() is None]
        if now - self._asked_at < SWEEPS_ASKED_S or self.children:
            return
        self._asked_at = now
        if now - self._refreshed_at >= SWEEPS_REFRESHED_S:
            self._refreshed_at = now
            refresh(self._house, utc_now())
        if waits(self._house):
            log.info("sweep.helping_out")
            self.children.append(subprocess.Popen(own.part("sweep", "--help-out"), stdout=subprocess.DEVNULL))


def _start(task: Task) -> subprocess.Popen[bytes]:
    arguments = ["crawl", task.key, "--once", "--due"] if task.topic is Topic.CRAWL else ["recheck", "--due"]
    log.info("crawl.started", extra={"topic": task.topic.value})
    return subprocess.Popen(own.part(*arguments), stdout=subprocess.DEVNULL)


def _reap(house: House, running: dict[int, tuple[Task, subprocess.Popen[bytes]]]) -> None:
    for number, (task, child) in list(running.items()):
        if child.poll() is None:
            continue
        if child.returncode in (0, 2):  # 2: it may not be crawled now, which the next slot finds out again
            house.outbox.done([number])
        else:
            log.warning("crawl.broke_off", extra={"topic": task.topic.value, "status": child.returncode})
            house.outbox.later(
                number, utc_now() + timedelta(seconds=min(RETRY_S * 2**task.attempts, 600.0)), "the process broke off"
            )
        del running[number]


def end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Asks, waits, and only then kills: each by the id of the process started here."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + GRACE_S
    for child in children:
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def supervised(work: Callable[[Stop], None]) -> None:
    """The frame of every long-running part: it ends cleanly when asked to."""
    stop = Stop().listen()
    try:
        work(stop)
    except StillwatchError:
        if not stop():
            raise
