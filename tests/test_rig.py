"""The rig itself: a measurement that cannot fail would prove nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.rig.browsers import Crew
from tests.rig.processes import Program, free_port
from tests.rig.senses import (
    audio_frequency,
    audio_level,
    average_pixel,
    axe,
    frames_grow,
    frames_watched,
    hears,
    screenshot,
    sees,
    watch_frames,
)
from tests.rig.wait import until

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self' blob:; connect-src 'self'"
PAGE = """<!doctype html><html lang="en"><head><title>Mirror</title><link rel="icon" href="data:,"></head>
<body><main><h1>Mirror</h1><p id="said"></p><video id="me" muted autoplay playsinline></video></main>
<script type="module" src="/mirror.js"></script></body></html>"""
SCRIPT = """
const said = document.getElementById("said");
const wish = { video: true, audio: true };
try {
  document.getElementById("me").srcObject = await navigator.mediaDevices.getUserMedia(wish);
  said.textContent = "granted";
} catch (error) {
  said.textContent = error.name;
}
"""


@pytest_asyncio.fixture
async def mirror() -> AsyncIterator[str]:
    """A page under the strict content policy that shows the visitor to themselves."""

    async def answer(request: web.Request) -> web.Response:
        script = request.path == "/mirror.js"
        return web.Response(
            text=SCRIPT if script else PAGE,
            content_type="text/javascript" if script else "text/html",
            headers={"Content-Security-Policy": POLICY + "; img-src data:"},
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield f"http://localhost:{server.port}/"


@pytest.mark.browser
async def test_two_people_are_told_apart_by_pixels_and_pitch(people: Crew, mirror: str) -> None:
    ana = await people("ana", colour="red", tone=440)
    li = await people("li", colour="blue", tone=660)
    for person, colour, tone in ((ana, "red", 440), (li, "blue", 660)):
        await person.page.goto(mirror)
        await sees(person.page, "#me", colour)
        await hears(person.page, "#me", tone)
        assert 0.03 < await audio_level(person.page, "#me") < 0.7  # browsers even out a microphone's level
        await frames_grow(person.page, "#me")
    with pytest.raises(AssertionError, match="red in #me"):
        await sees(li.page, "#me", "red", seconds=0.5)
    with pytest.raises(AssertionError, match="440 Hz in #me"):
        await hears(li.page, "#me", 440, seconds=0.5)
    assert (await screenshot(ana, "mirror")).stat().st_size > 1000


@pytest.mark.browser
async def test_a_stopped_picture_and_a_lost_voice_are_noticed(people: Crew, mirror: str) -> None:
    ana = await people("ana")
    await ana.page.goto(mirror)
    await watch_frames(ana.page, "#me")
    await frames_grow(ana.page, "#me")
    await ana.page.evaluate("me.srcObject.getTracks().forEach(track => track.stop())")
    await watch_frames(ana.page, "#me")
    with pytest.raises(AssertionError, match="5 frames"):
        await frames_grow(ana.page, "#me", seconds=1)
    assert (await frames_watched(ana.page, "#me"))[1] > 900
    assert await audio_level(ana.page, "#me") < 0.01
    assert await audio_frequency(ana.page, "#me") is None
    await ana.page.evaluate("me.srcObject = null")
    assert await average_pixel(ana.page, "#me") is None


@pytest.mark.browser
@pytest.mark.parametrize("devices, said", [("denied", "NotAllowedError"), ("none", "NotFoundError")])
async def test_a_person_may_refuse_or_have_no_camera(
    people: Crew, mirror: str, devices: str, said: str
) -> None:
    ana = await people("ana", devices=devices)  # type: ignore[arg-type]
    await ana.page.goto(mirror)
    await ana.page.get_by_text(said).wait_for()


@pytest.mark.browser
async def test_problems_of_a_page_are_kept_and_axe_sees_faults(people: Crew, mirror: str) -> None:
    ana = await people("ana", devices="none")
    await ana.page.goto(mirror)
    assert await axe(ana.page) == []
    await ana.page.evaluate("document.body.setAttribute('style', 'color: red')")
    await ana.page.evaluate("console.error('oh no')")
    await ana.page.evaluate("setTimeout(() => { throw new Error('broken') })")
    await ana.page.evaluate("document.body.firstChild.append(document.createElement('button'))")
    assert [line.split(":")[0] for line in await axe(ana.page)] == ["button-name (critical)"]
    ana.expect_problem("oh no")
    policy, script = ana.unexpected()
    assert "Content Security Policy" in policy
    assert script == "script: broken"
    with pytest.raises(AssertionError, match="Content Security Policy"):
        people.assert_no_problems()
    ana.expect_problem("Content Security Policy|script: broken")


@pytest.mark.parametrize("round_", [1, 2])
async def test_each_test_has_a_fresh_database_with_the_schema(database_url: str, round_: int) -> None:
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as conn:
            assert await conn.scalar(text("SELECT count(*) FROM alembic_version")) == 1
            await conn.execute(text("CREATE TABLE left_over (id int)"))  # the other round would find it
    finally:
        await engine.dispose()


SERVER = """import http.server, sys
print("up")
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))
"""


async def test_a_program_is_waited_for_killed_and_started_again(tmp_path: Path) -> None:
    port = free_port()
    program = Program([sys.executable, "-u", "-c", SERVER, str(port)], {}, tmp_path / "log")
    url = f"http://127.0.0.1:{port}/README.md"
    program.start()
    try:
        assert (await program.wait_for_line("^(up)$")).group(1) == "up"
        await program.wait_for_http(url)
        first = program.pid
        await program.kill9()
        assert program.returncode == -9
        program.start()
        await program.wait_for_http(url)
        assert program.pid != first
    finally:
        await program.stop()


async def test_a_program_that_ends_too_early_is_reported_with_its_words(tmp_path: Path) -> None:
    program = Program([sys.executable, "-c", "raise SystemExit('no such setting')"], {}, tmp_path / "log")
    program.start()
    with pytest.raises(RuntimeError, match="ended with 1:\nno such setting"):
        await program.wait_for_http(f"http://127.0.0.1:{free_port()}/")


async def test_a_child_is_found_by_the_end_of_its_command_line(tmp_path: Path) -> None:
    program = Program(["sh", "-c", "sleep 611 & sleep 612 & wait"], {}, tmp_path / "log")
    program.start()
    try:
        pid = await until(lambda: next(iter(program.children("sleep", "611")), 0))
        assert program.child("sleep", "611") == pid
        with pytest.raises(LookupError):
            program.child("sleep", "613")
        os.kill(pid, 9)
    finally:
        os.killpg(program.pid, 9)
        await program.wait()
