"""What tests run in processes of their own, to be killed, to race, or to run out of room.

python -m tests.stores.seen.programs ACT FOLDER ARGUMENT

Each line printed was true before it was printed.
"""

import itertools
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from core.errors import StoreUnavailable
from tests.contracts.seen_values import seen
from tests.stores.seen.house import SeenHouse

SEAL_AT = 60


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_for_ever(house: SeenHouse, first: str) -> None:
    """Prints the number of each picture after it was kept."""
    with house.writer(seal_at=SEAL_AT) as log:
        for number in itertools.count(int(first)):
            log.add([seen(number)])
            say(str(number))


def write_until_full(house: SeenHouse, limit: str) -> None:
    """Prints how many were kept, and why there were no more. With a limit no file may grow beyond it; without, the disk ends."""
    if int(limit):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with EFBIG, or falls short
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    with house.writer() as log:
        for number in itertools.count():
            try:
                log.add([seen(number), seen(number + 10**6)])
            except StoreUnavailable as error:
                say(f"{number}\n{error}")
                break
    for place in house.store.segments():  # what a sweep reads, on the same full disk
        say(str(place.fingerprints))


ACTS: dict[str, Callable[[SeenHouse, str], None]] = {"write": write_for_ever, "fill": write_until_full}

if __name__ == "__main__":
    act, folder, argument = sys.argv[1:]
    ACTS[act](SeenHouse(Path(folder)), argument)
