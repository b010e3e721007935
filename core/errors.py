"""What can surprise us. Each error names the thing and the cure.

StillwatchError             exit 1
├── CallError               exit 2   the call is wrong: an option, a file that is not what the command takes
│   ├── ConfigError         exit 2   a setting, a site file or a table is wrong
│   ├── NotAgreed           exit 2   no valid agreement: the site may not be asked for anything
│   ├── UnknownId           exit 2   no such hit, alert, case, person or site
│   └── NotReady            exit 2   the action needs something that is not there yet (a notice with an element missing)
├── StoreUnavailable        exit 1   a database, Redis or Elasticsearch does not answer
├── Conflict                exit 1   somebody else changed it first: read again and repeat
├── NotDelivered            exit 1   a mail or message was refused or could not be handed over
│   └── DeliveryUnknown     exit 1   it may have been handed over: never sent again by itself
├── DecoderUnavailable      exit 1   no decoder child can be started on this machine
└── BrowserUnavailable      exit 1   no browser can be started on this machine

What is expected is no exception but a value: a picture that cannot be decoded is an `Examination` with a named `State`.
"""

from typing import ClassVar


class StillwatchError(Exception):
    """Anything Stillwatch reports about itself. `exit_status` is what the command ends with."""

    exit_status: ClassVar[int] = 1


class CallError(StillwatchError):
    exit_status = 2


class ConfigError(CallError):
    pass


class NotAgreed(CallError):
    pass


class UnknownId(CallError):
    pass


class NotReady(CallError):
    pass


class StoreUnavailable(StillwatchError):
    pass


class Conflict(StillwatchError):
    pass


class NotDelivered(StillwatchError):
    pass


class DeliveryUnknown(NotDelivered):
    pass


class DecoderUnavailable(StillwatchError):
    pass


class BrowserUnavailable(StillwatchError):
    pass
