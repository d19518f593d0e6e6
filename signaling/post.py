"""How a message finds its page on any node: here by the directory, elsewhere by the bus, without it by the mailbox."""

from typing import Literal, Protocol

from signaling.directory import Directory
from signaling.envelope import Signal, seal_signal
from signaling.messages import ServerMessage, dump
from signaling.pages import Page
from signaling.visits import Mailbox, Role


class Publisher(Protocol):
    """What `signaling.bus.Bus` offers to this part."""

    async def publish(self, channel: str, payload: bytes) -> bool: ...


class Post:
    """One a hub. `node` names it; `secret` is shared by all."""

    def __init__(
        self, node: str, directory: Directory, bus: Publisher, secret: bytes, mailbox: Mailbox | None = None
    ) -> None:
        self._node, self._directory, self._bus, self._secret, self._mailbox = node, directory, bus, secret, mailbox

    async def deliver(self, visit: str, role: Role, instance: str, message: ServerMessage) -> None:
        """To that page, wherever it is connected."""
        if not self._directory.send(visit, role, instance, message):
            await self._announce(Signal(self._node, "message", visit, role, instance, dump(message)))

    async def look(self, visit: str) -> None:
        """The visit has changed: every node reads it."""
        await self._announce(Signal(self._node, "look", visit))

    async def say(self, what: Literal["here", "gone"], page: Page, visit: str, *, reply: bool = False) -> None:
        """A page of the visit is connected, or no longer. `reply`: who else is?"""
        await self._announce(Signal(self._node, what, visit, page.side, page.instance, reply=reply))

    async def _announce(self, signal: Signal) -> None:
        payload = seal_signal(signal, self._secret)
        if not await self._bus.publish("signal", payload) and self._mailbox is not None:
            await self._mailbox.post("signal", payload)
