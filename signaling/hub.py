"""This node's open pages: what each says is decided, done and told to the others."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from signaling.asking import SUPERSEDED, Asking
from signaling.beside import Beside
from signaling.bus import Connected, Handler
from signaling.directory import Directory
from signaling.envelope import ForgedSignal, Signal, unseal_signal
from signaling.messages import (
    Admit,
    Chat,
    Chats,
    Confirm,
    Ended,
    Hello,
    Leave,
    Media,
    PageMessage,
    PeerDescription,
    PeerNeedOffer,
    Phone,
    ProtocolError,
    QualitySample,
    Refusal,
    RelayOffer,
    SupersededNotice,
    Welcome,
    parse_server,
)
from signaling.negotiations import Negotiations
from signaling.pages import Page, Who, iso
from signaling.post import Post, Publisher
from signaling.relay_control import CallBus, RelayControl
from signaling.sdp import SdpRefused
from signaling.switch import (
    AskOffer,
    Do,
    Effect,
    Forward,
    Negotiated,
    Refuse,
    Rules,
    Sender,
    decide,
    first_offer,
)
from signaling.told import call_of, place
from signaling.turn import Turn
from signaling.visits import CallState, Mailbox, Refused, RelayStore, Role, Superseded, Visits

__all__ = ["SUPERSEDED", "Hub", "Page", "SignalBus", "Who"]

REVOKED, RESTART = 4401, 1012

_log = structlog.get_logger(__name__)


class SignalBus(CallBus, Publisher, Protocol):
    """What `signaling.bus.Bus` offers to this part."""

    def subscribe(self, channel: str, handler: Handler) -> None: ...
    def on_connect(self, handler: Connected) -> None: ...


Hook = Callable[[Page], Awaitable[None]]


class Hub:
    """One a process. `secret` is shared by web nodes and relays.

    `on_open` is awaited when a page has said hello (its visit and instance are known): send it its first
    snapshots. `on_close` when it has gone.
    """

    def __init__(
        self,
        *,
        visits: Visits,
        store: RelayStore,
        bus: SignalBus,
        secret: bytes,
        mailbox: Mailbox | None = None,
        rules: Rules | None = None,
        turn: Turn | None = None,
        on_open: Hook | None = None,
        on_close: Hook | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.node = secrets.token_urlsafe(8)
        self.visits, self.now, self.rules = visits, now, rules or Rules()
        self._bus, self._secret = bus, secret
        self._turn = turn or Turn((), b"")
        self._on_open, self._on_close = on_open, on_close
        self.relays = RelayControl(bus, store, secret, self._tell_relay, now)
        self._directory, self._asking, self._beside = Directory(), Asking(), Beside(visits)
        self._post = Post(self.node, self._directory, bus, secret, mailbox)
        self._tasks: set[asyncio.Task[None]] = set()
        self._states: dict[str, CallState] = {}
        self._negotiations = Negotiations()

    def start(self) -> None:
        """Subscribe to the bus. Once, before or after `Bus.start`."""
        self._bus.subscribe("signal", self.on_signal)
        self._bus.subscribe("relay", self.relays.on_report)
        self._bus.subscribe("calls", self.relays.on_call)
        self._bus.on_connect(self._reconcile)

    async def close(self) -> None:
        """The process stops: pages reconnect, to another or to the next one."""
        for page in self._directory:
            page.close(RESTART)
        await asyncio.gather(*self._tasks)
        await self._asking.close()
        await self.relays.close()

    # What the server calls

    def pages(self, *, role: str | None = None, visit: str | None = None, staff: str | None = None) -> list[Page]:
        """Open pages of this node that have said hello."""
        return self._directory.pages(role=role, visit=visit, staff=staff)

    def present(self, visit: str, instance: str | None) -> bool:
        """Whether that page is connected, to this node or another."""
        return self._directory.present(visit, instance)

    async def visit_changed(self, visit: str, version: int = 0) -> None:
        """The visit's row has changed, anywhere: pages and relays follow. Idempotent; call it freely.

        `version`: the row's, where it is known: a state that is followed already is not read again.
        """
        if not self._directory.of(visit) and not self.relays.knows(visit):
            return
        known = self._states.get(visit)
        if known is not None and 0 < version <= known.version:
            return
        state = await self.visits.state(visit)
        if state is not None:
            await self._follow(state)

    async def chat_changed(self, visit: str) -> None:
        """Somebody has written in this visit's chat, at any node."""
        await self._beside.changed(visit, self._directory.of(visit))

    def revoke(self, session: str) -> None:
        """The web session has ended: its pages are cut off."""
        for page in self._directory:
            if page.who.session == session:
                page.close(REVOKED)

    # What a connection calls

    async def hello(self, page: Page, message: Hello) -> None:
        """The first message of a connection. Sends what follows; raises nothing of the visit's."""
        who = page.who
        page.instance = message.instance
        visit = message.visit if who.role == "therapist" else who.visit
        refusal: Refusal | None = None
        state: CallState | None = None
        if visit is not None and page.side is not None:
            try:
                if who.guest is not None:
                    state = await self.visits.attach_guest(visit, who.guest, message.instance, message.fresh)
                else:
                    state = await self.visits.attach(visit, page.side, who.staff, message.instance, message.fresh)
            except Superseded:
                page.send(SupersededNotice())
                page.close(SUPERSEDED)
                return
            except Refused as refused:
                refusal = Refusal(code=refused.code, about="hello")
            except Exception:
                # A refusal would end a call that runs: the page comes back in a moment, as after a restart.
                _log.exception("hub.attach_failed")
                page.close(RESTART)
                return
        page.send(
            Welcome(
                instance=page.instance,
                role=who.role,
                visit=visit if state is not None else None,
                server_now=iso(self.now()),
            )
        )
        if refusal is not None:
            page.send(refusal)
        self._directory.add(page)
        if state is not None:
            await self._join(page, state, fresh=message.fresh)
        if self._on_open is not None:
            await self._on_open(page)

    async def _join(self, page: Page, state: CallState, *, fresh: bool) -> None:
        self._attach(page, state.visit)
        await self._follow(state)
        if not state.open and not fresh:
            page.send(Ended(visit=state.visit, reason=state.reason))  # it may have missed the end
        if state.open and not fresh:
            await self.relays.again(state)
        await self._post.say("here", page, state.visit, reply=True)

    def gone(self, page: Page) -> None:
        """The connection has ended."""
        if page not in self._directory:
            return
        self._directory.discard(page)
        visit = page.visit
        self._detach(page)
        if visit is not None:
            self._tell(visit)
        task = asyncio.get_running_loop().create_task(self._after(page, visit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _after(self, page: Page, visit: str | None) -> None:
        try:
            if visit is not None:
                await self._post.say("gone", page, visit)
            if self._on_close is not None:
                await self._on_close(page)
        except Exception:
            _log.exception("hub.on_close_failed")

    async def handle(self, page: Page, message: PageMessage) -> None:
        """Any message after hello, but ping."""
        side = page.side
        if side is None:
            page.send(Refusal(code="wrong_role", about=message.type))
            return
        state = self._states.get(page.visit) if page.visit is not None else None
        to = getattr(message, "to", "")
        negotiation = self._negotiations.of(state.visit, page.instance, to) if state is not None else None
        sender = Sender(side, page.instance, page.visit, page.who.guest)
        for effect in decide(message, sender, state, negotiation, self.rules):
            await self._perform(page, effect, state)

    async def _perform(self, page: Page, effect: Effect, state: CallState | None) -> None:
        match effect:
            case Refuse():
                page.send(effect.message)
            case Forward() if state is not None:
                await self._post.deliver(state.visit, effect.role, effect.to, effect.message)
            case Negotiated() if state is not None:
                pair = (effect.offerer, effect.answerer)
                self._negotiations.keep(state.visit, pair, effect.now)
                self.relays.negotiated(state, *pair, effect.now)
            case AskOffer() if state is not None:
                roles = state.pages
                if (role := roles.get(effect.offerer)) is not None:
                    ask = PeerNeedOffer(sender=effect.answerer, role=roles.get(effect.answerer, "patient"), seq=0)
                    await self._post.deliver(state.visit, role, effect.offerer, ask)
            case Do():
                self._asking.ask(page, effect.message.type, lambda: self._do(page, effect))

    async def _do(self, page: Page, effect: Do) -> None:
        side, visit = page.side, page.visit
        match effect.message:
            case Admit(visit=wanted):
                state = await self.visits.admit(wanted, page.who.staff or "", page.instance)
                if page in self._directory:  # it may have gone meanwhile; then the visit waits for its return
                    self._attach(page, wanted)
                await self._follow(state)
                offer = first_offer(effect.message, state)
                if offer is not None and self._directory.here(wanted, offer.to):
                    await self.handle(page, offer)
                await self._post.say("here", page, wanted, reply=True)
                await self._post.look(wanted)
                if offer is not None and not self._directory.here(wanted, offer.to):
                    await self.handle(page, offer)  # after "look": the other node tells its page of the call first
                return
            case Media(state=media, path=path) if visit is not None and side is not None:
                await self.visits.media(visit, side, page.instance, media, path)
                return
            case Chat() | Chats() | QualitySample():
                return await self._beside.handle(page, effect.message)
            case Phone(on=on) if visit is not None and side is not None:
                state = await self.visits.phone(visit, side, page.instance, on)
            case Confirm() if visit is not None:
                state = await self.visits.confirm(visit, page.instance)
            case Leave() if visit is not None and page.who.guest is not None:
                state = await self.visits.leave_guest(visit, page.who.guest, page.instance)
            case Leave() if visit is not None and side is not None:
                state = await self.visits.leave(visit, side, page.instance)
            case _:
                return
        await self._follow(state)
        await self._post.look(state.visit)

    # Between nodes

    async def on_letter(self, channel: str, payload: bytes) -> None:
        """From the mailbox, where nodes and relays post while the bus is away; `channel` as it was posted."""
        handlers = {"signal": self.on_signal, "relay": self.relays.on_report, "calls": self.relays.on_call}
        if (handler := handlers.get(channel)) is not None:
            await handler(payload)

    async def on_signal(self, payload: bytes) -> None:
        """From another node, by the bus (channel "signal") or by the mailbox."""
        try:
            signal = unseal_signal(payload, self._secret)
        except ForgedSignal:
            _log.warning("hub.forged_signal")
            return
        if signal.node == self.node or not self._directory.of(signal.visit):
            return
        match signal.kind:
            case "message":
                self._from_node(signal)
            case "look":
                await self.visit_changed(signal.visit)
            case "here":
                self._directory.came(signal.visit, signal.instance, signal.node)
                self._tell(signal.visit)
                if signal.reply:
                    await self.visit_changed(signal.visit)
                    for page in self.pages(visit=signal.visit):
                        await self._post.say("here", page, signal.visit)
            case "gone":
                self._directory.went(signal.visit, signal.instance, signal.node)
                self._tell(signal.visit)

    def _from_node(self, signal: Signal) -> None:
        try:
            message = parse_server(signal.text)
            if isinstance(message, PeerDescription):
                self._negotiations.learn(signal.visit, signal.instance, message)
        except (ProtocolError, SdpRefused):
            _log.error("hub.bad_signal")
            return
        self._directory.send(signal.visit, signal.role, signal.instance, message)

    def _tell_relay(self, visit: str, instance: str, message: RelayOffer) -> None:
        state = self._states.get(visit)
        if state is not None and state.open and (role := state.pages.get(instance)) is not None:
            self._directory.send(visit, role, instance, message)

    async def _reconcile(self) -> None:
        await self.relays.reconcile()
        for visit in self._directory.visits():
            for page in self.pages(visit=visit):
                await self._post.say("here", page, visit, reply=True)

    # State

    async def _follow(self, state: CallState) -> None:
        """The newest state of a visit: told to its pages here, and to the relays."""
        known = self._states.get(state.visit)
        if known is not None and known.version > state.version:
            return
        if self._directory.of(state.visit):
            self._states[state.visit] = state
        self._tell(state.visit)
        if state.open:
            # An admission moves no end, so there is nothing to look up.
            moved = state.phase == "in_session" and (known is None or known.relay_expires != state.relay_expires)
            await self.relays.extend(state, look=moved)
            if known is not None and known.pages != state.pages:
                self.relays.only(state)
        else:
            self._negotiations.forget(state.visit)
            await self.relays.end(state.visit)

    def _tell(self, visit: str) -> None:
        """Every page of the visit here hears what is new to it."""
        state = self._states.get(visit)
        if state is None:
            return
        for page in self._directory.of(visit):
            side = page.side
            if side is None:
                continue
            where = place(state, side, page.instance, staff=page.who.staff, guest=page.who.guest)
            if where == "superseded":
                page.send(SupersededNotice())
                page.close(SUPERSEDED)
            elif where == "in":
                self._tell_call(page, side, state)
            else:
                if page.call is not None:
                    page.call = None
                    page.send(Ended(visit=visit, reason="not_invited" if where == "not_invited" else state.reason))
                if side == "guest":  # an invitation never stands again: nothing more of this visit is for them
                    self._detach(page)

    def _tell_call(self, page: Page, side: Role, state: CallState) -> None:
        servers = self._turn.servers(f"{state.visit}/{side}", self.now())
        call = call_of(state, side, page.instance, lambda other: self.present(state.visit, other), servers)
        if call != page.call:
            page.call = call
            page.send(call)

    def _attach(self, page: Page, visit: str) -> None:
        if page.visit != visit:
            self._detach(page)
            page.visit, page.call, page.chat = visit, None, None
        self._directory.attach(page, visit)

    def _detach(self, page: Page) -> None:
        visit, page.visit = page.visit, None
        if visit is not None and self._directory.detach(page, visit):
            self._negotiations.forget(visit)
            self._states.pop(visit, None)
