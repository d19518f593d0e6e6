"""Who hears what of a call. Pure: (message, sender, state, what was offered) to effects.

The shell performs the effects in their order. Who the sender is comes from its connection, never from the
message.
"""

from collections.abc import Collection
from dataclasses import dataclass

from signaling.calls import Leg
from signaling.candidates import CandidateRefused, candidate_gate
from signaling.messages import (
    Admit,
    Beside,
    Chat,
    Chats,
    Confirm,
    Description,
    FromPeer,
    Got,
    IceCandidate,
    Leave,
    Media,
    NeedOffer,
    Numbered,
    PageMessage,
    PeerCandidate,
    PeerDescription,
    PeerGot,
    PeerNeedOffer,
    PeerSafety,
    PeerStatus,
    Phone,
    QualitySample,
    Refusal,
    Safety,
    Shown,
    Skip,
    Status,
)
from signaling.sdp import Passed, SdpRefused, sdp_gate
from signaling.visits import CallState, Role


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose page speaks, as the server knows it.

    `visit`: the one that it is attached to. `guest`: which third person.
    """

    role: Role
    instance: str
    visit: str | None
    guest: str | None = None


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The newest generation between two pages, and the credentials that each side has given for it."""

    generation: int
    offer: Leg | None
    answer: Leg | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of the gates. `turn`: addresses of TURN servers; `loopback`: see `candidate_gate`."""

    turn: Collection[str] = ()
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Forward:
    """To the other side's page `to`, wherever it is connected."""

    role: Role
    to: str
    message: FromPeer


@dataclass(frozen=True, slots=True)
class Refuse:
    """Back to the sender."""

    message: Refusal


@dataclass(frozen=True, slots=True)
class Negotiated:
    """Remember this about two pages. With both legs the relay can be opened."""

    offerer: str
    answerer: str
    now: Negotiation


@dataclass(frozen=True, slots=True)
class AskOffer:
    """An answer whose offer this service has not seen: have the page that made it offer again."""

    offerer: str
    answerer: str


@dataclass(frozen=True, slots=True)
class Do:
    """The visit's own: admit, confirm, media, leave, and what goes on beside the call."""

    message: Admit | Confirm | Media | Leave | Beside


Effect = Forward | Refuse | Negotiated | AskOffer | Do

_NUMBERED = (Description, IceCandidate, NeedOffer, Status, Safety)
#: Who may take which step for the safety words: whoever offers (True), or whoever answers; "unable" is for both.
_SAFETY_OFFERS = {"commit": True, "reveal": True, "nonce": False, "mismatch": False}
_RANK: dict[Role, int] = {"therapist": 0, "patient": 1, "guest": 2}


def decide(
    message: PageMessage,
    sender: Sender,
    state: CallState | None,
    negotiation: Negotiation | None,
    rules: Rules = Rules(),
) -> list[Effect]:
    """What follows from a message after `hello`.

    `state`: of the sender's visit; `negotiation`: between the sender's page and the one that is spoken to.
    """
    match message:
        case Admit():
            return [Do(message)] if sender.role == "therapist" else [_no(message, "wrong_role")]
        case Leave():
            return [Do(message)] if state is not None else [_no(message, "not_admitted")]
        case Confirm() | Media() | Got() | Description() | IceCandidate() | NeedOffer() | Status() | Safety():
            pass
        case Chat() | Chats() | Phone() | QualitySample():
            pass
        case _:
            return [_no(message, "bad_message")]  # hello again; ping is the shell's
    if state is None or not state.open:
        return [_no(message, "not_admitted")]
    if state.page(sender.role, sender.guest) != sender.instance:
        return [_no(message, "not_current")]
    if isinstance(message, Confirm):
        return [Do(message)] if sender.role == "patient" else [_no(message, "wrong_role")]
    if isinstance(message, Media | Beside):  # the visit is between two; a third person takes part in the call alone
        return [Do(message)] if sender.role != "guest" else [_no(message, "wrong_role")]
    other = state.pages.get(message.to)
    if other is None or message.to == sender.instance:
        return [_no(message, "bad_peer")]
    if isinstance(message, Got):
        got = PeerGot(sender=sender.instance, role=sender.role, seq=message.seq)
        return [Forward(other, message.to, got)]
    return _numbered(message, sender, other, state, negotiation, rules)


def offers(one: tuple[Role, str], other: tuple[Role, str]) -> bool:
    """Whether `one` (role, page) offers and the other answers: the therapist to all, the patient to a third person."""
    return (_RANK[one[0]], one[1]) < (_RANK[other[0]], other[1])


def first_offer(admit: Admit, state: CallState) -> Description | None:
    """The offer that came with the admission, as if its page had sent it as its first message to the patient's.

    It may be a repetition of numbers that these two pages have used before; then it changes nothing.
    """
    if admit.offer is None or state.patient_page is None:
        return None
    return Description(to=state.patient_page, seq=1, kind="offer", generation=0, sdp=admit.offer)


def _numbered(
    message: Numbered,
    sender: Sender,
    other: Role,
    state: CallState,
    negotiation: Negotiation | None,
    rules: Rules,
) -> list[Effect]:
    def forward(content: FromPeer) -> Forward:
        return Forward(other, message.to, content)

    page, role, seq = sender.instance, sender.role, message.seq
    begins = offers((role, page), (other, message.to))
    skip = forward(Skip(sender=page, role=role, seq=seq))
    match message:
        case Status():
            shown = message.model_dump(include=set(Shown.model_fields))
            if role != "therapist":  # who alone shares a screen, and says how to stand before the camera
                shown |= {"sharing": False, "guide": ""}
            return [forward(PeerStatus(sender=page, role=role, seq=seq, **shown))]
        case NeedOffer():
            if begins:
                return [_no(message, "wrong_role"), skip]
            return [forward(PeerNeedOffer(sender=page, role=role, seq=seq))]
        case Safety(run=run, step=step, value=value):
            if begins != _SAFETY_OFFERS.get(step, begins):
                return [_no(message, "wrong_role"), skip]
            return [forward(PeerSafety(sender=page, role=role, seq=seq, run=run, step=step, value=value))]
        case IceCandidate():
            try:
                line = candidate_gate(message.candidate, state.policy, turn=rules.turn, loopback=rules.loopback)
            except CandidateRefused:
                return [_no(message, "bad_candidate"), skip]
            if line is None:
                return [skip]
            return [
                forward(
                    PeerCandidate(
                        sender=page,
                        role=role,
                        seq=seq,
                        generation=message.generation,
                        candidate=line,
                        mid=message.mid,
                    )
                )
            ]
        case Description():
            if (message.kind == "offer") != begins:
                return [_no(message, "wrong_role"), skip]
            try:
                passed = sdp_gate(message.sdp, message.kind)
            except SdpRefused:
                return [_no(message, "bad_sdp"), skip]
            content = PeerDescription(
                sender=page,
                role=role,
                seq=seq,
                kind=message.kind,
                generation=message.generation,
                sdp=passed.text,
            )
            return _description(message, sender, passed, forward(content), skip, negotiation)


def _description(
    message: Description,
    sender: Sender,
    passed: Passed,
    onward: Forward,
    skip: Forward,
    negotiation: Negotiation | None,
) -> list[Effect]:
    if negotiation is not None and message.generation < negotiation.generation:
        return [skip]  # sent again after a newer one (or a replay)
    same = negotiation is not None and negotiation.generation == message.generation
    offer = negotiation.offer if same and negotiation else None
    answer = negotiation.answer if same and negotiation else None
    own, theirs = (offer, answer) if message.kind == "offer" else (answer, offer)
    if (own is not None and own != passed.leg) or (theirs is not None and theirs.ufrag == passed.leg.ufrag):
        return [_no(message, "bad_sdp"), skip]  # credentials of a generation never change
    if message.kind == "offer":
        now = Negotiation(message.generation, passed.leg, answer)
        return [Negotiated(sender.instance, message.to, now), onward]
    now = Negotiation(message.generation, offer, passed.leg)
    effects: list[Effect] = [Negotiated(message.to, sender.instance, now), onward]
    if offer is None:
        effects.append(AskOffer(message.to, sender.instance))
    return effects


def _no(message: PageMessage, code: str) -> Refuse:
    seq = message.seq if isinstance(message, (*_NUMBERED, Got)) else None
    return Refuse(Refusal(code=code, about=message.type, seq=seq))
