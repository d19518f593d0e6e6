"""What bounds the relay, and what it counts. Pure."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """What happened, in datagrams. All but the first three count something refused or bounded."""

    forwarded: int = 0  # one that was sent on to at least one address
    verified: int = 0  # addresses that passed the challenge
    challenges: int = 0  # sent, repeats included
    empty: int = 0
    too_long: int = 0
    foreign: int = 0  # first byte of no protocol that WebRTC uses (RFC 7983)
    port_zero: int = 0
    unlearned: int = 0  # data from an address that has not proved itself
    no_route: int = 0  # data while the other leg has no verified address
    malformed: int = 0  # STUN that is no Binding message
    unknown_username: int = 0
    bad_integrity: int = 0
    checks_limited: int = 0  # requests of unlearned sources beyond the bound on integrity checks
    challenges_limited: int = 0
    challenge_failed: int = 0  # an answer from elsewhere, without integrity, or proxied
    challenge_unanswered: int = 0
    reflected: int = 0  # a relay's own challenge, sent back
    candidates_evicted: int = 0
    addresses_evicted: int = 0
    addresses_silent: int = 0
    addresses_moved: int = 0  # to another leg, by that leg's challenge
    transactions_limited: int = 0
    transaction_taken: int = 0  # a request whose id another address already uses: a copy
    unmatched_response: int = 0
    over_rate: int = 0  # beyond the bytes per second of a call
    calls_forged: int = 0  # entries that nobody with the secret has sealed
    calls_refused: int = 0
    calls_full: int = 0
    calls_expired: int = 0
    flips: int = 0

    def as_dict(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Bucket:
    """A token bucket: `burst` at once, `rate` a second after that."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate, burst, burst, now

    def take(self, amount: float, now: float) -> bool:
        """Take `amount`; False, and nothing taken, when there is too little."""
        if self._left < amount:
            self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
            self._at = now
            if self._left < amount:
                return False
        self._left -= amount
        return True
