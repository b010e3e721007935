"""How crawls and long-running parts log: event names and ids, one line each, on standard error."""

import logging
import sys

NOISY = ("apscheduler", "elastic_transport", "waitress.queue")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Events(logging.Formatter):
    """`time level logger event key=value …`: what a call handed over as `extra` stands behind the event."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in STANDARD)
        return f"{super().formatMessage(record)} {fields}".rstrip()


def start(level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Events())
    logging.basicConfig(handlers=[handler], level=level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
