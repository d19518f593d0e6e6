"""Our relay as it is served: its own process, its call table in Valkey, and legs that prove their addresses."""

from __future__ import annotations

import asyncio
import base64
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aioice import stun

from bench.load.wires import Address, Line, Served, Setup, Wires, in_turns, insist, own_ip, pinned
from signaling.bus import Bus
from signaling.calls import Leg, RelayAck, RelayCall, seal, unseal_report
from tests.rig.processes import Program, free_port
from tests.rig.wait import until
from tests.signaling.relay_lab import binding, success
from tests.valkey import valkey

LIFE = 900.0  # s a call of ours may last


def new_leg() -> Leg:
    return Leg(secrets.token_hex(4), secrets.token_hex(12))


class Browser:
    """What a browser's ICE does, as far as the relay sees it: checks, and answers to everybody's checks."""

    def __init__(self, wires: Wires, ip: str, server: Address, own: Leg, peer: Leg, *, controlling: bool) -> None:
        self.wires, self.ip, self.server, self.own, self.peer = wires, ip, server, own, peer
        self.controlling = controlling
        self.connected = asyncio.Event()
        wires.on[ip] = self._heard

    async def connect(self) -> None:
        """Until a check of ours was answered by the other browser, so both addresses are proved."""
        await insist(self._check, self.connected)

    def _check(self) -> None:
        check = binding(self.own, self.peer, controlling=self.controlling, use=self.controlling)
        self.wires.send(self.ip, check, self.server)

    def _heard(self, data: bytes, source: Address) -> None:
        message = stun.parse_message(data)
        if message.message_class == stun.Class.REQUEST:
            self.wires.send(self.ip, success(data, self.own, source), source)
        elif message.message_class == stun.Class.RESPONSE:
            self.connected.set()


@asynccontextmanager
async def serve(setup: Setup) -> AsyncIterator[Served]:
    """The running relay's process id and the legs, all connected."""
    folder, calls, wires = setup.folder, setup.calls, setup.wires
    secret = secrets.token_bytes(32)
    port = free_port()
    server = ("127.0.0.1", port)
    with valkey(folder) as store:
        settings = {
            "TM_VAR": str(folder), "TM_REDIS_URL": store.url, "TM_RELAY_PORT": str(port),
            "TM_RELAY_PUBLISH": server[0], "TM_RELAY_SECRET": base64.b64encode(secret).decode(),
            "TM_SECRET": base64.b64encode(secrets.token_bytes(32)).decode(),
        }  # fmt: skip
        argv = pinned(setup.core, sys.executable, "-m", "server", "relay")
        relay = Program(argv, settings, folder / "relay.log")
        relay.start()
        try:
            await relay.wait_for_line(r"relay\.ready")
            bus = Bus(store.url)
            acknowledged: set[str] = set()

            async def heard(blob: bytes) -> None:
                report = unseal_report(blob, secret)
                if isinstance(report, RelayAck):
                    acknowledged.add(report.key)

            bus.subscribe("relay", heard)
            await bus.start()
            browsers = []
            for number in range(calls):
                a, b = new_leg(), new_leg()
                call = RelayCall(f"v{number}", "therapist", "patient", 0, a, b, time.time() + LIFE, 1, False)
                assert await bus.put_call(call.key, seal(call, secret), call.expires)
                browsers += [
                    Browser(wires, own_ip(2 * number), server, a, b, controlling=True),
                    Browser(wires, own_ip(2 * number + 1), server, b, a, controlling=False),
                ]
            await until(lambda: len(acknowledged) == calls, seconds=30, what="the acknowledgement of every call")
            await in_turns([browser.connect() for browser in browsers])
            await bus.close()
            yield Served(relay.pid, [Line(browser.ip, server, number ^ 1) for number, browser in enumerate(browsers)])
        finally:
            await relay.stop()
