"""``make run`` as a newcomer has it: what it prints, what it keeps, what it leaves behind."""

from __future__ import annotations

import re
import socket
import stat
from pathlib import Path

import aiohttp

from server.seed import DEMO_PASSWORD, PEOPLE
from tests.conftest import RunApp
from tests.pages.visitors import DOB, WALK_IN, Visitor
from tests.rig.processes import App, descendants
from tests.rig.wait import until


async def test_it_prints_three_addresses_that_answer_and_the_sign_ins(run_app: RunApp) -> None:
    app = await run_app()
    said = await app.wait_for_line(r"is running")
    assert said
    output = app.output()
    addresses = re.findall(r"^\s+(patient|therapist|admin)\s+(http://\S+)$", output, re.M)
    assert [name for name, _ in addresses] == ["patient", "therapist", "admin"]
    async with aiohttp.ClientSession() as client:
        for _, address in addresses:
            async with client.get(address) as answer:
                assert answer.status == 200
    assert DEMO_PASSWORD in output
    for person in PEOPLE:
        assert person.username in output


async def test_its_folder_is_nobody_elses(run_app: RunApp) -> None:
    app = await run_app()
    assert stat.S_IMODE(app.var.stat().st_mode) == 0o700
    for path in app.var.rglob("*"):
        if path.name == "secrets" or path.is_socket():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_starting_again_keeps_the_data(run_app: RunApp) -> None:
    app = await run_app()
    path = await joined(app)
    await app.stop()
    await app.up()
    stranger = Visitor(app.url + "/")
    try:
        assert "Is this your visit?" in (await stranger.get(path)).words
        answer = await stranger.post(f"{path}/proof", DOB)
        assert (answer.status, answer.location) == (303, path)
        assert "camera and microphone" in (await stranger.get(path)).words
    finally:
        await stranger.close()


async def joined(app: App) -> str:
    """A visit's path, by the forms; a therapist has gone on duty."""
    li, ana = Visitor(app.url + "/"), Visitor(app.url + "/")
    try:
        await li.post("/desk/sign-in", {"username": "li", "password": DEMO_PASSWORD})
        assert (await li.post("/desk/duty", {"on": "yes"})).status == 303
        answer = await ana.post("/join", WALK_IN)
        assert answer.status == 303, answer.words
        return answer.location
    finally:
        await li.close()
        await ana.close()


async def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = App(tmp_path / "var", port=taken.getsockname()[1])
        app.start()
        assert await app.wait() != 0
    (line,) = [line for line in app.output().splitlines() if line.strip()]
    assert "TM_PORT" in line
    assert str(taken) not in line
    assert "Traceback" not in app.output()


async def test_the_relays_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        app = App(tmp_path / "var", relay_port=taken.getsockname()[1])
        app.start()
        assert await app.wait() != 0
    (line,) = [line for line in app.output().splitlines() if line.strip()]
    assert "TM_RELAY_PORT" in line


async def test_a_second_copy_on_the_same_folder_says_so(run_app: RunApp) -> None:
    first = await run_app()
    second = App(first.var)
    second.log = first.var.with_suffix(".second.log")
    second.start()
    assert await second.wait() != 0
    assert "another copy of the service runs" in second.output()
    assert "Traceback" not in second.output()


async def test_no_child_is_left_when_it_is_stopped_or_killed(run_app: RunApp) -> None:
    for kill in (False, True):
        app = await run_app()
        await app.wait_for_line(r"is running")
        children = descendants(app.pid)
        assert len(children) >= 3, "web, relay and valkey"
        await (app.kill9() if kill else app.stop())
        await until(lambda: not [pid for pid in children if alive(pid)], what="the end of every child")  # noqa: B023


def alive(pid: int) -> bool:
    """Whether that process still runs (one that waits to be reaped does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


async def test_no_output_shows_an_address_even_for_a_request_that_is_none(run_app: RunApp) -> None:
    app = await run_app()
    path = await joined(app)
    address = path.rsplit("/", 1)[-1]
    with socket.create_connection(("127.0.0.1", app.port)) as raw:
        raw.sendall(f"GET {path}/\u00e9 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b"400" in raw.recv(4096)
    await app.wait_for_line("could not be handled|400")
    assert address not in app.output()
    assert WALK_IN["name"] not in app.output()
