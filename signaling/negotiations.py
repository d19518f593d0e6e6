"""What this node knows of the offers and answers between two pages. Pure."""

from signaling.messages import PeerDescription
from signaling.sdp import sdp_gate
from signaling.switch import Negotiation

Pair = tuple[str, str]  # the page that offers, the page that answers


class Negotiations:
    """By visit and pair of pages. May be forgotten at any moment: the switch then asks for another offer."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Pair, Negotiation]] = {}

    def of(self, visit: str, one: str, other: str) -> Negotiation | None:
        """Between two pages, whoever of them offers."""
        known = self._known.get(visit, {})
        return known.get((one, other)) or known.get((other, one))

    def keep(self, visit: str, pair: Pair, now: Negotiation) -> None:
        self._known.setdefault(visit, {})[pair] = now

    def forget(self, visit: str) -> None:
        self._known.pop(visit, None)

    def learn(self, visit: str, to: str, message: PeerDescription) -> None:
        """A page of another node has described itself to ours: its credentials are needed when ours answers.

        Raises `SdpRefused`.
        """
        leg = sdp_gate(message.sdp, message.kind).leg
        offers = message.kind == "offer"
        pair = (message.sender, to) if offers else (to, message.sender)
        old = self._known.get(visit, {}).get(pair)
        if old is not None and old.generation > message.generation:
            return
        same = old if old is not None and old.generation == message.generation else None
        offer, answer = (same.offer, same.answer) if same else (None, None)
        now = Negotiation(message.generation, leg if offers else offer, answer if offers else leg)
        self.keep(visit, pair, now)
