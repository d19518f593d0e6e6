"""The states of a visit and the changes between them. A pair that the table does not have is an error."""

from __future__ import annotations

from enum import StrEnum

from server.errors import IllegalTransition


class State(StrEnum):
    BOOKED = "booked"
    CHECKING = "checking"  # a walk-in has filled the form and is checking camera and microphone
    WAITING = "waiting"
    ADMITTED = "admitted"  # offered; the patient's page has not confirmed yet
    IN_SESSION = "in_session"
    ENDED = "ended"
    NOT_COMPLETED = "not_completed"  # closed by the short note: it broke off
    LEFT = "left"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class Event(StrEnum):
    ARRIVE = "arrive"
    ADMIT = "admit"
    CONFIRM = "confirm"
    NOT_CONFIRMED = "not_confirmed"
    SEND_BACK = "send_back"
    END = "end"
    LEAVE = "leave"
    CANCEL = "cancel"
    MISS = "miss"
    REBOOK = "rebook"  # instead of waiting on, a slot
    CALL_BACK = "call_back"  # instead of waiting on, a call
    CLOSE_INCOMPLETE = "close_incomplete"


TABLE: dict[tuple[State, Event], State] = {
    (State.BOOKED, Event.ARRIVE): State.WAITING,
    (State.BOOKED, Event.CANCEL): State.CANCELLED,
    (State.BOOKED, Event.MISS): State.NO_SHOW,
    (State.CHECKING, Event.ARRIVE): State.WAITING,
    (State.CHECKING, Event.LEAVE): State.LEFT,
    (State.WAITING, Event.ADMIT): State.ADMITTED,
    (State.WAITING, Event.LEAVE): State.LEFT,
    (State.WAITING, Event.CANCEL): State.CANCELLED,
    (State.WAITING, Event.MISS): State.NO_SHOW,
    (State.WAITING, Event.REBOOK): State.BOOKED,
    (State.WAITING, Event.CALL_BACK): State.LEFT,
    (State.ADMITTED, Event.CONFIRM): State.IN_SESSION,
    (State.ADMITTED, Event.NOT_CONFIRMED): State.WAITING,
    (State.ADMITTED, Event.SEND_BACK): State.WAITING,
    (State.ADMITTED, Event.LEAVE): State.LEFT,
    (State.ADMITTED, Event.END): State.ENDED,
    (State.IN_SESSION, Event.SEND_BACK): State.WAITING,
    (State.IN_SESSION, Event.END): State.ENDED,
    (State.ENDED, Event.CLOSE_INCOMPLETE): State.NOT_COMPLETED,
}

#: a therapist and a patient belong together: the call may run
OPEN = frozenset({State.ADMITTED, State.IN_SESSION})
#: nothing of the visit's course changes any more, but its note may
OVER = frozenset({State.ENDED, State.NOT_COMPLETED, State.LEFT, State.NO_SHOW, State.CANCELLED})


def after(state: State, event: Event) -> State:
    """The state that follows. Raises :class:`IllegalTransition`; nothing has changed then."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalTransition(state, event) from None


def diagram() -> str:
    """The table as a Mermaid diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> booked", "    [*] --> checking"]
    lines += [f"    {before} --> {then} : {event}" for (before, event), then in TABLE.items()]
    lines += [f"    {state} --> [*]" for state in State if not any(before is state for before, _ in TABLE)]
    return "\n".join(lines)
