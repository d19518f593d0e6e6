"""Debian's Firefox, which Playwright cannot drive: by WebDriver BiDi (w3.org/TR/webdriver-bidi), no driver program between.

Its camera is a picture whose colour changes, its microphone a tone. It gathers no ICE candidate without a default route,
and pairs none of 127.0.0.1, so it runs in a network namespace.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.supervisor import guarded

PROGRAM = "/usr/bin/firefox-esr"
PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "remote.active-protocols": 1,  # BiDi alone
    # nothing on the way to anybody else
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.enabled": False,
}
_CLONE_NEWNET = 0x40000000


class FirefoxError(Exception):
    """A command failed, or a script in the page raised."""


class FirefoxPage:
    """The one tab. ``evaluate`` is Playwright's, so what tests/rig/senses.py measures can be measured here."""

    def __init__(self, command: Callable[..., Any], context: str) -> None:
        self._command, self._context = command, context

    async def goto(self, url: str) -> None:
        await self._command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, expression: str, argument: object = None) -> Any:
        """The value of an expression, or of a function called with ``argument``, as JSON has it."""
        call = f"(async () => {{ const it = ({expression}); const value = await (typeof it === 'function' ? it({json.dumps(argument)}) : it); return JSON.stringify(value ?? null); }})()"
        target = {"context": self._context}
        found = await self._command(
            "script.evaluate", expression=call, target=target, awaitPromise=True, userActivation=True
        )
        if found["type"] != "success":
            raise FirefoxError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])


@asynccontextmanager
async def firefox(program: str, namespace: str) -> AsyncIterator[FirefoxPage]:
    """A Firefox of its own, started by ``program`` in a network namespace; closed, and its profile removed, afterwards."""
    if shutil.which(PROGRAM) is None:
        pytest.fail("there is no Firefox: run `make test-long`, which installs it (Debian: firefox-esr)", pytrace=False)
    folder = tempfile.mkdtemp(prefix="tm-firefox-")
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    (Path(folder) / "user.js").write_text("".join(lines))
    argv = [program, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0", "about:blank"]
    process = await asyncio.create_subprocess_exec(
        *guarded(argv),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"MOZ_HEADLESS": "1", "HOME": folder},
        start_new_session=True,
    )
    drained: asyncio.Task[None] | None = None
    try:
        url = await asyncio.wait_for(_address(process), 60)
        drained = asyncio.create_task(_drain(process))
        connector = aiohttp.TCPConnector(socket_factory=lambda info: _socket_in(namespace, info))
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            client.ws_connect(f"{url}/session", max_msg_size=0) as connection,
        ):
            command = _commands(connection)
            await command("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
            made = await command("browsingContext.create", type="tab")
            yield FirefoxPage(command, made["context"])
            await command("browser.close")
    finally:
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        if drained is not None:
            await drained
        shutil.rmtree(folder, ignore_errors=True)


def _commands(connection: aiohttp.ClientWebSocketResponse) -> Callable[..., Any]:
    """A function that sends one command and waits for its answer; one at a time."""
    numbers, turn = itertools.count(1), asyncio.Lock()

    async def command(method: str, **parameters: object) -> Any:
        async with turn:
            number = next(numbers)
            await connection.send_json({"id": number, "method": method, "params": parameters})
            while True:
                answer = await asyncio.wait_for(connection.receive_json(), 60)
                if answer.get("id") == number:
                    break
        if answer["type"] == "error":
            raise FirefoxError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    return command


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr
    said = b""
    while line := await process.stderr.readline():
        if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1].decode()
        said += line
    raise FirefoxError(f"Firefox has ended: {said.decode(errors='replace')[-500:]}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr
    while await process.stderr.read(1 << 16):
        pass


def _socket_in(namespace: str, info: Any) -> socket.socket:
    """A socket belongs to the namespace in which it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as ours, open(f"/run/netns/{namespace}") as theirs:
        if libc.setns(theirs.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        try:
            made = socket.socket(info[0], info[1], info[2])
        finally:
            libc.setns(ours.fileno(), _CLONE_NEWNET)
    made.setblocking(False)
    return made
