"""Janus with its videocall plugin: it ends DTLS and SRTP on both sides, and decodes nothing."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiortc import RTCCertificate

from bench.load.secure import Peer, Remote, write_script
from bench.load.wires import Line, Served, Setup, pinned
from tests.rig.processes import Program, free_port

SETTINGS = """
general: {{ configs_folder = "{folder}"  plugins_folder = "{folder}/plugins"  transports_folder = "{folder}/transports"
  events_folder = "{folder}/none"  loggers_folder = "{folder}/none"  debug_level = 3  session_timeout = 0 }}
nat: {{ ice_enforce_list = "10.77.0.1" }}
"""
WEBSOCKETS = 'general: {{ json = "compact"  ws = true  ws_port = {port}  ws_ip = "127.0.0.1"  wss = false }}\n'
# libnice takes no loopback address, and sends by the interface that it has listed: so the legs' addresses are the
# machine's own there too. In a network of the benchmark's own, as `relay.py` makes it.
SERVER_IP = "10.77.0.1"
NETWORK = " && ".join(
    f"ip {words}"
    for words in (
        "link set lo up",
        "link add bench0 type veth peer name bench1",
        f"addr add {SERVER_IP}/16 dev bench0",
        "link set bench0 up",
        "link set bench1 up",
        "route add local 10.77.0.0/16 dev bench0 table local",
    )
)
LIBRARIES = {"plugins": "libjanus_videocall.so", "transports": "libjanus_websockets.so"}


class Handle:
    """One user of the videocall plugin, on a WebSocket of its own."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._session, self._handle = socket, 0, 0

    async def attach(self, name: str) -> None:
        self._session = (await self._ask({"janus": "create"}))["data"]["id"]
        attached = await self._ask({"janus": "attach", "plugin": "janus.plugin.videocall"})
        self._handle = attached["data"]["id"]
        await self.say({"request": "register", "username": name})
        await self.event("registered")

    async def say(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> None:
        await self._send({"janus": "message", "body": body} | ({"jsep": jsep} if jsep else {}))

    async def event(self, name: str) -> str:
        """Wait for the plugin's event; its SDP, or nothing."""
        async with asyncio.timeout(10):
            while True:
                message = await self._socket.receive_json()
                data = message.get("plugindata", {}).get("data", {})
                if "error" in data:
                    raise RuntimeError(f"Janus: {data['error']}")
                if data.get("result", {}).get("event") == name:
                    return str(message.get("jsep", {}).get("sdp", ""))

    async def _send(self, message: dict[str, Any]) -> None:
        ids = {"session_id": self._session, "handle_id": self._handle}
        known = {key: value for key, value in ids.items() if value}
        await self._socket.send_json(message | known | {"transaction": secrets.token_hex(6)})

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        await self._send(message)
        answer: dict[str, Any] = await self._socket.receive_json(timeout=10)
        if answer["janus"] != "success":
            raise RuntimeError(f"Janus: {answer}")
        return answer


def remote(sdp: str) -> Remote:
    def first(pattern: str) -> re.Match[str]:
        found = re.search(pattern, sdp)
        if found is None:
            raise RuntimeError(f"Janus's SDP has no {pattern}")
        return found

    candidate = first(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host")
    return Remote(
        first(r"a=ice-ufrag:(\S+)")[1],
        first(r"a=ice-pwd:(\S+)")[1],
        first(r"a=fingerprint:sha-256 (\S+)")[1],
        (candidate[1], int(candidate[2])),
    )


async def connect(caller: Peer, callee: Peer, handles: tuple[Handle, Handle], name: str) -> None:
    """One call, through both DTLS handshakes."""
    one, two = handles
    await one.attach(f"{name}a")
    await two.attach(f"{name}b")
    await one.say({"request": "call", "username": f"{name}b"}, {"type": "offer", "sdp": caller.sdp("actpass")})
    offer = await two.event("incomingcall")
    await two.say({"request": "accept"}, {"type": "answer", "sdp": callee.sdp("active")})
    answer = await one.event("accepted")
    await asyncio.gather(
        caller.connect(remote(answer), client="a=setup:passive" in answer), callee.connect(remote(offer), client=True)
    )


def leg_ip(number: int) -> str:
    return f"10.77.1.{number + 1}"


def settings(folder: Path, port: int) -> None:
    for kind, library in LIBRARIES.items():
        found = next(Path("/usr/lib").glob(f"**/janus/{kind}/{library}"), None)
        if found is None:
            raise FileNotFoundError(f"Janus has no {library}")
        (folder / kind).mkdir()
        (folder / kind / library).symlink_to(found)
    (folder / "janus.jcfg").write_text(SETTINGS.format(folder=folder))
    (folder / "janus.transport.websockets.jcfg").write_text(WEBSOCKETS.format(port=port))


@asynccontextmanager
async def serve(setup: Setup) -> AsyncIterator[Served]:
    """The running server's process id and its legs."""
    program = shutil.which("janus")
    if program is None:
        raise FileNotFoundError("Janus is not installed (Debian: apt-get install janus)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((SERVER_IP, 0))
        except OSError:
            raise RuntimeError("Janus needs a network of its own here: root, unshare and ip") from None
    folder, port = setup.folder, free_port()
    settings(folder, port)
    server = Program(pinned(setup.core, program, "-F", str(folder)), {}, folder / "janus.log")
    server.start()
    certificate = RTCCertificate.generateCertificate()
    peers = [
        Peer(setup.wires, leg_ip(number), certificate, controlling=number % 2 == 0) for number in range(2 * setup.calls)
    ]
    try:
        await server.wait_for_http(f"http://127.0.0.1:{port}/", status=403)
        async with aiohttp.ClientSession() as client:
            handles = [
                Handle(await client.ws_connect(f"ws://127.0.0.1:{port}", protocols=["janus-protocol"])) for _ in peers
            ]
            for number in range(0, len(peers), 2):
                await connect(peers[number], peers[number + 1], (handles[number], handles[number + 1]), f"c{number}")
            script = write_script(folder / "script", peers, setup.seconds)
            lines = []
            for number, peer in enumerate(peers):
                assert peer.remote
                lines.append(Line(peer.ip, peer.remote.address, number ^ 1))
            yield Served(server.pid, lines, script)
    finally:
        await server.stop()
