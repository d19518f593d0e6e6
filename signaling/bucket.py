"""A token bucket. Pure: time is an argument (seconds of a monotonic clock)."""


class Bucket:
    """Holds `burst` tokens at most and gets `rate` a second."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._then = burst, now

    def take(self, now: float, tokens: float = 1) -> bool:
        """False: too many; nothing is taken then. A clock that steps back gives nothing."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._then) * self._rate)
        self._then = now
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True
