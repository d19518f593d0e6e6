"""Children are siblings: each is started again alone, and none outlives the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio

from server.embedded import embedded_valkey
from server.errors import SettingsError
from server.supervisor import Child, ChildFailed, Supervisor, ensure_free
from tests.rig.wait import until

SLEEP = ("sleep", "600")
SHELL = ("sh", "-c")


@asynccontextmanager
async def running(*children: Child) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    lines: list[str] = []
    started = asyncio.Event()
    supervisor = Supervisor(children, say=lines.append)
    task = asyncio.create_task(supervisor.run(started.set))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            task.result()
        yield supervisor, lines
    finally:
        waiting.cancel()
        supervisor.stop()
        await asyncio.wait([task])


def alive(pid: int | None) -> bool:
    if pid is None or not Path(f"/proc/{pid}").exists():
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_killed_child_starts_again_and_its_sibling_does_not_notice() -> None:
    async with running(Child("web", SLEEP), Child("relay", SLEEP)) as (supervisor, lines):
        web, relay = supervisor.pid("web"), supervisor.pid("relay")
        assert web
        assert relay
        for _ in range(2):
            os.kill(web, signal.SIGKILL)
            seen = {None, web}
            await until(lambda: supervisor.pid("web") not in seen)  # noqa: B023
            web = supervisor.pid("web")
            assert web
        assert supervisor.pid("relay") == relay
        assert alive(relay)
    assert not alive(web)
    assert not alive(relay)
    assert lines[:2] == [
        "web   | was ended by SIGKILL; it is started again in 0.1 s",
        "web   | was ended by SIGKILL; it is started again in 0.2 s",
    ]


async def test_what_children_say_is_shown_with_their_name_to_the_last_word() -> None:
    script = "trap 'echo good bye; exit 0' TERM; echo hello; printf \"$WHO\"; while :; do sleep 0.05; done"
    async with running(Child("web", (*SHELL, script), env={"WHO": "ana"})) as (_, lines):
        await until(lambda: "web | hello" in lines)
    assert lines == ["web | hello", "web | anagood bye"]


async def test_each_child_waits_for_the_one_before_and_they_stop_in_reverse(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    script = f"sleep 0.1; trap 'echo $WHO stops >> {diary}; exit' TERM; echo $WHO starts >> {diary}; "
    script += "while :; do sleep 0.02; done"

    async def store_starts() -> bool:
        return "store starts" in diary.read_text()

    store = Child("store", (*SHELL, script), env={"WHO": "store"}, ready=store_starts)
    web = Child("web", (*SHELL, script), env={"WHO": "web"})
    async with running(store, web):
        await until(lambda: "web starts" in diary.read_text())
    assert diary.read_text().splitlines() == ["store starts", "web starts", "web stops", "store stops"]


async def test_a_child_that_never_comes_up_ends_the_start_with_a_reason() -> None:
    async def never() -> bool:
        raise ConnectionRefusedError

    before = Child("store", SLEEP)
    supervisor = Supervisor([before, Child("web", (*SHELL, "echo no such setting; exit 2"), ready=never)])
    with pytest.raises(ChildFailed, match="web ended with code 2 before it was ready"):
        await supervisor.run()
    assert supervisor.pid("store") is None


async def test_a_child_that_ignores_term_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.supervisor.STOP_SECONDS", 0.3)
    grandchild = tmp_path / "grandchild"
    script = f"trap '' TERM; sleep 600 & echo $! > {grandchild}; while :; do wait; done"
    async with running(Child("web", (*SHELL, script))) as (supervisor, lines):
        await until(lambda: grandchild.read_text().strip())
        pid = supervisor.pid("web")
    assert not alive(pid)
    assert not alive(int(grandchild.read_text()))
    assert lines == ["web | did not stop in time and is killed"]


PARENT = """
import asyncio
from server.supervisor import Child, Supervisor
supervisor = Supervisor([Child("web", ["sleep", "600"]), Child("relay", ["sleep", "600"])])
asyncio.run(supervisor.run(lambda: print(supervisor.pid("web"), supervisor.pid("relay"), flush=True)))
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_no_child_outlives_the_supervisor(number: signal.Signals) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=subprocess.PIPE)
    try:
        assert parent.stdout
        pids = [int(word) for word in (await parent.stdout.readline()).split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        parent.send_signal(number)
        await until(lambda: not any(alive(pid) for pid in pids))
        assert await parent.stdout.read() == (b"" if number == signal.SIGKILL else b"stopped\n")
        assert await parent.wait() == (-9 if number == signal.SIGKILL else 0)
    finally:
        if parent.returncode is None:
            parent.kill()
            await parent.wait()


async def test_the_supervisor_refuses_any_but_the_main_thread() -> None:
    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(lambda: asyncio.run(Supervisor([]).run()))


@pytest.mark.parametrize("udp", [False, True])
def test_a_port_in_use_gives_one_clear_sentence(udp: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", 0))
        if not udp:
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            ensure_free("127.0.0.1", port, "the web server", "TM_PORT", udp=udp)
    place = f"{'UDP ' if udp else ''}port {port} of 127.0.0.1"
    assert caught.value.problems == [
        f"The web server needs {place}, which another program has: stop it, or set TM_PORT to another"
    ]
    ensure_free("127.0.0.1", port, "the web server", "TM_PORT", udp=udp)
    ensure_free("127.0.0.1", 0, "the web server", "TM_PORT", udp=udp)
    with pytest.raises(SettingsError, match="not an address of this machine"):
        ensure_free("192.0.2.1", port, "the web server", "TM_PORT", udp=udp)


async def test_the_embedded_store_keeps_its_data_through_a_kill_and_stays_private(tmp_path: Path) -> None:
    var = tmp_path / "var"
    store = embedded_valkey(var)
    async with running(store.child) as (supervisor, _):
        assert store.url == f"unix://{var}/valkey.sock"
        assert var.stat().st_mode & 0o777 == 0o700
        assert (var / "valkey.sock").stat().st_mode & 0o777 == 0o700
        with pytest.raises(SettingsError, match="another copy of the service runs"):
            embedded_valkey(var)
        client = redis.asyncio.Redis.from_url(store.url, protocol=3)
        try:
            await client.set("call", "open")
            pid = supervisor.pid("valkey") or 0
            os.kill(pid, signal.SIGKILL)
            ready = store.child.ready
            assert ready
            await until(lambda: supervisor.pid("valkey") not in (None, pid))
            await until(ready)
            assert await client.get("call") == b"open"
        finally:
            await client.aclose()


def test_the_embedded_store_says_what_is_wrong_with_its_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"bytes long, and a unix socket's path may have 107: choose"):
        embedded_valkey(tmp_path / ("x" * 100))
    with pytest.raises(SettingsError, match="TM_VALKEY_BINARY: there is no program no-such-server"):
        embedded_valkey(tmp_path, "no-such-server")
