"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any


async def until(
    check: Callable[[], Any], *, seconds: float = 10.0, every: float = 0.03, what: str = ""
) -> Any:
    """Ask ``check`` (plain or async) until its answer is true, and return that.

    An OSError of ``check`` counts as "not yet". Raises AssertionError with ``what`` and the last answer after
    ``seconds``.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        with suppress(OSError):
            answer = check()
            value = await answer if isinstance(answer, Awaitable) else answer
            if value:
                return value
            last = value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or check}; last answer {last!r}")
        await asyncio.sleep(every)
