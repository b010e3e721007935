import secrets


def new_ticket() -> int:
    """A number that no other outbox row has had. Not counted up: processes would have to queue for the next one."""
    return secrets.randbits(62)
