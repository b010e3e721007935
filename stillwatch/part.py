"""A part of a process tree: runs a module of ours, and ends when the process that started it is gone.

    python -P -m stillwatch.part PARENT MODULE ARGUMENT…

Then nobody would stop it any more: it must not go on crawling, or hold a port, unseen.
"""

import os
import runpy
import signal
import sys
import threading
import time

ASK_S = 0.5


def main() -> None:
    parent, module = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=_follow, args=(parent,), name="parent", daemon=True).start()
    sys.argv[:3] = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ASK_S)
    # As a signal, so that whatever runs in the main thread ends as it would by a polite kill.
    os.kill(os.getpid(), signal.SIGTERM)


main()
