"""Where Django's errors become ours, and where a connection is found fit for use."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from core.errors import StoreUnavailable


@contextmanager
def sql() -> Iterator[None]:
    """Around each public method of an adapter. A connection that a restarted server has dropped is opened anew first.

    Integrity and programming errors pass: they are ours to mend, and to call them "unavailable" would only repeat them.
    """
    try:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        yield
    except (OperationalError, InterfaceError) as error:
        raise unavailable(error) from error
    except DatabaseError as error:
        if type(error) is DatabaseError:  # "disk image is malformed", and the like
            raise unavailable(error) from error
        raise


def unavailable(error: Exception) -> StoreUnavailable:
    reason = " ".join(str(error).split()) or type(error).__name__
    return StoreUnavailable(
        f"the database does not answer ({reason}); check DATABASE_URL, the server or disk behind it, and try again"
    )
