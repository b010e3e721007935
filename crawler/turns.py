"""The pace at which one process asks each host."""


class Turns:
    """When each host may be asked next. Whoever asks for a turn has it."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def wait_s(self, host: str, now: float, delay_s: float) -> float:
        """From now to the turn. The first one comes after the delay, too: robots.txt has just been asked for."""
        turn = max(now, self._next.get(host, now + delay_s))
        self._next[host] = turn + delay_s
        return turn - now
