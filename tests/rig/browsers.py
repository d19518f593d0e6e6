"""People in front of real browsers: each has a Chromium of their own, with a camera of one colour and a voice
of one tone, so that a picture's pixels and a sound's pitch say whose they are.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import shutil
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    ViewportSize,
    async_playwright,
    expect,
)

# Playwright's own 5 s are short where several browsers share two cores.
expect.set_options(timeout=20_000)

Rgb = tuple[int, int, int]
COLOURS: dict[str, Rgb] = {"red": (233, 17, 17), "green": (17, 160, 40), "blue": (20, 40, 220)}
TONES = (440, 660)
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}

#: granted: without a question. denied: the person says no. none: there is no camera and no microphone. several: granted,
#: and there are three cameras with Chromium's own pattern as their picture (a file plays on one only); the second gives depth
#: images, which nobody can send.
Devices = Literal["granted", "denied", "none", "several"]

AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
FLAGS = (
    "--no-sandbox",  # root, as in containers
    "--disable-dev-shm-usage",
    AUTOPLAY,
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class BrowserMissing(Exception):
    """There is no Chromium here; the text says what to do."""


def chromium() -> str:
    """The browser's path: CHROMIUM, else Debian's. Raises :class:`BrowserMissing`."""
    path = shutil.which(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
    if path is None:
        raise BrowserMissing(
            "The browser tests need Chromium: run `make test`, which installs it where it may"
            " (Debian: apt-get install chromium fonts-liberation), or set CHROMIUM to its path."
        )
    return path


def make_media(folder: Path, size: tuple[int, int] = (320, 240)) -> Path:
    """Two seconds of every colour (MJPEG) and tone (WAV, 48 kHz); Chromium plays them in a loop.

    ``size``: a small picture costs two browsers on two cores a quarter of what a real one does, and shows the same.
    """
    for name, colour in COLOURS.items():
        picture = BytesIO()
        Image.new("RGB", size, colour).save(picture, "JPEG", quality=90)
        (folder / f"{name}.mjpeg").write_bytes(picture.getvalue() * 60)
    rate = 48000
    for tone in TONES:
        # A whole number of cycles, so that the loop has no click.
        samples = (int(12000 * math.sin(2 * math.pi * tone * n / rate)) for n in range(2 * rate))
        with wave.open(str(folder / f"{tone}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return folder


@dataclass
class Person:
    """Somebody with a browser. ``problems``: errors of scripts and the console (so of the content policy)."""

    name: str
    browser: Browser
    context: BrowserContext
    page: Page
    folder: Path
    problems: list[str] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect_problem(self, pattern: str) -> None:
        """Console errors that match are part of this test (a refused request, a server that is down)."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        return [text for text in self.problems if not any(p.search(text) for p in self._expected)]

    async def new_page(self) -> Page:
        """Another tab of the same browser, watched as the first."""
        page = await self.context.new_page()
        self._listen(page)
        return page

    async def close(self) -> None:
        await self.browser.close()

    def _listen(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.problems.append(f"{message.text} [{message.location.get('url', '')}]")

        page.on("console", console)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))


class Crew:
    """Makes people; call it: ``await people("ana", colour="red", tone=440)``."""

    def __init__(self, playwright: Playwright, program: str, media: Path, folder: Path) -> None:
        self._playwright = playwright
        self._program = program
        self._media = media
        self._folder = folder
        self.everybody: list[Person] = []
        #: done for everybody before their first page is opened
        self.prepare: Callable[[Person], Awaitable[None]] | None = None

    async def __call__(
        self,
        name: str,
        *,
        colour: str = "green",
        tone: int = 440,
        devices: Devices = "granted",
        size: ViewportSize = DESKTOP,
        locale: str = "en-CA",
        dark: bool = False,
        timezone: str = "America/Toronto",
        flags: Sequence[str] = (),
        program: str | None = None,
        secure: bool = True,
        autoplay: bool = True,
    ) -> Person:
        """A new person with a browser process of their own (fake devices are per process).

        ``program``: another browser, as a script that runs Chromium in a network namespace.
        ``secure=False`` takes certificates that nobody signed. ``autoplay=False`` leaves the browser its own policy,
        as people have it: sound needs a press somewhere on the page before.
        """
        usual = [flag for flag in FLAGS if autoplay or flag != AUTOPLAY]
        browser = await self._playwright.chromium.launch(
            executable_path=program or self._program,
            args=[*usual, *self._devices(devices, colour, tone), *flags],
        )
        context = await browser.new_context(
            viewport=size,
            locale=locale,
            timezone_id=timezone,
            color_scheme="dark" if dark else "light",
            ignore_https_errors=not secure,
        )
        context.set_default_timeout(15_000)
        page = await context.new_page()
        person = Person(name, browser, context, page, self._folder)
        person._listen(page)
        self.everybody.append(person)
        if self.prepare:
            await self.prepare(person)
        return person

    def assert_no_problems(self) -> None:
        """Nobody saw an error that the test did not expect."""
        found = [f"{person.name}: {text}" for person in self.everybody for text in person.unexpected()]
        assert not found, "\n".join(found)

    def _devices(self, devices: Devices, colour: str, tone: int) -> list[str]:
        if devices == "none":
            return []
        flags = [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={self._media / f'{colour}.mjpeg'}",
            f"--use-file-for-fake-audio-capture={self._media / f'{tone}.wav'}",
        ]
        if devices == "several":
            flags[:2] = ["--use-fake-device-for-media-stream=device-count=3"]
        return flags if devices == "denied" else [*flags, "--use-fake-ui-for-media-stream"]


@asynccontextmanager
async def crew(program: str, media: Path, folder: Path) -> AsyncIterator[Crew]:
    """People for one test; all browsers are closed afterwards. ``folder`` takes the screenshots."""
    async with async_playwright() as playwright:
        made = Crew(playwright, program, media, folder)
        try:
            yield made
        finally:
            await asyncio.gather(*(person.close() for person in made.everybody), return_exceptions=True)
