"""coturn: one side of each call has an allocation and a channel, the other sends to the relayed address.

That is one forwarding for each packet, as with ours. (Where both sides hide behind TURN, it is two.)
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aioice import stun

from bench.load.wires import Address, Line, Served, Setup, Wires, in_turns, insist, own_ip, pinned
from tests.rig.processes import Program, free_port
from tests.rig.wait import until

UDP = 17 << 24
CHANNEL = 0x4001


class Client:
    """One TURN client. `relayed`: its address on the server, once `allocate` has come back."""

    def __init__(self, wires: Wires, ip: str, server: Address) -> None:
        self.wires, self.ip, self.server = wires, ip, server
        self.relayed: Address = ("", 0)
        self._answers: dict[bytes, asyncio.Event] = {}
        wires.on[ip] = self._heard

    async def set_up(self, peer: Address) -> None:
        await self._ask(stun.Method.ALLOCATE, {"REQUESTED-TRANSPORT": UDP, "LIFETIME": 1200})
        await self._ask(stun.Method.CHANNEL_BIND, {"CHANNEL-NUMBER": CHANNEL, "XOR-PEER-ADDRESS": peer})

    async def _ask(self, method: stun.Method, attributes: dict[str, object]) -> None:
        message = stun.Message(method, stun.Class.REQUEST, secrets.token_bytes(12))
        message.attributes.update(attributes)
        answered = self._answers[message.transaction_id] = asyncio.Event()
        await insist(lambda: self.wires.send(self.ip, bytes(message), self.server), answered)

    def _heard(self, data: bytes, source: Address) -> None:
        message = stun.parse_message(data)
        if message.message_class == stun.Class.ERROR:
            raise RuntimeError(f"coturn refuses: {message.attributes}")
        if message.transaction_id in self._answers:
            self.relayed = message.attributes.get("XOR-RELAYED-ADDRESS", self.relayed)
            self._answers[message.transaction_id].set()


@asynccontextmanager
async def serve(setup: Setup) -> AsyncIterator[Served]:
    """The running server's process id and its legs."""
    folder, calls, wires = setup.folder, setup.calls, setup.wires
    program = shutil.which("turnserver")
    if program is None:
        raise FileNotFoundError("coturn is not installed (Debian: apt-get install coturn)")
    port = free_port()
    log = folder / "coturn.log"
    argv = [
        *pinned(setup.core, program, "-n", "--no-auth", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp"),
        *("--allow-loopback-peers", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"),
        *("--listening-port", str(port), "--min-port", "20000", "--max-port", "32000", "--relay-threads", "1"),
        *("--realm", "bench", "--userdb", str(folder / "turndb"), "--pidfile", str(folder / "pid")),
        *("--log-file", str(log), "--simple-log", "--no-stdout-log"),
    ]
    server = Program(argv, {}, folder / "output.log")
    server.start()
    try:
        probe = Client(wires, own_ip(60_000), ("127.0.0.1", port))
        await until(log.exists, seconds=10, what="coturn's log")
        await probe.set_up(("127.0.0.1", 9))
        clients = [Client(wires, own_ip(2 * number), ("127.0.0.1", port)) for number in range(calls)]
        lines = []
        peers = [(own_ip(2 * number + 1), wires.port) for number in range(calls)]
        await in_turns([client.set_up(peer) for client, peer in zip(clients, peers, strict=True)])
        for number, client in enumerate(clients):
            lines.append(Line(client.ip, client.server, 2 * number + 1, CHANNEL))
            lines.append(Line(own_ip(2 * number + 1), client.relayed, 2 * number))
        yield Served(server.pid, lines)
    finally:
        await server.stop()
