"""What a page of a visit is to hear of its call. Pure: (the visit's state, whose page it is) to the message."""

from collections.abc import Callable
from typing import Literal

from signaling.messages import Call, IceServer, Other, Peer
from signaling.visits import CallState, Role

Place = Literal["in", "superseded", "out", "not_invited"]


def place(state: CallState, side: Role, instance: str, *, staff: str | None, guest: str | None) -> Place:
    """Where the page stands: in the call, replaced by a newer one of its side, or out of it."""
    if side == "therapist" and state.staff != staff:
        return "out"
    current = state.page(side, guest)
    if current is not None and current != instance:
        return "superseded"
    if not state.open:
        return "out"
    return "in" if side != "guest" or any(one.id == guest for one in state.guests) else "not_invited"


def call_of(
    state: CallState, side: Role, instance: str, present: Callable[[str], bool], ice_servers: tuple[IceServer, ...]
) -> Call:
    """The `call` for a page that is in it. `present`: whether a page, by its instance, is connected anywhere."""
    main = None if side == "guest" else state.page("patient" if side == "therapist" else "therapist")
    kinds = {one.page: one.kind for one in state.guests}
    return Call(
        visit=state.visit,
        phase="admitted" if state.phase == "admitted" else "in_session",
        role=side,
        policy=state.policy,
        peer=None if main is None else Peer(instance=main, present=present(main)),
        phone=state.phone,
        peer_quality=state.patient_quality if side == "therapist" else None,
        ice_servers=ice_servers,
        others=tuple(
            Other(role=role, kind=kinds.get(other), instance=other, present=present(other))
            for other, role in state.pages.items()
            if other not in (instance, main)
        ),
    )
