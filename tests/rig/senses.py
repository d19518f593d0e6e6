"""What a person sees and hears, measured in their page. ``selector`` names a <video> or <audio> element."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Error, Page

from tests.rig.browsers import COLOURS, Person, Rgb
from tests.rig.wait import until

T = TypeVar("T")
MEASURE = Path(__file__).with_name("measure.js").read_text().strip().rstrip(";")


async def average_pixel(page: Page, selector: str) -> Rgb | None:
    """Average colour of a video's present picture; None while there is none."""
    value = await _measure(page, "pixel", selector)
    return None if value is None else (value[0], value[1], value[2])


async def sees(page: Page, selector: str, colour: str, *, seconds: float = 15.0, tolerance: int = 40) -> None:
    """Wait until a video shows ``colour``, a name of COLOURS, every channel (0-255) within ``tolerance``."""
    wanted = COLOURS[colour]

    async def shows() -> bool:
        pixel = await _patient(average_pixel(page, selector))
        return pixel is not None and all(abs(a - b) <= tolerance for a, b in zip(pixel, wanted, strict=True))

    await until(shows, seconds=seconds, every=0.1, what=f"{colour} in {selector}")


async def audio_level(page: Page, selector: str) -> float:
    """Loudness of an element's stream, root mean square, 0 to 1 (0 without an audio track); takes 0.5 s."""
    value = await _measure(page, "sound", selector)
    return 0.0 if value is None else float(value["level"])


async def audio_frequency(page: Page, selector: str) -> float | None:
    """Strongest frequency in Hz (steps of 3 Hz); None when it is silent (level under 0.01)."""
    value = await _measure(page, "sound", selector)
    return None if value is None or value["level"] < 0.01 else float(value["frequency"])


async def hears(page: Page, selector: str, tone: int, *, seconds: float = 15.0) -> None:
    """Wait until an element's stream sounds at ``tone`` Hz (within 12 Hz)."""

    async def sounds() -> bool:
        frequency = await _patient(audio_frequency(page, selector))
        return frequency is not None and abs(frequency - tone) < 12

    await until(sounds, seconds=seconds, every=0.05, what=f"{tone} Hz in {selector}")


async def watch_frames(page: Page, selector: str) -> None:
    """Count this video's frames from now on; :func:`frames_watched` tells."""
    await _measure(page, "watch", selector)


async def frames_watched(page: Page, selector: str) -> tuple[int, float]:
    """(frames since :func:`watch_frames`, longest pause between two in ms, the present one included)."""
    value = await _measure(page, "watched", selector)
    assert value is not None, f"{selector} is another element than the one that was watched"
    return int(value["frames"]), float(value["gap"])


async def page_stalled(page: Page, selector: str) -> float:
    """Longest time in ms since :func:`watch_frames` for which the page itself did not run: the machine was busy."""
    value = await _measure(page, "watched", selector)
    assert value is not None, f"{selector} is another element than the one that was watched"
    return float(value["stall"])


async def watch_silence(page: Page, selector: str) -> None:
    """Listen from now on; :func:`silence_watched` tells."""
    await _measure(page, "hearken", selector)


async def silence_watched(page: Page, selector: str) -> float:
    """Longest silence in s (no sample above 0.01) since :func:`watch_silence`; what could not be heard counts as silence."""
    value = await _measure(page, "silence", selector)
    assert value is not None, f"{selector} is another element than the one that was listened to"
    return float(value["longest"] + value["unheard"])


async def frames_grow(page: Page, selector: str, *, frames: int = 5, seconds: float = 10.0) -> None:
    """Wait until a video has shown ``frames`` new frames."""
    await watch_frames(page, selector)

    async def grown() -> bool:
        return (await frames_watched(page, selector))[0] >= frames

    await until(grown, seconds=seconds, every=0.1, what=f"{frames} frames in {selector}")


async def axe(page: Page) -> list[str]:
    """What axe finds on the page, one line a violation: rule, impact, help, places."""
    # The rule for the size of targets (WCAG 2.2, 2.5.8) is off unless one asks.
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    results = await Axe().run(page, options=options)
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: "
        + "; ".join(" ".join(map(str, node["target"])) for node in found["nodes"])
        for found in results.response["violations"]
    ]


async def screenshot(person: Person, name: str, *, full: bool = True) -> Path:
    """A picture of the page in the folder SCREENSHOTS, or in the test's own."""
    # Playwright makes the folder.
    path = Path(os.environ.get("SCREENSHOTS") or person.folder) / f"{name}.png"
    await person.page.screenshot(path=path, full_page=full, animations="disabled")
    return path


async def _measure(page: Page, function: str, selector: str) -> Any:
    return await page.evaluate(f"selector => ({MEASURE}).{function}(selector)", selector)


async def _patient(measurement: Awaitable[T]) -> T | None:
    """None while the page is being loaded anew: the next try will tell."""
    try:
        return await measurement
    except Error as error:
        if "context was destroyed" in error.message or "navigat" in error.message:
            return None
        raise
